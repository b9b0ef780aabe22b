//! JUDGEMENT: how each part of a document is read, release by release, out of `data/parsers.yaml`. No decisions here.

use std::collections::HashMap;

use kfp_releases::Version;
use serde::Deserialize;

use crate::finding::Effect;
use crate::judge::releases::Releases;
use crate::knowledge::Basis;
use crate::knowledge::schema::{MessageId, Schema};

/// One parser of the servers.
#[derive(Clone, Debug)]
pub(crate) struct Parser {
    pub(crate) title: String,
    pub(crate) message: MessageId,
    pub(crate) treatments: Vec<Treatment>,
}

/// What it does on some releases.
#[derive(Clone, Debug)]
pub(crate) struct Treatment {
    pub(crate) releases: Releases,
    pub(crate) unknown: Effect,
    pub(crate) malformed: Effect,
    /// Of what is set twice.
    pub(crate) twice: Effect,
    /// One mistake makes all of it go.
    pub(crate) whole: bool,
    pub(crate) unknown_says: String,
    pub(crate) malformed_says: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct File {
    parsers: Vec<Written>,
    fallbacks: Vec<Fallback>,
    volume_images: Vec<String>,
    largest_upload: usize,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    name: String,
    title: String,
    message: String,
    content: Option<String>,
    treatments: Vec<WrittenTreatment>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenTreatment {
    since: Option<Version>,
    until: Option<Version>,
    unknown: Effect,
    malformed: Effect,
    twice: Option<Effect>,
    #[serde(default)]
    whole: bool,
    unknown_says: String,
    malformed_says: String,
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

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Fallback {
    message: String,
    field: String,
    older: String,
}

/// The parsers of the parts, by position, and what else the file says.
#[derive(Clone, Debug)]
pub(crate) struct Parsers {
    pub(crate) all: Vec<Parser>,
    /// Reads the first document.
    pub(crate) spec: usize,
    /// Reads the second.
    pub(crate) platform: usize,
    /// Reads the configuration of an executor that stands for a volume claim, in place of the one of the field.
    pub(crate) volume_config: usize,
    /// Largest upload that servers take, in bytes.
    pub(crate) largest_upload: usize,
    /// Images that stand for volume claims.
    pub(crate) volume_images: Vec<String>,
    /// (message, field as JSON has it) → field of the same meaning that came before it.
    pub(crate) fallbacks: HashMap<(MessageId, String), String>,
}

/// Releases of `versions` within both bounds.
pub(crate) fn within(versions: &[Version], since: Option<Version>, until: Option<Version>) -> Releases {
    versions
        .iter()
        .enumerate()
        .filter(|(_, version)| since.is_none_or(|since| **version >= since))
        .filter(|(_, version)| until.is_none_or(|until| **version <= until))
        .fold(Releases::NONE, |all, (at, _)| all.or(Releases::only(at)))
}

impl Parsers {
    /// Fits the file to the schema, or says what of the file the schema does not know.
    pub(crate) fn new(file: File, schema: &mut Schema, versions: &[Version]) -> Result<Self, String> {
        let mut all = Vec::new();
        let mut positions = HashMap::new();
        for written in file.parsers {
            let message = find(schema, &written.message)?;
            let at = all.len();
            if let Some(content) = &written.content {
                let embedded = content
                    .rsplit_once('.')
                    .is_some_and(|(owner, field)| schema.embed(owner, field, message, at));
                if !embedded {
                    return Err(format!("no release has the field {content}"));
                }
            }
            positions.insert(written.name, at);
            all.push(Parser {
                title: written.title,
                message,
                treatments: written
                    .treatments
                    .into_iter()
                    .map(|one| treatment(one, versions))
                    .collect(),
            });
        }
        let position = |name: &str| {
            let found = positions.get(name).copied();
            found.ok_or_else(|| format!("no parser is named {name}"))
        };
        let mut fallbacks = HashMap::new();
        for fallback in file.fallbacks {
            let message = find(schema, &fallback.message)?;
            let known = schema.message(message);
            for field in [&fallback.field, &fallback.older] {
                if known.is_none_or(|message| message.field(field).is_none()) {
                    return Err(format!("no release has {}.{field}", fallback.message));
                }
            }
            fallbacks.insert((message, fallback.field), fallback.older);
        }
        Ok(Self {
            spec: position("pipelineSpec")?,
            platform: position("platformSpec")?,
            volume_config: position("volumeConfig")?,
            largest_upload: file.largest_upload,
            volume_images: file.volume_images,
            all,
            fallbacks,
        })
    }
}

fn find(schema: &Schema, name: &str) -> Result<MessageId, String> {
    schema
        .find(name)
        .ok_or_else(|| format!("no release has the message {name}"))
}

fn treatment(written: WrittenTreatment, versions: &[Version]) -> Treatment {
    Treatment {
        releases: within(versions, written.since, written.until),
        unknown: written.unknown,
        malformed: written.malformed,
        twice: written.twice.unwrap_or(written.malformed),
        whole: written.whole,
        unknown_says: written.unknown_says,
        malformed_says: written.malformed_says,
    }
}
