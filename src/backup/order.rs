//! SETS: what a Job is told. Everything in it is resolved: the Job looks nothing up. It holds passwords and keys, so it lies in
//! a Secret, and `Debug` shows none of them. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::hidden::Hidden;
use crate::layout::{Home, SetId};
use crate::manifest::{ArtifactsMode, EncryptionScope, Origin, Purpose, Role};

/// What a Job is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Order {
    /// Where it writes its progress and its report.
    pub tell: Tell,
    /// How long it may take, in seconds; 0 is no limit.
    #[serde(default)]
    pub time_limit_seconds: u64,
    /// What it does.
    pub task: Task,
}

/// The ConfigMap that a Job writes its progress and its report into. It must exist; the Job patches it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tell {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// What a Job does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "camelCase")]
pub enum Task {
    /// Takes a set.
    Take(Box<Take>),
    /// Checks a set.
    Verify(Box<Verify>),
    /// Puts a set back.
    Restore(Box<Restore>),
    /// Removes sets, or remains of broken attempts.
    Remove(Box<Remove>),
}

/// How a set is taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Take {
    /// Name of the set. The same when the Job is started again.
    pub set: SetId,
    /// Where it goes.
    pub destination: Destination,
    /// The installation.
    pub source: Origin,
    /// What the set is taken for.
    #[serde(default)]
    pub purpose: Purpose,
    /// The server of its databases, as one who may read them all.
    pub server: DatabaseServer,
    /// Its databases by what they are for.
    pub databases: BTreeMap<Role, String>,
    /// How the databases are read.
    #[serde(default)]
    pub reading: Reading,
    /// Kubernetes objects that are state, in the installation's namespace.
    pub objects: Vec<ObjectKind>,
    /// Its bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<Bucket>,
    /// Further `host:port` under which the installation's own store answers; a destination there is refused.
    #[serde(default)]
    pub own_store: Vec<String>,
    /// What is done about artifacts.
    #[serde(default)]
    pub artifacts: ArtifactsMode,
    /// Secrets that the installation needs.
    #[serde(default)]
    pub secrets: Vec<KeptSecret>,
    /// How parts are encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
}

/// How databases are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Reading {
    /// Connections that read at the same time.
    pub readers: u32,
    /// Longest wait for the snapshot's lock, in seconds.
    pub lock_wait_seconds: u64,
    /// Logical bytes a second; 0 is no limit.
    pub bytes_per_second: u64,
}

impl Default for Reading {
    /// Two readers fill two cores while rows are in memory. Of rows on a disk six dumped 178 MB/s where two did 142, but a dump
    /// shares the server with KFP (the example `transfer`, 3 GB behind a pool of 1 GiB). The wait is that of the issue of long snapshots: a server that starts waits behind it.
    fn default() -> Self {
        Self {
            readers: 2,
            lock_wait_seconds: 10,
            bytes_per_second: 0,
        }
    }
}

/// A server of databases, and who logs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DatabaseServer {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User.
    pub username: String,
    /// Its password.
    pub password: Hidden,
}

/// A kind of Kubernetes objects that is state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObjectKind {
    /// API group; empty for the core group.
    pub group: String,
    /// API version.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Plural, as in URLs.
    pub plural: String,
    /// Only these; empty means all in the namespace.
    #[serde(default)]
    pub names: Vec<String>,
}

/// The bucket of an installation: S3-compatible, addressed by path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bucket {
    /// URL of the store, for example `http://seaweedfs.kubeflow.svc:9000`.
    pub endpoint: String,
    /// Region.
    pub region: String,
    /// Name of the bucket.
    pub name: String,
    /// Access key.
    pub access_key_id: Hidden,
    /// Secret key.
    pub secret_access_key: Hidden,
    /// Certificates that the store is trusted by, in PEM, beside the usual ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificates: Option<String>,
}

/// A Secret of the installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeptSecret {
    /// Its name.
    pub name: String,
    /// Its type, for example `Opaque`.
    #[serde(default)]
    pub r#type: String,
    /// Its keys.
    pub keys: Vec<String>,
    /// Its values in base64 by key, when they are to be kept. Only with [`Encryption`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<BTreeMap<String, Hidden>>,
}

/// To whom parts are encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Encryption {
    /// age recipients (`age1…`); not empty.
    pub recipients: Vec<String>,
    /// What is encrypted.
    #[serde(default)]
    pub scope: EncryptionScope,
}

/// A place for sets, and the credentials for what is to be done there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Destination {
    /// The store.
    pub store: Store,
    /// Where in it the installation's sets lie.
    pub home: Home,
}

/// A store for sets. Credentials that are left out are looked for where the store's own tools look inside a pod (instance
/// metadata, web identity tokens).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum Store {
    /// Amazon S3, or what speaks like it.
    S3 {
        /// URL of another store than Amazon's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        endpoint: Option<String>,
        /// Region.
        region: String,
        /// Bucket.
        bucket: String,
        /// Whether the bucket stands in the path of a URL instead of its host.
        #[serde(default)]
        path_style: bool,
        /// Access key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        access_key_id: Option<Hidden>,
        /// Secret key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secret_access_key: Option<Hidden>,
        /// Token of temporary keys.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session_token: Option<Hidden>,
        /// Certificates that the store is trusted by, in PEM, beside the usual ones.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        certificates: Option<String>,
    },
    /// Google Cloud Storage.
    Gcs {
        /// Bucket.
        bucket: String,
        /// Key of a service account, in JSON.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        service_account: Option<Hidden>,
        /// URL of another store than Google's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        endpoint: Option<String>,
    },
    /// Azure Blob Storage.
    Azure {
        /// Storage account.
        account: String,
        /// Container.
        container: String,
        /// Key of the account.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account_key: Option<Hidden>,
        /// Shared access signature.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sas_token: Option<Hidden>,
        /// URL of another store than Azure's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        endpoint: Option<String>,
    },
}

/// How a set is checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Verify {
    /// The set.
    pub set: SetId,
    /// SHA-256 of its manifest, as it was told when the set was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest_sha256: Option<String>,
    /// Where it lies.
    pub destination: Destination,
    /// age identity (`AGE-SECRET-KEY-1…`) for encrypted parts. Without it their digests are checked, and no row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Hidden>,
    /// A database server to restore into; without it only checksums are compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scratch: Option<Scratch>,
    /// The installation's bucket, a sample of which is compared with what the set says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<Bucket>,
    /// Objects of the bucket that are looked at.
    #[serde(default = "default_sample")]
    pub sample: u64,
}

fn default_sample() -> u64 {
    100
}

/// A server on which databases may be made and dropped for a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scratch {
    /// The server.
    pub server: DatabaseServer,
    /// Beginning of the names of the databases that are made there, for example `kfp_verify_1a2b3c_`; those of the same name are
    /// dropped first, and all of them at the end.
    pub prefix: String,
}

/// How a set is put back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Restore {
    /// The set.
    pub set: SetId,
    /// SHA-256 of its manifest, as it was told when the set was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest_sha256: Option<String>,
    /// Where it lies; the home is the one of the installation that was backed up.
    pub destination: Destination,
    /// The same, with credentials that may write: where what is taken away is exported to.
    pub aside: Destination,
    /// age identity for encrypted parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Hidden>,
    /// The installation that gets it.
    pub target: Origin,
    /// What is put back.
    pub parts: Parts,
    /// The server of its databases, as one who may make and drop databases. Left out, databases stay as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<DatabaseServer>,
    /// Its databases by what they are for.
    #[serde(default)]
    pub databases: BTreeMap<Role, String>,
    /// Whether tables and objects that are there may be overwritten; without it they are a reason to refuse.
    #[serde(default)]
    pub replace: bool,
    /// Its bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<Bucket>,
    /// Whether Workflows that are newer than the set are exported and set aside, and rows of runs without a Workflow closed.
    #[serde(default)]
    pub reconcile_runs: bool,
}

/// What is put back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Parts {
    /// Databases, Kubernetes objects, pipeline specs, Secrets when an identity is given.
    #[default]
    All,
    /// Databases and pipeline specs.
    Database,
    /// ScheduledWorkflows.
    Schedules,
}

/// What is removed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Remove {
    /// Where it lies, with credentials that may list, read and delete.
    pub destination: Destination,
    /// Sets to remove whole. No other Job of the installation may be taking a set meanwhile.
    #[serde(default)]
    pub sets: Vec<SetId>,
    /// Sets of which everything but the manifest's attempt is removed; of a set without a manifest, everything.
    #[serde(default)]
    pub remains: Vec<SetId>,
}
