//! FACTS: version numbers of KFP releases and of Kubernetes. No I/O.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Version of a KFP release: three numbers, no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// First number.
    pub major: u16,
    /// Second number.
    pub minor: u16,
    /// Third number.
    pub patch: u16,
}

/// Version of a Kubernetes API server as far as it matters here: two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KubernetesVersion {
    /// First number.
    pub major: u16,
    /// Second number.
    pub minor: u16,
}

/// Oldest Kubernetes that the operator itself runs on: optionalOldSelf in CEL rules and ratcheting of validation
/// (KEP-4008) are stable from 1.33 on.
pub const MINIMUM_KUBERNETES: KubernetesVersion = KubernetesVersion { major: 1, minor: 33 };

/// A text that is no version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no version: write {wanted}")]
pub struct VersionError {
    text: String,
    wanted: &'static str,
}

fn number(part: &str) -> Option<u16> {
    let plain = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let padded = part.len() > 1 && part.starts_with('0');
    if plain && !padded { part.parse().ok() } else { None }
}

impl FromStr for Version {
    type Err = VersionError;

    /// Reads exactly `MAJOR.MINOR.PATCH`: no `v`, no sign, no leading zeros.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers: Option<Vec<u16>> = text.split('.').map(number).collect();
        match numbers.as_deref() {
            Some([major, minor, patch]) => Ok(Self {
                major: *major,
                minor: *minor,
                patch: *patch,
            }),
            _ => Err(VersionError {
                text: text.to_owned(),
                wanted: "three numbers, such as 2.16.1",
            }),
        }
    }
}

impl FromStr for KubernetesVersion {
    type Err = VersionError;

    /// Reads `MAJOR.MINOR` and, as API servers report it, `vMAJOR.MINOR.PATCH` or a minor with a trailing `+`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.strip_prefix('v').unwrap_or(text).split('.');
        let major = parts.next().and_then(number);
        let minor = parts.next().and_then(|part| number(part.trim_end_matches('+')));
        match (major, minor) {
            (Some(major), Some(minor)) => Ok(Self { major, minor }),
            _ => Err(VersionError {
                text: text.to_owned(),
                wanted: "two numbers, such as 1.34",
            }),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl fmt::Display for KubernetesVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

macro_rules! as_text {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?
                    .parse()
                    .map_err(serde::de::Error::custom)
            }
        }
    };
}

as_text!(Version);
as_text!(KubernetesVersion);

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{KubernetesVersion, Version};

    #[rstest]
    #[case("v2.16.1")]
    #[case("2.16")]
    #[case("2.16.1-rc.1")]
    #[case("2.016.1")]
    #[case("2.+6.1")]
    #[case("2.16.99999")]
    #[case("")]
    fn what_is_no_release_version_is_refused(#[case] text: &str) {
        assert!(text.parse::<Version>().is_err());
    }

    #[test]
    fn versions_are_ordered_by_number_and_not_by_letter() {
        let older: Version = "2.5.0".parse().unwrap();
        let newer: Version = "2.14.0".parse().unwrap();
        assert!(older < newer);
        assert_eq!(newer.to_string(), "2.14.0");
    }

    #[rstest]
    #[case("1.34", "1.34")]
    #[case("v1.35.2", "1.35")]
    #[case("1.33+", "1.33")]
    fn kubernetes_versions_are_read_as_servers_write_them(#[case] text: &str, #[case] wanted: &str) {
        assert_eq!(text.parse::<KubernetesVersion>().unwrap().to_string(), wanted);
    }
}
