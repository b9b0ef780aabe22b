//! PEOPLE: `kfpctl restore list`: the restores of a namespace, newest first, and how each stands.

use jiff::Timestamp;
use kfp_api::KfpRestore;
use kfp_api::conditions::{ConditionType, Reason, find};
use kfp_api::restore::RestoreParts;
use serde::Serialize;

use super::source::origin;
use super::stalled;
use crate::failure::Failure;
use crate::follow::age;
use crate::output::table;
use crate::place::Listing;

/// Number of the report's shape.
const SCHEMA_VERSION: u32 = 1;

/// The restores.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    schema_version: u32,
    restores: Vec<Entry>,
}

/// One restore.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    namespace: String,
    name: String,
    installation: String,
    /// When it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<Timestamp>,
    /// `True`, `False` or `Unknown`.
    complete: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// It goes on no more, well or otherwise.
    ended: bool,
    /// Nothing goes on without a person.
    stalled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    set: Option<String>,
    parts: RestoreParts,
    /// What was asked for, in words.
    from: String,
}

/// Lists.
pub async fn run(listing: &Listing) -> Result<(), Failure> {
    let client = listing.place.connection.client().await?;
    let restores: Vec<KfpRestore> = listing
        .wanted(&client, |restore: &KfpRestore| restore.spec.installation.as_str())
        .await?;
    let empty = restores
        .is_empty()
        .then_some("no KfpRestore here; ask for one with `kfpctl restore run`");
    listing.print(&report(&restores), empty, |report| {
        draw(report, Timestamp::now(), |entry| {
            listing.name(&entry.namespace, &entry.name)
        })
    })
}

/// The report, newest first.
fn report(restores: &[KfpRestore]) -> Report {
    let mut entries: Vec<Entry> = restores.iter().map(entry).collect();
    entries.sort_by(|one, other| (other.created, &one.name).cmp(&(one.created, &other.name)));
    Report {
        schema_version: SCHEMA_VERSION,
        restores: entries,
    }
}

fn entry(restore: &KfpRestore) -> Entry {
    let meta = &restore.metadata;
    let status = restore.status.clone().unwrap_or_default();
    let complete = find(&status.conditions, ConditionType::Complete);
    Entry {
        namespace: meta.namespace.clone().unwrap_or_default(),
        name: meta.name.clone().unwrap_or_default(),
        installation: restore.spec.installation.clone(),
        created: meta.creation_timestamp.as_ref().map(|time| time.0),
        complete: complete.map_or_else(|| "Unknown".to_owned(), |said| said.status.clone()),
        reason: complete.map(|said| said.reason.clone()),
        ended: status.completed_at.is_some(),
        stalled: stalled(restore),
        set: status.set.clone(),
        parts: restore.spec.parts,
        from: origin(&restore.spec.source),
    }
}

impl Entry {
    fn word(&self) -> &'static str {
        let half_done = self.reason.as_deref() == Some(Reason::RestoreIncomplete.as_str());
        match (self.complete.as_str(), self.ended, self.stalled) {
            ("True", ..) => "complete",
            (_, true, _) if half_done => "half done",
            (_, true, _) => "failed",
            (_, false, true) => "needs you",
            _ => "under way",
        }
    }
}

fn draw(report: &Report, now: Timestamp, name: impl Fn(&Entry) -> String) -> String {
    let rows = report.restores.iter().map(|entry| {
        [
            name(entry),
            entry.installation.clone(),
            age(entry.created, now),
            entry.word().to_owned(),
            entry.reason.clone().unwrap_or_default(),
            format!("{:?}", entry.parts),
            entry.set.clone().unwrap_or_default(),
            entry.from.clone(),
        ]
    });
    let header = [
        "NAME",
        "INSTALLATION",
        "AGE",
        "STATE",
        "REASON",
        "PARTS",
        "SET",
        "FROM",
    ];
    table(header, rows)
}

#[cfg(test)]
mod tests {
    use super::super::tests::restore;
    use super::*;
    use crate::backup::tests::said;

    fn sample() -> Report {
        let named = |name: &str, ended: bool, conditions: &[String]| {
            let ended = if ended {
                "completedAt: '2026-11-24T05:30:00Z', "
            } else {
                ""
            };
            let mut restore = restore(&format!(
                "{ended}set: 20261124T014900Z-1a2b3c, conditions: [{}]",
                conditions.join(", ")
            ));
            restore.metadata.name = Some(name.to_owned());
            restore
        };
        let failed = |reason| [said("Complete", "False", reason), said("Stalled", "True", reason)];
        let restores = [
            named("done", true, &[said("Complete", "True", "Restored")]),
            named("half", true, &failed("RestoreIncomplete")),
            named("no", true, &failed("NotEmpty")),
            named("stuck", false, &failed("CredentialsRefused")),
            named("works", false, &[said("Complete", "False", "Restoring")]),
            restore(""),
        ];
        report(&restores)
    }

    #[test]
    fn a_list_says_how_each_restore_stands() {
        let now = "2026-11-24T06:00:00Z".parse().unwrap();
        insta::assert_snapshot!(draw(&sample(), now, |entry| entry.name.clone()));
    }

    #[test]
    fn the_data_hold_everything_that_is_known() {
        insta::assert_yaml_snapshot!(sample().restores[1]);
    }
}
