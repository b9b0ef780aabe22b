//! WORDS: the spec of a KfpBackup, and how an installation is backed up by schedule. No I/O, no decisions.
//!
//! Doc comments here are what `kubectl explain` and the API reference print. Rules between fields stand in [`crate::rules`],
//! the status in [`crate::backup_status`].

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backup_status::KfpBackupStatus;
use crate::destination::{Destination, SecretName};
use crate::installation::DeletionPolicy;
use crate::scratch::Scratch;

/// One backup of an installation of this namespace: taken once, and fixed from then on.
#[derive(CustomResource, Clone, Debug, Deserialize, Serialize, PartialEq, JsonSchema)]
#[kube(
    group = "kfpops.dev",
    version = "v1alpha1",
    kind = "KfpBackup",
    plural = "kfpbackups",
    singular = "kfpbackup",
    shortname = "kfpb",
    category = "kfp",
    namespaced,
    derive = "PartialEq",
    status = "KfpBackupStatus",
    doc = "One backup of an installation of this namespace: taken once, and fixed from then on.",
    selectable = ".spec.installation",
    printcolumn(
        name = "Installation",
        type_ = "string",
        description = "What is backed up",
        json_path = ".spec.installation"
    ),
    printcolumn(
        name = "Complete",
        type_ = "string",
        description = "Whether the set is complete",
        json_path = ".status.conditions[?(@.type==\"Complete\")].status"
    ),
    printcolumn(
        name = "Verified",
        type_ = "string",
        description = "Whether the set was verified",
        json_path = ".status.conditions[?(@.type==\"Verified\")].status"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        description = "Why; `kfpctl explain` tells what it means and what to do",
        json_path = ".status.conditions[?(@.type==\"Complete\")].reason"
    ),
    printcolumn(
        name = "Instant",
        type_ = "date",
        description = "How long ago the moment is that the set holds",
        json_path = ".status.instant"
    ),
    printcolumn(
        name = "Set",
        type_ = "string",
        description = "Name of the set in the destination",
        json_path = ".status.set",
        priority = 1
    ),
    printcolumn(
        name = "Stored",
        type_ = "integer",
        description = "Bytes in the destination",
        json_path = ".status.storedBytes",
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::duplicated_attributes, reason = "columns of kubectl get share a type")]
pub struct KfpBackupSpec {
    /// Name of the KfpInstallation of this namespace that is backed up.
    #[schemars(
        length(min = 1, max = 40),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub installation: String,
    /// Where the set goes. Unset means `spec.backup.destination` of the installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<Destination>,
    /// What is kept of the bucket beside pipeline specs, which are always copied.
    #[serde(default)]
    pub artifacts: Artifacts,
    /// What is kept of Secrets.
    #[serde(default)]
    pub secrets: Secrets,
    /// Whom the set is encrypted to. Unset means that it is not encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
    /// What must have been checked before the backup counts as verified: `Checksums` (every part is read back and its digest
    /// compared) or `Restore` (that, and the set was loaded into a scratch database where every row's checksum and the
    /// schema came out equal). Values may be added.
    #[serde(default)]
    pub verify: Verify,
    /// Where it is restored for that.
    #[serde(default)]
    pub scratch: Scratch,
    /// What happens to the set when this resource is deleted: `Retain` (it stays in the destination) or `Delete` (it is
    /// removed). The only field that may change later. Values may be added.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// Seconds after which taking the set is given up; each check of it may take as long again.
    #[serde(default = "time_limit")]
    #[schemars(range(min = 60, max = 604_800))]
    pub time_limit_seconds: i32,
    /// How fast at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttle: Option<Throttle>,
}

/// A day: at the 50 MB/s of a slow network more than four terabytes.
const fn time_limit() -> i32 {
    86_400
}

/// What is kept of the bucket beside pipeline specs.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Artifacts {
    /// How: `None` (nothing), `Manifest` (a list of every object that a row refers to, with size and `ETag`; missing ones are
    /// told), `Versioning` (the list also names the version of each object, which a versioned bucket itself keeps) or
    /// `IncrementalCopy` (each object is copied once, and shared by the sets of the installation). Values may be added.
    #[serde(default)]
    pub r#type: ArtifactsType,
}

/// What is kept of artifacts. Values may be added.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
pub enum ArtifactsType {
    /// Nothing.
    None,
    /// A list of every object that a row refers to.
    #[default]
    Manifest,
    /// A list that names the version of each object.
    Versioning,
    /// Each object is copied once.
    IncrementalCopy,
}

/// What is kept of Secrets.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Secrets {
    /// How: `References` (names and keys only) or `Encrypted` (their values too, encrypted to `encryption.recipients`).
    /// Values may be added.
    #[serde(default)]
    pub r#type: SecretsType,
}

/// What is kept of Secrets. Values may be added.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
pub enum SecretsType {
    /// Names and keys only.
    #[default]
    References,
    /// Their values too, encrypted.
    Encrypted,
}

/// Whom a set is encrypted to. The manifest is never encrypted; it holds neither rows nor secrets.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Encryption {
    /// Public keys of age (X25519), each beginning with `age1`. Whoever has the secret key of one can read the set.
    #[schemars(
        length(min = 1, max = 8),
        inner(length(min = 62, max = 62), regex(pattern = r"^age1[02-9ac-hj-np-z]{58}$"))
    )]
    #[schemars(extend("x-kubernetes-list-type" = "set"))]
    pub recipients: Vec<String>,
    /// What is encrypted: `All` (every part and every copied artifact) or `Secrets` (the values of Secrets only). Values may be
    /// added.
    #[serde(default)]
    pub scope: EncryptionScope,
    /// Secret of the operator's namespace, of the same form as those with credentials, whose key `identity` holds a secret
    /// key of age. Needed to verify by restoring what is encrypted as a whole; leave it out to keep every secret key away from the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<SecretName>,
}

/// What is encrypted. Values may be added.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
pub enum EncryptionScope {
    /// Every part and every copied artifact.
    #[default]
    All,
    /// The values of Secrets only.
    Secrets,
}

/// What must have been checked before a backup counts as verified. Values may be added.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
pub enum Verify {
    /// Every part is read back and its digest compared.
    Checksums,
    /// The set was loaded into a scratch database and came out equal.
    #[default]
    Restore,
}

/// How fast at most.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Throttle {
    /// Bytes a second that are read from the database, counted before compression.
    #[schemars(range(min = 1_048_576, max = 10_737_418_240_i64))]
    pub bytes_per_second: i64,
}

/// How an installation is backed up, by schedule and where a KfpBackup leaves something out.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackupSpec {
    /// Where sets go.
    pub destination: Destination,
    /// When a backup is taken, as five fields of cron or a name such as `@daily`, for example `30 2 * * *`. Each makes a
    /// KfpBackup named from the installation and the time. Unset means on demand only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 6, max = 128))]
    pub schedule: Option<String>,
    /// Time zone of the schedules, and of days, weeks and months of `retention`: a name of the IANA database such as
    /// `Europe/Berlin`.
    #[serde(default = "time_zone")]
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z][-A-Za-z0-9_+/]*$"))]
    pub time_zone: String,
    /// While true no backup or drill is begun by schedule, and none is removed by `retention`.
    #[serde(default)]
    pub suspend: bool,
    /// Which backups that the schedule made are removed, with their sets. Unset means none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<RetentionSpec>,
    /// When the newest complete backup is verified again by restoring it, in the form of `schedule`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drills: Option<Drills>,
    /// As in a KfpBackup, for those that the schedule makes.
    #[serde(default)]
    pub artifacts: Artifacts,
    /// As in a KfpBackup, for those that the schedule makes.
    #[serde(default)]
    pub secrets: Secrets,
    /// As in a KfpBackup, for those that the schedule makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
    /// As in a KfpBackup, for those that the schedule makes.
    #[serde(default)]
    pub verify: Verify,
    /// As in a KfpBackup, for those that the schedule makes.
    #[serde(default)]
    pub scratch: Scratch,
    /// As in a KfpBackup, for those that the schedule makes.
    #[serde(default = "time_limit")]
    #[schemars(range(min = 60, max = 604_800))]
    pub time_limit_seconds: i32,
    /// As in a KfpBackup, for those that the schedule makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttle: Option<Throttle>,
    /// Hours after which the newest verified backup counts as old: condition `BackupFresh` is False from then on, and an
    /// installation with `deletionPolicy: Delete` cannot be deleted.
    #[serde(default = "fresh_for")]
    #[schemars(range(min = 1, max = 8760))]
    pub fresh_for_hours: i32,
}

impl BackupSpec {
    /// A backup of this installation as it is usually taken, into the destination that the installation has when it begins.
    #[must_use]
    pub fn backup(&self, installation: &str) -> KfpBackupSpec {
        KfpBackupSpec {
            installation: installation.to_owned(),
            destination: None,
            artifacts: self.artifacts,
            secrets: self.secrets,
            encryption: self.encryption.clone(),
            verify: self.verify,
            scratch: self.scratch.clone(),
            deletion_policy: DeletionPolicy::Retain,
            time_limit_seconds: self.time_limit_seconds,
            throttle: self.throttle,
        }
    }
}

fn time_zone() -> String {
    "UTC".to_owned()
}

/// Two days: a nightly backup may fail once before anybody is woken.
const fn fresh_for() -> i32 {
    48
}

/// Which backups stay. One stays when any rule asks for it; the newest verified one always does. With no rule set, all stay.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetentionSpec {
    /// The newest so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub last: Option<i32>,
    /// All that are younger than so many days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 36_500))]
    pub days: Option<i32>,
    /// One for each of the newest so many days that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub daily: Option<i32>,
    /// One for each of the newest so many weeks, from Monday, that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub weekly: Option<i32>,
    /// One for each of the newest so many months that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub monthly: Option<i32>,
    /// One for each of the newest so many years that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub yearly: Option<i32>,
    /// How many stay of those that failed or were found damaged.
    #[serde(default = "failed")]
    #[schemars(range(min = 0, max = 100))]
    pub failed: i32,
}

/// Enough to see what went wrong.
const fn failed() -> i32 {
    3
}

/// When the newest backup is restored to see that it can be.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Drills {
    /// When, as five fields of cron or a name such as `@weekly`.
    #[schemars(length(min = 6, max = 128))]
    pub schedule: String,
}
