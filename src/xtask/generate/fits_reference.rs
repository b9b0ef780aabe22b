//! TOOLS: `docs/reference/versions-that-fit.md`: which SDKs and features go with which releases. Every cell is the judge's answer
//! about a pipeline that a real SDK compiled; nothing is decided here.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use anyhow::Context;
use kfp_compat::packages::recommend;
use kfp_compat::{Document, Knowledge, Outcome, Packages, SdkVersion, judge};
use kfp_e2e::lab::root;
use kfp_releases::Version;
use serde::Deserialize;

use super::{File, markdown};
use crate::sdks::CORPUS;

const INTRODUCTION: &str = "Which Python SDKs, and which features of pipelines, go with which KFP release. Every cell below is \
    the answer of `kfpctl check` about a pipeline that the SDK itself compiled \
    ([the corpus](../../src/compat/corpus/README.md)). Your own pipeline: `kfpctl check --matrix pipeline.yaml`. What each finding means: [findings](findings.md).";

/// A pipeline of the corpus, as far as the page tells of it.
#[derive(Deserialize)]
struct Entry {
    name: String,
    shows: String,
}

/// How each pipeline of one SDK fares, by name; each list in the order of the releases.
type Outcomes = BTreeMap<String, Vec<Outcome>>;

/// The page.
pub fn files() -> anyhow::Result<Vec<File>> {
    let knowledge = Knowledge::builtin()?;
    let packages = Packages::builtin()?;
    let releases = knowledge.releases();
    let compiled = compiled(knowledge)?;
    let mut page = markdown::head("Versions that fit", INTRODUCTION);
    pins(&mut page, releases, packages);
    grid(&mut page, releases, &compiled);
    features(&mut page, releases, &compiled)?;
    Ok(vec![File {
        path: "docs/reference/versions-that-fit.md".to_owned(),
        content: page,
    }])
}

/// What the judge says of everything that each SDK compiled, oldest SDK first.
fn compiled(knowledge: &Knowledge) -> anyhow::Result<Vec<(SdkVersion, Outcomes)>> {
    let folder = root().join(CORPUS).join("compiled");
    let mut found = Vec::new();
    for sdk in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let sdk = sdk?;
        let name = sdk.file_name().to_string_lossy().into_owned();
        let version: SdkVersion = name
            .parse()
            .with_context(|| format!("{name} is no version of an SDK"))?;
        let mut outcomes = Outcomes::new();
        for file in fs::read_dir(sdk.path())? {
            let path = file?.path();
            let document = Document::read(&fs::read(&path)?)
                .with_context(|| format!("{} cannot be read", path.display()))?;
            let verdicts = judge(&document, knowledge.releases(), knowledge);
            let pipeline = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            outcomes.insert(pipeline, verdicts.iter().map(|verdict| verdict.outcome).collect());
        }
        found.push((version, outcomes));
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(found)
}

fn pins(page: &mut String, releases: &[Version], packages: &Packages) {
    *page += "\n## What to pin\n\n`kfpctl sdk recommend --backend RELEASE` says this with the reasons and with what to avoid. The \
              newest SDK that goes with a release writes nothing that it does not know, and has no known defect with it.\n";
    let rows = releases.iter().rev().filter_map(|release| {
        let found = recommend(*release, packages)?;
        Some([
            release.to_string(),
            format!("`{}`", found.kfp),
            format!("`{}`", found.kfp_kubernetes),
            format!("`{}`", found.newest_kfp),
            format!("`{}`", found.pip),
        ])
    });
    *page += &markdown::table(
        [
            "KFP",
            "kfp",
            "kfp-kubernetes",
            "newest kfp that goes with it",
            "pip",
        ],
        rows,
    );
}

fn grid(page: &mut String, releases: &[Version], compiled: &[(SdkVersion, Outcomes)]) {
    *page += "\n## SDKs and releases\n\nHow many of an SDK's pipelines in the corpus a release takes and runs as written, of how \
              many. An SDK newer than the release is fine as long as a pipeline uses nothing new.\n";
    let header = std::iter::once("SDK".to_owned()).chain(releases.iter().map(Version::to_string));
    let rows = compiled.iter().rev().map(|(sdk, outcomes)| {
        let count = |place: usize| {
            let run = outcomes
                .values()
                .filter(|one| one.get(place) == Some(&Outcome::Runs));
            format!("{}/{}", run.count(), outcomes.len())
        };
        std::iter::once(sdk.to_string())
            .chain((0..releases.len()).map(count))
            .collect()
    });
    *page += &markdown::wide_table(header.collect(), rows);
}

fn features(
    page: &mut String,
    releases: &[Version],
    compiled: &[(SdkVersion, Outcomes)],
) -> anyhow::Result<()> {
    let path = root().join(CORPUS).join("pipelines.yaml");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let entries: Vec<Entry> = serde_saphyr::from_str(&text)?;
    *page += "\n## Features and releases\n\nEach feature's pipeline, as the newest SDK that can compile it does.\n\n";
    for outcome in [
        Outcome::Runs,
        Outcome::RunsWithWarnings,
        Outcome::Fails,
        Outcome::RefusedAtRun,
        Outcome::RefusedAtUpload,
    ] {
        let _ = writeln!(page, "- {}: {}", sign(outcome), words(outcome));
    }
    let header = ["feature", "SDK"].map(str::to_owned).into_iter();
    let header = header.chain(releases.iter().map(Version::to_string));
    let rows = entries.iter().filter_map(|entry| {
        let newest = |(sdk, outcomes): &(SdkVersion, Outcomes)| {
            Some((sdk.to_string(), outcomes.get(&entry.name)?.clone()))
        };
        let (sdk, outcomes) = compiled.iter().rev().find_map(newest)?;
        let signs = outcomes.into_iter().map(|outcome| sign(outcome).to_owned());
        Some([entry.shows.clone(), sdk].into_iter().chain(signs).collect())
    });
    *page += &markdown::wide_table(header.collect(), rows);
    Ok(())
}

fn sign(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Runs => "✓",
        Outcome::RunsWithWarnings => "▲",
        Outcome::Fails => "✗",
        Outcome::RefusedAtRun => "⊘",
        Outcome::RefusedAtUpload => "■",
    }
}

fn words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Runs => "runs as written",
        Outcome::RunsWithWarnings => {
            "runs; something in it has no effect, does something else, or is discouraged"
        }
        Outcome::Fails => "is accepted, and its run fails",
        Outcome::RefusedAtRun => "can be uploaded; creating a run of it is refused",
        Outcome::RefusedAtUpload => "uploading it is refused",
    }
}
