//! JUDGEMENT: what a pipeline uses, by the names that people use, and on which releases each works. No findings here.

use kfp_releases::Version;
use serde::{Deserialize, Serialize};

use crate::document::Document;
use crate::judge::facts::facts;
use crate::judge::steps::{Steps, platform_of};
use crate::knowledge::Knowledge;
use crate::rules::Each;
use crate::rules::condition::{self, Condition};
use crate::rules::path::Ground;
use crate::text::{Place, Tree};

/// A feature that a pipeline uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Feature {
    /// Its name, for example `workspace`.
    pub name: String,
    /// A few words.
    pub title: String,
    /// Oldest release of the catalog on which it works.
    pub since: Version,
    /// Newest release of the catalog on which it works, where a newer one has it no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Version>,
    /// Path of its first use. Empty: all of the document.
    pub path: String,
    /// Where its first use stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// How many tasks use it; 1 for what a pipeline uses as a whole.
    pub uses: usize,
}

/// A feature that is known.
#[derive(Clone, Debug)]
pub struct KnownFeature {
    /// Its name.
    pub name: String,
    /// A few words.
    pub title: String,
    /// Oldest release of the catalog on which it works.
    pub since: Version,
    /// Newest release of the catalog on which it works, where a newer one has it no more.
    pub until: Option<Version>,
    each: Each,
    any: Vec<Condition>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct File {
    features: Vec<Written>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    name: String,
    title: String,
    since: Version,
    until: Option<Version>,
    each: Each,
    any: Vec<condition::Written>,
}

/// Reads the features, or says which is wrong and how.
pub(crate) fn read(file: File, versions: &[Version]) -> Result<Vec<KnownFeature>, String> {
    let mut known: Vec<KnownFeature> = Vec::new();
    for written in file.features {
        let name = written.name.clone();
        let wrong = |message: String| format!("feature {name}: {message}");
        for bound in std::iter::once(written.since).chain(written.until) {
            if !versions.contains(&bound) {
                return Err(wrong(format!("{bound} is no backend release")));
            }
        }
        if known.iter().any(|feature| feature.name == name) {
            return Err(wrong("it stands there twice".to_owned()));
        }
        let any: Result<Vec<Condition>, String> = written.any.into_iter().map(Condition::new).collect();
        known.push(KnownFeature {
            any: any.map_err(&wrong)?,
            name: written.name,
            title: written.title,
            since: written.since,
            until: written.until,
            each: written.each,
        });
    }
    Ok(known)
}

/// The features that a document uses, in the order of the data. None of a pipeline of the v1 SDK.
#[must_use]
pub fn features(document: &Document, knowledge: &Knowledge) -> Vec<Feature> {
    let Document::Pipeline(pipeline) = document else {
        return Vec::new();
    };
    let spec = pipeline.spec.root();
    let platform = platform_of(pipeline.platform.as_ref().map(Tree::root));
    let steps = Steps::new(spec, platform);
    let facts = facts(spec, &steps);
    let ground = Ground {
        spec,
        platform,
        steps: &steps,
        task: None,
        facts: facts.last().map(Vec::as_slice).unwrap_or_default(),
    };
    let used = |known: &KnownFeature| {
        let holds = |ground| known.any.iter().find_map(|condition| condition.holds(ground));
        let mut spots = Vec::new();
        if known.each == Each::Step {
            for (task, facts) in steps.tasks.iter().zip(&facts) {
                let task = Some(task);
                spots.extend(holds(Ground {
                    task,
                    facts,
                    ..ground
                }));
            }
        } else {
            spots.extend(holds(ground));
        }
        let first = spots.first()?;
        Some(Feature {
            name: known.name.clone(),
            title: known.title.clone(),
            since: known.since,
            until: known.until,
            path: first.path.clone(),
            place: Some(first.place),
            uses: spots.len(),
        })
    };
    knowledge.features().iter().filter_map(used).collect()
}
