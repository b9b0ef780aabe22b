//! EYES AND HANDS: artifacts of the installation's bucket: listed, told with their versions, or copied where no earlier set has a
//! copy. Which objects rows refer to was collected from the dump.

use std::collections::BTreeSet;

use futures::{StreamExt as _, TryStreamExt as _};
use kfp_backup::layout::{self, Home};
use kfp_backup::manifest::{ArtifactsMode, ArtifactsRecord, Listed};
use object_store::{ObjectMeta, ObjectStoreExt as _, PutPayload};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::destination::Place;
use super::meter::Meter;
use super::parts::Parts;
use super::references::Keys;
use super::trouble::{Kind, Side, Trouble, classify};
use crate::digest::hex;

/// Requests about artifacts at the same time.
const LOOKS: usize = 16;
/// Artifacts that are copied at the same time.
const COPIES: usize = 3;
/// Bytes of a piece of a copy; grows so that S3's 10,000 pieces suffice for any object.
const PIECE: u64 = 6 * 1024 * 1024;

/// A line of the list of artifacts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactLine {
    /// Key in the bucket.
    pub key: String,
    /// Bytes.
    pub bytes: u64,
    /// `ETag`, as the store tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Id of the version, where the bucket keeps versions and it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Name of the shared copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<String>,
}

/// What is done about artifacts, and where.
pub struct Artifacts<'a> {
    /// The installation's bucket.
    pub bucket: &'a Place,
    /// Where sets lie.
    pub destination: &'a Place,
    /// The home of the installation's sets.
    pub home: &'a Home,
    /// Name of the bucket.
    pub name: &'a str,
    /// What is done.
    pub mode: ArtifactsMode,
}

/// Lists, looks at or copies the objects that rows refer to.
pub async fn artifacts(
    what: &Artifacts<'_>,
    keys: Keys,
    elsewhere: Listed<String>,
    parts: &Parts,
    meter: &Meter,
) -> Result<ArtifactsRecord, Trouble> {
    let mut record = ArtifactsRecord {
        mode: what.mode,
        elsewhere,
        ..ArtifactsRecord::default()
    };
    if what.mode == ArtifactsMode::None {
        return Ok(record);
    }
    let mut lines = parts.lines(layout::ARTIFACTS)?;
    let mut shared = BTreeSet::new();
    let mut lookup = keys.ready();
    let listing = what.bucket.store().list(None);
    let at_once = if what.mode == ArtifactsMode::IncrementalCopy {
        COPIES
    } else {
        LOOKS
    };
    // The listing is asked for what rows refer to as it comes, so that a bucket of any size passes through little memory.
    let mut found = listing
        .map_err(|error| what.bucket.trouble("list everything", &error))
        .try_filter(|meta| std::future::ready(lookup.refers(meta.location.as_ref())))
        .map_ok(|meta| one(what, meta, meter))
        .try_buffer_unordered(at_once)
        .boxed();
    while let Some(done) = found.try_next().await? {
        record.count += 1;
        record.bytes += done.line.bytes;
        if what.mode == ArtifactsMode::Versioning {
            *record.versioned.get_or_insert(false) |= done.line.version.is_some();
        }
        match done.copied {
            Some(true) => {
                record.copied += 1;
                record.copied_bytes += done.line.bytes;
            }
            Some(false) => record.reused += 1,
            None => {}
        }
        shared.extend(done.line.copy.clone());
        lines.line(&done.line).await?;
    }
    drop(found);
    record.missing = lookup.missing()?;
    lines.end().await?;
    if what.mode == ArtifactsMode::IncrementalCopy {
        let mut names = parts.lines_for(layout::SHARED, None)?;
        for name in shared {
            names.bytes(format!("{name}\n").as_bytes()).await?;
        }
        names.end().await?;
    }
    Ok(record)
}

struct Found {
    line: ArtifactLine,
    /// Whether it was copied now; `None` where nothing is copied.
    copied: Option<bool>,
}

async fn one(what: &Artifacts<'_>, meta: ObjectMeta, meter: &Meter) -> Result<Found, Trouble> {
    let mut line = ArtifactLine {
        key: meta.location.to_string(),
        bytes: meta.size,
        etag: meta.e_tag.clone(),
        version: None,
        copy: None,
    };
    match what.mode {
        ArtifactsMode::Versioning => {
            let looked = what.bucket.look(&line.key).await?;
            // Buckets that never kept versions say nothing, or `null`.
            line.version = looked
                .and_then(|meta| meta.version)
                .filter(|version| version != "null");
            meter.add(0, 0);
            Ok(Found { line, copied: None })
        }
        ArtifactsMode::IncrementalCopy => {
            let name = copy_name(what.name, &line);
            let copied = copy(what, &meta, &name, meter).await?;
            line.copy = Some(name);
            Ok(Found {
                line,
                copied: Some(copied),
            })
        }
        ArtifactsMode::None | ArtifactsMode::Manifest => Ok(Found { line, copied: None }),
    }
}

/// The name of a shared copy: a digest of what tells one content from another without reading it.
fn copy_name(bucket: &str, line: &ArtifactLine) -> String {
    let mut digest = Sha256::new();
    for part in [
        bucket,
        &line.key,
        line.etag.as_deref().unwrap_or_default(),
        &line.bytes.to_string(),
    ] {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    hex(&digest.finalize())
}

/// Copies an object unless a copy of this name is there. A credential that may not look copies again, to the same name.
async fn copy(what: &Artifacts<'_>, meta: &ObjectMeta, name: &str, meter: &Meter) -> Result<bool, Trouble> {
    let key = what.home.shared(name);
    match what.destination.look(&key).await {
        Ok(Some(there)) if there.size == meta.size => {
            meter.add(meta.size, 0);
            return Ok(false);
        }
        Ok(_) => {}
        Err(trouble) if trouble.reason == "DestinationDenied" => {}
        Err(trouble) => return Err(trouble),
    }
    transfer(
        (what.bucket, meta.location.as_ref()),
        (what.destination, &key),
        meta.size,
        meter,
    )
    .await?;
    Ok(true)
}

/// Moves an object's content from one store to another with the memory of two pieces.
pub async fn transfer(
    from: (&Place, &str),
    to: (&Place, &str),
    bytes: u64,
    meter: &Meter,
) -> Result<(), Trouble> {
    let (source, key) = from;
    let (target, name) = to;
    let reading = |error: &object_store::Error| source.trouble(&format!("read {key}"), error);
    let writing = |error: &object_store::Error| target.trouble(&format!("write {name}"), error);
    let piece = usize::try_from(PIECE.max(bytes.div_ceil(9_000))).unwrap_or(usize::MAX);
    let result = source
        .store()
        .get(&source.path(key)?)
        .await
        .map_err(|error| reading(&error))?;
    let mut stream = result.into_stream();
    let path = target.path(name)?;
    let mut buffer = bytes::BytesMut::new();
    let mut upload: Option<Upload> = None;
    let mut moved = 0_u64;
    loop {
        let next = stream.try_next().await.map_err(|error| reading(&error))?;
        let Some(next) = next else { break };
        moved += next.len() as u64;
        meter.add(next.len() as u64, 0);
        buffer.extend_from_slice(&next);
        while buffer.len() >= piece {
            let full = buffer.split_to(piece).freeze();
            let open = match &mut upload {
                Some(open) => open,
                none => {
                    let begun = target.store().put_multipart(&path).await;
                    none.insert(Upload(Some(begun.map_err(|error| writing(&error))?)))
                }
            };
            open.piece(full).await.map_err(|error| writing(&error))?;
        }
    }
    if moved != bytes {
        return Err(Trouble::passing(
            "BucketChanging",
            format!(
                "{key} had {bytes} bytes when it was listed and {moved} when it was read; the next backup will take it"
            ),
        ));
    }
    let rest = buffer.freeze();
    let done = match upload {
        None => target
            .store()
            .put(&path, PutPayload::from_bytes(rest))
            .await
            .map(drop),
        Some(mut upload) => upload.end(rest).await,
    };
    done.map_err(|error| writing(&error))
}

/// An upload that is given up when it is not ended.
struct Upload(Option<Box<dyn object_store::MultipartUpload>>);

impl Upload {
    async fn piece(&mut self, bytes: bytes::Bytes) -> object_store::Result<()> {
        match &mut self.0 {
            Some(upload) => upload.put_part(PutPayload::from_bytes(bytes)).await,
            None => Ok(()),
        }
    }

    async fn end(&mut self, rest: bytes::Bytes) -> object_store::Result<()> {
        if !rest.is_empty() {
            self.piece(rest).await?;
        }
        if let Some(upload) = &mut self.0 {
            upload.complete().await?;
        }
        self.0 = None;
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let (Some(mut upload), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move { drop(upload.abort().await) });
        }
    }
}

/// Whether the bucket still holds what a line says.
pub async fn holds(bucket: &Place, line: &ArtifactLine) -> Result<bool, Trouble> {
    let path = bucket.path(&line.key)?;
    match bucket.store().head(&path).await {
        Ok(meta) => Ok(meta.size == line.bytes && (line.etag.is_none() || meta.e_tag == line.etag)),
        Err(error) if classify(&error) == Kind::Missing => Ok(false),
        Err(error) => Err(Side::Bucket.trouble(&format!("look at {}", line.key), &error)),
    }
}
