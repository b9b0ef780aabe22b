//! SETS: what a restore would do, said before it does anything: what it overwrites, which Workflows and schedules it sets
//! aside, which runs it closes, and what stands against it. Pure: from what a set holds and what is in the target now.
//!
//! Two things must be settled before the API server and the agents start on restored rows. The server deletes a Workflow that
//! names a run which it has no row of (kubeflow/pipelines 2.16.1, `ReportWorkflowResource` in
//! `backend/src/apiserver/resource/resource_manager.go`): those are set aside. And a row that says a run goes on, while its
//! Workflow is gone, is never brought up to date by anybody: those are closed.

mod state;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use state::is_unfinished;

/// Which parts of a set are brought back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    const fn database(self) -> bool {
        matches!(self, Self::All | Self::Database)
    }

    const fn objects(self) -> bool {
        matches!(self, Self::All | Self::Schedules)
    }
}

/// What a set holds, as its manifest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetFacts {
    /// The set.
    pub id: String,
    /// The moment that it holds.
    pub taken: Timestamp,
    /// The KFP release that ran then.
    pub release: String,
    /// A verification found it good.
    pub verified: bool,
    /// Its databases.
    pub databases: Vec<DatabaseFacts>,
    /// Its Kubernetes objects: how many of each kind.
    pub objects: BTreeMap<String, u64>,
    /// Names of its ScheduledWorkflows. None: not known here.
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
    /// The release that runs. None: nothing runs.
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

/// What a restore would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RestorePlan {
    /// The set.
    pub set: String,
    /// The moment that it holds: what was done since then is lost.
    pub taken: Timestamp,
    /// Nothing may be done until these are settled.
    pub refused: Vec<Refusal>,
    /// A backup of the target is made first.
    pub safety_backup: bool,
    /// Databases, in the order of their names.
    pub databases: Vec<DatabaseChange>,
    /// Kubernetes objects of the set: how many of each kind are put in place.
    pub objects: BTreeMap<String, u64>,
    /// Workflows that are exported and taken away, oldest first.
    pub set_aside: Vec<SetAside>,
    /// ScheduledWorkflows that are exported and taken away: the set has no rows of them.
    pub schedules_set_aside: Vec<String>,
    /// Runs whose rows are closed as failed. None: known only once the rows are read.
    pub close: Option<Vec<Closed>>,
    /// What a person should know beside.
    pub notes: Vec<String>,
}

/// Why nothing may be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "camelCase")]
pub enum Refusal {
    /// There are rows, and nobody allowed to overwrite them.
    NotEmpty {
        /// The databases that have them.
        databases: Vec<String>,
    },
    /// The set holds nothing of what is wanted.
    NothingWanted {
        /// In words: what it does not hold.
        missing: String,
    },
}

/// What becomes of a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseChange {
    /// Its name.
    pub name: String,
    /// Rows that are there and go. None: not known.
    pub rows_now: Option<u64>,
    /// Rows that come from the set. None: the set has no such database.
    pub rows_then: Option<u64>,
    /// What is done with it.
    pub change: Change,
}

/// What is done with a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Change {
    /// It is not there, or holds no table: it is made.
    Create,
    /// What it holds is replaced.
    Overwrite,
    /// Whether it is there was not looked at: it is made, or replaced.
    Put,
    /// The set does not hold it: it stays.
    Leave,
}

/// A Workflow that is set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SetAside {
    /// Its name.
    pub workflow: String,
    /// When it was made.
    pub created: Timestamp,
    /// Its run, which the set does not have.
    pub run: String,
    /// It runs now, and is ended by it.
    pub running: bool,
}

/// A run that is closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Closed {
    /// The run's id.
    pub run: String,
    /// Its name for people.
    pub name: String,
    /// What its row says until then.
    pub state: String,
}

/// What would be done. `overwrite` is the person's leave to replace what is there.
#[must_use]
pub fn plan(set: &SetFacts, target: &TargetSeen, wanted: Wanted, overwrite: bool) -> RestorePlan {
    let databases = if wanted.database() {
        changes(set, target.databases.as_deref())
    } else {
        Vec::new()
    };
    let lost: Vec<String> = databases
        .iter()
        .filter(|database| database.change == Change::Overwrite)
        .map(|database| database.name.clone())
        .collect();
    let safety_backup = !lost.is_empty()
        || databases.iter().any(|database| database.change == Change::Put)
        || (wanted == Wanted::Schedules && !target.schedules.is_empty());
    let mut refused = Vec::new();
    if !lost.is_empty() && !overwrite {
        refused.push(Refusal::NotEmpty { databases: lost });
    }
    if let Some(missing) = missing(set, wanted) {
        refused.push(Refusal::NothingWanted { missing });
    }
    let objects = match wanted {
        Wanted::All => set.objects.clone(),
        Wanted::Database => BTreeMap::new(),
        Wanted::Schedules => only_schedules(&set.objects),
    };
    RestorePlan {
        set: set.id.clone(),
        taken: set.taken,
        refused,
        safety_backup,
        databases,
        objects,
        set_aside: if wanted.database() {
            set_aside(set, &target.workflows)
        } else {
            Vec::new()
        },
        schedules_set_aside: if wanted.objects() {
            newer_schedules(set, target)
        } else {
            Vec::new()
        },
        close: if wanted.database() {
            close(target)
        } else {
            Some(Vec::new())
        },
        notes: notes(set, target),
    }
}

/// Each database that either side has.
fn changes(set: &SetFacts, now: Option<&[DatabaseFacts]>) -> Vec<DatabaseChange> {
    let mut all: BTreeMap<&str, DatabaseChange> = BTreeMap::new();
    for then in &set.databases {
        let change = DatabaseChange {
            name: then.name.clone(),
            rows_now: now.map(|_| 0),
            rows_then: then.rows,
            change: if now.is_some() {
                Change::Create
            } else {
                Change::Put
            },
        };
        all.insert(&then.name, change);
    }
    for there in now.unwrap_or_default() {
        if let Some(change) = all.get_mut(there.name.as_str()) {
            change.rows_now = there.rows;
            if there.tables > 0 {
                change.change = Change::Overwrite;
            }
        } else {
            let change = DatabaseChange {
                name: there.name.clone(),
                rows_now: there.rows,
                rows_then: None,
                change: Change::Leave,
            };
            all.insert(&there.name, change);
        }
    }
    all.into_values().collect()
}

/// What is wanted and not in the set.
fn missing(set: &SetFacts, wanted: Wanted) -> Option<String> {
    match wanted {
        Wanted::All | Wanted::Database if set.databases.is_empty() => Some("a database".to_owned()),
        Wanted::Schedules if only_schedules(&set.objects).values().sum::<u64>() == 0 => {
            Some("a recurring run".to_owned())
        }
        _ => None,
    }
}

fn only_schedules(objects: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    objects
        .iter()
        .filter(|(kind, _)| kind.eq_ignore_ascii_case("ScheduledWorkflow"))
        .map(|(kind, number)| (kind.clone(), *number))
        .collect()
}

/// The Workflows that the server would delete: they name a run that no restored row has. Those of a schedule get a new row.
#[must_use]
pub fn set_aside(set: &SetFacts, workflows: &[WorkflowSeen]) -> Vec<SetAside> {
    let mut aside: Vec<SetAside> = workflows
        .iter()
        .filter_map(|workflow| {
            let run = workflow.run.clone()?;
            let has_row = workflow.in_set.unwrap_or(workflow.created <= set.taken);
            (!has_row && workflow.schedule.is_none()).then(|| SetAside {
                workflow: workflow.name.clone(),
                created: workflow.created,
                run,
                running: !workflow.finished,
            })
        })
        .collect();
    aside.sort_by(|one, other| (one.created, &one.workflow).cmp(&(other.created, &other.workflow)));
    aside
}

/// Schedules of the target that the set does not have: their runs could not be recorded.
fn newer_schedules(set: &SetFacts, target: &TargetSeen) -> Vec<String> {
    let Some(then) = &set.schedules else {
        return Vec::new();
    };
    target.schedules.difference(then).cloned().collect()
}

/// The runs that a restored row calls unfinished while no Workflow carries them out.
#[must_use]
pub fn close(target: &TargetSeen) -> Option<Vec<Closed>> {
    let carried: BTreeSet<&str> = target
        .workflows
        .iter()
        .filter_map(|workflow| workflow.run.as_deref())
        .collect();
    let unfinished = target.unfinished.as_ref()?;
    let closed = unfinished
        .iter()
        .filter(|run| !carried.contains(run.id.as_str()))
        .map(|run| Closed {
            run: run.id.clone(),
            name: run.name.clone(),
            state: run.state.clone(),
        });
    Some(closed.collect())
}

fn notes(set: &SetFacts, target: &TargetSeen) -> Vec<String> {
    let mut notes = Vec::new();
    if !set.verified {
        notes.push("the set was never verified: whether it can be restored is not known".to_owned());
    }
    if let Some(release) = &target.release
        && *release != set.release
    {
        notes.push(format!(
            "the set is of KFP {}, the target runs {release}: a restore is refused unless both have one schema",
            set.release
        ));
    }
    notes
}

#[cfg(test)]
mod tests;
