//! JUDGEMENT: what is known of releases, compiled in: field tables, parsers, rules, codes, features. No decisions here.

pub(crate) mod parser;
pub(crate) mod schema;
pub(crate) mod tables;

use std::collections::HashMap;
use std::sync::OnceLock;

use kfp_releases::Version;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use strum::{Display, IntoStaticStr};

use crate::feature::{self, KnownFeature};
use crate::finding::{Code, Effect};
use crate::knowledge::parser::Parsers;
use crate::knowledge::schema::{MessageId, Schema, Shape};
use crate::rules::Rules;

/// All that the judge knows.
#[derive(Clone, Debug)]
pub struct Knowledge {
    releases: Vec<Version>,
    codes: Vec<CodeMeaning>,
    schema: Schema,
    shapes: HashMap<MessageId, Shape>,
    parsers: Parsers,
    rules: Rules,
    features: Vec<KnownFeature>,
}

/// What a code says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CodeMeaning {
    /// The code.
    pub code: Code,
    /// A few words.
    pub title: String,
    /// What it means, in sentences.
    pub meaning: String,
    /// What can happen on a backend, worst first.
    pub effects: Vec<Effect>,
    /// What to do.
    pub help: String,
}

/// How a fact came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, Display, IntoStaticStr)]
pub enum Basis {
    /// The release, or its own code, was run.
    Seen,
    /// It was read in the release's code.
    Derived,
}

/// Data that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("knowledge of releases, file {file}, at `{path}`: {message}; mend the data file")]
pub struct KnowledgeError {
    /// File below `src/compat/data`.
    pub file: String,
    /// Place in it.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Codes {
    codes: Vec<CodeMeaning>,
}

impl Knowledge {
    /// The knowledge that is compiled in. Parsed once.
    pub fn builtin() -> Result<&'static Self, KnowledgeError> {
        static BUILTIN: OnceLock<Result<Knowledge, KnowledgeError>> = OnceLock::new();
        let parsed = BUILTIN.get_or_init(|| {
            Self::parse(
                include_str!(concat!(env!("OUT_DIR"), "/codes.json")),
                include_str!(concat!(env!("OUT_DIR"), "/parsers.json")),
                &[include_str!(concat!(env!("OUT_DIR"), "/rules.json"))],
                include_str!(concat!(env!("OUT_DIR"), "/features.json")),
            )
        });
        parsed.as_ref().map_err(Clone::clone)
    }

    fn parse(codes: &str, parsers: &str, rules: &[&str], features: &str) -> Result<Self, KnowledgeError> {
        let releases = tables::releases();
        let mut schema = tables::schema();
        let file = read("parsers.yaml", parsers)?;
        let parsers =
            Parsers::new(file, &mut schema, &releases).map_err(|message| wrong("parsers.yaml", message))?;
        let codes: Codes = read("codes.yaml", codes)?;
        let mut files = Vec::new();
        for text in rules {
            files.push(read("rules.yaml", text)?);
        }
        let rules = Rules::new(files, &releases).map_err(|message| wrong("rules.yaml", message))?;
        let features = read("features.yaml", features)?;
        let features =
            feature::read(features, &releases).map_err(|message| wrong("features.yaml", message))?;
        let shapes = parsers
            .all
            .iter()
            .map(|parser| (parser.message, Shape::Message(parser.message)))
            .collect();
        Ok(Self {
            releases,
            codes: codes.codes,
            schema,
            shapes,
            parsers,
            rules,
            features,
        })
    }

    /// Every backend release that it knows, oldest first.
    #[must_use]
    pub fn releases(&self) -> &[Version] {
        &self.releases
    }

    /// Every code, in order.
    #[must_use]
    pub fn codes(&self) -> &[CodeMeaning] {
        &self.codes
    }

    /// Every feature that it recognises, in order.
    #[must_use]
    pub fn features(&self) -> &[KnownFeature] {
        &self.features
    }

    /// What a code says.
    #[must_use]
    pub fn code(&self, code: &str) -> Option<&CodeMeaning> {
        self.codes.iter().find(|meaning| meaning.code.0 == code)
    }

    /// Position of the release, of the nearest older one, or of the oldest.
    pub(crate) fn nearest(&self, release: Version) -> usize {
        self.releases
            .iter()
            .rposition(|known| *known <= release)
            .unwrap_or(0)
    }

    /// What limits a verdict on a release that was judged as the one at `position`.
    pub(crate) fn note(&self, asked: Version, position: usize) -> Option<String> {
        let judged = *self.releases.get(position)?;
        if judged == asked {
            return tables::note(judged);
        }
        let what = if self.releases.last() == Some(&judged) {
            format!("{asked} is newer than every release known here")
        } else {
            format!("{asked} is no backend release known here")
        };
        Some(format!("{what}; judged as {judged}"))
    }

    pub(crate) const fn schema(&self) -> &Schema {
        &self.schema
    }

    pub(crate) const fn parsers(&self) -> &Parsers {
        &self.parsers
    }

    pub(crate) const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The shape of a parser's message.
    pub(crate) fn shape_of(&self, message: MessageId) -> Option<&Shape> {
        self.shapes.get(&message)
    }
}

/// The platform that servers read a platform spec for.
pub(crate) const PLATFORM: &str = "kubernetes";

fn wrong(file: &str, message: String) -> KnowledgeError {
    KnowledgeError {
        file: file.to_owned(),
        path: ".".to_owned(),
        message,
    }
}

/// Reads data: JSON, as the build makes it of the YAML in the repository, or YAML itself.
pub(crate) fn read<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, KnowledgeError> {
    if text.starts_with('{') {
        return serde_json::from_str(text).map_err(|problem| wrong(file, problem.to_string()));
    }
    serde_saphyr::from_str(text).map_err(|problem| wrong(file, problem.to_string()))
}
