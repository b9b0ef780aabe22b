//! SETS: what the plan of a restore is made from: what is asked for, what the set holds, what is there. What is not known is said
//! to be unknown, and never taken for missing. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::order::Parts;

/// Which parts of a set are brought back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// Everything that the set holds.
    #[default]
    All,
    /// The databases alone.
    Database,
    /// The recurring runs alone: their objects, and the rows that belong to them.
    Schedules,
}

impl Wanted {
    /// Rows are replaced: so Workflows of runs that have no row afterwards are set aside, and runs that nobody carries out are
    /// closed.
    pub(super) const fn replaces_rows(self) -> bool {
        matches!(self, Self::All | Self::Database)
    }

    /// ScheduledWorkflows that the set does not have are set aside: where rows and objects come back together, and they alone.
    pub(super) const fn sets_schedules_aside(self) -> bool {
        matches!(self, Self::All)
    }
}

impl From<Parts> for Wanted {
    fn from(parts: Parts) -> Self {
        match parts {
            Parts::All => Self::All,
            Parts::Database => Self::Database,
            Parts::Schedules => Self::Schedules,
        }
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Which parts.
    pub wanted: Wanted,
    /// The person's leave to replace what is there.
    pub overwrite: bool,
    /// The key of an encrypted set is named.
    pub key: bool,
}

/// Whether a set can be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// A verification found it good.
    Verified,
    /// No verification said anything.
    Unverified,
    /// A verification found it damaged.
    Damaged,
    /// Nobody here can tell.
    #[default]
    Unknown,
}

/// How many Kubernetes objects a set holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Held {
    /// How many of each kind.
    Kinds(BTreeMap<String, u64>),
    /// How many of all kinds together.
    Number(u64),
    /// Not known.
    #[default]
    Unknown,
}

/// What a set holds, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetFacts {
    /// The set.
    pub id: String,
    /// The moment that it holds.
    pub taken: Timestamp,
    /// Only the name of the set is known: `taken` is when it was asked for.
    pub approximate: bool,
    /// The KFP release that ran then. None: not known.
    pub release: Option<String>,
    /// Releases that can start on its schema. None: not known.
    pub schema_of: Option<BTreeSet<String>>,
    /// Its databases can be read with a secret key only. None: not known.
    pub encrypted: Option<bool>,
    /// Whether it can be trusted.
    pub trust: Trust,
    /// Its databases.
    pub databases: Vec<DatabaseFacts>,
    /// Its Kubernetes objects.
    pub objects: Held,
    /// Names of its ScheduledWorkflows. None: not known.
    pub schedules: Option<BTreeSet<String>>,
}

/// A database, in a set or in the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseFacts {
    /// Its name.
    pub name: String,
    /// Tables.
    pub tables: u64,
    /// Rows of all tables. None: not counted.
    pub rows: Option<u64>,
}

/// What is there now, where the set is to be restored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetSeen {
    /// The release that is to run on what is restored. None: not looked at.
    pub release: Option<String>,
    /// Its databases that hold a table. None: not looked at.
    pub databases: Option<Vec<DatabaseFacts>>,
    /// Its Workflows of pipeline runs.
    pub workflows: Vec<WorkflowSeen>,
    /// Names of its ScheduledWorkflows.
    pub schedules: BTreeSet<String>,
    /// Runs that the set's rows call unfinished. None: the rows were not read.
    pub unfinished: Option<Vec<RunSeen>>,
}

/// A Workflow of the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkflowSeen {
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// The run that it carries out: its label `pipeline/runid`. The server does not look at one without it.
    pub run: Option<String>,
    /// The name of the ScheduledWorkflow that made it. The server gives such a one a new row.
    pub schedule: Option<String>,
    /// It runs no more.
    pub finished: bool,
    /// Whether the set has a row of its run. None: not looked up, so that the moments are compared.
    pub in_set: Option<bool>,
}

/// A run that a row calls unfinished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSeen {
    /// The run's id.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// What the row says of it, such as `RUNNING`.
    pub state: String,
}
