//! LEDGER: one moment for several databases and several readers. What is read of it stands elsewhere.

use std::time::Duration;

use futures::future::try_join_all;
use kfp_backup::database::SnapshotMethod;

use super::catalog::{self, Database};
use crate::bulk::{Bulk, Leash, TransferError};
use crate::error::ProbeReason;
use crate::session::{Engine, quoted};
use crate::target::Target;

/// How often the tables may change between being listed and being locked.
const ATTEMPTS: u32 = 3;
/// How long to wait until all locks are asked for again: about as long as a transaction of KFP's servers.
const POLITE_PAUSE: Duration = Duration::from_millis(10);
/// Where a reader goes back to after each chunk, so that its locks on tables go.
const SAVEPOINT: &str = "kfp_operator";

/// One moment.
pub(crate) struct Snapshot {
    pub(crate) databases: Vec<Database>,
    pub(crate) readers: Vec<Bulk>,
    pub(crate) method: SnapshotMethod,
    pub(crate) taken_at: String,
}

/// Begins the snapshot of all readers at one moment: while every table is locked against writing, or with one reader where
/// the account may not lock.
pub(crate) async fn take(
    target: &Target,
    leash: &Leash,
    names: &[String],
    readers: usize,
    limit: Duration,
) -> Result<Snapshot, TransferError> {
    let mut control = Bulk::open(target, leash).await?;
    let mut open = Vec::new();
    for _ in 0..readers.max(1) {
        open.push(reader(target, leash).await?);
    }
    let deadline = tokio::time::Instant::now() + limit;
    for _ in 0..ATTEMPTS {
        let listed = list(&mut control, names).await?;
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        match lock(&mut control, names, &listed, left, limit).await {
            Ok(()) => {}
            Err(error) if may_not(&error) => return alone(control, open, names).await,
            Err(error) => return Err(error),
        }
        if list(&mut control, names).await? == listed {
            try_join_all(open.iter_mut().map(begin)).await?;
            let taken_at = now(&mut control).await?;
            let databases = databases(&mut control, names, &listed).await?;
            control.run("unlocking the tables", "UNLOCK TABLES").await?;
            control.close().await;
            return Ok(Snapshot {
                databases,
                readers: open,
                method: SnapshotMethod::LockedTables,
                taken_at,
            });
        }
        control.run("unlocking the tables", "UNLOCK TABLES").await?;
    }
    Err(TransferError::SchemaChanged {
        table: "*".to_owned(),
        why: "tables came or went each time they were locked".to_owned(),
    })
}

/// A session whose answers come in each column's own character set.
pub(crate) async fn reader(target: &Target, leash: &Leash) -> Result<Bulk, TransferError> {
    let mut reader = Bulk::open(target, leash).await?;
    let doing = "setting up a reader";
    reader
        .run(doing, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        .await?;
    reader.run(doing, "SET character_set_results = NULL").await?;
    Ok(reader)
}

async fn begin(reader: &mut Bulk) -> Result<(), TransferError> {
    let doing = "beginning the snapshot";
    reader
        .run(doing, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        .await?;
    reader.run(doing, format!("SAVEPOINT {SAVEPOINT}")).await?;
    Ok(())
}

/// Lets go of the table that was read last; the snapshot stays.
pub(crate) async fn let_go(reader: &mut Bulk) -> Result<(), TransferError> {
    reader
        .run(
            "letting go of a table",
            format!("ROLLBACK TO SAVEPOINT {SAVEPOINT}"),
        )
        .await?;
    Ok(())
}

async fn list(control: &mut Bulk, names: &[String]) -> Result<Vec<Vec<String>>, TransferError> {
    let mut listed = Vec::new();
    for name in names {
        listed.push(catalog::tables(control, name).await?);
    }
    Ok(listed)
}

async fn databases(
    control: &mut Bulk,
    names: &[String],
    listed: &[Vec<String>],
) -> Result<Vec<Database>, TransferError> {
    let mut databases = Vec::new();
    for (name, tables) in names.iter().zip(listed) {
        databases.push(catalog::database(control, name, tables).await?);
    }
    Ok(databases)
}

/// Locks all tables against writing, within `left` of `limit`.
async fn lock(
    control: &mut Bulk,
    names: &[String],
    listed: &[Vec<String>],
    left: Duration,
    limit: Duration,
) -> Result<(), TransferError> {
    let tables: Vec<String> = names
        .iter()
        .zip(listed)
        .flat_map(|(database, tables)| {
            tables
                .iter()
                .map(move |table| format!("{}.{} READ", quoted(database), quoted(table)))
        })
        .collect();
    if tables.is_empty() {
        return Ok(());
    }
    let doing = "locking the tables";
    let sql = format!("LOCK TABLES {}", tables.join(", "));
    if control.facts().engine == Engine::MariaDb && politely(control, doing, &sql, left / 2).await? {
        return Ok(());
    }
    // The server gives up by itself where nobody is left to kill the session.
    let seconds = limit.as_secs().max(1);
    control
        .run(doing, format!("SET SESSION lock_wait_timeout = {seconds}"))
        .await?;
    let locked = control.run_for(left, doing, sql).await;
    match locked {
        Ok(_) => Ok(()),
        Err(TransferError::Server { error, .. }) if error.reason() == ProbeReason::Timeout => {
            Err(TransferError::SnapshotLockTimeout {
                address: control.address().to_owned(),
                limit,
            })
        }
        Err(error) => Err(error),
    }
}

/// Asks for all locks without a wait for any, again and again: who waits with some locks in its hands may end in a deadlock with
/// a transaction over several tables, which the server resolves at the cost of the transaction. MySQL has no such statement.
async fn politely(
    control: &mut Bulk,
    doing: &str,
    sql: &str,
    limit: Duration,
) -> Result<bool, TransferError> {
    let deadline = tokio::time::Instant::now() + limit;
    while tokio::time::Instant::now() < deadline {
        match control.run(doing, format!("{sql} NOWAIT")).await {
            Ok(_) => return Ok(true),
            Err(error) if error.number() == Some(1205) => tokio::time::sleep(POLITE_PAUSE).await,
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

fn may_not(error: &TransferError) -> bool {
    matches!(error, TransferError::Server { error, .. } if error.reason() == ProbeReason::AccessDenied)
}

async fn now(control: &mut Bulk) -> Result<String, TransferError> {
    let sql = "SELECT DATE_FORMAT(UTC_TIMESTAMP(6), '%Y-%m-%dT%H:%i:%s.%fZ')";
    let answers = control.query("asking for the time", sql).await?;
    Ok(answers.first().map(|answer| answer.text(0)).unwrap_or_default())
}

/// One reader, whose snapshot covers everything by itself.
async fn alone(
    mut control: Bulk,
    mut readers: Vec<Bulk>,
    names: &[String],
) -> Result<Snapshot, TransferError> {
    while readers.len() > 1 {
        if let Some(reader) = readers.pop() {
            reader.close().await;
        }
    }
    for reader in &mut readers {
        begin(reader).await?;
    }
    let taken_at = now(&mut control).await?;
    let listed = list(&mut control, names).await?;
    let databases = databases(&mut control, names, &listed).await?;
    control.close().await;
    Ok(Snapshot {
        databases,
        readers,
        method: SnapshotMethod::SingleReader,
        taken_at,
    })
}
