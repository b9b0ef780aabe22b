//! HANDS: an object on its way into a store, piece by piece: one piece is sent while the next one is gathered. What it holds is
//! decided elsewhere.

use bytes::{Bytes, BytesMut};
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStoreExt as _, PutPayload};
use tokio::task::JoinHandle;

use super::destination::Place;
use super::trouble::Trouble;

/// Bytes of a piece. S3 wants 5 MiB or more and at most 10,000 pieces, so that an object can have 60 GB; two pieces are in memory
/// for each object that is being written.
const PIECE: u64 = 6 * 1024 * 1024;
/// Pieces that an object whose length is known is cut into at most: some below S3's limit, for what encryption adds.
const PIECES: u64 = 9_000;

/// An object that is being written. One that is not ended is given up.
pub struct Upload {
    place: Place,
    key: Path,
    piece: usize,
    buffer: BytesMut,
    multipart: Option<Box<dyn MultipartUpload>>,
    under_way: Option<JoinHandle<object_store::Result<()>>>,
}

impl Upload {
    /// Begins an object of this key. Nothing is sent yet.
    pub fn new(place: &Place, key: &str) -> Result<Self, Trouble> {
        Self::of(place, key, 0)
    }

    /// Begins an object that will have about so many bytes; of a very large one the pieces are larger.
    pub fn of(place: &Place, key: &str, bytes: u64) -> Result<Self, Trouble> {
        Ok(Self {
            place: place.clone(),
            key: place.path(key)?,
            piece: usize::try_from(PIECE.max(bytes.div_ceil(PIECES))).unwrap_or(usize::MAX),
            buffer: BytesMut::new(),
            multipart: None,
            under_way: None,
        })
    }

    /// Takes the next bytes.
    pub async fn push(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.buffer.extend_from_slice(bytes);
        while self.buffer.len() >= self.piece {
            let piece = self.buffer.split_to(self.piece).freeze();
            self.ship(piece).await?;
        }
        Ok(())
    }

    async fn ship(&mut self, piece: Bytes) -> Result<(), Trouble> {
        self.settle().await?;
        if self.multipart.is_none() {
            let begun = self.place.store().put_multipart(&self.key).await;
            self.multipart = Some(begun.map_err(|error| self.trouble(&error))?);
        }
        if let Some(multipart) = &mut self.multipart {
            self.under_way = Some(tokio::spawn(multipart.put_part(PutPayload::from_bytes(piece))));
        }
        Ok(())
    }

    async fn settle(&mut self) -> Result<(), Trouble> {
        let Some(under_way) = self.under_way.take() else {
            return Ok(());
        };
        match under_way.await {
            Ok(sent) => sent.map_err(|error| self.trouble(&error)),
            Err(error) => Err(self.trouble(&object_store::Error::Generic {
                store: "upload",
                source: Box::new(error),
            })),
        }
    }

    /// Ends the object: from now on it is there.
    pub async fn end(mut self) -> Result<(), Trouble> {
        let rest = std::mem::take(&mut self.buffer).freeze();
        if self.multipart.is_none() {
            let put = self
                .place
                .store()
                .put(&self.key, PutPayload::from_bytes(rest))
                .await;
            return put.map(drop).map_err(|error| self.trouble(&error));
        }
        if !rest.is_empty() {
            self.ship(rest).await?;
        }
        self.settle().await?;
        if let Some(mut multipart) = self.multipart.take()
            && let Err(error) = multipart.complete().await
        {
            let trouble = self.trouble(&error);
            self.multipart = Some(multipart);
            return Err(trouble);
        }
        Ok(())
    }

    fn trouble(&self, error: &object_store::Error) -> Trouble {
        self.place.trouble(&format!("write {}", self.key), error)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let under_way = self.under_way.take();
        if let Some(task) = &under_way {
            task.abort();
        }
        // Pieces of an upload that is never completed cost money and are seen in no listing.
        if let (Some(mut multipart), Ok(runtime)) =
            (self.multipart.take(), tokio::runtime::Handle::try_current())
        {
            runtime.spawn(async move {
                if let Some(task) = under_way {
                    drop(task.await);
                }
                drop(multipart.abort().await);
            });
        }
    }
}
