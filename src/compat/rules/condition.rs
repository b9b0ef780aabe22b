//! JUDGEMENT: conditions of rules. Says whether one holds and where; judges nothing.

use serde::Deserialize;

use super::path::{Ground, Pattern, Spot};
use crate::judge::steps::filled;
use crate::text::{Kind, Value};

/// A condition.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    at: Pattern,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
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
    /// So many values are there at least.
    AtLeast(usize),
}

/// A condition as it is written: a path and at most one test.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Written {
    at: String,
    filled: Option<bool>,
    equals: Option<String>,
    one_of: Option<Vec<String>>,
    contains: Option<Vec<String>>,
    at_least: Option<usize>,
    is: Option<WrittenKind>,
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
        ];
        let mut tests = tests.into_iter().flatten();
        let test = tests.next().unwrap_or(Test::Present);
        if tests.next().is_some() {
            return Err(format!("`{}` has two tests", written.at));
        }
        Ok(Self {
            at: Pattern::read(&written.at)?,
            test,
        })
    }

    /// Where it holds first, if it holds. A count holds at the first value counted.
    pub(crate) fn holds<'tree>(&self, ground: Ground<'_, 'tree>) -> Option<Spot<'tree>> {
        match &self.test {
            Test::Present => self.at.first(ground, |_| true),
            Test::Filled(wanted) => self.at.first(ground, |value| filled(value) == *wanted),
            Test::OneOf(words) => self.at.first(ground, |value| {
                let written = word(value);
                written.is_some_and(|written| words.contains(&written))
            }),
            Test::Contains(parts) => self.at.first(ground, |value| {
                let text = value.as_str();
                text.is_some_and(|text| parts.iter().any(|part| text.contains(part)))
            }),
            Test::Is(kind) => self.at.first(ground, |value| value.kind() == *kind),
            Test::AtLeast(least) => (self.at.count(ground) >= *least)
                .then(|| self.at.first(ground, |_| true))
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
