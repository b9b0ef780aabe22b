//! WORDS: the kind KfpRestore, and how a new installation begins with what a backup holds. No I/O, no decisions.
//!
//! Doc comments here are what `kubectl explain` and the API reference print. Rules between fields stand in [`crate::rules`].

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backup_status::JobProgress;
use crate::destination::{Destination, SecretName};
use crate::embedded;
use crate::status::{CONDITION_MESSAGE_MAX, NAME_MAX, cut, cut_some};

/// Longest name of a set, in characters.
const SET_MAX: usize = 64;
/// Longest address of a set, in characters.
const LOCATION_MAX: usize = 1024;

/// One restore of a backup into an installation of this namespace: done once, and fixed from then on.
#[derive(CustomResource, Clone, Debug, Deserialize, Serialize, PartialEq, JsonSchema)]
#[kube(
    group = "kfpops.dev",
    version = "v1alpha1",
    kind = "KfpRestore",
    plural = "kfprestores",
    singular = "kfprestore",
    shortname = "kfpr",
    category = "kfp",
    namespaced,
    derive = "PartialEq",
    status = "KfpRestoreStatus",
    doc = "One restore of a backup into an installation of this namespace: done once, and fixed from then on.",
    selectable = ".spec.installation",
    printcolumn(
        name = "Installation",
        type_ = "string",
        description = "What is restored into",
        json_path = ".spec.installation"
    ),
    printcolumn(
        name = "Complete",
        type_ = "string",
        description = "Whether everything was restored",
        json_path = ".status.conditions[?(@.type==\"Complete\")].status"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        description = "Why; `kfpctl explain` tells what it means and what to do",
        json_path = ".status.conditions[?(@.type==\"Complete\")].reason"
    ),
    printcolumn(
        name = "Set",
        type_ = "string",
        description = "What is restored",
        json_path = ".status.set"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::duplicated_attributes, reason = "columns of kubectl get share a type")]
pub struct KfpRestoreSpec {
    /// Name of the KfpInstallation of this namespace that is restored into. Its API server and agents are stopped meanwhile.
    #[schemars(
        length(min = 1, max = 40),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub installation: String,
    /// What is restored. Only the member named by `type` may be set.
    pub source: RestoreSource,
    /// How much of it: `All`, `DatabaseOnly` (databases and pipeline specs) or `SchedulesOnly` (recurring runs as Kubernetes
    /// has them). Values may be added.
    #[serde(default)]
    pub parts: RestoreParts,
    /// Whether databases that hold rows may be replaced. Without it such a restore is refused.
    #[serde(default)]
    pub overwrite: bool,
    /// Whether what is replaced is backed up first: `Required` (nothing is replaced before that backup is complete and was read
    /// back whole) or `Skip`. Values may be added.
    #[serde(default)]
    pub safety_backup: SafetyBackup,
    /// Seconds after which the restore is given up; it can be begun again by another KfpRestore.
    #[serde(default = "time_limit")]
    #[schemars(range(min = 60, max = 604_800))]
    pub time_limit_seconds: i32,
}

const fn time_limit() -> i32 {
    86_400
}

/// What is restored. Only the member named by `type` may be set.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestoreSource {
    /// How it is named: `BackupRef` (a KfpBackup) or `Destination` (a set in a destination, of which the cluster needs to know
    /// nothing else). Values may be added.
    pub r#type: RestoreSourceType,
    /// A KfpBackup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup_ref: Option<BackupReference>,
    /// A set in a destination.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<SetInDestination>,
    /// Secret of the operator's namespace, of the same form as those with credentials, whose key `identity` holds the secret
    /// key of age that opens the set. Needed only for an encrypted set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<SecretName>,
}

/// How the source of a restore is named. Values may be added.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
pub enum RestoreSourceType {
    /// By a KfpBackup.
    #[default]
    BackupRef,
    /// By its place in a destination.
    Destination,
}

/// A KfpBackup. The credentials of its destination must be open to this namespace too.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackupReference {
    /// Name of the KfpBackup.
    #[schemars(length(min = 1, max = 253), regex(pattern = embedded::SUBDOMAIN))]
    pub name: String,
    /// Namespace of the KfpBackup. Unset means this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub namespace: Option<String>,
}

/// A set in a destination.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetInDestination {
    /// Where sets lie.
    pub location: Destination,
    /// Namespace of the installation that was backed up. Unset means this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub namespace: Option<String>,
    /// Name of the installation that was backed up. Unset means the name of the one that is restored into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 40),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub installation: Option<String>,
    /// Which of its sets. Only the member named by `type` may be set; left out, the newest complete one.
    #[serde(default)]
    pub set: SetChoice,
}

/// Which set. Only the member named by `type` may be set.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetChoice {
    /// How it is chosen: `Latest` (the newest complete one), `Id` (by its name) or `Before` (the newest complete one of a time
    /// or before it). Values may be added.
    #[serde(default)]
    pub r#type: SetChoiceType,
    /// Name of the set, for example `20261124T014900Z-1a2b3c`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 23, max = 23),
        regex(pattern = r"^[0-9]{8}T[0-9]{6}Z-[a-z0-9]{6}$")
    )]
    pub id: Option<String>,
    /// The time; a set that holds just this moment is one too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Time>,
}

/// How a set is chosen. Values may be added.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
pub enum SetChoiceType {
    /// The newest complete one.
    #[default]
    Latest,
    /// By its name.
    Id,
    /// The newest complete one of a time or before it.
    Before,
}

/// How much is restored. Values may be added.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
pub enum RestoreParts {
    /// Everything.
    #[default]
    All,
    /// Databases and pipeline specs.
    DatabaseOnly,
    /// Recurring runs as Kubernetes has them.
    SchedulesOnly,
}

/// Whether what is replaced is backed up first. Values may be added.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
pub enum SafetyBackup {
    /// Nothing is replaced before that backup is complete.
    #[default]
    Required,
    /// Nothing is backed up.
    Skip,
}

/// What a new installation begins with.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bootstrap {
    /// The backup that is restored before the API server starts for the first time. Heeded only while the database is empty;
    /// afterwards it says where the installation came from.
    pub source: RestoreSource,
}

/// How a restore stands.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KfpRestoreStatus {
    /// `metadata.generation` that was last fully processed; -1 before the operator has seen the resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1))]
    pub observed_generation: Option<i64>,
    /// When the installation began to be stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When everything was restored, or the restore was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Time>,
    /// Name of the set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = SET_MAX))]
    pub set: Option<String>,
    /// The set as an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = LOCATION_MAX))]
    pub location: Option<String>,
    /// The moment that the set holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instant: Option<Time>,
    /// Name of the KfpBackup of what was replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = NAME_MAX))]
    pub safety_backup: Option<String>,
    /// How far it is. Unset while nothing is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<JobProgress>,
    /// What was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<Restored>,
    /// Conditions by type; types and reasons are stable and documented.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "embedded::conditions")]
    pub conditions: Vec<Condition>,
}

/// What a restore did.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Restored {
    /// Tables that were loaded and whose checksums came out equal.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub tables: i64,
    /// Rows that were loaded.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub rows: i64,
    /// Bytes that were loaded, before compression.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub bytes: i64,
    /// Kubernetes objects that were made or changed.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub objects: i64,
    /// Objects that were put into the bucket.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub bucket_objects: i64,
    /// Workflows younger than the set that were exported and set aside.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub workflows_set_aside: i64,
    /// Runs without a Workflow that were closed as failed.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub runs_closed: i64,
}

impl KfpRestoreStatus {
    /// The same status cut to what the CustomResourceDefinition accepts. Cut texts end with `…`.
    #[must_use]
    pub fn fitted(mut self) -> Self {
        cut_some(&mut self.set, SET_MAX);
        cut_some(&mut self.location, LOCATION_MAX);
        cut_some(&mut self.safety_backup, NAME_MAX);
        if let Some(progress) = &mut self.progress {
            progress.fit();
        }
        for condition in &mut self.conditions {
            cut(&mut condition.message, CONDITION_MESSAGE_MAX);
        }
        self
    }
}
