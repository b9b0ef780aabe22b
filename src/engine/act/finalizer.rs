//! HANDS: puts our finalizer on the resource or takes it off. Writes `metadata.finalizers` and nothing else.

use kfp_api::KfpInstallation;
use kfp_api::names::{FINALIZER, RESOURCES_MANAGER};
use kfp_plan::ActionOutcome;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use serde_json::json;

use super::Doing;
use crate::cluster::{Cluster, limited};
use crate::error::Error;

/// Makes the finalizer be there, or not.
pub async fn act(cluster: &Cluster, doing: Doing<'_>, held: bool) -> Result<ActionOutcome, Error> {
    let (namespace, name) = (doing.namespace(), doing.name());
    // The spec may not parse, and must not matter here.
    let resource = ApiResource::erase::<KfpInstallation>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(cluster.client().clone(), namespace, &resource);
    let what = format!("read KfpInstallation {name} in namespace {namespace}");
    let Some(found) = limited(what, api.get_metadata_opt(name)).await? else {
        return Ok(ActionOutcome::AlreadyDone);
    };
    let mut finalizers = found.metadata.finalizers.unwrap_or_default();
    if finalizers.iter().any(|finalizer| finalizer == FINALIZER) == held
        || found.metadata.uid != doing.resource.uid
    {
        return Ok(ActionOutcome::AlreadyDone);
    }
    if held {
        finalizers.push(FINALIZER.into());
    } else {
        finalizers.retain(|finalizer| finalizer != FINALIZER);
    }
    // The list is replaced whole, so the version that it was read from must still be the newest.
    let patch =
        json!({"metadata": {"resourceVersion": found.metadata.resource_version, "finalizers": finalizers}});
    let params = PatchParams {
        field_manager: Some(RESOURCES_MANAGER.into()),
        ..PatchParams::default()
    };
    let what = format!("set the finalizers of KfpInstallation {name} in namespace {namespace}");
    limited(what, api.patch_metadata(name, &params, &Patch::Merge(&patch))).await?;
    Ok(ActionOutcome::Done)
}
