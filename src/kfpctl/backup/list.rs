//! PEOPLE: `kfpctl backup list`: the backups of a namespace, newest first, with why each is kept. Asks for backups and
//! installations alone; no destination is read.

use std::collections::BTreeMap;

use indicatif::HumanBytes;
use jiff::Timestamp;
use kfp_api::conditions::ConditionType;
use kfp_api::{KfpBackup, KfpInstallation};
use kfp_plan::backups::{damage, ended};
use serde::Serialize;

use super::standing;
use crate::failure::Failure;
use crate::follow::{age, unsigned};
use crate::keep;
use crate::output::table;
use crate::place::Listing;

/// Number of the report's shape.
const SCHEMA_VERSION: u32 = 1;

/// The backups.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    schema_version: u32,
    backups: Vec<Entry>,
}

/// One backup.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    namespace: String,
    name: String,
    installation: String,
    /// The moment that its set holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    instant: Option<Timestamp>,
    /// When it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<Timestamp>,
    /// `True`, `False` or `Unknown`.
    complete: String,
    /// The same.
    verified: String,
    /// It goes on no more, well or otherwise.
    ended: bool,
    /// A verification found that the set cannot be trusted.
    damaged: bool,
    /// Bytes in the destination.
    #[serde(skip_serializing_if = "Option::is_none")]
    stored_bytes: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    set: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    /// Why the retention lets it stay; empty: it is due to go.
    kept_because: Vec<String>,
    /// Why it is due to go.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_because: Option<String>,
}

/// Lists.
pub async fn run(listing: &Listing) -> Result<(), Failure> {
    let client = listing.place.connection.client().await?;
    let backups: Vec<KfpBackup> = listing
        .wanted(&client, |backup: &KfpBackup| backup.spec.installation.as_str())
        .await?;
    let installations: Vec<KfpInstallation> = listing.all(&client).await?;
    let now = Timestamp::now();
    let empty = backups
        .is_empty()
        .then_some("no KfpBackup here; make one with `kfpctl backup create`");
    listing.print(&report(&backups, &installations, now), empty, |report| {
        draw(report, now, |entry| listing.name(&entry.namespace, &entry.name))
    })
}

/// The report, newest first.
pub(super) fn report(backups: &[KfpBackup], installations: &[KfpInstallation], now: Timestamp) -> Report {
    let mut kept: BTreeMap<(String, String), keep::Fate> = BTreeMap::new();
    for installation in installations {
        let namespace = installation.metadata.namespace.clone().unwrap_or_default();
        for (name, fate) in keep::fates(installation, backups, now) {
            kept.insert((namespace.clone(), name), fate);
        }
    }
    let mut entries: Vec<Entry> = backups.iter().map(|backup| entry(backup, &mut kept)).collect();
    entries.sort_by(|one, other| (other.moment(), &one.name).cmp(&(one.moment(), &other.name)));
    Report {
        schema_version: SCHEMA_VERSION,
        backups: entries,
    }
}

fn entry(backup: &KfpBackup, kept: &mut BTreeMap<(String, String), keep::Fate>) -> Entry {
    let status = backup.status.clone().unwrap_or_default();
    let namespace = backup.metadata.namespace.clone().unwrap_or_default();
    let name = backup.metadata.name.clone().unwrap_or_default();
    let fate = kept
        .remove(&(namespace.clone(), name.clone()))
        .unwrap_or_else(|| keep::of_its_own(backup));
    Entry {
        installation: backup.spec.installation.clone(),
        instant: status.instant.map(|time| time.0),
        created: backup.metadata.creation_timestamp.as_ref().map(|time| time.0),
        complete: standing(backup, ConditionType::Complete).to_owned(),
        verified: standing(backup, ConditionType::Verified).to_owned(),
        ended: ended(backup),
        damaged: damage(backup).is_some(),
        stored_bytes: status.stored_bytes,
        version: status.version,
        set: status.set,
        location: status.location,
        kept_because: fate.kept,
        expires_because: fate.expires,
        namespace,
        name,
    }
}

impl Entry {
    fn moment(&self) -> Option<Timestamp> {
        self.instant.or(self.created)
    }

    fn word(&self) -> &str {
        match (self.complete.as_str(), self.verified.as_str()) {
            ("True", "True") => "verified",
            ("True", _) if self.damaged => "damaged",
            ("True", _) => "complete",
            ("False", _) if self.ended => "failed",
            _ => "under way",
        }
    }

    fn fate(&self) -> String {
        match &self.expires_because {
            Some(why) => format!("goes: {why}"),
            None => self.kept_because.join(", "),
        }
    }
}

fn draw(report: &Report, now: Timestamp, name: impl Fn(&Entry) -> String) -> String {
    let rows = report.backups.iter().map(|entry| {
        let size = entry
            .stored_bytes
            .map(|bytes| HumanBytes(unsigned(bytes)).to_string());
        [
            name(entry),
            entry.installation.clone(),
            age(entry.moment(), now),
            size.unwrap_or_default(),
            entry.word().to_owned(),
            entry.location.clone().unwrap_or_default(),
            entry.fate(),
        ]
    });
    table(
        [
            "NAME",
            "INSTALLATION",
            "AGE",
            "STORED",
            "STATE",
            "WHERE",
            "KEPT BECAUSE",
        ],
        rows,
    )
}

#[cfg(test)]
mod tests {
    use kfp_api::names::SCHEDULED_LABEL;

    use super::super::tests::{backup, said};
    use super::*;

    fn complete(name: &str, instant: &str, verified: &str) -> KfpBackup {
        let conditions = format!(
            "{}, {}",
            said("Complete", "True", "Taken"),
            said(
                "Verified",
                verified,
                if verified == "False" {
                    "SetDamaged"
                } else {
                    "RestoredEqual"
                }
            )
        );
        let mut backup = backup(&format!(
            "instant: '{instant}', set: 20261124T014900Z-1a2b3c, storedBytes: 47000000, version: 2.16.1, \
             location: 's3://backups/team/kfp/20261124T014900Z-1a2b3c', completedAt: '{instant}', conditions: [{conditions}]"
        ));
        backup.metadata.name = Some(name.to_owned());
        backup.metadata.labels = Some([(SCHEDULED_LABEL.to_owned(), "kfp".to_owned())].into());
        backup
    }

    fn sample() -> Report {
        let installation: KfpInstallation = serde_saphyr::from_str(
            "{apiVersion: kfpops.dev/v1alpha1, kind: KfpInstallation, metadata: {name: kfp, namespace: team}, spec: {version: 2.16.1, \
             backup: {destination: {type: S3, s3: {bucket: backups}, credentials: {name: s3}}, retention: {daily: 2}}}}",
        )
        .unwrap();
        let mut by_hand = complete("by-hand", "2026-11-20T10:00:00Z", "False");
        by_hand.metadata.labels = None;
        let mut fresh = backup("");
        fresh.metadata.name = Some("kfp-now".to_owned());
        let mut failed = backup(&format!(
            "completedAt: '2026-11-21T02:10:00Z', conditions: [{}]",
            said("Complete", "False", "BackupFailed")
        ));
        failed.metadata.name = Some("failed".to_owned());
        let backups = [
            failed,
            complete("kfp-a", "2026-11-22T02:00:00Z", "True"),
            complete("kfp-b", "2026-11-23T02:00:00Z", "True"),
            complete("kfp-c", "2026-11-24T01:00:00Z", "Unknown"),
            by_hand,
            fresh,
        ];
        report(&backups, &[installation], now())
    }

    fn now() -> Timestamp {
        "2026-11-24T02:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_list_says_how_old_how_large_whether_verified_where_and_why() {
        insta::assert_snapshot!(draw(&sample(), now(), |entry| entry.name.clone()));
    }

    #[test]
    fn the_data_hold_everything_that_is_known() {
        insta::assert_yaml_snapshot!(sample());
    }
}
