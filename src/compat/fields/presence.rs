//! JUDGEMENT: on which releases, and in which versions of the packages, a field is known.

use kfp_releases::Version;

use super::tables::{ENUMS, MESSAGES, RELEASES};
use super::{Package, message_row};

/// Every backend release of the tables, oldest first.
#[must_use]
pub fn releases() -> impl DoubleEndedIterator<Item = Version> + Clone + use<> {
    RELEASES.iter().map(|row| row.release)
}

/// The releases that know the field, oldest first; `field` is its name in JSON or in the proto file. Empty for a field
/// of no release.
#[must_use]
pub fn releases_with(message: &str, field: &str) -> impl DoubleEndedIterator<Item = Version> + Clone + use<> {
    let bits = bits(message, field).1;
    set(bits, RELEASES.iter().map(|row| row.release))
}

/// The oldest of `among` that knows the field.
#[must_use]
pub fn first_release_with(message: &str, field: &str, among: &[Version]) -> Option<Version> {
    releases_with(message, field).find(|release| among.contains(release))
}

/// The newest of `among` that knows the field.
#[must_use]
pub fn last_release_with(message: &str, field: &str, among: &[Version]) -> Option<Version> {
    releases_with(message, field).rfind(|release| among.contains(release))
}

/// The package that carries the message, and its versions that know the field, oldest first. None for a message of no
/// package.
#[must_use]
pub fn packages_with(
    message: &str,
    field: &str,
) -> Option<(Package, impl DoubleEndedIterator<Item = Version> + Clone + use<>)> {
    let package = message_row(message)?.package;
    let versions = package.versions().iter().copied();
    Some((package, set(bits(message, field).0, versions)))
}

/// The package that carries the message, and its versions that know the message, oldest first.
#[must_use]
pub fn message_packages(
    message: &str,
) -> Option<(Package, impl DoubleEndedIterator<Item = Version> + Clone + use<>)> {
    let row = message_row(message)?;
    Some((
        row.package,
        set(row.packages, row.package.versions().iter().copied()),
    ))
}

/// The newest version of a package all of whose fields and enum values the release knows: whatever is written with it,
/// the release can parse. None for a release that is not in the tables.
#[must_use]
pub fn newest_package_within(package: Package, release: Version) -> Option<Version> {
    let at = RELEASES.binary_search_by_key(&release, |row| row.release).ok()?;
    let is_known = |releases: u64| releases >> at & 1 == 1;
    let mut outside = 0;
    for message in MESSAGES.iter().filter(|row| row.package == package) {
        for field in message.fields {
            // Numbers do not matter in JSON, and the one type that changed (int64 to int32) reads the same texts.
            let mut same = message
                .fields
                .iter()
                .filter(|other| other.name == field.name && other.shape == field.shape);
            if !same.any(|other| is_known(other.releases)) {
                outside |= field.packages;
            }
        }
    }
    for one in ENUMS.iter().filter(|row| row.package == package) {
        let unknown = one.values.iter().filter(|value| !is_known(value.releases));
        outside |= unknown.fold(0, |bits, value| bits | value.packages);
    }
    set(!outside, package.versions().iter().copied()).next_back()
}

/// Package versions and releases that know the field, whatever its type there.
fn bits(message: &str, field: &str) -> (u64, u64) {
    let Some(row) = message_row(message) else {
        return (0, 0);
    };
    row.fields
        .iter()
        .filter(|known| known.json == field || known.name == field)
        .fold((0, 0), |(packages, releases), known| {
            (packages | known.packages, releases | known.releases)
        })
}

/// Those whose bit is set.
fn set<I>(bits: u64, versions: I) -> impl DoubleEndedIterator<Item = Version> + Clone
where
    I: DoubleEndedIterator<Item = Version> + ExactSizeIterator + Clone,
{
    versions
        .enumerate()
        .filter(move |(at, _)| bits >> at & 1 == 1)
        .map(|(_, version)| version)
}
