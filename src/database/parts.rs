//! LEDGER: where dumped databases go and where they come from, as seen from here: named parts, written and read as streams of
//! bytes. Stores, encryption and digests are other rooms'.

use bytes::Bytes;
use futures::future::BoxFuture;
use kfp_backup::part::Part;

/// A part that could not be written or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("part {path}: {why}")]
pub struct PartError {
    /// Path of the part.
    pub path: String,
    /// Stable reason: CamelCase, for conditions, events and metric labels.
    pub reason: &'static str,
    /// What went wrong, and what to do about it.
    pub why: String,
    /// The same part may succeed when it is begun anew.
    pub retry: bool,
}

/// Takes parts.
pub trait Sink: Send + Sync {
    /// Begins the part of this path, a path as [`kfp_backup::layout`] makes them. A path that was begun before, and not
    /// finished, begins anew.
    fn begin(&self, path: &str) -> BoxFuture<'_, Result<Box<dyn PartWriter>, PartError>>;
}

/// A part being written. Dropped before it is finished, it leaves nothing behind, or what its [`Sink`] removes later.
pub trait PartWriter: Send {
    /// Takes the next bytes, at most [`MAX_PIECE`] at once; waits while there is no room for them.
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), PartError>>;

    /// Ends the part, whose bytes were `plain_bytes` before they were compressed. The part is kept once this returns; its path
    /// may differ from what was asked for, and is what a [`Source`] knows it by.
    fn finish(self: Box<Self>, plain_bytes: u64) -> BoxFuture<'static, Result<Part, PartError>>;
}

/// Gives parts.
pub trait Source: Send + Sync {
    /// Begins to read the part of this path, as [`PartWriter::finish`] returned it.
    fn open(&self, path: &str) -> BoxFuture<'_, Result<Box<dyn PartReader>, PartError>>;
}

/// A part being read.
pub trait PartReader: Send {
    /// The next bytes, never empty. `None` says that the part is whole: its length and digest are what the set's manifest says.
    /// What was read before may be used up to a point from which one can go back, and no further.
    fn read(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, PartError>>;
}

/// Bytes that are handed to a [`PartWriter`] at once.
pub const MAX_PIECE: usize = 128 * 1024;
