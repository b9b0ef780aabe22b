//! WORDS: the spec of a KfpInstallation. No I/O, no decisions.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Affinity, EnvVar, LocalObjectReference, ResourceRequirements, Toleration};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::status::KfpInstallationStatus;

/// One Kubeflow Pipelines deployment, in the namespace of this resource.
#[derive(CustomResource, Clone, Debug, Deserialize, Serialize, PartialEq, JsonSchema)]
#[kube(
    group = "kfpops.dev",
    version = "v1alpha1",
    kind = "KfpInstallation",
    plural = "kfpinstallations",
    singular = "kfpinstallation",
    shortname = "kfpi",
    category = "kfp",
    namespaced,
    status = "KfpInstallationStatus"
)]
#[serde(rename_all = "camelCase")]
pub struct KfpInstallationSpec {
    /// KFP release to run, as named in the release catalog, for example `2.16.1`.
    pub version: String,
    /// Preset of replicas, resources, client rates and database limits.
    #[serde(default)]
    pub size: Size,
    /// The database of pipelines, runs and metadata.
    #[serde(default)]
    pub database: Database,
    /// The store of pipeline specs, artifacts and logs.
    #[serde(default)]
    pub object_store: ObjectStore,
    /// The controller that runs workflows (Argo Workflows).
    #[serde(default)]
    pub execution_controller: ExecutionController,
    /// Changes to single components; names are those of the release catalog.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<ComponentOverride>,
    /// Registry host and optional path that replace the registry of every image, for example `registry.example.com/mirror`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_registry: Option<String>,
    /// Secrets of type `kubernetes.io/dockerconfigjson` in this namespace, given to every pod of the installation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub image_pull_secrets: Vec<LocalObjectReference>,
    /// NetworkPolicies of the installation's own pods.
    #[serde(default)]
    pub network_policy: NetworkPolicySpec,
    /// While true, nothing of this installation is changed; status is still reported.
    #[serde(default)]
    pub paused: bool,
    /// What happens to data (volumes, generated credentials) when this resource is deleted.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

/// Preset of replicas, resources, client rates and database limits.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
pub enum Size {
    /// A team or a trial: one replica of each component, upstream's requests.
    #[default]
    Small,
    /// A department: replicated stateless components, higher client rates.
    Medium,
    /// A company: more replicas, larger requests and database limits.
    Large,
}

/// Where KFP's databases live. Exactly the member named by `type` is set.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Database {
    /// Kind of database; fixed for the life of the installation.
    #[serde(default)]
    pub r#type: DatabaseType,
    /// A single database server run by the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedded: Option<EmbeddedDatabase>,
}

/// Kind of database. Values may be added.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
pub enum DatabaseType {
    /// A server run by the operator in the installation's namespace.
    #[default]
    Embedded,
}

/// A single database server run by the operator.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmbeddedDatabase {
    /// Database engine. Unset means the release catalog's choice, fixed from the first start on and shown in status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<DatabaseEngine>,
    /// Volume of the server; size only grows.
    #[serde(default)]
    pub storage: Storage,
}

/// Database engine of an embedded database. Values may be added.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
pub enum DatabaseEngine {
    /// Oracle MySQL.
    MySQL,
    /// MariaDB.
    MariaDB,
}

/// A persistent volume claim's size and class.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// Requested capacity; only grows. Unset means the size preset's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Quantity>,
    /// StorageClass; unset means the cluster's default class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_name: Option<String>,
}

/// Where artifacts live. Exactly the member named by `type` is set.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectStore {
    /// Kind of object store; fixed for the life of the installation.
    #[serde(default)]
    pub r#type: ObjectStoreType,
    /// A single S3-compatible server run by the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedded: Option<EmbeddedObjectStore>,
}

/// Kind of object store. Values may be added.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
pub enum ObjectStoreType {
    /// A server run by the operator (MinIO or SeaweedFS, as the release ships it).
    #[default]
    Embedded,
}

/// A single S3-compatible server run by the operator.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmbeddedObjectStore {
    /// Volume of the server; size only grows.
    #[serde(default)]
    pub storage: Storage,
}

/// Who runs workflows. Exactly the member named by `type` is set.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionController {
    /// Kind of execution controller; fixed for the life of the installation.
    #[serde(default)]
    pub r#type: ExecutionControllerType,
    /// An Argo Workflows controller run by the operator for this namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed: Option<ManagedExecutionController>,
}

/// Kind of execution controller. Values may be added.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
pub enum ExecutionControllerType {
    /// A controller run by the operator, watching this namespace only.
    #[default]
    Managed,
}

/// An Argo Workflows controller run by the operator for this namespace.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedExecutionController {
    /// Workflows that may run at the same time in this namespace. Unset means the size preset's limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<i32>,
    /// Seconds after which a finished Workflow object is deleted. Unset means the release's own value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<i32>,
}

/// Changes to one component of the release.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComponentOverride {
    /// Component name in the release catalog, for example `ml-pipeline-ui`.
    pub name: String,
    /// Whether the component runs. Unset means the catalog's default; required components cannot be switched off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Replicas; only components that the catalog calls replicable take more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Requests and limits of the main container; replaces the preset's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
    /// Node labels that the pods require, added to the component's own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints that the pods tolerate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,
    /// Affinity of the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Affinity>,
    /// PriorityClass of the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority_class_name: Option<String>,
    /// Environment added to the main container; names that the release itself sets are refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra_env: Vec<EnvVar>,
    /// Labels added to the pods; the component's own are refused.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pod_labels: BTreeMap<String, String>,
    /// Annotations added to the pods.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pod_annotations: BTreeMap<String, String>,
    /// Image of the main container in place of the catalog's; never rewritten by `imageRegistry`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

/// NetworkPolicies of the installation's own pods.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkPolicySpec {
    /// Whether policies are generated.
    #[serde(default)]
    pub mode: NetworkPolicyMode,
    /// What the installation's pods may connect to.
    #[serde(default)]
    pub egress: EgressMode,
}

/// Whether NetworkPolicies are generated. Values may be added.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
pub enum NetworkPolicyMode {
    /// One policy a component, selecting its pods by label.
    #[default]
    Generated,
    /// No policies.
    Disabled,
}

/// What the installation's own pods may connect to. Values may be added.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
pub enum EgressMode {
    /// Anything.
    #[default]
    Unrestricted,
    /// DNS, the Kubernetes API server and the components each one needs.
    Restricted,
}

/// What happens to data when the resource is deleted. Values may be added.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
pub enum DeletionPolicy {
    /// Volumes and generated credentials stay; an installation of the same name takes them up again.
    #[default]
    Retain,
    /// Volumes and generated credentials are removed.
    Delete,
}
