//! THOUGHT: what is done next about the backups of one installation: which Job starts, which resource comes and goes. Pure: the
//! Jobs, the resources and the time are arguments. Everything is derived anew from them on each pass.

mod facts;
mod make;
mod removal;
mod rounds;
mod status;
mod summary;
#[cfg(test)]
mod tests;
mod turn;
mod words;

use std::collections::BTreeMap;

use jiff::Timestamp;
use kfp_api::KfpBackup;
use kfp_api::conditions::Reason;
use kfp_backup::progress::{Progress, Report};

pub use facts::{
    Installation, complete, damage, ended, is_safety, is_scheduled, judged, verified, wants_check,
};
pub use make::scheduled;
pub use rounds::{problems, retention};
pub use status::{Standing, status};
pub use summary::{Fresh, Summary, summary};
pub use words::{home, set_id};
pub(crate) use words::{number, shown};

/// Pause before a removal that failed is tried again, in seconds.
const REMOVAL_PAUSE: i64 = 600;

/// What a Job does for a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Work {
    /// Takes the set.
    Take,
    /// Checks the set. The number is 0 for the check after it was taken, else the second (since 1970) that it was asked for
    /// or due.
    Verify(i64),
    /// Removes the set.
    Remove,
    /// Removes what broken attempts left behind.
    Clean,
}

impl Work {
    /// The value of the label that says what a Job does.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Take => "take",
            Self::Verify(_) => "verify",
            Self::Remove => "remove",
            Self::Clean => "clean",
        }
    }

    /// Name of the Job, its Secret and its ConfigMap for the backup of this uid: the same for whoever starts it.
    #[must_use]
    pub fn job(self, uid: &str) -> String {
        match self {
            Self::Verify(second) if second != 0 => format!("kfp-verify-{uid}-{second}"),
            _ => format!("kfp-{}-{uid}", self.label()),
        }
    }
}

/// A Job as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct JobSeen {
    /// Value of its label about what it does.
    pub work: String,
    /// Name of the resource that it is done for, in words: `KfpBackup nightly`.
    pub purpose: String,
    /// Uid of that resource.
    pub uid: String,
    /// How it stands.
    pub state: JobState,
    /// It was made and not let go yet: whoever starts it goes on from there.
    pub asleep: bool,
    /// It is being removed.
    pub going: bool,
    /// Its credentials were taken away again.
    pub closed: bool,
    /// When it was made.
    pub created: Timestamp,
    /// How often its program was started.
    pub starts: i32,
    /// What it told last.
    pub progress: Option<Progress>,
    /// What it told at its end.
    pub report: Option<Report>,
    /// Why its pod does not run; empty while that is not known.
    pub trouble: String,
}

/// How a Job stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobState {
    /// It is at work, or about to be.
    Active,
    /// It ended well.
    Succeeded,
    /// It was given up.
    Failed {
        /// Why, as Kubernetes says: `DeadlineExceeded`, `BackoffLimitExceeded`.
        reason: String,
        /// In its words.
        message: String,
    },
}

impl JobSeen {
    /// True while it may read or write.
    #[must_use]
    pub fn active(&self) -> bool {
        self.state == JobState::Active && !self.asleep
    }
}

/// A restore that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restoring {
    /// Its resource, in words: `KfpRestore back`.
    pub who: String,
    /// The backup that it waits for, by name: the one that may be taken meanwhile.
    pub safety_backup: Option<String>,
}

/// Everything that was looked at.
#[derive(Clone, Debug)]
pub struct Look<'a> {
    /// The present.
    pub now: Timestamp,
    /// The installation; none where there is none of the name.
    pub installation: Option<&'a Installation>,
    /// The namespace is being deleted.
    pub terminating: bool,
    /// Its backups.
    pub backups: &'a [KfpBackup],
    /// Backups that something reads, by name, with what it is: `KfpRestore back`.
    pub held: &'a BTreeMap<String, String>,
    /// Jobs for this installation by name, those of restores too.
    pub jobs: &'a BTreeMap<String, JobSeen>,
    /// Backups for which a Job was to be started in this pass, and could not be: they hold up no other.
    pub refused: &'a BTreeMap<String, Waiting>,
    /// A restore that is under way: the installation stands still.
    pub restoring: Option<&'a Restoring>,
}

impl<'a> Look<'a> {
    /// The Job that does this for the backup of this uid, once it was let go.
    #[must_use]
    pub fn job(&self, work: Work, uid: &str) -> Option<&'a JobSeen> {
        self.jobs.get(&work.job(uid)).filter(|job| !job.asleep)
    }
}

/// An effect. Each is idempotent.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Make a KfpBackup for the schedule's time.
    Create {
        /// The time.
        time: Timestamp,
    },
    /// Put the finalizer on a backup, or take it off.
    Finalizer {
        /// Name of the backup.
        backup: String,
        /// On.
        held: bool,
    },
    /// Start a Job.
    Start {
        /// Name of the backup.
        backup: String,
        /// What it does.
        work: Work,
    },
    /// Take a Job's credentials away.
    Close {
        /// Name of the Job.
        job: String,
    },
    /// Remove a Job with everything of it, to stop it or to start it again.
    Drop {
        /// Name of the Job.
        job: String,
    },
    /// Delete a backup whose set is removed.
    Delete {
        /// Name of the backup.
        backup: String,
        /// Why, in words.
        why: String,
    },
}

/// Why a backup waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Stable reason.
    pub reason: Reason,
    /// In words for a person.
    pub message: String,
}

/// What is done, and what each backup waits for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// What is done now.
    pub steps: Vec<Step>,
    /// What a backup waits for, by its name.
    pub waiting: BTreeMap<String, Waiting>,
}

/// Decides what to do now about the backups of one installation.
#[must_use]
pub fn plan(look: &Look) -> Plan {
    let mut plan = Plan::default();
    let over = look
        .jobs
        .iter()
        .filter(|(_, job)| job.state != JobState::Active && !job.closed && !job.going);
    plan.steps
        .extend(over.map(|(job, _)| Step::Close { job: job.clone() }));
    removal::strays(look, &mut plan);
    let mut turn = turn::Turn::new(look);
    for backup in look.backups.iter().filter(|backup| facts::deleting(backup)) {
        removal::deleted(look, backup, &mut turn, &mut plan);
    }
    for backup in look.backups.iter().filter(|backup| !facts::deleting(backup)) {
        removal::finalizer(backup, &mut plan);
    }
    rounds::takes(look, &mut turn, &mut plan);
    rounds::checks(look, &mut turn, &mut plan);
    removal::remains(look, &mut turn, &mut plan);
    rounds::schedule(look, &mut plan);
    rounds::drill(look, &mut turn, &mut plan);
    removal::expired(look, &mut turn, &mut plan);
    plan
}
