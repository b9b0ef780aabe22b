//! JUDGEMENT: lock files: tables of packages, each with its exact version. Reads; judges nothing.

use std::collections::BTreeMap;
use std::str::FromStr;

use pep440_rs::Version;
use serde::Deserialize;

use super::places::{place, unreadable};
use super::project::{as_table, at, document};
use super::{Ask, Package, Requirement, Requirements};
use crate::document::Unreadable;

/// TOML with an array of tables called `array`: `uv.lock`, `poetry.lock`, `pdm.lock`, `pylock.toml`.
pub(super) fn tables(text: &str, array: &str) -> Result<Requirements, Unreadable> {
    let document = document(text)?;
    let mut found = Requirements::default();
    let packages = at(document.get_ref(), &[array]).and_then(|packages| packages.get_ref().as_array());
    for package in packages.into_iter().flatten() {
        let Some(table) = as_table(package) else {
            continue;
        };
        let name = table
            .get("name")
            .and_then(|name| Some((name, Package::of_name(name.get_ref().as_str()?)?)));
        let Some((name, package)) = name else {
            continue;
        };
        let version = table.get("version");
        let spot = version.map_or_else(|| name.span(), toml::Spanned::span);
        let elsewhere = at(table, &["source", "git"])
            .or_else(|| at(table, &["source", "directory"]))
            .or_else(|| at(table, &["source", "editable"]))
            .or_else(|| at(table, &["vcs", "url"]))
            .or_else(|| at(table, &["directory", "path"]));
        let elsewhere = elsewhere.and_then(|address| address.get_ref().as_str());
        let ask = match (elsewhere, version.and_then(|version| version.get_ref().as_str())) {
            (Some(address), _) => Ask::Elsewhere(address.to_owned()),
            (None, Some(version)) => Ask::Exactly(
                exact(version)
                    .map_err(|why| unreadable(text, spot.clone(), why, "lock the project again"))?,
            ),
            (None, None) => Ask::Anything,
        };
        found.packages.push(Requirement {
            package,
            ask,
            extras: Vec::new(),
            path: format!("{array}.{package}"),
            place: Some(place(text, spot)),
        });
    }
    Ok(found)
}

fn exact(text: &str) -> Result<Version, String> {
    Version::from_str(text.trim_start_matches('='))
        .map_err(|error| format!("`{text}` is no version: {error}"))
}

#[derive(Deserialize)]
struct PipfileLock {
    #[serde(default)]
    default: BTreeMap<String, Locked>,
    #[serde(default)]
    develop: BTreeMap<String, Locked>,
}

#[derive(Deserialize)]
struct Locked {
    version: Option<String>,
    git: Option<String>,
    path: Option<String>,
    file: Option<String>,
}

/// JSON of Pipenv.
pub(super) fn pipfile(text: &str) -> Result<Requirements, Unreadable> {
    let lock: PipfileLock = serde_json::from_str(text).map_err(|error| {
        let line_start: usize = text
            .split_inclusive('\n')
            .take(error.line().saturating_sub(1))
            .map(str::len)
            .sum();
        let at = line_start + error.column().saturating_sub(1);
        unreadable(
            text,
            at..at,
            format!("this is no Pipfile.lock: {error}"),
            "lock the project again",
        )
    })?;
    let mut found = Requirements::default();
    for (section, packages) in [("default", lock.default), ("develop", lock.develop)] {
        for (name, locked) in packages {
            let Some(package) = Package::of_name(&name) else {
                continue;
            };
            let spot = spot(text, section, &name);
            let ask = match (locked.git.or(locked.path).or(locked.file), locked.version) {
                (Some(address), _) => Ask::Elsewhere(address),
                (None, Some(version)) => Ask::Exactly(
                    exact(&version)
                        .map_err(|why| unreadable(text, spot.clone(), why, "lock the project again"))?,
                ),
                (None, None) => Ask::Anything,
            };
            found.packages.push(Requirement {
                package,
                ask,
                extras: Vec::new(),
                path: format!("{section}.{name}"),
                place: Some(place(text, spot)),
            });
        }
    }
    Ok(found)
}

/// Where the key `name` stands after the key `section`. JSON of Pipenv has each key on a line of its own.
fn spot(text: &str, section: &str, name: &str) -> std::ops::Range<usize> {
    let key = |word: &str, from: usize| {
        let quoted = serde_json::Value::from(word).to_string();
        let at = from + text.get(from..)?.find(&quoted)?;
        Some(at..at + quoted.len())
    };
    key(section, 0)
        .and_then(|section| key(name, section.end))
        .unwrap_or(0..0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_files_of_uv_poetry_and_pdm_give_exact_versions() {
        let text = "version = 1\n[[package]]\nname = 'numpy'\nversion = '1'\n[[package]]\nname = 'kfp'\nversion = '2.14.6'\n\
                    [[package]]\nname = 'kfp-kubernetes'\nversion = '2.14.6'\nsource = { git = 'https://example.com/x' }\n";
        let found = tables(text, "package").unwrap().packages;
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].ask, Ask::Exactly("2.14.6".parse().unwrap()));
        assert_eq!(found[0].place.unwrap().line, 7);
        assert_eq!(found[1].ask, Ask::Elsewhere("https://example.com/x".to_owned()));
    }

    #[test]
    fn a_lock_file_of_pipenv_gives_exact_versions() {
        let text = "{\n \"_meta\": {\"kfp\": 1},\n \"default\": {\n  \"kfp\": {\n   \"extras\": [\"kubernetes\"], \"hashes\": [], \"version\": \"==2.14.6\"\n  }\n },\n \"develop\": {}\n}\n";
        let found = pipfile(text).unwrap().packages;
        assert_eq!(found[0].ask, Ask::Exactly("2.14.6".parse().unwrap()));
        assert_eq!(
            (found[0].path.as_str(), found[0].place.unwrap().line),
            ("default.kfp", 4)
        );
    }

    #[test]
    fn broken_lock_files_are_told_with_their_line() {
        assert_eq!(
            pipfile("{\n \"default\": [\n").unwrap_err().place.unwrap().line,
            2
        );
        let text = "[[package]]\nname = 'kfp'\nversion = 'new'\n";
        assert_eq!(tables(text, "package").unwrap_err().place.unwrap().line, 3);
    }
}
