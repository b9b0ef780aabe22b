//! LEDGER: rows put right after a load, before any server of KFP's reads them: ids that changed with the objects they name, a
//! namespace that changed, runs that nobody carries out. What is put right is decided elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use kfp_backup::restore_plan::is_unfinished;

use crate::bulk::{Bulk, Leash, TransferError};
use crate::dump::literal::hex;
use crate::session::quoted;
use crate::target::Target;

/// The table of runs (kubeflow/pipelines 2.16.1, `backend/src/apiserver/model/run.go`).
const RUNS: &str = "run_details";
/// The table that says of which restore the rows are, while it is under way.
pub const MARK: &str = "kfp_operator_restore";
/// Letters of a run's description (2.16.1, `run_details.Description`).
const DESCRIPTION: usize = 255;
/// Ids in one statement.
const AT_ONCE: usize = 200;

/// A kind of object whose uid is the id that rows know it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Named {
    /// A `ScheduledWorkflow`: a row of `jobs` (2.16.1, `CreateJob` in `backend/src/apiserver/resource/resource_manager.go`).
    Schedule,
    /// A Pipeline, where pipelines are objects (2.16.1, `backend/src/crd/kubernetes/v2beta1`).
    Pipeline,
    /// A `PipelineVersion`, likewise.
    PipelineVersion,
}

impl Named {
    /// Tables and columns that hold its id.
    fn columns(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Schedule => &[("jobs", "UUID"), (RUNS, "JobUUID")],
            Self::Pipeline => &[("jobs", "PipelineId"), (RUNS, "PipelineId")],
            Self::PipelineVersion => &[("jobs", "PipelineVersionId"), (RUNS, "PipelineVersionId")],
        }
    }

    /// How `resource_references` calls it (2.16.1, `backend/src/apiserver/model/resource_reference.go`).
    fn reference(self) -> &'static str {
        match self {
            Self::Schedule => "Job",
            Self::Pipeline => "Pipeline",
            Self::PipelineVersion => "PipelineVersion",
        }
    }
}

/// A run that its row calls unfinished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnfinishedRun {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// What the row says of it.
    pub state: String,
}

/// A session that puts the database of pipelines right.
pub struct Repair {
    bulk: Bulk,
    leash: Leash,
    database: String,
    columns: BTreeMap<String, BTreeSet<String>>,
}

impl Repair {
    /// Logs in and looks which tables and columns there are.
    pub async fn open(target: &Target, database: &str) -> Result<Self, TransferError> {
        let leash = Leash::new(target);
        let mut bulk = Bulk::open(target, &leash).await?;
        let sql = format!(
            "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = {}",
            text(database)
        );
        let mut columns: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for answer in bulk.query("looking at the tables", sql).await? {
            columns.entry(answer.text(0)).or_default().insert(answer.text(1));
        }
        Ok(Self {
            bulk,
            leash,
            database: database.to_owned(),
            columns,
        })
    }

    /// Says goodbye.
    pub async fn close(self) {
        self.bulk.close().await;
        self.leash.kill().await;
    }

    fn has(&self, table: &str, column: &str) -> bool {
        self.columns
            .get(table)
            .is_some_and(|columns| columns.contains(column))
    }

    fn path(&self, table: &str) -> String {
        format!("{}.{}", quoted(&self.database), quoted(table))
    }

    /// Whether rows were loaded by the restore of this id, which was interrupted before its end.
    pub async fn is_begun(&mut self, id: &str) -> Result<bool, TransferError> {
        if !self.has(MARK, "Id") {
            return Ok(false);
        }
        let sql = format!("SELECT Id FROM {}", self.path(MARK));
        let answers = self.bulk.query("looking for an interrupted restore", sql).await?;
        Ok(answers.first().is_some_and(|answer| answer.text(0) == id))
    }

    /// Remembers that the rows are those of a restore, in a table of their own database: from now on they are put right, and are
    /// no longer what the set holds.
    pub async fn begin(&mut self, id: &str) -> Result<(), TransferError> {
        let doing = "remembering the restore";
        let path = self.path(MARK);
        self.bulk
            .run(doing, format!("DROP TABLE IF EXISTS {path}"))
            .await?;
        let sql = format!(
            "CREATE TABLE {path} (Id varchar(255) NOT NULL PRIMARY KEY) SELECT {} AS Id",
            text(id)
        );
        self.bulk.run(doing, sql).await.map(drop)
    }

    /// Forgets it.
    pub async fn end(&mut self) -> Result<(), TransferError> {
        let sql = format!("DROP TABLE IF EXISTS {}", self.path(MARK));
        self.bulk.run("forgetting the restore", sql).await.map(drop)
    }

    /// The runs that their rows call unfinished.
    pub async fn unfinished(&mut self) -> Result<Vec<UnfinishedRun>, TransferError> {
        if !self.has(RUNS, "UUID") {
            return Ok(Vec::new());
        }
        let doing = "looking for unfinished runs";
        let or_null = |column: &str| {
            if self.has(RUNS, column) {
                column.to_owned()
            } else {
                "NULL".to_owned()
            }
        };
        let (state, conditions) = (or_null("State"), or_null("Conditions"));
        let name = if self.has(RUNS, "DisplayName") {
            "DisplayName"
        } else {
            "Name"
        };
        let path = self.path(RUNS);
        let words = self
            .bulk
            .query(
                doing,
                format!("SELECT DISTINCT {state}, {conditions} FROM {path}"),
            )
            .await?;
        let mut found = Vec::new();
        for word in words {
            let said = (word.optional(0), word.optional(1));
            if !is_unfinished(said.0.as_deref(), said.1.as_deref()) {
                continue;
            }
            let equals = |column: &str, value: Option<&String>| match value {
                Some(value) => format!("{column} <=> {}", text(value)),
                None => format!("{column} IS NULL"),
            };
            let sql = format!(
                "SELECT UUID, {name} FROM {path} WHERE {} AND {} ORDER BY UUID",
                equals(&state, said.0.as_ref()),
                equals(&conditions, said.1.as_ref()),
            );
            let shown = said
                .0
                .filter(|text| !text.trim().is_empty())
                .or(said.1)
                .unwrap_or_default();
            for row in self.bulk.query(doing, sql).await? {
                found.push(UnfinishedRun {
                    id: row.text(0),
                    name: row.text(1),
                    state: shown.clone(),
                });
            }
        }
        found.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(found)
    }

    /// Those of these runs that have a row.
    pub async fn known(&mut self, runs: &[String]) -> Result<BTreeSet<String>, TransferError> {
        let mut known = BTreeSet::new();
        if !self.has(RUNS, "UUID") {
            return Ok(known);
        }
        for some in runs.chunks(AT_ONCE) {
            let sql = format!(
                "SELECT UUID FROM {} WHERE UUID IN ({})",
                self.path(RUNS),
                list(some)
            );
            let answers = self.bulk.query("looking for rows of runs", sql).await?;
            known.extend(answers.iter().map(|answer| answer.text(0)));
        }
        Ok(known)
    }

    /// Closes runs as failed, at this second of the epoch, and says why where people look. How many rows changed.
    ///
    /// The states are the server's own words (2.16.1, `backend/src/apiserver/model/run.go`); its history of states is left as
    /// it is, since the server cannot read back an error in it.
    pub async fn close_runs(&mut self, runs: &[String], now: i64, why: &str) -> Result<u64, TransferError> {
        let mut sets = Vec::new();
        for (column, value) in [("State", "'FAILED'"), ("Conditions", "'Failed'")] {
            if self.has(RUNS, column) {
                sets.push(format!("{column} = {value}"));
            }
        }
        if self.has(RUNS, "FinishedAtInSec") {
            sets.push(format!(
                "FinishedAtInSec = IF(COALESCE(FinishedAtInSec, 0) = 0, {now}, FinishedAtInSec)"
            ));
        }
        if self.has(RUNS, "Description") {
            let why = text(&format!(" ({why})"));
            sets.push(format!(
                "Description = IF(CHAR_LENGTH(Description) + CHAR_LENGTH({why}) <= {DESCRIPTION}, TRIM(CONCAT(Description, {why})), Description)"
            ));
        }
        let mut changed = 0;
        if sets.is_empty() {
            return Ok(changed);
        }
        for some in runs.chunks(AT_ONCE) {
            let sql = format!(
                "UPDATE {} SET {} WHERE UUID IN ({})",
                self.path(RUNS),
                sets.join(", "),
                list(some)
            );
            changed += self.bulk.run("closing runs", sql).await?;
        }
        Ok(changed)
    }

    /// Gives rows the new ids of objects that were made anew, all or none of them. Ids that no row has any more are passed
    /// over, so that doing it again changes nothing.
    pub async fn rename(&mut self, ids: &[(Named, String, String)]) -> Result<u64, TransferError> {
        if ids.is_empty() {
            return Ok(0);
        }
        let doing = "giving rows the new ids of objects";
        self.bulk.run(doing, "SET SESSION foreign_key_checks = 0").await?;
        self.bulk.run(doing, "START TRANSACTION").await?;
        let mut changed = 0;
        for (named, old, new) in ids {
            for sql in self.renames(*named, &text(old), &text(new)) {
                changed += self.bulk.run(doing, sql).await?;
            }
        }
        self.bulk.run(doing, "COMMIT").await?;
        Ok(changed)
    }

    /// Those of these recurring runs that have a row.
    pub async fn recurring(&mut self, ids: &[String]) -> Result<BTreeSet<String>, TransferError> {
        if ids.is_empty() || !self.has("jobs", "UUID") {
            return Ok(BTreeSet::new());
        }
        let sql = format!(
            "SELECT UUID FROM {} WHERE UUID IN ({})",
            self.path("jobs"),
            list(ids)
        );
        let answers = self.bulk.query("looking for recurring runs", sql).await?;
        Ok(answers.iter().map(|answer| answer.text(0)).collect())
    }

    fn renames(&self, named: Named, old: &str, new: &str) -> Vec<String> {
        let mut all: Vec<String> = named
            .columns()
            .iter()
            .filter(|(table, column)| self.has(table, column))
            .map(|(table, column)| {
                format!(
                    "UPDATE {} SET {column} = {new} WHERE {column} = {old}",
                    self.path(table)
                )
            })
            .collect();
        let references = "resource_references";
        for (id, kind) in [
            ("ResourceUUID", "ResourceType"),
            ("ReferenceUUID", "ReferenceType"),
        ] {
            if self.has(references, id) {
                all.push(format!(
                    "UPDATE {} SET {id} = {new} WHERE {id} = {old} AND {kind} = '{}'",
                    self.path(references),
                    named.reference()
                ));
            }
        }
        all
    }

    /// Gives rows of one namespace to another: the server looks for Workflows and ScheduledWorkflows where the row says.
    pub async fn move_namespace(&mut self, from: &str, to: &str) -> Result<u64, TransferError> {
        let doing = "giving rows the new namespace";
        let (from, to) = (text(from), text(to));
        self.bulk.run(doing, "START TRANSACTION").await?;
        let mut changed = 0;
        for table in ["experiments", "jobs", "pipelines", RUNS, "tasks"] {
            if self.has(table, "Namespace") {
                let sql = format!(
                    "UPDATE {} SET Namespace = {to} WHERE Namespace = {from}",
                    self.path(table)
                );
                changed += self.bulk.run(doing, sql).await?;
            }
        }
        if self.has("resource_references", "ReferenceUUID") {
            let sql = format!(
                "UPDATE {} SET ReferenceUUID = {to} WHERE ReferenceUUID = {from} AND ReferenceType = 'Namespace'",
                self.path("resource_references")
            );
            changed += self.bulk.run(doing, sql).await?;
        }
        self.bulk.run(doing, "COMMIT").await?;
        Ok(changed)
    }
}

/// Drops databases that were made for a check.
pub async fn drop_databases(target: &Target, names: &[String]) -> Result<(), TransferError> {
    let leash = Leash::new(target);
    let mut bulk = Bulk::open(target, &leash).await?;
    for name in names {
        let sql = format!("DROP DATABASE IF EXISTS {}", quoted(name));
        bulk.run("dropping a scratch database", sql).await?;
    }
    bulk.close().await;
    leash.kill().await;
    Ok(())
}

/// A text whatever it holds.
fn text(value: &str) -> String {
    let mut digits = Vec::new();
    hex(&mut digits, value.as_bytes());
    format!("_utf8mb4 x'{}'", String::from_utf8_lossy(&digits))
}

fn list(values: &[String]) -> String {
    values
        .iter()
        .map(|value| text(value))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn no_text_leaves_its_quotes() {
        assert_eq!(text("a'; DROP"), "_utf8mb4 x'61273b2044524f50'");
        assert_eq!(text(""), "_utf8mb4 x''");
    }
}
