//! JUDGEMENT: the judge against what real backends said of the same texts. Exceptions stand in data, each with its reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use kfp_releases::Version;
use serde::Deserialize;

use super::{children, knowledge};
use crate::document::Document;
use crate::judge::{Outcome, judge};

/// What a backend said of a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seen {
    /// It runs.
    Well(#[expect(dead_code, reason = "the word ok")] String),
    /// What happened, step by step.
    Steps(Steps),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Steps {
    upload: Option<String>,
    create_run: Option<String>,
    driver: Option<String>,
    #[serde(default)]
    ignored: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    file: String,
    seen: String,
    judged: String,
    reason: String,
}

impl Seen {
    fn outcome(&self) -> &'static str {
        let Self::Steps(steps) = self else { return "runs" };
        let failed = |step: &Option<String>| step.as_ref().is_some_and(|said| said != "ok");
        if failed(&steps.upload) {
            "RefusedAtUpload"
        } else if failed(&steps.create_run) {
            "RefusedAtRun"
        } else if failed(&steps.driver) {
            "Fails"
        } else {
            "runs"
        }
    }

    /// A whole platform spec was left out without a word.
    fn is_ignored(&self) -> bool {
        matches!(self, Self::Steps(Steps { ignored: Some(_), .. }))
    }
}

/// What is judged of a text on every release.
fn judged(text: &[u8]) -> BTreeMap<Version, String> {
    let releases = knowledge().releases();
    match Document::read(text) {
        Ok(document) => judge(&document, releases, knowledge())
            .into_iter()
            .map(|verdict| (verdict.release, format!("{:?}", verdict.outcome)))
            .collect(),
        Err(_) => releases
            .iter()
            .map(|release| (*release, "unreadable".to_owned()))
            .collect(),
    }
}

/// Text → release → what it said.
fn answers(folder: &Path) -> BTreeMap<String, BTreeMap<Version, Seen>> {
    let mut all: BTreeMap<String, BTreeMap<Version, Seen>> = BTreeMap::new();
    for file in children(folder) {
        let release: Version = file.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        let answers: BTreeMap<String, Seen> =
            serde_saphyr::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        for (name, seen) in answers {
            all.entry(name).or_default().insert(release, seen);
        }
    }
    // What a step leaves for the launcher is no pipeline.
    all.retain(|name, _| !name.starts_with("output-"));
    all
}

fn agrees(seen: &Seen, judged: &str) -> bool {
    let runs = judged == format!("{:?}", Outcome::Runs);
    let warns = judged == format!("{:?}", Outcome::RunsWithWarnings);
    match seen.outcome() {
        "runs" if seen.is_ignored() => warns,
        "runs" => runs || warns,
        // What cannot be read here is told as an error of its own.
        "RefusedAtUpload" => judged == "RefusedAtUpload" || judged == "unreadable",
        other => judged == other,
    }
}

#[test]
fn the_judge_says_what_real_backends_said() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let exceptions: Vec<Exception> = serde_saphyr::from_str(include_str!("exceptions.yaml")).unwrap();
    let mut used: BTreeSet<&str> = BTreeSet::new();
    let mut differ = Vec::new();
    let mut asked = 0;
    for (folder, texts) in [("seen", "compiled"), ("seen-probes", "probes")] {
        for (name, answers) in answers(&corpus.join(folder)) {
            let base = name.rsplit('/').next().unwrap();
            let judged = judged(&fs::read(corpus.join(texts).join(&name)).unwrap());
            for (release, seen) in answers {
                asked += 1;
                let judged = &judged[&release];
                if agrees(&seen, judged) {
                    continue;
                }
                let exception = exceptions.iter().find(|exception| {
                    exception.file == base && exception.seen == seen.outcome() && exception.judged == *judged
                });
                match exception {
                    Some(exception) => {
                        used.insert(&exception.file);
                    }
                    None => differ.push(format!(
                        "{name} on {release}: seen {}, judged {judged}",
                        seen.outcome()
                    )),
                }
            }
        }
    }
    assert!(asked > 10_000, "only {asked} answers are kept");
    assert!(
        differ.is_empty(),
        "{} differ:\n{}",
        differ.len(),
        differ.join("\n")
    );
    for exception in &exceptions {
        assert!(
            used.contains(exception.file.as_str()),
            "{} is no exception any more",
            exception.file
        );
        assert!(!exception.reason.is_empty());
    }
}
