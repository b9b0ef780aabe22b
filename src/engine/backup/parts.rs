//! HANDS: parts on their way into a destination: encrypted when asked, and digested as they are stored. What a part holds is
//! decided elsewhere.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use kfp_backup::layout::encrypted;
use kfp_backup::part::Part;
use kfp_database::parts::{PartError, PartWriter, Sink};
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use super::destination::Place;
use super::lines::Lines;
use super::seal::{Recipients, Sealer};
use super::trouble::Trouble;
use super::upload::Upload;
use crate::digest::hex;

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
        Ok(Writer {
            parts: self.clone(),
            upload: Upload::new(&self.0.place, &format!("{}/{path}", self.0.folder))?,
            path,
            sealer: recipients.map(Recipients::seal).transpose()?,
            digest: Sha256::new(),
            stored: 0,
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
    path: String,
    sealer: Option<Sealer>,
    digest: Sha256,
    stored: u64,
    upload: Upload,
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
        self.upload.push(bytes).await
    }

    /// Ends the part.
    pub async fn end(mut self, plain_bytes: u64) -> Result<Part, Trouble> {
        if let Some(sealer) = self.sealer.take() {
            let rest = sealer.finish()?;
            self.store(&rest).await?;
        }
        Box::pin(self.upload.end()).await?;
        let part = Part {
            path: self.path,
            bytes: self.stored,
            sha256: hex(&self.digest.finalize()),
            plain_bytes,
        };
        let mut kept = self.parts.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(part.path.clone(), part.clone());
        drop(kept);
        Ok(part)
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
