//! WORDS: the status of a KfpBackup, and what an installation tells of its backups. No I/O.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backup::Verify;
use crate::destination::Destination;
use crate::embedded;
use crate::status::{CONDITION_MESSAGE_MAX, NAME_MAX, RELEASE_MAX, cut, cut_some};

/// Longest name of a set, in characters.
const SET_MAX: usize = 64;
/// Longest address of a set, in characters.
const LOCATION_MAX: usize = 1024;
/// A digest in hexadecimal, in characters.
const DIGEST_MAX: usize = 64;
/// Longest name of a stage, in characters.
const STAGE_MAX: usize = 64;
/// Longest word about immutability, in characters.
const IMMUTABILITY_MAX: usize = 128;

/// How a backup stands.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KfpBackupStatus {
    /// `metadata.generation` that was last fully processed; -1 before the operator has seen the resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1))]
    pub observed_generation: Option<i64>,
    /// When its Job was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When the set became complete, or the backup was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Time>,
    /// The moment that the set holds: that of the database's snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instant: Option<Time>,
    /// KFP release that was backed up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = RELEASE_MAX))]
    pub version: Option<String>,
    /// Name of the set in the destination.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = SET_MAX))]
    pub set: Option<String>,
    /// Where the set lies: the spec's destination, or the one that the installation had when the backup began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<Destination>,
    /// The set as an address, for example `s3://backups/prod/team-a/kfp/20261124T014900Z-1a2b3c`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = LOCATION_MAX))]
    pub location: Option<String>,
    /// SHA-256 of the manifest, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = DIGEST_MAX))]
    pub manifest_sha256: Option<String>,
    /// How long the destination keeps the set from being changed, in its own words. Unset where it does not, or does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = IMMUTABILITY_MAX))]
    pub immutability: Option<String>,
    /// Bytes in the set before compression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub bytes: Option<i64>,
    /// Bytes of the set in the destination.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub stored_bytes: Option<i64>,
    /// Rows of all tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub rows: Option<i64>,
    /// Kubernetes objects in the set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub objects: Option<i64>,
    /// Objects of the bucket that rows refer to and that are not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub missing_objects: Option<i64>,
    /// How far it is. Unset while nothing is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<JobProgress>,
    /// How often its program was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub attempts: Option<i32>,
    /// Whether what broken attempts left in the destination was removed, as far as it could be.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub remains_removed: bool,
    /// What was last checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
    /// Conditions by type; types and reasons are stable and documented.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "embedded::conditions")]
    pub conditions: Vec<Condition>,
}

/// How far work in a Job is.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobProgress {
    /// What is being done.
    #[schemars(length(max = STAGE_MAX))]
    pub stage: String,
    /// Bytes done, before compression.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub bytes: i64,
    /// Bytes to do. Unset while that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub total_bytes: Option<i64>,
    /// Rows done.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub rows: i64,
    /// Bytes a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub bytes_per_second: Option<i64>,
    /// Seconds left at this rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub seconds_left: Option<i64>,
}

/// What was checked.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// How: `Checksums` or `Restore`.
    pub kind: Verify,
    /// When it ended.
    pub completed_at: Time,
    /// Parts whose digests were compared.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub parts: i64,
    /// Tables that were loaded and came out equal.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub tables: i64,
    /// Rows that were loaded and came out equal.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub rows: i64,
    /// Objects of the bucket that were looked up.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub sampled_objects: i64,
}

/// The backups of an installation.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackupsStatus {
    /// The newest backup that was verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_verified: Option<BackupSummary>,
    /// The newest backup that is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_complete: Option<BackupSummary>,
    /// The newest time of the schedule that a backup was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_scheduled: Option<Time>,
    /// When the next one is due by schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Time>,
    /// When the next drill is due by schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_drill: Option<Time>,
}

/// One backup of an installation.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackupSummary {
    /// Name of the KfpBackup.
    #[schemars(length(max = NAME_MAX))]
    pub name: String,
    /// The moment that its set holds.
    pub instant: Time,
    /// Bytes of the set in the destination.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub stored_bytes: i64,
}

impl KfpBackupStatus {
    /// The same status cut to what the CustomResourceDefinition accepts. Cut texts end with `…`.
    #[must_use]
    pub fn fitted(mut self) -> Self {
        for (text, most) in [
            (&mut self.version, RELEASE_MAX),
            (&mut self.set, SET_MAX),
            (&mut self.location, LOCATION_MAX),
            (&mut self.manifest_sha256, DIGEST_MAX),
            (&mut self.immutability, IMMUTABILITY_MAX),
        ] {
            cut_some(text, most);
        }
        if let Some(progress) = &mut self.progress {
            progress.fit();
        }
        for condition in &mut self.conditions {
            cut(&mut condition.message, CONDITION_MESSAGE_MAX);
        }
        self
    }
}

impl JobProgress {
    pub(crate) fn fit(&mut self) {
        cut(&mut self.stage, STAGE_MAX);
    }
}

impl BackupsStatus {
    pub(crate) fn fit(&mut self) {
        for summary in [&mut self.last_verified, &mut self.last_complete]
            .into_iter()
            .flatten()
        {
            cut(&mut summary.name, NAME_MAX);
        }
    }
}
