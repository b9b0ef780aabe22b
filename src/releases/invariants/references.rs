//! FACTS: every source of a value leads to an object of the same release, and nothing is declared that nobody uses. Pure.

use std::collections::BTreeSet;

use super::Problems;
use crate::component::{Component, ConfigMap};
use crate::pod::Container;
use crate::release::Install;
use crate::source::{Insert, KeyRef, Text, Value};

pub(super) fn check(install: &Install, problems: &mut Problems) {
    let mut check = Check {
        install,
        images: BTreeSet::new(),
        settings: BTreeSet::new(),
        problems,
    };
    for map in install.config_maps() {
        check.config_map(map);
    }
    for component in &install.components {
        check.component(component);
    }
    check.databases_and_bucket();
    check.unused();
}

/// One pass over a release.
struct Check<'a> {
    install: &'a Install,
    images: BTreeSet<&'a str>,
    settings: BTreeSet<&'a str>,
    problems: &'a mut Problems,
}

impl<'a> Check<'a> {
    fn config_map(&mut self, map: &'a ConfigMap) {
        for (key, text) in &map.data {
            self.text(&format!("ConfigMap {}, key {key}", map.name), text);
        }
    }

    fn component(&mut self, component: &'a Component) {
        for (_, pod) in component.pods() {
            for container in pod.all_containers() {
                self.container(
                    container,
                    &format!("component {}, container {}", component.name, container.name),
                );
            }
        }
        for webhook in &component.webhooks {
            let path = format!("component {}, webhook {}", component.name, webhook.path);
            self.text(&path, &webhook.configuration);
            self.text(&path, &webhook.name);
            self.port(&path, &webhook.service.service, &webhook.service.port);
            if !self
                .install
                .secrets()
                .any(|secret| secret.name == webhook.secret && secret.certificate.is_some())
            {
                self.problems.add(
                    &path,
                    &format!("`{}` is no Secret with a certificate", webhook.secret),
                );
            }
        }
    }

    fn container(&mut self, container: &'a Container, path: &str) {
        self.image(path, &container.image);
        for text in container.command.iter().chain(&container.args) {
            self.text(path, text);
        }
        for (name, value) in &container.env {
            let path = format!("{path}, environment {name}");
            match value {
                Value::Secret(at) => self.secret_key(&path, at),
                Value::Config(at) => self.config_key(&path, at),
                Value::Field(field) if field.starts_with("metadata.") => {}
                Value::Field(field) => self
                    .problems
                    .add(&path, &format!("`{field}` is no field of the pod's metadata")),
                Value::Text(text) => self.text(&path, text),
            }
        }
        for (name, text) in &container.env_when_proxied {
            let path = format!("{path}, environment {name}");
            self.text(&path, text);
            let simple = |insert: &Insert| {
                matches!(
                    insert,
                    Insert::Namespace | Insert::Service(_) | Insert::ServiceName(_)
                )
            };
            if !text.inserts().all(simple) {
                self.problems
                    .add(&path, "may insert the namespace and names of Services only");
            }
        }
        for name in &container.env_from_secrets {
            if !self.install.secrets().any(|secret| secret.name == *name) {
                self.problems
                    .add(path, &format!("there is no Secret {name} in the release"));
            }
        }
    }

    fn secret_key(&mut self, path: &str, at: &KeyRef) {
        let secret = self.install.secrets().find(|secret| secret.name == at.name);
        if !at.optional && !secret.is_some_and(|secret| secret.key_names().any(|key| key == at.key)) {
            self.problems.add(
                path,
                &format!(
                    "there is no Secret {} with a key {} in the release",
                    at.name, at.key
                ),
            );
        }
    }

    fn config_key(&mut self, path: &str, at: &KeyRef) {
        let map = self.install.config_maps().find(|map| map.name == at.name);
        if !at.optional && !map.is_some_and(|map| map.data.contains_key(&at.key)) {
            self.problems.add(
                path,
                &format!(
                    "there is no ConfigMap {} with a key {} in the release",
                    at.name, at.key
                ),
            );
        }
    }

    fn text(&mut self, path: &str, text: &'a Text) {
        for insert in text.inserts() {
            match insert {
                Insert::Namespace | Insert::Version => {}
                Insert::Service(name) | Insert::ServiceName(name) => {
                    if self.install.service(name).is_none() {
                        self.problems
                            .add(path, &format!("there is no Service {name} in the release"));
                    }
                }
                Insert::ServicePort(at) | Insert::ServiceAddress(at) => {
                    self.port(path, &at.service, &at.port);
                }
                Insert::Image(name) => self.image(path, name),
                Insert::Setting(name) => {
                    self.settings.insert(name);
                    if !self.install.settings.contains_key(name) {
                        self.problems
                            .add(path, &format!("there is no setting {name} in the release"));
                    }
                }
            }
        }
    }

    fn port(&mut self, path: &str, service: &str, port: &str) {
        if self
            .install
            .service(service)
            .and_then(|service| service.port(port))
            .is_none()
        {
            self.problems.add(
                path,
                &format!("there is no Service {service} with a port {port} in the release"),
            );
        }
    }

    fn image(&mut self, path: &str, name: &'a str) {
        self.images.insert(name);
        if !self.install.images.contains_key(name) {
            self.problems
                .add(path, &format!("there is no image {name} in the release"));
        }
    }

    fn databases_and_bucket(&mut self) {
        let key = |name: &str, key: &str| KeyRef {
            name: name.to_owned(),
            key: key.to_owned(),
            optional: false,
        };
        let databases = &self.install.databases;
        self.secret_key(
            "install.databases.userSecret",
            &key(&databases.user_secret, "username"),
        );
        self.secret_key(
            "install.databases.userSecret",
            &key(&databases.user_secret, "password"),
        );
        self.secret_key(
            "install.databases.rootSecret",
            &key(&databases.root_secret, "password"),
        );
        self.secret_key(
            "install.databases.inventorySecret",
            &key(&databases.inventory_secret, "password"),
        );
        let store = &self.install.object_store;
        self.secret_key(
            "install.objectStore.accessKey",
            &key(&store.secret, &store.access_key),
        );
        self.secret_key(
            "install.objectStore.secretKey",
            &key(&store.secret, &store.secret_key),
        );
        self.port(
            "install.objectStore.endpoint",
            &store.endpoint.service,
            &store.endpoint.port,
        );
    }

    fn unused(&mut self) {
        for name in self
            .install
            .images
            .keys()
            .filter(|name| !self.images.contains(name.as_str()))
        {
            self.problems
                .add(&format!("install.images.{name}"), "is used by nothing");
        }
        for name in self
            .install
            .settings
            .keys()
            .filter(|name| !self.settings.contains(name.as_str()))
        {
            self.problems
                .add(&format!("install.settings.{name}"), "is used by nothing");
        }
    }
}
