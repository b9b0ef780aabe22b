//! JUDGEMENT: one document on many releases. Total: every document that was read has a verdict.

use kfp_releases::Version;
use serde::{Deserialize, Serialize};

use crate::document::Document;
use crate::finding::{Code, Effect, Finding};
use crate::knowledge::Knowledge;
use crate::text::Tree;

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
    /// What limits this verdict: the release is not in the knowledge and the nearest one was taken, or its field tables
    /// are derived and not from its own packages. Unset: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
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

/// How `document` fares on each of `releases`, in their order.
#[must_use]
pub fn judge(document: &Document, releases: &[Version], knowledge: &Knowledge) -> Vec<Verdict> {
    releases
        .iter()
        .map(|release| {
            let findings = match document {
                Document::Pipeline(pipeline) => schema_version(&pipeline.spec, *release, knowledge),
                Document::Workflow(_) => Vec::new(),
            };
            Verdict {
                release: *release,
                outcome: Outcome::of(&findings),
                findings,
                note: None,
            }
        })
        .collect()
}

fn schema_version(spec: &Tree, release: Version, knowledge: &Knowledge) -> Vec<Finding> {
    let written = spec.root().get("schemaVersion");
    let text = written.and_then(|value| value.as_str());
    if text == Some(knowledge.schema_version()) {
        return Vec::new();
    }
    vec![Finding {
        code: Code("KFP010".to_owned()),
        effect: Effect::RefusedAtUpload,
        severity: Effect::RefusedAtUpload.severity(),
        release,
        path: "schemaVersion".to_owned(),
        task: None,
        place: written.map(|value| value.place()),
        message: format!(
            "the schema version is {}; the server takes {} only",
            text.unwrap_or("not set"),
            knowledge.schema_version()
        ),
        works_since: None,
        works_until: None,
        help: "compile it again with an SDK of the second generation".to_owned(),
    }]
}
