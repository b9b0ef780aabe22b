//! PEOPLE: which releases a check judges for, and who named each. Asks nobody.

use std::str::FromStr;

use kfp_compat::Knowledge;
use kfp_releases::{Known, Version};
use pep440_rs::VersionSpecifiers;

use super::report::Backend;
use crate::failure::Failure;

/// The release that a text names. A release newer than the catalog is taken too: it is judged by the nearest one, and
/// the verdict says so.
pub fn release(text: &str, known: &[Known]) -> Result<Version, Failure> {
    let plain = text.trim();
    let plain = plain.strip_prefix('v').unwrap_or(plain);
    let Ok(version) = plain.parse::<Version>() else {
        return Err(Failure::Usage(format!(
            "{text:?} names no KFP release; {}",
            nearest(plain, known)
        )));
    };
    match known.iter().find(|one| one.version == version) {
        Some(one) if !one.is_backend() => Err(Failure::Usage(format!(
            "there is no backend {version}: {}",
            one.support.reason
        ))),
        Some(_) => Ok(version),
        None if version.major == 2 => Ok(version),
        None => Err(Failure::Usage(format!(
            "KFP {version} cannot be judged; {}",
            nearest(plain, known)
        ))),
    }
}

/// What could have been meant.
fn nearest(text: &str, known: &[Known]) -> String {
    let backends = known
        .iter()
        .filter(|one| one.is_backend())
        .map(|one| one.version.to_string());
    let (close, all): (Vec<String>, Vec<String>) =
        backends.partition(|version| !text.is_empty() && version.starts_with(&format!("{text}.")));
    if close.is_empty() {
        format!("known are {}", all.join(", "))
    } else {
        format!(
            "write {}, or --backend-range '=={text}.*' for all of them",
            close.join(" or ")
        )
    }
}

/// Every release that the knowledge has in a range such as `>=2.14, <2.17`.
pub fn range(text: &str, knowledge: &Knowledge) -> Result<Vec<Version>, Failure> {
    let specifiers = VersionSpecifiers::from_str(text).map_err(|error| {
        let why = error.to_string();
        let why = why.lines().next().unwrap_or_default();
        Failure::Usage(format!(
            "{text:?} is no range of releases: {why}; write one like '>=2.14, <2.17'"
        ))
    })?;
    let found: Vec<Version> = knowledge
        .releases()
        .iter()
        .copied()
        .filter(|version| specifiers.contains(&pep440(*version)))
        .collect();
    if found.is_empty() {
        let all: Vec<String> = knowledge.releases().iter().map(ToString::to_string).collect();
        return Err(Failure::Usage(format!(
            "no release is in {text:?}; known are {}",
            all.join(", ")
        )));
    }
    Ok(found)
}

fn pep440(version: Version) -> pep440_rs::Version {
    pep440_rs::Version::new([version.major, version.minor, version.patch].map(u64::from))
}

/// Adds releases, each once, oldest first in the end.
pub fn add(backends: &mut Vec<Backend>, releases: impl IntoIterator<Item = Version>, named_by: &str) {
    for release in releases {
        if backends.iter().all(|backend| backend.release != release) {
            backends.push(Backend {
                release,
                named_by: named_by.to_owned(),
            });
        }
    }
    backends.sort_by_key(|backend| backend.release);
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("2.14.4", "2.14.4")]
    #[case("v2.14.4", "2.14.4")]
    #[case(" 2.14.4 ", "2.14.4")]
    #[case("2.99.0", "2.99.0")]
    fn releases_are_named_by_three_numbers(#[case] text: &str, #[case] wanted: &str) {
        let known = kfp_releases::known::known().unwrap();
        assert_eq!(release(text, known).unwrap().to_string(), wanted);
    }

    #[rstest]
    #[case("2.14", "2.14.0 or 2.14.3 or 2.14.4")]
    #[case("2.15.2", "SDK")]
    #[case("latest", "known are")]
    #[case("", "known are")]
    #[case("1.8.5", "known are")]
    fn what_is_no_backend_is_refused_with_what_could_be_meant(#[case] text: &str, #[case] wanted: &str) {
        let known = kfp_releases::known::known().unwrap();
        let Err(Failure::Usage(message)) = release(text, known) else {
            panic!("{text:?} was taken");
        };
        assert!(message.contains(wanted), "{message}");
    }

    #[test]
    fn a_range_names_the_backends_in_it_and_no_numbers_of_sdks() {
        let found = range(">=2.14, <2.16", Knowledge::builtin().unwrap()).unwrap();
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, ["2.14.0", "2.14.3", "2.14.4", "2.15.0"]);
    }

    #[rstest]
    #[case(">=3", "known are")]
    #[case("new", "write one like")]
    #[case("2.14", "write one like")]
    fn a_range_without_a_release_is_refused(#[case] text: &str, #[case] wanted: &str) {
        let Err(Failure::Usage(message)) = range(text, Knowledge::builtin().unwrap()) else {
            panic!("{text:?} was taken");
        };
        assert!(message.contains(wanted), "{message}");
    }
}
