//! EYES AND HANDS: the closed list of kinds that an installation may hold, and how to reach them. No I/O.

use kube::api::{ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use kube::{Api, Client};

use crate::error::Error;

/// A kind of object that the operator manages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// API version.
    pub version: &'static str,
    /// Kind name.
    pub kind: &'static str,
    /// Plural name, as in URLs and RBAC rules.
    pub plural: &'static str,
    /// Whether objects live in a namespace.
    pub namespaced: bool,
    /// Whether the operator may list it in the installation's namespace. Secrets are read by fixed names only;
    /// cluster-scoped kinds by the names that carry the namespace.
    pub listed: bool,
}

const fn namespaced(
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
) -> Kind {
    Kind {
        group,
        version,
        kind,
        plural,
        namespaced: true,
        listed: true,
    }
}

/// Admission is a matter of the whole cluster.
const fn admission(kind: &'static str, plural: &'static str) -> Kind {
    Kind {
        group: "admissionregistration.k8s.io",
        version: "v1",
        kind,
        plural,
        namespaced: false,
        listed: false,
    }
}

/// Every kind, in the order in which a listing shows them.
pub const KINDS: [Kind; 14] = [
    namespaced("", "v1", "ServiceAccount", "serviceaccounts"),
    Kind {
        listed: false,
        ..namespaced("", "v1", "Secret", "secrets")
    },
    namespaced("", "v1", "ConfigMap", "configmaps"),
    namespaced("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
    namespaced("", "v1", "Service", "services"),
    namespaced("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings"),
    namespaced("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies"),
    namespaced("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    namespaced("apps", "v1", "Deployment", "deployments"),
    namespaced("apps", "v1", "StatefulSet", "statefulsets"),
    admission("MutatingWebhookConfiguration", "mutatingwebhookconfigurations"),
    admission(
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
    ),
    admission("ValidatingAdmissionPolicy", "validatingadmissionpolicies"),
    admission(
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings",
    ),
];

impl Kind {
    /// The kind of this name.
    pub fn named(kind: &str) -> Result<&'static Self, Error> {
        KINDS
            .iter()
            .find(|known| known.kind == kind)
            .ok_or_else(|| Error::UnknownKind { kind: kind.into() })
    }

    /// The description that the client needs.
    #[must_use]
    pub fn resource(&self) -> ApiResource {
        let gvk = GroupVersionKind::gvk(self.group, self.version, self.kind);
        ApiResource::from_gvk_with_plural(&gvk, self.plural)
    }

    /// `group/version`, or `v1` for the core group.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.into()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// Access to the objects of this kind in `namespace`, or in the cluster for cluster-scoped kinds.
    #[must_use]
    pub fn api(&self, client: &Client, namespace: &str) -> Api<DynamicObject> {
        if self.namespaced {
            Api::namespaced_with(client.clone(), namespace, &self.resource())
        } else {
            Api::all_with(client.clone(), &self.resource())
        }
    }
}
