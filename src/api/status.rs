//! WORDS: the status of a KfpInstallation: a mirror of the world, never memory. No I/O.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backup_status::BackupsStatus;
use crate::embedded;
use crate::installation::DatabaseEngine;
use crate::sdk::SdkStatus;

/// Longest name of a release, in characters.
pub(crate) const RELEASE_MAX: usize = 32;
/// Longest name of a component, in characters: that of an object.
pub(crate) const NAME_MAX: usize = 253;
/// Longest image reference, in characters.
const IMAGE_MAX: usize = 512;
/// Longest message of a component, in characters.
const MESSAGE_MAX: usize = 1024;
/// Longest server version, in characters.
const SERVER_VERSION_MAX: usize = 128;
/// Longest address, in characters.
const ADDRESS_MAX: usize = 512;
/// Longest description of one difference, in characters.
const DIFFERENCE_MAX: usize = 512;
/// Longest message of a condition, in characters, as in Kubernetes' own kinds.
pub(crate) const CONDITION_MESSAGE_MAX: usize = 32_768;
/// Most components shown.
const COMPONENTS_MAX: usize = 64;
/// Most releases named as matching a schema.
const MATCHES_MAX: usize = 64;
/// Most differences of a schema shown.
const DIFFERENCES_MAX: usize = 20;

/// What was seen at the last look.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KfpInstallationStatus {
    /// `metadata.generation` that was last fully processed; -1 before the operator has seen the resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1))]
    pub observed_generation: Option<i64>,
    /// KFP release that runs. Unset until one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = RELEASE_MAX))]
    pub version: Option<String>,
    /// The components of the release, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = COMPONENTS_MAX))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub components: Vec<ComponentStatus>,
    /// The database as it was last seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseStatus>,
    /// Addresses inside the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<Endpoints>,
    /// The SDK policy in use and what stored pipelines were found to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sdk: Option<SdkStatus>,
    /// What there is of backups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<BackupsStatus>,
    /// Conditions by type; types and reasons are stable and documented.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "embedded::conditions")]
    pub conditions: Vec<Condition>,
}

/// One component as it runs.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComponentStatus {
    /// Component name in the release catalog.
    #[schemars(length(max = NAME_MAX))]
    pub name: String,
    /// Release that its workload was rendered from. Unset while it has no workload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = RELEASE_MAX))]
    pub version: Option<String>,
    /// Image of its main container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = IMAGE_MAX))]
    pub image: Option<String>,
    /// Replicas that are up to date and ready.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub ready: i32,
    /// Replicas wanted.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub desired: i32,
    /// What is waited for and why; empty when the component is ready.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = MESSAGE_MAX))]
    pub message: String,
}

/// The database as it was last seen.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseStatus {
    /// Engine in use, `MySQL` or `MariaDB`; fixed for the life of the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DatabaseEngine")]
    pub engine: Option<DatabaseEngine>,
    /// Version that the server reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = SERVER_VERSION_MAX))]
    pub server_version: Option<String>,
    /// The schema of the pipelines database against every release of the catalog.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<SchemaStatus>,
}

/// A schema judged against the catalog.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SchemaStatus {
    /// The verdict: `Exact` (equal to a release's fresh schema), `Tolerated` (differs only in ways that the release is known
    /// to leave or to bear), `HalfMigrated` (an upgrade stopped midway), `Foreign` (no release explains it) or `Empty` (no
    /// tables). Values may be added.
    pub state: SchemaState,
    /// Releases whose schema this is (for `Exact` and `Tolerated`) or is nearest to (for `HalfMigrated` and `Foreign`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MATCHES_MAX), inner(length(max = RELEASE_MAX)))]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub matches: Vec<String>,
    /// What differs from the first release in `matches`, one difference an entry, at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = DIFFERENCES_MAX), inner(length(max = DIFFERENCE_MAX)))]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
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
    #[schemars(length(max = ADDRESS_MAX))]
    pub ui: Option<String>,
    /// The REST API (the address for `kfp.Client(host=…)`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = ADDRESS_MAX))]
    pub api: Option<String>,
    /// The gRPC API, `host:port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = ADDRESS_MAX))]
    pub grpc: Option<String>,
    /// The S3 endpoint of the embedded object store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = ADDRESS_MAX))]
    pub object_store: Option<String>,
}

impl KfpInstallationStatus {
    /// The same status cut to what the CustomResourceDefinition accepts, so that one text too long (a server's error
    /// message, say) never costs the whole status. Cut texts end with `…`.
    #[must_use]
    pub fn fitted(mut self) -> Self {
        cut_some(&mut self.version, RELEASE_MAX);
        self.components.truncate(COMPONENTS_MAX);
        for component in &mut self.components {
            cut(&mut component.name, NAME_MAX);
            cut_some(&mut component.version, RELEASE_MAX);
            cut_some(&mut component.image, IMAGE_MAX);
            cut(&mut component.message, MESSAGE_MAX);
        }
        if let Some(database) = &mut self.database {
            cut_some(&mut database.server_version, SERVER_VERSION_MAX);
            if let Some(schema) = &mut database.schema {
                schema.matches.truncate(MATCHES_MAX);
                schema
                    .matches
                    .iter_mut()
                    .for_each(|release| cut(release, RELEASE_MAX));
                schema.differences.truncate(DIFFERENCES_MAX);
                schema
                    .differences
                    .iter_mut()
                    .for_each(|difference| cut(difference, DIFFERENCE_MAX));
            }
        }
        if let Some(endpoints) = &mut self.endpoints {
            for address in [
                &mut endpoints.ui,
                &mut endpoints.api,
                &mut endpoints.grpc,
                &mut endpoints.object_store,
            ] {
                cut_some(address, ADDRESS_MAX);
            }
        }
        if let Some(sdk) = &mut self.sdk {
            sdk.fit();
        }
        if let Some(backup) = &mut self.backup {
            backup.fit();
        }
        for condition in &mut self.conditions {
            cut(&mut condition.message, CONDITION_MESSAGE_MAX);
        }
        self
    }
}

pub(crate) fn cut_some(text: &mut Option<String>, characters: usize) {
    if let Some(text) = text {
        cut(text, characters);
    }
}

pub(crate) fn cut(text: &mut String, characters: usize) {
    if text.chars().count() <= characters {
        return;
    }
    if let Some((end, _)) = text.char_indices().nth(characters.saturating_sub(1)) {
        text.truncate(end);
        text.push('…');
    }
}
