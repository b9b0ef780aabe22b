//! WORDS: the SDK policy in the spec and what the status says of stored pipelines. No I/O, no decisions.
//!
//! Doc comments here are what `kubectl explain` and the API reference print.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::status::{NAME_MAX, RELEASE_MAX, cut, cut_some};

/// Longest range of versions, in characters.
const RANGE_MAX: usize = 128;
/// Longest version of an SDK, in characters.
const SDK_VERSION_MAX: usize = 32;
/// Most releases that totals are given for: the one that runs and those that it may go to.
const RELEASES_MAX: usize = 16;
/// Most versions of SDKs that are counted one by one.
pub const SDK_VERSIONS_MAX: usize = 16;
/// Most ConfigMaps named as holding the inventory.
pub const SHARDS_MAX: usize = 64;

/// Which Python SDKs pipelines may be compiled with, and what is done about others.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SdkPolicySpec {
    /// What is done about a pipeline outside the policy: `Enforce` (it is refused; needs `pipelineStore.type: Kubernetes`),
    /// `Warn` (it is told, by condition `SdkAligned` and, where the store is Kubernetes, when it is applied) or `Off`
    /// (nothing). Values may be added.
    #[serde(default)]
    pub mode: SdkPolicyMode,
    /// Versions of the `kfp` SDK that are allowed, as Python writes ranges, for example `>=2.9,<2.17,!=2.15.0`: at most eight
    /// clauses, all of which must hold. As in Python, `<2.17` leaves out the pre-releases of 2.17 too. Unset means from
    /// 2.0.0 up to the last patch of the minor of the SDK that the running release was published with; `status.sdk.allowed`
    /// shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 4, max = RANGE_MAX))]
    #[schemars(regex(
        pattern = r"^(>=|<=|==|!=|>|<)[0-9]{1,4}\.[0-9]{1,4}(\.[0-9]{1,4})?((a|b|rc)[0-9]{1,4})?(, ?(>=|<=|==|!=|>|<)[0-9]{1,4}\.[0-9]{1,4}(\.[0-9]{1,4})?((a|b|rc)[0-9]{1,4})?){0,7}$"
    ))]
    pub allowed: Option<String>,
    /// What the policy does not apply to. A pipeline outside `allowed` is let through when one of these fits it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub exceptions: Vec<SdkException>,
    /// How stored pipelines are looked through.
    #[serde(default)]
    pub inventory: InventorySpec,
}

/// What is done about a pipeline outside the policy. Values may be added.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
pub enum SdkPolicyMode {
    /// It is refused, where something can refuse it.
    Enforce,
    /// It is told.
    #[default]
    Warn,
    /// Nothing.
    Off,
}

/// Something that the policy does not apply to. With both a pipeline and an SDK version, both must fit.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SdkException {
    /// Name of a pipeline as it is stored, every version of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub pipeline: Option<String>,
    /// A version of the SDK, for example `2.15.1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = SDK_VERSION_MAX))]
    #[schemars(regex(pattern = r"^[0-9]{1,4}\.[0-9]{1,4}(\.[0-9]{1,4})?((a|b|rc)[0-9]{1,4})?$"))]
    pub sdk_version: Option<String>,
    /// Why, for whoever reads the policy later.
    #[schemars(length(min = 1, max = 256))]
    pub reason: String,
    /// Time from which on the exception does not count any more. Unset means never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Time>,
}

/// How stored pipelines are looked through: with a database user that may only read, a little at a time.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InventorySpec {
    /// Whether stored pipelines are looked through at all.
    #[serde(default = "enabled")]
    pub enabled: bool,
    /// Seconds from the end of one full scan to the beginning of the next. What is stored in between is found by small
    /// looks at new rows.
    #[serde(default = "interval")]
    #[schemars(range(min = 300, max = 604_800))]
    pub interval_seconds: i32,
    /// How many of the newest runs are looked at beside pipeline versions and recurring runs.
    #[serde(default = "recent_runs")]
    #[schemars(range(min = 0, max = 10_000))]
    pub recent_runs: i32,
}

const fn enabled() -> bool {
    true
}

/// An hour: an unchanged database is read rarely, and a changed one is told within small looks anyway.
const fn interval() -> i32 {
    3600
}

/// Some days of a busy team, and less than a second of reading.
const fn recent_runs() -> i32 {
    500
}

impl Default for InventorySpec {
    fn default() -> Self {
        Self {
            enabled: enabled(),
            interval_seconds: interval(),
            recent_runs: recent_runs(),
        }
    }
}

/// The SDK policy in use and what stored pipelines were found to be.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SdkStatus {
    /// Range of SDK versions in use: the spec's, or the release's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = RANGE_MAX))]
    pub allowed: Option<String>,
    /// ConfigMap of this namespace with the policy and the versions to pin, for clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = NAME_MAX))]
    pub config_map: Option<String>,
    /// What was found when stored pipelines were last looked through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory: Option<InventoryStatus>,
}

/// What was found when stored pipelines were last looked through. Single ones stand in the ConfigMaps named by `shards`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InventoryStatus {
    /// Stored pipeline versions.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub pipeline_versions: i64,
    /// Recurring runs.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub recurring_runs: i64,
    /// Recent runs that were looked at.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub recent_runs: i64,
    /// Pipeline versions and recurring runs whose SDK is outside the policy and that no exception covers.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub outside_policy: i64,
    /// Totals by release: the one that runs, and each that it may go to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = RELEASES_MAX))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["release"]))]
    pub releases: Vec<ReleaseTotals>,
    /// The SDK versions found most often, at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = SDK_VERSIONS_MAX))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["version"]))]
    pub sdk_versions: Vec<SdkVersionTotals>,
    /// How many SDK versions were found beside those in `sdkVersions`.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub more_sdk_versions: i64,
    /// More is stored than is looked at: of pipeline versions the newest 15,000, of recurring runs 3,000 in the order of their
    /// keys. Of what is looked at, what has no room in the ConfigMaps is left out: runs first, the oldest first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub beyond_limits: bool,
    /// When the last full scan ended. Unset before the first one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_full_scan: Option<Time>,
    /// ConfigMaps of this namespace that hold the inventory, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = SHARDS_MAX), inner(length(max = NAME_MAX)))]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub shards: Vec<String>,
    /// How far a full scan is that is under way. Unset while none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<ScanProgress>,
}

/// How stored pipelines fare on one release.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseTotals {
    /// The release.
    #[schemars(length(max = RELEASE_MAX))]
    pub release: String,
    /// Pipeline versions.
    #[serde(default)]
    pub pipeline_versions: VerdictTotals,
    /// Recurring runs.
    #[serde(default)]
    pub recurring_runs: VerdictTotals,
    /// Recent runs.
    #[serde(default)]
    pub recent_runs: VerdictTotals,
}

/// How many fare how.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerdictTotals {
    /// They run as written.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub runs: i64,
    /// They run; something in them has no effect, does something else, or is discouraged.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub warnings: i64,
    /// They are refused, when uploaded or when a run is created, or their runs fail.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub refused: i64,
    /// Their stored form could not be read as a pipeline.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub unreadable: i64,
}

/// How often one version of the SDK was found.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SdkVersionTotals {
    /// Version, for example `2.15.2`; `unknown` for pipelines that name none that can be read.
    #[schemars(length(max = SDK_VERSION_MAX))]
    pub version: String,
    /// Pipeline versions.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub pipeline_versions: i64,
    /// Recurring runs.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub recurring_runs: i64,
    /// Recent runs.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub recent_runs: i64,
}

/// How far a full scan is.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScanProgress {
    /// When it began.
    pub started: Time,
    /// Rows read so far.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub scanned: i64,
}

impl SdkStatus {
    /// Cuts everything to what the CustomResourceDefinition accepts.
    pub(crate) fn fit(&mut self) {
        cut_some(&mut self.allowed, RANGE_MAX);
        cut_some(&mut self.config_map, NAME_MAX);
        let Some(inventory) = &mut self.inventory else {
            return;
        };
        inventory.releases.truncate(RELEASES_MAX);
        for totals in &mut inventory.releases {
            cut(&mut totals.release, RELEASE_MAX);
        }
        inventory.sdk_versions.truncate(SDK_VERSIONS_MAX);
        for totals in &mut inventory.sdk_versions {
            cut(&mut totals.version, SDK_VERSION_MAX);
        }
        inventory.shards.truncate(SHARDS_MAX);
        for shard in &mut inventory.shards {
            cut(shard, NAME_MAX);
        }
    }
}
