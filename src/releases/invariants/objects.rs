//! FACTS: names of objects are given once, components depend on each other without a circle, Secrets can be made. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::Problems;
use crate::component::{Component, Generate, Role, Secret};
use crate::image::ImageName;
use crate::release::Install;

/// Roles without which nothing works.
const NEEDED: [Role; 5] = [
    Role::ApiServer,
    Role::Database,
    Role::ObjectStore,
    Role::WorkflowController,
    Role::PersistenceAgent,
];

pub(super) fn check(install: &Install, problems: &mut Problems) {
    unique_names(install, problems);
    dependencies(&install.components, problems);
    for (name, image) in &install.images {
        let path = format!("install.images.{name}");
        match ImageName::pinned(image) {
            Err(problem) => problems.add(&path, &problem.to_string()),
            Ok(parsed) if parsed.registry.is_none() => problems.add(&path, "names no registry"),
            Ok(_) => {}
        }
    }
    for name in install
        .crds
        .keys()
        .filter(|name| name.splitn(2, '.').count() != 2)
    {
        problems.add(
            &format!("install.crds.{name}"),
            "is no full name: write PLURAL.GROUP",
        );
    }
    for secret in install.secrets() {
        generated(secret, install, problems);
    }
}

fn unique_names(install: &Install, problems: &mut Problems) {
    let components = &install.components;
    problems.twice(
        "install.components",
        components.iter().map(|component| component.name.as_str()),
    );
    let roles: Vec<String> = components
        .iter()
        .map(|component| format!("{:?}", component.role))
        .collect();
    problems.twice("install.components role", roles.iter().map(String::as_str));
    for role in NEEDED.into_iter().filter(|role| install.role(*role).is_none()) {
        problems.add("install.components", &format!("none has the role {role:?}"));
    }
    problems.twice(
        "config maps",
        install.config_maps().map(|object| object.name.as_str()),
    );
    problems.twice("secrets", install.secrets().map(|object| object.name.as_str()));
    problems.twice(
        "service accounts",
        install.service_accounts().map(|object| object.name.as_str()),
    );
    problems.twice(
        "role bindings",
        install.access().map(|object| object.binding.as_str()),
    );
    let services = components.iter().flat_map(|component| &component.services);
    problems.twice("services", services.map(|object| object.name.as_str()));
    let claims = components.iter().flat_map(|component| &component.volume_claims);
    problems.twice("volume claims", claims.map(|object| object.name.as_str()));
}

/// Every `after` names a component, and none waits for itself by way of others.
fn dependencies(components: &[Component], problems: &mut Problems) {
    let after: BTreeMap<&str, &[String]> = components
        .iter()
        .map(|component| (component.name.as_str(), component.after.as_slice()))
        .collect();
    for component in components {
        let path = format!("install.components[{}].after", component.name);
        for needed in component
            .after
            .iter()
            .filter(|needed| !after.contains_key(needed.as_str()))
        {
            problems.add(&path, &format!("`{needed}` is no component"));
        }
        let needs = component
            .after
            .iter()
            .filter_map(|needed| components.iter().find(|other| other.name == *needed));
        for needed in needs.filter(|needed| component.required && !needed.required) {
            problems.add(
                &path,
                &format!("{} can be switched off, but this component cannot", needed.name),
            );
        }
        let mut reached = BTreeSet::new();
        let mut next: Vec<&str> = component.after.iter().map(String::as_str).collect();
        while let Some(name) = next.pop() {
            if reached.insert(name) {
                next.extend(
                    after
                        .get(name)
                        .into_iter()
                        .flat_map(|names| names.iter())
                        .map(String::as_str),
                );
            }
        }
        if reached.contains(component.name.as_str()) {
            problems.add(&path, "the component waits for itself");
        }
    }
}

/// A Secret has keys, and names in it are long enough not to be guessed in advance.
fn generated(secret: &Secret, install: &Install, problems: &mut Problems) {
    let path = format!("secret {}", secret.name);
    if secret.key_names().next().is_none() {
        problems.add(&path, "has no keys");
    }
    for (key, made) in &secret.keys {
        if let Generate::Name { prefix, length } = made
            && *length < prefix.len() + 8
        {
            problems.add(
                &format!("{path}, key {key}"),
                "leaves fewer than 8 random characters",
            );
        }
    }
    if let Some(certificate) = &secret.certificate
        && install.service(&certificate.service).is_none()
    {
        problems.add(
            &path,
            &format!(
                "is for the Service {}, which the release does not have",
                certificate.service
            ),
        );
    }
}
