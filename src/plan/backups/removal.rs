//! THOUGHT: sets that go: with their resource, because retention says so, or because an attempt broke. A set goes before the
//! resource that tells where it lies, and one whose removal was begun goes whatever the rules say later.

use jiff::Timestamp;
use kfp_api::KfpBackup;
use kfp_api::conditions::{ConditionType, Reason};
use kfp_api::installation::DeletionPolicy;
use kfp_backup::progress::Done;
use kfp_backup::retention;

use super::turn::Turn;
use super::{JobState, Look, Plan, REMOVAL_PAUSE, Step, Waiting, Work, facts, rounds};

/// The finalizer is on exactly while the set is to go with the resource.
pub(super) fn finalizer(backup: &KfpBackup, plan: &mut Plan) {
    let wanted = backup.spec.deletion_policy == DeletionPolicy::Delete;
    if wanted != facts::held(backup) {
        plan.steps.push(Step::Finalizer {
            backup: facts::name(backup).to_owned(),
            held: wanted,
        });
    }
}

/// A resource that is being deleted: what is being taken is stopped, the set is removed where the policy says so, and the
/// finalizer comes off.
pub(super) fn deleted(look: &Look, backup: &KfpBackup, turn: &mut Turn, plan: &mut Plan) {
    let uid = facts::uid(backup);
    let take = Work::Take.job(uid);
    let working = |job: &super::JobSeen| job.state == JobState::Active;
    let taking = look.jobs.get(&take).is_some_and(working);
    if !facts::held(backup) {
        return;
    }
    let begun = backup.status.as_ref().is_some_and(|status| status.set.is_some());
    let keeps = backup.spec.deletion_policy == DeletionPolicy::Retain;
    if keeps || (!begun && !taking) || removed(look, backup) {
        plan.steps.push(Step::Finalizer {
            backup: facts::name(backup).to_owned(),
            held: false,
        });
    } else if let Some(reader) = look.held.get(facts::name(backup)) {
        let waiting = Waiting {
            reason: Reason::WaitingForTurn,
            message: format!("{reader} reads it and goes first."),
        };
        plan.waiting.insert(facts::name(backup).to_owned(), waiting);
    } else if !taking {
        remove(look, backup, turn, plan);
    }
}

/// Jobs that read or write for a resource that is gone, or going, are ended. A removal is let through.
pub(super) fn strays(look: &Look, plan: &mut Plan) {
    let ours = [Work::Take, Work::Verify(0), Work::Clean].map(Work::label);
    let wanted = |job: &super::JobSeen| {
        let mut staying = look.backups.iter().filter(|backup| !facts::deleting(backup));
        staying.any(|backup| facts::uid(backup) == job.uid)
    };
    for (name, job) in look
        .jobs
        .iter()
        .filter(|(_, job)| job.state == JobState::Active && !job.going)
    {
        if ours.contains(&job.work.as_str()) && !wanted(job) {
            plan.steps.push(Step::Drop { job: name.clone() });
        }
    }
}

/// Its set was removed by a Job that is still there to tell, and nothing of it is held.
fn removed(look: &Look, backup: &KfpBackup) -> bool {
    let job = look.job(Work::Remove, facts::uid(backup));
    job.is_some_and(|job| job.state == JobState::Succeeded && held(job) == 0)
}

/// Files that the destination holds on to, of those that a removal found.
pub(super) fn held(job: &super::JobSeen) -> usize {
    match job.report.as_ref().and_then(|report| report.done.as_ref()) {
        Some(Done::Removed(removed)) => removed.held.len(),
        _ => 0,
    }
}

/// Starts the removal; one that failed, or that the destination did not let through, is tried again after a pause.
fn remove(look: &Look, backup: &KfpBackup, turn: &mut Turn, plan: &mut Plan) {
    let job = Work::Remove.job(facts::uid(backup));
    match look.job(Work::Remove, facts::uid(backup)) {
        None => {
            turn.start(backup, Work::Remove, plan);
        }
        Some(seen) if matches!(seen.state, JobState::Failed { .. }) || held(seen) > 0 => {
            let since = seen
                .report
                .as_ref()
                .map_or(seen.created, |report| report.finished);
            if passed(since, look.now) {
                plan.steps.push(Step::Drop { job });
            }
        }
        Some(_) => {}
    }
}

fn passed(since: Timestamp, now: Timestamp) -> bool {
    now.as_second() - since.as_second() >= REMOVAL_PAUSE
}

/// What broken attempts left behind is removed once the backup has ended.
pub(super) fn remains(look: &Look, turn: &mut Turn, plan: &mut Plan) {
    for backup in look.backups.iter().filter(|backup| !facts::deleting(backup)) {
        let Some(status) = &backup.status else { continue };
        let broken = !facts::complete(backup) || status.attempts.unwrap_or_default() > 1;
        let due = facts::ended(backup)
            && broken
            && status.set.is_some()
            && !status.remains_removed
            && !goes(look, backup);
        if due && look.job(Work::Clean, facts::uid(backup)).is_none() {
            turn.start(backup, Work::Clean, plan);
        }
    }
}

/// Backups that the schedule made and that no rule keeps: first the set goes, then the resource.
pub(super) fn expired(look: &Look, turn: &mut Turn, plan: &mut Plan) {
    if look.installation.is_none_or(|installation| installation.deleting) {
        return;
    }
    let (going, mine): (Vec<&KfpBackup>, Vec<&KfpBackup>) = look
        .backups
        .iter()
        .filter(|backup| facts::is_scheduled(backup) && !facts::deleting(backup))
        .partition(|backup| goes(look, backup));
    for backup in going {
        go(look, backup, "its set was removed", turn, plan);
    }
    let Some(policy) = rounds::keeping(look).and_then(|(_, spec)| rounds::retention(spec)) else {
        return;
    };
    let sets: Vec<_> = mine.iter().map(|backup| rounds::seen(look, backup)).collect();
    for expired in retention::expired(&policy, &sets, look.now) {
        if let Some(backup) = mine.iter().find(|backup| facts::name(backup) == expired.id) {
            go(look, backup, &expired.why.to_string(), turn, plan);
        }
    }
}

/// Whether the removal of its set was begun: from then on nothing of it can be relied on.
fn goes(look: &Look, backup: &KfpBackup) -> bool {
    let said = facts::condition(backup, ConditionType::Complete)
        .is_some_and(|complete| complete.reason == Reason::Deleting.as_str());
    said || look.job(Work::Remove, facts::uid(backup)).is_some()
}

fn go(look: &Look, backup: &KfpBackup, why: &str, turn: &mut Turn, plan: &mut Plan) {
    let stored = backup.status.as_ref().is_some_and(|status| status.set.is_some());
    if !stored || removed(look, backup) {
        plan.steps.push(Step::Delete {
            backup: facts::name(backup).to_owned(),
            why: why.to_owned(),
        });
    } else {
        remove(look, backup, turn, plan);
    }
}
