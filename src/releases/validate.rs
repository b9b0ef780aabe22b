//! FACTS: a spec against the catalog: every name resolved and every default applied, or every fault found at once. Pure.

mod components;
mod sdk;
mod storage;
#[cfg(test)]
mod tests;
mod version;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kfp_api::KfpInstallation;
use kfp_api::conditions::Reason;
use kfp_api::installation::DatabaseEngine;

use crate::catalog::Catalog;
use crate::component::Role;
use crate::image::{self, ImageName};
use crate::release::{Install, Preset, Release};
pub use crate::validated::{Finding, References, ValidatedInstallation};

/// The longest label value of Kubernetes; the installation's name is one.
const LABEL_VALUE_LIMIT: usize = 63;

/// Settings that `executionController.managed.parallelism` takes the place of.
const PARALLELISM_SETTINGS: [&str; 1] = ["workflow-parallelism"];
/// Settings that `executionController.managed.ttlSeconds` takes the place of: whoever deletes Workflows, deletes them then.
const TTL_SETTINGS: [&str; 2] = ["agent-ttl-seconds", "workflow-ttl-seconds"];

/// Checks a resource against the catalog and what the world already fixes.
///
/// Returns the installation with everything resolved, or every finding there is, so that a person mends them in one go.
pub fn validate(
    resource: &KfpInstallation,
    references: &References,
    catalog: &Catalog,
) -> Result<ValidatedInstallation, Vec<Finding>> {
    let mut findings = Findings::default();
    let (name, namespace) = identity(resource, &mut findings);
    let Some(release) = version::resolve(&resource.spec, catalog, &mut findings) else {
        return Err(findings.0);
    };
    let Some(install) = release.installable() else {
        return Err(findings.0);
    };
    let check = Check {
        spec: &resource.spec,
        references,
        install,
        preset: install.presets.get(&resource.spec.size),
    };

    let engine = check.engine(&mut findings);
    let images = check.images(&mut findings);
    let settings = check.settings(&mut findings);
    let components = components::resolve(&check, engine, &images, &namespace, &mut findings);
    let volumes = storage::resolve(&check, &components, &mut findings);
    let image_pull_secrets = check.pull_secrets(&mut findings);
    let sdk_policy = sdk::resolve(&check, &release, &mut findings);
    if !findings.0.is_empty() {
        return Err(findings.0);
    }
    let of_release = install.components.iter().map(|component| component.name.clone());
    Ok(ValidatedInstallation {
        name,
        namespace,
        uid: resource.metadata.uid.clone().unwrap_or_default(),
        generation: resource.metadata.generation.unwrap_or_default(),
        disabled: of_release.filter(|name| !components.contains_key(name)).collect(),
        release: Arc::clone(&release),
        size: resource.spec.size,
        engine,
        images,
        settings,
        components,
        volumes,
        image_pull_secrets,
        network_policy: resource.spec.network_policy,
        sdk_policy,
        inventory: resource.spec.sdk_policy.inventory,
        bootstrap: resource.spec.bootstrap.as_ref().map(|begin| begin.source.clone()),
        paused: resource.spec.paused,
        deletion_policy: resource.spec.deletion_policy,
    })
}

/// Every finding so far.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.because(Reason::InvalidSpec, path, message);
    }

    fn because(&mut self, reason: Reason, path: impl Into<String>, message: impl Into<String>) {
        self.0.push(Finding {
            path: path.into(),
            reason,
            message: message.into(),
        });
    }
}

/// What every check looks at.
struct Check<'a> {
    spec: &'a kfp_api::KfpInstallationSpec,
    references: &'a References,
    install: &'a Install,
    preset: Option<&'a Preset>,
}

/// Name and namespace of the resource.
fn identity(resource: &KfpInstallation, findings: &mut Findings) -> (String, String) {
    let name = resource.metadata.name.clone().unwrap_or_default();
    if name.is_empty() {
        findings.add(
            "metadata.name",
            "is missing: every object of the installation is labelled with it; give a name",
        );
    }
    if name.len() > LABEL_VALUE_LIMIT {
        let message = format!(
            "has {} characters; every object is labelled with it, and a label value takes {LABEL_VALUE_LIMIT}: choose a shorter name",
            name.len()
        );
        findings.add("metadata.name", message);
    }
    let namespace = resource.metadata.namespace.clone().unwrap_or_default();
    if namespace.is_empty() {
        let message = "is missing: every object of the installation goes there, and addresses follow it; give a namespace";
        findings.add("metadata.namespace", message);
    }
    (name, namespace)
}

impl Check<'_> {
    /// The database engine: what is on the volume, else what the spec says, else the release's own.
    fn engine(&self, findings: &mut Findings) -> DatabaseEngine {
        const PATH: &str = "spec.database.embedded.engine";
        let wanted = self
            .spec
            .database
            .embedded
            .as_ref()
            .and_then(|embedded| embedded.engine);
        let present = self.references.database_engine_on_volume;
        if let (Some(wanted), Some(present)) = (wanted, present)
            && wanted != present
        {
            let message = format!(
                "is {wanted:?}, but the volume was written by {present:?} and another engine cannot read it: set {present:?}, or leave the field out"
            );
            findings.add(PATH, message);
        }
        let engine = present.or(wanted).unwrap_or(self.install.default_engine);
        let known = self
            .install
            .role(Role::Database)
            .map(|database| &database.engines);
        if let Some(known) = known.filter(|known| !known.contains_key(&engine)) {
            let known = list(known.keys().map(|engine| format!("{engine:?}")));
            findings.add(
                PATH,
                format!("is {engine:?}, which this release does not run on: choose {known}"),
            );
        }
        engine
    }

    /// Every image of the release, in the registry that the spec names.
    fn images(&self, findings: &mut Findings) -> BTreeMap<String, String> {
        let registry = self.spec.image_registry.as_deref().filter(|registry| {
            let fits = image::is_registry(registry);
            if !fits {
                let message = format!(
                    "`{registry}` is no registry: write HOST, HOST:PORT or HOST/PATH in small letters, without https:// and without a slash at the end"
                );
                findings.add("spec.imageRegistry", message);
            }
            fits
        });
        let moved = |image: &String| match (registry, ImageName::parse(image)) {
            (Some(registry), Ok(name)) => name.in_registry(registry),
            _ => image.clone(),
        };
        self.install
            .images
            .iter()
            .map(|(name, image)| (name.clone(), moved(image)))
            .collect()
    }

    /// Every setting of the release, with the preset's and the spec's values.
    fn settings(&self, findings: &mut Findings) -> BTreeMap<String, String> {
        let mut settings = self.install.settings.clone();
        settings.extend(self.preset.iter().flat_map(|preset| preset.settings.clone()));
        let managed = self.spec.execution_controller.managed.clone().unwrap_or_default();
        for (field, least, names, value) in [
            (
                "parallelism",
                1,
                PARALLELISM_SETTINGS.as_slice(),
                managed.parallelism,
            ),
            ("ttlSeconds", 60, TTL_SETTINGS.as_slice(), managed.ttl_seconds),
        ] {
            let Some(value) = value else { continue };
            if value < least {
                let path = format!("spec.executionController.managed.{field}");
                findings.add(
                    path,
                    format!("is {value}; the least that works is {least}: raise it, or leave it out"),
                );
            }
            for name in names {
                if let Some(setting) = settings.get_mut(*name) {
                    *setting = value.to_string();
                }
            }
        }
        settings
    }

    fn pull_secrets(&self, findings: &mut Findings) -> Vec<String> {
        let mut seen = BTreeSet::new();
        for (index, secret) in self.spec.image_pull_secrets.iter().enumerate() {
            let path = format!("spec.imagePullSecrets[{index}].name");
            if secret.name.is_empty() {
                findings.add(
                    path,
                    "is empty: name a Secret of this namespace, or leave the entry out",
                );
            } else if !seen.insert(secret.name.clone()) {
                findings.add(path, format!("`{}` is there twice: leave one out", secret.name));
            }
        }
        seen.into_iter().collect()
    }
}

/// Words in a list: `a, b or c`.
fn list(words: impl IntoIterator<Item = String>) -> String {
    let mut words: Vec<String> = words.into_iter().collect();
    match (words.pop(), words.is_empty()) {
        (None, _) => "nothing".to_owned(),
        (Some(only), true) => only,
        (Some(last), false) => format!("{} or {last}", words.join(", ")),
    }
}

/// The known words that a misspelt one probably stands for, best first, at most three.
fn near<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut scored: Vec<(f64, &str)> = known
        .into_iter()
        .map(|word| (strsim::jaro_winkler(wrong, word), word))
        .filter(|(score, _)| *score > 0.8)
        .collect();
    scored.sort_by(|(left, _), (right, _)| right.total_cmp(left));
    scored.into_iter().map(|(_, word)| word).take(3).collect()
}

/// The release as it can be installed, for messages.
fn installable_versions(catalog: &Catalog) -> String {
    list(
        catalog
            .installable()
            .map(|(release, _): (&Arc<Release>, _)| release.version.to_string()),
    )
}
