//! EYES AND HANDS: the installation's bucket in a set: compiled pipelines are always copied, artifacts as is asked for. What is
//! referred to was collected from the rows.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _};
use kfp_backup::layout::{self, Home};
use kfp_backup::manifest::{ArtifactsMode, ArtifactsRecord, Listed, SpecsRecord};
use object_store::{ObjectMeta, ObjectStoreExt as _, PutPayload};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::destination::Place;
use super::meter::Meter;
use super::parts::{Lines, Parts, hex, sha256};
use super::references::{FOLDER, Keys, Version, key_in};
use super::trouble::{Kind, Side, Trouble, classify};

/// Plain bytes of an archive of specs, after which the next one begins.
const ARCHIVE: u64 = 64 * 1024 * 1024;
/// Requests about artifacts at the same time.
const LOOKS: usize = 16;
/// Artifacts that are copied at the same time.
const COPIES: usize = 3;
/// Bytes of a piece of a copy; grows so that S3's 10,000 pieces suffice for any object.
const PIECE: u64 = 6 * 1024 * 1024;

/// A line of the index of specs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SpecLine {
    /// Key in the bucket.
    pub key: String,
    /// Bytes.
    pub bytes: u64,
    /// SHA-256.
    pub sha256: String,
    /// Path of the archive.
    pub archive: String,
    /// Name in the archive: the key, unless an archive cannot hold such a name.
    pub member: String,
}

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

/// Copies compiled pipelines.
pub async fn specs(
    bucket: &Place,
    name: &str,
    versions: &BTreeMap<String, Version>,
    parts: &Parts,
    meter: &Meter,
) -> Result<SpecsRecord, Trouble> {
    let mut there = BTreeSet::new();
    bucket
        .list(FOLDER, |meta| {
            there.insert(meta.location.to_string());
            Ok(())
        })
        .await?;
    let mut wanted = BTreeSet::new();
    let mut missing = Listed::default();
    for (id, version) in versions {
        let uri = key_in(&version.uri, name).unwrap_or(&version.uri).to_owned();
        let mut any = version.has_text;
        for key in [
            uri,
            format!("{FOLDER}/{id}"),
            format!("{FOLDER}/{}", version.pipeline),
        ] {
            if !key.is_empty() && (there.contains(&key) || outside(bucket, &key).await?) {
                wanted.insert(key);
                any = true;
            }
        }
        if !any {
            missing.push(id.clone());
        }
    }
    let mut archives = Archives::new(parts.clone())?;
    let mut record = SpecsRecord {
        missing,
        ..SpecsRecord::default()
    };
    for key in wanted {
        // Deleted since it was listed: then its row was deleted after the moment as well, or nobody can know.
        let Some(content) = bucket.get(&key).await? else {
            record.missing.push(key);
            continue;
        };
        meter.add(content.len() as u64, 0);
        record.count += 1;
        record.bytes += content.len() as u64;
        archives.add(&key, &content).await?;
    }
    archives.end().await?;
    Ok(record)
}

/// Whether a key that does not lie in the usual folder is there. A URL is no key.
async fn outside(bucket: &Place, key: &str) -> Result<bool, Trouble> {
    if key.starts_with(&format!("{FOLDER}/")) || key.contains("://") || bucket.path(key).is_err() {
        return Ok(false);
    }
    Ok(bucket.look(key).await?.is_some())
}

/// Archives of specs and their index.
struct Archives {
    parts: Parts,
    index: Lines,
    open: Option<(Lines, String)>,
    number: u32,
}

impl Archives {
    fn new(parts: Parts) -> Result<Self, Trouble> {
        Ok(Self {
            index: parts.lines(layout::SPECS)?,
            parts,
            open: None,
            number: 0,
        })
    }

    async fn add(&mut self, key: &str, content: &[u8]) -> Result<(), Trouble> {
        let (mut archive, path) = if let Some(open) = self.open.take() {
            open
        } else {
            let path = layout::specs(self.number);
            self.number += 1;
            (self.parts.lines(&path)?, path)
        };
        let digest = sha256(content);
        let (member, head) = header(key, &digest, content.len() as u64)?;
        archive.bytes(&head).await?;
        archive.bytes(content).await?;
        let padding = content.len().next_multiple_of(BLOCK) - content.len();
        archive.bytes(&[0; BLOCK][..padding]).await?;
        let line = SpecLine {
            key: key.to_owned(),
            bytes: content.len() as u64,
            sha256: digest,
            archive: path.clone(),
            member,
        };
        self.index.line(&line).await?;
        if archive.plain() >= ARCHIVE {
            close(archive).await?;
        } else {
            self.open = Some((archive, path));
        }
        Ok(())
    }

    async fn end(self) -> Result<(), Trouble> {
        if let Some((archive, _)) = self.open {
            close(archive).await?;
        }
        self.index.end().await.map(drop)
    }
}

/// Bytes of a block of an archive (POSIX.1-1988, ustar).
const BLOCK: usize = 512;

async fn close(mut archive: Lines) -> Result<(), Trouble> {
    // Two empty blocks end an archive.
    archive.bytes(&[0; 2 * BLOCK]).await?;
    archive.end().await.map(drop)
}

/// The name of an object in an archive and the blocks that announce it. Keys that an archive must not hold (absolute, or with
/// `..`) are named by their content.
fn header(key: &str, digest: &str, bytes: u64) -> Result<(String, Vec<u8>), Trouble> {
    let safe = !key.starts_with('/') && key.split('/').all(|part| !matches!(part, "" | "." | ".."));
    let member = if safe && !key.contains('\0') {
        key.to_owned()
    } else {
        format!("by-content/{digest}")
    };
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes);
    header.set_mode(0o644);
    header.set_mtime(0);
    let mut builder = tar::Builder::new(Vec::new());
    builder
        .append_data(&mut header, &member, std::io::empty())
        .map_err(|error| {
            Trouble::lasting(
                "WriteFailed",
                format!("`{member}` cannot be named in an archive: {error}"),
            )
        })?;
    // Long names take blocks of their own before the header.
    Ok((member, std::mem::take(builder.get_mut())))
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

/// Reads one spec out of an archive's bytes.
pub fn members(
    archive: &[u8],
    mut each: impl FnMut(&str, &[u8]) -> Result<(), Trouble>,
) -> Result<(), Trouble> {
    let broken = |error: std::io::Error| {
        Trouble::lasting(
            "PartMalformed",
            format!("an archive of pipeline specs cannot be read: {error}"),
        )
    };
    let mut archive = tar::Archive::new(archive);
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let name = entry.path().map_err(broken)?.to_string_lossy().into_owned();
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).map_err(broken)?;
        each(&name, &content)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
