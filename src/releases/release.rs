//! FACTS: one KFP release: what it is made of, what it needs, what it was tested with. No I/O.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kfp_api::installation::{DatabaseEngine, PipelineStoreType, Size};
use serde::{Deserialize, Serialize};

use crate::access::Access;
use crate::component::{Component, ConfigMap, Role, Secret, Service, ServiceAccount};
use crate::strict::strict_option;
use crate::version::{KubernetesVersion, Version};

/// A KFP release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Release {
    /// Version, and name of the file.
    pub version: Version,
    /// Day of the tag, `YYYY-MM-DD`.
    pub released: String,
    /// Whether it can be installed, and why not.
    pub support: Support,
    /// What it depends on. Unset for numbers that were never a backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dependencies: Option<Dependencies>,
    /// How it is installed. Set exactly for installable releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub install: Option<Install>,
}

/// Whether a release can be installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Support {
    /// The state.
    pub state: SupportState,
    /// Why; shown to a user who asks for the release.
    pub reason: String,
}

/// Whether a release can be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SupportState {
    /// Installed and kept by the operator.
    Supported,
    /// Known, not installable by this operator.
    Listed,
    /// Replaced upstream by another number; not to be installed.
    Withdrawn,
    /// Number of an SDK; no such backend exists.
    SdkOnly,
}

/// What a release depends on and goes with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Dependencies {
    /// Argo Workflows version, without `v` and without upstream's suffixes.
    pub argo: String,
    /// ML Metadata server version.
    pub mlmd: String,
    /// MySQL version that upstream ships.
    pub mysql: String,
    /// Kind of the object store that upstream ships.
    pub object_store: ObjectStoreKind,
    /// Version (or release tag) of that object store.
    pub object_store_version: String,
    /// Kubernetes versions that upstream's own tests ran on. Unset where upstream says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<KubernetesRange>,
    /// Python packages of the same time.
    pub sdk: Sdk,
}

/// Kind of an object store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ObjectStoreKind {
    /// MinIO.
    MinIO,
    /// SeaweedFS with its S3 gateway.
    SeaweedFS,
}

/// Oldest and newest Kubernetes of upstream's tests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KubernetesRange {
    /// Oldest tested.
    pub oldest: KubernetesVersion,
    /// Newest tested.
    pub newest: KubernetesVersion,
    /// Where it is said.
    pub source: String,
}

impl KubernetesRange {
    /// The version lies within.
    #[must_use]
    pub fn contains(&self, version: KubernetesVersion) -> bool {
        (self.oldest..=self.newest).contains(&version)
    }
}

/// Python packages that go with a backend, as in the tree of its tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sdk {
    /// `kfp`.
    pub kfp: String,
    /// A later `kfp` that compiles to the same fields, where there is one of a newer minor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest_kfp: Option<String>,
    /// `kfp-kubernetes`.
    pub kfp_kubernetes: String,
    /// Range of `kfp-pipeline-spec` that `kfp` asks for.
    pub pipeline_spec: String,
    /// Range of `kfp-server-api` that `kfp` asks for.
    pub server_api: String,
}

/// How a release is installed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Install {
    /// Where it keeps pipelines.
    #[serde(default)]
    pub pipeline_store: PipelineStoreType,
    /// Engine of a new database where an installation names none: upstream's.
    pub default_engine: DatabaseEngine,
    /// Name of the fingerprint of its fresh pipelines database: a file in `data/schemas/`, named after the first release
    /// that has it.
    pub schema: String,
    /// The databases on the server and what each is for.
    pub databases: Databases,
    /// The bucket.
    pub object_store: ObjectStore,
    /// CustomResourceDefinitions that must be there, by full name, with the version used.
    pub crds: BTreeMap<String, String>,
    /// Images by what they are for, fully named.
    pub images: BTreeMap<String, String>,
    /// Values that a size preset or an installation may change.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
    /// What each size changes. `Small` may be absent: it is what the components say.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub presets: BTreeMap<Size, Preset>,
    /// Labels that upstream puts on every object.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Objects that belong to no component; they are there before the first one.
    pub shared: Shared,
    /// The components.
    pub components: Vec<Component>,
}

/// The databases on the embedded server and the users' Secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Databases {
    /// Database of pipelines and runs.
    pub pipelines: String,
    /// Database of ML Metadata.
    pub metadata: String,
    /// Database of the v1 cache.
    pub cache: String,
    /// Secret with `username` and `password` of the run-time user.
    pub user_secret: String,
    /// Secret with the `password` of `root`, which no component but the database mounts.
    pub root_secret: String,
    /// User that may read the database of pipelines and nothing else; the operator makes it, as `root`.
    pub inventory_user: String,
    /// Secret with the `password` of that user, which no component mounts.
    pub inventory_secret: String,
}

/// The bucket and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObjectStore {
    /// Service and port of the S3 API.
    pub endpoint: crate::source::PortRef,
    /// Bucket name.
    pub bucket: String,
    /// Region to sign requests for.
    pub region: String,
    /// Secret with the keys named below.
    pub secret: String,
    /// Key of the access key.
    pub access_key: String,
    /// Key of the secret access key.
    pub secret_key: String,
}

/// What a size changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Preset {
    /// Settings in place of the release's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
    /// Components by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub components: BTreeMap<String, ComponentPreset>,
    /// Capacity of volume claims by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub storage: BTreeMap<String, Quantity>,
}

/// What a size changes of a component.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ComponentPreset {
    /// Replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Requests and limits of the main container.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "strict_option"
    )]
    pub resources: Option<ResourceRequirements>,
}

/// Objects that belong to no component.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Shared {
    /// ServiceAccounts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub service_accounts: Vec<ServiceAccount>,
    /// Rights.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub access: Vec<Access>,
    /// ConfigMaps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub config_maps: Vec<ConfigMap>,
    /// Secrets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Secret>,
}

impl Release {
    /// How it is installed, if it can be.
    #[must_use]
    pub fn installable(&self) -> Option<&Install> {
        self.install
            .as_ref()
            .filter(|_| self.support.state == SupportState::Supported)
    }
}

impl Install {
    /// The component of this name.
    #[must_use]
    pub fn component(&self, name: &str) -> Option<&Component> {
        self.components.iter().find(|component| component.name == name)
    }

    /// The component of this role; the catalog refuses two of a role.
    #[must_use]
    pub fn role(&self, role: Role) -> Option<&Component> {
        self.components.iter().find(|component| component.role == role)
    }

    /// The Service of this name, whichever component has it.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.components
            .iter()
            .flat_map(|component| &component.services)
            .find(|service| service.name == name)
    }

    /// Every ConfigMap: the shared ones, then those of components.
    pub fn config_maps(&self) -> impl Iterator<Item = &ConfigMap> {
        let own = self
            .components
            .iter()
            .flat_map(|component| &component.config_maps);
        self.shared.config_maps.iter().chain(own)
    }

    /// Every Secret: the shared ones, then those of components.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let own = self.components.iter().flat_map(|component| &component.secrets);
        self.shared.secrets.iter().chain(own)
    }

    /// Every set of rights: the shared ones, then those of components.
    pub fn access(&self) -> impl Iterator<Item = &Access> {
        let own = self.components.iter().flat_map(|component| &component.access);
        self.shared.access.iter().chain(own)
    }

    /// Every ServiceAccount: the shared ones, then those of components.
    pub fn service_accounts(&self) -> impl Iterator<Item = &ServiceAccount> {
        let own = self
            .components
            .iter()
            .flat_map(|component| &component.service_accounts);
        self.shared.service_accounts.iter().chain(own)
    }
}
