//! THOUGHT: the backups of an installation in its own status: the newest ones, what comes next, and whether they are fresh.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kfp_api::backup_status::{BackupSummary, BackupsStatus};
use kfp_api::conditions::{ConditionType, Reason};
use kfp_api::{KfpBackup, KfpInstallation};
use serde::{Deserialize, Serialize};

use super::{Installation, facts, rounds};

/// What an installation tells of its backups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// As its status shows it; none where there is nothing to show.
    pub status: Option<BackupsStatus>,
    /// Whether the newest verified one is young enough; none where nobody asked for backups and there is none.
    pub fresh: Option<Fresh>,
}

/// Whether the newest verified backup is young enough.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fresh {
    /// It is.
    pub holds: bool,
    /// Why, as one stable word.
    pub reason: Reason,
    /// In words for a person.
    pub message: String,
}

/// What an installation tells of these backups, which are its own.
#[must_use]
pub fn summary(resource: &KfpInstallation, backups: &[KfpBackup], now: Timestamp) -> Summary {
    let installation = Installation::of(resource);
    let newest = |verified: bool| {
        backups
            .iter()
            .filter(|backup| facts::complete(backup) && (!verified || is_verified(backup)))
            .max_by_key(|backup| facts::moment(backup))
    };
    let (verified, complete) = (newest(true), newest(false));
    let spec = installation.spec.as_ref();
    if spec.is_none() && complete.is_none() {
        return Summary::default();
    }
    // What stands still says no time.
    let kept = spec.filter(|spec| !spec.suspend && !installation.paused);
    let next = kept.and_then(|spec| {
        let schedule = rounds::parsed(spec, spec.schedule.as_deref())?;
        schedule.next(rounds::last_scheduled(&installation, backups))
    });
    let next_drill = kept.and_then(|spec| {
        let schedule = rounds::parsed(spec, spec.drills.as_ref().map(|drills| drills.schedule.as_str()))?;
        schedule.next(rounds::last_drill(&installation, backups))
    });
    let made = backups.iter().filter_map(facts::scheduled_for);
    Summary {
        status: Some(BackupsStatus {
            last_verified: verified.map(short),
            last_complete: complete.map(short),
            last_scheduled: made.chain(installation.last_scheduled).max().map(Time),
            next: next.map(Time),
            next_drill: next_drill.map(Time),
        }),
        fresh: Some(fresh(&installation, verified, now)),
    }
}

fn is_verified(backup: &KfpBackup) -> bool {
    facts::condition(backup, ConditionType::Verified).is_some_and(|condition| condition.status == "True")
}

fn short(backup: &KfpBackup) -> BackupSummary {
    let stored = backup.status.as_ref().and_then(|status| status.stored_bytes);
    BackupSummary {
        name: facts::name(backup).to_owned(),
        instant: Time(facts::moment(backup)),
        stored_bytes: stored.unwrap_or_default(),
    }
}

/// Hours that a verified backup is fresh where the installation says nothing: as its default.
const FRESH_HOURS: i64 = 48;

fn fresh(installation: &Installation, verified: Option<&KfpBackup>, now: Timestamp) -> Fresh {
    let hours = installation
        .spec
        .as_ref()
        .map_or(FRESH_HOURS, |spec| i64::from(spec.fresh_for_hours));
    let fact = |holds, reason, message: String| Fresh {
        holds,
        reason,
        message,
    };
    if let Some((field, why)) = installation
        .spec
        .as_ref()
        .and_then(|spec| rounds::problems(spec).into_iter().next())
    {
        return fact(false, Reason::InvalidSpec, format!("{field}: {why}."));
    }
    let Some(backup) = verified else {
        let message = "No backup was verified yet; `kfpctl backup create --wait` makes one.";
        return fact(false, Reason::BackupNone, message.to_owned());
    };
    let (name, moment) = (facts::name(backup), facts::moment(backup));
    // To the second: the message stays the same for as long as the backup does.
    let said = Timestamp::from_second(moment.as_second()).unwrap_or(moment);
    if now.duration_since(moment) <= SignedDuration::from_hours(hours) {
        let message = format!("KfpBackup {name} of {said} is verified.");
        return fact(true, Reason::BackupRecent, message);
    }
    let message =
        format!("The newest verified backup is KfpBackup {name} of {said}, more than {hours} hours ago.");
    fact(false, Reason::BackupOld, message)
}
