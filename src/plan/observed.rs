//! THOUGHT: what `engine::observe` saw of the world. Partial is normal; nothing here decides.

use std::collections::{BTreeMap, BTreeSet};

use kfp_api::conditions::Reason;
use kfp_api::installation::DatabaseEngine;
use kfp_api::sdk::InventoryStatus;
use kfp_api::status::SchemaStatus;
use serde::{Deserialize, Serialize};

/// One look at one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Seen<T> {
    /// It is there, and this is it.
    Known(T),
    /// It is certainly not there.
    Absent,
    /// It could not be looked at.
    Unknown {
        /// Stable reason, for conditions and events.
        reason: Reason,
        /// What failed, in words for a person.
        why: String,
    },
}

/// A Kubernetes object of the installation, by kind and name; its namespace is the installation's (or none, for
/// cluster-scoped kinds).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectRef {
    /// Kind, for example `Deployment`.
    pub kind: String,
    /// Object name.
    pub name: String,
}

/// Everything that was looked at in one pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// The older `KfpInstallation` that holds this namespace: `Absent` when this one does.
    pub occupant: Seen<String>,
    /// `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// Our finalizer is on the resource.
    pub finalizer: bool,
    /// Kubernetes server version, `major.minor`.
    pub kubernetes: Seen<String>,
    /// The `RoleBinding` that gives the operator its rights in this namespace.
    pub rights: Seen<()>,
    /// CRDs that the release needs and that are missing or too narrow, each with what is wrong; empty when all fit.
    pub crd_problems: Seen<BTreeMap<String, String>>,
    /// Release labels found on workloads of this installation (more than one in the middle of a change).
    pub installed: Seen<BTreeSet<String>>,
    /// The engine that the embedded database's volume was written by; `Absent` before there is a volume.
    pub database_engine: Seen<DatabaseEngine>,
    /// The KFP release whose rendering the embedded database's volume was last applied from, by its label
    /// `app.kubernetes.io/version`; `Absent` before there is a volume, and where it has no such label.
    pub volume_release: Seen<String>,
    /// Every component of the rendering, by name.
    pub components: BTreeMap<String, ComponentSeen>,
    /// Objects that carry our label and are in no rendering. While the resource is being deleted: the cluster-scoped
    /// ones, which nothing in a namespace owns.
    pub orphans: Seen<Vec<ObjectRef>>,
    /// The database server and its schema. `Absent` before its workload exists.
    pub database: Seen<DatabaseSeen>,
    /// A put, get and delete in the bucket. `Absent` before the store's workload exists.
    pub object_store: Seen<()>,
    /// The API server's own answer. `Absent` before its workload exists.
    pub api_server: Seen<()>,
    /// Data objects (PVCs, generated Secrets) of this installation still there; looked at only while deleting. Objects
    /// whose own deletion has begun do not count: a volume in use goes when its pods go, and those go with this resource.
    pub data_left: Seen<Vec<ObjectRef>>,
    /// Data objects (PVCs, generated Secrets) of the names this installation needs that carry another installation's
    /// label (left behind by `deletionPolicy: Retain`), by the name of that installation. Empty when there are none.
    pub data_of_others: Seen<BTreeMap<String, Vec<ObjectRef>>>,
    /// Stored pipelines as the inventory knows them. `Absent` before the first look at one, and while the inventory is
    /// disabled; `Unknown` with [`Reason::InventoryFailed`] where the last look failed.
    pub inventory: Seen<InventorySeen>,
    /// Its backups, as its own status tells of them.
    pub backups: Seen<crate::backups::Summary>,
    /// The restore that has begun to put rows back into this installation, or gave up on the way. `Absent` when none holds it.
    pub restore: Seen<RestoreSeen>,
    /// The KfpRestore that was made because of `spec.bootstrap`.
    pub bootstrap: Seen<BootstrapSeen>,
    /// The resource has been deleting for longer than the time limit for removing data.
    pub deletion_overdue: bool,
}

/// One component of the rendering against the world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentSeen {
    /// Rendered objects other than the workload that are absent or differ from the rendering.
    pub base_drift: Seen<BTreeSet<ObjectRef>>,
    /// Generated Secrets that are absent, lack a key, or hold a certificate due for renewal.
    pub secrets_due: Seen<BTreeSet<ObjectRef>>,
    /// The workload.
    pub workload: Seen<WorkloadSeen>,
}

/// A workload (Deployment or `StatefulSet`) as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadSeen {
    /// It differs from the rendering.
    pub drift: bool,
    /// Value of the release label.
    pub release: Option<String>,
    /// Image of the main container.
    pub image: Option<String>,
    /// Replicas wanted by the object.
    pub desired: i32,
    /// Replicas up to date and ready.
    pub ready: i32,
    /// The controller has seen the newest generation.
    pub current: bool,
    /// Why pods are not ready (waiting reasons, failed scheduling, last termination message), newest first; may be empty.
    pub trouble: Vec<String>,
}

/// The database as the operator's own connection saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseSeen {
    /// Engine, from the server's version.
    pub engine: DatabaseEngine,
    /// Server version string.
    pub server_version: String,
    /// The pipelines schema against the catalog.
    pub schema: SchemaStatus,
    /// The schema is that of a first start of the API server which is not through yet, or never got through.
    pub unfinished_install: bool,
    /// What is known of the differences: what brings them about and what becomes of them.
    pub causes: Vec<String>,
}

/// A restore that holds an installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreSeen {
    /// Name of the KfpRestore.
    pub name: String,
    /// How it stands.
    pub state: RestoreState,
    /// What it says of itself.
    pub message: String,
    /// The KfpBackup of what was there before.
    pub safety_backup: Option<String>,
}

/// How a restore stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestoreState {
    /// It goes on.
    UnderWay,
    /// It gave up, and the databases are not whole.
    Incomplete,
}

/// The KfpRestore that was made because of `spec.bootstrap`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootstrapSeen {
    /// Its name.
    pub name: String,
    /// How it stands.
    pub state: BootstrapState,
    /// What it says of itself.
    pub message: String,
}

/// How the KfpRestore of a bootstrap stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BootstrapState {
    /// It has not begun, or goes on.
    UnderWay,
    /// The databases are whole.
    Done,
    /// It gave up.
    Failed,
}

/// Stored pipelines as the inventory knows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InventorySeen {
    /// Totals, times and names of shards, as the status shows them.
    pub status: InventoryStatus,
    /// At least one full scan for this release is through, so that what was not found is not there.
    pub complete: bool,
    /// The worst that was found among pipeline versions and recurring runs, worst first, at most five. Empty when all fit.
    pub examples: Vec<InventoryExample>,
}

/// Something stored that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InventoryExample {
    /// What is wrong with it.
    pub trouble: InventoryTrouble,
    /// What it is.
    pub kind: InventoryKind,
    /// Its name; of a pipeline version `PIPELINE/VERSION`.
    pub name: String,
    /// Who owns it, where something says so: a namespace or a service account.
    pub owner: Option<String>,
    /// SDK that compiled it, where it says so.
    pub sdk: Option<String>,
    /// Why it does not fit, one clause without a full stop: `components.train…: unknown field optional (KFP012)`.
    pub why: String,
}

/// What is wrong with something stored, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum InventoryTrouble {
    /// The running release refuses it, or its runs fail.
    Refused,
    /// Its SDK is outside the policy, and no exception covers it.
    OutsidePolicy,
    /// Its stored form could not be read as a pipeline.
    Unreadable,
    /// It runs, with warnings.
    Warnings,
}

/// What something stored is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum InventoryKind {
    /// A version of a pipeline.
    PipelineVersion,
    /// A recurring run.
    RecurringRun,
    /// A run.
    Run,
}
