//! PEOPLE: `kfpctl check --upgrade-to`: what of an installation's stored pipelines will not run on another release, what will
//! run differently, and whose it is. Reads what the operator wrote down; the database is never asked.

use std::fmt::Write as _;

use kfp_compat::inventory::{Kind, Row};
use kfp_compat::{Outcome, Severity};
use kfp_releases::Version;
use serde::Serialize;

use crate::cluster::{Connection, block_on};
use crate::failure::Failure;
use crate::inventory::{Entry, Inventory, fetch, installations, verdict_words};
use crate::output::{self, Format};

/// Number of the report's shape.
const SCHEMA_VERSION: u32 = 1;

/// What a change of the release means for what is stored.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    schema_version: u32,
    installation: String,
    from: Version,
    to: Version,
    /// Pipeline versions and recurring runs that were judged.
    judged: usize,
    /// They run now, and will be refused, or their runs will fail.
    will_not_run: Vec<Entry>,
    /// They do not run now, and will not afterwards.
    still_will_not_run: Vec<Entry>,
    /// They will run, and something in them will have no effect, do something else, or be discouraged, as it is not now.
    will_change: Vec<Entry>,
    /// They do not run now, and will.
    will_run_again: Vec<Entry>,
    /// Their stored form could not be judged.
    not_judged: Vec<Entry>,
    /// Recent runs that could not be run again.
    recent_runs_that_will_not_run: usize,
    /// More is stored than is looked at.
    beyond_limits: bool,
}

/// Checks, prints, and says how it ended.
pub fn run(
    target: &str,
    name: &str,
    namespace: Option<&str>,
    connection: &Connection,
    form: Format,
    fail_on: Severity,
) -> Result<(), Failure> {
    let inventory = block_on(async {
        let client = connection.client().await?;
        let installation = installations(&client, namespace).get(name).await?;
        fetch(&client, &installation).await
    })?;
    let report = report(&inventory, target)?;
    output::print(form, &report, draw)?;
    let worst = !report.will_not_run.is_empty() || !report.still_will_not_run.is_empty();
    let warned = fail_on == Severity::Warning && !report.will_change.is_empty();
    if worst || warned {
        return Err(Failure::Findings);
    }
    Ok(())
}

/// Holds what is stored against the release.
fn report(inventory: &Inventory, target: &str) -> Result<Report, Failure> {
    let name = &inventory.name;
    let to: Version = target.parse().map_err(|_| {
        Failure::Usage(format!(
            "--upgrade-to {target} is no release; name one such as 2.17.0"
        ))
    })?;
    let from = inventory.running;
    if !inventory.releases.contains(&to) {
        let others: Vec<String> = inventory
            .releases
            .iter()
            .skip(1)
            .map(ToString::to_string)
            .collect();
        let may = if others.is_empty() {
            "there is none that it may go to".to_owned()
        } else {
            format!("it may go to {}", others.join(", "))
        };
        return Err(Failure::Usage(format!(
            "{name} runs {from}, and {may}; what is stored was not judged on {to}"
        )));
    }
    if inventory.scanned.is_none() {
        return Err(Failure::NotReady(format!(
            "stored pipelines of {name} are being read for the first time; `kfpctl status` shows how far it is"
        )));
    }
    let mut report = Report {
        schema_version: SCHEMA_VERSION,
        installation: name.clone(),
        from,
        to,
        judged: 0,
        will_not_run: Vec::new(),
        still_will_not_run: Vec::new(),
        will_change: Vec::new(),
        will_run_again: Vec::new(),
        not_judged: Vec::new(),
        recent_runs_that_will_not_run: inventory
            .rows
            .iter()
            .filter(|row| row.kind == Kind::Run && row.outcome(to) >= Some(Outcome::Fails))
            .count(),
        beyond_limits: inventory.beyond_limits,
    };
    let releases = [from, to];
    // Recurring runs first: they run by themselves, and nobody is there when they fail.
    let mut rows: Vec<&Row> = inventory.lasting().collect();
    rows.sort_by_key(|row| (row.kind != Kind::RecurringRun, !row.enabled));
    for row in rows {
        let (Some(now), Some(then)) = (row.outcome(from), row.outcome(to)) else {
            report.not_judged.push(Entry::of(row, &releases));
            continue;
        };
        report.judged += 1;
        let place = match (now >= Outcome::Fails, then >= Outcome::Fails) {
            (false, true) => &mut report.will_not_run,
            (true, true) => &mut report.still_will_not_run,
            (true, false) => &mut report.will_run_again,
            (false, false) if changes(row, from, to) => &mut report.will_change,
            (false, false) => continue,
        };
        place.push(Entry::of(row, &releases));
    }
    Ok(report)
}

/// There is a warning on the one release that is not there on the other.
fn changes(row: &Row, from: Version, to: Version) -> bool {
    let told = |release| {
        let fare = row.fare(release);
        fare.map(|fare| {
            let why = fare.why.iter();
            why.map(|why| (&why.told.code, &why.told.effect, &why.path))
                .collect::<Vec<_>>()
        })
        .unwrap_or_default()
    };
    let before = told(from);
    told(to).iter().any(|warning| !before.contains(warning))
}

fn draw(report: &Report) -> String {
    let mut text = format!(
        "{}  KFP {} -> {}\n{} pipeline versions and recurring runs judged\n",
        report.installation, report.from, report.to, report.judged
    );
    let to = report.to;
    section(
        &mut text,
        &format!("Will not run on {to}"),
        &report.will_not_run,
        to,
    );
    section(
        &mut text,
        &format!("Do not run now, and will not on {to}"),
        &report.still_will_not_run,
        to,
    );
    section(
        &mut text,
        &format!("Will run differently on {to}"),
        &report.will_change,
        to,
    );
    section(
        &mut text,
        &format!("Do not run now, and will on {to}"),
        &report.will_run_again,
        report.from,
    );
    section(&mut text, "Could not be judged", &report.not_judged, to);
    if report.recent_runs_that_will_not_run > 0 {
        let _ = writeln!(
            text,
            "\n{} recent runs could not be run again on {to} (`kfpctl inventory --only runs`)",
            report.recent_runs_that_will_not_run
        );
    }
    if report.beyond_limits {
        text.push_str("\nMore is stored than is looked at: old pipeline versions were not judged.\n");
    }
    let nothing = [
        &report.will_not_run,
        &report.still_will_not_run,
        &report.will_change,
        &report.not_judged,
    ];
    if nothing.iter().all(|entries| entries.is_empty()) {
        let _ = writeln!(text, "\nAll of them run on {to} as they do now.");
    }
    text
}

/// Each entry with its owner and why, on the release that matters.
fn section(text: &mut String, title: &str, entries: &[Entry], release: Version) {
    if entries.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{title} ({})", entries.len());
    for entry in entries {
        let sdk = entry.sdk.as_ref().map_or_else(
            || "compiled by an unknown SDK".to_owned(),
            |sdk| format!("compiled by kfp {sdk}"),
        );
        let owner = entry.owner();
        let owner = if owner.is_empty() {
            String::new()
        } else {
            format!(", {owner}")
        };
        let newest = if entry.takes_newest_version {
            ", takes the newest version"
        } else {
            ""
        };
        let kind = crate::inventory::kind_words(entry);
        let _ = writeln!(text, "  {kind} {}  ({sdk}{owner}{newest})", entry.name);
        if let Some(unread) = &entry.unread {
            let _ = writeln!(text, "      {unread}");
        }
        let verdict = entry.verdicts.iter().find(|verdict| verdict.release == release);
        for finding in verdict.iter().flat_map(|verdict| &verdict.findings) {
            let _ = writeln!(
                text,
                "      {} {}\n        at {}\n        {}",
                finding.code, finding.message, finding.path, finding.help
            );
        }
        let more = verdict.map_or(0, |verdict| verdict.more_findings);
        if more > 0 {
            let words = verdict_words(verdict.and_then(|verdict| verdict.outcome));
            let _ = writeln!(text, "      and {more} more ({words})");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::report_tests::inventory;

    #[test]
    fn what_will_not_run_stands_first_with_its_owner() {
        let report = report(&inventory(), "2.17.0").unwrap();
        let names = |entries: &[Entry]| entries.iter().map(|entry| entry.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&report.will_not_run), ["hourly"]);
        assert_eq!(names(&report.will_change), ["every night"]);
        assert_eq!(names(&report.will_run_again), ["train/v2"]);
        assert_eq!(names(&report.not_judged), ["train/v0"]);
        insta::assert_snapshot!(draw(&report));
    }

    #[test]
    fn a_release_that_was_not_judged_on_is_refused() {
        let Err(Failure::Usage(message)) = report(&inventory(), "2.15.0") else {
            panic!("it is no next release");
        };
        assert_eq!(
            message,
            "kubeflow/kfp runs 2.16.1, and it may go to 2.17.0; what is stored was not judged on 2.15.0"
        );
    }

    #[test]
    fn before_the_first_scan_is_through_nothing_is_said() {
        let young = Inventory {
            scanned: None,
            ..inventory()
        };
        assert!(matches!(report(&young, "2.17.0"), Err(Failure::NotReady(_))));
    }
}
