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
    set: String,
    done: BTreeSet<String>,
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
        let doing = "reading what was loaded already";
        let sql = format!(
            "SELECT TABLE_COMMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {}",
            text(database),
            text(TABLE)
        );
        let answers = bulk.query(doing, sql).await?;
        let Some(set) = answers.first().map(|answer| answer.text(0)) else {
            return Ok(None);
        };
        let sql = format!("SELECT step FROM {}.{}", quoted(database), quoted(TABLE));
        let answers = bulk.query(doing, sql).await?;
        Ok(Some(Self {
            set,
            done: answers.iter().map(|answer| answer.text(0)).collect(),
        }))
    }

    /// Whether it is the ledger of this set's load.
    pub(crate) fn is_of(&self, id: &str) -> bool {
        self.set == comment(id)
    }

    /// Whether a step is done.
    pub(crate) fn has(&self, step: &str) -> bool {
        self.done.contains(step)
    }
}

/// What the table's comment says: it is there from the moment that the table is.
fn comment(id: &str) -> String {
    format!("loading {id}")
}

/// Makes the table.
pub(crate) async fn make(bulk: &mut Bulk, database: &str, id: &str) -> Result<(), TransferError> {
    let sql = format!(
        "CREATE TABLE {}.{} (step VARBINARY(1000) NOT NULL PRIMARY KEY) ENGINE = InnoDB COMMENT = {}",
        quoted(database),
        quoted(TABLE),
        text(&comment(id))
    );
    bulk.run("beginning the load", sql).await?;
    Ok(())
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
