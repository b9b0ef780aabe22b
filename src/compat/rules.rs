//! JUDGEMENT: what no field table shows, as data: `data/rules.yaml`. Reads the rules; [`apply`] holds them against a pipeline.
//!
//! A rule looks at the whole pipeline (`each: pipeline`, of the v1 SDK `each: workflow`), at each task that is run
//! (`each: step`), at the platform spec as a whole (`each: platform`), or at each further document of an upload
//! (`each: other`).
//! All conditions of `when` hold and none of `unless`. A condition has a path (`at`) and at most one test; without a test
//! the path must lead somewhere. The first word of a path says where it begins:
//!
//! | word | what |
//! | --- | --- |
//! | `spec` | the pipeline spec, the workflow, the platform spec or the further document, as `each` says |
//! | `platform` | `platforms.kubernetes` of the platform spec |
//! | `task` | the task |
//! | `component` | the component that the task runs |
//! | `executor` | the executor of that component |
//! | `config` | what the platform spec says of that executor |
//! | `producer.task`, `producer.component` | each task of the same graph whose outputs the task takes, and its component |
//!
//! The other words are fields as JSON has them (either spelling in the document will do) or keys; `*` is any key or any
//! item, `**` any number of steps. Instead of a path, a condition may name a fact of the task (`fact`): what following the
//! graph has found, see `judge/facts.rs`.

pub(crate) mod apply;
pub(crate) mod condition;
mod form;
pub(crate) mod path;

use kfp_releases::{SdkVersion, Version};
use serde::Deserialize;

use crate::finding::Effect;
use crate::judge::releases::Releases;
use crate::knowledge::Basis;
use crate::knowledge::parser::within;
use condition::Condition;
use path::Pattern;

/// Every rule, in the order of the data.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) all: Vec<Rule>,
}

/// A rule.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) code: String,
    pub(crate) name: String,
    pub(crate) each: Each,
    pub(crate) when: Vec<Condition>,
    pub(crate) unless: Vec<Condition>,
    sdk: Option<SdkBounds>,
    /// Where it is reported; unset: where the first condition was met.
    pub(crate) place: Option<Pattern>,
    pub(crate) cases: Vec<Case>,
    /// Releases of no case.
    pub(crate) works: Releases,
    pub(crate) help: String,
}

/// What happens on some releases.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) releases: Releases,
    pub(crate) effect: Effect,
    pub(crate) says: String,
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Each {
    /// A compiled pipeline, once.
    Pipeline,
    /// Each task that is run.
    Step,
    /// The platform spec as a whole, once.
    Platform,
    /// Each document of an upload beside the pipeline spec and the platform spec.
    Other,
    /// A pipeline of the v1 SDK, once.
    Workflow,
}

/// Versions of the SDK that compiled a pipeline.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SdkBounds {
    since: Option<Version>,
    until: Option<Version>,
}

/// A data file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct File {
    rules: Vec<Written>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    code: String,
    name: String,
    each: Each,
    when: Vec<condition::Written>,
    #[serde(default)]
    unless: Vec<condition::Written>,
    sdk: Option<SdkBounds>,
    place: Option<String>,
    on: Vec<WrittenCase>,
    /// It is no matter of age: the releases that are not listed are not offered instead.
    #[serde(default)]
    ageless: bool,
    help: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenCase {
    since: Option<Version>,
    until: Option<Version>,
    effect: Effect,
    says: String,
    #[expect(
        dead_code,
        reason = "for readers of the data; that it is there is checked by reading it"
    )]
    source: String,
    #[expect(
        dead_code,
        reason = "for readers of the data; that it is there is checked by reading it"
    )]
    basis: Basis,
}

impl Rules {
    /// Reads the files, or says which rule is wrong and how.
    pub(crate) fn new(files: Vec<File>, versions: &[Version]) -> Result<Self, String> {
        let mut all = Vec::new();
        for written in files.into_iter().flat_map(|file| file.rules) {
            let name = written.name.clone();
            let rule = rule(written, versions).map_err(|message| format!("rule {name}: {message}"))?;
            if all.iter().any(|known: &Rule| known.name == name) {
                return Err(format!("two rules are named {name}"));
            }
            all.push(rule);
        }
        Ok(Self { all })
    }
}

impl Rule {
    /// The SDK is one that the rule is about.
    pub(crate) fn is_about(&self, sdk: Option<&SdkVersion>) -> bool {
        let Some(bounds) = self.sdk else { return true };
        sdk.is_some_and(|sdk| {
            bounds.since.is_none_or(|since| sdk.release >= since)
                && bounds.until.is_none_or(|until| sdk.release <= until)
        })
    }
}

fn rule(written: Written, versions: &[Version]) -> Result<Rule, String> {
    let conditions = |written: Vec<condition::Written>| {
        let read: Result<Vec<Condition>, String> = written.into_iter().map(Condition::new).collect();
        read
    };
    let mut cases = Vec::new();
    let mut touched = Releases::NONE;
    for case in written.on {
        for bound in [case.since, case.until].into_iter().flatten() {
            if !versions.contains(&bound) {
                return Err(format!("{bound} is no backend release"));
            }
        }
        let releases = within(versions, case.since, case.until);
        if releases.is_empty() || !releases.and(touched).is_empty() {
            return Err("a case has no release, or one that another case has".to_owned());
        }
        touched = touched.or(releases);
        cases.push(Case {
            releases,
            effect: case.effect,
            says: case.says,
        });
    }
    let works = if written.ageless {
        Releases::NONE
    } else {
        within(versions, None, None).without(touched)
    };
    Ok(Rule {
        code: written.code,
        name: written.name,
        each: written.each,
        when: conditions(written.when)?,
        unless: conditions(written.unless)?,
        sdk: written.sdk,
        place: written.place.as_deref().map(Pattern::read).transpose()?,
        cases,
        works,
        help: written.help,
    })
}
