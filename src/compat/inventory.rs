//! JUDGEMENT: what is known of stored pipelines, as it is written down and read again: rows with their verdicts and owners, in
//! shards of a bounded size. No I/O, no clock.

mod shards;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use kfp_releases::Version;
use serde::{Deserialize, Serialize};

pub use shards::{
    FORMAT, Head, KEY, Packed, SHARD_BYTES, SHARDS_MAX, Shard, ShardError, pack, read, shard_name,
};

use crate::finding::{Code, Effect, Finding};
use crate::judge::{Outcome, Verdict};

/// Digest of this room's code and data: a verdict under another one may be another.
pub const DIGEST: &str = env!("KFP_COMPAT_DIGEST");

/// Most findings that are kept of one row on one release, worst first: a person needs the worst, not all.
const FINDINGS_MAX: usize = 4;
/// Longest message or help kept, in characters.
const MESSAGE_MAX: usize = 300;
/// Longest path or name kept, in characters.
const PATH_MAX: usize = 200;

/// What a stored row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// A version of a pipeline.
    PipelineVersion,
    /// A recurring run.
    RecurringRun,
    /// A run.
    Run,
}

/// A stored row: what it is, whose it is, which SDK compiled it, and how it fares. What the row does not tell is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is.
    pub kind: Kind,
    /// Primary key in its table.
    pub id: String,
    /// Its own name: of a pipeline version the version's.
    pub name: String,
    /// Name of its pipeline.
    pub pipeline: String,
    /// Primary key of its pipeline.
    pub pipeline_id: String,
    /// Primary key of the pipeline version that it runs; of a recurring run that takes the newest one, that one's.
    pub version: String,
    /// Namespace.
    pub namespace: String,
    /// Name of its experiment.
    pub experiment: String,
    /// Service account that its runs run as.
    pub service_account: String,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// It takes the newest version of its pipeline each time; only recurring runs do.
    pub newest: bool,
    /// A recurring run that starts runs. True for everything else.
    pub enabled: bool,
    /// Version of the SDK that compiled it, for example `2.15.2`; unset where it names none that can be read.
    pub sdk: Option<String>,
    /// Why its stored form could not be judged. Unset: it was.
    pub unread: Option<String>,
    /// How it fares on the releases on which it does not simply run, in the order of the releases.
    pub fares: Vec<Fare>,
}

/// How a row fares on one release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fare {
    /// The release.
    pub release: Version,
    /// The worst of what happens.
    pub outcome: Outcome,
    /// The worst findings, worst first.
    pub why: Vec<Why>,
    /// How many findings there are beside those.
    pub more: usize,
}

/// A finding at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// What is told.
    pub told: Arc<Told>,
    /// Path in the compiled pipeline; empty: all of it.
    pub path: String,
}

/// What a finding says, whatever it is found in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// Kind of finding.
    pub code: Code,
    /// What happens.
    pub effect: Effect,
    /// What is there and what happens.
    pub message: String,
    /// What to do.
    pub help: String,
    /// First of the releases that take it, where newer ones do: of those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub works_since: Option<Version>,
    /// Last of them in a row, where it is not the newest of the catalog.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub works_until: Option<Version>,
}

impl Row {
    /// How it fares on a release that it was judged on; `None` where its stored form could not be judged.
    #[must_use]
    pub fn outcome(&self, release: Version) -> Option<Outcome> {
        if self.unread.is_some() {
            return None;
        }
        let fare = self.fare(release).map(|fare| fare.outcome);
        Some(fare.unwrap_or(Outcome::Runs))
    }

    /// What is kept of how it fares on a release; `None` where it simply runs.
    #[must_use]
    pub fn fare(&self, release: Version) -> Option<&Fare> {
        self.fares.iter().find(|fare| fare.release == release)
    }

    /// What people call it: of a pipeline version `PIPELINE/VERSION`.
    #[must_use]
    pub fn title(&self) -> String {
        match self.kind {
            Kind::PipelineVersion => format!("{}/{}", self.pipeline, self.name),
            Kind::RecurringRun | Kind::Run => self.name.clone(),
        }
    }

    /// Whoever the row names as its owner: its namespace, else its service account.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        [&self.namespace, &self.service_account]
            .into_iter()
            .map(String::as_str)
            .find(|owner| !owner.is_empty())
    }
}

/// What is kept of verdicts: nothing of releases on which the pipeline simply runs.
#[must_use]
pub fn fares(verdicts: &[Verdict]) -> Vec<Fare> {
    let troubled = verdicts.iter().filter(|verdict| verdict.outcome != Outcome::Runs);
    troubled.map(fare).collect()
}

fn fare(verdict: &Verdict) -> Fare {
    let mut findings: Vec<&Finding> = verdict
        .findings
        .iter()
        .filter(|finding| finding.effect != Effect::Note)
        .collect();
    // Stable: findings of one effect stay in the order of the text.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.effect));
    Fare {
        release: verdict.release,
        outcome: verdict.outcome,
        more: findings.len().saturating_sub(FINDINGS_MAX),
        why: findings.into_iter().take(FINDINGS_MAX).map(why).collect(),
    }
}

fn why(finding: &Finding) -> Why {
    Why {
        told: Arc::new(Told {
            code: finding.code.clone(),
            effect: finding.effect,
            message: cut(&finding.message, MESSAGE_MAX),
            help: cut(&finding.help, MESSAGE_MAX),
            works_since: finding.works_since,
            works_until: finding.works_until,
        }),
        path: cut(&finding.path, PATH_MAX),
    }
}

/// The first characters of a text, with a sign where it was cut.
#[must_use]
pub fn cut(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        None => text.to_owned(),
        Some(_) => text
            .chars()
            .take(characters.saturating_sub(1))
            .chain(['…'])
            .collect(),
    }
}
