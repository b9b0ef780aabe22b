//! PROOF (real databases): a set in memory: keeps parts, checks their digests as a destination does, and can be damaged.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use kfp_backup::part::Part;
use kfp_database::parts::{PartError, PartReader, PartWriter, Sink, Source};
use kfp_e2e::cache::hex;
use sha2::{Digest, Sha256};

/// Parts in memory.
#[derive(Default)]
pub struct Shelf {
    parts: Mutex<BTreeMap<String, (Vec<u8>, Part)>>,
    /// How many of the next parts fail, and after how many bytes.
    failures: Mutex<(u32, usize)>,
}

impl Shelf {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    fn parts(&self) -> MutexGuard<'_, BTreeMap<String, (Vec<u8>, Part)>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the next parts fail, each after so many bytes, as a store does that cannot be reached for a while.
    pub fn fail(&self, parts: u32, after: usize) {
        *self.failures.lock().unwrap_or_else(PoisonError::into_inner) = (parts, after);
    }

    fn fails(&self) -> Option<usize> {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let left = failures.0.checked_sub(1)?;
        failures.0 = left;
        Some(failures.1)
    }

    /// A part's bytes.
    pub fn bytes(&self, path: &str) -> Vec<u8> {
        self.parts()
            .get(path)
            .map(|(bytes, _)| bytes.clone())
            .unwrap_or_default()
    }

    /// Changes a part's bytes behind the back of its digest.
    pub fn damage(&self, path: &str, change: impl FnOnce(&mut Vec<u8>)) {
        if let Some((bytes, _)) = self.parts().get_mut(path) {
            change(bytes);
        }
    }

    /// Changes a part, and its digest with it: a set that was made so.
    pub fn forge(&self, path: &str, bytes: Vec<u8>) {
        if let Some((old, part)) = self.parts().get_mut(path) {
            part.sha256 = hex(&Sha256::digest(&bytes));
            part.bytes = bytes.len() as u64;
            *old = bytes;
        }
    }
}

fn error(path: &str, reason: &'static str, why: &str, retry: bool) -> PartError {
    PartError {
        path: path.to_owned(),
        reason,
        why: why.to_owned(),
        retry,
    }
}

/// A shelf as a sink and a source.
pub struct At(pub Arc<Shelf>);

impl Sink for At {
    fn begin(&self, path: &str) -> BoxFuture<'_, Result<Box<dyn PartWriter>, PartError>> {
        let writer = Writer {
            shelf: Arc::clone(&self.0),
            path: path.to_owned(),
            bytes: Vec::new(),
            fails: self.0.fails(),
        };
        async move { Ok(Box::new(writer) as Box<dyn PartWriter>) }.boxed()
    }
}

struct Writer {
    shelf: Arc<Shelf>,
    path: String,
    bytes: Vec<u8>,
    fails: Option<usize>,
}

impl PartWriter for Writer {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), PartError>> {
        self.bytes.extend_from_slice(&bytes);
        let failed = self.fails.is_some_and(|after| self.bytes.len() > after);
        async move {
            if failed {
                return Err(error(
                    &self.path,
                    "StoreUnreachable",
                    "the store cannot be reached",
                    true,
                ));
            }
            Ok(())
        }
        .boxed()
    }

    fn finish(self: Box<Self>, plain_bytes: u64) -> BoxFuture<'static, Result<Part, PartError>> {
        async move {
            let part = Part {
                path: self.path.clone(),
                bytes: self.bytes.len() as u64,
                sha256: hex(&Sha256::digest(&self.bytes)),
                plain_bytes,
            };
            if self.fails.is_some() {
                return Err(error(
                    &self.path,
                    "StoreUnreachable",
                    "the store cannot be reached",
                    true,
                ));
            }
            self.shelf.parts().insert(self.path, (self.bytes, part.clone()));
            Ok(part)
        }
        .boxed()
    }
}

impl Source for At {
    fn open(&self, path: &str) -> BoxFuture<'_, Result<Box<dyn PartReader>, PartError>> {
        let found = self.0.parts().get(path).cloned();
        let path = path.to_owned();
        let fails = self.0.fails();
        async move {
            let (bytes, part) =
                found.ok_or_else(|| error(&path, "PartMissing", "there is no such part", false))?;
            let pieces = bytes.chunks(100_000).map(Bytes::copy_from_slice).collect();
            Ok(Box::new(Reader {
                pieces,
                digest: Sha256::new(),
                part,
                fails: fails.is_some(),
            }) as Box<dyn PartReader>)
        }
        .boxed()
    }
}

struct Reader {
    pieces: VecDeque<Bytes>,
    digest: Sha256,
    part: Part,
    fails: bool,
}

impl PartReader for Reader {
    fn read(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, PartError>> {
        async move {
            let path = &self.part.path;
            if self.fails && self.pieces.len() <= 1 {
                return Err(error(
                    path,
                    "StoreUnreachable",
                    "the store cannot be reached",
                    true,
                ));
            }
            if let Some(piece) = self.pieces.pop_front() {
                self.digest.update(&piece);
                return Ok(Some(piece));
            }
            if hex(&self.digest.clone().finalize()) != self.part.sha256 {
                return Err(error(
                    path,
                    "PartDigest",
                    "its SHA-256 is not that of the manifest",
                    false,
                ));
            }
            Ok(None)
        }
        .boxed()
    }
}
