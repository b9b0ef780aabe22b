//! SHAPES: RoleBindings of a namespace, and the ClusterRoles that they bind, which ship with the operator.
//!
//! The operator holds `bind` on exactly these ClusterRoles and none of the rights in them, so it can give its operands
//! what they need and nothing else.

use std::collections::BTreeMap;

use k8s_openapi::api::rbac::v1::{ClusterRole, RoleBinding, RoleRef, Subject};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kfp_releases::Catalog;
use kfp_releases::access::{self, Access};

use crate::context::Context;
use crate::labels::{self, Labels, Life, metadata};

const RBAC_GROUP: &str = "rbac.authorization.k8s.io";

/// A RoleBinding of `component`.
pub(crate) fn role_binding(context: &Context<'_>, component: &str, data: &Access) -> RoleBinding {
    RoleBinding {
        metadata: metadata(context, component, &data.binding, &Labels::new(), Life::Owned),
        role_ref: RoleRef {
            api_group: RBAC_GROUP.to_owned(),
            kind: "ClusterRole".to_owned(),
            name: data.cluster_role.clone(),
        },
        subjects: Some(data.subjects.iter().map(|who| subject(context, who)).collect()),
    }
}

fn subject(context: &Context<'_>, who: &access::Subject) -> Subject {
    match who {
        access::Subject::ServiceAccount(name) => Subject {
            api_group: None,
            kind: "ServiceAccount".to_owned(),
            name: name.clone(),
            namespace: Some(context.namespace().to_owned()),
        },
        access::Subject::ServiceAccounts => group(format!("system:serviceaccounts:{}", context.namespace())),
        access::Subject::Group(name) => group(name.clone()),
    }
}

fn group(name: String) -> Subject {
    Subject {
        api_group: Some(RBAC_GROUP.to_owned()),
        kind: "Group".to_owned(),
        name,
        namespace: None,
    }
}

/// Every ClusterRole that an installation of any release of the catalog binds, by name. They are installed with the
/// operator (`config/rbac/operands`), not for an installation.
///
/// Releases that name the same ClusterRole have the same rules; the catalog's own tests see to that.
#[must_use]
pub fn operand_cluster_roles(catalog: &Catalog) -> Vec<ClusterRole> {
    let mut roles = BTreeMap::new();
    for (_, install) in catalog.installs() {
        for access in install.access() {
            roles
                .entry(access.cluster_role.clone())
                .or_insert_with(|| cluster_role(access));
        }
    }
    roles.into_values().collect()
}

fn cluster_role(access: &Access) -> ClusterRole {
    let labels = [
        (labels::NAME_LABEL, labels::MANAGER),
        (labels::PART_OF_LABEL, labels::MANAGER),
        (kfp_api::names::COMPONENT_LABEL, "operand-rights"),
    ];
    ClusterRole {
        metadata: ObjectMeta {
            name: Some(access.cluster_role.clone()),
            labels: Some(
                labels
                    .map(|(key, value)| (key.to_owned(), value.to_owned()))
                    .into(),
            ),
            ..ObjectMeta::default()
        },
        rules: Some(access.rules.clone()),
        aggregation_rule: None,
    }
}
