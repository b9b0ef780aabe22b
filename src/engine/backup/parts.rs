//! HANDS: parts on their way into a destination: encrypted when asked, digested as they are stored, uploaded piece by piece.
//! What a part holds is decided elsewhere.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use kfp_backup::layout::encrypted;
use kfp_backup::part::Part;
use kfp_database::parts::{PartError, PartWriter, Sink};
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStoreExt as _, PutPayload};
use sha2::{Digest as _, Sha256};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::destination::Place;
use super::lines::Lines;
use super::seal::{Recipients, Sealer};
use super::trouble::{Side, Trouble};
use crate::digest::hex;

/// Bytes of a piece of an upload. S3 wants 5 MiB or more and at most 10,000 pieces, so that a part can have 60 GB; two of them
/// are in memory for each part that is being written.
const PIECE: usize = 6 * 1024 * 1024;

/// The parts of one attempt.
#[derive(Clone)]
pub struct Parts(Arc<Inner>);

struct Inner {
    place: Place,
    folder: String,
    recipients: Option<Recipients>,
    kept: Mutex<BTreeMap<String, Part>>,
    begun: CancellationToken,
}

impl Parts {
    /// Parts below this folder, encrypted to these recipients.
    #[must_use]
    pub fn new(place: Place, folder: String, recipients: Option<Recipients>) -> Self {
        Self(Arc::new(Inner {
            place,
            folder,
            recipients,
            kept: Mutex::default(),
            begun: CancellationToken::new(),
        }))
    }

    /// Waits until the ledger's room begins its first part.
    pub async fn begun(&self) {
        self.0.begun.cancelled().await;
    }

    /// The parts that were finished, in the order of their paths.
    #[must_use]
    pub fn kept(&self) -> Vec<Part> {
        let kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.values().cloned().collect()
    }

    /// Begins a part that is encrypted to these recipients, whatever is done with the others.
    pub fn begin_for(&self, path: &str, recipients: Option<&Recipients>) -> Result<Writer, Trouble> {
        let path = match recipients {
            Some(_) => encrypted(path),
            None => path.to_owned(),
        };
        let key = self.0.place.path(&format!("{}/{path}", self.0.folder))?;
        Ok(Writer {
            parts: self.clone(),
            key,
            path,
            sealer: recipients.map(Recipients::seal).transpose()?,
            buffer: BytesMut::new(),
            digest: Sha256::new(),
            stored: 0,
            upload: None,
            under_way: None,
        })
    }

    /// Begins a part of lines of JSON, encrypted like most.
    pub fn lines(&self, path: &str) -> Result<Lines, Trouble> {
        Lines::new(self.begin_for(path, self.0.recipients.as_ref())?)
    }

    /// Begins a part of lines that is encrypted to these recipients or to nobody.
    pub fn lines_for(&self, path: &str, recipients: Option<&Recipients>) -> Result<Lines, Trouble> {
        Lines::new(self.begin_for(path, recipients)?)
    }

    /// Begins a part encrypted like most.
    pub fn part(&self, path: &str) -> Result<Writer, Trouble> {
        self.begin_for(path, self.0.recipients.as_ref())
    }
}

impl Sink for Parts {
    fn begin(&self, path: &str) -> BoxFuture<'_, Result<Box<dyn PartWriter>, PartError>> {
        let path = path.to_owned();
        self.0.begun.cancel();
        async move {
            match self.part(&path) {
                Ok(writer) => Ok(Box::new(writer) as Box<dyn PartWriter>),
                Err(trouble) => Err(part_error(&path, trouble)),
            }
        }
        .boxed()
    }
}

/// A trouble as the ledger's rooms want it.
pub fn part_error(path: &str, trouble: Trouble) -> PartError {
    PartError {
        path: path.to_owned(),
        reason: trouble.reason,
        why: trouble.message,
        retry: trouble.retry,
    }
}

/// A part being written.
pub struct Writer {
    parts: Parts,
    key: Path,
    path: String,
    sealer: Option<Sealer>,
    buffer: BytesMut,
    digest: Sha256,
    stored: u64,
    upload: Option<Box<dyn MultipartUpload>>,
    under_way: Option<JoinHandle<object_store::Result<()>>>,
}

impl Writer {
    /// Takes the next bytes.
    pub async fn push(&mut self, plain: Bytes) -> Result<(), Trouble> {
        let bytes = match &mut self.sealer {
            Some(sealer) => sealer.push(&plain)?,
            None => plain,
        };
        self.store(&bytes).await
    }

    async fn store(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.digest.update(bytes);
        self.stored += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        while self.buffer.len() >= PIECE {
            let piece = self.buffer.split_to(PIECE).freeze();
            self.ship(piece).await?;
        }
        Ok(())
    }

    /// Sends a piece while the next one is gathered.
    async fn ship(&mut self, piece: Bytes) -> Result<(), Trouble> {
        self.settle().await?;
        if self.upload.is_none() {
            let begun = self.parts.0.place.store().put_multipart(&self.key).await;
            self.upload = Some(begun.map_err(|error| self.trouble(&error))?);
        }
        if let Some(upload) = &mut self.upload {
            self.under_way = Some(tokio::spawn(upload.put_part(PutPayload::from_bytes(piece))));
        }
        Ok(())
    }

    async fn settle(&mut self) -> Result<(), Trouble> {
        let Some(under_way) = self.under_way.take() else {
            return Ok(());
        };
        match under_way.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.trouble(&error)),
            Err(error) => Err(Trouble::passing(
                "DestinationFailed",
                format!("an upload ended: {error}"),
            )),
        }
    }

    /// Ends the part.
    pub async fn end(mut self, plain_bytes: u64) -> Result<Part, Trouble> {
        if let Some(sealer) = self.sealer.take() {
            let rest = sealer.finish()?;
            self.store(&rest).await?;
        }
        let rest = std::mem::take(&mut self.buffer).freeze();
        if self.upload.is_none() {
            let put = self
                .parts
                .0
                .place
                .store()
                .put(&self.key, PutPayload::from_bytes(rest))
                .await;
            put.map_err(|error| self.trouble(&error))?;
        } else {
            if !rest.is_empty() {
                self.ship(rest).await?;
            }
            self.settle().await?;
            if let Some(mut upload) = self.upload.take()
                && let Err(error) = upload.complete().await
            {
                let trouble = self.trouble(&error);
                self.upload = Some(upload);
                return Err(trouble);
            }
        }
        let part = Part {
            path: self.path.clone(),
            bytes: self.stored,
            sha256: hex(&std::mem::take(&mut self.digest).finalize()),
            plain_bytes,
        };
        let mut kept = self.parts.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(part.path.clone(), part.clone());
        drop(kept);
        Ok(part)
    }

    fn trouble(&self, error: &object_store::Error) -> Trouble {
        Side::Destination.trouble(&format!("write {}", self.key), error)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let under_way = self.under_way.take();
        if let Some(task) = &under_way {
            task.abort();
        }
        // Pieces of an upload that is never completed cost money and are seen in no listing.
        if let (Some(mut upload), Ok(runtime)) = (self.upload.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move {
                if let Some(task) = under_way {
                    drop(task.await);
                }
                drop(upload.abort().await);
            });
        }
    }
}

impl PartWriter for Writer {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), PartError>> {
        async move {
            match self.push(bytes).await {
                Ok(()) => Ok(()),
                Err(trouble) => Err(part_error(&self.path, trouble)),
            }
        }
        .boxed()
    }

    fn finish(self: Box<Self>, plain_bytes: u64) -> BoxFuture<'static, Result<Part, PartError>> {
        let path = self.path.clone();
        async move {
            self.end(plain_bytes)
                .await
                .map_err(|trouble| part_error(&path, trouble))
        }
        .boxed()
    }
}

/// SHA-256 in lower-case hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests;
