//! HANDS: gives the operator its namespaced rights in an installation's namespace, by one RoleBinding to one fixed
//! ClusterRole. The binding goes with the resource that it was made for.

use std::time::Duration;

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kfp_api::names::{GROUP, VERSION};
use kfp_plan::{ActionOutcome, ObjectRef};
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};

use super::Doing;
use crate::cluster::{Cluster, limited};
use crate::error::Error;
use crate::observe::rights::{BINDING, ROLE, find};

/// The API server takes up a new binding within milliseconds; this many looks, this far apart, are allowed for it.
const LOOKS: u32 = 10;
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// Makes the binding and waits until it counts.
pub async fn act(cluster: &Cluster, doing: Doing<'_>) -> Result<ActionOutcome, Error> {
    let namespace = doing.namespace();
    if find(cluster, namespace, doing.resource).await?.is_some() {
        return Ok(ActionOutcome::AlreadyDone);
    }
    let object = ObjectRef {
        kind: "RoleBinding".into(),
        name: BINDING.into(),
    };
    cluster
        .apply(&object, namespace, &binding(cluster, doing).await?)
        .await?;
    for _ in 0..LOOKS {
        if holds(cluster, namespace).await? {
            return Ok(ActionOutcome::Done);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(ActionOutcome::NotYet {
        why: format!(
            "RoleBinding {BINDING} in namespace {namespace} does not count yet; ClusterRole {ROLE} must be installed"
        ),
    })
}

async fn binding(cluster: &Cluster, doing: Doing<'_>) -> Result<Value, Error> {
    let owner = json!({
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "kind": "KfpInstallation",
        "name": doing.name(),
        "uid": doing.resource.uid,
    });
    Ok(json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        // No installation label: the binding is in no rendering and must not be taken for an orphan.
        "metadata": {
            "name": BINDING,
            "namespace": doing.namespace(),
            "labels": {
                "app.kubernetes.io/name": "kfp-operator",
                "app.kubernetes.io/managed-by": "kfp-operator",
            },
            "ownerReferences": [owner],
        },
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": ROLE},
        "subjects": [cluster.subject().await?],
    }))
}

/// One right that only the namespaced role gives.
async fn holds(cluster: &Cluster, namespace: &str) -> Result<bool, Error> {
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                group: Some("apps".into()),
                resource: Some("deployments".into()),
                verb: Some("list".into()),
                namespace: Some(namespace.into()),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let api: Api<SelfSubjectAccessReview> = Api::all(cluster.client().clone());
    let what = format!("ask for the operator's own rights in namespace {namespace}");
    let answer = limited(what, api.create(&PostParams::default(), &review)).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}
