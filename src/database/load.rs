//! LEDGER: loading: the databases of a set into a server, several sessions at once, tables first, rows chunk by chunk, then
//! indexes and foreign keys; and, at the end, everything read again and compared.
//!
//! A load that was interrupted anywhere goes on when it is begun again with the same [`Options::id`]. A database that is
//! neither empty nor the beginning of the same load is refused, unless it may be replaced.

mod chunk;
pub(crate) mod ledger;
mod lines;
mod prepare;
mod verify;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kfp_backup::database::{DatabaseRecord, DatabasesRecord};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::chunk::Job;
use self::ledger::Ledger;
pub use self::ledger::TABLE as LEDGER;
use self::prepare::Found;
pub use self::verify::{Verified, verify};
use crate::bulk::{Bulk, Leash, TransferError, WHOLE_TABLE};
use crate::dump::finished;
use crate::error::ProbeError;
use crate::parts::Source;
use crate::progress::{Meter, Tell};
use crate::session::{Engine, quoted};
use crate::target::Target;

/// How often the session that keeps other loads away says something, so that the server does not close it.
const PULSE: Duration = Duration::from_secs(60);
/// How often a chunk is begun anew with another session.
const ATTEMPTS: u32 = 4;

/// Character sets of statements: rows are bytes, definitions are texts.
const ROWS: &str = "binary";
const DEFINITIONS: &str = "utf8mb4";

/// A database of a set, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// Name in the set.
    pub recorded: String,
    /// Name where it is loaded.
    pub into: String,
}

/// What to load, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Which set this is: a load goes on only where one of the same set was interrupted.
    pub id: String,
    /// Which of its databases, and where to.
    pub databases: Vec<Database>,
    /// Sessions that write; at least 1.
    pub writers: usize,
    /// What is there may go.
    pub replace: bool,
}

/// What was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Chunks that an interrupted load had loaded before.
    pub chunks_before: u64,
    /// What was compared at the end.
    pub verified: Verified,
}

/// What all writers share.
pub(crate) struct Shared {
    source: Arc<dyn Source>,
    jobs: Mutex<VecDeque<Job>>,
    large: Arc<Semaphore>,
    meter: Meter,
}

impl Shared {
    fn next(&self) -> Option<Job> {
        self.jobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    }
}

/// Loads, and verifies. `tell` hears of progress twice: of the rows as they go in, and as they are read again.
/// Cancelled, failed or dropped, it leaves no session on the server, and what is loaded waits for the same load to go on.
pub async fn load(
    target: &Target,
    record: &DatabasesRecord,
    options: &Options,
    source: Arc<dyn Source>,
    tell: Tell,
    cancel: &CancellationToken,
) -> Result<Loaded, TransferError> {
    let leash = Leash::new(target);
    let work = run(target, &leash, record, options, source, tell);
    let done = tokio::select! {
        done = work => done,
        () = cancel.cancelled() => Err(TransferError::Cancelled),
    };
    leash.kill().await;
    done
}

async fn run(
    target: &Target,
    leash: &Leash,
    record: &DatabasesRecord,
    options: &Options,
    source: Arc<dyn Source>,
    tell: Tell,
) -> Result<Loaded, TransferError> {
    let chosen = choose(target, record, &options.databases)?;
    let mut control = Bulk::open(target, leash).await?;
    let begun = begin(&mut control, &chosen, options, source.as_ref()).await?;
    let (jobs, chunks_before, bytes_before) = jobs(&chosen, &begun);
    let expected = chosen.iter().map(|(record, _)| bytes(record)).sum();
    let shared = Arc::new(Shared {
        source,
        jobs: Mutex::new(jobs),
        large: Arc::new(Semaphore::new(1)),
        meter: Meter::new(Some(expected), Arc::clone(&tell)),
    });
    if let (true, Some((_, into))) = (bytes_before > 0, chosen.first()) {
        shared.meter.add(bytes_before, 0, into, "");
    }
    let work = async {
        rows(target, leash, &shared, options.writers).await?;
        indexes(target, leash, &shared, options.writers, &chosen, &begun).await?;
        verify::all(target, leash, record, &options.databases, options.writers, tell).await
    };
    let verified = tokio::select! {
        done = work => done?,
        error = pulse(&mut control) => return Err(error),
    };
    for (_, into) in &chosen {
        ledger::remove(&mut control, into).await?;
    }
    control.close().await;
    Ok(Loaded {
        chunks_before,
        verified,
    })
}

/// Keeps a session alive; ends when it is lost.
async fn pulse(control: &mut Bulk) -> TransferError {
    loop {
        tokio::time::sleep(PULSE).await;
        if let Err(error) = control.run("keeping other loads away", "DO 1").await {
            return error;
        }
    }
}

type Chosen<'a> = Vec<(&'a DatabaseRecord, &'a str)>;

fn choose<'a>(
    target: &Target,
    record: &'a DatabasesRecord,
    databases: &'a [Database],
) -> Result<Chosen<'a>, TransferError> {
    databases
        .iter()
        .map(|database| match record.database(&database.recorded) {
            Some(record) => Ok((record, database.into.as_str())),
            None => Err(TransferError::server(
                "",
                ProbeError::Other {
                    address: target.address(),
                    doing: "choosing what to load",
                    why: format!("the set has no database `{}`", database.recorded),
                },
            )),
        })
        .collect()
}

/// Looks at everything first; then makes databases and tables.
async fn begin(
    control: &mut Bulk,
    chosen: &Chosen<'_>,
    options: &Options,
    source: &dyn Source,
) -> Result<Vec<Ledger>, TransferError> {
    let records: Vec<&DatabaseRecord> = chosen.iter().map(|(record, _)| *record).collect();
    prepare::fits(control, &records).await?;
    let mut found = Vec::new();
    for (record, into) in chosen {
        prepare::claim(control, into).await?;
        let (state, holds) = prepare::look(control, into, &options.id).await?;
        match &holds {
            Some(holds) if !options.replace => {
                return Err(TransferError::NotEmpty {
                    database: (*into).to_owned(),
                    holds: holds.clone(),
                });
            }
            Some(_) => prepare::rehearse(control, source, record, into).await?,
            None => {}
        }
        found.push((state, holds.is_some()));
    }
    let mut ledgers = Vec::new();
    for ((record, into), (state, occupied)) in chosen.iter().zip(found) {
        let ledger = match state {
            Found::Begun(ledger) => ledger,
            Found::Fresh => {
                prepare::begin(control, record, into, &options.id, occupied).await?;
                Ledger::default()
            }
        };
        tables(control, record, into, &ledger, source).await?;
        ledgers.push(ledger);
    }
    Ok(ledgers)
}

/// Makes the tables, as far as they are not there.
async fn tables(
    control: &mut Bulk,
    record: &DatabaseRecord,
    into: &str,
    ledger: &Ledger,
    source: &dyn Source,
) -> Result<(), TransferError> {
    let step = ledger::part(&record.schema);
    if ledger.has(&step) {
        return Ok(());
    }
    let doing = format!("making the tables of {into}");
    set_up(control, DEFINITIONS).await?;
    control.run(&doing, format!("USE {}", quoted(into))).await?;
    for sql in prepare::statements(source, &record.schema, prepare::CREATE).await? {
        match control.run(&doing, sql).await {
            Ok(_) => {}
            // Made before the load was interrupted.
            Err(error) if error.number() == Some(1050) => {}
            Err(error) => return Err(error),
        }
    }
    ledger::note(control, into, &step).await
}

/// What the statements of parts count on.
async fn set_up(bulk: &mut Bulk, names: &str) -> Result<(), TransferError> {
    let doing = "setting up a writer";
    bulk.run(doing, format!("SET NAMES {names}")).await?;
    // Without checks of unique keys MariaDB locks an empty table for the one session that fills it first; none is to be
    // checked beyond the primary key, which always is.
    let checks = "SET SESSION foreign_key_checks = 0, SESSION unique_checks = 1";
    // Rows that a server held are loaded, whatever it would say of new ones.
    let own = match bulk.facts().engine {
        Engine::MariaDb => ", SESSION check_constraint_checks = 0",
        Engine::MySql => "",
    };
    bulk.run(doing, format!("{checks}{own}")).await?;
    Ok(())
}

fn bytes(record: &DatabaseRecord) -> u64 {
    record.tables.iter().map(|table| table.rows.bytes).sum()
}

/// The chunks that are left, those of the largest tables first; how many were loaded before, and their bytes.
fn jobs(chosen: &Chosen<'_>, ledgers: &[Ledger]) -> (VecDeque<Job>, u64, u64) {
    let mut tables = Vec::new();
    for ((record, into), ledger) in chosen.iter().zip(ledgers) {
        tables.extend(record.tables.iter().map(|table| (table, *into, ledger)));
    }
    tables.sort_by_key(|(table, _, _)| std::cmp::Reverse(table.rows.bytes));
    let (mut left, mut done, mut done_bytes) = (VecDeque::new(), 0, 0);
    for (table, into, ledger) in tables {
        for chunk in &table.chunks {
            if ledger.has(&ledger::part(&chunk.part)) {
                done += 1;
                done_bytes += chunk.rows.bytes;
                continue;
            }
            left.push_back(Job {
                into: into.to_owned(),
                table: table.name.clone(),
                part: chunk.part.clone(),
                rows: chunk.rows.rows,
                bytes: chunk.rows.bytes,
                longest: table.largest_statement,
            });
        }
    }
    (left, done, done_bytes)
}

/// All chunks, by several writers.
async fn rows(
    target: &Target,
    leash: &Leash,
    shared: &Arc<Shared>,
    writers: usize,
) -> Result<(), TransferError> {
    let mut tasks = JoinSet::new();
    for _ in 0..writers.max(1) {
        let (target, leash, shared) = (target.clone(), leash.clone(), Arc::clone(shared));
        tasks.spawn(async move {
            let mut writer = self::writer(&target, &leash, ROWS).await?;
            while let Some(job) = shared.next() {
                writer = load_one(&target, &leash, &shared, &job, writer).await?;
            }
            writer.close().await;
            Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        finished(ended)?;
    }
    Ok(())
}

async fn writer(target: &Target, leash: &Leash, names: &str) -> Result<Bulk, TransferError> {
    let mut writer = Bulk::open(target, leash).await?;
    set_up(&mut writer, names).await?;
    Ok(writer)
}

/// Loads a chunk; anew when its part cannot be read, and with another session when this one is lost.
async fn load_one(
    target: &Target,
    leash: &Leash,
    shared: &Shared,
    job: &Job,
    mut writer: Bulk,
) -> Result<Bulk, TransferError> {
    let mut number = 0;
    loop {
        let error = match chunk::load(shared, job, &mut writer).await {
            Ok(()) => return Ok(writer),
            Err(error) => error,
        };
        let lost = chunk::lost(&error);
        // What is left of an interrupted load may still hold rows: a deadlock, a lock held for too long.
        let again = lost
            || matches!(&error, TransferError::Part(error) if error.retry)
            || matches!(error.number(), Some(1205 | 1213));
        number += 1;
        if !again || number >= ATTEMPTS {
            return Err(error);
        }
        tokio::time::sleep(Duration::from_secs(1 << (number - 1))).await;
        if lost {
            // While the server is away this fails, and the load with it: it goes on when it is begun again.
            writer = self::writer(target, leash, ROWS).await?;
            // The answer to a commit may be all that was lost.
            let ledger = Ledger::read(&mut writer, &job.into).await?.unwrap_or_default();
            if ledger.has(&ledger::part(&job.part)) {
                shared.meter.add(job.bytes, job.rows, &job.into, &job.table);
                return Ok(writer);
            }
        }
    }
}

/// A statement that makes an index.
#[derive(Clone)]
struct Index {
    into: String,
    sql: String,
    step: String,
}

/// Indexes of several tables at once; then foreign keys, one after the other.
async fn indexes(
    target: &Target,
    leash: &Leash,
    shared: &Arc<Shared>,
    writers: usize,
    chosen: &Chosen<'_>,
    ledgers: &[Ledger],
) -> Result<(), TransferError> {
    let (mut keys, mut foreign) = (VecDeque::new(), VecDeque::new());
    for ((record, into), ledger) in chosen.iter().zip(ledgers) {
        let statements = prepare::statements(shared.source.as_ref(), &record.indexes, prepare::ALTER).await?;
        for (number, sql) in statements.into_iter().enumerate() {
            let step = ledger::statement(&record.indexes, number);
            if ledger.has(&step) {
                continue;
            }
            let last = sql.contains("` ADD CONSTRAINT `");
            let index = Index {
                into: (*into).to_owned(),
                sql,
                step,
            };
            if last {
                foreign.push_back(index);
            } else {
                keys.push_back(index);
            }
        }
    }
    make_all(target, leash, keys, writers).await?;
    make_all(target, leash, foreign, 1).await
}

async fn make_all(
    target: &Target,
    leash: &Leash,
    indexes: VecDeque<Index>,
    writers: usize,
) -> Result<(), TransferError> {
    if indexes.is_empty() {
        return Ok(());
    }
    let queue = Arc::new(Mutex::new(indexes));
    let mut tasks = JoinSet::new();
    for _ in 0..writers.max(1) {
        let (target, leash, queue) = (target.clone(), leash.clone(), Arc::clone(&queue));
        tasks.spawn(async move {
            let mut writer = self::writer(&target, &leash, DEFINITIONS).await?;
            loop {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let Some(index) = next else { break };
                make(&mut writer, index).await?;
            }
            writer.close().await;
            Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        finished(ended)?;
    }
    Ok(())
}

async fn make(writer: &mut Bulk, index: Index) -> Result<(), TransferError> {
    let doing = format!("making indexes in {}", index.into);
    writer.run(&doing, format!("USE {}", quoted(&index.into))).await?;
    match writer.run_for(WHOLE_TABLE, &doing, index.sql).await {
        Ok(_) => {}
        // Made before the load was interrupted: a key of this name, a constraint of this name. The definitions are compared at
        // the end.
        Err(error) if matches!(error.number(), Some(1061 | 1826)) => {}
        Err(error) if error.number() == Some(1005) && error.to_string().contains("errno: 121") => {}
        Err(error) => return Err(error),
    }
    ledger::note(writer, &index.into, &index.step).await
}
