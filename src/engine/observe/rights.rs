//! EYES: does the operator hold its namespaced rights here? Looks at one RoleBinding; changes nothing.

use k8s_openapi::api::rbac::v1::{RoleBinding, Subject};
use kfp_plan::Seen;
use kube::Api;

use crate::cluster::{Cluster, limited, seen};
use crate::error::Error;

/// The RoleBinding that gives the operator its rights in an installation's namespace.
pub const BINDING: &str = "kfp-operator";
/// The ClusterRole (or, in namespaced mode, the Role) that it binds.
pub const ROLE: &str = "kfp-operator:namespace";

/// `Known` when the binding is there, binds the right role and names this operator.
pub async fn look(cluster: &Cluster, namespace: &str) -> Seen<()> {
    seen(find(cluster, namespace).await)
}

/// As [`look`], with the error itself.
pub async fn find(cluster: &Cluster, namespace: &str) -> Result<Option<()>, Error> {
    let api: Api<RoleBinding> = Api::namespaced(cluster.client().clone(), namespace);
    let what = format!("read RoleBinding {BINDING} in namespace {namespace}");
    let Some(binding) = limited(what, api.get_opt(BINDING)).await? else {
        return Ok(None);
    };
    let subject = cluster.subject().await?;
    Ok(binds(&binding, subject).then_some(()))
}

fn binds(binding: &RoleBinding, subject: &Subject) -> bool {
    let role = &binding.role_ref;
    let named = |found: &Subject| {
        found.kind == subject.kind && found.name == subject.name && found.namespace == subject.namespace
    };
    role.name == ROLE
        && matches!(role.kind.as_str(), "ClusterRole" | "Role")
        && binding.subjects.iter().flatten().any(named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::ours("kfp-operator:namespace", "kfp-operator", true)]
    #[case::another_role("admin", "kfp-operator", false)]
    #[case::another_account("kfp-operator:namespace", "somebody", false)]
    fn rights_are_there_when_the_binding_names_role_and_operator(
        #[case] role: &str,
        #[case] account: &str,
        #[case] held: bool,
    ) {
        let subject: Subject = serde_json::from_value(
            json!({"kind": "ServiceAccount", "name": "kfp-operator", "namespace": "kfp-operator-system"}),
        )
        .unwrap();
        let binding: RoleBinding = serde_json::from_value(json!({
            "metadata": {"name": BINDING},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": "kfp-operator-system"}],
        }))
        .unwrap();
        assert_eq!(binds(&binding, &subject), held);
    }
}
