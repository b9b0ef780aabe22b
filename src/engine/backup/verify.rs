//! EYES: is a set what its manifest says? Every part is read; rows are counted and summed up again; and, where a scratch server
//! is given, everything is restored there and compared. Nothing of the set is written.

mod bucket;

use std::collections::HashMap;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use kfp_backup::database::TableRecord;
use kfp_backup::layout;
use kfp_backup::manifest::Manifest;
use kfp_backup::order::Verify;
use kfp_backup::part::Part;
use kfp_backup::progress::{Depth, Phase, Verified};
use kfp_backup::rows::Rows;
use kfp_backup::statement;

use super::destination::Place;
use super::lines::LinesIn;
use super::meter::Meter;
use super::source::SetReader;
use super::trouble::Trouble;
use super::{Surroundings, scratch, seal, sets};

/// Parts that are read at the same time: digests and decompression fill two cores.
pub const AT_ONCE: usize = 2;

/// Checks a set.
pub async fn verify(
    order: &Verify,
    surroundings: &Surroundings,
    meter: &Arc<Meter>,
) -> Result<Verified, Trouble> {
    let place = Place::destination(&order.destination, surroundings.patience)?;
    let home = &order.destination.home;
    let found = sets::manifest(&place, home, &order.set, order.manifest_sha256.as_deref()).await?;
    let manifest = found.manifest;
    let identity = order.identity.as_ref().map(seal::identity).transpose()?;
    let folder = home.attempt(&order.set, &manifest.attempt);
    let source = SetReader::new(place.clone(), folder, manifest.parts.clone(), identity);
    let check = Check {
        order,
        place: &place,
        manifest: &manifest,
        source: &source,
        meter,
    };
    check.complete()?;
    meter.enter(Phase::Databases);
    meter.expect(
        manifest.parts.iter().map(|part| part.plain_bytes).sum(),
        manifest.databases.rows(),
    );
    let mut verified = Verified {
        set: order.set.clone(),
        manifest_sha256: found.sha256,
        depth: Depth::Checksums,
        parts: 0,
        bytes: 0,
        sealed_parts: 0,
        tables: 0,
        rows: 0,
        databases_restored: 0,
        bucket_sampled: 0,
        bucket_missing: Vec::new(),
        checks: Vec::new(),
    };
    check.parts(&mut verified).await?;
    check.copies(&mut verified).await?;
    if let Some(server) = &order.scratch {
        let id = format!("{}/{}", order.set, meter.attempt());
        let loaded = scratch::restore(server, &id, &manifest.databases, &source, surroundings, meter).await?;
        verified.depth = Depth::Restore;
        verified.databases_restored = manifest.databases.databases.len() as u64;
        verified.tables = loaded.verified.tables;
        verified.rows = loaded.verified.rows;
        verified.checks.push(format!(
            "{} databases were restored into a scratch server; {} tables with {} rows have the recorded checksums and definitions there",
            verified.databases_restored, loaded.verified.tables, loaded.verified.rows
        ));
    }
    meter.enter(Phase::Bucket);
    check.bucket(&mut verified, surroundings).await?;
    Ok(verified)
}

struct Check<'a> {
    order: &'a Verify,
    place: &'a Place,
    manifest: &'a Manifest,
    source: &'a SetReader,
    meter: &'a Arc<Meter>,
}

impl Check<'_> {
    /// Whether all that the manifest speaks of is among its parts.
    fn complete(&self) -> Result<(), Trouble> {
        let databases = &self.manifest.databases.databases;
        let chunks = databases.iter().flat_map(|database| {
            let chunks = database.tables.iter().flat_map(|table| &table.chunks);
            chunks
                .map(|chunk| &chunk.part)
                .chain([&database.schema, &database.indexes])
        });
        let objects = self.manifest.objects.iter().map(|record| &record.part);
        for path in chunks.chain(objects) {
            if self.manifest.part(path).is_none() {
                return Err(Trouble::lasting(
                    "PartMissing",
                    format!("the manifest speaks of part {path} and does not list it; use another set"),
                ));
            }
        }
        for table in databases.iter().flat_map(|database| &database.tables) {
            let mut sum = Rows::default();
            table.chunks.iter().for_each(|chunk| sum.merge(chunk.rows));
            if sum != table.rows {
                return Err(differs(&table.name, "the sum of its parts", table.rows, sum));
            }
        }
        Ok(())
    }

    /// Reads every part; those with rows as rows.
    async fn parts(&self, verified: &mut Verified) -> Result<(), Trouble> {
        let rows: HashMap<&str, (&TableRecord, Rows)> = self
            .manifest
            .databases
            .databases
            .iter()
            .flat_map(|database| &database.tables)
            .flat_map(|table| {
                table
                    .chunks
                    .iter()
                    .map(move |chunk| (chunk.part.as_str(), (table, chunk.rows)))
            })
            .collect();
        let checks = self.manifest.parts.iter().map(|part| {
            let expected = rows.get(part.path.as_str()).copied();
            async move {
                self.part(part, expected).await?;
                Ok::<_, Trouble>((part, expected))
            }
        });
        let mut done = futures::stream::iter(checks).buffer_unordered(AT_ONCE);
        let (mut counted, mut sealed_rows) = (Rows::default(), false);
        while let Some((part, expected)) = done.try_next().await? {
            verified.parts += 1;
            verified.bytes += part.bytes;
            if self.source.readable(part) {
                counted.merge(expected.map(|(_, rows)| rows).unwrap_or_default());
            } else {
                verified.sealed_parts += 1;
                sealed_rows |= expected.is_some();
            }
        }
        verified.checks.push(format!(
            "{} parts with {} bytes have their recorded sizes and SHA-256",
            verified.parts, verified.bytes
        ));
        if !sealed_rows {
            let tables = self
                .manifest
                .databases
                .databases
                .iter()
                .map(|database| database.tables.len() as u64);
            verified.tables = tables.sum();
            verified.rows = counted.rows;
            verified.checks.push(format!(
                "{} rows of {} tables were read and have their recorded counts and checksums",
                verified.rows, verified.tables
            ));
        }
        if verified.sealed_parts > 0 {
            verified.checks.push(format!(
                "{} parts are encrypted and no key was given: nothing is known of what they hold",
                verified.sealed_parts
            ));
        }
        Ok(())
    }

    async fn part(&self, part: &Part, expected: Option<(&TableRecord, Rows)>) -> Result<(), Trouble> {
        let path = &part.path;
        if !self.source.readable(part) {
            self.source.check(path).await?;
            self.meter.add(part.plain_bytes, 0);
            return Ok(());
        }
        let plain = path.strip_suffix(layout::ENCRYPTED).unwrap_or(path);
        let (bytes, rows) = if plain.ends_with(".sql.zst") {
            self.rows(path).await?
        } else if plain == layout::SPECS || plain.starts_with("specs/") {
            (self.unpacked(path).await?, Rows::default())
        } else {
            (self.json(path, plain).await?, Rows::default())
        };
        if bytes != part.plain_bytes {
            return Err(Trouble::lasting(
                "PartContent",
                format!(
                    "part {path} has {bytes} bytes unpacked, and {} were written; use another set",
                    part.plain_bytes
                ),
            ));
        }
        match expected {
            Some((table, expected)) if expected != rows => {
                Err(differs(&table.name, &format!("part {path}"), expected, rows))
            }
            _ => Ok(()),
        }
    }

    async fn rows(&self, path: &str) -> Result<(u64, Rows), Trouble> {
        let mut lines = LinesIn::open(self.source, path).await?;
        let (mut bytes, mut rows, mut memory) = (0, Rows::default(), Vec::new());
        while let Some(line) = lines.line().await? {
            bytes += line.len() as u64 + 1;
            let before = rows.rows;
            statement::count(&line, &mut rows, &mut memory).map_err(|error| {
                Trouble::lasting("PartContent", format!("part {path}: {error}; use another set"))
            })?;
            self.meter.add(line.len() as u64 + 1, rows.rows - before);
        }
        Ok((bytes, rows))
    }

    async fn unpacked(&self, path: &str) -> Result<u64, Trouble> {
        let mut lines = LinesIn::open(self.source, path).await?;
        let mut all = 0;
        while let Some(bytes) = lines.bytes().await? {
            all += bytes.len() as u64;
            self.meter.add(bytes.len() as u64, 0);
        }
        Ok(all)
    }

    /// Lines of JSON, counted where the manifest says how many there are.
    async fn json(&self, path: &str, plain: &str) -> Result<u64, Trouble> {
        let mut lines = LinesIn::open(self.source, path).await?;
        let (mut bytes, mut count) = (0, 0_u64);
        while let Some(line) = lines.line().await? {
            bytes += line.len() as u64 + 1;
            count += 1;
            self.meter.add(line.len() as u64 + 1, 0);
            if plain != layout::SHARED && serde_json::from_slice::<serde::de::IgnoredAny>(&line).is_err() {
                return Err(Trouble::lasting(
                    "PartContent",
                    format!("line {count} of part {path} is no JSON; use another set"),
                ));
            }
        }
        match self.lines_of(path, plain) {
            Some(expected) if expected != count => Err(Trouble::lasting(
                "PartContent",
                format!("part {path} has {count} lines, and the manifest says {expected}; use another set"),
            )),
            _ => Ok(bytes),
        }
    }

    fn lines_of(&self, path: &str, plain: &str) -> Option<u64> {
        if plain == layout::ARTIFACTS {
            return self.manifest.bucket.as_ref().map(|bucket| bucket.artifacts.count);
        }
        if plain == layout::SECRETS {
            return Some(self.manifest.secrets.iter().filter(|secret| secret.kept).count() as u64);
        }
        let record = self.manifest.objects.iter().find(|record| record.part == path)?;
        Some(record.count)
    }
}

/// An archive of specs in memory, unpacked: a little more than 64 MiB at most.
pub async fn read_archive(source: &SetReader, path: &str) -> Result<Vec<u8>, Trouble> {
    let mut lines = LinesIn::open(source, path).await?;
    let mut all = Vec::new();
    while let Some(bytes) = lines.bytes().await? {
        all.extend_from_slice(&bytes);
    }
    Ok(all)
}

fn differs(table: &str, what: &str, wanted: Rows, found: Rows) -> Trouble {
    Trouble::lasting(
        "PartContent",
        format!(
            "table {table}: {what} has {} rows with checksum {}, and the manifest says {} with {}; use another set",
            found.rows, found.checksum, wanted.rows, wanted.checksum
        ),
    )
}
