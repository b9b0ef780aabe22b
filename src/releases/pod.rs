//! FACTS: pods and containers of a release, in Kubernetes' own words where it has them. No I/O.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    ContainerPort, Lifecycle, Probe, ResourceRequirements, Volume, VolumeMount,
};
use serde::{Deserialize, Serialize};

use crate::source::{Text, Value};
use crate::strict::{strict, strict_option};

/// A pod template. What is not said here is the same for every pod: no service links, no privileges, the restricted
/// Pod Security level (no privilege escalation, all capabilities dropped, `RuntimeDefault` seccomp, not root).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pod {
    /// ServiceAccount in the same namespace; unset means `default`, whose token is not mounted then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// User and group of every container that names none itself; unset means the image's own user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_as: Option<RunAs>,
    /// Group that owns the pod's volumes (`fsGroup`, changed on root mismatch only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fs_group: Option<i64>,
    /// Labels beyond the component's selector.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations of the pod.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Seconds between SIGTERM and SIGKILL.
    pub grace_period_seconds: i64,
    /// Node labels that the pod requires.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// PriorityClass that the pod asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority_class: Option<String>,
    /// Volumes.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "strict")]
    pub volumes: Vec<Volume>,
    /// Containers that run to completion first, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub init_containers: Vec<Container>,
    /// Containers; the first is the main one, which overrides of an installation are applied to.
    pub containers: Vec<Container>,
}

/// Numeric user and group of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunAs {
    /// User id; never 0.
    pub user: i64,
    /// Group id. KFP's images own their files by group 0, as upstream sets it.
    pub group: i64,
}

/// A container.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Container {
    /// Container name, upstream's.
    pub name: String,
    /// Name of an entry of the release's `images`.
    pub image: String,
    /// Entry point; unset means the image's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<Text>,
    /// Arguments; `$(NAME)` is an environment variable that Kubernetes fills in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<Text>,
    /// Environment by name; rendered in the order of names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, Value>,
    /// Environment added only if an installation gives the container `HTTP_PROXY` or `HTTPS_PROXY`, and not this name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env_when_proxied: BTreeMap<String, Text>,
    /// Secrets whose every key becomes an environment variable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env_from_secrets: Vec<String>,
    /// Ports that it listens on.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "strict")]
    pub ports: Vec<ContainerPort>,
    /// When it has started; liveness waits for it.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "strict_option"
    )]
    pub startup_probe: Option<Probe>,
    /// When it takes traffic.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "strict_option"
    )]
    pub readiness_probe: Option<Probe>,
    /// When it is restarted.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "strict_option"
    )]
    pub liveness_probe: Option<Probe>,
    /// Requests and limits of the `Small` preset; upstream's where it has any.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "strict_option"
    )]
    pub resources: Option<ResourceRequirements>,
    /// Mounts of the pod's volumes.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "strict")]
    pub volume_mounts: Vec<VolumeMount>,
    /// Hooks.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "strict_option"
    )]
    pub lifecycle: Option<Lifecycle>,
    /// User and group in place of the pod's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_as: Option<RunAs>,
    /// The root file system is read-only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only_root_filesystem: bool,
}

impl Pod {
    /// Every container, the ones that run first included.
    pub fn all_containers(&self) -> impl Iterator<Item = &Container> {
        self.init_containers.iter().chain(&self.containers)
    }

    /// The main container; the catalog refuses a pod without containers.
    #[must_use]
    pub fn main(&self) -> Option<&Container> {
        self.containers.first()
    }
}
