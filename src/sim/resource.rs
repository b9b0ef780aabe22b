//! PROOF: the user's resource, as far as simulated worlds differ in it.

use kfp_api::installation::{
    ComponentOverride, Database, DeletionPolicy, ExecutionController, NetworkPolicySpec, ObjectStore, Size,
};
use kfp_api::{KfpInstallation, KfpInstallationSpec, KfpInstallationStatus};

/// Namespace of every simulated installation.
pub const NAMESPACE: &str = "pipelines";
/// A component that is off unless asked for.
const OPTIONAL: &str = "cache-server";

/// What a user writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// `metadata.name`.
    pub name: String,
    /// `spec.version`.
    pub version: String,
    /// `spec.paused`.
    pub paused: bool,
    /// The cache server is switched on.
    pub cache: bool,
    /// `spec.deletionPolicy`.
    pub deletion_policy: DeletionPolicy,
}

impl Wish {
    /// The shortest manifest: a name and a version.
    #[must_use]
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            paused: false,
            cache: false,
            deletion_policy: DeletionPolicy::Retain,
        }
    }

    /// As a resource of the API.
    #[must_use]
    pub fn manifest(&self, uid: u32, generation: i64) -> KfpInstallation {
        let switched = ComponentOverride {
            name: OPTIONAL.to_owned(),
            enabled: Some(true),
            ..ComponentOverride::default()
        };
        let spec = KfpInstallationSpec {
            version: self.version.clone(),
            size: Size::default(),
            database: Database::default(),
            object_store: ObjectStore::default(),
            execution_controller: ExecutionController::default(),
            components: if self.cache { vec![switched] } else { Vec::new() },
            image_registry: None,
            image_pull_secrets: Vec::new(),
            network_policy: NetworkPolicySpec::default(),
            pipeline_store: kfp_api::installation::PipelineStore::default(),
            sdk_policy: kfp_api::sdk::SdkPolicySpec::default(),
            backup: None,
            bootstrap: None,
            paused: self.paused,
            deletion_policy: self.deletion_policy,
        };
        let mut resource = KfpInstallation::new(&self.name, spec);
        resource.metadata.namespace = Some(NAMESPACE.to_owned());
        resource.metadata.uid = Some(uid.to_string());
        resource.metadata.generation = Some(generation);
        resource
    }
}

/// The resource as the API server holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// What the user wrote.
    pub wish: Wish,
    /// Counts creations.
    pub uid: u32,
    /// Counts changes of the spec.
    pub generation: i64,
    /// Tick of the deletion, once there was one.
    pub deleting_since: Option<u32>,
    /// Our finalizer is on it.
    pub finalizer: bool,
    /// What the operator wrote last.
    pub status: KfpInstallationStatus,
}

impl Resource {
    /// A resource just created.
    #[must_use]
    pub fn new(wish: Wish, uid: u32) -> Self {
        let status = KfpInstallationStatus::default();
        Self {
            wish,
            uid,
            generation: 1,
            deleting_since: None,
            finalizer: false,
            status,
        }
    }
}
