//! JUDGEMENT: what a text asks for of one package, in the words of Python's standards, of Poetry or of Pipenv. Reads;
//! judges nothing.

use std::str::FromStr;

use pep440_rs::{Operator, Version, VersionSpecifier, VersionSpecifiers};
use pep508_rs::{Requirement as Standard, VerbatimUrl, VersionOrUrl};

use super::{Ask, Package};

/// A dependency as PEP 508 writes it: `kfp[kubernetes]==2.14.6 ; python_version > "3.9"`. Nothing when it is about
/// another package.
pub(super) fn dependency(text: &str) -> Result<Option<(Package, Ask, Vec<String>)>, String> {
    let Some(package) = package(text) else {
        return Ok(None);
    };
    let standard =
        Standard::<VerbatimUrl>::from_str(text.trim()).map_err(|error| error.message.to_string())?;
    let ask = match &standard.version_or_url {
        None => Ask::Anything,
        Some(VersionOrUrl::Url(url)) => Ask::Elsewhere(url.to_string()),
        Some(VersionOrUrl::VersionSpecifier(specifiers)) => ask(specifiers.clone()),
    };
    let extras = standard.extras.iter().map(ToString::to_string).collect();
    Ok(Some((package, ask, extras)))
}

/// The package that a dependency begins with.
fn package(text: &str) -> Option<Package> {
    let text = text.trim_start();
    let end = text
        .find(|letter: char| !(letter.is_ascii_alphanumeric() || "-_.".contains(letter)))
        .unwrap_or(text.len());
    Package::of_name(&text[..end])
}

/// What specifiers ask for: exactly one version, or a range.
pub(super) fn ask(specifiers: VersionSpecifiers) -> Ask {
    let exact = specifiers
        .iter()
        .find(|one| matches!(one.operator(), Operator::Equal | Operator::ExactEqual));
    match exact {
        Some(one) => Ask::Exactly(one.version().clone()),
        None if specifiers.is_empty() => Ask::Anything,
        None => Ask::Ranges(vec![specifiers]),
    }
}

/// A version constraint of a table: standard specifiers, `*`, a bare version (exactly that one), and Poetry's `^`, `~`
/// and `||`.
pub(super) fn constraint(text: &str) -> Result<Ask, String> {
    let alternatives = text
        .split("||")
        .map(one_constraint)
        .collect::<Result<Vec<_>, _>>()?;
    if let [single] = &alternatives[..] {
        return Ok(single.clone());
    }
    let mut ranges = Vec::new();
    for alternative in alternatives {
        match alternative {
            Ask::Exactly(version) => ranges.push(VersionSpecifier::equals_version(version).into()),
            Ask::Ranges(more) => ranges.extend(more),
            whole => return Ok(whole),
        }
    }
    Ok(Ask::Ranges(ranges))
}

fn one_constraint(text: &str) -> Result<Ask, String> {
    let mut all: Vec<VersionSpecifier> = Vec::new();
    let text = text.trim();
    // Poetry lets a space stand for the comma; none stands between an operator and its version there.
    let spaced = text
        .replace("<= ", "<=")
        .replace(">= ", ">=")
        .replace("== ", "==")
        .replace("< ", "<")
        .replace("> ", ">");
    for part in spaced
        .split([',', ' '])
        .map(str::trim)
        .filter(|part| !part.is_empty() && *part != "*")
    {
        let version = |text: &str| Version::from_str(text.trim()).map_err(|error| error.to_string());
        if let Some(rest) = part.strip_prefix('^') {
            let from = version(rest)?;
            all.push(VersionSpecifier::less_than_version(after(
                &from,
                significant(&from),
            )));
            all.push(VersionSpecifier::greater_than_equal_version(from));
        } else if let Some(rest) = part.strip_prefix('~').filter(|rest| !rest.starts_with('=')) {
            let from = version(rest)?;
            let place = from.release().len().min(2).saturating_sub(1);
            all.push(VersionSpecifier::less_than_version(after(&from, place)));
            all.push(VersionSpecifier::greater_than_equal_version(from));
        } else if part.starts_with(|letter: char| letter.is_ascii_digit()) {
            let specifier =
                VersionSpecifier::from_str(&format!("=={part}")).map_err(|error| error.to_string())?;
            all.push(specifier);
        } else {
            all.push(VersionSpecifier::from_str(part).map_err(|error| error.to_string())?);
        }
    }
    Ok(ask(all.into_iter().collect()))
}

/// Index of the number that `^` lets nobody raise: the first that is not zero.
fn significant(version: &Version) -> usize {
    let numbers = version.release();
    numbers
        .iter()
        .position(|number| *number != 0)
        .unwrap_or(numbers.len().saturating_sub(1))
}

/// The version with the number at `index` raised by one and nothing after it.
fn after(version: &Version, index: usize) -> Version {
    let mut numbers: Vec<u64> = version.release().iter().take(index + 1).copied().collect();
    if let Some(last) = numbers.last_mut() {
        *last = last.saturating_add(1);
    }
    Version::new(numbers)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn shown(ask: &Ask) -> String {
        match ask {
            Ask::Exactly(version) => format!("={version}"),
            Ask::Ranges(ranges) => ranges
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" | "),
            Ask::Anything => "*".to_owned(),
            Ask::Elsewhere(place) => format!("@{place}"),
        }
    }

    #[rstest]
    #[case("kfp", "*", "")]
    #[case("kfp==2.14.6", "=2.14.6", "")]
    #[case("kfp === 2.14.6", "=2.14.6", "")]
    #[case(
        "KFP[kubernetes, all]==2.14.6 ; python_version > '3.9'",
        "=2.14.6",
        "kubernetes all"
    )]
    #[case("kfp>=2.14,<3", ">=2.14, <3", "")]
    #[case("kfp~=2.14.3", "~=2.14.3", "")]
    #[case("kfp==2.14.*", "==2.14.*", "")]
    #[case("kfp>=2.0,==2.14.6", "=2.14.6", "")]
    #[case(
        "kfp @ git+https://github.com/kubeflow/pipelines@master#subdirectory=sdk/python",
        "@git+https://github.com/kubeflow/pipelines@master#subdirectory=sdk/python",
        ""
    )]
    fn dependencies_are_read_as_python_reads_them(
        #[case] text: &str,
        #[case] wanted: &str,
        #[case] extras: &str,
    ) {
        let (package, ask, found) = dependency(text).unwrap().unwrap();
        assert_eq!(
            (package, shown(&ask).as_str(), found.join(" ").as_str()),
            (Package::Kfp, wanted, extras)
        );
    }

    #[rstest]
    #[case("numpy==1.2")]
    #[case("kfp-tekton==1.9")]
    #[case("./wheels/x.whl")]
    #[case("")]
    fn other_packages_are_none_of_ours(#[case] text: &str) {
        assert_eq!(dependency(text), Ok(None));
    }

    #[rstest]
    #[case("kfp=2.14.6")]
    #[case("kfp==")]
    #[case("kfp==two")]
    #[case("kfp[kubernetes==2.14.6")]
    fn a_misspelt_dependency_is_an_error(#[case] text: &str) {
        assert!(dependency(text).is_err());
    }

    #[rstest]
    #[case("*", "*")]
    #[case("2.14.6", "=2.14.6")]
    #[case("==2.14.6", "=2.14.6")]
    #[case("^2.14", ">=2.14, <3")]
    #[case("^0.3.1", ">=0.3.1, <0.4")]
    #[case("~2.14.3", ">=2.14.3, <2.15")]
    #[case("~2", ">=2, <3")]
    #[case("~=2.14.3", "~=2.14.3")]
    #[case("2.14.*", "==2.14.*")]
    #[case(">=2.14 <2.16", ">=2.14, <2.16")]
    #[case(">= 2.14, < 2.16", ">=2.14, <2.16")]
    #[case("^2.4 || 1.8.22", ">=2.4, <3 | ==1.8.22")]
    fn constraints_of_poetry_and_pipenv_are_ranges(#[case] text: &str, #[case] wanted: &str) {
        assert_eq!(shown(&constraint(text).unwrap()), wanted);
    }
}
