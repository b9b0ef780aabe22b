//! THOUGHT: what thinking needs of a validated installation: names, order, gates. Nothing is rendered or looked up here.

use std::collections::BTreeSet;

use kfp_api::installation::{DatabaseEngine, DeletionPolicy};
use kfp_api::restore::RestoreSource;
use kfp_api::sdk::SdkPolicyMode;
use kfp_releases::Role;
use kfp_releases::component::{Component, WorkloadKind};
use kfp_releases::release::KubernetesRange;
use kfp_releases::validated::{ComponentSettings, ValidatedInstallation};

use crate::observed::ObjectRef;

/// The wanted installation, as far as decisions depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// Name of the resource.
    pub name: String,
    /// Namespace of the resource and of everything made for it.
    pub namespace: String,
    /// `metadata.generation` of the spec that was validated.
    pub generation: i64,
    /// Release to run, as the catalog writes it.
    pub version: String,
    /// `spec.paused`.
    pub paused: bool,
    /// `spec.deletionPolicy`.
    pub deletion_policy: DeletionPolicy,
    /// Kubernetes versions that the release was tested on; none where upstream says nothing.
    pub kubernetes: Option<KubernetesRange>,
    /// Engine of the embedded database; none when there is no embedded database.
    pub engine: Option<DatabaseEngine>,
    /// Names of the embedded database's volume claims.
    pub database_claims: BTreeSet<String>,
    /// A component that runs has cluster-scoped objects.
    pub cluster_scoped: bool,
    /// Names of the Secrets that open the data on the embedded database's volume.
    pub database_secrets: BTreeSet<String>,
    /// What is said about SDKs of pipelines.
    pub sdk: DesiredSdk,
    /// What empty databases begin with.
    pub bootstrap: Option<RestoreSource>,
    /// The components that run, each after all that it waits for.
    pub components: Vec<DesiredComponent>,
    /// Addresses inside the cluster, each with the component that serves it.
    pub endpoints: Vec<Address>,
}

/// What is said about SDKs of pipelines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredSdk {
    /// What is done about a pipeline outside the policy.
    pub mode: SdkPolicyMode,
    /// Versions that are allowed, as Python writes ranges.
    pub allowed: String,
    /// Stored pipelines are looked through.
    pub inventory: bool,
}

/// A component that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredComponent {
    /// Name in the catalog.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Its Deployment or `StatefulSet`.
    pub workload: ObjectRef,
    /// Replicas that its workload is rendered with; 0 where a restore stops it.
    pub replicas: i32,
    /// Components that must be healthy before its workload is first made.
    pub after: BTreeSet<String>,
}

/// An address inside the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Which of the status' endpoints it is.
    pub kind: AddressKind,
    /// Component that serves it.
    pub component: String,
    /// The address itself, for example `http://ml-pipeline-ui.kubeflow.svc:80`.
    pub address: String,
}

/// Which of the status' endpoints an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AddressKind {
    /// The user interface.
    Ui,
    /// The REST API.
    Api,
    /// The gRPC API.
    Grpc,
    /// The S3 endpoint.
    ObjectStore,
}

impl Desired {
    /// What thinking needs of a validated installation.
    #[must_use]
    pub fn of(installation: &ValidatedInstallation) -> Self {
        let databases = installation.install().map(|install| &install.databases);
        let secrets =
            databases.map(|names| BTreeSet::from([names.user_secret.clone(), names.root_secret.clone()]));
        let claims = installation.role(Role::Database).map(|(component, _)| {
            component
                .volume_claims
                .iter()
                .map(|claim| claim.name.clone())
                .collect()
        });
        let dependencies = installation.release.dependencies.as_ref();
        Self {
            name: installation.name.clone(),
            namespace: installation.namespace.clone(),
            generation: installation.generation,
            version: installation.release.version.to_string(),
            paused: installation.paused,
            deletion_policy: installation.deletion_policy,
            kubernetes: dependencies.and_then(|with| with.kubernetes.clone()),
            engine: installation.role(Role::Database).map(|_| installation.engine),
            database_claims: claims.unwrap_or_default(),
            cluster_scoped: installation
                .running()
                .any(|(component, _)| !component.webhooks.is_empty()),
            database_secrets: secrets.unwrap_or_default(),
            sdk: DesiredSdk {
                mode: installation.sdk_policy.mode,
                allowed: installation.sdk_policy.allowed.to_string(),
                inventory: installation.inventory.enabled,
            },
            bootstrap: installation.bootstrap.clone(),
            components: in_order(installation.running()),
            endpoints: addresses(installation),
        }
    }

    /// The component of this role, if one runs.
    #[must_use]
    pub fn role(&self, role: Role) -> Option<&DesiredComponent> {
        self.components.iter().find(|component| component.role == role)
    }

    /// The component of that name, if it runs.
    #[must_use]
    pub fn component(&self, name: &str) -> Option<&DesiredComponent> {
        self.components.iter().find(|component| component.name == name)
    }
}

/// The components, each after those that it waits for, otherwise as the release lists them. The catalog refuses
/// circles; were there one, its members would come last and wait for each other.
fn in_order<'a>(
    running: impl Iterator<Item = (&'a Component, &'a ComponentSettings)>,
) -> Vec<DesiredComponent> {
    let mut left: Vec<(&Component, &ComponentSettings)> = running.collect();
    let names: BTreeSet<String> = left.iter().map(|(component, _)| component.name.clone()).collect();
    let mut placed: BTreeSet<&str> = BTreeSet::new();
    let mut ordered = Vec::new();
    while !left.is_empty() {
        let free = |(component, _): &(&Component, &ComponentSettings)| {
            component
                .after
                .iter()
                .all(|name| placed.contains(name.as_str()) || !names.contains(name))
        };
        let next = left.iter().position(free).unwrap_or_default();
        let (component, settings) = left.remove(next);
        placed.insert(&component.name);
        ordered.push(DesiredComponent {
            name: component.name.clone(),
            role: component.role,
            workload: ObjectRef {
                kind: kind(component.workload).to_owned(),
                name: component.name.clone(),
            },
            replicas: settings.replicas,
            after: component
                .after
                .iter()
                .filter(|name| names.contains(*name))
                .cloned()
                .collect(),
        });
    }
    ordered
}

fn kind(kind: WorkloadKind) -> &'static str {
    match kind {
        WorkloadKind::Deployment => "Deployment",
        WorkloadKind::StatefulSet => "StatefulSet",
    }
}

/// Addresses of the ports that the release names `http` and `grpc`, and of its object store.
fn addresses(installation: &ValidatedInstallation) -> Vec<Address> {
    let namespace = &installation.namespace;
    let at = |role: Role, port: &str| {
        let (component, _) = installation.role(role)?;
        let found = component
            .services
            .iter()
            .find_map(|service| Some((service, service.port(port)?)));
        found.map(|(service, number)| {
            (
                component.name.clone(),
                format!("{}.{namespace}.svc:{number}", service.name),
            )
        })
    };
    let store = installation
        .install()
        .and_then(|install| at(Role::ObjectStore, &install.object_store.endpoint.port));
    let found = [
        (AddressKind::Ui, "http://", at(Role::Frontend, "http")),
        (AddressKind::Api, "http://", at(Role::ApiServer, "http")),
        (AddressKind::Grpc, "", at(Role::ApiServer, "grpc")),
        (AddressKind::ObjectStore, "http://", store),
    ];
    let address = |(kind, scheme, place): (AddressKind, &str, Option<(String, String)>)| {
        place.map(|(component, host)| Address {
            kind,
            component,
            address: format!("{scheme}{host}"),
        })
    };
    found.into_iter().filter_map(address).collect()
}
