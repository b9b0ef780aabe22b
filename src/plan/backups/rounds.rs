//! THOUGHT: the rounds of a backup: taken, checked, checked again, and made anew by schedule.

use std::time::Duration;

use jiff::Timestamp;
use kfp_api::KfpBackup;
use kfp_api::backup::{BackupSpec, RetentionSpec};
use kfp_api::conditions::Reason;
use kfp_backup::retention::{Retention, SetSeen, SetState};
use kfp_backup::schedule::{self, Schedule};

use super::turn::Turn;
use super::{Installation, Look, Plan, Step, Waiting, Work, facts};

/// What is taken next, the oldest resource first.
pub(super) fn takes(look: &Look, turn: &mut Turn, plan: &mut Plan) {
    let mut pending: Vec<&KfpBackup> = look
        .backups
        .iter()
        .filter(|backup| !facts::deleting(backup) && !facts::ended(backup))
        // A Job that ended is read by the status; only one that is not there is started.
        .filter(|backup| look.job(Work::Take, facts::uid(backup)).is_none())
        .collect();
    pending.sort_by_key(|backup| (facts::created(backup), facts::name(backup)));
    for backup in pending {
        match obstacle(look, backup) {
            Some(waiting) => {
                plan.waiting.insert(facts::name(backup).to_owned(), waiting);
            }
            None => {
                turn.start(backup, Work::Take, plan);
            }
        }
    }
}

/// What stands against taking a backup now, whoever else is at work.
fn obstacle(look: &Look, backup: &KfpBackup) -> Option<Waiting> {
    let waiting = |reason, message: String| Some(Waiting { reason, message });
    if look.terminating {
        return waiting(
            Reason::NamespaceTerminating,
            "The namespace is being deleted; nothing is begun.".to_owned(),
        );
    }
    let name = &backup.spec.installation;
    let Some(installation) = look.installation else {
        return waiting(
            Reason::InstallationMissing,
            format!("There is no KfpInstallation {name} in this namespace."),
        );
    };
    if installation.deleting {
        return waiting(
            Reason::InstallationMissing,
            format!("KfpInstallation {name} is being deleted; nothing is begun."),
        );
    }
    if backup.spec.destination.is_none() && installation.spec.is_none() {
        return waiting(
            Reason::DestinationMissing,
            format!(
                "Set spec.backup.destination of KfpInstallation {name}, or make a KfpBackup with spec.destination."
            ),
        );
    }
    let unready = installation.unready.as_ref()?;
    waiting(
        Reason::InstallationNotReady,
        format!("KfpInstallation {name} waits for {unready}."),
    )
}

/// What is checked next: new sets, then those that somebody asked for.
pub(super) fn checks(look: &Look, turn: &mut Turn, plan: &mut Plan) {
    for backup in present(look).filter(|backup| facts::wants_check(backup)) {
        if look.job(Work::Verify(0), facts::uid(backup)).is_none() {
            turn.start(backup, Work::Verify(0), plan);
        }
    }
    for backup in present(look).filter(|backup| facts::complete(backup) && !facts::wants_check(backup)) {
        let Some(asked) = facts::asked(backup) else {
            continue;
        };
        let answered = facts::checked(backup).is_some_and(|checked| checked.as_second() >= asked.as_second());
        let work = Work::Verify(asked.as_second());
        if !answered && look.job(work, facts::uid(backup)).is_none() {
            turn.start(backup, work, plan);
        }
    }
}

fn present<'a>(look: &Look<'a>) -> impl Iterator<Item = &'a KfpBackup> {
    let terminating = look.terminating;
    look.backups
        .iter()
        .filter(move |backup| !terminating && !facts::deleting(backup))
}

/// The installation, where its schedules are kept.
pub(super) fn keeping<'a>(look: &Look<'a>) -> Option<(&'a Installation, &'a BackupSpec)> {
    let installation = look
        .installation
        .filter(|installation| !look.terminating && !installation.deleting && !installation.paused)?;
    let spec = installation.spec.as_ref().filter(|spec| !spec.suspend)?;
    Some((installation, spec))
}

/// A backup for the schedule's newest time. One at a time: while the last one has not ended, none is made.
pub(super) fn schedule(look: &Look, plan: &mut Plan) {
    let Some((installation, spec)) = keeping(look) else {
        return;
    };
    let Some(schedule) = parsed(spec, spec.schedule.as_deref()) else {
        return;
    };
    let scheduled = || look.backups.iter().filter(|backup| facts::is_scheduled(backup));
    if scheduled().any(|backup| !facts::ended(backup) && !facts::deleting(backup)) {
        return;
    }
    let last = last_scheduled(installation, look.backups);
    if let Some(time) = schedule.due(Some(last), look.now) {
        plan.steps.push(Step::Create { time });
    }
}

/// The time of the schedule that was heeded last; before there is one, when the installation was made.
pub(super) fn last_scheduled(installation: &Installation, backups: &[KfpBackup]) -> Timestamp {
    let made = backups.iter().filter_map(facts::scheduled_for);
    made.chain(installation.last_scheduled)
        .max()
        .unwrap_or(installation.created)
}

/// The newest complete set is checked again when a drill is due.
pub(super) fn drill(look: &Look, turn: &mut Turn, plan: &mut Plan) {
    let Some((installation, spec)) = keeping(look) else {
        return;
    };
    let Some(schedule) = parsed(spec, spec.drills.as_ref().map(|drills| drills.schedule.as_str())) else {
        return;
    };
    let Some(time) = schedule.due(Some(last_drill(installation, look.backups)), look.now) else {
        return;
    };
    let newest = present(look)
        .filter(|backup| facts::complete(backup) && !facts::wants_check(backup))
        .max_by_key(|backup| facts::moment(backup));
    let Some(backup) = newest else { return };
    let work = Work::Verify(time.as_second());
    if look.job(work, facts::uid(backup)).is_none() {
        turn.start(backup, work, plan);
    }
}

/// When a set was last checked; before that, when the installation was made.
pub(super) fn last_drill(installation: &Installation, backups: &[KfpBackup]) -> Timestamp {
    let checked = backups.iter().filter_map(facts::checked);
    checked.max().unwrap_or(installation.created)
}

/// A schedule that can be kept.
pub(super) fn parsed(spec: &BackupSpec, cron: Option<&str>) -> Option<Schedule> {
    Schedule::parse(cron?, &spec.time_zone).ok()
}

/// What of `spec.backup` cannot be kept, each with its field.
#[must_use]
pub fn problems(spec: &BackupSpec) -> Vec<(&'static str, String)> {
    let drills = spec.drills.as_ref().map(|drills| drills.schedule.as_str());
    let each = [
        ("spec.backup.schedule", spec.schedule.as_deref()),
        ("spec.backup.drills.schedule", drills),
    ];
    let wrong = each.into_iter().filter_map(|(field, cron)| {
        let error = Schedule::parse(cron?, &spec.time_zone).err()?;
        Some((field, error.to_string()))
    });
    let mut found: Vec<_> = wrong.collect();
    if found.is_empty()
        && let Err(error) = schedule::zone(&spec.time_zone)
    {
        found.push(("spec.backup.timeZone", error.to_string()));
    }
    found
}

/// The rules of an installation; none where it has none, or suspends them.
#[must_use]
pub fn retention(spec: &BackupSpec) -> Option<Retention> {
    let RetentionSpec {
        last,
        days,
        daily,
        weekly,
        monthly,
        yearly,
        failed,
    } = spec.retention.filter(|_| !spec.suspend)?;
    let number = |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok());
    Some(Retention {
        last: number(last),
        within: number(days).map(|days| Duration::from_hours(24 * u64::from(days))),
        daily: number(daily),
        weekly: number(weekly),
        monthly: number(monthly),
        yearly: number(yearly),
        failed: u32::try_from(failed).unwrap_or_default(),
        zone: schedule::zone(&spec.time_zone).ok()?,
    })
}

/// A backup as retention judges it.
pub(super) fn seen(look: &Look, backup: &KfpBackup) -> SetSeen {
    let working = look
        .jobs
        .values()
        .any(|job| job.uid == facts::uid(backup) && job.active() && job.work != Work::Remove.label());
    let seen = facts::judged(backup);
    SetSeen {
        state: if working { SetState::InProgress } else { seen.state },
        held: look
            .held
            .get(facts::name(backup))
            .map(|reader| format!("{reader} reads it")),
        ..seen
    }
}
