//! JUDGEMENT: conditions of rules. Says whether one holds and where; judges nothing.

use serde::Deserialize;

use super::form;
use super::path::{Ground, Pattern, Spot};
use crate::judge::facts::Fact;
use crate::judge::steps::filled;
use crate::text::{Kind, Value};

/// A condition.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    /// Something is true of the task, or of the root.
    Fact(Fact),
    /// A path leads to something.
    Path(Pattern, Test),
}

#[derive(Clone, Debug)]
pub(crate) enum Test {
    /// It is there.
    Present,
    /// It is there and is neither empty nor null, or is (false).
    Filled(bool),
    /// It is one of these words, numbers or truth values.
    OneOf(Vec<String>),
    /// It is a text with one of these in it.
    Contains(Vec<String>),
    /// It is of this kind.
    Is(Kind),
    /// It is a text that is none of these.
    NoneOf(Vec<String>),
    /// It is a text without placeholders that begins with none of these.
    BeginsWithNone(Vec<String>),
    /// It is a mapping with another key than these.
    KeysBeside(Vec<String>),
    /// It is a text without placeholders that is no quantity of Kubernetes, or one below zero.
    NoQuantity,
    /// It is a text that is no name for a pipeline.
    NoPipelineName,
    /// As JSON it is longer than this, in bytes.
    LongerThan(usize),
    /// So many values are there at least.
    AtLeast(usize),
}

/// A condition as it is written: a fact, or a path and at most one test.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Written {
    fact: Option<String>,
    at: Option<String>,
    filled: Option<bool>,
    equals: Option<String>,
    one_of: Option<Vec<String>>,
    contains: Option<Vec<String>>,
    at_least: Option<usize>,
    is: Option<WrittenKind>,
    none_of: Option<Vec<String>>,
    begins_with_none: Option<Vec<String>>,
    keys_beside: Option<Vec<String>>,
    is_no: Option<Form>,
    longer_than: Option<usize>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Form {
    Quantity,
    PipelineName,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum WrittenKind {
    Null,
    Bool,
    Number,
    Text,
    Sequence,
    Mapping,
}

impl WrittenKind {
    const fn kind(self) -> Kind {
        match self {
            Self::Null => Kind::Null,
            Self::Bool => Kind::Bool,
            Self::Number => Kind::Number,
            Self::Text => Kind::Text,
            Self::Sequence => Kind::Sequence,
            Self::Mapping => Kind::Mapping,
        }
    }
}

impl Condition {
    /// Reads a condition, or says what is wrong with it.
    pub(crate) fn new(written: Written) -> Result<Self, String> {
        let tests = [
            written.filled.map(Test::Filled),
            written.equals.map(|word| Test::OneOf(vec![word])),
            written.one_of.map(Test::OneOf),
            written.contains.map(Test::Contains),
            written.at_least.map(Test::AtLeast),
            written.is.map(|kind| Test::Is(kind.kind())),
            written.none_of.map(Test::NoneOf),
            written.begins_with_none.map(Test::BeginsWithNone),
            written.keys_beside.map(Test::KeysBeside),
            written.is_no.map(|form| match form {
                Form::Quantity => Test::NoQuantity,
                Form::PipelineName => Test::NoPipelineName,
            }),
            written.longer_than.map(Test::LongerThan),
        ];
        let mut tests = tests.into_iter().flatten();
        let test = tests.next().unwrap_or(Test::Present);
        let is_tested = !matches!(test, Test::Present);
        if tests.next().is_some() {
            return Err("a condition has two tests".to_owned());
        }
        match (written.fact, written.at) {
            (None, Some(at)) => Ok(Self::Path(Pattern::read(&at)?, test)),
            (Some(fact), None) if !is_tested => {
                let known = fact.parse().map_err(|_| format!("there is no fact {fact}"))?;
                Ok(Self::Fact(known))
            }
            _ => Err("a condition has a path, or a fact and no test".to_owned()),
        }
    }

    /// It holds for all tasks that run the same component, or for none of them.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self, Self::Path(at, _) if at.is_shared())
    }

    /// It holds for all tasks, or for none of them.
    pub(crate) fn is_global(&self) -> bool {
        matches!(self, Self::Path(at, _) if at.is_global())
    }

    /// Where it holds first, if it holds. A count holds at the first value counted.
    pub(crate) fn holds<'tree>(&self, ground: Ground<'_, 'tree>) -> Option<Spot<'tree>> {
        match self {
            Self::Fact(fact) => {
                let found = ground.facts.iter().find(|found| found.fact == *fact)?;
                Some(Spot {
                    value: found.value,
                    place: found.place,
                    path: found.path.clone(),
                })
            }
            Self::Path(at, test) => test.holds(at, ground),
        }
    }
}

impl Test {
    fn holds<'tree>(&self, at: &Pattern, ground: Ground<'_, 'tree>) -> Option<Spot<'tree>> {
        match self {
            Self::Present => at.first(ground, |_| true),
            Self::Filled(wanted) => at.first(ground, |value| filled(value) == *wanted),
            Self::OneOf(words) => at.first(ground, |value| {
                let written = word(value);
                written.is_some_and(|written| words.contains(&written))
            }),
            Self::Contains(parts) => at.first(ground, |value| {
                let text = value.as_str();
                text.is_some_and(|text| parts.iter().any(|part| text.contains(part)))
            }),
            Self::Is(kind) => at.first(ground, |value| value.kind() == *kind),
            Self::NoneOf(words) => at.first(ground, |value| {
                let text = value.as_str();
                text.is_some_and(|text| !words.iter().any(|word| word == text))
            }),
            Self::BeginsWithNone(starts) => at.first(ground, |value| {
                let text = value.as_str();
                text.is_some_and(|text| {
                    !text.contains("{{") && !starts.iter().any(|start| text.starts_with(start))
                })
            }),
            Self::KeysBeside(keys) => at.first(ground, |value| {
                let mut entries = value.entries();
                entries.any(|pair| !keys.iter().any(|key| key == pair.key))
            }),
            Self::NoQuantity => at.first(ground, |value| {
                let text = value.as_str();
                text.is_some_and(|text| !text.is_empty() && !text.contains("{{") && !form::is_quantity(text))
            }),
            Self::NoPipelineName => at.first(ground, |value| {
                let text = value.as_str();
                text.is_some_and(|text| !text.is_empty() && !form::is_pipeline_name(text))
            }),
            Self::LongerThan(most) => at.first(ground, |value| form::length(value) > *most),
            Self::AtLeast(least) => (at.count(ground) >= *least)
                .then(|| at.first(ground, |_| true))
                .flatten(),
        }
    }
}

/// A scalar as text.
fn word(value: Value<'_>) -> Option<String> {
    if let Some(text) = value.as_str() {
        return Some(text.to_owned());
    }
    if let Some(truth) = value.as_bool() {
        return Some(truth.to_string());
    }
    value.as_f64().map(|number| number.to_string())
}
