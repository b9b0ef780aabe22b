//! LEDGER: loading: the databases of a set into a server, several sessions at once, tables first, rows chunk by chunk, then
//! indexes and foreign keys; and, at the end, everything read again and compared.
//!
//! A load that was interrupted anywhere goes on when it is begun again with the same [`Options::id`]. A database that is
//! neither empty nor the beginning of the same load is refused, unless it may be replaced.

mod chunk;
mod indexes;
pub(crate) mod ledger;
mod lines;
mod prepare;
mod rows;
mod verify;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use kfp_backup::database::{DatabaseRecord, DatabasesRecord};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use self::chunk::Job;
use self::ledger::Ledger;
pub use self::ledger::TABLE as LEDGER;
use self::prepare::Found;
pub use self::verify::{Verified, verify};
use crate::bulk::{Bulk, Leash, SILENCE_SECONDS, TransferError};
use crate::error::ProbeError;
use crate::parts::Source;
use crate::progress::{Meter, Tell};
use crate::session::{Engine, quoted};
use crate::target::Target;

/// How often the session that keeps other loads away says something, so that the server does not close it.
const PULSE: Duration = Duration::from_mins(1);

/// After this time a server has forgotten the sessions of a load whose node died.
pub const DEAD: Duration = Duration::from_secs(SILENCE_SECONDS + 30);

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
    /// How long another load of one of these databases is waited for: [`DEAD`] where none can be but one whose node died.
    pub patience: Duration,
    /// Databases stay marked as being loaded when all is loaded and compared: whoever still has to put something right calls
    /// [`end`] after it, and nobody takes them for whole before.
    pub keep_mark: bool,
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
    leash.guard(cancel, work.boxed()).await
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
    let (jobs, chunks_before, bytes_before) = rows::jobs(&begun);
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
        rows::all(target, leash, &shared, options.writers).await?;
        indexes::all(target, leash, &shared, options.writers, &begun).await?;
        let verified = verify::all(target, leash, record, &options.databases, tell).await;
        verified.map_err(|error| occupied(error, &begun))
    };
    let verified = tokio::select! {
        done = work => done?,
        error = pulse(&mut control) => return Err(error),
    };
    if !options.keep_mark {
        for (_, into) in &chosen {
            ledger::remove(&mut control, into).await?;
        }
    }
    control.close().await;
    Ok(Loaded {
        chunks_before,
        verified,
    })
}

/// Ends the load of these databases, whose marks were kept. Those that are not marked stay as they are.
pub async fn end(target: &Target, databases: &[String]) -> Result<(), TransferError> {
    let leash = Leash::new(target);
    let mut control = Bulk::open(target, &leash).await?;
    for database in databases {
        ledger::remove(&mut control, database).await?;
    }
    control.close().await;
    leash.kill().await;
    Ok(())
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

/// A database that is being loaded.
struct Begun<'a> {
    record: &'a DatabaseRecord,
    into: &'a str,
    state: State,
}

/// How far it is.
enum State {
    /// Its tables are there; what else is done stands in the ledger.
    Tables(Ledger),
    /// It holds all tables already, for all that is known: these.
    Perhaps(String),
}

/// Looks at everything first; then makes databases and tables.
async fn begin<'a>(
    control: &mut Bulk,
    chosen: &Chosen<'a>,
    options: &Options,
    source: &dyn Source,
) -> Result<Vec<Begun<'a>>, TransferError> {
    let records: Vec<&DatabaseRecord> = chosen.iter().map(|(record, _)| *record).collect();
    prepare::fits(control, &records).await?;
    let mut found = Vec::new();
    for (record, into) in chosen {
        prepare::claim(control, into, options.patience).await?;
        let (state, holds) = prepare::look(control, record, into, &options.id).await?;
        match (&state, &holds) {
            (Found::Perhaps, Some(_)) if !options.replace => {}
            (_, Some(holds)) if !options.replace => return Err(not_empty(into, holds)),
            (_, Some(_)) => prepare::rehearse(control, source, record, into).await?,
            (_, None) => {}
        }
        found.push((state, holds));
    }
    let mut begun = Vec::new();
    for ((record, into), (state, holds)) in chosen.iter().zip(found) {
        let ledger = match (state, holds) {
            (Found::Perhaps, Some(holds)) if !options.replace => {
                begun.push(Begun {
                    record,
                    into,
                    state: State::Perhaps(holds),
                });
                continue;
            }
            (Found::Begun(ledger), _) => ledger,
            (Found::Fresh | Found::Perhaps, holds) => {
                prepare::begin(control, record, into, &options.id, holds.is_some()).await?;
                Ledger::default()
            }
        };
        tables(control, record, into, &ledger, source).await?;
        begun.push(Begun {
            record,
            into,
            state: State::Tables(ledger),
        });
    }
    Ok(begun)
}

fn not_empty(database: &str, holds: &str) -> TransferError {
    TransferError::NotEmpty {
        database: database.to_owned(),
        holds: holds.to_owned(),
    }
}

/// A database that was taken for one that is loaded already, and is not, is in the way.
fn occupied(error: TransferError, begun: &[Begun<'_>]) -> TransferError {
    let TransferError::Differs(differences) = &error else {
        return error;
    };
    let in_the_way = begun.iter().find_map(|database| match &database.state {
        State::Perhaps(holds) if differences.iter().any(|found| found.database == database.into) => {
            Some(not_empty(database.into, holds))
        }
        _ => None,
    });
    in_the_way.unwrap_or(error)
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
