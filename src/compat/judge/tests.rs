//! JUDGEMENT: the judge against pipelines of real SDKs, against what real backends said of them, and against its own rules.

mod cases;
mod goldens;
mod invariants;
mod properties;
mod seen;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use kfp_releases::Version;

use super::{Outcome, Verdict, judge};
use crate::document::Document;
use crate::knowledge::Knowledge;

fn knowledge() -> &'static Knowledge {
    Knowledge::builtin().unwrap()
}

fn read(text: &str) -> Document {
    Document::read(text.as_bytes()).unwrap()
}

fn judged(text: &str) -> Vec<Verdict> {
    judge(&read(text), knowledge().releases(), knowledge())
}

/// Every compiled pipeline: SDK, name, text. Read once.
fn corpus() -> &'static [(Version, String, String)] {
    static CORPUS: OnceLock<Vec<(Version, String, String)>> = OnceLock::new();
    CORPUS.get_or_init(read_corpus)
}

fn read_corpus() -> Vec<(Version, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/compiled");
    let mut all = Vec::new();
    for sdk in children(&root) {
        for file in children(&sdk) {
            let version = sdk.file_name().unwrap().to_str().unwrap().parse().unwrap();
            let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
            all.push((version, name, fs::read_to_string(&file).unwrap()));
        }
    }
    all.sort();
    all
}

fn children(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

/// An outcome in four letters at most.
fn sign(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Runs => "ok",
        Outcome::RunsWithWarnings => "warn",
        Outcome::Fails => "FAIL",
        Outcome::RefusedAtRun => "RUN",
        Outcome::RefusedAtUpload => "UP",
    }
}
