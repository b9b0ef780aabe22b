//! FACTS: the components of a release and the objects that belong to each. No I/O.

use std::collections::BTreeMap;

use k8s_openapi::api::admissionregistration::v1::RuleWithOperations;
use k8s_openapi::api::core::v1::ServicePort;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kfp_api::installation::DatabaseEngine;
use serde::{Deserialize, Serialize};

use crate::access::Access;
use crate::pod::{Container, Pod};
use crate::source::{PortRef, Text};
use crate::strict::strict;

/// What a component is for. A new release uses these; a new role needs code in render/.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Serves the REST and gRPC API and owns the pipelines database.
    ApiServer,
    /// Reports the state of Workflows to the API server.
    PersistenceAgent,
    /// Starts recurring runs.
    ScheduledWorkflow,
    /// Runs viewers (TensorBoard) that users ask for.
    Viewer,
    /// User interface.
    Frontend,
    /// Draws visualizations for the user interface.
    VisualizationServer,
    /// Mutating webhook that caches steps of v1 pipelines.
    CacheServer,
    /// ML Metadata server.
    MetadataGrpc,
    /// gRPC-Web gateway of the ML Metadata server, for browsers.
    MetadataEnvoy,
    /// Writes metadata of v1 pipelines.
    MetadataWriter,
    /// Argo's workflow controller.
    WorkflowController,
    /// Database server of all databases.
    Database,
    /// S3-compatible object store.
    ObjectStore,
}

impl Role {
    /// Whether a component of this role must stand still while rows are replaced: it writes rows, by itself or for others, or
    /// starts runs and their pods, which write rows. What is left shows things, stores things, or is the database itself.
    #[must_use]
    pub const fn stands_still(self) -> bool {
        match self {
            // Rows of pipelines and runs, and migrations at its start; the two that report to it and call it. Rows of ML
            // Metadata and of the cache. Pods of runs, whose drivers and launchers would find none of these, and fail.
            Self::ApiServer
            | Self::PersistenceAgent
            | Self::ScheduledWorkflow
            | Self::MetadataGrpc
            | Self::MetadataWriter
            | Self::CacheServer
            | Self::WorkflowController => true,
            Self::Viewer
            | Self::Frontend
            | Self::VisualizationServer
            | Self::MetadataEnvoy
            | Self::Database
            | Self::ObjectStore => false,
        }
    }
}

/// Kind of the workload object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WorkloadKind {
    /// `apps/v1` Deployment.
    Deployment,
    /// `apps/v1` StatefulSet.
    StatefulSet,
}

/// How pods are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Strategy {
    /// New pods before old ones go.
    RollingUpdate,
    /// Old pods first: two must never run at once.
    Recreate,
}

/// A component: one workload and what belongs to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Component {
    /// Name, equal to upstream's workload.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// It cannot be switched off.
    pub required: bool,
    /// It runs unless an installation says otherwise.
    pub enabled: bool,
    /// More than one replica can run.
    pub replicas: Replicas,
    /// Components that must be ready before this one is started.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
    /// Kind of the workload.
    pub workload: WorkloadKind,
    /// How pods are replaced.
    pub strategy: Strategy,
    /// Labels of the workload object, upstream's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Selector of the workload, upstream's exactly: it cannot be changed afterwards.
    pub selector: BTreeMap<String, String>,
    /// The pod, for components that run the same one everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<Pod>,
    /// The pod by database engine, for the database. Exactly one of `pod` and `engines` is given.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub engines: BTreeMap<DatabaseEngine, Pod>,
    /// ServiceAccounts of this component.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub service_accounts: Vec<ServiceAccount>,
    /// Rights of this component.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub access: Vec<Access>,
    /// Services of this component.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<Service>,
    /// ConfigMaps of this component.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub config_maps: Vec<ConfigMap>,
    /// Secrets of this component.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Secret>,
    /// Volumes that outlive the workload and the installation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volume_claims: Vec<VolumeClaim>,
    /// Admission webhooks served by this component.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub webhooks: Vec<Webhook>,
    /// Ports that others may connect to, and from where. A port that is not here is closed to everyone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listens: Vec<Listen>,
    /// Services of the installation that it connects to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connects: Vec<PortRef>,
    /// It talks to the Kubernetes API server.
    #[serde(default)]
    pub uses_kubernetes: bool,
}

/// Whether more than one replica can run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Replicas {
    /// Most replicas that can run at once; 1 for a component that cannot be replicated.
    pub most: i32,
    /// Why not more.
    pub why: String,
}

/// A ServiceAccount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceAccount {
    /// Name, upstream's.
    pub name: String,
    /// Labels, upstream's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// A Service with a cluster IP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Service {
    /// Name, upstream's.
    pub name: String,
    /// Labels, upstream's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations, upstream's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Selector, upstream's.
    pub selector: BTreeMap<String, String>,
    /// Ports; every one has a name, also where upstream has none.
    #[serde(deserialize_with = "strict")]
    pub ports: Vec<ServicePort>,
}

impl Service {
    /// Number of the port of this name.
    #[must_use]
    pub fn port(&self, name: &str) -> Option<i32> {
        self.ports
            .iter()
            .find(|port| port.name.as_deref() == Some(name))
            .map(|port| port.port)
    }
}

/// A ConfigMap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfigMap {
    /// Name, upstream's.
    pub name: String,
    /// Labels, upstream's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Data by key.
    pub data: BTreeMap<String, Text>,
}

/// A Secret whose values are made once and never overwritten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Secret {
    /// Name, upstream's where it has one.
    pub name: String,
    /// How each key is made.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<String, Generate>,
    /// Keys that together hold a serving certificate made by the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
}

impl Secret {
    /// Every key, however it is made.
    pub fn key_names(&self) -> impl Iterator<Item = &str> {
        let pair = self
            .certificate
            .iter()
            .flat_map(|made| [made.certificate.as_str(), made.private_key.as_str()]);
        self.keys.keys().map(String::as_str).chain(pair)
    }
}

/// How the value of a Secret's key is made, from the operating system's random numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Generate {
    /// Letters and digits with at least 128 bits of randomness.
    Password,
    /// `prefix` and random lower-case letters and digits, `length` characters in all. Not secret, only not guessable in
    /// advance.
    Name {
        /// First characters.
        prefix: String,
        /// Length of the whole.
        length: usize,
    },
}

/// A self-signed serving certificate for a Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Certificate {
    /// Service that it is for: `NAME`, `NAME.<namespace>` and `NAME.<namespace>.svc`.
    pub service: String,
    /// Key that holds the certificate, PEM.
    pub certificate: String,
    /// Key that holds the private key, PEM (PKCS #8).
    pub private_key: String,
}

/// A PersistentVolumeClaim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VolumeClaim {
    /// Name, upstream's.
    pub name: String,
    /// Requested capacity of the `Small` preset, upstream's.
    pub size: Quantity,
}

/// An admission webhook for objects of the installation's namespace. The configuration object is cluster-scoped, so its
/// name carries the namespace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Webhook {
    /// Whether it changes objects or judges them: which kind of configuration it stands in.
    pub kind: WebhookKind,
    /// Name of the configuration.
    pub configuration: Text,
    /// Name of the webhook in it.
    pub name: Text,
    /// Service and port that serve it.
    pub service: PortRef,
    /// Path.
    pub path: String,
    /// Secret whose certificate is trusted.
    pub secret: String,
    /// Which requests are sent here.
    #[serde(deserialize_with = "strict")]
    pub rule: RuleWithOperations,
    /// Labels that an object must carry to be sent here; empty: none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub object_labels: BTreeMap<String, String>,
    /// Version of `AdmissionReview` that it answers.
    pub review_version: String,
    /// What becomes of a request that it does not answer.
    pub failure_policy: FailurePolicy,
    /// Seconds that an answer may take.
    pub timeout_seconds: i32,
}

/// Whether a webhook changes objects or judges them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum WebhookKind {
    /// It changes them: a `MutatingWebhookConfiguration`.
    Mutating,
    /// It judges them: a `ValidatingWebhookConfiguration`.
    Validating,
}

impl WebhookKind {
    /// Kind of the configuration object.
    #[must_use]
    pub const fn configuration(self) -> &'static str {
        match self {
            Self::Mutating => "MutatingWebhookConfiguration",
            Self::Validating => "ValidatingWebhookConfiguration",
        }
    }
}

/// What becomes of a request that a webhook does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FailurePolicy {
    /// It goes on.
    Ignore,
    /// It is refused.
    Fail,
}

/// A port that others may connect to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Listen {
    /// Number of the container port.
    pub port: i32,
    /// Who may connect.
    pub from: Audience,
}

/// Who may connect to a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Audience {
    /// Components that name one of the port's Services in `connects`, and the operator.
    Installation,
    /// Any pod of the namespace, users' pipeline steps included, and the operator.
    Namespace,
    /// Any pod of the cluster.
    Cluster,
}

impl Component {
    /// The pod, given the engine of the installation's database.
    #[must_use]
    pub fn pod(&self, engine: DatabaseEngine) -> Option<&Pod> {
        self.pod.as_ref().or_else(|| self.engines.get(&engine))
    }

    /// The main container, given the engine of the installation's database.
    #[must_use]
    pub fn main(&self, engine: DatabaseEngine) -> Option<&Container> {
        self.pod(engine).and_then(Pod::main)
    }

    /// Every pod that it can run, with the engine that it is for.
    pub fn pods(&self) -> impl Iterator<Item = (Option<DatabaseEngine>, &Pod)> {
        let fixed = self.pod.iter().map(|pod| (None, pod));
        fixed.chain(self.engines.iter().map(|(engine, pod)| (Some(*engine), pod)))
    }
}
