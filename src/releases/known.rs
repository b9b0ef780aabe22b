//! FACTS: every release in short, without how it is installed: cheap enough for a program that runs for milliseconds.
//! No I/O.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::advisory::Advisory;
use crate::catalog::{Advisories, CatalogError, error, release_file, typed, yaml};
use crate::extend::extend;
use crate::files;
use crate::release::{Dependencies, Support};
use crate::version::Version;

/// What is known of a release, apart from how it is installed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Known {
    /// Version.
    pub version: Version,
    /// Day of the tag, `YYYY-MM-DD`.
    pub released: String,
    /// Whether it can be installed, and why not.
    pub support: Support,
    /// What it depends on. Unset for numbers that were never a backend.
    #[serde(default)]
    pub dependencies: Option<Dependencies>,
}

impl Known {
    /// It is a backend, not a number of an SDK alone, and not withdrawn.
    #[must_use]
    pub const fn is_backend(&self) -> bool {
        self.dependencies.is_some()
    }
}

/// Every release that is compiled in, oldest version first. Parsed once.
pub fn known() -> Result<&'static [Known], CatalogError> {
    static KNOWN: OnceLock<Result<Vec<Known>, CatalogError>> = OnceLock::new();
    match KNOWN.get_or_init(|| parse(files::HEADS)) {
        Ok(known) => Ok(known),
        Err(problem) => Err(problem.clone()),
    }
}

/// Every advisory that is compiled in. Parsed once, without the releases.
pub fn advisories() -> Result<&'static [Advisory], CatalogError> {
    static ADVISORIES: OnceLock<Result<Advisories, CatalogError>> = OnceLock::new();
    let parsed =
        ADVISORIES.get_or_init(|| typed("advisories.yaml", yaml("advisories.yaml", files::ADVISORIES)?));
    match parsed {
        Ok(parsed) => Ok(&parsed.advisories),
        Err(problem) => Err(problem.clone()),
    }
}

fn parse(releases: &[(&str, &str)]) -> Result<Vec<Known>, CatalogError> {
    let mut heads = BTreeMap::new();
    for (name, text) in releases {
        let head = serde_json::from_str(text);
        let head = head.map_err(|problem| error(&release_file(name), ".", &problem.to_string()))?;
        heads.insert((*name).to_owned(), head);
    }
    let mut known = Vec::new();
    for name in heads.keys() {
        let file = release_file(name);
        let whole = extend(name, &heads).map_err(|message| error(&file, "extends", &message))?;
        known.push(typed::<Known>(&file, whole)?);
    }
    known.sort_by_key(|one| one.version);
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    #[test]
    fn the_short_list_says_what_the_catalog_says() {
        let catalog = Catalog::builtin().unwrap();
        let whole: Vec<Known> = catalog
            .releases()
            .map(|release| Known {
                version: release.version,
                released: release.released.clone(),
                support: release.support.clone(),
                dependencies: release.dependencies.clone(),
            })
            .collect();
        assert_eq!(known().unwrap(), whole);
        assert_eq!(advisories().unwrap(), catalog.advisories());
    }
}
