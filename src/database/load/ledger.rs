//! LEDGER: what a load has done already, kept in a small table of the database that is being loaded: a load that was
//! interrupted goes on after its last chunk. The table goes with the end of the load.

use std::collections::BTreeSet;

use crate::bulk::{Bulk, TransferError};
use crate::reader::text;
use crate::session::quoted;

/// Name of the table. While it is in a database, a load of it was begun and is not through.
pub const TABLE: &str = "kfp_operator_load";

/// What is done, as rows of the table name it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ledger {
    done: BTreeSet<String>,
}

/// The row that says what is being loaded.
fn set(id: &str) -> String {
    format!("set {id}")
}

/// The row of a part whose statements are in effect.
pub(crate) fn part(path: &str) -> String {
    format!("part {path}")
}

/// The row of a statement of a part.
pub(crate) fn statement(path: &str, number: usize) -> String {
    format!("statement {number} of {path}")
}

impl Ledger {
    /// Reads the table of a database; `None` when it has none.
    pub(crate) async fn read(bulk: &mut Bulk, database: &str) -> Result<Option<Self>, TransferError> {
        let sql = format!("SELECT step FROM {}.{}", quoted(database), quoted(TABLE));
        match bulk.query("reading what was loaded already", sql).await {
            Ok(answers) => Ok(Some(Self {
                done: answers.iter().map(|answer| answer.text(0)).collect(),
            })),
            // No such table, no such database.
            Err(error) if matches!(error.number(), Some(1146 | 1049)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether it is the ledger of this set's load.
    pub(crate) fn is_of(&self, id: &str) -> bool {
        self.has(&set(id))
    }

    /// Whether a step is done.
    pub(crate) fn has(&self, step: &str) -> bool {
        self.done.contains(step)
    }
}

/// Makes the table.
pub(crate) async fn make(bulk: &mut Bulk, database: &str, id: &str) -> Result<(), TransferError> {
    let doing = "beginning the load";
    let table = format!("{}.{}", quoted(database), quoted(TABLE));
    let sql = format!("CREATE TABLE {table} (step VARBINARY(1000) NOT NULL PRIMARY KEY) ENGINE = InnoDB");
    bulk.run(doing, sql).await?;
    note(bulk, database, &set(id)).await
}

/// Notes a step, in the transaction that is open.
pub(crate) async fn note(bulk: &mut Bulk, database: &str, step: &str) -> Result<(), TransferError> {
    let table = format!("{}.{}", quoted(database), quoted(TABLE));
    let sql = format!("INSERT INTO {table} (step) VALUES ({})", text(step));
    bulk.run("noting what is loaded", sql).await?;
    Ok(())
}

/// Removes the table.
pub(crate) async fn remove(bulk: &mut Bulk, database: &str) -> Result<(), TransferError> {
    let table = format!("{}.{}", quoted(database), quoted(TABLE));
    bulk.run("ending the load", format!("DROP TABLE IF EXISTS {table}"))
        .await?;
    Ok(())
}
