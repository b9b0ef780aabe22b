//! EYES AND HANDS: compiled pipelines of the installation's bucket, which are always copied. Which rows refer to them was
//! collected from the dump; artifacts are another room's.

use std::collections::{BTreeMap, BTreeSet};

use kfp_backup::layout;
use kfp_backup::manifest::{Listed, SpecsRecord};
use serde::{Deserialize, Serialize};

use super::destination::Place;
use super::lines::Lines;
use super::meter::Meter;
use super::parts::{Parts, sha256};
use super::references::{FOLDER, Version, key_in};
use super::trouble::Trouble;

/// Plain bytes of an archive of specs, after which the next one begins.
const ARCHIVE: u64 = 64 * 1024 * 1024;

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
