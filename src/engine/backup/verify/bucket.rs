//! EYES: what a set says of buckets, held against its archives, its shared copies and the bucket itself. Nothing is written.

use std::collections::{BTreeMap, HashMap};

use kfp_backup::layout;
use kfp_backup::manifest::ArtifactsMode;
use kfp_backup::progress::{NAMED, Verified};

use super::{Check, read_archive};
use crate::backup::Surroundings;
use crate::backup::artifacts::{ArtifactLine, holds};
use crate::backup::bucket::{SpecLine, members};
use crate::backup::copies::fits;
use crate::backup::destination::Place;
use crate::backup::lines::LinesIn;
use crate::backup::parts::sha256;
use crate::backup::trouble::Trouble;

impl Check<'_> {
    /// Are the shared copies that the set needs in the destination, with their sizes?
    pub(super) async fn copies(&self, verified: &mut Verified) -> Result<(), Trouble> {
        if self.manifest.artifacts_mode() != ArtifactsMode::IncrementalCopy {
            return Ok(());
        }
        let there = self.shared().await?;
        let gone = |what: &str| {
            Trouble::lasting(
                "CopyMissing",
                format!("the copy {what} is not in the destination as it was written; use another set"),
            )
        };
        let mut count = 0_u64;
        let Some(list) = self.artifacts() else {
            // Whose copies they are is told to whoever has the key.
            let mut names = LinesIn::open(self.source, layout::SHARED).await?;
            while let Some(name) = names.line().await? {
                let name = String::from_utf8_lossy(&name).into_owned();
                if !there.contains_key(&name) {
                    return Err(gone(&name));
                }
                count += 1;
            }
            verified.checks.push(format!(
                "{count} copies of artifacts are in the destination; what they hold is encrypted and no key was given"
            ));
            return Ok(());
        };
        let mut lines = LinesIn::open(self.source, list).await?;
        while let Some(line) = lines.json::<ArtifactLine>().await? {
            let held = line
                .copy
                .as_ref()
                .is_some_and(|name| there.get(name).is_some_and(|size| fits(name, line.bytes, *size)));
            if !held {
                return Err(gone(&format!("of artifact {}", line.key)));
            }
            count += 1;
        }
        verified.checks.push(format!(
            "the copies of {count} artifacts are in the destination with their sizes"
        ));
        Ok(())
    }

    /// Names and sizes of all shared copies of the installation.
    async fn shared(&self) -> Result<HashMap<String, u64>, Trouble> {
        let folder = self.order.destination.home.shared_folder();
        let prefix = format!("{folder}/");
        let mut there = HashMap::new();
        self.place
            .list(&folder, |meta| {
                if let Some(name) = meta.location.as_ref().strip_prefix(&prefix) {
                    there.insert(name.to_owned(), meta.size);
                }
                Ok(())
            })
            .await?;
        Ok(there)
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
