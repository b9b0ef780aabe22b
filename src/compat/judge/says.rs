//! JUDGEMENT: the words for what a walk finds. One place for them, so that they agree with each other.

use strsim::jaro_winkler;

use crate::finding::Effect;
use crate::judge::releases::Releases;
use crate::judge::report::Raw;
use crate::judge::trail::{Step, written};
use crate::knowledge::Knowledge;
use crate::knowledge::parser::{Parser, Treatment};
use crate::knowledge::schema::Message;
use crate::text::{Kind, Place, Value};

/// What a walk found.
#[derive(Clone, Copy)]
pub(crate) enum Told<'found> {
    /// A field that the release does not know.
    Field {
        name: &'found str,
        message: &'found Message,
        known: Releases,
        /// A field of the same meaning that the release knows is there too.
        has_older: bool,
    },
    /// A value of an enum that the release does not know.
    Value { name: &'found str, known: Releases },
    /// A value that its field cannot hold.
    Malformed { is: Kind, wanted: &'static str },
    /// A field in both spellings.
    Twice { json: &'found str },
    /// Two fields of which one at most may be set.
    Conflict,
}

/// Longest part of a name that a message repeats, in characters.
const LONGEST_NAME: usize = 80;

/// How alike two names must be for one to be offered for the other, from 0 to 1.
const ALIKE: f64 = 0.87;

impl Told<'_> {
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Field { known, .. } if !known.is_empty() => "KFP001",
            Self::Field { .. } => "KFP002",
            Self::Malformed { .. } => "KFP003",
            Self::Value { .. } => "KFP004",
            Self::Twice { .. } | Self::Conflict => "KFP005",
        }
    }

    pub(crate) const fn effect(&self, treatment: &Treatment) -> Effect {
        match self {
            Self::Field { .. } => treatment.unknown,
            Self::Twice { .. } | Self::Conflict => treatment.twice,
            Self::Malformed { .. } | Self::Value { .. } => treatment.malformed,
        }
    }

    /// Nothing is lost by it.
    pub(crate) fn is_harmless(&self, treatment: &Treatment) -> bool {
        // `@type` names the message itself, and is skipped like anything unknown.
        matches!(
            self,
            Self::Field { has_older: true, .. } | Self::Field { name: "@type", .. }
        ) && treatment.unknown == Effect::Dropped
            && !treatment.whole
    }

    const fn known(&self) -> Releases {
        match self {
            Self::Field { known, .. } | Self::Value { known, .. } => *known,
            _ => Releases::NONE,
        }
    }

    fn message(&self, treatment: &Treatment, parser: &Parser) -> String {
        let (unknown, malformed) = (&treatment.unknown_says, &treatment.malformed_says);
        match self {
            Self::Field { name, known, .. } if known.is_empty() => format!(
                "no release knows a field `{}` here, in {}; {unknown}",
                short(name),
                parser.title
            ),
            Self::Field { name, .. } => {
                format!(
                    "this release does not know the field `{}` of {}; {unknown}",
                    short(name),
                    parser.title
                )
            }
            Self::Value { name, known } if known.is_empty() => {
                format!("no release knows the value `{}` here; {malformed}", short(name))
            }
            Self::Value { name, .. } => {
                format!(
                    "this release does not know the value `{}`; {malformed}",
                    short(name)
                )
            }
            Self::Malformed { is, wanted } => {
                format!("{} stands where {wanted} is wanted; {malformed}", kind(*is))
            }
            Self::Twice { json } => format!("`{json}` is set twice, in both spellings; {malformed}"),
            Self::Conflict => {
                format!("another field is set already of which this one is the alternative; {malformed}")
            }
        }
    }

    fn help(&self, knowledge: &Knowledge) -> String {
        match self {
            Self::Field {
                name, message, known, ..
            } if known.is_empty() => match alike(name, message) {
                Some(name) => format!("Write `{name}`, if that is meant; else remove it."),
                None => "Remove it, or correct its name.".to_owned(),
            },
            Self::Field { known, .. } | Self::Value { known, .. } if !known.is_empty() => {
                ages(*known, knowledge)
            }
            Self::Field { .. } | Self::Value { .. } => "Remove it, or correct its name.".to_owned(),
            Self::Malformed { wanted, .. } => format!("Write {wanted}."),
            Self::Twice { .. } | Self::Conflict => "Keep one of the two.".to_owned(),
        }
    }
}

/// What to do about something that only some releases know.
pub(crate) fn ages(known: Releases, knowledge: &Knowledge) -> String {
    let versions = knowledge.releases();
    let version = |position: Option<usize>| position.and_then(|position| versions.get(position)).copied();
    let (first, last) = (
        version(known.positions().next()),
        version(known.positions().next_back()),
    );
    match (first, last) {
        (Some(first), Some(last)) if Some(&last) == versions.last() => {
            format!("Run it on {first} or newer, or compile it without that.")
        }
        (Some(first), Some(last)) if first == last => {
            format!("Only {first} takes it; compile it without that.")
        }
        (Some(first), Some(last)) => format!("Only {first} to {last} take it; compile it without that."),
        _ => "Compile it without that.".to_owned(),
    }
}

/// The field whose name is most like this one.
fn alike(name: &str, message: &Message) -> Option<&'static str> {
    if name.len() > LONGEST_NAME {
        return None;
    }
    let score = |field: &str| jaro_winkler(&name.to_lowercase(), &field.to_lowercase());
    message
        .fields
        .iter()
        .map(|field| (score(field.json), field.json))
        .filter(|(score, _)| *score >= ALIKE)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, json)| json)
}

/// The name, cut to what a message can hold.
pub(crate) fn short(name: &str) -> String {
    let mut shown: String = name.chars().take(LONGEST_NAME).collect();
    if shown.len() < name.len() {
        shown.push('…');
    }
    shown
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Null => "nothing",
        Kind::Bool => "a truth value",
        Kind::Number => "a number",
        Kind::Text => "a text",
        Kind::Sequence => "a sequence",
        Kind::Mapping => "a mapping",
    }
}

/// A number that an open enum holds.
pub(crate) fn is_int32(value: Value<'_>) -> bool {
    crate::judge::number::Scalar::Int32.takes(value)
}

/// The finding.
#[expect(
    clippy::too_many_arguments,
    reason = "each is a different part of what is told"
)]
pub(crate) fn raw<'data>(
    told: &Told<'_>,
    treatment: &Treatment,
    parser: &Parser,
    knowledge: &Knowledge,
    releases: Releases,
    place: Place,
    steps: &[Step<'_>],
    task: Option<&str>,
) -> Raw<'data> {
    Raw {
        code: told.code(),
        effect: told.effect(treatment),
        releases,
        works: told.known(),
        path: written(steps),
        task: task.map(str::to_owned),
        place: Some(place),
        message: told.message(treatment, parser),
        help: told.help(knowledge),
    }
}
