//! PEOPLE: `kfpctl backup show`: everything that a KfpBackup says, for a person who wants to know whether to trust it.

use indicatif::{HumanBytes, HumanCount};
use jiff::Timestamp;
use kfp_api::KfpBackup;
use kfp_api::backup::Encryption;
use kfp_api::backup_status::Verification;
use kfp_api::installation::DeletionPolicy;

use super::see;
use crate::card;
use crate::failure::Failure;
use crate::follow::{Showing, age, unsigned};

/// Shows it, at once or once it ended.
pub async fn run(showing: &Showing) -> Result<(), Failure> {
    showing.run(see, |backup| draw(backup, Timestamp::now())).await
}

/// What is known, a name and a value each, and what its conditions say.
fn draw(backup: &KfpBackup, now: Timestamp) -> String {
    let status = backup.status.clone().unwrap_or_default();
    let bytes = |bytes: i64| HumanBytes(unsigned(bytes)).to_string();
    let instant = status
        .instant
        .as_ref()
        .map(|instant| format!("{}, {} ago", instant.0, age(Some(instant.0), now)));
    let size = status.bytes.map(|whole| match status.stored_bytes {
        Some(stored) => format!("{}, stored {}", bytes(whole), bytes(stored)),
        None => bytes(whole),
    });
    let missing = status
        .missing_objects
        .filter(|missing| *missing > 0)
        .map(|missing| format!("{} objects of the bucket that rows refer to", count(missing)));
    let manifest = status
        .manifest_sha256
        .as_ref()
        .map(|digest| format!("sha256:{digest}"));
    let took = card::took(status.started_at.as_ref(), status.completed_at.as_ref());
    let deletion = match backup.spec.deletion_policy {
        DeletionPolicy::Delete => "removes the set too",
        DeletionPolicy::Retain => "leaves the set where it is",
    };
    let facts = [
        ("instant", instant),
        ("release", status.version),
        ("set", status.set),
        ("where", status.location),
        ("immutable", status.immutability),
        ("size", size),
        ("rows", status.rows.map(count)),
        ("objects", status.objects.map(count)),
        ("missing", missing),
        ("took", took),
        ("encrypted", backup.spec.encryption.as_ref().map(encrypted)),
        ("manifest", manifest),
        ("checked", status.verification.as_ref().map(checked)),
        ("deletion", Some(deletion.to_owned())),
    ];
    card::draw(
        &backup.metadata,
        &backup.spec.installation,
        facts,
        &status.conditions,
    )
}

fn count(number: i64) -> String {
    HumanCount(unsigned(number)).to_string()
}

fn encrypted(encryption: &Encryption) -> String {
    let number = encryption.recipients.len();
    let plural = if number == 1 { "" } else { "s" };
    format!("{:?}, to {number} recipient{plural}", encryption.scope)
}

/// What was checked, and when.
fn checked(verification: &Verification) -> String {
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
