//! Room e2e/standin: a command line read by the rules of Go's flag package or of gflags. Pure.

use std::collections::BTreeMap;

use crate::contract::{ArgumentContract, Form, Syntax};
use crate::facts::Held;

/// A command line, read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// Values by flag name; the last one counts.
    pub values: BTreeMap<String, Held>,
    /// Words that are no flags.
    pub rest: Vec<Held>,
    /// Flags that the program does not know, or that lack their value.
    pub refused: Vec<String>,
}

/// Reads a command line; for [`Syntax::Exact`] every word is in [`Flags::rest`].
#[must_use]
pub fn read(contract: &ArgumentContract, arguments: &[Held]) -> Flags {
    let mut flags = Flags::default();
    if contract.syntax == Syntax::Exact {
        flags.rest = arguments.to_vec();
        return flags;
    }
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let Some(body) = flag_body(word) else {
            flags.rest.push(word.clone());
            if contract.syntax == Syntax::GoFlag {
                flags.rest.extend(words.by_ref().cloned());
            }
            continue;
        };
        if body.is_empty() {
            flags.rest.extend(words.by_ref().cloned());
        } else {
            take_flag(contract, word, body, &mut words, &mut flags);
        }
    }
    flags
}

/// What follows the dashes of a flag; none when the word is not a flag.
fn flag_body(word: &Held) -> Option<&str> {
    let (Held::Text(text) | Held::Promised(text) | Held::Maybe(text)) = word;
    let body = text.strip_prefix('-')?;
    if body.is_empty() {
        return None;
    }
    Some(body.strip_prefix('-').unwrap_or(body))
}

fn take_flag<'a>(
    contract: &ArgumentContract,
    word: &Held,
    body: &str,
    words: &mut impl Iterator<Item = &'a Held>,
    flags: &mut Flags,
) {
    let (name, value) = match body.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (body, None),
    };
    let negated = name.strip_prefix("no").filter(|plain| {
        contract.syntax == Syntax::Gflags && contract.known.get(*plain) == Some(&Form::Boolean)
    });
    if let (Some(plain), None, false) = (negated, value, contract.known.contains_key(name)) {
        flags
            .values
            .insert(plain.to_owned(), Held::Text("false".to_owned()));
        return;
    }
    let Some(form) = contract.known.get(name) else {
        flags
            .refused
            .push(format!("--{name} is not a flag of this program"));
        return;
    };
    let held = match (value, form) {
        (Some(value), _) => like(word, value),
        (None, Form::Boolean) => Held::Text("true".to_owned()),
        (None, _) => {
            let Some(next) = words.next() else {
                flags.refused.push(format!("--{name} stands without its value"));
                return;
            };
            next.clone()
        }
    };
    flags.values.insert(name.to_owned(), held);
}

/// `value`, seen as far as the word was that it is cut from.
fn like(word: &Held, value: &str) -> Held {
    match word {
        Held::Text(_) => Held::Text(value.to_owned()),
        Held::Promised(_) => Held::Promised(value.to_owned()),
        Held::Maybe(_) => Held::Maybe(value.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn contract(syntax: Syntax) -> ArgumentContract {
        let known = [
            ("config", Form::Text),
            ("upgrade", Form::Boolean),
            ("port", Form::Integer),
        ];
        ArgumentContract {
            syntax,
            known: known
                .into_iter()
                .map(|(name, form)| (name.to_owned(), form))
                .collect(),
            required: Vec::new(),
            one_of: Vec::new(),
            exact: Vec::new(),
        }
    }

    fn read_words(syntax: Syntax, words: &[&str]) -> (Vec<(String, String)>, usize, Vec<String>) {
        let words: Vec<_> = words.iter().map(|word| Held::Text((*word).to_owned())).collect();
        let flags = read(&contract(syntax), &words);
        let values = flags
            .values
            .into_iter()
            .map(|(name, held)| match held {
                Held::Text(text) => (name, text),
                other => (name, format!("{other:?}")),
            })
            .collect();
        (values, flags.rest.len(), flags.refused)
    }

    #[rstest]
    #[case::one_dash_and_two(Syntax::GoFlag, &["-config=/c", "--port=1"], &[("config", "/c"), ("port", "1")], 0)]
    #[case::value_in_the_next_word(Syntax::GoFlag, &["--config", "/c"], &[("config", "/c")], 0)]
    #[case::boolean_alone(Syntax::GoFlag, &["--upgrade", "x"], &[("upgrade", "true")], 1)]
    #[case::go_stops_at_the_first_word(Syntax::GoFlag, &["x", "--port=1"], &[], 2)]
    #[case::gflags_goes_on(Syntax::Gflags, &["x", "--port=1"], &[("port", "1")], 1)]
    #[case::gflags_negates(Syntax::Gflags, &["--noupgrade"], &[("upgrade", "false")], 0)]
    #[case::two_dashes_end_the_flags(Syntax::GoFlag, &["--port=1", "--", "--config=/c"], &[("port", "1")], 1)]
    fn flags_are_read(
        #[case] syntax: Syntax,
        #[case] words: &[&str],
        #[case] values: &[(&str, &str)],
        #[case] rest: usize,
    ) {
        let expected: Vec<_> = values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        assert_eq!(read_words(syntax, words), (expected, rest, Vec::new()));
    }

    #[test]
    fn unknown_flags_and_missing_values_are_refused() {
        let (_, _, refused) = read_words(Syntax::GoFlag, &["--nope=1", "--port"]);
        assert_eq!(
            refused,
            [
                "--nope is not a flag of this program",
                "--port stands without its value"
            ]
        );
    }
}
