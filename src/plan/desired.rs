//! THOUGHT: what thinking needs of a validated installation: names, order, gates. Nothing is rendered or looked up here.

use std::collections::BTreeSet;

use kfp_api::installation::{DatabaseEngine, DeletionPolicy};
use kfp_releases::Role;
use kfp_releases::release::KubernetesRange;

use crate::observed::ObjectRef;

/// The wanted installation, as far as decisions depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// Name of the resource.
    pub name: String,
    /// Namespace of the resource and of everything made for it.
    pub namespace: String,
    /// `metadata.generation` of the spec that was validated.
    pub generation: i64,
    /// Release to run, as the catalog writes it.
    pub version: String,
    /// `spec.paused`.
    pub paused: bool,
    /// `spec.deletionPolicy`.
    pub deletion_policy: DeletionPolicy,
    /// Kubernetes versions that the release was tested on; none where upstream says nothing.
    pub kubernetes: Option<KubernetesRange>,
    /// Engine of the embedded database; none when there is no embedded database.
    pub engine: Option<DatabaseEngine>,
    /// Names of the Secrets that open the data on the embedded database's volume.
    pub database_secrets: BTreeSet<String>,
    /// The components that run, each after all that it waits for.
    pub components: Vec<DesiredComponent>,
    /// Addresses inside the cluster, each with the component that serves it.
    pub endpoints: Vec<Address>,
}

/// A component that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredComponent {
    /// Name in the catalog.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Its Deployment or `StatefulSet`.
    pub workload: ObjectRef,
    /// Components that must be healthy before its workload is first made.
    pub after: BTreeSet<String>,
}

/// An address inside the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Which of the status' endpoints it is.
    pub kind: AddressKind,
    /// Component that serves it.
    pub component: String,
    /// The address itself, for example `http://ml-pipeline-ui.kubeflow.svc:80`.
    pub address: String,
}

/// Which of the status' endpoints an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AddressKind {
    /// The user interface.
    Ui,
    /// The REST API.
    Api,
    /// The gRPC API.
    Grpc,
    /// The S3 endpoint.
    ObjectStore,
}

impl Desired {
    /// The component of this role, if one runs.
    #[must_use]
    pub fn role(&self, role: Role) -> Option<&DesiredComponent> {
        self.components.iter().find(|component| component.role == role)
    }

    /// The component of that name, if it runs.
    #[must_use]
    pub fn component(&self, name: &str) -> Option<&DesiredComponent> {
        self.components.iter().find(|component| component.name == name)
    }
}
