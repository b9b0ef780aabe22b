//! PEOPLE: the inventory as data for programs and as a table for eyes. Pure.

use std::fmt::Write as _;

use kfp_compat::inventory::{Fare, Kind, Row};
use kfp_compat::{Effect, Outcome};
use kfp_releases::Version;
use serde::Serialize;

use super::Inventory;
use crate::output::table;

/// Number of the report's shape; it changes when a reader of the old one would misunderstand.
const SCHEMA_VERSION: u32 = 1;

/// What is stored in one installation.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Number of this shape.
    schema_version: u32,
    /// `NAMESPACE/NAME`.
    installation: String,
    /// The release that runs.
    release: Version,
    /// Releases that were judged on, the running one first.
    judged_on: Vec<Version>,
    /// When the last full scan ended, RFC 3339.
    last_full_scan: Option<String>,
    /// More is stored than is looked at.
    beyond_limits: bool,
    /// How many rows there are, shown or not.
    stored: usize,
    /// The rows that were asked for.
    entries: Vec<Entry>,
}

/// A stored row.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Primary key.
    pub id: String,
    /// Its name; of a pipeline version `PIPELINE/VERSION`.
    pub name: String,
    /// Name of its pipeline.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pipeline: String,
    /// Namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Experiment.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub experiment: String,
    /// Service account that its runs run as.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service_account: String,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// A recurring run that starts runs; true for all else.
    pub enabled: bool,
    /// It takes the newest version of its pipeline each time.
    pub takes_newest_version: bool,
    /// SDK that compiled it.
    pub sdk: Option<String>,
    /// Why it could not be judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
    /// How it fares on each release.
    pub verdicts: Vec<Verdict>,
}

/// How a row fares on a release.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The release.
    pub release: Version,
    /// The worst of what happens; unset where the row could not be judged.
    pub outcome: Option<Outcome>,
    /// The worst findings, worst first.
    pub findings: Vec<Finding>,
    /// How many there are beside those.
    pub more_findings: usize,
}

/// A finding.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Its code.
    pub code: String,
    /// What happens.
    pub effect: Effect,
    /// Where it stands in the compiled pipeline.
    pub path: String,
    /// What is there and what happens.
    pub message: String,
    /// What to do.
    pub help: String,
    /// First of the releases that take it, where newer ones do: of those.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub works_since: Option<Version>,
}

impl Report {
    /// The rows that fit.
    pub fn of(inventory: &Inventory, fits: impl Fn(&Row) -> bool) -> Self {
        let rows = inventory.rows.iter().filter(|row| fits(row));
        Self {
            schema_version: SCHEMA_VERSION,
            installation: inventory.name.clone(),
            release: inventory.running,
            judged_on: inventory.releases.clone(),
            last_full_scan: inventory.scanned.map(|time| time.to_string()),
            beyond_limits: inventory.beyond_limits,
            stored: inventory.rows.len(),
            entries: rows.map(|row| Entry::of(row, &inventory.releases)).collect(),
        }
    }
}

impl Entry {
    /// A row with its verdicts on these releases.
    pub fn of(row: &Row, releases: &[Version]) -> Self {
        let verdict = |release: &Version| {
            let fare = row.fare(*release);
            Verdict {
                release: *release,
                outcome: row.outcome(*release),
                findings: fare.map(findings).unwrap_or_default(),
                more_findings: fare.map_or(0, |fare| fare.more),
            }
        };
        Self {
            kind: row.kind,
            id: row.id.clone(),
            name: row.title(),
            pipeline: row.pipeline.clone(),
            namespace: row.namespace.clone(),
            experiment: row.experiment.clone(),
            service_account: row.service_account.clone(),
            created: row.created,
            enabled: row.enabled,
            takes_newest_version: row.newest,
            sdk: row.sdk.clone(),
            unread: row.unread.clone(),
            verdicts: releases.iter().map(verdict).collect(),
        }
    }

    /// Whose it is, as far as the row tells: namespace, experiment, service account.
    pub fn owner(&self) -> String {
        let named = [
            ("", &self.namespace),
            ("experiment ", &self.experiment),
            ("as ", &self.service_account),
        ];
        let parts = named.iter().filter(|(_, name)| !name.is_empty());
        parts
            .map(|(what, name)| format!("{what}{name}"))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

fn findings(fare: &Fare) -> Vec<Finding> {
    let finding = |why: &kfp_compat::inventory::Why| Finding {
        code: why.told.code.0.clone(),
        effect: why.told.effect,
        path: why.path.clone(),
        message: why.told.message.clone(),
        help: why.told.help.clone(),
        works_since: why.told.works_since,
    };
    fare.why.iter().map(finding).collect()
}

/// A verdict in a word or two.
pub fn verdict_words(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        None => "not judged",
        Some(Outcome::Runs) => "runs",
        Some(Outcome::RunsWithWarnings) => "warnings",
        Some(Outcome::Fails) => "fails",
        Some(Outcome::RefusedAtRun) => "refused at run",
        Some(Outcome::RefusedAtUpload) => "refused at upload",
    }
}

/// A headline and one line a row.
pub fn draw(report: &Report) -> String {
    let mut text = format!("{}  KFP {}", report.installation, report.release);
    match &report.last_full_scan {
        Some(time) => {
            let _ = writeln!(text, "  looked through {time}");
        }
        None => text.push_str("  the first scan is under way\n"),
    }
    if report.beyond_limits {
        text.push_str("More is stored than is looked at; the newest pipeline versions are.\n");
    }
    let _ = writeln!(text, "{} of {} stored\n", report.entries.len(), report.stored);
    if report.entries.is_empty() {
        return text;
    }
    let verdicts = |entry: &Entry| {
        let each = entry.verdicts.iter();
        each.map(|verdict| format!("{}: {}", verdict.release, verdict_words(verdict.outcome)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let rows = report.entries.iter().map(|entry| {
        [
            kind_words(entry),
            entry.name.clone(),
            entry.sdk.clone().unwrap_or_else(|| "unknown".to_owned()),
            entry.owner(),
            verdicts(entry),
            worst(entry),
        ]
    });
    text + &table(["KIND", "NAME", "SDK", "OWNER", "VERDICTS", "WHY"], rows)
}

/// What a row is, in words.
pub fn kind_words(entry: &Entry) -> String {
    match entry.kind {
        Kind::PipelineVersion => "pipeline version".to_owned(),
        Kind::RecurringRun if entry.enabled => "recurring run".to_owned(),
        Kind::RecurringRun => "recurring run (disabled)".to_owned(),
        Kind::Run => "run".to_owned(),
    }
}

fn worst(entry: &Entry) -> String {
    if let Some(unread) = &entry.unread {
        return unread.clone();
    }
    let finding = entry.verdicts.iter().find_map(|verdict| verdict.findings.first());
    finding.map_or_else(String::new, |finding| {
        format!("{}: {}", finding.code, finding.message)
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use kfp_compat::Code;
    use kfp_compat::inventory::{Told, Why};

    use super::*;

    /// A pipeline version that runs everywhere.
    pub fn row(id: &str) -> Row {
        Row {
            kind: Kind::PipelineVersion,
            id: id.to_owned(),
            name: "v1".to_owned(),
            pipeline: "train".to_owned(),
            pipeline_id: "p".to_owned(),
            version: String::new(),
            namespace: "team-a".to_owned(),
            experiment: String::new(),
            service_account: String::new(),
            created: 1_800_000_000,
            newest: false,
            enabled: true,
            sdk: Some("2.16.1".to_owned()),
            unread: None,
            fares: Vec::new(),
        }
    }

    /// What happens on a release, with one finding.
    pub fn fare(release: &str, outcome: Outcome, effect: Effect) -> Fare {
        let told = Told {
            code: Code("KFP003".to_owned()),
            effect,
            message: "this release does not know the field `initContainers`".to_owned(),
            help: "Run it on a newer release.".to_owned(),
            works_since: Some("2.17.0".parse().unwrap()),
            works_until: None,
        };
        Fare {
            release: release.parse().unwrap(),
            outcome,
            why: vec![Why {
                told: Arc::new(told),
                path: "platforms.kubernetes.deploymentSpec.executors.exec-idle.initContainers".to_owned(),
            }],
            more: 0,
        }
    }

    /// Rows of every kind.
    pub fn inventory() -> Inventory {
        let recurring = Row {
            kind: Kind::RecurringRun,
            name: "every night".to_owned(),
            experiment: "nightly".to_owned(),
            service_account: "runner".to_owned(),
            newest: true,
            enabled: false,
            fares: vec![fare("2.17.0", Outcome::RunsWithWarnings, Effect::Dropped)],
            ..row("b")
        };
        let refused = Row {
            name: "v2".to_owned(),
            sdk: Some("2.17.0".to_owned()),
            fares: vec![fare("2.16.1", Outcome::RefusedAtRun, Effect::RefusedAtRun)],
            ..row("c")
        };
        let ending = Row {
            kind: Kind::RecurringRun,
            name: "hourly".to_owned(),
            fares: vec![fare("2.17.0", Outcome::Fails, Effect::FailsAtRun)],
            ..row("d")
        };
        let unread = Row {
            name: "v0".to_owned(),
            sdk: None,
            unread: Some("it is no YAML".to_owned()),
            ..row("e")
        };
        Inventory {
            name: "kubeflow/kfp".to_owned(),
            running: "2.16.1".parse().unwrap(),
            releases: vec!["2.16.1".parse().unwrap(), "2.17.0".parse().unwrap()],
            scanned: Some("2026-11-23T20:00:00Z".parse().unwrap()),
            beyond_limits: false,
            rows: vec![row("a"), refused, unread, recurring, ending],
        }
    }

    #[test]
    fn the_table_says_what_whose_and_how() {
        insta::assert_snapshot!(draw(&Report::of(&inventory(), |_| true)));
    }

    #[test]
    fn the_data_hold_everything_that_is_known() {
        insta::assert_yaml_snapshot!(Report::of(&inventory(), |row| row.id == "c"));
    }
}
