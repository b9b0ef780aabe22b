//! SETS: the manifest, which ties the parts of a set together and says what they hold. Pure.
//!
//! It is never encrypted, so it holds no row and no secret.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::database::DatabasesRecord;
use crate::layout::{Attempt, SetId, encrypted};
pub use crate::listed::{LISTED, Listed};
use crate::part::Part;

/// What every manifest calls its format.
pub const FORMAT: &str = "kfpops.dev/backup";
/// The newest version of the format that this program reads, and the one that it writes.
pub const VERSION: u32 = 1;

/// What a set is and what it holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// Version of the format. A reader refuses what is newer than itself; a field that it does not know changes nothing of
    /// what it reads.
    pub format_version: u32,
    /// Name of the set.
    pub set: SetId,
    /// The attempt whose folder holds the parts.
    pub attempt: Attempt,
    /// The installation that was backed up.
    pub source: Origin,
    /// What the set was taken for.
    #[serde(default)]
    pub purpose: Purpose,
    /// When the attempt began.
    pub started: Timestamp,
    /// The moment that the databases show, by their server's clock.
    pub instant: Timestamp,
    /// When the manifest was written.
    pub finished: Timestamp,
    /// The databases: server, tables, row counts, checksums, parts.
    pub databases: DatabasesRecord,
    /// Which database is which, by what KFP uses it for.
    pub roles: BTreeMap<Role, String>,
    /// What the schemas were judged to be.
    pub schemas: Vec<SchemaRecord>,
    /// Kubernetes objects, a record a kind.
    pub objects: Vec<ObjectsRecord>,
    /// The bucket; absent when the installation has none that the Job was told of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<BucketRecord>,
    /// Secrets that the installation needs.
    #[serde(default)]
    pub secrets: Vec<SecretRecord>,
    /// How parts are encrypted; absent when none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<EncryptionRecord>,
    /// Every part, in the order of paths.
    pub parts: Vec<Part>,
}

/// What a set was taken for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// To be restored some day.
    #[default]
    Backup,
    /// To undo the restore that it was taken before. Whoever wants it names it: it is never the newest set of a time.
    Safety,
}

/// The installation that was backed up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub installation: String,
    /// The uid of its resource.
    #[serde(default)]
    pub uid: String,
    /// The KFP release that ran, as the catalog names it.
    pub release: String,
    /// Version of kfp-operator that wrote the set.
    #[serde(default)]
    pub operator: String,
}

/// What KFP uses a database for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// Pipelines, versions, runs, recurring runs, tasks.
    Pipelines,
    /// ML Metadata.
    Metadata,
    /// Answers of the cache server.
    Cache,
}

/// What a schema was judged to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SchemaRecord {
    /// Name of the database.
    pub database: String,
    /// `Exact`, `Tolerated`, `HalfMigrated`, `Foreign` or `Empty`; `Unjudged` for a database whose schema is in no catalog.
    pub verdict: String,
    /// Releases whose schema it is.
    #[serde(default)]
    pub releases: Vec<String>,
}

/// Kubernetes objects of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectsRecord {
    /// API group; empty for the core group.
    pub group: String,
    /// API version.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Plural, as in URLs.
    pub plural: String,
    /// Objects in the part, as they were after the databases' moment.
    pub count: u64,
    /// Path of the part.
    pub part: String,
    /// Objects that were made, changed or deleted between the reading before and the one after.
    #[serde(default)]
    pub differences: Listed<Difference>,
}

/// An object that did not stay the same while the set was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// Name of the object.
    pub name: String,
    /// What happened to it.
    pub change: Change,
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// It was not there before.
    Made,
    /// It was otherwise before; the part holds it as it was after.
    Changed,
    /// It was not there after, so the part does not hold it.
    Deleted,
}

/// What was found in the installation's bucket and what was done about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BucketRecord {
    /// Name of the bucket.
    pub name: String,
    /// Compiled pipelines in the bucket.
    pub specs: SpecsRecord,
    /// Artifacts of runs.
    pub artifacts: ArtifactsRecord,
}

/// Compiled pipelines that were copied from the bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SpecsRecord {
    /// Objects copied.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Versions whose row says where their text lies in the bucket, and it does not.
    #[serde(default)]
    pub missing: Listed<String>,
}

/// Artifacts that rows refer to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactsRecord {
    /// What was to be done about them.
    pub mode: ArtifactsMode,
    /// Objects in the bucket that rows refer to; those below a referred folder count one by one.
    #[serde(default)]
    pub count: u64,
    /// Their bytes.
    #[serde(default)]
    pub bytes: u64,
    /// Objects copied into this destination by this set.
    #[serde(default)]
    pub copied: u64,
    /// Bytes of those.
    #[serde(default)]
    pub copied_bytes: u64,
    /// Objects that an earlier set had copied already.
    #[serde(default)]
    pub reused: u64,
    /// References to other buckets or stores, which are not looked at.
    #[serde(default)]
    pub elsewhere: Listed<String>,
    /// References to the bucket behind which nothing lies; and objects that went or changed while they were copied, or whose key
    /// (`a//b`) cannot be asked for.
    #[serde(default)]
    pub missing: Listed<String>,
    /// Whether the bucket keeps versions; absent when that was not asked or not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versioned: Option<bool>,
}

/// What is done about artifacts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ArtifactsMode {
    /// Nothing.
    #[default]
    None,
    /// Keys, sizes and `ETag`s are listed.
    Manifest,
    /// As `Manifest`, with the ids of the versions that a versioned bucket keeps.
    Versioning,
    /// Those that no earlier set of the installation holds in this destination are copied.
    IncrementalCopy,
}

/// A Secret that the installation needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretRecord {
    /// Its name.
    pub name: String,
    /// Its keys.
    pub keys: Vec<String>,
    /// Whether its values are in the set, encrypted.
    pub kept: bool,
}

/// How parts are encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EncryptionRecord {
    /// `age-v1` (age-encryption.org/v1).
    pub format: String,
    /// The recipients, any of whose identities decrypts every encrypted part.
    pub recipients: Vec<String>,
    /// What is encrypted.
    pub scope: EncryptionScope,
}

/// What is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum EncryptionScope {
    /// Every part but the list of shared copies; and the shared copies.
    #[default]
    All,
    /// The values of Secrets only.
    Secrets,
}

/// A manifest that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// It does not match its digest.
    #[error(
        "the manifest of set {set} does not match its digest: it was changed or cut after it was written; use another set"
    )]
    Digest {
        /// Name of the set.
        set: String,
    },
    /// It is no manifest.
    #[error("the manifest of set {set} cannot be read: {why}; use another set")]
    Malformed {
        /// Name of the set.
        set: String,
        /// What the reader said.
        why: String,
    },
    /// It is of a newer format.
    #[error(
        "set {set} is of format version {found}, and this kfp-operator reads up to {VERSION}; use a newer kfp-operator"
    )]
    Newer {
        /// Name of the set.
        set: String,
        /// The format's version.
        found: u64,
    },
    /// It is the manifest of another set.
    #[error("the manifest of set {set} is the one of set {found}: the destination's files were mixed up")]
    Swapped {
        /// Name of the set that was asked for.
        set: String,
        /// Name of the set that it tells.
        found: String,
    },
}

impl ManifestError {
    /// The stable reason.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Digest { .. } | Self::Malformed { .. } => "ManifestDamaged",
            Self::Newer { .. } => "FormatTooNew",
            Self::Swapped { .. } => "ManifestSwapped",
        }
    }
}

impl Manifest {
    /// Reads the manifest of `set`, whose digest has been compared already.
    pub fn read(set: &SetId, text: &[u8]) -> Result<Self, ManifestError> {
        let malformed = |why: String| ManifestError::Malformed {
            set: set.to_string(),
            why,
        };
        let value: serde_json::Value =
            serde_json::from_slice(text).map_err(|error| malformed(error.to_string()))?;
        if value["format"] != FORMAT {
            return Err(malformed(format!(
                "it does not say that it is of format {FORMAT}"
            )));
        }
        match value["formatVersion"].as_u64() {
            None | Some(0) => return Err(malformed("it has no version of the format".into())),
            Some(found) if found > u64::from(VERSION) => {
                return Err(ManifestError::Newer {
                    set: set.to_string(),
                    found,
                });
            }
            Some(_) => {}
        }
        let manifest: Self = serde_json::from_value(value).map_err(|error| malformed(error.to_string()))?;
        if manifest.set != *set {
            return Err(ManifestError::Swapped {
                set: set.to_string(),
                found: manifest.set.to_string(),
            });
        }
        Ok(manifest)
    }

    /// The manifest as it is stored: JSON, indented, with a line end.
    pub fn write(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(text)
    }

    /// The part of this path.
    #[must_use]
    pub fn part(&self, path: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.path == path)
    }

    /// The part of this path, whether it is encrypted or not. `plain` is the path without the ending of encrypted ones.
    #[must_use]
    pub fn sealed_or_plain(&self, plain: &str) -> Option<&Part> {
        let sealed = encrypted(plain);
        self.parts
            .iter()
            .find(|part| part.path == plain || part.path == sealed)
    }

    /// What was to be done about artifacts.
    #[must_use]
    pub fn artifacts_mode(&self) -> ArtifactsMode {
        self.bucket
            .as_ref()
            .map_or(ArtifactsMode::None, |bucket| bucket.artifacts.mode)
    }

    /// Bytes of all parts as stored.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes).sum()
    }
}
