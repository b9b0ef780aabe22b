//! FACTS: an installation after validation: every default applied, every name resolved. Nobody reads the spec afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Affinity, EnvVar, ResourceRequirements, Toleration};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kfp_api::conditions::Reason;
use kfp_api::installation::{DatabaseEngine, DeletionPolicy, NetworkPolicySpec, Size};
use kfp_api::restore::RestoreSource;
use kfp_api::sdk::InventorySpec;

use crate::component::{Component, Role};
use crate::pod::Pod;
use crate::release::{Install, Release};
use crate::sdk::SdkPolicy;

/// What the world already fixes for an installation, as far as validation needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// Engine that wrote the existing volume, from its annotation; unset when there is no volume yet.
    pub database_engine_on_volume: Option<DatabaseEngine>,
    /// The time, against which exceptions of the SDK policy expire; unset where none shall.
    pub now: Option<Timestamp>,
    /// Sizes, in bytes, that existing volume claims ask for, by claim name.
    pub volume_claim_bytes: BTreeMap<String, u128>,
}

/// Something wrong with a spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Place in the resource, such as `spec.components[ml-pipeline-ui].replicas`.
    pub path: String,
    /// Stable reason.
    pub reason: Reason,
    /// What is wrong, why, and what to do next.
    pub message: String,
}

/// An installation that can be rendered.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidatedInstallation {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`: every object of the installation is there.
    pub namespace: String,
    /// `metadata.uid`, for owner references; empty for a manifest that was never applied.
    pub uid: String,
    /// `metadata.generation`; 0 for a manifest that was never applied.
    pub generation: i64,
    /// The release.
    pub release: Arc<Release>,
    /// The size preset, already applied to everything below.
    pub size: Size,
    /// Engine of the embedded database.
    pub engine: DatabaseEngine,
    /// Every image of the release by its name there, after the registry rewrite. Overrides of single components are in
    /// `components`.
    pub images: BTreeMap<String, String>,
    /// Every setting of the release by its name there, after preset and spec.
    pub settings: BTreeMap<String, String>,
    /// Every component that runs, by name.
    pub components: BTreeMap<String, ComponentSettings>,
    /// Components of the release that are switched off.
    pub disabled: BTreeSet<String>,
    /// Every volume claim of the components that run, by name.
    pub volumes: BTreeMap<String, VolumeSettings>,
    /// Names of Secrets given to every pod.
    pub image_pull_secrets: Vec<String>,
    /// NetworkPolicies.
    pub network_policy: NetworkPolicySpec,
    /// Which SDKs pipelines may be compiled with.
    pub sdk_policy: SdkPolicy,
    /// How stored pipelines are looked through.
    pub inventory: InventorySpec,
    /// What empty databases begin with; none when they begin empty.
    pub bootstrap: Option<RestoreSource>,
    /// Nothing is changed while this is true.
    pub paused: bool,
    /// What happens to data on deletion.
    pub deletion_policy: DeletionPolicy,
}

/// A component as this installation runs it.
#[derive(Clone, Debug, PartialEq)]
pub struct ComponentSettings {
    /// Replicas.
    pub replicas: i32,
    /// Image of the main container.
    pub image: String,
    /// Requests and limits of the main container.
    pub resources: Option<ResourceRequirements>,
    /// Environment added to the main container; never a name that the release sets.
    pub extra_env: Vec<EnvVar>,
    /// Node labels that the pods require, the release's own included.
    pub node_selector: BTreeMap<String, String>,
    /// Taints that the pods tolerate.
    pub tolerations: Vec<Toleration>,
    /// Affinity of the pods.
    pub affinity: Option<Affinity>,
    /// PriorityClass of the pods.
    pub priority_class: Option<String>,
    /// Labels of the pods: selector, the release's and the installation's.
    pub pod_labels: BTreeMap<String, String>,
    /// Annotations of the pods: the release's and the installation's.
    pub pod_annotations: BTreeMap<String, String>,
}

/// A volume claim as this installation asks for it.
#[derive(Clone, Debug, PartialEq)]
pub struct VolumeSettings {
    /// Requested capacity.
    pub size: Quantity,
    /// StorageClass; unset means the cluster's default.
    pub storage_class: Option<String>,
}

impl ValidatedInstallation {
    /// How the release is installed.
    ///
    /// Validation lets installable releases pass only, so this is always there; it is an option because [`Release`]
    /// also describes releases that are not installable.
    #[must_use]
    pub fn install(&self) -> Option<&Install> {
        self.release.install.as_ref()
    }

    /// The release's components that run, in the release's order, each with its settings.
    pub fn running(&self) -> impl Iterator<Item = (&Component, &ComponentSettings)> {
        let components = self
            .install()
            .map(|install| install.components.as_slice())
            .unwrap_or_default();
        components
            .iter()
            .filter_map(|component| Some((component, self.components.get(&component.name)?)))
    }

    /// The component of this role, if it runs.
    #[must_use]
    pub fn role(&self, role: Role) -> Option<(&Component, &ComponentSettings)> {
        self.running().find(|(component, _)| component.role == role)
    }

    /// The pod of a component, for this installation's database engine.
    #[must_use]
    pub fn pod<'a>(&self, component: &'a Component) -> Option<&'a Pod> {
        component.pod(self.engine)
    }
}
