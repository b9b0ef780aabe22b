//! EYES: the operator's own pod: its image, its pull secrets and where it may run are those of its Jobs. Changes nothing.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{LocalObjectReference, Pod, Toleration};
use kfp_api::conditions::Reason;
use kube::Api;

use super::Refusal;
use crate::cluster::{Cluster, limited};

/// Name of the operator's container in its own pod (config/manager).
const CONTAINER: &str = "kfp-operator";

/// Where the operator runs, as its environment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whereabouts {
    /// Its namespace.
    pub namespace: String,
    /// Name of its pod; none where it runs outside a cluster.
    pub pod: Option<String>,
    /// Image of Jobs in place of its own.
    pub image: Option<String>,
}

/// What Jobs have from the operator's own pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Own {
    /// Namespace of the operator.
    pub namespace: String,
    /// Image.
    pub image: String,
    /// Secrets to pull it with.
    pub pull_secrets: Vec<LocalObjectReference>,
    /// Node labels that pods require.
    pub node_selector: BTreeMap<String, String>,
    /// Taints that pods tolerate.
    pub tolerations: Vec<Toleration>,
}

/// Reads the operator's own pod.
pub async fn look(cluster: &Cluster, whereabouts: &Whereabouts) -> Result<Own, Refusal> {
    let namespace = &whereabouts.namespace;
    let pod = match &whereabouts.pod {
        Some(name) => {
            let api: Api<Pod> = Api::namespaced(cluster.client().clone(), namespace);
            let what = format!("read the operator's own Pod {name} in namespace {namespace}");
            limited(what, api.get_opt(name)).await?
        }
        None => None,
    };
    let spec = pod.and_then(|pod| pod.spec).unwrap_or_default();
    let found = spec
        .containers
        .iter()
        .find(|container| container.name == CONTAINER)
        .and_then(|container| container.image.clone());
    let image = whereabouts.image.clone().or(found).ok_or_else(|| {
        Refusal::new(
            Reason::ApplyFailed,
            format!(
                "The image of Jobs is not known: there is no Pod {} with a container {CONTAINER} in namespace {namespace}. Run the \
                 operator in a pod with POD_NAME and POD_NAMESPACE, or set JOB_IMAGE.",
                whereabouts.pod.as_deref().unwrap_or("(POD_NAME is not set)")
            ),
        )
    })?;
    Ok(Own {
        namespace: namespace.clone(),
        image,
        pull_secrets: spec.image_pull_secrets.unwrap_or_default(),
        node_selector: spec.node_selector.unwrap_or_default(),
        // Those that Kubernetes itself adds are added to the Job's pods too.
        tolerations: spec
            .tolerations
            .unwrap_or_default()
            .into_iter()
            .filter(|toleration| {
                let key = toleration.key.as_deref().unwrap_or_default();
                !key.starts_with("node.kubernetes.io/")
            })
            .collect(),
    })
}
