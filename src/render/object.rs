//! SHAPES: one rendered Kubernetes object of a closed set of kinds. No I/O, no decisions about what is rendered.

use k8s_openapi::Metadata;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
    ValidatingWebhookConfiguration,
};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{
    ConfigMap, PersistentVolumeClaim, PodTemplateSpec, Secret, Service, ServiceAccount,
};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{ClusterRole, RoleBinding};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use serde_json::Value;

macro_rules! objects {
    ($($(#[$doc:meta])* $kind:ident: $plural:literal, $namespaced:literal;)*) => {
        /// A typed Kubernetes object. The set of kinds is closed: the operator's own rights are written from it.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Object {
            $($(#[$doc])* $kind(Box<$kind>),)*
        }

        impl Object {
            /// Kind, for example `Deployment`.
            #[must_use]
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$kind(_) => stringify!($kind),)* }
            }

            /// Group and version as written in a manifest, for example `apps/v1` or `v1`.
            #[must_use]
            pub fn api_version(&self) -> &'static str {
                match self { $(Self::$kind(_) => <$kind as k8s_openapi::Resource>::API_VERSION,)* }
            }

            /// Plural resource name in the API's paths, for example `networkpolicies`.
            #[must_use]
            pub fn plural(&self) -> &'static str {
                match self { $(Self::$kind(_) => $plural,)* }
            }

            /// Whether the kind lives in a namespace.
            #[must_use]
            pub fn namespaced(&self) -> bool {
                match self { $(Self::$kind(_) => $namespaced,)* }
            }

            /// Object metadata.
            #[must_use]
            pub fn metadata(&self) -> &ObjectMeta {
                match self { $(Self::$kind(object) => object.metadata(),)* }
            }

            /// Object metadata, to be changed in place.
            pub fn metadata_mut(&mut self) -> &mut ObjectMeta {
                match self { $(Self::$kind(object) => object.metadata_mut(),)* }
            }

            /// The object as the API server would be given it, `apiVersion` and `kind` included.
            #[must_use]
            pub fn to_json(&self) -> Value {
                match self { $(Self::$kind(object) => json(object.as_ref()),)* }
            }
        }

        $(impl From<$kind> for Object {
            fn from(object: $kind) -> Self {
                Self::$kind(Box::new(object))
            }
        })*
    };
}

objects! {
    /// Cluster-scoped role of operands; ships with the operator and is never applied for an installation.
    ClusterRole: "clusterroles", false;
    /// Configuration that components read.
    ConfigMap: "configmaps", true;
    /// Stateless workload, or one with a claim and `Recreate`.
    Deployment: "deployments", true;
    /// Admission webhook that changes objects; its `caBundle` is filled when it is applied.
    MutatingWebhookConfiguration: "mutatingwebhookconfigurations", false;
    /// What may connect to a component's pods, and what they may connect to.
    NetworkPolicy: "networkpolicies", true;
    /// Data. Never owned by the installation's resource.
    PersistentVolumeClaim: "persistentvolumeclaims", true;
    /// How many pods of a replicated component may be evicted at once.
    PodDisruptionBudget: "poddisruptionbudgets", true;
    /// A component's rights in the namespace.
    RoleBinding: "rolebindings", true;
    /// Keys without values; see [`crate::GeneratedSecret`].
    Secret: "secrets", true;
    /// Stable name and ports of a component.
    Service: "services", true;
    /// Identity of a component's pods.
    ServiceAccount: "serviceaccounts", true;
    /// Workload with one volume a replica.
    StatefulSet: "statefulsets", true;
    /// What the API server itself asks of an object that is written.
    ValidatingAdmissionPolicy: "validatingadmissionpolicies", false;
    /// What becomes of an object that a policy does not like.
    ValidatingAdmissionPolicyBinding: "validatingadmissionpolicybindings", false;
    /// Admission webhook that judges; its `caBundle` is filled when it is applied.
    ValidatingWebhookConfiguration: "validatingwebhookconfigurations", false;
}

impl Object {
    /// Object name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.metadata().name.as_deref().unwrap_or_default()
    }

    /// Pod template of a workload, nothing for other kinds.
    #[must_use]
    pub fn pod_template(&self) -> Option<&PodTemplateSpec> {
        match self {
            Self::Deployment(object) => object.spec.as_ref().map(|spec| &spec.template),
            Self::StatefulSet(object) => object.spec.as_ref().map(|spec| &spec.template),
            _ => None,
        }
    }
}

/// Typed Kubernetes objects always serialize: their maps have string keys and they hold no non-finite floats. The empty
/// value stands where that would not be so, and the API server refuses it.
fn json<T: Serialize>(object: &T) -> Value {
    serde_json::to_value(object).unwrap_or_default()
}
