//! PEOPLE: `kfpctl restore show`: everything that a KfpRestore says, once or until it ended.

use std::fmt::Write as _;

use indicatif::HumanCount;
use jiff::Timestamp;
use kfp_api::KfpRestore;
use kfp_api::restore::{Restored, SafetyBackup};

use super::see;
use super::source::origin;
use crate::card;
use crate::failure::Failure;
use crate::follow::{Showing, age, unsigned};

/// Shows it, at once or once it ended.
pub async fn run(showing: &Showing) -> Result<(), Failure> {
    showing.run(see, |restore| draw(restore, Timestamp::now())).await
}

/// What is known, a name and a value each, and what its conditions say.
fn draw(restore: &KfpRestore, now: Timestamp) -> String {
    let spec = &restore.spec;
    let status = restore.status.clone().unwrap_or_default();
    let instant = status
        .instant
        .as_ref()
        .map(|instant| format!("{}, {} ago", instant.0, age(Some(instant.0), now)));
    let safety = status.safety_backup.or_else(|| {
        (spec.safety_backup == SafetyBackup::Skip).then(|| "none is made of what is replaced".to_owned())
    });
    let restored = status.restored.as_ref().map(|restored| {
        let words = numbers(restored).map(|(what, number)| format!("{number} {what}"));
        words.join(", ")
    });
    let facts = [
        ("from", Some(origin(&spec.source))),
        ("parts", Some(format!("{:?}", spec.parts))),
        ("set", status.set),
        ("where", status.location),
        ("instant", instant),
        ("safety", safety),
        (
            "took",
            card::took(status.started_at.as_ref(), status.completed_at.as_ref()),
        ),
        ("restored", restored),
    ];
    card::draw(&restore.metadata, &spec.installation, facts, &status.conditions)
}

/// What was done, a line each.
pub fn done(restore: &KfpRestore) -> String {
    let restored = restore
        .status
        .as_ref()
        .and_then(|status| status.restored.as_ref());
    let mut text = String::new();
    for (what, number) in restored.into_iter().flat_map(numbers) {
        let _ = writeln!(text, "  {number:>12} {what}");
    }
    text
}

/// What was done, in numbers.
fn numbers(done: &Restored) -> [(&'static str, String); 6] {
    [
        ("tables", done.tables),
        ("rows", done.rows),
        ("objects", done.objects),
        ("objects of the bucket", done.bucket_objects),
        ("Workflows set aside", done.workflows_set_aside),
        ("runs closed as failed", done.runs_closed),
    ]
    .map(|(what, number)| (what, HumanCount(unsigned(number)).to_string()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::restore;
    use super::*;
    use crate::backup::tests::said;

    const RESTORED: &str = "restored: {tables: 31, rows: 1234567, objects: 5, runsClosed: 1}";

    #[test]
    fn what_was_done_is_said_in_numbers() {
        insta::assert_snapshot!(done(&restore(RESTORED)), @"
                  31 tables
           1,234,567 rows
                   5 objects
                   0 objects of the bucket
                   0 Workflows set aside
                   1 runs closed as failed
        ");
    }

    #[test]
    fn a_restore_that_ended_says_where_it_came_from_and_what_it_did() {
        let shown = restore(&format!(
            "startedAt: '2026-11-24T05:00:01Z', completedAt: '2026-11-24T05:02:01Z', set: 20261124T014900Z-1a2b3c, \
             location: 's3://backups/team/kfp/20261124T014900Z-1a2b3c', instant: '2026-11-24T01:49:02Z', \
             safetyBackup: before-back-1a2b3c, {RESTORED}, conditions: [{}]",
            said("Complete", "True", "Restored")
        ));
        insta::assert_snapshot!(draw(&shown, "2026-11-24T06:00:00Z".parse().unwrap()));
    }
}
