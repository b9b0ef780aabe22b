//! WORDS: the spec of a KfpInstallation. No I/O, no decisions.
//!
//! Doc comments here are what `kubectl explain` and the API reference print. Rules between fields stand in [`crate::rules`].

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Affinity, EnvVar, LocalObjectReference, ResourceRequirements, Toleration};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backup::BackupSpec;
use crate::embedded;
use crate::restore::Bootstrap;
use crate::sdk::SdkPolicySpec;
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
    derive = "PartialEq",
    status = "KfpInstallationStatus",
    doc = "One Kubeflow Pipelines deployment, in the namespace of this resource.",
    selectable = ".spec.version",
    printcolumn(
        name = "Version",
        type_ = "string",
        description = "KFP release that runs",
        json_path = ".status.version"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        description = "Whether the installation serves",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        description = "Why; `kfpctl explain` tells what it means and what to do",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "URL",
        type_ = "string",
        description = "User interface, inside the cluster",
        json_path = ".status.endpoints.ui",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::duplicated_attributes, reason = "columns of kubectl get share a type")]
pub struct KfpInstallationSpec {
    /// KFP release to run, as named in the release catalog, for example `2.16.1`. `kfpctl releases` lists them.
    #[schemars(length(min = 5, max = 32))]
    #[schemars(regex(
        pattern = r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9a-z]+(\.[0-9a-z]+)*)?$"
    ))]
    pub version: String,
    /// Preset of replicas, resources, client rates and database limits: `Small` (a team or a trial), `Medium` (a
    /// department) or `Large` (a company). Values may be added.
    #[serde(default)]
    pub size: Size,
    /// The database of pipelines, runs and metadata. Only the member named by `type` may be set.
    #[serde(default)]
    pub database: Database,
    /// The store of pipeline specs, artifacts and logs. Only the member named by `type` may be set.
    #[serde(default)]
    pub object_store: ObjectStore,
    /// Where pipelines and their versions are kept.
    #[serde(default)]
    pub pipeline_store: PipelineStore,
    /// The controller that runs workflows (Argo Workflows). Only the member named by `type` may be set.
    #[serde(default)]
    pub execution_controller: ExecutionController,
    /// Changes to single components; names are those of the release catalog, each at most once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub components: Vec<ComponentOverride>,
    /// Registry host and optional path that replace the registry of every image, for example
    /// `registry.example.com/mirror`. What follows the registry in an image's name stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    #[schemars(regex(
        pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$"
    ))]
    pub image_registry: Option<String>,
    /// Secrets of type `kubernetes.io/dockerconfigjson` in this namespace, given to every pod of the installation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "embedded::pull_secrets")]
    pub image_pull_secrets: Vec<LocalObjectReference>,
    /// NetworkPolicies of the installation's own pods.
    #[serde(default)]
    pub network_policy: NetworkPolicySpec,
    /// Which Python SDKs pipelines may be compiled with, what is done about others, and how stored pipelines are looked
    /// through.
    #[serde(default)]
    pub sdk_policy: SdkPolicySpec,
    /// How this installation is backed up. Unset means by KfpBackups that name a destination, and by nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<BackupSpec>,
    /// What a new installation begins with. Unset means empty databases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bootstrap: Option<Bootstrap>,
    /// While true, nothing of this installation is changed; status is still reported.
    #[serde(default)]
    pub paused: bool,
    /// What happens to data (volumes, generated credentials) when this resource is deleted: `Retain` (it stays, and an
    /// installation of the same name takes it up again) or `Delete`. Values may be added.
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

/// Where KFP's databases live. Only the member named by `type` may be set; left out, all its fields are at their defaults.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Database {
    /// Kind of database, fixed for the life of the installation: `Embedded` (a server run by the operator). Values may be
    /// added.
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
    /// Database engine: `MySQL` or `MariaDB`, fixed for the life of the data. Unset means the release catalog's choice,
    /// fixed from the first start on and shown in status. Values may be added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DatabaseEngine")]
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
    /// Requested capacity, at least `1Gi`, for example `50Gi`; only grows. Unset means the size preset's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "embedded::volume_size")]
    pub size: Option<Quantity>,
    /// StorageClass, fixed when the volume is made. Unset means the cluster's default class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = embedded::SUBDOMAIN))]
    pub class_name: Option<String>,
}

/// Where artifacts live. Only the member named by `type` may be set; left out, all its fields are at their defaults.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectStore {
    /// Kind of object store, fixed for the life of the installation: `Embedded` (a server run by the operator). Values may
    /// be added.
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

/// Where pipelines and their versions are kept.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PipelineStore {
    /// Kind of store, fixed for the life of the installation, because KFP carries no pipelines over: `Database` (rows of the
    /// pipelines database) or `Kubernetes` (objects of kinds `Pipeline` and `PipelineVersion` in this namespace; not every
    /// release can). Experiments, runs and recurring runs are in the database either way. Values may be added.
    #[serde(default)]
    pub r#type: PipelineStoreType,
}

/// Kind of store of pipelines. Values may be added.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema,
)]
pub enum PipelineStoreType {
    /// Rows of the pipelines database.
    #[default]
    Database,
    /// Kubernetes objects in the installation's namespace.
    Kubernetes,
}

/// Who runs workflows. Only the member named by `type` may be set; left out, all its fields are at their defaults.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionController {
    /// Kind of execution controller, fixed for the life of the installation: `Managed` (run by the operator, for this
    /// namespace only). Values may be added.
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
    #[schemars(range(min = 1, max = 10_000))]
    pub parallelism: Option<i32>,
    /// Seconds after which a finished Workflow object is deleted, at least a minute, so that its end is recorded first.
    /// Unset means the release's own value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 60, max = 31_536_000))]
    pub ttl_seconds: Option<i32>,
}

/// Changes to one component of the release.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComponentOverride {
    /// Component name in the release catalog, for example `ml-pipeline-ui`. `kfpctl releases show` lists them.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub name: String,
    /// Whether the component runs. Unset means the catalog's default; required components cannot be switched off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Replicas; only components that the catalog calls replicable take more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 32))]
    pub replicas: Option<i32>,
    /// Requests and limits of the main container, as in a Pod; replaces the preset's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "embedded::resources")]
    pub resources: Option<ResourceRequirements>,
    /// Node labels that the pods require, added to the component's own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "embedded::labels")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints that the pods tolerate, as in a Pod's `spec.tolerations`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "embedded::tolerations")]
    pub tolerations: Vec<Toleration>,
    /// Affinity of the pods, as in a Pod's `spec.affinity`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "embedded::affinity")]
    pub affinity: Option<Affinity>,
    /// PriorityClass of the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = embedded::SUBDOMAIN))]
    pub priority_class_name: Option<String>,
    /// Environment added to the main container, as in a Pod's `env`; names that the release itself sets are refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "embedded::environment")]
    pub extra_env: Vec<EnvVar>,
    /// Labels added to the pods; the component's own are refused.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "embedded::labels")]
    pub pod_labels: BTreeMap<String, String>,
    /// Annotations added to the pods.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "embedded::annotations")]
    pub pod_annotations: BTreeMap<String, String>,
    /// Image of the main container in place of the catalog's, with a tag other than `latest` or a digest; never rewritten
    /// by `imageRegistry`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512), regex(pattern = r"^[a-z0-9][A-Za-z0-9._:/@-]*$"))]
    pub image: Option<String>,
}

/// NetworkPolicies of the installation's own pods.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkPolicySpec {
    /// Whether policies are generated: `Generated` (one a component, selecting its pods by label) or `Disabled`. Values may
    /// be added.
    #[serde(default)]
    pub mode: NetworkPolicyMode,
    /// What the installation's own pods may connect to: `Unrestricted` (anything) or `Restricted` (DNS, the Kubernetes API
    /// server and the components each one needs). Values may be added.
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
