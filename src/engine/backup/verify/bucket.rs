//! EYES: what a set says of buckets, held against its archives, its shared copies and the bucket itself. Nothing is written.

use std::collections::{BTreeMap, HashMap};

use kfp_backup::layout;
use kfp_backup::manifest::ArtifactsMode;
use kfp_backup::progress::{NAMED, Verified};

use super::{Check, read_archive};
use crate::backup::Surroundings;
use crate::backup::artifacts::{ArtifactLine, holds};
use crate::backup::bucket::{SpecLine, members};
use crate::backup::destination::Place;
use crate::backup::lines::LinesIn;
use crate::backup::parts::sha256;
use crate::backup::trouble::Trouble;

impl Check<'_> {
    /// Are the shared copies that the set needs in the destination, with their sizes?
    pub(super) async fn copies(&self, verified: &mut Verified) -> Result<(), Trouble> {
        let Some(list) = self
            .artifacts()
            .filter(|_| self.manifest.artifacts_mode() == ArtifactsMode::IncrementalCopy)
        else {
            return Ok(());
        };
        let home = &self.order.destination.home;
        let folder = format!("{}/", home.shared_folder());
        let mut there: HashMap<String, u64> = HashMap::new();
        self.place
            .list(&home.shared_folder(), |meta| {
                if let Some(name) = meta.location.as_ref().strip_prefix(&folder) {
                    there.insert(name.to_owned(), meta.size);
                }
                Ok(())
            })
            .await?;
        let mut lines = LinesIn::open(self.source, list).await?;
        let mut count = 0_u64;
        while let Some(line) = lines.json::<ArtifactLine>().await? {
            let held = line.copy.as_ref().and_then(|name| there.get(name));
            if held != Some(&line.bytes) {
                return Err(Trouble::lasting(
                    "CopyMissing",
                    format!(
                        "the copy of artifact {} is not in the destination as it was written; use another set",
                        line.key
                    ),
                ));
            }
            count += 1;
        }
        verified.checks.push(format!(
            "the copies of {count} artifacts are in the destination with their sizes"
        ));
        Ok(())
    }

    /// Path of the list of artifacts, where there is one that can be read.
    fn artifacts(&self) -> Option<&str> {
        self.readable(layout::ARTIFACTS)
    }

    fn readable(&self, plain: &str) -> Option<&str> {
        let part = self.manifest.sealed_or_plain(plain)?;
        self.source.readable(part).then_some(part.path.as_str())
    }

    /// Specs against their archives; and a sample of what the set says of the bucket against the bucket.
    pub(super) async fn bucket(
        &self,
        verified: &mut Verified,
        surroundings: &Surroundings,
    ) -> Result<(), Trouble> {
        let specs = self.specs().await?;
        if !specs.is_empty() {
            verified.checks.push(format!(
                "{} pipeline specs have their recorded SHA-256",
                specs.len()
            ));
        }
        let Some(bucket) = &self.order.bucket else {
            return Ok(());
        };
        let bucket = Place::bucket(bucket, surroundings.patience)?;
        let mut gone = 0_u64;
        let room = usize::try_from(self.order.sample).unwrap_or(usize::MAX);
        for line in sampled(specs, room / 2) {
            verified.bucket_sampled += 1;
            let same = bucket
                .get(&line.key)
                .await?
                .is_some_and(|content| sha256(&content) == line.sha256);
            if !same {
                gone += 1;
                missing(verified, line.key);
            }
        }
        if let Some(list) = self.artifacts() {
            let count = self
                .manifest
                .bucket
                .as_ref()
                .map_or(0, |bucket| bucket.artifacts.count);
            let wanted = self.order.sample.saturating_sub(verified.bucket_sampled).max(1);
            let step = count.div_ceil(wanted).max(1);
            let mut lines = LinesIn::open(self.source, list).await?;
            let mut number = 0;
            while let Some(line) = lines.json::<ArtifactLine>().await? {
                if number % step == 0 {
                    verified.bucket_sampled += 1;
                    if !holds(&bucket, &line).await? {
                        gone += 1;
                        missing(verified, line.key);
                    }
                }
                number += 1;
            }
        }
        verified.checks.push(format!(
            "{} objects of the bucket were looked at; {gone} are not there as recorded",
            verified.bucket_sampled
        ));
        Ok(())
    }

    /// The index of specs, once each was found in its archive with its digest.
    async fn specs(&self) -> Result<Vec<SpecLine>, Trouble> {
        let Some(index) = self.readable(layout::SPECS) else {
            return Ok(Vec::new());
        };
        let mut lines = LinesIn::open(self.source, index).await?;
        let mut specs = Vec::new();
        while let Some(line) = lines.json::<SpecLine>().await? {
            specs.push(line);
        }
        let mut archives: BTreeMap<&str, HashMap<&str, &str>> = BTreeMap::new();
        for line in &specs {
            archives
                .entry(&line.archive)
                .or_default()
                .insert(&line.member, &line.sha256);
        }
        for (archive, mut wanted) in archives {
            let path = self.readable(archive).unwrap_or(archive);
            let bytes = read_archive(self.source, path).await?;
            members(&bytes, |name, content| match wanted.remove(name) {
                Some(digest) if digest == sha256(content) => Ok(()),
                _ => Err(Trouble::lasting(
                    "PartContent",
                    format!("{archive} holds another {name} than its index says; use another set"),
                )),
            })?;
            if let Some(name) = wanted.keys().next() {
                return Err(Trouble::lasting(
                    "PartContent",
                    format!("{archive} holds no {name}; use another set"),
                ));
            }
        }
        Ok(specs)
    }
}

fn missing(verified: &mut Verified, key: String) {
    if verified.bucket_missing.len() < NAMED {
        verified.bucket_missing.push(key);
    }
}

/// Every so manieth, so that at most `room` are left.
fn sampled<T>(all: Vec<T>, room: usize) -> impl Iterator<Item = T> {
    let step = all.len().div_ceil(room.max(1)).max(1);
    all.into_iter().step_by(step)
}
