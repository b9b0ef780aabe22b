//! LEDGER: how far a dump, a load or a verification is. Nothing is decided by it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How far something is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of values so far.
    pub bytes: u64,
    /// Rows so far.
    pub rows: u64,
    /// Bytes in all, as far as known: exact for what is in a set, the server's estimate for a dump.
    pub expected_bytes: Option<u64>,
    /// Database and table that are worked on, among others.
    pub table: (String, String),
}

/// Hears of progress; called from several threads, must not block.
pub type Tell = Arc<dyn Fn(Progress) + Send + Sync>;

/// Counts what several sessions do.
pub(crate) struct Meter {
    bytes: AtomicU64,
    rows: AtomicU64,
    expected: Option<u64>,
    tell: Tell,
}

impl Meter {
    pub(crate) fn new(expected: Option<u64>, tell: Tell) -> Self {
        Self {
            bytes: AtomicU64::new(0),
            rows: AtomicU64::new(0),
            expected,
            tell,
        }
    }

    /// Counts, and tells.
    pub(crate) fn add(&self, bytes: u64, rows: u64, database: &str, table: &str) {
        let bytes = self
            .bytes
            .fetch_add(bytes, Ordering::Relaxed)
            .saturating_add(bytes);
        let rows = self.rows.fetch_add(rows, Ordering::Relaxed).saturating_add(rows);
        (self.tell)(Progress {
            bytes,
            rows,
            expected_bytes: self.expected,
            table: (database.to_owned(), table.to_owned()),
        });
    }

    /// Counts what has to be done anew as not done.
    pub(crate) fn take_back(&self, bytes: u64, rows: u64) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.rows.fetch_sub(rows, Ordering::Relaxed);
    }
}
