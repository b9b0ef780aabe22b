//! EYES: objects that carry our label and are in no rendering. Changes nothing.

use std::collections::BTreeSet;

use kfp_api::names::INSTALLATION_LABEL;
use kfp_plan::{ObjectRef, Seen};
use kfp_releases::{Catalog, Insert};

use crate::cluster::Cluster;
use crate::error::Error;
use crate::kinds::KINDS;
use crate::live::{Live, deleting, label};

/// Objects of this installation that the rendering does not have. Data (claims, Secrets) is never among them: it goes
/// only by an explicit policy.
pub async fn look(
    cluster: &Cluster,
    catalog: &Catalog,
    namespace: &str,
    name: &str,
    wanted: &BTreeSet<ObjectRef>,
    live: &Live,
) -> Seen<Vec<ObjectRef>> {
    let listed: Vec<&str> = KINDS
        .iter()
        .filter(|kind| kind.listed)
        .map(|kind| kind.kind)
        .collect();
    if let Some((reason, why)) = live.unlisted(&listed) {
        return Seen::Unknown { reason, why };
    }
    let mut orphans: Vec<ObjectRef> = live
        .all()
        .filter(|(object, found)| {
            !wanted.contains(*object)
                && !matches!(object.kind.as_str(), "PersistentVolumeClaim" | "Secret")
                && label(found, INSTALLATION_LABEL) == Some(name)
                && !deleting(found)
        })
        .map(|(object, _)| object.clone())
        .collect();
    match cluster_scoped(cluster, catalog, namespace, name, wanted).await {
        Ok(more) => orphans.extend(more),
        Err(error) => return crate::cluster::unknown(&error),
    }
    Seen::Known(orphans)
}

/// Webhook configurations of components that are switched off. They cannot be listed, but their names carry the
/// namespace, so each is asked for.
pub async fn cluster_scoped(
    cluster: &Cluster,
    catalog: &Catalog,
    namespace: &str,
    name: &str,
    wanted: &BTreeSet<ObjectRef>,
) -> Result<Vec<ObjectRef>, Error> {
    let mut orphans = Vec::new();
    for object in webhook_configurations(catalog, namespace).difference(wanted) {
        match cluster.get(object, namespace).await {
            Ok(Some(found)) if label(&found, INSTALLATION_LABEL) == Some(name) && !deleting(&found) => {
                orphans.push(object.clone());
            }
            Ok(_) => {}
            // Without the right to read it, the operator cannot have made it.
            Err(error) if error.status() == Some(403) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(orphans)
}

/// The webhook configurations that any release of the catalog could have in this namespace.
fn webhook_configurations(catalog: &Catalog, namespace: &str) -> BTreeSet<ObjectRef> {
    let components = catalog.installable().flat_map(|(_, install)| &install.components);
    let fill = |insert: &Insert| match insert {
        Insert::Namespace => Ok(namespace.to_owned()),
        _ => Err(()),
    };
    components
        .filter_map(|component| component.webhook.as_ref()?.configuration.resolve(fill).ok())
        .map(|name| ObjectRef {
            kind: "MutatingWebhookConfiguration".into(),
            name,
        })
        .collect()
}
