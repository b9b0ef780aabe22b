//! FACTS: what must hold in every catalog, checked whenever one is read, so that a wrong data file never reaches a cluster.
//! Pure.

mod access;
mod history;
#[cfg(test)]
mod mistakes;
mod objects;
mod references;
#[cfg(test)]
mod tests;
mod workloads;

use crate::catalog::{Catalog, CatalogError};
use crate::release::{Install, Release, SupportState};

/// Everything that is wrong with a catalog, in the order of releases; empty for a right one.
pub(crate) fn problems(catalog: &Catalog) -> Vec<CatalogError> {
    let mut problems = Problems::default();
    for release in catalog.releases() {
        problems.in_file(&format!("releases/{}.yaml", release.version));
        of_release(release, &mut problems);
        if let Some(variant) = catalog.with_kubernetes_pipelines(release.version) {
            of_release(variant, &mut problems);
        }
    }
    access::across_releases(catalog, &mut problems);
    history::check(catalog, &mut problems);
    problems.found
}

fn of_release(release: &Release, problems: &mut Problems) {
    if release.support.reason.trim().is_empty() {
        problems.add("support.reason", "is empty: say why, users read it");
    }
    let Some(install) = &release.install else {
        if release.support.state == SupportState::Supported {
            problems.add("install", "is missing, but the release is Supported");
        }
        return;
    };
    if release.support.state != SupportState::Supported {
        problems.add("install", "is there, but the release is not Supported");
    }
    if release.dependencies.is_none() {
        problems.add("dependencies", "is missing, but the release can be installed");
    }
    if let Some(with) = &release.dependencies
        && [Some(&with.sdk.kfp), with.sdk.newest_kfp.as_ref()]
            .into_iter()
            .flatten()
            .any(|kfp| kfp.parse::<crate::sdk::SdkVersion>().is_err())
    {
        problems.add(
            "dependencies.sdk",
            "is no version of an SDK, and the default SDK policy follows from it",
        );
    }
    if !crate::files::SCHEMAS
        .iter()
        .any(|(name, _)| *name == install.schema)
    {
        problems.add(
            "install.schema",
            &format!("names {}, but there is no schemas/{0}.yaml", install.schema),
        );
    }
    objects::check(install, problems);
    workloads::check(install, problems);
    references::check(install, problems);
    access::check(install, problems);
    presets(install, problems);
}

/// Presets speak of things that exist, and sizes get larger.
fn presets(install: &Install, problems: &mut Problems) {
    let mut smaller = std::collections::BTreeMap::new();
    for claim in install
        .components
        .iter()
        .flat_map(|component| &component.volume_claims)
    {
        smaller.insert(claim.name.clone(), crate::quantity::bytes(&claim.size));
    }
    for (size, preset) in &install.presets {
        let path = format!("install.presets.{size:?}");
        for name in preset
            .settings
            .keys()
            .filter(|name| !install.settings.contains_key(*name))
        {
            problems.add(&format!("{path}.settings.{name}"), "is no setting of the release");
        }
        for (name, changed) in &preset.components {
            let path = format!("{path}.components.{name}");
            let Some(component) = install.component(name) else {
                problems.add(&path, "is no component of the release");
                continue;
            };
            if changed
                .replicas
                .is_some_and(|replicas| replicas < 1 || replicas > component.replicas.most)
            {
                let most = component.replicas.most;
                problems.add(
                    &format!("{path}.replicas"),
                    &format!("is outside of 1 to {most}, the most that can run"),
                );
            }
            if let Some(resources) = &changed.resources {
                workloads::resources(&format!("{path}.resources"), resources, problems);
            }
        }
        for (name, wanted) in &preset.storage {
            let path = format!("{path}.storage.{name}");
            let wanted = crate::quantity::bytes(wanted);
            match smaller.get_mut(name) {
                None => problems.add(&path, "is no volume claim of the release"),
                Some(before) if wanted.is_none() || wanted < *before => {
                    problems.add(&path, "is no size, or is below that of the smaller preset");
                }
                Some(before) => *before = wanted,
            }
        }
    }
}

/// What was found so far, and in which file.
#[derive(Default)]
struct Problems {
    file: String,
    found: Vec<CatalogError>,
}

impl Problems {
    /// What is found from here on is in this file.
    fn in_file(&mut self, file: &str) {
        file.clone_into(&mut self.file);
    }

    fn add(&mut self, path: &str, message: &str) {
        let error = CatalogError {
            file: self.file.clone(),
            path: path.to_owned(),
            message: message.to_owned(),
        };
        self.found.push(error);
    }

    /// Names that occur twice.
    fn twice<'a>(&mut self, path: &str, names: impl IntoIterator<Item = &'a str>) {
        let mut seen = std::collections::BTreeSet::new();
        for name in names {
            if !seen.insert(name) {
                self.add(path, &format!("`{name}` is there twice"));
            }
        }
    }
}
