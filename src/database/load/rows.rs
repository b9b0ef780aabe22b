//! LEDGER: the chunks of a load, shared among several writers.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::chunk::{self, Job};
use super::ledger::Ledger;
use super::{Begun, ROWS, Shared, State, bytes, ledger, set_up};
use crate::bulk::{Bulk, Leash, TransferError};
use crate::dump::finished;
use crate::target::Target;

/// How often a chunk is begun anew.
const ATTEMPTS: u32 = 4;

/// The chunks that are left, those of the largest tables first; how many were loaded before, and their bytes.
pub(super) fn jobs(begun: &[Begun<'_>]) -> (VecDeque<Job>, u64, u64) {
    let mut tables = Vec::new();
    let (mut left, mut done, mut done_bytes) = (VecDeque::new(), 0, 0);
    for database in begun {
        match &database.state {
            State::Tables(ledger) => tables.extend(
                database
                    .record
                    .tables
                    .iter()
                    .map(|table| (table, database.into, ledger)),
            ),
            State::Perhaps(_) => done_bytes += bytes(database.record),
        }
    }
    tables.sort_by_key(|(table, _, _)| std::cmp::Reverse(table.rows.bytes));
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
pub(super) async fn all(
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

/// A session that writes.
pub(super) async fn writer(target: &Target, leash: &Leash, names: &str) -> Result<Bulk, TransferError> {
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
