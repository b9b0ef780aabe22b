//! JUDGEMENT: what a team has decided: which SDKs it allows, which findings it accepts or takes more seriously, and until
//! when. Pure: today is an argument.

mod installed;

use std::str::FromStr;

use globset::{GlobBuilder, GlobMatcher};
use jiff::civil::Date;
use kfp_releases::Version;
use pep440_rs::VersionSpecifiers;
use serde::Deserialize;

use crate::finding::{Code, Effect, Finding, Severity};
use crate::requirements::{Ask, Requirement};
use crate::text::Place;

pub use installed::InstalledPolicy;

/// The SDK is one that the policy does not allow.
const NOT_ALLOWED: &str = "KFP087";

/// A policy file. Every field may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Policy {
    /// Releases to judge for when the command line names none.
    #[serde(default)]
    pub backends: Vec<String>,
    /// Range of releases to judge for when the command line names none, for example `>=2.14, <2.17`.
    #[serde(default)]
    pub backend_range: Option<String>,
    /// Least severity that fails the check when the command line does not say; error where this is left out, too.
    #[serde(default)]
    pub fail_on: Option<Severity>,
    /// Which SDKs are allowed.
    #[serde(default)]
    pub sdk: Option<SdkRule>,
    /// Decisions about findings. The first that is about a finding holds.
    #[serde(default)]
    pub findings: Vec<FindingRule>,
}

/// Which SDKs are allowed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SdkRule {
    /// Range of versions of `kfp`, as PEP 440 writes it, for example `>=2.14.3, <2.17`.
    pub allowed: Specifiers,
    /// Why; shown with each finding.
    #[serde(default)]
    pub reason: Option<String>,
    /// How bad another SDK is.
    #[serde(default = "error")]
    pub severity: Severity,
}

/// One decision about findings.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FindingRule {
    /// The code, for example `KFP021`.
    pub code: Code,
    /// What becomes of it.
    pub action: Action,
    /// Why. Required, for whoever reads it next year.
    pub reason: String,
    /// Last day on which this holds, `YYYY-MM-DD`.
    #[serde(default)]
    pub until: Option<Date>,
    /// Files it is about, as patterns (`legacy/**`); empty: all.
    #[serde(default)]
    pub paths: Vec<Pattern>,
    /// Tasks it is about; empty: all.
    #[serde(default)]
    pub tasks: Vec<String>,
}

/// What becomes of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is not counted.
    Ignore,
    /// It counts as a note.
    Note,
    /// It counts as a warning.
    Warning,
    /// It counts as an error.
    Error,
}

/// A range as PEP 440 writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Specifiers(pub VersionSpecifiers);

/// A pattern of paths.
#[derive(Clone, Debug)]
pub struct Pattern(GlobMatcher);

const fn error() -> Severity {
    Severity::Error
}

impl<'de> Deserialize<'de> for Specifiers {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parsed = VersionSpecifiers::from_str(&text);
        parsed.map(Self).map_err(|_| {
            serde::de::Error::custom(format!(
                "`{text}` is no range of versions; write one like `>=2.14.3, <2.17`"
            ))
        })
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let glob = GlobBuilder::new(text.trim_start_matches("./"))
            .literal_separator(true)
            .build();
        glob.map(|glob| Self(glob.compile_matcher()))
            .map_err(serde::de::Error::custom)
    }
}

/// What a policy says about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling<'a> {
    /// Nothing.
    None,
    /// It is not counted, for this reason.
    Ignored(&'a FindingRule),
    /// It counts as this.
    Counts(Severity),
}

impl PartialEq for FindingRule {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for FindingRule {}

impl Policy {
    /// Reads a policy file.
    ///
    /// # Errors
    /// What is wrong, with its line.
    pub fn read(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        serde_saphyr::from_str(text).map_err(|error| error.to_string())
    }

    /// What it says about a finding with this code, in this file and task, on this day.
    #[must_use]
    pub fn ruling(&self, code: &str, path: &str, task: Option<&str>, today: Date) -> Ruling<'_> {
        let holds = |rule: &&FindingRule| rule.is_about(code, path, task) && !rule.is_over(today);
        match self.findings.iter().find(holds) {
            None => Ruling::None,
            Some(rule) => match rule.action {
                Action::Ignore => Ruling::Ignored(rule),
                Action::Note => Ruling::Counts(Severity::Note),
                Action::Warning => Ruling::Counts(Severity::Warning),
                Action::Error => Ruling::Counts(Severity::Error),
            },
        }
    }

    /// Decisions that hold no more.
    pub fn over(&self, today: Date) -> impl Iterator<Item = &FindingRule> {
        self.findings.iter().filter(move |rule| rule.is_over(today))
    }

    /// The SDK that compiled a pipeline, where it is not allowed. An SDK that says no version is not judged.
    #[must_use]
    pub fn sdk(&self, written: Option<&str>, place: Option<Place>, release: Version) -> Option<Finding> {
        let rule = self.sdk.as_ref()?;
        let written = written?;
        let version: crate::SdkVersion = written.parse().ok()?;
        let version = pep440_rs::Version::from_str(&version.to_string()).ok()?;
        (!rule.allowed.0.contains(&version)).then(|| {
            rule.finding(
                format!("it was compiled by kfp {version}, which the policy does not allow"),
                "sdkVersion",
                place,
                release,
            )
        })
    }

    /// The same for an SDK that a file asks for.
    #[must_use]
    pub fn requirement(&self, asked: &Requirement, release: Version) -> Option<Finding> {
        let rule = self
            .sdk
            .as_ref()
            .filter(|_| asked.package == crate::requirements::Package::Kfp)?;
        let Ask::Exactly(version) = &asked.ask else {
            return None;
        };
        (!rule.allowed.0.contains(version)).then(|| {
            rule.finding(
                format!("kfp {version} is pinned, which the policy does not allow"),
                &asked.path,
                asked.place,
                release,
            )
        })
    }
}

impl FindingRule {
    fn is_about(&self, code: &str, path: &str, task: Option<&str>) -> bool {
        let path = path.trim_start_matches("./");
        self.code.0.eq_ignore_ascii_case(code)
            && (self.paths.is_empty() || self.paths.iter().any(|pattern| pattern.0.is_match(path)))
            && (self.tasks.is_empty() || task.is_some_and(|task| self.tasks.iter().any(|one| one == task)))
    }

    fn is_over(&self, today: Date) -> bool {
        self.until.is_some_and(|until| until < today)
    }
}

impl SdkRule {
    fn finding(&self, message: String, path: &str, place: Option<Place>, release: Version) -> Finding {
        let reason = self
            .reason
            .as_ref()
            .map_or_else(String::new, |reason| format!(": {reason}"));
        Finding {
            code: Code(NOT_ALLOWED.to_owned()),
            effect: Effect::Discouraged,
            severity: self.severity,
            release,
            path: path.to_owned(),
            task: None,
            place,
            message,
            works_since: None,
            works_until: None,
            help: format!("use kfp {}{reason}", self.allowed.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const POLICY: &str = r#"
backends: [2.14.4]
failOn: warning
sdk: {allowed: ">=2.14.3, <2.16", reason: one SDK for all teams}
findings:
  - {code: KFP021, action: ignore, reason: being rewritten, until: 2026-06-30, paths: ["legacy/**"]}
  - {code: kfp030, action: error, reason: it cost us a night, tasks: [train]}
"#;

    fn policy() -> Policy {
        Policy::read(POLICY).unwrap()
    }

    #[rstest]
    #[case("KFP021", "legacy/a/b.yaml", None, "2026-06-30", "ignored")]
    #[case("KFP021", "./legacy/b.yaml", None, "2026-06-30", "ignored")]
    #[case("KFP021", "legacy/b.yaml", None, "2026-07-01", "none")]
    #[case("KFP021", "new/b.yaml", None, "2026-06-30", "none")]
    #[case("KFP030", "new/b.yaml", Some("train"), "2026-06-30", "error")]
    #[case("KFP030", "new/b.yaml", None, "2026-06-30", "none")]
    #[case("KFP031", "legacy/b.yaml", Some("train"), "2026-06-30", "none")]
    fn decisions_are_about_codes_files_tasks_and_days(
        #[case] code: &str,
        #[case] path: &str,
        #[case] task: Option<&str>,
        #[case] today: &str,
        #[case] wanted: &str,
    ) {
        let policy = policy();
        let ruling = match policy.ruling(code, path, task, today.parse().unwrap()) {
            Ruling::None => "none".to_owned(),
            Ruling::Ignored(_) => "ignored".to_owned(),
            Ruling::Counts(severity) => severity.to_string(),
        };
        assert_eq!(ruling, wanted);
    }

    #[test]
    fn a_decision_is_told_when_its_day_has_passed() {
        let policy = policy();
        assert_eq!(policy.over("2026-06-30".parse().unwrap()).count(), 0);
        assert_eq!(policy.over("2026-07-01".parse().unwrap()).count(), 1);
    }

    #[rstest]
    #[case(Some("kfp-2.15.2"), false)]
    #[case(Some("kfp-2.16.0"), true)]
    #[case(Some("kfp-2.13.0"), true)]
    #[case(Some("unknown"), false)]
    #[case(None, false)]
    fn an_sdk_outside_the_range_is_told(#[case] written: Option<&str>, #[case] wanted: bool) {
        let found = policy().sdk(written, None, "2.14.4".parse().unwrap());
        assert_eq!(found.is_some(), wanted);
        assert!(
            found.is_none_or(
                |one| one.severity == Severity::Error && one.help.contains("one SDK for all teams")
            )
        );
    }

    #[rstest]
    #[case("findings: [{code: KFP021, action: ignore}]", "reason")]
    #[case("findings: [{code: KFP021, action: drop, reason: a}]", "drop")]
    #[case("findings: [{code: KFP021, action: ignore, reason: a, until: soon}]", "soon")]
    #[case("findings: [{code: KFP021, action: ignore, reason: a, paths: ['a[']}]", "a[")]
    #[case("sdk: {allowed: new}", "new")]
    #[case("colour: red", "colour")]
    fn a_policy_that_cannot_be_meant_is_refused(#[case] text: &str, #[case] wanted: &str) {
        let problem = Policy::read(text).unwrap_err();
        assert!(problem.contains(wanted), "{problem}");
    }

    #[test]
    fn an_empty_policy_decides_nothing() {
        assert!(Policy::read("\n").unwrap().findings.is_empty());
    }
}
