//! PEOPLE: the report of a check as programs read it (`--output json`); every other output is drawn from it. No I/O.

use kfp_compat::{Effect, Outcome, Severity};
use kfp_releases::Version;
use schemars::JsonSchema;
use serde::Serialize;

use super::excerpt::Excerpt;

/// Version of this schema. The first number changes when a field goes or means something else, the second when one is
/// added.
pub const SCHEMA_VERSION: &str = "1.0";

/// What `kfpctl check` found.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Version of this schema, `MAJOR.MINOR`.
    pub schema_version: &'static str,
    /// Version of kfpctl.
    pub kfpctl_version: &'static str,
    /// The releases that everything was judged for.
    pub backends: Vec<Backend>,
    /// The policy file that was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Everything that was judged, by path.
    pub files: Vec<FileReport>,
    /// What could not be read. Any makes exit code 2.
    pub unreadable: Vec<UnreadableFile>,
    /// Files that were looked at in folders and are neither pipelines nor requirements.
    pub passed_over: usize,
    /// What a person should know about the check itself.
    pub notices: Vec<String>,
    /// Totals.
    pub summary: Summary,
}

/// A release that was judged for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Backend {
    /// The release.
    #[schemars(with = "String")]
    pub release: Version,
    /// Who named it.
    pub named_by: String,
}

/// What kind of thing was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// A compiled pipeline.
    Pipeline,
    /// An Argo Workflow of the v1 SDK.
    Workflow,
    /// A file that asks for or pins Python packages.
    Requirements,
    /// A Python environment.
    Environment,
}

/// One file.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileReport {
    /// Path as given or found; `<stdin>` for standard input.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// The SDK that compiled it, as written there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sdk: Option<String>,
    /// How it fares on each backend.
    pub verdicts: Vec<ReleaseVerdict>,
    /// In the order of the text. One finding stands for every release that it holds on.
    pub findings: Vec<FileFinding>,
}

/// How one file fares on one release.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseVerdict {
    /// The release.
    #[schemars(with = "String")]
    pub release: Version,
    /// The worst of the findings there, before any policy.
    #[schemars(with = "OutcomeWord")]
    pub outcome: Outcome,
    /// What limits this verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Something found.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileFinding {
    /// `KFP` and three digits; `kfpctl explain` says more.
    pub code: String,
    /// What happens.
    #[schemars(with = "EffectWord")]
    pub effect: Effect,
    /// How bad that is; follows from the effect unless the policy says otherwise.
    #[schemars(with = "SeverityWord")]
    pub severity: Severity,
    /// The releases it holds on, oldest first.
    #[schemars(with = "Vec<String>")]
    pub releases: Vec<Version>,
    /// Path in the document, with dots and `[n]`. Empty: all of it.
    pub path: String,
    /// Task that it stands in or belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Where it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Span>,
    /// What is there and what happens.
    pub message: String,
    /// Where newer releases of the catalog take it: the first of the next that do; else the first of the last older ones in a row
    /// that did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub works_since: Option<Version>,
    /// The last release in a row that begins with that one, where it is not the newest of the catalog.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub works_until: Option<Version>,
    /// What to do.
    pub help: String,
    /// Set when the policy takes it out of the count, with its reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignored: Option<Ignored>,
    /// The lines it stands on.
    #[serde(skip)]
    pub excerpt: Option<Excerpt>,
}

/// Where something stands: lines and columns from 1, columns in characters, the end one past the last character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    /// First line.
    pub line: u32,
    /// First column.
    pub column: u32,
    /// Last line.
    pub end_line: u32,
    /// Column after the last character.
    pub end_column: u32,
}

/// Why a finding does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ignored {
    /// As the policy says.
    pub reason: String,
    /// Last day on which it is ignored, `YYYY-MM-DD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// A file that could not be read.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnreadableFile {
    /// Path as given or found.
    pub path: String,
    /// Where reading stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Span>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
    /// The lines where reading stopped.
    #[serde(skip)]
    pub excerpt: Option<Excerpt>,
}

/// Totals over all files. Ignored findings count only as ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Files judged.
    pub files: usize,
    /// Files with an error or a warning.
    pub files_with_findings: usize,
    /// Findings of severity error.
    pub errors: usize,
    /// Findings of severity warning.
    pub warnings: usize,
    /// Findings of severity note.
    pub notes: usize,
    /// Findings that the policy ignores.
    pub ignored: usize,
}

impl Report {
    /// Findings that count, with their files.
    pub fn counted(&self) -> impl Iterator<Item = (&FileReport, &FileFinding)> {
        self.files
            .iter()
            .flat_map(|file| file.findings.iter().map(move |finding| (file, finding)))
            .filter(|(_, finding)| finding.ignored.is_none())
    }

    /// Sets the totals from the files.
    pub fn sum(&mut self) {
        let mut summary = Summary {
            files: self.files.len(),
            ..Summary::default()
        };
        for file in &self.files {
            let mut told = false;
            for finding in &file.findings {
                match (&finding.ignored, finding.severity) {
                    (Some(_), _) => summary.ignored += 1,
                    (None, Severity::Error) => summary.errors += 1,
                    (None, Severity::Warning) => summary.warnings += 1,
                    (None, Severity::Note) => summary.notes += 1,
                }
                told |= finding.ignored.is_none() && finding.severity > Severity::Note;
            }
            summary.files_with_findings += usize::from(told);
        }
        self.summary = summary;
    }
}

/// The words of [`Effect`], for the schema.
#[derive(JsonSchema)]
#[schemars(rename = "Effect")]
#[expect(dead_code, reason = "it stands in the schema alone")]
enum EffectWord {
    /// Nothing happens.
    Note,
    /// It works; it is advised against.
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

/// The words of [`Severity`], for the schema.
#[derive(JsonSchema)]
#[schemars(rename = "Severity", rename_all = "lowercase")]
#[expect(dead_code, reason = "it stands in the schema alone")]
enum SeverityWord {
    /// For information.
    Note,
    /// It runs, not as written.
    Warning,
    /// It does not run.
    Error,
}

/// The words of [`Outcome`], for the schema.
#[derive(JsonSchema)]
#[schemars(rename = "Outcome")]
#[expect(dead_code, reason = "it stands in the schema alone")]
enum OutcomeWord {
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
