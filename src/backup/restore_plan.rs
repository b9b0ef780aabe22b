//! SETS: what a restore would do, said before it does anything: what it overwrites, which Workflows and schedules it sets
//! aside, which runs it closes, and what stands against it. Pure: from what a set holds and what is in the target now.
//!
//! Two things must be settled before the API server and the agents start on restored rows. The server deletes a Workflow that
//! names a run which it has no row of (kubeflow/pipelines 2.16.1, `ReportWorkflowResource` in
//! `backend/src/apiserver/resource/resource_manager.go`): those are set aside. And a row that says a run goes on, while its
//! Workflow is gone, is never brought up to date by anybody: those are closed.

mod facts;
mod refuse;
mod state;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

pub use facts::{DatabaseFacts, Held, Request, RunSeen, SetFacts, TargetSeen, Trust, Wanted, WorkflowSeen};
pub use refuse::Refusal;
pub use state::is_unfinished;

/// How objects are called together whose kinds are not known.
const EVERY_KIND: &str = "of every kind";
/// The kind of recurring runs.
const SCHEDULE: &str = "ScheduledWorkflow";

/// What a restore would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RestorePlan {
    /// The set.
    pub set: String,
    /// The moment that it holds: what was done since then is lost.
    pub taken: Timestamp,
    /// `taken` is when the set was asked for: the moment that it holds is a little later, and not known.
    pub approximate: bool,
    /// Nothing may be done until these are settled.
    pub refused: Vec<Refusal>,
    /// A backup of the target is made first.
    pub safety_backup: bool,
    /// Databases, in the order of their names.
    pub databases: Vec<DatabaseChange>,
    /// Kubernetes objects of the set: how many of each kind are put in place. None: that is not known.
    pub objects: BTreeMap<String, Option<u64>>,
    /// Workflows that are exported and taken away, oldest first.
    pub set_aside: Vec<SetAside>,
    /// ScheduledWorkflows that are exported and taken away: the set has no rows of them.
    pub schedules_set_aside: Vec<String>,
    /// Runs whose rows are closed as failed. None: known only once the rows are read.
    pub close: Option<Vec<Closed>>,
    /// What a person should know beside.
    pub notes: Vec<String>,
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
    /// Its run, which the set does not have; empty for one that belongs to no run.
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

/// What would be done.
#[must_use]
pub fn plan(set: &SetFacts, target: &TargetSeen, request: Request) -> RestorePlan {
    let wanted = request.wanted;
    let databases = if wanted.replaces_rows() {
        changes(set, target.databases.as_deref())
    } else {
        Vec::new()
    };
    let safety_backup = databases
        .iter()
        .any(|database| matches!(database.change, Change::Overwrite | Change::Put))
        || (wanted == Wanted::Schedules && !target.schedules.is_empty());
    let schedules_set_aside = if wanted.sets_schedules_aside() {
        newer_schedules(set, target)
    } else {
        Vec::new()
    };
    RestorePlan {
        set: set.id.clone(),
        taken: set.taken,
        approximate: set.approximate,
        refused: refuse::refusals(set, target, request, &databases),
        safety_backup,
        objects: objects(set, wanted),
        set_aside: if wanted.replaces_rows() {
            set_aside(set, &target.workflows, &schedules_set_aside)
        } else {
            Vec::new()
        },
        schedules_set_aside,
        close: if wanted.replaces_rows() {
            close(target)
        } else {
            Some(Vec::new())
        },
        notes: refuse::notes(set, target, wanted),
        databases,
    }
}

/// The objects that are put in place.
fn objects(set: &SetFacts, wanted: Wanted) -> BTreeMap<String, Option<u64>> {
    let only_schedules = wanted == Wanted::Schedules;
    match &set.objects {
        _ if wanted == Wanted::Database => BTreeMap::new(),
        Held::Kinds(kinds) => kinds
            .iter()
            .filter(|(kind, _)| !only_schedules || is_schedule(kind))
            .map(|(kind, number)| (kind.clone(), Some(*number)))
            .collect(),
        Held::Number(0) => BTreeMap::new(),
        _ if only_schedules => [(SCHEDULE.to_owned(), None)].into(),
        Held::Number(number) => [(EVERY_KIND.to_owned(), Some(*number))].into(),
        Held::Unknown => [(EVERY_KIND.to_owned(), None)].into(),
    }
}

fn is_schedule(kind: &str) -> bool {
    kind.eq_ignore_ascii_case(SCHEDULE)
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

/// The Workflows that somebody would delete. The server: they name a run that no restored row has, and no schedule, whose runs
/// get a new row. Kubernetes: they belong to a schedule that is taken away itself.
fn set_aside(set: &SetFacts, workflows: &[WorkflowSeen], schedules: &[String]) -> Vec<SetAside> {
    let goes = |workflow: &&WorkflowSeen| match &workflow.schedule {
        Some(schedule) => schedules.contains(schedule),
        None => workflow.run.is_some() && !workflow.in_set.unwrap_or(workflow.created <= set.taken),
    };
    let mut aside: Vec<SetAside> = workflows
        .iter()
        .filter(goes)
        .map(|workflow| SetAside {
            workflow: workflow.name.clone(),
            created: workflow.created,
            run: workflow.run.clone().unwrap_or_default(),
            running: !workflow.finished,
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

#[cfg(test)]
mod tests;
