//! EYES: objects that carry our label and are in no rendering. Changes nothing.

use std::collections::BTreeSet;

use kfp_api::installation::PipelineStoreType;
use kfp_api::names::INSTALLATION_LABEL;
use kfp_plan::{ObjectRef, Seen};
use kfp_releases::component::WebhookKind;
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

/// Webhook configurations of components that are switched off, and admission policies that are wanted no more. They cannot
/// be listed, but their names carry the namespace, so each is asked for.
pub async fn cluster_scoped(
    cluster: &Cluster,
    catalog: &Catalog,
    namespace: &str,
    name: &str,
    wanted: &BTreeSet<ObjectRef>,
) -> Result<Vec<ObjectRef>, Error> {
    let mut orphans = Vec::new();
    for object in nameable(catalog, namespace, wanted).difference(wanted) {
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

/// The cluster-scoped objects that an installation could have in this namespace. Where it is known what one wants, it wants
/// the validating webhook of KFP's store of pipelines or has never had it, nor what goes with it: that store is fixed.
fn nameable(catalog: &Catalog, namespace: &str, wanted: &BTreeSet<ObjectRef>) -> BTreeSet<ObjectRef> {
    let judging = WebhookKind::Validating.configuration();
    let all = wanted.is_empty() || wanted.iter().any(|object| object.kind == judging);
    let fill = |insert: &Insert| match insert {
        Insert::Namespace => Ok(namespace.to_owned()),
        _ => Err(()),
    };
    let mut names: BTreeSet<ObjectRef> = catalog
        .installs()
        .filter(|(_, install)| all || install.pipeline_store == PipelineStoreType::Database)
        .flat_map(|(_, install)| &install.components)
        .flat_map(|component| &component.webhooks)
        .filter_map(|webhook| {
            let name = webhook.configuration.resolve(fill).ok()?;
            Some(ObjectRef {
                kind: webhook.kind.configuration().into(),
                name,
            })
        })
        .collect();
    if all {
        names.extend(kfp_render::admission(namespace).map(|(kind, name)| ObjectRef {
            kind: kind.into(),
            name,
        }));
    }
    names
}
