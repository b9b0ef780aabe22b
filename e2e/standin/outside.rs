//! Room e2e/standin: the words of the data files for what lies outside the pod: database, bucket, peers, ports. No I/O,
//! no judgement here.

use serde::Deserialize;

use crate::template::Template;

/// How the database itself is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum CreateDatabase {
    /// `CREATE DATABASE x` at every start; "exists" is fine, a refusal is not.
    Always,
    /// `CREATE DATABASE IF NOT EXISTS x`.
    IfMissing,
}

/// A database.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DatabaseContract {
    /// Which `data/schema/<schema>.{sql,shape}` is its own.
    pub schema: String,
    /// How the database itself is made.
    pub create: CreateDatabase,
    /// Host name.
    pub host: Template,
    /// TCP port.
    pub port: Template,
    /// User name.
    pub user: Template,
    /// Password.
    pub password: Template,
    /// Name of the database, put into statements without quotes, as the real ones do.
    pub name: Template,
    /// How long it tries, a Go duration; zero is once.
    pub retry_for: Template,
    /// `data/schema/<name>.sql` that runs at every start, or none.
    #[serde(default)]
    pub every_start: Option<String>,
    /// Older schemas that this release was seen to migrate from (`data/schema/<from>-to-<schema>.sql`).
    #[serde(default)]
    pub migrates_from: Vec<String>,
    /// Newer schemas on which this release was seen to start without changing anything.
    #[serde(default)]
    pub leaves_alone: Vec<String>,
    /// `data/schema/<name>.sql`, run in a transaction that is rolled back.
    pub probe: String,
    /// `data/schema/<name>.sql`: first rows, written when `default_experiments` is empty.
    #[serde(default)]
    pub seed: Option<String>,
    /// Upstream fact.
    pub why: String,
}

/// What is done with the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Access {
    /// Made if missing; an object is put, read and deleted.
    CreateAndWrite,
    /// Read only.
    Read,
}

/// When something is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum When {
    /// Before any port is opened, as the real program does.
    #[default]
    BeforeServing,
    /// While its ports are served already: the real program calls it later.
    WhileServing,
}

/// A bucket.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BucketContract {
    /// Host name.
    pub host: Template,
    /// TCP port; empty is the scheme's own.
    pub port: Template,
    /// `true` for TLS.
    pub secure: Template,
    /// Region to sign for.
    pub region: Template,
    /// Bucket name.
    pub name: Template,
    /// Access key.
    pub access_key: Template,
    /// Secret key.
    pub secret_key: Template,
    /// What is done with it.
    pub access: Access,
    /// When.
    #[serde(default)]
    pub when: When,
    /// How long an unreachable store is tried, a Go duration; zero is once.
    pub retry_for: Template,
    /// Upstream fact.
    pub why: String,
}

/// What an unreachable peer leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum PeerFailure {
    /// The contract is broken.
    Exit,
    /// A loud line in the log.
    Warn,
}

/// Another program that must take TCP connections.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PeerContract {
    /// Its name for people.
    pub what: String,
    /// `host:port`.
    pub address: Template,
    /// When it is called.
    pub when: When,
    /// How long it is waited for, a Go duration.
    pub wait_for: Template,
    /// What follows when it does not answer.
    pub failure: PeerFailure,
    /// Upstream fact.
    pub why: String,
}

/// What a port answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Service {
    /// KFP's HTTP API: healthz, metrics; 501 for the rest.
    ApiServer,
    /// HTTP/2 that answers every call with gRPC's UNIMPLEMENTED.
    Grpc,
    /// KFP's page: healthz and a page that says what it is.
    Frontend,
    /// A page that says what it is.
    Page,
    /// `/metrics`.
    Metrics,
    /// `/mutate` over TLS, which allows every pod.
    CacheWebhook,
    /// KFP's own webhooks for pipelines that are Kubernetes objects, over TLS: they allow everything and change nothing.
    PipelineWebhook,
    /// `/ready`.
    EnvoyAdmin,
}

/// A port.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PortContract {
    /// TCP port.
    pub port: Template,
    /// What it answers.
    #[serde(rename = "as")]
    pub service: Service,
    /// Whether `/apis/v2beta1/healthz` names the pipeline store (since 2.14.0).
    #[serde(default = "yes")]
    pub pipeline_store: bool,
    /// It is open only where this is a true value, such as `${--flag}`.
    #[serde(default)]
    pub only: Option<Template>,
    /// Path of the certificate, for TLS.
    #[serde(default)]
    pub certificate: Option<Template>,
    /// Path of the key, for TLS.
    #[serde(default)]
    pub key: Option<Template>,
    /// Upstream fact.
    pub why: String,
}

const fn yes() -> bool {
    true
}
