//! LEDGER: the statements of a part, one a line, as they come out of the source: decompressed, bounded in memory. They are run
//! elsewhere.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

use crate::bulk::TransferError;
use crate::parts::{PartReader, Source};

/// Bytes of a statement beyond which it is read only while no other such one is in memory.
const LARGE: usize = 4 << 20;
/// Bytes that are decompressed at once.
const PIECE: usize = 128 * 1024;

/// The statements of a part.
pub(crate) struct Lines {
    path: String,
    reader: Box<dyn PartReader>,
    decoder: Decoder<'static>,
    input: Bytes,
    /// The frame is not at its end.
    within: bool,
    pending: Vec<u8>,
    /// Bytes of `pending` that hold no end of line.
    searched: usize,
    piece: Vec<u8>,
    longest: usize,
    large: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
    header: Vec<String>,
}

impl Lines {
    /// Opens a part that begins with `header`, and whose statements have at most `longest` bytes. `large` has one permit.
    pub(crate) async fn open(
        source: &dyn Source,
        path: &str,
        header: &str,
        longest: u64,
        large: &Arc<Semaphore>,
    ) -> Result<Self, TransferError> {
        let decoder =
            Decoder::new().map_err(|error| content(path, &format!("zstd does not begin: {error}")))?;
        Ok(Self {
            path: path.to_owned(),
            reader: source.open(path).await?,
            decoder,
            input: Bytes::new(),
            within: true,
            pending: Vec::new(),
            searched: 0,
            piece: vec![0; PIECE],
            // A line has its semicolon, and the header's lines may be the longest.
            longest: usize::try_from(longest)
                .unwrap_or(usize::MAX)
                .saturating_add(1024),
            large: Arc::clone(large),
            permit: None,
            header: header.lines().rev().map(str::to_owned).collect(),
        })
    }

    /// The next statement, without its semicolon. `None` says that the part is whole, by its digest too.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, TransferError> {
        loop {
            let Some(line) = self.line().await? else {
                return Ok(None);
            };
            let mut line = String::from_utf8(line).map_err(|_| content(&self.path, "a line is not UTF-8"))?;
            if let Some(expected) = self.header.pop() {
                if line == expected {
                    continue;
                }
                return Err(content(&self.path, "it does not begin as a part does"));
            }
            if line.pop() != Some(';') {
                return Err(content(&self.path, "a line does not end with a semicolon"));
            }
            return Ok(Some(line));
        }
    }

    /// Reads to the end without a look at what is there: is the part whole?
    pub(crate) async fn drain(&mut self) -> Result<(), TransferError> {
        while self.reader.read().await?.is_some() {}
        Ok(())
    }

    /// Whether the statement at hand was a large one.
    pub(crate) fn is_large(&self) -> bool {
        self.permit.is_some()
    }

    async fn line(&mut self) -> Result<Option<Vec<u8>>, TransferError> {
        self.release();
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.pending[self.searched..]) {
                let end = self.searched + at;
                let rest = self.pending.split_off(end + 1);
                let mut line = std::mem::replace(&mut self.pending, rest);
                line.pop();
                self.searched = 0;
                return Ok(Some(line));
            }
            self.searched = self.pending.len();
            if self.pending.len() > self.longest {
                return Err(content(&self.path, "a line is longer than the set says"));
            }
            if self.pending.len() > LARGE && self.permit.is_none() {
                self.permit = Arc::clone(&self.large).acquire_owned().await.ok();
                self.pending
                    .reserve_exact((self.longest + PIECE).saturating_sub(self.pending.len()));
            }
            if !self.more().await? {
                return self.end();
            }
        }
    }

    fn release(&mut self) {
        if self.permit.take().is_some() {
            self.pending.shrink_to(PIECE);
        }
    }

    /// Decompresses a piece more; `false` at the end of the part.
    async fn more(&mut self) -> Result<bool, TransferError> {
        loop {
            if self.input.is_empty() {
                match self.reader.read().await? {
                    Some(bytes) => self.input = bytes,
                    None => return Ok(false),
                }
            }
            let (read, made) = {
                let mut input = InBuffer::around(&self.input);
                let mut output = OutBuffer::around(&mut self.piece[..]);
                let hint = self
                    .decoder
                    .run(&mut input, &mut output)
                    .map_err(|error| content(&self.path, &format!("it cannot be decompressed: {error}")))?;
                self.within = hint != 0;
                (input.pos(), output.pos())
            };
            self.input.advance(read);
            if made > 0 {
                self.pending.extend_from_slice(&self.piece[..made]);
                return Ok(true);
            }
        }
    }

    fn end(&self) -> Result<Option<Vec<u8>>, TransferError> {
        if self.within || !self.pending.is_empty() || !self.header.is_empty() {
            return Err(content(&self.path, "it ends in the middle"));
        }
        Ok(None)
    }
}

pub(crate) fn content(path: &str, why: &str) -> TransferError {
    TransferError::Content {
        part: path.to_owned(),
        why: why.to_owned(),
    }
}
