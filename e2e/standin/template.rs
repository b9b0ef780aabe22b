//! Room e2e/standin: texts of the data files that are made of environment names and flags: `${NAME}`,
//! `${NAME:-else}`, `${--flag:-else}`. Pure.

use serde::Deserialize;

/// A text with gaps.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Template(pub String);

/// A text whose gaps are filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expanded {
    /// The text; where a value is not seen, the name of its source stands in angle brackets.
    pub text: String,
    /// Whether every part of it was seen.
    pub seen: bool,
}

impl Expanded {
    /// A text that is seen.
    #[must_use]
    pub fn seen(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            seen: true,
        }
    }

    /// A text that only the running pod has.
    #[must_use]
    pub fn unseen(source: &str) -> Self {
        Self {
            text: format!("<{source}>"),
            seen: false,
        }
    }
}

/// Where gaps are filled from.
pub trait Lookup {
    /// The value of an environment name, when it is set.
    fn variable(&self, name: &str) -> Option<Expanded>;
    /// The value of a flag, when it is given.
    fn flag(&self, name: &str) -> Option<Expanded>;
}

impl Template {
    /// Fills the gaps as a shell would: unset and empty take what stands after `:-`, else nothing.
    pub fn expand(&self, lookup: &impl Lookup) -> Expanded {
        expand(&self.0, lookup)
    }
}

impl Template {
    /// Whether it is what Go's `strconv.ParseBool` takes for true.
    pub fn holds(&self, lookup: &impl Lookup) -> bool {
        let expanded = self.expand(lookup);
        expanded.seen && matches!(expanded.text.as_str(), "1" | "t" | "T" | "true" | "True" | "TRUE")
    }
}

/// As [`Template::expand`].
pub fn expand(text: &str, lookup: &impl Lookup) -> Expanded {
    let mut filled = Expanded::seen("");
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, after) = (&rest[..start], &rest[start + 2..]);
        let Some(end) = closing_brace(after) else { break };
        filled.text.push_str(before);
        let gap = fill(&after[..end], lookup);
        filled.text.push_str(&gap.text);
        filled.seen &= gap.seen;
        rest = &after[end + 1..];
    }
    filled.text.push_str(rest);
    filled
}

/// Index of the brace that closes a gap, braces of gaps within it left aside.
fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (index, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(index),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn fill(gap: &str, lookup: &impl Lookup) -> Expanded {
    let (name, otherwise) = gap.split_once(":-").unwrap_or((gap, ""));
    let found = match name.strip_prefix("--") {
        Some(flag) => lookup.flag(flag),
        None => lookup.variable(name),
    };
    found
        .filter(|value| !value.text.is_empty())
        .unwrap_or_else(|| expand(otherwise, lookup))
}

/// Splits a shell command into words: blanks part them, double quotes keep them together.
#[must_use]
pub fn shell_words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut depth = 0_usize;
    for character in command.chars() {
        match character {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' if !quoted && depth == 0 => words.extend(word.take()),
            _ => {
                depth = match character {
                    '{' => depth + 1,
                    '}' => depth.saturating_sub(1),
                    _ => depth,
                };
                word.get_or_insert_default().push(character);
            }
        }
    }
    words.extend(word);
    words
}

/// A Go duration such as `6m`, `1m30s`, `120s` or `1.5h`; none when it is not one.
#[must_use]
pub fn go_duration(text: &str) -> Option<std::time::Duration> {
    if text == "0" {
        return Some(std::time::Duration::ZERO);
    }
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let unit = &rest[digits..];
        let end = unit
            .find(|character: char| character.is_ascii_digit())
            .unwrap_or(unit.len());
        seconds += number
            * match &unit[..end] {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" => 1e-6,
                "ns" => 1e-9,
                _ => return None,
            };
        rest = &unit[end..];
    }
    (!text.is_empty())
        .then(|| std::time::Duration::try_from_secs_f64(seconds).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use std::time::Duration;

    use super::*;

    struct Few;

    impl Lookup for Few {
        fn variable(&self, name: &str) -> Option<Expanded> {
            match name {
                "HOST" => Some(Expanded::seen("db")),
                "EMPTY" => Some(Expanded::seen("")),
                "PASSWORD" => Some(Expanded::unseen("secret s/password")),
                _ => None,
            }
        }

        fn flag(&self, name: &str) -> Option<Expanded> {
            (name == "port").then(|| Expanded::seen("3307"))
        }
    }

    #[rstest]
    #[case::plain("mysql", "mysql", true)]
    #[case::name_and_flag("${HOST}:${--port}", "db:3307", true)]
    #[case::unset_takes_what_follows("${X:-a.b}", "a.b", true)]
    #[case::empty_takes_what_follows("${EMPTY:-c}", "c", true)]
    #[case::what_follows_may_have_gaps("${X:-${HOST}}", "db", true)]
    #[case::unset_without_more_is_nothing("a${X}b", "ab", true)]
    #[case::a_secret_is_not_seen("${PASSWORD}", "<secret s/password>", false)]
    #[case::an_open_brace_is_left("${HOST", "${HOST", true)]
    fn gaps_are_filled(#[case] text: &str, #[case] filled: &str, #[case] seen: bool) {
        assert_eq!(
            expand(text, &Few),
            Expanded {
                text: filled.to_owned(),
                seen
            }
        );
    }

    #[test]
    fn words_keep_their_quotes_and_gaps_together() {
        assert_eq!(
            shell_words(r#"/bin/c --a=${A:-x y} --h="${H:-}"  -v"#),
            ["/bin/c", "--a=${A:-x y}", "--h=${H:-}", "-v"]
        );
    }

    #[rstest]
    #[case("6m", Some(Duration::from_mins(6)))]
    #[case("1m30s", Some(Duration::from_secs(90)))]
    #[case("0s", Some(Duration::ZERO))]
    #[case("0", Some(Duration::ZERO))]
    #[case("120", None)]
    #[case("", None)]
    #[case("soon", None)]
    fn durations_are_those_of_go(#[case] text: &str, #[case] duration: Option<Duration>) {
        assert_eq!(go_duration(text), duration);
    }
}
