//! HANDS: shared copies of artifacts in a destination: named by what tells one content from another, made once, taken back.
//! Encrypted like the sets that need them. What is copied is decided elsewhere.

use std::io;

use age::x25519::Identity;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use kfp_backup::layout::{ENCRYPTED, Home, encrypted};
use object_store::{GetOptions, ObjectStore as _};
use sha2::{Digest as _, Sha256};

use super::artifacts::ArtifactLine;
use super::destination::Place;
use super::meter::Meter;
use super::seal::{self, Recipients, Sealer};
use super::trouble::Trouble;
use super::upload::Upload;
use crate::digest::hex;

/// Bytes of a piece of an age stream, and of the tag behind each (age-encryption.org/v1, "Payload").
const CHUNK: u64 = 64 * 1024;
const TAG: u64 = 16;
/// Bytes of the nonce before an age stream's first piece.
const NONCE: u64 = 16;

/// Where copies lie, and to whom they are encrypted.
pub struct Copies<'a> {
    /// The destination.
    pub destination: &'a Place,
    /// The home of the installation's sets.
    pub home: &'a Home,
    /// To whom; to nobody where sets are not encrypted as a whole.
    pub recipients: Option<&'a Recipients>,
}

impl Copies<'_> {
    /// The name of the copy of what a line says: a digest of what tells one content from another without reading it, and of
    /// whoever can open the copy.
    #[must_use]
    pub fn name(&self, bucket: &str, line: &ArtifactLine) -> String {
        let mut digest = Sha256::new();
        let mut part = |text: &str| {
            digest.update(text.as_bytes());
            digest.update([0]);
        };
        part(bucket);
        part(&line.key);
        part(line.etag.as_deref().unwrap_or_default());
        part(&line.bytes.to_string());
        for recipient in self.recipients.iter().flat_map(|recipients| recipients.texts()) {
            part(&recipient);
        }
        let name = hex(&digest.finalize());
        match self.recipients {
            Some(_) => encrypted(&name),
            None => name,
        }
    }

    /// Copies an object unless its copy is there; whether it was copied. A credential that may not look copies again, to the same
    /// name.
    pub async fn keep(
        &self,
        bucket: &Place,
        line: &ArtifactLine,
        name: &str,
        meter: &Meter,
    ) -> Result<bool, Trouble> {
        let key = self.home.shared(name);
        match self.destination.look(&key).await {
            Ok(Some(there)) if fits(name, line.bytes, there.size) => {
                meter.add(line.bytes, 0);
                return Ok(false);
            }
            Ok(_) => {}
            Err(trouble) if trouble.reason == "DestinationDenied" => {}
            Err(trouble) => return Err(trouble),
        }
        let from = stored(bucket, &line.key, line.etag.clone()).await?;
        let sealer = self.recipients.map(Recipients::seal).transpose()?;
        transfer(from, sealer, (self.destination, &key), line, meter).await?;
        Ok(true)
    }
}

/// Puts what a copy of this name holds into a bucket.
pub async fn take_back(
    (destination, home): (&Place, &Home),
    name: &str,
    identity: Option<&Identity>,
    bucket: &Place,
    line: &ArtifactLine,
    meter: &Meter,
) -> Result<(), Trouble> {
    let key = home.shared(name);
    let mut from = stored(destination, &key, None).await?;
    if is_sealed(name) {
        let opened = seal::open(identity, &format!("the copy of artifact {}", line.key), from).await;
        from = opened.map_err(|error| unreadable(&error, line))?;
    }
    transfer(from, None, (bucket, &line.key), line, meter).await
}

fn is_sealed(name: &str) -> bool {
    name.ends_with(ENCRYPTED)
}

/// Whether a copy of this name that takes up `stored` bytes can hold `plain` bytes. Of one that is encrypted the length of its
/// head is not known; its end is told by the encryption itself.
#[must_use]
pub fn fits(name: &str, plain: u64, stored: u64) -> bool {
    if is_sealed(name) {
        stored > NONCE + plain + TAG * plain.div_ceil(CHUNK).max(1)
    } else {
        stored == plain
    }
}

/// Reason: an object is not what it was when it was listed.
pub const CHANGING: &str = "BucketChanging";

/// What an object holds, as it comes. With an `ETag`, only if it still is of that.
async fn stored(
    place: &Place,
    key: &str,
    etag: Option<String>,
) -> Result<BoxStream<'static, io::Result<Bytes>>, Trouble> {
    let options = GetOptions {
        if_match: etag,
        ..GetOptions::default()
    };
    let result = match place.store().get_opts(&place.path(key)?, options).await {
        Ok(result) => result,
        Err(object_store::Error::Precondition { .. }) => {
            return Err(Trouble::passing(
                CHANGING,
                format!("{key} was changed after it was listed; the next backup will take it"),
            ));
        }
        Err(error) => return Err(place.trouble(&format!("read {key}"), &error)),
    };
    let (place, key) = (place.clone(), key.to_owned());
    let stream = result
        .into_stream()
        .map_err(move |error| io::Error::other(place.trouble(&format!("read {key}"), &error)));
    Ok(stream.boxed())
}

/// Moves the content of what a line says to a store, with the memory of two pieces.
async fn transfer(
    mut from: BoxStream<'static, io::Result<Bytes>>,
    mut sealer: Option<Sealer>,
    (place, key): (&Place, &str),
    line: &ArtifactLine,
    meter: &Meter,
) -> Result<(), Trouble> {
    let mut upload = Upload::of(place, key, line.bytes)?;
    let mut moved = 0_u64;
    while let Some(plain) = from.try_next().await.map_err(|error| unreadable(&error, line))? {
        moved += plain.len() as u64;
        meter.add(plain.len() as u64, 0);
        match &mut sealer {
            Some(sealer) => upload.push(&sealer.push(&plain)?).await?,
            None => upload.push(&plain).await?,
        }
    }
    if moved != line.bytes {
        return Err(Trouble::passing(
            CHANGING,
            format!(
                "{} had {} bytes when it was listed and {moved} when it was read; the next backup will take it",
                line.key, line.bytes
            ),
        ));
    }
    if let Some(sealer) = sealer {
        upload.push(&sealer.finish()?).await?;
    }
    upload.end().await
}

fn unreadable(error: &io::Error, line: &ArtifactLine) -> Trouble {
    Trouble::within(error).unwrap_or_else(|| {
        Trouble::lasting(
            "CopyDamaged",
            format!(
                "the copy of artifact {} cannot be decrypted: {error}; use another set",
                line.key
            ),
        )
    })
}

#[cfg(test)]
mod tests;
