//! EYES: the KfpRestores of a namespace. Reads; changes nothing.

use kfp_api::KfpRestore;
use kfp_plan::{BootstrapSeen, RestoreSeen, Seen, restores};
use kube::Api;
use kube::api::{ListParams, ObjectMeta};

use crate::cluster::{Cluster, limited, unknown};
use crate::error::Error;

/// The KfpRestores of a namespace; none where the cluster does not know the kind.
pub async fn list(cluster: &Cluster, namespace: &str) -> Result<Vec<KfpRestore>, Error> {
    let api: Api<KfpRestore> = Api::namespaced(cluster.client().clone(), namespace);
    let what = format!("list KfpRestores in namespace {namespace}");
    match limited(what, api.list(&ListParams::default())).await {
        Ok(list) => Ok(list.items),
        Err(error) if error.status() == Some(404) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The restore that holds this installation, and the one that it began with.
pub async fn look(
    cluster: &Cluster,
    namespace: &str,
    resource: &ObjectMeta,
) -> (Seen<RestoreSeen>, Seen<BootstrapSeen>) {
    let found = match list(cluster, namespace).await {
        Ok(found) => found,
        Err(error) => return (unknown(&error), unknown(&error)),
    };
    let name = resource.name.as_deref().unwrap_or_default();
    let uid = resource.uid.as_deref().unwrap_or_default();
    (
        restores::holding(&found, name).map_or(Seen::Absent, Seen::Known),
        restores::bootstrap(&found, uid).map_or(Seen::Absent, Seen::Known),
    )
}
