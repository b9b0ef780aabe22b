//! JUDGEMENT: files that ask for Python packages of KFP: which, which version, where it stands. Reads; judges nothing.

mod lock;
mod pip;
mod places;
mod project;
mod specifier;

use pep440_rs::{Version, VersionSpecifiers};
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};

use crate::document::Unreadable;
use crate::text::Place;

/// A Python package of KFP.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Package {
    /// The SDK.
    Kfp,
    /// Its extension for Kubernetes.
    KfpKubernetes,
    /// The messages that pipelines are made of.
    KfpPipelineSpec,
    /// The client of the API.
    KfpServerApi,
}

impl Package {
    /// The package that a name means: case, `-`, `_` and `.` don't matter (PEP 503).
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let mut normal = String::with_capacity(name.len());
        for letter in name.trim().chars() {
            if !matches!(letter, '-' | '_' | '.') {
                normal.push(letter.to_ascii_lowercase());
            } else if !normal.ends_with('-') {
                normal.push('-');
            }
        }
        normal.parse().ok()
    }
}

/// How a file asks for packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Format {
    /// Lines as pip reads them: `requirements.txt`, `constraints.txt`, `requirements.in`.
    Requirements,
    /// `pyproject.toml`: of PEP 621, dependency groups, Poetry, PDM or uv.
    Pyproject,
    /// `Pipfile`.
    Pipfile,
    /// `Pipfile.lock`.
    PipfileLock,
    /// `uv.lock`, `poetry.lock`, `pdm.lock`: tables of packages, each with its version.
    PackageLock,
    /// `pylock.toml` and `pylock.NAME.toml` (PEP 751).
    Pylock,
}

impl Format {
    /// The format that a file's name means. The name may have folders in front.
    #[must_use]
    pub fn of_path(path: &str) -> Option<Self> {
        let mut parts = path.rsplit(['/', '\\']);
        let name = parts.next().unwrap_or_default();
        let folder = parts.next().unwrap_or_default();
        match name {
            "pyproject.toml" => return Some(Self::Pyproject),
            "Pipfile" => return Some(Self::Pipfile),
            "Pipfile.lock" => return Some(Self::PipfileLock),
            "uv.lock" | "poetry.lock" | "pdm.lock" => return Some(Self::PackageLock),
            _ => {}
        }
        let (stem, ending) = name.rsplit_once('.')?;
        let words = ["requirements", "constraints"];
        match ending {
            "toml" if stem == "pylock" || stem.starts_with("pylock.") => Some(Self::Pylock),
            "txt" | "in" if words.iter().any(|word| stem.contains(word) || folder == *word) => {
                Some(Self::Requirements)
            }
            _ => None,
        }
    }

    /// It names every package with its exact version.
    #[must_use]
    pub const fn is_lock(self) -> bool {
        matches!(self, Self::PipfileLock | Self::PackageLock | Self::Pylock)
    }
}

/// What a file asks for of one package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// This version and no other.
    Exactly(Version),
    /// Any version that one of these ranges holds.
    Ranges(Vec<VersionSpecifiers>),
    /// Any version.
    Anything,
    /// Code from somewhere else than a package index, as written: an address, a path.
    Elsewhere(String),
}

/// One package that a file asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The package.
    pub package: Package,
    /// Which version.
    pub ask: Ask,
    /// Extras, for example `kubernetes`.
    pub extras: Vec<String>,
    /// Path in the file, for example `project.dependencies[2]`; empty where lines have no names.
    pub path: String,
    /// Where it stands.
    pub place: Option<Place>,
}

/// What a file asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirements {
    /// Packages of KFP, in the order of the text.
    pub packages: Vec<Requirement>,
    /// Other files that it names (`-r`, `-c`), as written: relative to its own folder.
    pub includes: Vec<String>,
}

/// Reads a text of this format.
pub fn read(format: Format, text: &str) -> Result<Requirements, Unreadable> {
    match format {
        Format::Requirements => pip::read(text),
        Format::Pyproject => project::pyproject(text),
        Format::Pipfile => project::pipfile(text),
        Format::PackageLock => lock::tables(text, "package"),
        Format::Pylock => lock::tables(text, "packages"),
        Format::PipfileLock => lock::pipfile(text),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("requirements.txt", Some(Format::Requirements))]
    #[case("a/b/requirements-dev.in", Some(Format::Requirements))]
    #[case("dev-requirements.txt", Some(Format::Requirements))]
    #[case("requirements/base.txt", Some(Format::Requirements))]
    #[case("constraints.txt", Some(Format::Requirements))]
    #[case("pyproject.toml", Some(Format::Pyproject))]
    #[case("x/uv.lock", Some(Format::PackageLock))]
    #[case("poetry.lock", Some(Format::PackageLock))]
    #[case("pdm.lock", Some(Format::PackageLock))]
    #[case("pylock.dev.toml", Some(Format::Pylock))]
    #[case("Pipfile", Some(Format::Pipfile))]
    #[case("Pipfile.lock", Some(Format::PipfileLock))]
    #[case("Cargo.lock", None)]
    #[case("notes.txt", None)]
    #[case("requirements.yaml", None)]
    #[case("", None)]
    fn formats_are_known_by_name(#[case] path: &str, #[case] wanted: Option<Format>) {
        assert_eq!(Format::of_path(path), wanted);
    }

    #[rstest]
    #[case("kfp", Some(Package::Kfp))]
    #[case("KFP_Kubernetes", Some(Package::KfpKubernetes))]
    #[case("kfp.pipeline..spec", Some(Package::KfpPipelineSpec))]
    #[case("kfp-server-api", Some(Package::KfpServerApi))]
    #[case("kfp-tekton", None)]
    #[case("kf-p", None)]
    fn names_of_packages_are_compared_as_package_indexes_do(
        #[case] name: &str,
        #[case] wanted: Option<Package>,
    ) {
        assert_eq!(Package::of_name(name), wanted);
    }
}
