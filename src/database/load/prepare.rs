//! LEDGER: before the first row of a load: does the server take what is to come, is there room for it, may what is there go.
//! Nothing is dropped before it is clear that the tables fit.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kfp_backup::database::DatabaseRecord;
use tokio::sync::Semaphore;

use super::ledger::{self, Ledger};
use super::lines::Lines;
use crate::bulk::{Bulk, TransferError, WHOLE_TABLE};
use crate::definition::Definition;
use crate::dump::write::definitions_header;
use crate::error::ProbeError;
use crate::parts::Source;
use crate::reader::text;
use crate::session::quoted;

/// Bytes of a statement that makes a table or its indexes: far more than a table of 4096 columns takes.
const LONGEST_DEFINITION: u64 = 4 << 20;

/// The packets and collations that the tables need.
pub(crate) async fn fits(bulk: &mut Bulk, databases: &[&DatabaseRecord]) -> Result<(), TransferError> {
    for database in databases {
        for table in &database.tables {
            if table.largest_statement > bulk.max_packet() {
                return Err(TransferError::PacketTooSmall {
                    address: bulk.address().to_owned(),
                    table: format!("{}.{}", database.name, table.name),
                    needs: table.largest_statement,
                    allows: bulk.max_packet(),
                });
            }
        }
    }
    let sql = "SELECT COLLATION_NAME FROM information_schema.COLLATIONS";
    let answers = bulk.query("listing collations", sql).await?;
    let all: BTreeSet<String> = answers.iter().map(|answer| answer.text(0)).collect();
    // MariaDB lists newer collations without the character set that their names in definitions begin with.
    let knows = |name: &String| {
        all.contains(name) || name.split_once('_').is_some_and(|(_, rest)| all.contains(rest))
    };
    let tables = databases.iter().flat_map(|database| &database.tables);
    let wanted: BTreeSet<String> = tables
        .filter_map(|table| Definition::parse(&table.definition))
        .flat_map(|definition| definition.collations())
        .chain(databases.iter().map(|database| database.collation.clone()))
        .collect();
    let missing: Vec<String> = wanted.into_iter().filter(|name| !knows(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let facts = bulk.facts();
    Err(TransferError::CollationMissing {
        address: bulk.address().to_owned(),
        server: format!("{:?} {}", facts.engine, facts.server_version),
        missing: missing.join(", "),
    })
}

/// Keeps other loads of these databases away for as long as `bulk` lives. One that is at work is waited for this long.
pub(crate) async fn claim(bulk: &mut Bulk, database: &str, patience: Duration) -> Result<(), TransferError> {
    let start = Instant::now();
    loop {
        let sql = format!(
            "SELECT GET_LOCK(CONCAT('kfp.', SHA2({}, 224)), 2)",
            text(database)
        );
        let answers = bulk.query("keeping other loads away", sql).await?;
        if answers.first().is_some_and(|answer| answer.text(0) == "1") {
            return Ok(());
        }
        if start.elapsed() >= patience {
            return Err(TransferError::Busy {
                database: database.to_owned(),
            });
        }
    }
}

/// What a load finds where a database is to be.
pub(crate) enum Found {
    /// Nothing, or nothing any more: begin.
    Fresh,
    /// The beginning of the same load: go on.
    Begun(Ledger),
    /// Tables of all the names that the set has, and no others: the end of the same load, perhaps, whose answer was lost. To
    /// be compared.
    Perhaps,
}

/// Looks at a database, without a change: what to do, and what would have to go.
pub(crate) async fn look(
    bulk: &mut Bulk,
    record: &DatabaseRecord,
    into: &str,
    id: &str,
) -> Result<(Found, Option<String>), TransferError> {
    if let Some(ledger) = Ledger::read(bulk, into).await? {
        if ledger.is_of(id) {
            return Ok((Found::Begun(ledger), None));
        }
        return Ok((Found::Fresh, Some("the beginning of another load".to_owned())));
    }
    let of = text(into);
    let sql = format!("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = {of}");
    let answers = bulk.query("looking at what is there", sql).await?;
    let mut names: Vec<String> = answers.iter().map(|answer| answer.text(0)).collect();
    names.sort();
    if names.is_empty() {
        return Ok((Found::Fresh, None));
    }
    let recorded = record.tables.iter().map(|table| &table.name);
    let found = if recorded.eq(names.iter()) {
        Found::Perhaps
    } else {
        Found::Fresh
    };
    Ok((found, Some(shown(&names))))
}

/// The first few names.
fn shown(names: &[String]) -> String {
    let mut shown: Vec<String> = names.iter().take(5).cloned().collect();
    if names.len() > shown.len() {
        shown.push(format!("{} more", names.len() - shown.len()));
    }
    shown.join(", ")
}

/// Makes the database empty, with the recorded character set, and its ledger.
pub(crate) async fn begin(
    bulk: &mut Bulk,
    record: &DatabaseRecord,
    into: &str,
    id: &str,
    occupied: bool,
) -> Result<(), TransferError> {
    let doing = "making the database";
    let name = quoted(into);
    bulk.run(doing, "SET SESSION foreign_key_checks = 0").await?;
    if occupied {
        bulk.run_for(
            WHOLE_TABLE,
            "removing what is there",
            format!("DROP DATABASE {name}"),
        )
        .await?;
    }
    let sorted = format!(
        "CHARACTER SET {} COLLATE {}",
        word(&record.character_set),
        word(&record.collation)
    );
    bulk.run(doing, format!("CREATE DATABASE IF NOT EXISTS {name} {sorted}"))
        .await?;
    bulk.run(doing, format!("ALTER DATABASE {name} {sorted}")).await?;
    ledger::make(bulk, into, id).await
}

/// A name of a character set or a collation, which has no quotes to stay in.
fn word(name: &str) -> String {
    name.chars()
        .filter(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
        .collect()
}

/// Makes the tables and their indexes in a database of their own that goes at once: what does not fit shows before anything
/// is dropped. An account that may not make databases skips this.
pub(crate) async fn rehearse(
    bulk: &mut Bulk,
    source: &dyn Source,
    record: &DatabaseRecord,
    into: &str,
) -> Result<(), TransferError> {
    let scratch = quoted(&format!(
        "{}_kfp_operator_try",
        &into.chars().take(40).collect::<String>()
    ));
    let doing = "trying whether the tables fit";
    bulk.run(doing, "SET SESSION foreign_key_checks = 0").await?;
    bulk.run(doing, format!("DROP DATABASE IF EXISTS {scratch}"))
        .await
        .map(drop)
        .or_else(denied)?;
    match bulk.run(doing, format!("CREATE DATABASE {scratch}")).await {
        Ok(_) => {}
        Err(error) => return denied(error),
    }
    let tried = rehearse_in(bulk, source, record, &scratch).await;
    bulk.run(doing, format!("DROP DATABASE {scratch}")).await?;
    tried
}

fn denied(error: TransferError) -> Result<(), TransferError> {
    match &error {
        TransferError::Server {
            error: ProbeError::AccessDenied { .. },
            ..
        } => Ok(()),
        _ => Err(error),
    }
}

async fn rehearse_in(
    bulk: &mut Bulk,
    source: &dyn Source,
    record: &DatabaseRecord,
    scratch: &str,
) -> Result<(), TransferError> {
    let doing = format!("trying whether the tables of {} fit", record.name);
    bulk.run(&doing, format!("USE {scratch}")).await?;
    for (path, start) in [(&record.schema, CREATE), (&record.indexes, ALTER)] {
        for sql in statements(source, path, start).await? {
            bulk.run(&doing, sql).await?;
        }
    }
    Ok(())
}

/// How statements that make tables begin.
pub(crate) const CREATE: &str = "CREATE TABLE `";
/// How statements that make indexes begin.
pub(crate) const ALTER: &str = "ALTER TABLE `";

/// All statements of a part that holds no rows; each begins with `start`.
pub(crate) async fn statements(
    source: &dyn Source,
    path: &str,
    start: &str,
) -> Result<Vec<String>, TransferError> {
    let large = Arc::new(Semaphore::new(1));
    let mut lines = Lines::open(source, path, definitions_header(), LONGEST_DEFINITION, &large).await?;
    let mut statements = Vec::new();
    while let Some(sql) = lines.next().await? {
        if !sql.starts_with(start) {
            return Err(super::lines::content(
                path,
                "a statement does not make what it should",
            ));
        }
        statements.push(sql);
    }
    Ok(statements)
}
