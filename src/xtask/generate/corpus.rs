//! TOOLS: `cargo xtask gen corpus`: pipelines compiled by real SDKs, which the judgement of pipelines is proved on. Needs the
//! network once for each SDK. Changes nothing in what an SDK writes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use kfp_e2e::lab::root;
use serde::Deserialize;
use similar::TextDiff;

use crate::sdks::{self, CORPUS, Sdk};
use crate::stages::Counts;

/// How to go about it.
#[derive(clap::Args)]
pub struct Arguments {
    /// Write nothing; compile with the oldest and the newest SDK alone and fail when a committed file differs.
    #[arg(long)]
    check: bool,
    /// Only with this SDK.
    #[arg(long, value_name = "VERSION")]
    sdk: Option<String>,
    /// Compile nothing; make the lock of this SDK anew, from the packages that there are today.
    #[arg(long, value_name = "VERSION", conflicts_with_all = ["check", "sdk"])]
    lock: Option<String>,
}

/// A pipeline, as `pipelines.yaml` says.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Pipeline {
    /// Name of the source and of what is compiled from it.
    name: String,
    /// The feature that it is there for.
    shows: String,
    /// First SDK that can compile it.
    since: String,
    /// Last SDK that can, if newer ones cannot.
    until: Option<String>,
    /// Whether the source sets a field that no released SDK writes.
    #[serde(default)]
    #[expect(dead_code, reason = "said to people and to tests of the judgement")]
    by_hand: bool,
    /// Whether the source takes settings; then nothing of it is committed.
    #[serde(default)]
    settings: bool,
}

/// The SDKs and the pipelines.
struct Corpus {
    /// Oldest first.
    sdks: Vec<Sdk>,
    pipelines: Vec<Pipeline>,
}

/// Compiles, checks or locks.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let corpus = Corpus::read()?;
    if let Some(version) = &arguments.lock {
        let sdk = corpus.sdk(version)?;
        let path = sdk.lock_path();
        fs::write(&path, sdk.new_lock()?).with_context(|| format!("cannot write {}", path.display()))?;
        println!("wrote {CORPUS}/locks/{version}.txt");
        return Ok(());
    }
    let chosen = match &arguments.sdk {
        Some(version) => vec![corpus.sdk(version)?],
        None if arguments.check => corpus.checked(),
        None => corpus.sdks.iter().collect(),
    };
    if arguments.check {
        return crate::stages::only("corpus", || corpus.check(&chosen));
    }
    chosen.into_iter().try_for_each(|sdk| corpus.write(sdk))
}

/// Compiles with the oldest and the newest SDK and compares; one check a file.
pub fn check() -> anyhow::Result<Counts> {
    let corpus = Corpus::read()?;
    corpus.check(&corpus.checked())
}

impl Corpus {
    fn read() -> anyhow::Result<Self> {
        Ok(Self {
            sdks: sdks::all()?,
            pipelines: sdks::read_list("pipelines.yaml")?,
        })
    }

    fn sdk(&self, version: &str) -> anyhow::Result<&Sdk> {
        let known = || self.sdks.iter().map(|sdk| sdk.kfp.as_str()).collect::<Vec<_>>();
        self.sdks.iter().find(|sdk| sdk.kfp == version).with_context(|| {
            format!(
                "{CORPUS}/sdks.yaml names no SDK {version}; it names {}",
                known().join(", ")
            )
        })
    }

    fn checked(&self) -> Vec<&Sdk> {
        self.sdks.iter().filter(|sdk| sdk.checked).collect()
    }

    /// The pipelines that an SDK compiles.
    fn of(&self, sdk: &Sdk) -> anyhow::Result<Vec<&Pipeline>> {
        let place = |version: &str| {
            let found = self.sdks.iter().position(|sdk| sdk.kfp == version);
            found.with_context(|| format!("{CORPUS}/pipelines.yaml: there is no SDK {version}"))
        };
        let at = place(&sdk.kfp)?;
        let mut found = Vec::new();
        for pipeline in self.pipelines.iter().filter(|pipeline| !pipeline.settings) {
            let last = pipeline.until.as_deref().map_or(Ok(usize::MAX), place)?;
            if (place(&pipeline.since)?..=last).contains(&at) {
                found.push(pipeline);
            }
        }
        Ok(found)
    }

    /// What an SDK writes for each pipeline.
    fn compile<'a>(&'a self, sdk: &Sdk) -> anyhow::Result<Vec<(&'a Pipeline, String)>> {
        let pipelines = self.of(sdk)?;
        ensure!(
            !pipelines.is_empty(),
            "{CORPUS}/pipelines.yaml has no pipeline for kfp {}",
            sdk.kfp
        );
        let names: Vec<&str> = pipelines.iter().map(|pipeline| pipeline.name.as_str()).collect();
        let output = tempfile::tempdir().context("cannot make a folder for what is compiled")?;
        sdk.compile(&names, &[], output.path())?;
        pipelines
            .into_iter()
            .map(|pipeline| {
                let path = output.path().join(format!("{}.yaml", pipeline.name));
                let text = fs::read_to_string(&path);
                Ok((
                    pipeline,
                    text.with_context(|| format!("kfp {} wrote no {}", sdk.kfp, pipeline.name))?,
                ))
            })
            .collect()
    }

    fn write(&self, sdk: &Sdk) -> anyhow::Result<()> {
        let folder = format!("{CORPUS}/compiled/{}", sdk.kfp);
        fs::create_dir_all(root().join(&folder)).with_context(|| format!("cannot make {folder}"))?;
        let compiled = self.compile(sdk)?;
        let (count, mut changed) = (compiled.len(), 0);
        let mut stale = committed(&root().join(&folder))?;
        for (pipeline, text) in compiled {
            let name = format!("{}.yaml", pipeline.name);
            if stale.remove(&name).is_none_or(|committed| committed != text) {
                let path = root().join(&folder).join(&name);
                fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
                changed += 1;
            }
        }
        for name in stale.keys() {
            fs::remove_file(root().join(&folder).join(name))
                .with_context(|| format!("cannot remove {folder}/{name}"))?;
        }
        println!(
            "{folder}: {count} pipelines, {changed} written, {} removed",
            stale.len()
        );
        Ok(())
    }

    fn check(&self, sdks: &[&Sdk]) -> anyhow::Result<Counts> {
        let mut counts = Counts::default();
        for sdk in sdks {
            let folder = format!("{CORPUS}/compiled/{}", sdk.kfp);
            let mut stale = committed(&root().join(&folder))?;
            for (pipeline, text) in self.compile(sdk)? {
                let name = format!("{}.yaml", pipeline.name);
                let committed = stale.remove(&name).unwrap_or_default();
                if committed == text {
                    counts.passed += 1;
                    continue;
                }
                counts.failed += 1;
                println!(
                    "{folder}/{name} ({}) is not what the SDK writes; run `cargo xtask gen corpus --sdk {}` and commit the result:",
                    pipeline.shows, sdk.kfp
                );
                let diff = TextDiff::from_lines(&committed, &text);
                println!("{}", diff.unified_diff().header("committed", "compiled"));
            }
            for name in stale.keys() {
                counts.failed += 1;
                println!(
                    "{folder}/{name} comes from no source; run `cargo xtask gen corpus --sdk {}`",
                    sdk.kfp
                );
            }
        }
        Ok(counts)
    }
}

/// Files of a folder by name; none, if there is no such folder.
fn committed(folder: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(found);
    };
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot list {}", folder.display()))?;
        let text = fs::read_to_string(entry.path())
            .with_context(|| format!("cannot read {}", entry.path().display()))?;
        found.insert(entry.file_name().to_string_lossy().into_owned(), text);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn names(folder: &str, ending: &str) -> BTreeSet<String> {
        let names = committed(&root().join(CORPUS).join(folder)).unwrap().into_keys();
        names
            .map(|name| name.strip_suffix(ending).unwrap().to_owned())
            .collect()
    }

    #[test]
    fn every_source_is_listed_once_and_every_pipeline_of_the_list_has_a_source() {
        let corpus = Corpus::read().unwrap();
        let listed: BTreeSet<String> = corpus
            .pipelines
            .iter()
            .map(|pipeline| pipeline.name.clone())
            .collect();
        assert_eq!(listed.len(), corpus.pipelines.len());
        assert_eq!(listed, names("sources", ".py"));
    }

    #[test]
    fn every_sdk_has_a_lock_with_digests_and_exactly_the_pipelines_of_its_time() {
        let corpus = Corpus::read().unwrap();
        for sdk in &corpus.sdks {
            let lock = fs::read_to_string(sdk.lock_path()).unwrap();
            assert!(lock.contains(&format!("kfp=={} ", sdk.kfp)), "{}", sdk.kfp);
            assert!(lock.contains("--hash=sha256:"), "{}", sdk.kfp);
            let of_its_time = corpus.of(sdk).unwrap();
            let of_its_time: BTreeSet<String> =
                of_its_time.iter().map(|pipeline| pipeline.name.clone()).collect();
            assert_eq!(
                names(&format!("compiled/{}", sdk.kfp), ".yaml"),
                of_its_time,
                "{}",
                sdk.kfp
            );
        }
    }

    #[test]
    fn a_check_compiles_with_the_oldest_and_the_newest_sdk_of_the_second_generation() {
        let corpus = Corpus::read().unwrap();
        let second: Vec<&str> = corpus
            .sdks
            .iter()
            .map(|sdk| sdk.kfp.as_str())
            .filter(|version| version.starts_with("2."))
            .collect();
        let checked: Vec<&str> = corpus.checked().iter().map(|sdk| sdk.kfp.as_str()).collect();
        assert_eq!(checked, [*second.first().unwrap(), *second.last().unwrap()]);
    }

    #[test]
    fn what_is_compiled_names_the_sdk_that_compiled_it() {
        let corpus = Corpus::read().unwrap();
        for sdk in corpus.sdks.iter().filter(|sdk| sdk.kfp.starts_with("2.")) {
            let folder = root().join(CORPUS).join("compiled").join(&sdk.kfp);
            for (name, text) in committed(&folder).unwrap() {
                let line = format!("sdkVersion: kfp-{}", sdk.kfp);
                assert!(text.lines().any(|found| found == line), "{}/{name}", sdk.kfp);
            }
        }
    }
}
