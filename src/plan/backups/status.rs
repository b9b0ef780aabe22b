//! THOUGHT: a backup's Jobs become its status. What a Job told before it was removed stays as the old status says it.

use std::fmt::Write as _;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kfp_api::KfpBackup;
use kfp_api::backup::Verify;
use kfp_api::backup_status::{KfpBackupStatus, Verification};
use kfp_api::conditions::{ConditionStatus, ConditionType, Reason, clear, find, set};
use kfp_api::destination::Destination;
use kfp_backup::progress::{Depth, Done, Taken, Verified};

use super::removal::held;
use super::words::{immutability, location, number, person, set_id, shown, why};
use super::{JobSeen, JobState, Look, Waiting, Work, facts};

/// Reasons of a Job that are a verdict: the set is not what its manifest says. Any other says that a check lacked something.
const DAMAGED: [&str; 13] = [
    "CopyMissing",
    "DecryptionFailed",
    "ManifestDamaged",
    "ManifestSwapped",
    "ObjectMissing",
    "PartContent",
    "PartDamaged",
    "PartMalformed",
    "PartMissing",
    "PartSwapped",
    "PartTruncated",
    "RestoreDiffers",
    "SetMissing",
];

/// What is known of a backup beside its Jobs.
#[derive(Clone, Debug, Default)]
pub struct Standing<'a> {
    /// Where its set goes.
    pub destination: Option<&'a Destination>,
    /// The release that its installation runs.
    pub version: Option<&'a str>,
    /// Why nothing is begun, or why beginning was refused.
    pub waiting: Option<&'a Waiting>,
    /// A Job was started in this pass.
    pub started: Option<Work>,
}

/// What a status is made of.
struct Maker<'a> {
    backup: &'a KfpBackup,
    status: KfpBackupStatus,
    now: Timestamp,
}

/// The status of a backup after a pass.
#[must_use]
pub fn status(look: &Look, backup: &KfpBackup, standing: &Standing) -> KfpBackupStatus {
    let mut maker = Maker {
        backup,
        status: backup.status.clone().unwrap_or_default(),
        now: look.now,
    };
    maker.status.observed_generation = backup.metadata.generation;
    maker.status.progress = None;
    let uid = facts::uid(backup);
    let take = look.job(Work::Take, uid);
    if take.is_some() || standing.started == Some(Work::Take) {
        maker.begun(take, standing);
    }
    if !facts::ended(backup) {
        maker.take(take, standing);
    }
    if maker.is(ConditionType::Complete) {
        let check = newest_check(look, uid);
        maker.check(check, standing);
    }
    let clean = look.job(Work::Clean, uid);
    if clean.is_some_and(|job| !job.active()) {
        // One that failed is not tried again: whoever removes the set removes its remains too.
        maker.status.remains_removed = true;
    }
    let removal = look.job(Work::Remove, uid);
    let begun = removal.is_some() || standing.started == Some(Work::Remove);
    if begun && facts::ended(backup) {
        // Whatever of it is still there: it is no set any more.
        let message = "The set is being removed from its destination.";
        maker.say(
            ConditionType::Complete,
            ConditionStatus::False,
            Reason::Deleting,
            message,
        );
        maker.say(
            ConditionType::Verified,
            ConditionStatus::False,
            Reason::Deleting,
            message,
        );
    }
    if begun || facts::deleting(backup) {
        maker.deleting(removal, standing);
    }
    maker.status.fitted()
}

/// The check that was begun last.
fn newest_check<'a>(look: &Look<'a>, uid: &str) -> Option<&'a JobSeen> {
    let checks = look
        .jobs
        .values()
        .filter(|job| job.uid == uid && job.work == Work::Verify(0).label() && !job.asleep);
    checks.max_by_key(|job| job.created)
}

impl Maker<'_> {
    fn say(&mut self, kind: ConditionType, status: ConditionStatus, reason: Reason, message: &str) {
        set(
            &mut self.status.conditions,
            kind,
            status,
            reason,
            message,
            self.backup.metadata.generation,
            &Time(self.now),
        );
    }

    fn is(&self, kind: ConditionType) -> bool {
        find(&self.status.conditions, kind).is_some_and(|condition| condition.status == "True")
    }

    /// Under way: neither done nor given up.
    fn working(&mut self, reason: Reason, message: &str) {
        clear(&mut self.status.conditions, ConditionType::Stalled);
        self.say(ConditionType::Reconciling, ConditionStatus::True, reason, message);
    }

    /// Over, as wanted.
    fn settled(&mut self) {
        clear(&mut self.status.conditions, ConditionType::Stalled);
        clear(&mut self.status.conditions, ConditionType::Reconciling);
    }

    /// Over, and not as wanted.
    fn stalled(&mut self, reason: Reason, message: &str) {
        clear(&mut self.status.conditions, ConditionType::Reconciling);
        self.say(ConditionType::Stalled, ConditionStatus::True, reason, message);
    }

    /// A Job was made: what is known from then on.
    fn begun(&mut self, job: Option<&JobSeen>, standing: &Standing) {
        let status = &mut self.status;
        if status.started_at.is_none() {
            status.started_at = Some(Time(job.map_or(self.now, |job| job.created)));
        }
        if status.destination.is_none() {
            status.destination = standing.destination.cloned();
            status.version = standing.version.map(str::to_owned);
        }
        let set = set_id(self.backup);
        if let Some(destination) = &status.destination {
            status.location = Some(location(destination, self.backup, &set));
        }
        status.set = Some(set.to_string());
        if let Some(job) = job {
            status.attempts = Some(job.starts.max(status.attempts.unwrap_or_default()));
        }
    }

    fn take(&mut self, job: Option<&JobSeen>, standing: &Standing) {
        let Some(job) = job else {
            let (reason, message) = match standing.waiting {
                Some(waiting) if standing.started.is_none() => (waiting.reason, waiting.message.as_str()),
                _ => (Reason::Progressing, "The backup begins."),
            };
            self.say(ConditionType::Complete, ConditionStatus::False, reason, message);
            if person(reason) {
                self.stalled(reason, message);
            } else {
                self.working(reason, message);
            }
            return;
        };
        match &job.state {
            JobState::Active => {
                let message = self.progress(job, "The backup is taken");
                self.say(
                    ConditionType::Complete,
                    ConditionStatus::False,
                    Reason::Progressing,
                    &message,
                );
                self.working(Reason::Progressing, &message);
            }
            JobState::Succeeded => match job.report.as_ref().and_then(|report| report.done.as_ref()) {
                Some(Done::Took(taken)) => self.taken(taken, job),
                _ => self.failed(
                    Reason::BackupFailed,
                    "The Job ended well and left no report; make another backup.",
                ),
            },
            JobState::Failed { reason, message } => {
                let (reason, message) = why(job, reason, message, Reason::BackupFailed);
                self.failed(reason, &message);
            }
        }
    }

    fn taken(&mut self, taken: &Taken, job: &JobSeen) {
        let finished = job.report.as_ref().map_or(self.now, |report| report.finished);
        let status = &mut self.status;
        status.completed_at = Some(Time(finished));
        status.instant = Some(Time(taken.instant));
        status.manifest_sha256 = Some(taken.manifest_sha256.clone());
        status.immutability = immutability(&taken.immutability);
        status.bytes = Some(number(taken.logical_bytes));
        status.stored_bytes = Some(number(taken.stored_bytes));
        status.rows = Some(number(taken.rows));
        status.objects = Some(number(taken.objects));
        status.missing_objects = Some(number(taken.specs_missing + taken.artifacts_missing));
        let mut message = format!(
            "{} rows of {} tables are in set {}.",
            taken.rows, taken.tables, taken.set
        );
        for warning in &taken.warnings {
            message.push(' ');
            message.push_str(warning);
        }
        self.say(
            ConditionType::Complete,
            ConditionStatus::True,
            Reason::SetComplete,
            &message,
        );
    }

    fn failed(&mut self, reason: Reason, message: &str) {
        self.status.completed_at = Some(Time(self.now));
        self.say(ConditionType::Complete, ConditionStatus::False, reason, message);
        self.stalled(reason, message);
    }

    /// What a check says of a complete set.
    fn check(&mut self, job: Option<&JobSeen>, standing: &Standing) {
        let Some(job) = job else {
            if find(&self.status.conditions, ConditionType::Verified)
                .is_none_or(|old| old.status == "Unknown")
            {
                let waiting = standing.waiting.filter(|_| standing.started.is_none());
                let (reason, message) = waiting.map_or(
                    (Reason::VerificationPending, "The set was not checked yet."),
                    |waiting| (waiting.reason, waiting.message.as_str()),
                );
                self.say(ConditionType::Verified, ConditionStatus::Unknown, reason, message);
                self.working(reason, message);
            }
            return;
        };
        match &job.state {
            JobState::Active => {
                let message = self.progress(job, "The set is checked");
                if !self.is(ConditionType::Verified) {
                    self.say(
                        ConditionType::Verified,
                        ConditionStatus::Unknown,
                        Reason::VerificationPending,
                        &message,
                    );
                }
                self.working(Reason::VerificationPending, &message);
            }
            JobState::Succeeded => match job.report.as_ref().and_then(|report| report.done.as_ref()) {
                Some(Done::Verified(found)) => self.checked(found, job),
                _ => self.unchecked("The Job ended well and left no report."),
            },
            JobState::Failed { reason, message } => self.check_failed(job, reason, message),
        }
    }

    fn checked(&mut self, found: &Verified, job: &JobSeen) {
        let finished = job.report.as_ref().map_or(self.now, |report| report.finished);
        let restored = found.depth == Depth::Restore;
        self.status.verification = Some(Verification {
            kind: if restored {
                Verify::Restore
            } else {
                Verify::Checksums
            },
            completed_at: Time(finished),
            parts: number(found.parts),
            tables: number(found.tables),
            rows: number(found.rows),
            sampled_objects: number(found.bucket_sampled),
        });
        let reason = if restored {
            Reason::RestoredEqual
        } else {
            Reason::ChecksumsEqual
        };
        let mut message = found.checks.join("; ");
        if !found.bucket_missing.is_empty() {
            // Writing into a String cannot fail.
            let _ = write!(
                message,
                " {} objects of the bucket are missing or different.",
                found.bucket_missing.len()
            );
        }
        self.say(ConditionType::Verified, ConditionStatus::True, reason, &message);
        self.settled();
    }

    fn check_failed(&mut self, job: &JobSeen, reason: &str, message: &str) {
        let verdict = job
            .report
            .as_ref()
            .filter(|report| DAMAGED.contains(&report.reason.as_str()));
        let Some(report) = verdict else {
            let (_, message) = why(job, reason, message, Reason::VerificationFailed);
            return self.unchecked(&message);
        };
        let message = format!("{}: {}", report.reason, report.message);
        self.status.verification = Some(Verification {
            kind: self.backup.spec.verify,
            completed_at: Time(report.finished),
            parts: 0,
            tables: 0,
            rows: 0,
            sampled_objects: 0,
        });
        self.say(
            ConditionType::Verified,
            ConditionStatus::False,
            Reason::SetDamaged,
            &message,
        );
        self.stalled(Reason::SetDamaged, &message);
    }

    /// A check without a verdict takes nothing back that an earlier one found.
    fn unchecked(&mut self, message: &str) {
        if !self.is(ConditionType::Verified) {
            self.say(
                ConditionType::Verified,
                ConditionStatus::False,
                Reason::VerificationFailed,
                message,
            );
        }
        self.stalled(Reason::VerificationFailed, message);
    }

    fn deleting(&mut self, job: Option<&JobSeen>, standing: &Standing) {
        let waiting = standing.waiting.filter(|_| standing.started.is_none());
        match (job.map(|job| (job, &job.state)), waiting) {
            (Some((job, JobState::Failed { reason, message })), _) => {
                let (_, message) = why(job, reason, message, Reason::RemovalFailed);
                self.working(Reason::RemovalFailed, &message);
            }
            (Some((job, _)), _) if held(job) > 0 => {
                let message = format!(
                    "The destination holds on to {} files or more of the set (a retention or a lock of its own); tried again later.",
                    held(job)
                );
                self.working(Reason::RemovalFailed, &message);
            }
            (None, Some(waiting)) => {
                let message = format!(
                    "The set is to be removed from its destination first. {} To let the resource go without it, set spec.deletionPolicy: Retain.",
                    waiting.message
                );
                self.working(waiting.reason, &message);
            }
            _ => self.working(Reason::Deleting, "The set is removed from its destination."),
        }
    }

    /// Takes over a Job's progress, and says it in words.
    fn progress(&mut self, job: &JobSeen, doing: &str) -> String {
        match &job.progress {
            Some(progress) => {
                let shown = shown(progress);
                let message = format!("{doing}: {}.", shown.stage);
                self.status.progress = Some(shown);
                message
            }
            None if !job.trouble.is_empty() => format!("{doing}; its pod does not run: {}.", job.trouble),
            None => format!("{doing}; its pod is starting."),
        }
    }
}
