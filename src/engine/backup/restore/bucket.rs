//! HANDS: what a set holds of the bucket, put back into it. What is there and the same is left alone.

use std::collections::HashMap;

use kfp_backup::layout;
use kfp_backup::manifest::ArtifactsMode;
use kfp_backup::order::Parts as What;
use kfp_backup::progress::{NAMED, Phase, Restored};

use super::{Work, note};
use crate::backup::artifacts::{ArtifactLine, holds};
use crate::backup::bucket::{SpecLine, members};
use crate::backup::copies::take_back;
use crate::backup::destination::Place;
use crate::backup::lines::LinesIn;
use crate::backup::parts::sha256;
use crate::backup::trouble::Trouble;
use crate::backup::verify::read_archive;

impl Work<'_> {
    pub(super) async fn bucket(&self, restored: &mut Restored) -> Result<(), Trouble> {
        let Some(bucket) = &self.order.bucket else {
            return Ok(());
        };
        self.meter.enter(Phase::Bucket);
        let bucket = Place::bucket(bucket, self.surroundings.patience)?;
        self.specs(&bucket, restored).await?;
        match self.manifest.artifacts_mode() {
            ArtifactsMode::None => {}
            _ if self.order.parts != What::All => {}
            ArtifactsMode::IncrementalCopy => self.copies(&bucket, restored).await?,
            ArtifactsMode::Manifest | ArtifactsMode::Versioning => self.told(&bucket, restored).await?,
        }
        Ok(())
    }

    fn path(&self, plain: &str) -> Option<&str> {
        Some(&self.manifest.sealed_or_plain(plain)?.path)
    }

    /// Compiled pipelines, archive by archive.
    async fn specs(&self, bucket: &Place, restored: &mut Restored) -> Result<(), Trouble> {
        let Some(index) = self.path(layout::SPECS) else {
            return Ok(());
        };
        let mut lines = LinesIn::open(&self.source, index).await?;
        let mut archive: Option<(String, HashMap<String, Vec<u8>>)> = None;
        while let Some(line) = lines.json::<SpecLine>().await? {
            if archive.as_ref().is_none_or(|(name, _)| *name != line.archive) {
                let path = self.path(&line.archive).unwrap_or(&line.archive);
                let bytes = read_archive(&self.source, path).await?;
                let mut contents = HashMap::new();
                members(&bytes, |name, content| {
                    contents.insert(name.to_owned(), content.to_vec());
                    Ok(())
                })?;
                archive = Some((line.archive.clone(), contents));
            }
            let content = archive
                .as_ref()
                .and_then(|(_, contents)| contents.get(&line.member));
            let Some(content) = content.filter(|content| sha256(content) == line.sha256) else {
                return Err(Trouble::lasting(
                    "PartContent",
                    format!(
                        "{} does not hold {} as its index says; use another set",
                        line.archive, line.member
                    ),
                ));
            };
            match bucket.get(&line.key).await? {
                Some(there) if sha256(&there) == line.sha256 => {}
                Some(_) if !self.order.replace => {
                    note(
                        &mut restored.warnings,
                        format!(
                            "{} in the bucket is not the one of the set and was left as it is",
                            line.key
                        ),
                    );
                    continue;
                }
                _ => {
                    bucket.put(&line.key, content.clone()).await?;
                    restored.specs += 1;
                }
            }
            self.meter.add(line.bytes, 0);
        }
        Ok(())
    }

    /// Artifacts that the bucket does not hold any more, from their copies.
    async fn copies(&self, bucket: &Place, restored: &mut Restored) -> Result<(), Trouble> {
        let Some(list) = self.path(layout::ARTIFACTS) else {
            return Ok(());
        };
        let mut lines = LinesIn::open(&self.source, list).await?;
        while let Some(line) = lines.json::<ArtifactLine>().await? {
            let there = bucket.look(&line.key).await?;
            match (&line.copy, there) {
                // Another ETag of the same size may be another way of uploading the same; what is there stays.
                (_, Some(meta)) if meta.size == line.bytes => {}
                (_, Some(_)) if !self.order.replace => {
                    note(
                        &mut restored.warnings,
                        format!(
                            "{} in the bucket has another size than in the set and was left as it is",
                            line.key
                        ),
                    );
                }
                (Some(name), _) => {
                    let copies = (&self.place, &self.order.destination.home);
                    take_back(copies, name, self.source.identity(), bucket, &line, self.meter).await?;
                    restored.artifacts += 1;
                }
                (None, _) => note(
                    &mut restored.warnings,
                    format!("{} is not in the bucket, and the set has no copy", line.key),
                ),
            }
        }
        Ok(())
    }

    /// Artifacts that the set only knows by name.
    async fn told(&self, bucket: &Place, restored: &mut Restored) -> Result<(), Trouble> {
        let Some(list) = self.path(layout::ARTIFACTS) else {
            return Ok(());
        };
        let mut gone = 0_u64;
        let mut lines = LinesIn::open(&self.source, list).await?;
        while let Some(line) = lines.json::<ArtifactLine>().await? {
            if !holds(bucket, &line).await? {
                gone += 1;
                if gone < NAMED as u64 / 2 {
                    let version = line
                        .version
                        .map(|id| format!(" (version {id})"))
                        .unwrap_or_default();
                    note(
                        &mut restored.warnings,
                        format!("artifact {}{version} is not in the bucket as it was", line.key),
                    );
                }
            }
        }
        if gone > 0 {
            note(
                &mut restored.warnings,
                format!("{gone} artifacts are not in the bucket as they were; the set holds no copies"),
            );
        }
        Ok(())
    }
}
