//! EYES: parts on their way out of a destination: resumed when the line is cut, held against the manifest's lengths and
//! digests, decrypted when a key is given. What a part holds is understood elsewhere.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use age::x25519::Identity;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt as _, Stream, StreamExt as _};
use kfp_backup::part::Part;
use kfp_database::parts::{PartError, PartReader, Source};
use object_store::{GetOptions, GetRange};
use sha2::{Digest as _, Sha256};

use super::destination::Place;
use super::parts::part_error;
use super::seal;
use super::trouble::{Kind, Side, Trouble, classify};
use crate::digest::hex;

/// How often a part's reading is taken up again after the line was cut.
const RESUMES: u32 = 5;
/// Pause before each.
const RESUME_PAUSE: Duration = Duration::from_secs(1);

/// The parts of one set.
#[derive(Clone)]
pub struct SetReader(Arc<Inner>);

struct Inner {
    place: Place,
    folder: String,
    parts: BTreeMap<String, Part>,
    identity: Option<Identity>,
}

impl SetReader {
    /// The parts that a manifest lists, below this folder.
    #[must_use]
    pub fn new(place: Place, folder: String, parts: Vec<Part>, identity: Option<Identity>) -> Self {
        Self(Arc::new(Inner {
            place,
            folder,
            parts: parts.into_iter().map(|part| (part.path.clone(), part)).collect(),
            identity,
        }))
    }

    /// Whether this part can be read beyond its stored bytes.
    #[must_use]
    pub fn readable(&self, part: &Part) -> bool {
        !part.encrypted() || self.0.identity.is_some()
    }

    /// The key that was given.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity> {
        self.0.identity.as_ref()
    }

    fn known(&self, path: &str) -> Result<Part, Trouble> {
        self.0.parts.get(path).cloned().ok_or_else(|| {
            Trouble::lasting(
                "PartMissing",
                format!("the manifest lists no part {path}; use another set"),
            )
        })
    }

    /// The bytes of a part, decrypted and still compressed.
    pub async fn read(&self, path: &str) -> Result<Reading, Trouble> {
        let part = self.known(path)?;
        let raw = self.raw(part.clone());
        let plain: BoxStream<'static, io::Result<Bytes>> = if part.encrypted() {
            let opened = seal::open(self.0.identity.as_ref(), &format!("part {path}"), raw).await;
            match opened {
                Ok(plain) => plain,
                Err(error) => return Err(self.explain(&part, &error).await),
            }
        } else {
            raw.boxed()
        };
        Ok(Reading {
            source: self.clone(),
            part,
            plain,
        })
    }

    /// A part's bytes, decrypted and still compressed, in memory.
    pub async fn whole(&self, path: &str) -> Result<Vec<u8>, Trouble> {
        let mut reading = self.read(path).await?;
        let mut bytes = Vec::new();
        while let Some(piece) = reading.next().await? {
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    /// Reads a part's stored bytes and holds them against the manifest.
    pub async fn check(&self, path: &str) -> Result<u64, Trouble> {
        let part = self.known(path)?;
        let mut raw = self.raw(part.clone()).boxed();
        let mut bytes = 0;
        while let Some(piece) = raw.next().await {
            bytes += piece.map_err(|error| trouble_of(&error, &part))?.len() as u64;
        }
        Ok(bytes)
    }

    /// The stored bytes of a part; ends with an error when they are not what the manifest says.
    fn raw(&self, part: Part) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let state = Raw {
            source: self.clone(),
            part,
            stream: None,
            offset: 0,
            resumes: 0,
            digest: Sha256::new(),
        };
        futures::stream::try_unfold(Some(state), |state| async move {
            let Some(mut state) = state else {
                return Ok(None);
            };
            match state.next().await {
                Ok(Some(bytes)) => Ok(Some((bytes, Some(state)))),
                Ok(None) => state.conclude().map(|()| None),
                Err(trouble) => Err(trouble),
            }
            .map_err(io::Error::other)
        })
    }

    /// Why decryption failed: what was stored is damaged, or else the key is the wrong one.
    async fn explain(&self, part: &Part, error: &io::Error) -> Trouble {
        if let Some(trouble) = Trouble::within(error) {
            return trouble;
        }
        match self.check(&part.path).await {
            Err(trouble) => trouble,
            Ok(_) => trouble_of(error, part),
        }
    }

    /// What is wrong with the stored bytes of a part that made no sense to its reader, if anything is.
    pub async fn diagnose(&self, path: &str) -> Option<Trouble> {
        self.check(path).await.err()
    }
}

/// The state of reading stored bytes.
struct Raw {
    source: SetReader,
    part: Part,
    stream: Option<BoxStream<'static, object_store::Result<Bytes>>>,
    offset: u64,
    resumes: u32,
    digest: Sha256,
}

impl Raw {
    async fn next(&mut self) -> Result<Option<Bytes>, Trouble> {
        loop {
            let failed = match &mut self.stream {
                None => match self.begin().await {
                    Ok(stream) => {
                        self.stream = Some(stream);
                        continue;
                    }
                    Err(error) => error,
                },
                Some(stream) => match stream.next().await {
                    None => return Ok(None),
                    Some(Ok(bytes)) if bytes.is_empty() => continue,
                    Some(Ok(bytes)) => {
                        self.digest.update(&bytes);
                        self.offset += bytes.len() as u64;
                        if self.offset > self.part.bytes {
                            // What is too much is digested, to tell whose it is, and handed to nobody.
                            continue;
                        }
                        return Ok(Some(bytes));
                    }
                    Some(Err(error)) => error,
                },
            };
            self.stream = None;
            self.resume(&failed).await?;
        }
    }

    async fn begin(&mut self) -> object_store::Result<BoxStream<'static, object_store::Result<Bytes>>> {
        let inner = &self.source.0;
        let key = object_store::path::Path::parse(format!("{}/{}", inner.folder, self.part.path))?;
        let range = (self.offset > 0).then_some(GetRange::Offset(self.offset));
        let options = GetOptions {
            range,
            ..GetOptions::default()
        };
        Ok(inner.place.store().get_opts(&key, options).await?.into_stream())
    }

    async fn resume(&mut self, error: &object_store::Error) -> Result<(), Trouble> {
        let path = &self.part.path;
        if classify(error) == Kind::Missing {
            return Err(Trouble::lasting(
                "PartMissing",
                format!("part {path} is not in the destination; the set cannot be restored, use another one"),
            ));
        }
        let trouble = Side::Destination.trouble(&format!("read part {path}"), error);
        if !trouble.retry || self.resumes >= RESUMES {
            return Err(trouble);
        }
        self.resumes += 1;
        tokio::time::sleep(RESUME_PAUSE).await;
        Ok(())
    }

    /// Holds what was read against the manifest.
    fn conclude(self) -> Result<(), Trouble> {
        let digest = hex(&self.digest.finalize());
        let (part, bytes) = (self.part, self.offset);
        if digest == part.sha256 && bytes == part.bytes {
            return Ok(());
        }
        let path = &part.path;
        let others = self.source.0.parts.values();
        if let Some(other) = others
            .into_iter()
            .find(|other| other.sha256 == digest && other.bytes == bytes)
        {
            return Err(Trouble::lasting(
                "PartSwapped",
                format!(
                    "part {path} holds what belongs to {}: files were mixed up; use another set",
                    other.path
                ),
            ));
        }
        if bytes < part.bytes {
            return Err(Trouble::lasting(
                "PartTruncated",
                format!("part {path} has {bytes} of {} bytes; use another set", part.bytes),
            ));
        }
        Err(Trouble::lasting(
            "PartDamaged",
            format!("part {path} was changed after it was written: its SHA-256 is {digest}; use another set"),
        ))
    }
}

fn trouble_of(error: &io::Error, part: &Part) -> Trouble {
    Trouble::within(error).unwrap_or_else(|| {
        Trouble::lasting(
            "DecryptionFailed",
            format!("part {} cannot be decrypted: {error}; see that the key is that of one of the set's recipients", part.path),
        )
    })
}

/// A part being read.
pub struct Reading {
    source: SetReader,
    part: Part,
    plain: BoxStream<'static, io::Result<Bytes>>,
}

impl Reading {
    /// The next bytes; `None` when the part is whole.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Trouble> {
        match self.plain.next().await {
            None => Ok(None),
            Some(Ok(bytes)) => Ok(Some(bytes)),
            Some(Err(error)) => Err(self.source.explain(&self.part, &error).await),
        }
    }

    /// What is wrong with the stored bytes, if anything is.
    pub async fn diagnose(&self) -> Option<Trouble> {
        self.source.diagnose(&self.part.path).await
    }
}

impl PartReader for Reading {
    fn read(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, PartError>> {
        async move {
            match self.next().await {
                Ok(bytes) => Ok(bytes),
                Err(trouble) => Err(part_error(&self.part.path, trouble)),
            }
        }
        .boxed()
    }
}

impl Source for SetReader {
    fn open(&self, path: &str) -> BoxFuture<'_, Result<Box<dyn PartReader>, PartError>> {
        let path = path.to_owned();
        async move {
            match self.read(&path).await {
                Ok(reading) => Ok(Box::new(reading) as Box<dyn PartReader>),
                Err(trouble) => Err(part_error(&path, trouble)),
            }
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests;
