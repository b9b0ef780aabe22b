//! JUDGEMENT: one document on many releases. Total: every document that was read has a verdict.

pub(crate) mod facts;
pub(crate) mod number;
mod pipeline;
pub(crate) mod releases;
pub(crate) mod report;
pub(crate) mod says;
pub(crate) mod steps;
pub(crate) mod trail;
mod walk;

#[cfg(test)]
mod tests;

use kfp_releases::Version;
use serde::{Deserialize, Serialize};

use crate::document::Document;
use crate::finding::{Effect, Finding};
use crate::knowledge::Knowledge;
use releases::Releases;
use report::Report;

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
    /// What limits this verdict: the release is not in the knowledge and the nearest one was taken, or no published
    /// package knows just what it parses. Unset: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Outcome {
    /// The outcome that findings of these effects amount to.
    #[must_use]
    pub fn of(findings: &[Finding]) -> Self {
        Self::of_effects(findings.iter().map(|finding| finding.effect))
    }

    /// The outcome that these effects amount to.
    #[must_use]
    pub fn of_effects(effects: impl Iterator<Item = Effect>) -> Self {
        match effects.max() {
            None | Some(Effect::Note) => Self::Runs,
            Some(Effect::Discouraged | Effect::RunsDifferently | Effect::Dropped) => Self::RunsWithWarnings,
            Some(Effect::FailsAtRun) => Self::Fails,
            Some(Effect::RefusedAtRun) => Self::RefusedAtRun,
            Some(Effect::RefusedAtUpload) => Self::RefusedAtUpload,
        }
    }
}

/// How `document` fares on each of `releases`, in their order. A release that the knowledge does not have is judged as the
/// nearest older one, or the oldest, and its verdict says so.
#[must_use]
pub fn judge(document: &Document, releases: &[Version], knowledge: &Knowledge) -> Vec<Verdict> {
    let nearest: Vec<usize> = releases
        .iter()
        .map(|release| knowledge.nearest(*release))
        .collect();
    let wanted = nearest
        .iter()
        .fold(Releases::NONE, |all, position| all.or(Releases::only(*position)));
    let mut report = Report::new();
    match document {
        Document::Pipeline(document) => pipeline::pipeline(document, knowledge, wanted, &mut report),
        Document::Workflow(document) => pipeline::workflow(document, knowledge, wanted, &mut report),
    }
    report.sort();
    releases
        .iter()
        .zip(nearest)
        .map(|(release, position)| {
            let findings = report.findings(position, *release, knowledge.releases());
            Verdict {
                release: *release,
                outcome: Outcome::of(&findings),
                findings,
                note: knowledge.note(*release, position),
            }
        })
        .collect()
}
