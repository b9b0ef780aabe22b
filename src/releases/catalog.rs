//! FACTS: all data files read into one catalog, or a clear error that names file and place. No I/O, no clock.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::advisory::Advisory;
use crate::edge::Edge;
use crate::extend::{extend, merge};
use crate::files;
use crate::invariants;
use crate::release::{Install, Release, SupportState};
use crate::version::Version;

/// Every known release, hop and advisory.
#[derive(Clone, Debug, PartialEq)]
pub struct Catalog {
    releases: BTreeMap<Version, Arc<Release>>,
    /// Releases as they are installed where pipelines are kept as Kubernetes objects.
    kubernetes_pipelines: BTreeMap<Version, Arc<Release>>,
    advisories: Vec<Advisory>,
    edges: Vec<Edge>,
}

/// A data file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("release catalog, file {file}, at `{path}`: {message}; mend the data file")]
pub struct CatalogError {
    /// File below `src/releases/data`.
    pub file: String,
    /// Place in it, such as `install.components[3].pod`.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Advisories {
    pub(crate) advisories: Vec<Advisory>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edges {
    edges: Vec<Edge>,
}

impl Catalog {
    /// The catalog that is compiled in. Parsed once.
    pub fn builtin() -> Result<&'static Self, CatalogError> {
        static BUILTIN: OnceLock<Result<Catalog, CatalogError>> = OnceLock::new();
        let parsed = BUILTIN.get_or_init(|| Self::parse(files::RELEASES, files::ADVISORIES, files::EDGES));
        parsed.as_ref().map_err(Clone::clone)
    }

    /// A catalog from texts: (file name without its ending, YAML) for each release, then advisories and hops.
    pub fn parse(releases: &[(&str, &str)], advisories: &str, edges: &str) -> Result<Self, CatalogError> {
        let mut raw = BTreeMap::new();
        for (name, text) in releases {
            raw.insert((*name).to_owned(), yaml(&release_file(name), text)?);
        }
        let mut parsed = BTreeMap::new();
        let mut kubernetes_pipelines = BTreeMap::new();
        for name in raw.keys() {
            let file = release_file(name);
            let mut whole = extend(name, &raw).map_err(|message| error(&file, "extends", &message))?;
            let laid_over = take_variant(&mut whole, KUBERNETES_PIPELINES);
            if let Some(laid_over) = laid_over {
                let variant: Release = typed(&file, lay_over_install(&whole, laid_over))?;
                kubernetes_pipelines.insert(variant.version, Arc::new(variant));
            }
            let release: Release = typed(&file, whole)?;
            if release.version.to_string() != *name {
                return Err(error(
                    &file,
                    "version",
                    &format!("is {}, but the file is named {name}", release.version),
                ));
            }
            parsed.insert(release.version, Arc::new(release));
        }
        let advisories: Advisories = typed("advisories.yaml", yaml("advisories.yaml", advisories)?)?;
        let edges: Edges = typed("edges.yaml", yaml("edges.yaml", edges)?)?;
        let catalog = Self {
            releases: parsed,
            kubernetes_pipelines,
            advisories: advisories.advisories,
            edges: edges.edges,
        };
        // A release that others extend comes first: they only repeat its mistakes.
        let depth = |problem: &CatalogError| extended(&problem.file, &raw);
        match invariants::problems(&catalog).into_iter().min_by_key(depth) {
            Some(problem) => Err(problem),
            None => Ok(catalog),
        }
    }

    /// The release of this version.
    #[must_use]
    pub fn release(&self, version: &str) -> Option<&Arc<Release>> {
        self.releases.get(&version.parse().ok()?)
    }

    /// Every release, oldest version first.
    #[must_use]
    pub fn releases(&self) -> impl DoubleEndedIterator<Item = &Arc<Release>> {
        self.releases.values()
    }

    /// Every release that the operator installs, oldest version first, with how.
    #[must_use]
    pub fn installable(&self) -> impl DoubleEndedIterator<Item = (&Arc<Release>, &Install)> {
        self.releases()
            .filter_map(|release| release.installable().map(|install| (release, install)))
    }

    /// The release of this version as it is installed where pipelines are kept as Kubernetes objects; none for a release
    /// that cannot do so.
    #[must_use]
    pub fn with_kubernetes_pipelines(&self, version: Version) -> Option<&Arc<Release>> {
        self.kubernetes_pipelines.get(&version)
    }

    /// Every way in which the operator installs a release: each with pipelines in the database, then those with pipelines
    /// in Kubernetes. Oldest version first.
    pub fn installs(&self) -> impl Iterator<Item = (&Arc<Release>, &Install)> {
        let variants = self.kubernetes_pipelines.values();
        self.installable()
            .chain(variants.filter_map(|release| release.installable().map(|install| (release, install))))
    }

    /// Releases in this state, oldest version first.
    pub fn in_state(&self, state: SupportState) -> impl Iterator<Item = &Arc<Release>> {
        self.releases()
            .filter(move |release| release.support.state == state)
    }

    /// Every advisory.
    #[must_use]
    pub fn advisories(&self) -> &[Advisory] {
        &self.advisories
    }

    /// The advisories of one release, worst first.
    #[must_use]
    pub fn advisories_of(&self, version: Version) -> Vec<&Advisory> {
        let mut found: Vec<_> = self
            .advisories
            .iter()
            .filter(|advisory| advisory.affects(version))
            .collect();
        found.sort_by_key(|advisory| std::cmp::Reverse(advisory.severity));
        found
    }

    /// Every hop.
    #[must_use]
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// The hop between two releases.
    #[must_use]
    pub fn edge(&self, from: Version, to: Version) -> Option<&Edge> {
        self.edges.iter().find(|edge| edge.from == from && edge.to == to)
    }
}

/// What of a release's data says how it differs where pipelines are kept as Kubernetes objects.
const KUBERNETES_PIPELINES: &str = "kubernetesPipelines";

/// Takes a variant of the installation out of a release's data.
fn take_variant(release: &mut Value, name: &str) -> Option<Value> {
    release.get_mut("install")?.as_object_mut()?.remove(name)
}

/// The release's data with this laid over how it is installed.
fn lay_over_install(release: &Value, over: Value) -> Value {
    let mut release = release.clone();
    if let Some(install) = release.get_mut("install") {
        *install = merge(install.take(), over);
    }
    release
}

pub(crate) fn release_file(name: &str) -> String {
    format!("releases/{name}.yaml")
}

/// How many releases the one in this file is laid over.
fn extended(file: &str, raw: &BTreeMap<String, Value>) -> usize {
    let name = |file: &str| {
        file.strip_prefix("releases/")?
            .strip_suffix(".yaml")
            .map(str::to_owned)
    };
    let base = |name: &String| raw.get(name)?.get("extends")?.as_str().map(str::to_owned);
    std::iter::successors(name(file), base).skip(1).count()
}

pub(crate) fn error(file: &str, path: &str, message: &str) -> CatalogError {
    CatalogError {
        file: file.to_owned(),
        path: path.to_owned(),
        message: message.to_owned(),
    }
}

pub(crate) fn yaml(file: &str, text: &str) -> Result<Value, CatalogError> {
    serde_saphyr::from_str(text).map_err(|problem| error(file, ".", &problem.to_string()))
}

pub(crate) fn typed<T: DeserializeOwned>(file: &str, value: Value) -> Result<T, CatalogError> {
    serde_path_to_error::deserialize(value)
        .map_err(|problem| error(file, &problem.path().to_string(), &problem.inner().to_string()))
}
