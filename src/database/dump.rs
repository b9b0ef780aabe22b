//! LEDGER: dumping: several databases as they are at one moment, read by several sessions, into parts of SQL. It writes nothing
//! to the server; what becomes of parts is the sink's.
//!
//! * All tables are locked against writing for as long as every reader needs to begin its snapshot, at most
//!   [`Options::lock_limit`]; an account that may not lock gets one reader.
//! * Tables are read in chunks along their primary keys; a reader holds one table at a time, and lets go of it after each
//!   chunk. When another session waits to change a table that is held, the dump ends with
//!   [`TransferError::GaveWay`](crate::TransferError::GaveWay).
//! * Memory is a few megabytes a reader and three times the largest row at most: a row beyond two megabytes is fetched by
//!   itself, one at a time over all readers.

pub(crate) mod catalog;
mod chunk;
pub(crate) mod literal;
pub(crate) mod pace;
pub(crate) mod range;
pub(crate) mod read;
mod schema;
pub(crate) mod snapshot;
mod watch;
pub(crate) mod work;
pub(crate) mod write;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use kfp_backup::database::{
    ChunkRecord, DatabaseRecord, DatabasesRecord, ServerKind, ServerRecord, SnapshotRecord, TableRecord,
};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::catalog::{Database, Table};
use self::chunk::Dumped;
use self::pace::Pace;
use self::snapshot::Snapshot;
use self::watch::{HeldTables, watch};
use self::work::TableWork;
use crate::bulk::{Bulk, Leash, TransferError};
use crate::parts::Sink;
use crate::progress::{Meter, Tell};
use crate::session::{Engine, ServerFacts};
use crate::target::Target;

/// How the wait for the locks that begin a snapshot is limited by default: writers wait behind it.
pub const LOCK_LIMIT: Duration = Duration::from_secs(10);
/// Compression level by default: on manifests zstd makes a tenth of the size at it, faster than a server sends.
pub const LEVEL: i32 = 1;

/// What to dump, and how.
#[derive(Clone)]
pub struct Options {
    /// The databases.
    pub databases: Vec<String>,
    /// Sessions that read; at least 1. More than the server has cores to spare makes nothing faster.
    pub readers: usize,
    /// Level of zstd, 1 to 19.
    pub level: i32,
    /// Most bytes of values to read a second; `None` for as many as there are.
    pub bytes_per_second: Option<u64>,
    /// How long to wait for the locks that begin the snapshot.
    pub lock_limit: Duration,
    /// Sees rows as they are read.
    pub observer: Option<Arc<dyn Observer>>,
}

impl Options {
    /// Two readers, no throttle, everything else by default.
    #[must_use]
    pub fn of(databases: Vec<String>) -> Self {
        Self {
            databases,
            readers: 2,
            level: LEVEL,
            bytes_per_second: None,
            lock_limit: LOCK_LIMIT,
            observer: None,
        }
    }
}

/// Sees rows of the dumped moment as they are read, such as those that name objects of a bucket.
pub trait Observer: Send + Sync {
    /// The columns of a table to be shown; none for a table that does not matter. Columns that the table has not are shown as
    /// NULL.
    fn columns(&self, database: &str, table: &str) -> Vec<String>;

    /// A row's values of those columns, as bytes in the columns' character sets. Called from several threads, in any order, and
    /// again for rows of a part that had to be written anew. Must not block.
    fn row(&self, database: &str, table: &str, values: &[Option<&[u8]>]);
}

/// What all readers share.
pub(crate) struct Shared {
    sink: Arc<dyn Sink>,
    level: i32,
    works: Vec<TableWork>,
    held: HeldTables,
    huge: Semaphore,
    pace: Pace,
    meter: Meter,
    observer: Option<Arc<dyn Observer>>,
}

/// Dumps. Runs on a tokio runtime, whose worker threads the readers share; `tell` hears of progress about each megabyte.
/// Cancelled, failed or dropped, it leaves no session on the server; what the sink got is the sink's to remove.
pub async fn dump(
    target: &Target,
    options: &Options,
    sink: Arc<dyn Sink>,
    tell: Tell,
    cancel: &CancellationToken,
) -> Result<DatabasesRecord, TransferError> {
    let leash = Leash::new(target);
    let work = run(target, &leash, options, sink, tell);
    leash.guard(cancel, work.boxed()).await
}

async fn run(
    target: &Target,
    leash: &Leash,
    options: &Options,
    sink: Arc<dyn Sink>,
    tell: Tell,
) -> Result<DatabasesRecord, TransferError> {
    let Snapshot {
        databases,
        readers,
        method,
        taken_at,
    } = snapshot::take(
        target,
        leash,
        &options.databases,
        options.readers,
        options.lock_limit,
    )
    .await?;
    let facts = readers.first().map(|reader| reader.facts().clone());
    let count = u32::try_from(readers.len()).unwrap_or(u32::MAX);
    let mut tables: Vec<Table> = databases
        .iter()
        .flat_map(|database| database.tables.clone())
        .collect();
    let expected = tables.iter().map(|table| table.data_bytes).sum();
    // The largest first, so that no reader is left alone with one at the end.
    tables.sort_by_key(|table| std::cmp::Reverse(table.data_bytes));
    let shared = Arc::new(Shared {
        sink,
        level: options.level,
        works: tables.into_iter().map(TableWork::new).collect(),
        held: HeldTables::default(),
        huge: Semaphore::new(1),
        pace: Pace::new(options.bytes_per_second),
        meter: Meter::new(Some(expected), tell),
        observer: options.observer.clone(),
    });
    let mut schemas = Vec::new();
    for database in &databases {
        schemas.push(schema::write(shared.sink.as_ref(), shared.level, database).await?);
    }
    let dumped = tokio::select! {
        dumped = read_all(&shared, readers) => dumped?,
        given_way = watch(target, leash, &shared.held) => return Err(given_way),
    };
    let dumped = gather(dumped);
    let databases = databases
        .into_iter()
        .zip(schemas)
        .map(|(database, (schema, indexes))| record(database, schema, indexes, &dumped))
        .collect();
    Ok(DatabasesRecord {
        server: server(facts),
        snapshot: SnapshotRecord {
            method,
            readers: count,
            taken_at,
        },
        databases,
    })
}

fn server(facts: Option<ServerFacts>) -> ServerRecord {
    let kind = match facts.as_ref().map(|facts| facts.engine) {
        Some(Engine::MariaDb) => ServerKind::MariaDb,
        _ => ServerKind::MySql,
    };
    ServerRecord {
        kind,
        version: facts.map(|facts| facts.server_version).unwrap_or_default(),
    }
}

/// All readers at once. The first that fails ends the others.
async fn read_all(shared: &Arc<Shared>, readers: Vec<Bulk>) -> Result<Vec<Dumped>, TransferError> {
    let mut tasks = JoinSet::new();
    for (number, reader) in readers.into_iter().enumerate() {
        let shared = Arc::clone(shared);
        tasks.spawn(async move { read_some(&shared, number, reader).await });
    }
    let mut all = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        all.extend(finished(ended)?);
    }
    Ok(all)
}

/// What a task returned. The driver (sqlx 0.9) panics at some packets that no database server sends.
pub(crate) fn finished<T>(
    ended: Result<Result<T, TransferError>, tokio::task::JoinError>,
) -> Result<T, TransferError> {
    ended.unwrap_or_else(|error| {
        Err(TransferError::server(
            "",
            crate::ProbeError::Other {
                address: "the database server".to_owned(),
                doing: "reading or writing rows",
                why: format!("the session ended in a way that the driver has no error for: {error}"),
            },
        ))
    })
}

async fn read_some(shared: &Shared, number: usize, mut reader: Bulk) -> Result<Vec<Dumped>, TransferError> {
    let mut dumped = Vec::new();
    for work in &shared.works {
        let table = &work.table;
        while !work.is_done() {
            shared.held.begin(number, &table.database, &table.name);
            let claim = work
                .claim(&mut reader)
                .await
                .map_err(|error| changed(table, error))?;
            if let Some(claim) = claim {
                let chunk = chunk::dump(shared, table, &claim, &mut reader).await;
                let chunk = chunk.map_err(|error| changed(table, error))?;
                work.learn(&chunk.rows);
                dumped.push(chunk);
            }
            snapshot::let_go(&mut reader).await?;
            shared.held.end(number);
        }
    }
    reader.close().await;
    Ok(dumped)
}

/// Tells errors that a change of the table since the snapshot makes: no such table, no such column, a changed definition, and
/// a wait behind one that changes it.
fn changed(table: &Table, error: TransferError) -> TransferError {
    match error.number() {
        Some(1054 | 1146 | 1176 | 1205 | 1412) => TransferError::SchemaChanged {
            table: table.shown(),
            why: error.to_string(),
        },
        _ => error,
    }
}

/// Chunks by table, in order.
fn gather(dumped: Vec<Dumped>) -> BTreeMap<(String, String), Vec<Dumped>> {
    let mut tables: BTreeMap<(String, String), Vec<Dumped>> = BTreeMap::new();
    for chunk in dumped {
        tables
            .entry((chunk.database.clone(), chunk.table.clone()))
            .or_default()
            .push(chunk);
    }
    for chunks in tables.values_mut() {
        chunks.sort_by_key(|chunk| chunk.number);
    }
    tables
}

fn record(
    database: Database,
    schema: String,
    indexes: String,
    dumped: &BTreeMap<(String, String), Vec<Dumped>>,
) -> DatabaseRecord {
    let name = database.name;
    let tables = database.tables.into_iter().map(|table| {
        let mut record = TableRecord {
            columns: table.columns.iter().map(catalog::Column::record).collect(),
            definition: table.text,
            rows: kfp_backup::rows::Rows::default(),
            largest_row: 0,
            largest_statement: 0,
            chunks: Vec::new(),
            name: table.name,
        };
        let key = (name.clone(), record.name.clone());
        for chunk in dumped.get(&key).into_iter().flatten() {
            record.rows.merge(chunk.rows);
            record.largest_row = record.largest_row.max(chunk.largest_row);
            record.largest_statement = record.largest_statement.max(chunk.largest_statement);
            record.chunks.extend(chunk.part.as_ref().map(|part| ChunkRecord {
                part: part.clone(),
                rows: chunk.rows,
            }));
        }
        record
    });
    DatabaseRecord {
        tables: tables.collect(),
        character_set: database.character_set,
        collation: database.collation,
        schema,
        indexes,
        name,
    }
}
