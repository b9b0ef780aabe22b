//! FACTS: versions of Python SDKs as pipelines carry them, ranges of them, and what a policy says of one. No I/O, no clock.

mod policy;
mod range;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::version::Version;
pub use policy::{Exception, SdkPolicy, Standing};
pub use range::{Clause, Comparison, SdkRange, SdkRangeError};

/// Version of an SDK, as in `sdkVersion: kfp-2.15.2` or as Python writes it: `2.0.0-beta.13`, `2.0.0b13`, `2.1.0rc1`,
/// `2.5.0.dev3`, `2.5.0+local`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SdkVersion {
    /// The numbers.
    pub release: Version,
    /// How far it is: a final release is later than its candidates.
    pub stage: Stage,
}

/// How far a version is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Development version.
    Dev(u16),
    /// Alpha.
    Alpha(u16),
    /// Beta.
    Beta(u16),
    /// Release candidate.
    Candidate(u16),
    /// Released.
    Final,
    /// Released again with the same code (`.post1`, or `-1` in a tag).
    Post(u16),
}

/// A text that is no version of an SDK.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no version of an SDK: write it like kfp-2.15.2")]
pub struct SdkVersionError(String);

impl FromStr for SdkVersion {
    type Err = SdkVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| SdkVersionError(text.to_owned()))
    }
}

/// One more than the largest number that a part of a version may have: no SDK comes near it, and admission policies, which
/// make one number of a version, need a limit.
const PART: u16 = 10_000;

/// The digits that a text begins with, and the rest.
fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

/// The number that a text begins with, and the rest.
fn number(text: &str) -> (Option<u16>, &str) {
    let (digits, rest) = digits(text);
    (digits.parse().ok().filter(|number| *number < PART), rest)
}

fn parse(text: &str) -> Option<SdkVersion> {
    let text = text.trim();
    let text = text.strip_prefix("kfp-").unwrap_or(text);
    let text = text.strip_prefix('v').unwrap_or(text);
    let public = text.split_once('+').map_or(text, |(public, _)| public);
    let (major, rest) = number(public);
    let (minor, rest) = number(rest.strip_prefix('.')?);
    let (patch, rest) = match rest.strip_prefix('.') {
        Some(further) if further.starts_with(|first: char| first.is_ascii_digit()) => number(further),
        _ => (Some(0), rest),
    };
    Some(SdkVersion {
        release: Version {
            major: major?,
            minor: minor?,
            patch: patch?,
        },
        stage: stage(rest)?,
    })
}

/// Stage of what stands after the numbers.
fn stage(text: &str) -> Option<Stage> {
    let lower = text.to_ascii_lowercase();
    let plain = lower.trim_start_matches(['.', '-', '_']);
    if plain.is_empty() {
        return lower.is_empty().then_some(Stage::Final);
    }
    let letters = plain.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (word, rest) = plain.split_at(letters);
    // Nightly builds are counted by day; past the limit all are the same.
    let (counted, rest) = digits(rest.trim_start_matches(['.', '-', '_']));
    let counted = if counted.is_empty() {
        0
    } else {
        counted.parse().unwrap_or(PART).min(PART - 1)
    };
    let stage = match word {
        "dev" => Stage::Dev(counted),
        "a" | "alpha" => Stage::Alpha(counted),
        "b" | "beta" => Stage::Beta(counted),
        "rc" | "c" | "pre" | "preview" => Stage::Candidate(counted),
        "post" | "r" | "rev" | "" => Stage::Post(counted),
        _ => return None,
    };
    // A development version of a candidate (`rc1.dev2`) counts as that candidate.
    (rest.is_empty() || rest.starts_with(".dev")).then_some(stage)
}

impl fmt::Display for SdkVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.release)?;
        match self.stage {
            Stage::Dev(number) => write!(formatter, ".dev{number}"),
            Stage::Alpha(number) => write!(formatter, "a{number}"),
            Stage::Beta(number) => write!(formatter, "b{number}"),
            Stage::Candidate(number) => write!(formatter, "rc{number}"),
            Stage::Final => Ok(()),
            Stage::Post(number) => write!(formatter, ".post{number}"),
        }
    }
}

impl Serialize for SdkVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SdkVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::SdkVersion;

    #[rstest]
    #[case("kfp-2.15.2", "2.15.2")]
    #[case("kfp-2.0.0-beta.13", "2.0.0b13")]
    #[case("kfp-2.0.0-rc.2", "2.0.0rc2")]
    #[case("2.0.0b13", "2.0.0b13")]
    #[case("2.5.0.dev3", "2.5.0.dev3")]
    #[case("2.5.0+local.7", "2.5.0")]
    #[case("2.17.0-1", "2.17.0.post1")]
    #[case("2.17", "2.17.0")]
    #[case("2.17.0.dev20260101", "2.17.0.dev9999")]
    #[case("2.17.0rc1.dev4", "2.17.0rc1")]
    fn every_form_that_sdks_write_is_read(#[case] text: &str, #[case] wanted: &str) {
        assert_eq!(text.parse::<SdkVersion>().unwrap().to_string(), wanted);
    }

    #[rstest]
    #[case("")]
    #[case("kfp-")]
    #[case("kfp-two")]
    #[case("kfp-2")]
    #[case("2.15.x")]
    #[case("2.15.2-")]
    #[case("99999999.1.1")]
    #[case("2.16.10000")]
    fn what_is_no_version_is_refused(#[case] text: &str) {
        assert!(text.parse::<SdkVersion>().is_err());
    }

    #[test]
    fn candidates_come_before_their_release() {
        let order = [
            "2.0.0.dev1",
            "2.0.0a1",
            "2.0.0b13",
            "2.0.0rc1",
            "2.0.0",
            "2.0.0.post1",
            "2.0.1",
        ];
        let parsed: Vec<SdkVersion> = order.iter().map(|text| text.parse().unwrap()).collect();
        assert!(parsed.is_sorted());
    }
}
