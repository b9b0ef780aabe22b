//! THOUGHT: what is done next about one restore. Pure: what was looked at is an argument. Everything is derived anew on each
//! pass, so that whoever comes after a crash goes on.

mod before;
mod facts;
mod job;
mod status;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kfp_api::backup::Encryption;
use kfp_api::conditions::Reason;
use kfp_api::destination::Destination;
use kfp_api::restore::Restored;
use kfp_api::status::{SchemaState, SchemaStatus};
use kfp_api::{KfpBackup, KfpInstallation, KfpRestore};
use kfp_backup::progress::Progress;

use crate::backups::JobSeen;
use crate::observed::Seen;

pub use before::{chosen_before, safety_backup, safety_name};
pub use facts::{begun, bootstrap, holding, incomplete, message, over, put_back};
pub use status::status;

/// What a Job does that puts a set back: the value of its label.
pub const WORK: &str = "restore";

/// Name of the Job, its Secret and its ConfigMap for the restore of this uid: the same for whoever starts it.
#[must_use]
pub fn job_name(uid: &str) -> String {
    format!("kfp-{WORK}-{uid}")
}

/// Everything that was looked at for one restore.
#[derive(Clone, Debug)]
pub struct Look<'a> {
    /// The present.
    pub now: Timestamp,
    /// The restore.
    pub restore: &'a KfpRestore,
    /// The restores of its namespace, itself among them.
    pub restores: &'a [KfpRestore],
    /// The namespace is being deleted.
    pub terminating: bool,
    /// The installation; none where there is none of the name.
    pub installation: Option<&'a KfpInstallation>,
    /// The set.
    pub set: &'a SetSeen,
    /// The pipelines database.
    pub database: &'a Seen<DatabaseNow>,
    /// Workloads of the installation that write rows or start runs and are not gone yet, in words.
    pub writers: &'a Seen<Vec<String>>,
    /// The KfpBackup of what is there, if it was made.
    pub safety: Option<&'a KfpBackup>,
    /// Jobs for this installation by name.
    pub jobs: &'a BTreeMap<String, JobSeen>,
}

/// What a look for the set found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetSeen {
    /// Nobody looked: nothing depends on it now.
    NotLooked,
    /// It is there and complete.
    Found(Box<SetFound>),
    /// It is certainly not to be had.
    Refused {
        /// Stable reason.
        reason: Reason,
        /// What was looked for, and where.
        message: String,
    },
    /// It could not be looked at, or is not complete yet.
    Waits {
        /// Stable reason.
        reason: Reason,
        /// Why.
        message: String,
    },
}

/// A set, as its manifest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetFound {
    /// Its name.
    pub id: String,
    /// Its address.
    pub location: String,
    /// The moment that it holds.
    pub instant: Timestamp,
    /// The release that ran then.
    pub release: String,
    /// Releases whose schema its pipelines database has; empty where it was not judged.
    pub schema_of: BTreeSet<String>,
    /// Its databases can be read with a secret key only.
    pub encrypted: bool,
    /// To whom what of it is encrypted.
    pub encryption: Option<Encryption>,
}

/// Where and how what is there is backed up when the installation does not say: as the set that is restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beside {
    /// Where that set lies.
    pub destination: Destination,
    /// To whom what of it is encrypted.
    pub encryption: Option<Encryption>,
}

/// The databases as they are now, that of pipelines above all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseNow {
    /// Its schema against the catalog.
    pub schema: SchemaStatus,
    /// A restore was begun in it and is not through: rows are loaded, or what must agree with them is settled.
    pub loading: bool,
    /// Another database of the installation holds tables.
    pub others: bool,
}

impl DatabaseNow {
    /// Nothing is in any database.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.schema.state == SchemaState::Empty && !self.others
    }
}

/// An effect. Each is idempotent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Put the finalizer on, or take it off.
    Finalizer(bool),
    /// Mark it as over.
    Mark,
    /// Back up what is there.
    SafetyBackup,
    /// Start the Job.
    Start,
    /// End the Job, and remove it with everything of it.
    Drop,
}

/// How it stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// It is over; its status stays.
    Over,
    /// Nothing was begun.
    Waits {
        /// Stable reason.
        reason: Reason,
        /// For what.
        message: String,
    },
    /// It begins: the installation is stopped from now on.
    Begins(Box<SetFound>),
    /// It goes on.
    Works {
        /// At what.
        message: String,
        /// How far the Job is.
        progress: Option<Progress>,
    },
    /// Everything was put back, and what was stopped starts again.
    PutBack {
        /// What was done.
        restored: Restored,
        /// What is waited for.
        message: String,
    },
    /// It is complete.
    Done {
        /// What was done.
        restored: Restored,
        /// In words.
        message: String,
    },
    /// It was given up.
    GaveUp {
        /// Stable reason.
        reason: Reason,
        /// What was done, and what to do.
        message: String,
    },
}

/// What is done, and how it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What is done now, in order.
    pub steps: Vec<Step>,
    /// How it stands.
    pub standing: Standing,
}

impl Plan {
    fn only(standing: Standing) -> Self {
        Self {
            steps: Vec::new(),
            standing,
        }
    }
}

/// What has to be looked at before [`plan`] can think about this restore, given its Jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The set.
    pub set: bool,
    /// The database.
    pub database: bool,
    /// Workloads that write rows, and the KfpBackup of what is there.
    pub writers: bool,
}

/// What has to be looked at. What nobody asks for costs requests to databases and buckets.
#[must_use]
pub fn needs(restore: &KfpRestore, jobs: &BTreeMap<String, JobSeen>) -> Needs {
    if facts::deleting(restore) || over(restore) {
        return Needs::default();
    }
    match jobs.get(&job_name(facts::uid(restore))) {
        Some(job) if job.going || job.active() => Needs::default(),
        Some(job) if !job.asleep => Needs {
            database: true,
            ..Needs::default()
        },
        _ => Needs {
            set: !begun(restore),
            database: true,
            writers: begun(restore),
        },
    }
}

/// Decides what to do now about one restore.
#[must_use]
pub fn plan(look: &Look) -> Plan {
    let restore = look.restore;
    let job = look.jobs.get(&job_name(facts::uid(restore)));
    if facts::deleting(restore) {
        return ending(restore, job);
    }
    if over(restore) {
        let mut steps = Vec::new();
        steps.extend(facts::held(restore).then_some(Step::Finalizer(false)));
        steps.extend((!facts::marked(restore)).then_some(Step::Mark));
        return Plan {
            steps,
            standing: Standing::Over,
        };
    }
    match job {
        Some(job) if job.going => Plan::only(works("Its Job is being removed.")),
        Some(job) if !job.asleep => Plan::only(job::standing(look, job)),
        _ => before::plan(look),
    }
}

/// The resource is being deleted: its Job goes first.
fn ending(restore: &KfpRestore, job: Option<&JobSeen>) -> Plan {
    let steps = match job {
        Some(job) if !job.going => vec![Step::Drop],
        Some(_) => Vec::new(),
        None => facts::held(restore)
            .then_some(Step::Finalizer(false))
            .into_iter()
            .collect(),
    };
    let standing = if over(restore) {
        Standing::Over
    } else {
        works("It is being deleted; its Job is ended first.")
    };
    Plan { steps, standing }
}

fn works(message: impl Into<String>) -> Standing {
    Standing::Works {
        message: message.into(),
        progress: None,
    }
}
