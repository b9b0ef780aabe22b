//! WORDS: the status of a KfpInstallation: a mirror of the world, never memory. No I/O.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::installation::DatabaseEngine;

/// What was seen at the last look.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KfpInstallationStatus {
    /// `metadata.generation` that was last fully processed; -1 before the operator has seen the resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// KFP release that runs. Unset until one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The components of the release, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<ComponentStatus>,
    /// The database as it was last seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseStatus>,
    /// Addresses inside the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<Endpoints>,
    /// Conditions by type; types and reasons are stable and documented.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// One component as it runs.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComponentStatus {
    /// Component name in the release catalog.
    pub name: String,
    /// Release that its workload was rendered from. Unset while it has no workload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Image of its main container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Replicas that are up to date and ready.
    #[serde(default)]
    pub ready: i32,
    /// Replicas wanted.
    #[serde(default)]
    pub desired: i32,
    /// What is waited for and why; empty when the component is ready.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// The database as it was last seen.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseStatus {
    /// Engine in use; fixed for the life of the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<DatabaseEngine>,
    /// Version that the server reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_version: Option<String>,
    /// The schema of the pipelines database against every release of the catalog.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<SchemaStatus>,
}

/// A schema judged against the catalog.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SchemaStatus {
    /// The verdict.
    pub state: SchemaState,
    /// Releases whose schema this is (for `Exact` and `Tolerated`) or is nearest to (for `HalfMigrated` and `Foreign`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<String>,
    /// What differs from the first release in `matches`, one difference an entry, at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<String>,
}

/// Verdict on a schema. Values may be added.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
pub enum SchemaState {
    /// Equal to a release's fresh schema.
    Exact,
    /// Differs only in ways that the release is known to leave or to bear.
    Tolerated,
    /// An upgrade stopped midway.
    HalfMigrated,
    /// No release explains it.
    Foreign,
    /// No tables.
    Empty,
}

/// Addresses inside the cluster.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Endpoints {
    /// The user interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ui: Option<String>,
    /// The REST API (the address for `kfp.Client(host=…)`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
    /// The gRPC API, `host:port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grpc: Option<String>,
    /// The S3 endpoint of the embedded object store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_store: Option<String>,
}
