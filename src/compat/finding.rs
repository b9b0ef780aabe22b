//! JUDGEMENT: what is told about one place of a pipeline on one release. No decisions here.

use kfp_releases::Version;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};

use crate::text::Place;

/// What happens on that backend.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
)]
pub enum Effect {
    /// Something a person may want to know; nothing happens.
    Note,
    /// It works; upstream or this project advises against it.
    Discouraged,
    /// It runs, and does something else than on the release it was written for.
    RunsDifferently,
    /// It is accepted and has no effect.
    Dropped,
    /// It is accepted, and its run fails.
    FailsAtRun,
    /// It can be uploaded; creating a run of it is refused.
    RefusedAtRun,
    /// Uploading it is refused.
    RefusedAtUpload,
}

/// How bad a finding is; follows from its [`Effect`].
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Severity {
    /// For information.
    Note,
    /// It runs, not as written.
    Warning,
    /// It does not run.
    Error,
}

impl Effect {
    /// How bad it is.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::Note => Severity::Note,
            Self::Discouraged | Self::RunsDifferently | Self::Dropped => Severity::Warning,
            Self::FailsAtRun | Self::RefusedAtRun | Self::RefusedAtUpload => Severity::Error,
        }
    }

    /// A server says no to it, at the upload or to the run.
    pub(crate) const fn is_refusal(self) -> bool {
        matches!(self, Self::RefusedAtRun | Self::RefusedAtUpload)
    }
}

/// Stable name of a kind of finding, `KFP` and three digits. Its meaning stands in `data/codes.yaml`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Code(pub String);

/// One thing told about a pipeline on one release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Kind of finding.
    pub code: Code,
    /// What happens.
    pub effect: Effect,
    /// How bad that is.
    pub severity: Severity,
    /// The release judged.
    pub release: Version,
    /// Path in the document, with dots and `[n]`, for example `root.dag.tasks.train.cachingOptions.cacheKey`. Empty: all
    /// of it.
    pub path: String,
    /// Task that it stands in or belongs to (an executor belongs to the tasks that run it; the first is named).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Where it stands. Unset when the place is not in this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What is there and what happens, one sentence without the place.
    pub message: String,
    /// Where newer releases of the catalog take it: the first of the next that do; else the first of the last older ones in a
    /// row that did. Unset: none does, or it is not a matter of age.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub works_since: Option<Version>,
    /// The last release in a row that begins with that one, where it is not the newest of the catalog.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub works_until: Option<Version>,
    /// What to do.
    pub help: String,
}
