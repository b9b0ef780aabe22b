//! JUDGEMENT: what is known of releases, compiled in as data: codes, rules, features, SDK advisories. No decisions here.

use std::sync::OnceLock;

use kfp_releases::{Catalog, Version};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::finding::{Code, Effect};

/// All that the judge knows.
#[derive(Clone, Debug)]
pub struct Knowledge {
    releases: Vec<Version>,
    codes: Vec<CodeMeaning>,
    schema_version: String,
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
    schema_version: String,
    codes: Vec<CodeMeaning>,
}

impl Knowledge {
    /// The knowledge that is compiled in. Parsed once.
    pub fn builtin() -> Result<&'static Self, KnowledgeError> {
        static BUILTIN: OnceLock<Result<Knowledge, KnowledgeError>> = OnceLock::new();
        BUILTIN.get_or_init(Self::parse).as_ref().map_err(Clone::clone)
    }

    fn parse() -> Result<Self, KnowledgeError> {
        let catalog = Catalog::builtin().map_err(|problem| KnowledgeError {
            file: problem.file.clone(),
            path: problem.path.clone(),
            message: problem.message.clone(),
        })?;
        let codes: Codes = read("codes.yaml", include_str!("data/codes.yaml"))?;
        Ok(Self {
            releases: catalog
                .releases()
                .filter(|release| release.dependencies.is_some())
                .map(|release| release.version)
                .collect(),
            codes: codes.codes,
            schema_version: codes.schema_version,
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

    /// What a code says.
    #[must_use]
    pub fn code(&self, code: &str) -> Option<&CodeMeaning> {
        self.codes.iter().find(|meaning| meaning.code.0 == code)
    }

    /// The one schema version that servers take.
    pub(crate) fn schema_version(&self) -> &str {
        &self.schema_version
    }
}

fn read<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, KnowledgeError> {
    serde_saphyr::from_str(text).map_err(|problem| KnowledgeError {
        file: file.to_owned(),
        path: ".".to_owned(),
        message: problem.to_string(),
    })
}
