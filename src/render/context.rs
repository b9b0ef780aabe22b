//! SHAPES: what every shape needs to know: the installation, its release, and how insertions are filled in.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::LocalObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kfp_api::names::{GROUP, VERSION};
use kfp_releases::component::{Component, Service};
use kfp_releases::source::{Insert, PortRef, Text};
use kfp_releases::validated::ComponentSettings;
use kfp_releases::{Install, ValidatedInstallation};

use crate::RenderError;
use crate::labels::Labels;

/// What every shape needs to know.
pub(crate) struct Context<'a> {
    /// The installation.
    pub installation: &'a ValidatedInstallation,
    /// How its release is installed.
    pub install: &'a Install,
    /// The release's version.
    pub version: String,
    /// Reference to the installation's resource; none for a manifest that was never applied.
    pub owner: Option<OwnerReference>,
    /// Secrets that images are pulled with.
    pub pull_secrets: Vec<LocalObjectReference>,
}

/// A port of a component's pods, reached by way of a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Target<'a> {
    /// Name of the component that listens.
    pub component: &'a str,
    /// Labels of its pods, as the Service selects them.
    pub selector: &'a Labels,
    /// Number of the container port.
    pub port: i32,
}

fn missing(at: &str, what: &'static str, name: &str) -> RenderError {
    RenderError::Missing {
        at: at.to_owned(),
        what,
        name: name.to_owned(),
    }
}

impl<'a> Context<'a> {
    /// What is known of an installation, or what makes it impossible to render.
    pub fn new(installation: &'a ValidatedInstallation) -> Result<Self, RenderError> {
        let version = installation.release.version.to_string();
        let install = installation
            .install()
            .ok_or_else(|| missing("release", "way to install it", &version))?;
        let pull_secret = |name: &String| LocalObjectReference { name: name.clone() };
        Ok(Self {
            installation,
            install,
            version,
            owner: owner(installation),
            pull_secrets: installation.image_pull_secrets.iter().map(pull_secret).collect(),
        })
    }

    /// Namespace of the installation.
    pub fn namespace(&self) -> &'a str {
        &self.installation.namespace
    }

    /// The components that run, each after those that it waits for, otherwise as the release lists them. The catalog
    /// refuses circles; were there one, its members would stand last.
    pub fn in_order(&self) -> Vec<(&'a Component, &'a ComponentSettings)> {
        let mut left: Vec<_> = self.installation.running().collect();
        let mut placed: BTreeSet<&str> = BTreeSet::new();
        let mut ordered = Vec::new();
        while !left.is_empty() {
            let waits = |name: &String| self.runs(name) && !placed.contains(name.as_str());
            let free = left
                .iter()
                .position(|(component, _)| !component.after.iter().any(waits));
            let next = left.remove(free.unwrap_or_default());
            placed.insert(&next.0.name);
            ordered.push(next);
        }
        ordered
    }

    /// Whether the component of this name runs.
    pub fn runs(&self, name: &str) -> bool {
        self.installation.components.contains_key(name)
    }

    /// Fills in every insertion of a text. `at` says where it stands, for messages.
    pub fn text(&self, at: &str, text: &Text) -> Result<String, RenderError> {
        text.resolve(|insert| self.insert(at, insert))
    }

    fn insert(&self, at: &str, insert: &Insert) -> Result<String, RenderError> {
        let host = |service: &Service| format!("{}.{}.svc", service.name, self.namespace());
        Ok(match insert {
            Insert::Namespace => self.namespace().to_owned(),
            Insert::Version => self.version.clone(),
            Insert::Service(name) => host(self.service(at, name)?),
            Insert::ServiceName(name) => self.service(at, name)?.name.clone(),
            Insert::ServicePort(port) => self.service_port(at, port)?.to_string(),
            Insert::ServiceAddress(port) => {
                format!(
                    "{}:{}",
                    host(self.service(at, &port.service)?),
                    self.service_port(at, port)?
                )
            }
            Insert::Image(name) => self.image(at, name)?,
            Insert::Setting(name) => {
                let setting = self.installation.settings.get(name);
                setting.cloned().ok_or_else(|| missing(at, "setting", name))?
            }
        })
    }

    /// An image of the release, after the registry rewrite.
    pub fn image(&self, at: &str, name: &str) -> Result<String, RenderError> {
        self.installation
            .images
            .get(name)
            .cloned()
            .ok_or_else(|| missing(at, "image", name))
    }

    fn service(&self, at: &str, name: &str) -> Result<&'a Service, RenderError> {
        self.install
            .service(name)
            .ok_or_else(|| missing(at, "Service", name))
    }

    /// Number of a Service's port.
    pub fn service_port(&self, at: &str, port: &PortRef) -> Result<i32, RenderError> {
        let number = self.service(at, &port.service)?.port(&port.port);
        number.ok_or_else(|| missing(at, "Service port", &port.to_string()))
    }

    /// The ports of other components that run, and that `client` connects to.
    pub fn targets(&self, client: &'a Component) -> Result<BTreeSet<Target<'a>>, RenderError> {
        let at = format!("NetworkPolicy/{}", client.name);
        let mut targets = BTreeSet::new();
        for wanted in &client.connects {
            let service = self.service(&at, &wanted.service)?;
            for (server, _) in self.installation.running() {
                if server.services.contains(service) {
                    targets.insert(Target {
                        component: &server.name,
                        selector: &service.selector,
                        port: self.container_port(&at, server, service, wanted)?,
                    });
                }
            }
        }
        Ok(targets)
    }

    /// Number of the container port behind a Service's port.
    fn container_port(
        &self,
        at: &str,
        server: &Component,
        service: &Service,
        wanted: &PortRef,
    ) -> Result<i32, RenderError> {
        let unknown = || missing(at, "container port behind", &wanted.to_string());
        let by_name =
            |port: &&k8s_openapi::api::core::v1::ServicePort| port.name.as_deref() == Some(&wanted.port);
        let port = service.ports.iter().find(by_name).ok_or_else(unknown)?;
        match &port.target_port {
            None => Ok(port.port),
            Some(IntOrString::Int(number)) => Ok(*number),
            Some(IntOrString::String(name)) => {
                let pod = self.installation.pod(server).ok_or_else(unknown)?;
                let mut ports = pod.containers.iter().flat_map(|container| &container.ports);
                let named = ports.find(|port| port.name.as_deref() == Some(name));
                named.map(|port| port.container_port).ok_or_else(unknown)
            }
        }
    }
}

/// The resource that owns what goes with it. It blocks nothing: the data outlives it anyway.
fn owner(installation: &ValidatedInstallation) -> Option<OwnerReference> {
    (!installation.uid.is_empty()).then(|| OwnerReference {
        api_version: format!("{GROUP}/{VERSION}"),
        kind: "KfpInstallation".to_owned(),
        name: installation.name.clone(),
        uid: installation.uid.clone(),
        controller: Some(true),
        block_owner_deletion: None,
    })
}
