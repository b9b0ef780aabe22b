//! HANDS: makes the KfpRestore that fills the empty databases of a new installation. It has no owner: what was restored once is
//! told by it for as long as somebody wants to know.

use kfp_api::KfpRestore;
use kfp_api::names::{BOOTSTRAP_LABEL, bootstrap_name};
use kfp_api::restore::RestoreSource;
use kfp_plan::ActionOutcome;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};

use super::Doing;
use crate::cluster::{Cluster, limited};
use crate::error::Error;

/// Makes it. A name that an earlier installation of the same name used is told apart by this one's uid.
pub async fn act(
    cluster: &Cluster,
    doing: Doing<'_>,
    source: &RestoreSource,
) -> Result<ActionOutcome, Error> {
    let plain = bootstrap_name(doing.name());
    match make(cluster, doing, &plain, source).await? {
        Made::Now => return Ok(ActionOutcome::Done),
        Made::Before => return Ok(ActionOutcome::AlreadyDone),
        Made::ForAnother => {}
    }
    let uid: String = uid(doing)
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(6)
        .collect();
    let named = format!("{plain}-{uid}");
    match make(cluster, doing, &named, source).await? {
        Made::Now => Ok(ActionOutcome::Done),
        Made::Before => Ok(ActionOutcome::AlreadyDone),
        Made::ForAnother => Err(Error::Occupied {
            what: format!("KfpRestore {named} in namespace {}", doing.namespace()),
        }),
    }
}

enum Made {
    Now,
    Before,
    ForAnother,
}

fn uid(doing: Doing<'_>) -> &str {
    doing.resource.uid.as_deref().unwrap_or_default()
}

async fn make(
    cluster: &Cluster,
    doing: Doing<'_>,
    name: &str,
    source: &RestoreSource,
) -> Result<Made, Error> {
    let namespace = doing.namespace();
    let api: Api<KfpRestore> = Api::namespaced(cluster.client().clone(), namespace);
    let what = format!("make KfpRestore {name} in namespace {namespace}");
    let wanted: KfpRestore = serde_json::from_value(restore(doing, name, source))
        .map_err(|error| Error::kube(what.clone(), kube::Error::SerdeError(error)))?;
    match limited(what, api.create(&PostParams::default(), &wanted)).await {
        Ok(_) => Ok(Made::Now),
        Err(error) if error.status() == Some(409) => {
            let what = format!("read KfpRestore {name} in namespace {namespace}");
            let there = limited(what, api.get(name)).await?;
            let labels = there.metadata.labels.unwrap_or_default();
            let own = labels.get(BOOTSTRAP_LABEL).map(String::as_str) == Some(uid(doing));
            Ok(if own { Made::Before } else { Made::ForAnother })
        }
        Err(error) => Err(error),
    }
}

/// Nothing that is there is ever replaced: the databases are empty, or the restore is refused.
fn restore(doing: Doing<'_>, name: &str, source: &RestoreSource) -> Value {
    json!({
        "apiVersion": "kfpops.dev/v1alpha1",
        "kind": "KfpRestore",
        "metadata": {
            "name": name,
            "namespace": doing.namespace(),
            "labels": {
                "app.kubernetes.io/managed-by": "kfp-operator",
                BOOTSTRAP_LABEL: uid(doing),
            },
        },
        "spec": {
            "installation": doing.name(),
            "source": source,
            "parts": "All",
            "overwrite": false,
            "safetyBackup": "Skip",
        },
    })
}
