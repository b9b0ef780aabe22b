//! EYES: artifacts of the installation's bucket: listed, told with their versions, or copied where no earlier set has a copy.
//! Which objects rows refer to was collected from the dump.

use std::collections::BTreeSet;

use futures::{StreamExt as _, TryStreamExt as _};
use kfp_backup::layout;
use kfp_backup::manifest::{ArtifactsMode, ArtifactsRecord, Listed};
use object_store::ObjectStoreExt as _;
use serde::{Deserialize, Serialize};

use super::copies::{CHANGING, Copies};
use super::destination::Place;
use super::listing::Entry;
use super::meter::Meter;
use super::parts::Parts;
use super::references::Keys;
use super::trouble::{Kind, Side, Trouble, classify};

/// Requests about artifacts at the same time.
const LOOKS: usize = 16;
/// Artifacts that are copied at the same time.
const COPIES: usize = 3;

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
    /// Name of the bucket.
    pub name: &'a str,
    /// Where copies lie.
    pub copies: Copies<'a>,
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
    let (mut shared, mut left) = (BTreeSet::new(), Listed::default());
    let mut lookup = keys.ready();
    let at_once = if what.mode == ArtifactsMode::IncrementalCopy {
        COPIES
    } else {
        LOOKS
    };
    // The listing is asked for what rows refer to as it comes, so that a bucket of any size passes through little memory.
    let mut found = what
        .bucket
        .objects()
        .try_filter(|entry| std::future::ready(lookup.refers(&entry.key)))
        .map_ok(|entry| one(what, entry, meter))
        .try_buffer_unordered(at_once)
        .boxed();
    while let Some(done) = found.try_next().await? {
        let done = match done {
            Found::Kept(done) => done,
            Found::Left(key) => {
                left.push(key);
                continue;
            }
        };
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
    record.missing.append(left);
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

enum Found {
    /// It is in the list.
    Kept(Kept),
    /// It cannot be asked for by its key, or it went or changed while it was copied: one object is no reason to have no backup.
    Left(String),
}

struct Kept {
    line: ArtifactLine,
    /// Whether it was copied now; `None` where nothing is copied.
    copied: Option<bool>,
}

async fn one(what: &Artifacts<'_>, entry: Entry, meter: &Meter) -> Result<Found, Trouble> {
    if !entry.can_be_asked_for() {
        return Ok(Found::Left(entry.key));
    }
    let mut line = ArtifactLine {
        key: entry.key,
        bytes: entry.bytes,
        etag: entry.etag,
        version: None,
        copy: None,
    };
    let mut copied = None;
    match what.mode {
        ArtifactsMode::Versioning => {
            let looked = what.bucket.look(&line.key).await?;
            // Buckets that never kept versions say nothing, or `null`.
            line.version = looked
                .and_then(|meta| meta.version)
                .filter(|version| version != "null");
            meter.add(0, 0);
        }
        ArtifactsMode::IncrementalCopy => {
            let name = what.copies.name(what.name, &line);
            match what.copies.keep(what.bucket, &line, &name, meter).await {
                Ok(now) => copied = Some(now),
                Err(trouble) if ["BucketObjectMissing", CHANGING].contains(&trouble.reason) => {
                    return Ok(Found::Left(line.key));
                }
                Err(trouble) => return Err(trouble),
            }
            line.copy = Some(name);
        }
        ArtifactsMode::None | ArtifactsMode::Manifest => {}
    }
    Ok(Found::Kept(Kept { line, copied }))
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
