//! FACTS: ranges of SDK versions as Python writes them. No I/O.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{SdkVersion, Stage};
use crate::version::Version;

/// Most clauses of a range; the pattern in the CustomResourceDefinition says the same.
const CLAUSES_MAX: usize = 8;

/// Versions that fulfil every clause: `>=2.9,<2.17,!=2.15.0`.
///
/// A part of Python's own notation (PEP 440, version specifiers): the six comparisons below, and neither `~=` nor `.*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SdkRange(Vec<Clause>);

/// One condition of a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// How versions are compared with it.
    pub comparison: Comparison,
    /// What they are compared with.
    pub version: SdkVersion,
}

/// A comparison of versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `>=`
    AtLeast,
    /// `<=`
    AtMost,
    /// `==`
    Is,
    /// `!=`
    IsNot,
    /// `>`; as in Python, `>2.16` leaves out what was released again as 2.16.
    Above,
    /// `<`; as in Python, `<2.17` leaves out the pre-releases of 2.17.
    Below,
}

/// The signs, longer ones before those that they begin with.
const SIGNS: [(&str, Comparison); 6] = [
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    ("==", Comparison::Is),
    ("!=", Comparison::IsNot),
    (">", Comparison::Above),
    ("<", Comparison::Below),
];

/// A text that is no range of SDK versions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no range of SDK versions: write one such as >=2.9,<2.17,!=2.15.0, with at most {CLAUSES_MAX} clauses"
)]
pub struct SdkRangeError(String);

impl SdkRange {
    /// The clauses, in the order in which they are written.
    #[must_use]
    pub fn clauses(&self) -> &[Clause] {
        &self.0
    }

    /// Whether a version fulfils every clause.
    #[must_use]
    pub fn contains(&self, version: &SdkVersion) -> bool {
        self.0.iter().all(|clause| clause.holds(version))
    }

    /// From `from` on, and before the next minor of `newest`: every patch of that minor is within.
    #[must_use]
    pub fn up_to_minor(from: &SdkVersion, newest: &SdkVersion) -> Self {
        let end = SdkVersion {
            release: Version {
                minor: newest.release.minor.saturating_add(1),
                patch: 0,
                ..newest.release
            },
            stage: Stage::Final,
        };
        Self(vec![
            Clause {
                comparison: Comparison::AtLeast,
                version: from.clone(),
            },
            Clause {
                comparison: Comparison::Below,
                version: end,
            },
        ])
    }
}

impl Clause {
    /// Whether a version fulfils it.
    #[must_use]
    pub fn holds(&self, version: &SdkVersion) -> bool {
        let bound = &self.version;
        match self.comparison {
            Comparison::AtLeast => version >= bound,
            Comparison::AtMost => version <= bound,
            Comparison::Is => version == bound,
            Comparison::IsNot => version != bound,
            Comparison::Above if self.by_release() => version.release > bound.release,
            Comparison::Above => version > bound,
            Comparison::Below if self.by_release() => version.release < bound.release,
            Comparison::Below => version < bound,
        }
    }

    /// Whether only the three numbers are compared: PEP 440's rule for `<` and `>` and a final release.
    #[must_use]
    pub fn by_release(&self) -> bool {
        matches!(self.comparison, Comparison::Above | Comparison::Below) && self.version.stage == Stage::Final
    }
}

impl FromStr for SdkRange {
    type Err = SdkRangeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let clauses: Option<Vec<Clause>> = text.split(',').map(clause).collect();
        clauses
            .filter(|clauses| clauses.len() <= CLAUSES_MAX)
            .map(Self)
            .ok_or_else(|| SdkRangeError(text.to_owned()))
    }
}

fn clause(text: &str) -> Option<Clause> {
    let text = text.trim();
    let (comparison, rest) = SIGNS
        .into_iter()
        .find_map(|(sign, comparison)| Some((comparison, text.strip_prefix(sign)?)))?;
    let number = rest.trim_start();
    if !number.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    Some(Clause {
        comparison,
        version: number.parse().ok()?,
    })
}

impl fmt::Display for Comparison {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = SIGNS.iter().find(|(_, comparison)| comparison == self);
        formatter.write_str(sign.map_or("", |(sign, _)| sign))
    }
}

impl fmt::Display for SdkRange {
    /// `>=2.9.0,<2.17.0`: three numbers each, no spaces.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, clause) in self.0.iter().enumerate() {
            let comma = if position == 0 { "" } else { "," };
            write!(formatter, "{comma}{}{}", clause.comparison, clause.version)?;
        }
        Ok(())
    }
}

impl Serialize for SdkRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SdkRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{SdkRange, SdkVersion};

    #[rstest]
    #[case(">=2.9,<2.14", "2.13.1", true)]
    #[case(">=2.9,<2.14", "2.14.0", false)]
    #[case(">=2.9,<2.14", "2.14.0rc1", false)]
    #[case(">=2.9,<2.14", "2.8.9", false)]
    #[case(">=2.9,<2.14", "2.9.0rc1", false)]
    #[case("<2.14.0rc2", "2.14.0rc1", true)]
    #[case("<2.14.0rc2", "2.14.0rc2", false)]
    #[case(">2.14", "2.14.0.post1", false)]
    #[case(">2.14", "2.14.1", true)]
    #[case(">2.14.0rc1", "2.14.0", true)]
    #[case("<=2.14", "2.14.0", true)]
    #[case("<=2.14", "2.14.1", false)]
    #[case("==2.15.2", "2.15.2+local", true)]
    #[case("!=2.15.0, !=2.15.1", "2.15.1", false)]
    #[case("!=2.15.0, !=2.15.1", "2.15.2", true)]
    fn a_version_is_within_a_range_as_in_python(
        #[case] range: &str,
        #[case] version: &str,
        #[case] within: bool,
    ) {
        let version: SdkVersion = version.parse().unwrap();
        assert_eq!(range.parse::<SdkRange>().unwrap().contains(&version), within);
    }

    #[rstest]
    #[case("")]
    #[case("2.16.1")]
    #[case("~=2.16")]
    #[case("==2.16.*")]
    #[case(">=2.9,")]
    #[case(">=kfp-2.9")]
    #[case(">=2.1,>=2.2,>=2.3,>=2.4,>=2.5,>=2.6,>=2.7,>=2.8,>=2.9")]
    fn what_is_no_range_is_refused(#[case] text: &str) {
        assert!(text.parse::<SdkRange>().is_err());
    }

    #[test]
    fn the_range_up_to_a_minor_holds_every_patch_of_it() {
        let newest = "2.12.2".parse().unwrap();
        let range = SdkRange::up_to_minor(&"2.0.0".parse().unwrap(), &newest);
        assert_eq!(range.to_string(), ">=2.0.0,<2.13.0");
    }
}
