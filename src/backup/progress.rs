//! SETS: what a Job tells while it works and at its end. It lies in a ConfigMap, so it holds no row and no secret. Pure.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::layout::{Attempt, SetId};

/// Key of the progress in the Job's ConfigMap.
pub const PROGRESS_KEY: &str = "progress";
/// Key of the report in the Job's ConfigMap.
pub const REPORT_KEY: &str = "report";
/// Beginning of a key of the Job's ConfigMap for each start of the program; the rest is the attempt's name.
pub const ATTEMPT_KEY: &str = "attempt-";
/// Exit code of a Job's program whose failure would come again; 1 is one that may pass.
pub const EXIT_LASTING: u8 = 2;
/// Names that a list in a report holds at most.
pub const NAMED: usize = 50;

/// How far a Job is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Name of this start of the Job.
    pub attempt: Attempt,
    /// What it is at.
    pub phase: Phase,
    /// When this attempt began.
    pub started: Timestamp,
    /// When this was written.
    pub updated: Timestamp,
    /// Bytes done: logical bytes of rows and bytes of objects, before compression.
    pub bytes: u64,
    /// Bytes that there are to do, as far as is known; an estimate of the server for databases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_total: Option<u64>,
    /// Rows done.
    pub rows: u64,
    /// Rows that there are to do, as far as is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_total: Option<u64>,
    /// Bytes a second over the last while.
    pub bytes_per_second: u64,
    /// Seconds left at that rate, when the total is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds_left: Option<u64>,
}

impl Progress {
    /// Percent done, 0 to 100, when the total is known.
    #[must_use]
    pub fn percent(&self) -> Option<u8> {
        let total = self.bytes_total.filter(|total| *total > 0)?;
        let percent = u128::from(self.bytes) * 100 / u128::from(total);
        u8::try_from(percent.min(100)).ok()
    }
}

/// What a Job is at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Phase {
    /// Opening connections, reading the manifest.
    #[default]
    Starting,
    /// Reading or applying Kubernetes objects.
    Objects,
    /// Dumping databases, or reading their parts.
    Databases,
    /// Loading databases.
    Loading,
    /// Comparing checksums and schemas of what was loaded.
    Comparing,
    /// Copying or checking objects of the bucket.
    Bucket,
    /// Closing runs and setting Workflows aside.
    Runs,
    /// Writing the manifest.
    Manifest,
    /// Removing.
    Removing,
    /// At its end; the report tells how it went.
    Finished,
}

/// How a Job ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Name of this start of the Job.
    pub attempt: Attempt,
    /// How it ended.
    pub outcome: Outcome,
    /// Stable CamelCase reason: `Succeeded`, or why not.
    pub reason: String,
    /// The same in a sentence, and what to do.
    pub message: String,
    /// Whether starting it again can help.
    pub retry: bool,
    /// When this attempt began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// What was done; absent when it failed before the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<Done>,
}

/// How a Job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// All was done.
    Succeeded,
    /// Something stood in the way, or the set is not what it should be.
    Failed,
    /// It was told to stop, or its time was over.
    Stopped,
}

/// What a Job did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "did", rename_all = "camelCase")]
pub enum Done {
    /// A set was taken.
    Took(Box<Taken>),
    /// A set was checked and found whole.
    Verified(Box<Verified>),
    /// A set was put back.
    Restored(Box<Restored>),
    /// Sets or remains were removed.
    Removed(Box<Removed>),
}

/// A set that was taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Taken {
    /// The set.
    pub set: SetId,
    /// SHA-256 of the manifest, in lower-case hexadecimal.
    pub manifest_sha256: String,
    /// The moment that the databases show.
    pub instant: Timestamp,
    /// Bytes in the destination: parts, without shared copies of artifacts.
    pub stored_bytes: u64,
    /// Logical bytes of the rows.
    pub logical_bytes: u64,
    /// Tables.
    pub tables: u64,
    /// Rows.
    pub rows: u64,
    /// Kubernetes objects.
    pub objects: u64,
    /// Objects that changed meanwhile.
    pub objects_changed: u64,
    /// Pipeline specs copied.
    pub specs: u64,
    /// Pipeline specs that rows refer to and the bucket does not hold.
    pub specs_missing: u64,
    /// Artifacts that rows refer to.
    pub artifacts: u64,
    /// Artifacts that rows refer to and the bucket does not hold.
    pub artifacts_missing: u64,
    /// Bytes of artifacts copied by this set.
    pub artifacts_copied_bytes: u64,
    /// Secrets whose values are in the set.
    pub secrets_kept: u64,
    /// Whether the database parts are encrypted.
    pub encrypted: bool,
    /// What the destination says of the manifest's protection.
    pub immutability: Immutability,
    /// What a person should know, at most [`NAMED`] sentences.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// What a destination says of the protection of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all_fields = "camelCase")]
pub enum Immutability {
    /// It cannot be changed or deleted until then.
    Until {
        /// `COMPLIANCE`, `GOVERNANCE` or the store's own word.
        mode: String,
        /// When the protection ends, as the store writes it.
        until: String,
    },
    /// The store answered, and named no protection.
    None,
    /// The store was not willing to tell, for example to a credential that may only write.
    Unknown {
        /// Why.
        why: String,
    },
}

/// A set that was checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// The set.
    pub set: SetId,
    /// SHA-256 of the manifest.
    pub manifest_sha256: String,
    /// How deep the check went.
    pub depth: Depth,
    /// Parts whose size and digest were compared.
    pub parts: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Parts that stayed encrypted, so that only their digests were compared.
    pub sealed_parts: u64,
    /// Tables whose rows were counted and their checksum compared.
    pub tables: u64,
    /// Rows in those.
    pub rows: u64,
    /// Databases that were loaded into the scratch server, and whose schema was compared.
    pub databases_restored: u64,
    /// Objects of the bucket that were looked at.
    pub bucket_sampled: u64,
    /// Those that are missing or different, at most [`NAMED`].
    #[serde(default)]
    pub bucket_missing: Vec<String>,
    /// What was checked, a sentence each.
    pub checks: Vec<String>,
}

/// How deep a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Depth {
    /// Digests of all parts; and every row where parts could be read.
    Checksums,
    /// Restored into a scratch database and compared there.
    Restore,
}

/// A set that was put back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Restored {
    /// Databases loaded.
    pub databases: u64,
    /// Tables whose row count and checksum equal the manifest's after the load.
    pub tables: u64,
    /// Rows.
    pub rows: u64,
    /// Logical bytes of the rows.
    #[serde(default)]
    pub bytes: u64,
    /// Kubernetes objects applied.
    pub objects: u64,
    /// Objects left as they were, with the reason, at most [`NAMED`].
    #[serde(default)]
    pub objects_skipped: Vec<String>,
    /// Pipeline specs put into the bucket.
    pub specs: u64,
    /// Artifacts put into the bucket.
    pub artifacts: u64,
    /// Secrets applied.
    pub secrets: u64,
    /// Secrets whose values the set holds and that the Job may not make, at most [`NAMED`].
    #[serde(default)]
    pub secrets_missing: Vec<String>,
    /// Runs closed as failed.
    pub runs_closed: u64,
    /// Their ids, at most [`NAMED`].
    #[serde(default)]
    pub runs: Vec<String>,
    /// Workflows exported and set aside.
    pub workflows_set_aside: u64,
    /// Their names, at most [`NAMED`].
    #[serde(default)]
    pub workflows: Vec<String>,
    /// Where the exported Workflows lie in the destination.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflows_export: Option<String>,
    /// What a person should know, at most [`NAMED`] sentences.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Removed {
    /// Sets removed whole.
    pub sets: Vec<SetId>,
    /// Files removed.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that the destination holds on to (retention, object lock), at most [`NAMED`].
    #[serde(default)]
    pub held: Vec<String>,
}
