//! LEDGER: the parts of a database that hold no rows: the statements that make its tables, and those that make their indexes
//! and foreign keys after the rows are there.

use kfp_backup::layout;

use super::catalog::Database;
use super::chunk::Tries;
use super::write::{PartStream, definitions_header};
use crate::bulk::TransferError;
use crate::parts::{PartError, Sink};
use crate::session::quoted;

/// Writes both parts. Their paths.
pub(crate) async fn write(
    sink: &dyn Sink,
    level: i32,
    database: &Database,
) -> Result<(String, String), TransferError> {
    let tables = database.tables.iter().map(|table| table.definition.bare());
    let schema = part(sink, level, &layout::schema(&database.name), tables).await?;
    let indexes = database
        .tables
        .iter()
        .flat_map(|table| table.definition.indexes(&quoted(&table.name)));
    // The last, for they need the indexes of other tables.
    let keys = database
        .tables
        .iter()
        .filter_map(|table| table.definition.foreign_keys(&quoted(&table.name)));
    let indexes = part(sink, level, &layout::indexes(&database.name), indexes.chain(keys)).await?;
    Ok((schema, indexes))
}

async fn part(
    sink: &dyn Sink,
    level: i32,
    path: &str,
    statements: impl Iterator<Item = String>,
) -> Result<String, TransferError> {
    let statements: Vec<String> = statements.collect();
    let mut tries = Tries::default();
    loop {
        match once(sink, level, path, &statements).await {
            Ok(path) => return Ok(path),
            Err(error) => tries.bear(error.into()).await?,
        }
    }
}

async fn once(sink: &dyn Sink, level: i32, path: &str, statements: &[String]) -> Result<String, PartError> {
    let mut part = PartStream::begin(sink, path, definitions_header(), level).await?;
    for statement in statements {
        part.write(statement.as_bytes()).await?;
        part.write(b";\n").await?;
    }
    Ok(part.finish().await?.path)
}
