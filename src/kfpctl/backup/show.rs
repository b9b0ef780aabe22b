//! PEOPLE: `kfpctl backup show`: everything that a KfpBackup says, for a person who wants to know whether to trust it.

use std::fmt::Write as _;

use indicatif::{HumanBytes, HumanCount};
use jiff::Timestamp;
use kfp_api::KfpBackup;
use kfp_api::backup_status::{KfpBackupStatus, Verification};
use kube::Api;

use super::Place;
use crate::failure::Failure;
use crate::follow::{span, unsigned};
use crate::output::{self, Format};

/// Which one.
#[derive(clap::Args)]
pub struct Arguments {
    /// Name of the KfpBackup.
    name: String,
    #[command(flatten)]
    place: Place,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Shows it.
pub async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (_, api): (_, Api<KfpBackup>) = arguments.place.open().await?;
    let backup = api.get(&arguments.name).await?;
    let now = Timestamp::now();
    output::print(arguments.output, &backup, |backup| draw(backup, now))
}

fn draw(backup: &KfpBackup, now: Timestamp) -> String {
    let meta = &backup.metadata;
    let mut text = format!(
        "{}/{}  of {}\n",
        meta.namespace.as_deref().unwrap_or("default"),
        meta.name.as_deref().unwrap_or_default(),
        backup.spec.installation
    );
    let Some(status) = backup
        .status
        .as_ref()
        .filter(|status| !status.conditions.is_empty())
    else {
        text += "the operator has not looked at it yet; is it running?\n";
        return text;
    };
    for (name, value) in facts(backup, status, now) {
        let _ = writeln!(text, "  {name:12} {value}");
    }
    text.push('\n');
    for condition in &status.conditions {
        let said = format!(
            "  {}={} {}: {}",
            condition.type_, condition.status, condition.reason, condition.message
        );
        text += said.trim_end_matches([':', ' ']);
        text.push('\n');
    }
    text
}

/// What is known, a name and a value each.
fn facts(backup: &KfpBackup, status: &KfpBackupStatus, now: Timestamp) -> Vec<(&'static str, String)> {
    let bytes = |bytes: i64| HumanBytes(unsigned(bytes)).to_string();
    let count = |number: i64| HumanCount(unsigned(number)).to_string();
    let took = status
        .started_at
        .as_ref()
        .zip(status.completed_at.as_ref())
        .map(|(begun, ended)| span(unsigned(ended.0.duration_since(begun.0).as_secs())));
    let instant = status.instant.as_ref().map(|instant| {
        let age = span(unsigned(now.duration_since(instant.0).as_secs()));
        format!("{}, {age} ago", instant.0)
    });
    let size = status.bytes.map(|whole| match status.stored_bytes {
        Some(stored) => format!("{}, stored {}", bytes(whole), bytes(stored)),
        None => bytes(whole),
    });
    let encrypted = backup.spec.encryption.as_ref().map(|encryption| {
        let number = encryption.recipients.len();
        format!(
            "{:?}, to {number} recipient{}",
            encryption.scope,
            if number == 1 { "" } else { "s" }
        )
    });
    let facts = [
        ("instant", instant),
        ("release", status.version.clone()),
        ("set", status.set.clone()),
        ("where", status.location.clone()),
        ("immutable", status.immutability.clone()),
        ("size", size),
        ("rows", status.rows.map(count)),
        ("objects", status.objects.map(count)),
        (
            "missing",
            status
                .missing_objects
                .filter(|missing| *missing > 0)
                .map(|missing| format!("{} objects of the bucket that rows refer to", count(missing))),
        ),
        ("took", took),
        ("encrypted", encrypted),
        (
            "manifest",
            status
                .manifest_sha256
                .as_ref()
                .map(|digest| format!("sha256:{digest}")),
        ),
        ("checked", status.verification.as_ref().map(checked)),
        (
            "deletion",
            Some(match backup.spec.deletion_policy {
                kfp_api::installation::DeletionPolicy::Delete => "removes the set too".to_owned(),
                kfp_api::installation::DeletionPolicy::Retain => "leaves the set where it is".to_owned(),
            }),
        ),
    ];
    facts
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// What was checked, and when.
fn checked(verification: &Verification) -> String {
    let count = |number: i64| HumanCount(unsigned(number)).to_string();
    let mut words = vec![format!("{} parts", count(verification.parts))];
    if verification.tables > 0 {
        words.push(format!(
            "{} tables with {} rows",
            count(verification.tables),
            count(verification.rows)
        ));
    }
    if verification.sampled_objects > 0 {
        words.push(format!(
            "{} objects of the bucket",
            count(verification.sampled_objects)
        ));
    }
    format!(
        "{:?} at {}: {}",
        verification.kind,
        verification.completed_at.0,
        words.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::{backup, said};
    use super::*;

    #[test]
    fn a_verified_backup_says_what_it_holds_and_what_was_checked() {
        let shown = backup(&format!(
            "startedAt: '2026-11-24T01:49:00Z', completedAt: '2026-11-24T01:50:35Z', instant: '2026-11-24T01:49:02Z', version: 2.16.1, \
             set: 20261124T014900Z-1a2b3c, location: 's3://backups/prod/team/kfp/20261124T014900Z-1a2b3c', \
             immutability: 'COMPLIANCE until 2026-12-24', bytes: 4294967296, storedBytes: 300000000, rows: 1234567, objects: 12, \
             missingObjects: 2, manifestSha256: 0f0f, verification: {{kind: Restore, completedAt: '2026-11-24T01:53:00Z', parts: 40, \
             tables: 31, rows: 1234567, sampledObjects: 100}}, conditions: [{}, {}]",
            said("Complete", "True", "Taken"),
            said("Verified", "True", "Restored"),
        ));
        insta::assert_snapshot!(draw(&shown, "2026-11-24T06:00:00Z".parse().unwrap()));
    }

    #[test]
    fn a_backup_that_nobody_looked_at_says_so() {
        insta::assert_snapshot!(draw(&backup(""), Timestamp::UNIX_EPOCH), @r"
        team/nightly  of kfp
        the operator has not looked at it yet; is it running?
        ");
    }
}
