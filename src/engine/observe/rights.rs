//! EYES: does the operator hold its namespaced rights here? Looks at one RoleBinding; changes nothing.

use k8s_openapi::api::rbac::v1::{RoleBinding, Subject};
use kfp_plan::Seen;
use kube::Api;
use kube::api::ObjectMeta;

use crate::cluster::{Cluster, limited, seen};
use crate::error::Error;

/// The RoleBinding that gives the operator its rights in an installation's namespace.
pub const BINDING: &str = "kfp-operator";
/// The ClusterRole (or, in namespaced mode, the Role) that it binds.
pub const ROLE: &str = "kfp-operator:namespace";

/// `Known` when the binding is there, binds the right role, names this operator, and goes with no other resource than this.
pub async fn look(cluster: &Cluster, namespace: &str, resource: &ObjectMeta) -> Seen<()> {
    seen(find(cluster, namespace, resource).await)
}

/// As [`look`], with the error itself.
pub async fn find(cluster: &Cluster, namespace: &str, resource: &ObjectMeta) -> Result<Option<()>, Error> {
    let api: Api<RoleBinding> = Api::namespaced(cluster.client().clone(), namespace);
    let what = format!("read RoleBinding {BINDING} in namespace {namespace}");
    let Some(binding) = limited(what, api.get_opt(BINDING)).await? else {
        return Ok(None);
    };
    let subject = cluster.subject().await?;
    Ok((binds(&binding, subject) && stays(&binding, resource)).then_some(()))
}

/// False for a binding that was made for another resource: it is deleted with that one, in the middle of this one's work.
fn stays(binding: &RoleBinding, resource: &ObjectMeta) -> bool {
    let mut owners = binding.metadata.owner_references.iter().flatten().peekable();
    owners.peek().is_none() || owners.any(|owner| resource.uid.as_ref() == Some(&owner.uid))
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

    #[rstest]
    #[case::made_by_an_administrator(json!([]), true)]
    #[case::made_for_this_resource(json!(["this"]), true)]
    #[case::made_for_one_that_is_gone(json!(["another"]), false)]
    #[case::taken_over(json!(["another", "this"]), true)]
    fn a_binding_counts_while_it_stays_with_its_resource(
        #[case] owners: serde_json::Value,
        #[case] counts: bool,
    ) {
        let owners: Vec<_> = owners
            .as_array()
            .unwrap()
            .iter()
            .map(|uid| json!({"apiVersion": "kfpops.dev/v1alpha1", "kind": "KfpInstallation", "name": "x", "uid": uid}))
            .collect();
        let binding: RoleBinding = serde_json::from_value(json!({
            "metadata": {"name": BINDING, "ownerReferences": owners},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": ROLE},
        }))
        .unwrap();
        let resource = ObjectMeta {
            uid: Some("this".into()),
            ..ObjectMeta::default()
        };
        assert_eq!(stays(&binding, &resource), counts);
    }
}
