//! JUDGEMENT: one document on many releases. Total: every document that was read has a verdict.

use kfp_releases::Version;
use serde::{Deserialize, Serialize};

use crate::finding::{Effect, Finding};

/// How a pipeline fares on a release: the worst of its findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// It runs as written.
    Runs,
    /// It runs; something in it has no effect, does something else, or is discouraged.
    RunsWithWarnings,
    /// It is accepted, and its run fails.
    Fails,
    /// It can be uploaded; creating a run of it is refused.
    RefusedAtRun,
    /// Uploading it is refused.
    RefusedAtUpload,
}

/// All that is told about one document on one release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The release judged.
    pub release: Version,
    /// How the pipeline fares there.
    pub outcome: Outcome,
    /// In the order of the text, worst first at one place.
    pub findings: Vec<Finding>,
}

impl Outcome {
    /// The outcome that findings of these effects amount to.
    #[must_use]
    pub fn of(findings: &[Finding]) -> Self {
        match findings.iter().map(|finding| finding.effect).max() {
            None | Some(Effect::Note) => Self::Runs,
            Some(Effect::Discouraged | Effect::RunsDifferently | Effect::Dropped) => Self::RunsWithWarnings,
            Some(Effect::FailsAtRun) => Self::Fails,
            Some(Effect::RefusedAtRun) => Self::RefusedAtRun,
            Some(Effect::RefusedAtUpload) => Self::RefusedAtUpload,
        }
    }
}
