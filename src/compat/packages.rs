//! JUDGEMENT: published Python packages × KFP releases: what each SDK can write, what is wrong with some. Data, and
//! questions to it.

mod fit;
mod recommend;

use std::str::FromStr;
use std::sync::OnceLock;

use kfp_releases::{Known, Version};
use pep440_rs::VersionSpecifiers;
use serde::{Deserialize, Deserializer};

use crate::fields;
use crate::finding::Effect;
use crate::knowledge::{KnowledgeError, read};
use crate::requirements::Package;

pub use fit::{NOT_PINNED, fit};
pub use recommend::{Avoid, Recommendation, recommend};

/// What is known of published packages.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Packages {
    sdks: Vec<Sdk>,
    defects: Vec<Defect>,
    pairs: Vec<Pair>,
    #[serde(skip)]
    backends: Vec<&'static Known>,
}

/// An SDK that upstream tagged.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Sdk {
    /// Version of `kfp`.
    kfp: Version,
    /// Version of `kfp-pipeline-spec` whose messages it knows.
    writes: Version,
    /// Version of `kfp-kubernetes` in the same tree.
    kubernetes: Version,
}

/// Something wrong with versions of a package.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Defect {
    package: Package,
    versions: Range,
    /// Releases on which it shows; unset: on all.
    #[serde(default)]
    backends: Option<Range>,
    /// It shows only when this extra is asked for.
    #[serde(default)]
    extra: Option<String>,
    effect: Effect,
    summary: String,
    source: String,
}

/// Versions that go with each other.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Pair {
    kfp: Range,
    kubernetes: Range,
}

/// A range as PEP 440 writes it.
#[derive(Debug)]
struct Range(VersionSpecifiers);

impl<'de> Deserialize<'de> for Range {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        VersionSpecifiers::from_str(&text)
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

/// A release number as PEP 440 has it.
pub(crate) fn pep440(version: Version) -> pep440_rs::Version {
    pep440_rs::Version::new([version.major, version.minor, version.patch].map(u64::from))
}

/// The first three numbers of a version; those that are left out are zero, those too large are the largest.
fn numbers(version: &pep440_rs::Version) -> Version {
    let number = |index: usize| {
        version
            .release()
            .get(index)
            .map_or(0, |number| u16::try_from(*number).unwrap_or(u16::MAX))
    };
    Version {
        major: number(0),
        minor: number(1),
        patch: number(2),
    }
}

impl Packages {
    /// What is compiled in. Parsed once.
    ///
    /// # Errors
    /// Data that does not parse, with its place.
    pub fn builtin() -> Result<&'static Self, KnowledgeError> {
        static BUILTIN: OnceLock<Result<Packages, KnowledgeError>> = OnceLock::new();
        BUILTIN.get_or_init(Self::parse).as_ref().map_err(Clone::clone)
    }

    fn parse() -> Result<Self, KnowledgeError> {
        let mut packages: Self = read("sdks.yaml", include_str!(concat!(env!("OUT_DIR"), "/sdks.json")))?;
        let known = kfp_releases::known::known().map_err(|problem| KnowledgeError {
            file: problem.file.clone(),
            path: problem.path.clone(),
            message: problem.message.clone(),
        })?;
        packages.sdks.sort_by_key(|sdk| sdk.kfp);
        packages.backends = known.iter().filter(|one| one.is_backend()).collect();
        Ok(packages)
    }

    /// The release of the catalog that stands for this one: itself, or the newest that is older, or the oldest.
    fn nearest(&self, backend: Version) -> Option<&'static Known> {
        let older = self.backends.iter().rfind(|known| known.version <= backend);
        older.or_else(|| self.backends.first()).copied()
    }

    /// Version of `kfp-pipeline-spec` whose messages an SDK knows. One that is not in the data knows those of its number.
    fn written_by(&self, kfp: Version) -> Version {
        self.sdks
            .iter()
            .find(|sdk| sdk.kfp == kfp)
            .map_or(kfp, |sdk| sdk.writes)
    }

    /// The release parses whatever this version of the package can write, or has that version in its own tree: upstream
    /// published the two together, even where the SDK can write a field more (`cache_key`, kfp 2.11.0 and KFP 2.4.1).
    fn is_understood(&self, package: Package, version: Version, backend: Version) -> bool {
        let (fields_of, written) = match package {
            Package::Kfp => (fields::Package::KfpPipelineSpec, self.written_by(version)),
            Package::KfpKubernetes => (fields::Package::KfpKubernetes, version),
            Package::KfpPipelineSpec => (fields::Package::KfpPipelineSpec, version),
            Package::KfpServerApi => return (version.major, version.minor) <= (backend.major, backend.minor),
        };
        let Some(nearest) = self.nearest(backend) else {
            return false;
        };
        let newest = fields::newest_package_within(fields_of, nearest.version);
        newest.is_some_and(|newest| written <= newest)
            || own(nearest, package).is_some_and(|own| version <= own)
    }

    /// The oldest release that parses whatever this version can write.
    fn understood_since(&self, package: Package, version: Version) -> Option<Version> {
        let mut backends = self.backends.iter().map(|known| known.version);
        backends.find(|backend| self.is_understood(package, version, *backend))
    }

    /// Final versions of `kfp` and `kfp-kubernetes` that a package index has, oldest first.
    fn published(&self, package: Package) -> Vec<Version> {
        let mut versions: Vec<Version> = match package {
            Package::Kfp => self.sdks.iter().map(|sdk| sdk.kfp).collect(),
            Package::KfpKubernetes => fields::Package::KfpKubernetes.versions().to_vec(),
            Package::KfpPipelineSpec => fields::Package::KfpPipelineSpec.versions().to_vec(),
            Package::KfpServerApi => Vec::new(),
        };
        versions.sort();
        versions
    }

    /// What is wrong with a version on a release.
    fn defects(
        &self,
        package: Package,
        version: &pep440_rs::Version,
        backend: Version,
    ) -> impl Iterator<Item = &Defect> {
        let backend = pep440(backend);
        self.defects.iter().filter(move |defect| {
            defect.package == package
                && defect.versions.0.contains(version)
                && defect
                    .backends
                    .as_ref()
                    .is_none_or(|range| range.0.contains(&backend))
        })
    }
}

/// Version of the package in the tree of a release.
fn own(known: &Known, package: Package) -> Option<Version> {
    let sdk = &known.dependencies.as_ref()?.sdk;
    match package {
        Package::Kfp => sdk.kfp.parse().ok(),
        Package::KfpKubernetes => sdk.kfp_kubernetes.parse().ok(),
        Package::KfpPipelineSpec | Package::KfpServerApi => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_names_each_version_once_and_known_packages() {
        let packages = Packages::builtin().unwrap();
        let mut versions: Vec<Version> = packages.sdks.iter().map(|sdk| sdk.kfp).collect();
        versions.dedup();
        assert_eq!(versions.len(), packages.sdks.len());
        for sdk in &packages.sdks {
            assert!(
                fields::Package::KfpPipelineSpec.versions().contains(&sdk.writes),
                "{}",
                sdk.writes
            );
            assert!(
                fields::Package::KfpKubernetes
                    .versions()
                    .contains(&sdk.kubernetes),
                "{}",
                sdk.kubernetes
            );
        }
    }

    #[test]
    fn all_but_one_backend_know_every_field_that_the_sdk_of_their_own_tree_writes() {
        let packages = Packages::builtin().unwrap();
        let more: Vec<String> = packages
            .backends
            .iter()
            .filter(|known| {
                let written = packages.written_by(own(known, Package::Kfp).unwrap());
                let newest = fields::newest_package_within(fields::Package::KfpPipelineSpec, known.version);
                newest.is_none_or(|newest| written > newest)
            })
            .map(|known| known.version.to_string())
            .collect();
        assert_eq!(more, ["2.4.1"]);
    }
}
