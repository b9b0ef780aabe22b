//! LEDGER: one chunk into its table: its statements and the note that it is done are one transaction, committed only once the
//! part's digest and its number of rows fit.

use std::time::Duration;

use super::Shared;
use super::ledger;
use super::lines::{Lines, content};
use crate::bulk::{Bulk, SILENCE, TransferError};
use crate::dump::literal::identifier;
use crate::dump::write::rows_header;
use crate::error::ProbeReason;

/// A chunk to load.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// Database that it goes into.
    pub(crate) into: String,
    pub(crate) table: String,
    pub(crate) part: String,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) longest: u64,
}

/// How long one statement may take: a row of a gigabyte on a slow disk.
const STATEMENT_LIMIT: Duration = Duration::from_hours(1);

/// Loads a chunk. On an error nothing of it is there, unless only the answer to its commit was lost.
pub(crate) async fn load(shared: &Shared, job: &Job, writer: &mut Bulk) -> Result<(), TransferError> {
    let doing = format!("loading {}.{} from {}", job.into, job.table, job.part);
    let mut lines = Lines::open(
        shared.source.as_ref(),
        &job.part,
        rows_header(),
        job.longest,
        &shared.large,
    )
    .await?;
    writer
        .run(&doing, format!("USE {}", crate::session::quoted(&job.into)))
        .await?;
    writer.run(&doing, "START TRANSACTION").await?;
    let mut told = 0;
    let done = rows(shared, job, writer, &mut lines, &doing, &mut told).await;
    let done = match done {
        Ok(()) => {
            ledger::note(writer, &job.into, &ledger::part(&job.part)).await?;
            writer.run(&doing, "COMMIT").await?;
            shared
                .meter
                .add(job.bytes.saturating_sub(told), job.rows, &job.into, &job.table);
            return Ok(());
        }
        // A statement that the server refuses may be one that was damaged.
        Err(error) if error.number().is_some() => lines.drain().await.and(Err(error)),
        Err(error) => Err(error),
    };
    shared.meter.take_back(told, 0);
    // A session that is gone has taken its transaction with it.
    let _ = writer.run_for(SILENCE, &doing, "ROLLBACK".to_owned()).await;
    done
}

async fn rows(
    shared: &Shared,
    job: &Job,
    writer: &mut Bulk,
    lines: &mut Lines,
    doing: &str,
    told: &mut u64,
) -> Result<(), TransferError> {
    let mut start = b"INSERT INTO ".to_vec();
    identifier(&mut start, &job.table);
    start.extend_from_slice(b" (");
    let mut rows = 0_u64;
    while let Some(sql) = lines.next().await? {
        if !sql.as_bytes().starts_with(&start) {
            return Err(content(
                &job.part,
                &format!("it holds a statement that inserts no rows into {}", job.table),
            ));
        }
        // Progress in bytes of values, which statements are a little longer than.
        let step = (sql.len() as u64).min(job.bytes.saturating_sub(*told));
        rows = rows.saturating_add(writer.run_for(STATEMENT_LIMIT, doing, sql).await?);
        if lines.is_large() {
            writer.shrink();
        }
        *told += step;
        shared.meter.add(step, 0, &job.into, &job.table);
    }
    if rows != job.rows {
        return Err(content(
            &job.part,
            &format!("it holds {rows} rows, and the set says {}", job.rows),
        ));
    }
    Ok(())
}

/// Whether the session is gone, so that the chunk can be loaded by another.
pub(crate) fn lost(error: &TransferError) -> bool {
    matches!(
        error,
        TransferError::Server { error, .. }
            if matches!(error.reason(), ProbeReason::Unreachable | ProbeReason::TooManyConnections)
    )
}
