//! LEDGER: a table cut into chunks while it is read: each reader claims the next one. What is done with a chunk stands
//! elsewhere.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use kfp_backup::rows::Rows;
use tokio::sync::Mutex;

use super::catalog::Table;
use super::range::{KeyValues, Range};
use super::read::key_after;
use crate::bulk::{Bulk, TransferError};

/// Bytes of values that a chunk aims at: a lock on the table is held that long, a part is that large before it is compressed,
/// and a load commits after it.
const CHUNK_BYTES: u64 = 64 << 20;
/// Rows of a chunk while nobody knows yet how large rows are.
const FIRST_ROWS: u64 = 1_000;
/// Rows of a chunk at least and at most.
const MIN_ROWS: u64 = 16;
const MAX_ROWS: u64 = 500_000;

/// A table being read.
pub(crate) struct TableWork {
    pub(crate) table: Table,
    cursor: Mutex<Cursor>,
    done: AtomicBool,
    /// Bytes of a row as last seen; 0 before anything was.
    row_bytes: AtomicU64,
}

#[derive(Default)]
struct Cursor {
    next: Option<KeyValues>,
    number: u32,
}

/// A piece of a table.
pub(crate) struct Claim {
    pub(crate) number: u32,
    pub(crate) range: Range,
}

impl TableWork {
    pub(crate) fn new(table: Table) -> Self {
        Self {
            table,
            cursor: Mutex::default(),
            done: AtomicBool::new(false),
            row_bytes: AtomicU64::new(0),
        }
    }

    /// Nothing is left to claim.
    pub(crate) fn is_done(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }

    /// The next chunk; `None` when all are claimed.
    pub(crate) async fn claim(&self, bulk: &mut Bulk) -> Result<Option<Claim>, TransferError> {
        let mut cursor = self.cursor.lock().await;
        if self.is_done() {
            return Ok(None);
        }
        let rows = match self.row_bytes.load(Ordering::Relaxed) {
            0 => FIRST_ROWS,
            bytes => (CHUNK_BYTES / bytes).clamp(MIN_ROWS, MAX_ROWS),
        };
        let to = key_after(bulk, &self.table, cursor.next.as_ref(), rows).await?;
        let range = Range {
            from: std::mem::replace(&mut cursor.next, to.clone()),
            to,
        };
        if range.to.is_none() {
            self.done.store(true, Ordering::Release);
        }
        let number = cursor.number;
        cursor.number = number.saturating_add(1);
        Ok(Some(Claim { number, range }))
    }

    /// Learns how large rows are.
    pub(crate) fn learn(&self, rows: &Rows) {
        if let Some(bytes) = rows.bytes.checked_div(rows.rows) {
            self.row_bytes.store(bytes.max(1), Ordering::Relaxed);
        }
    }
}
