//! EYES: everything that a pass looks at, each thing in a file of its own. Nothing is changed (but for the object store's
//! probe object) and nothing is decided; what cannot be seen is `Unknown` with its reason.

pub mod api_server;
pub mod crds;
pub mod data;
pub mod database;
pub mod object_store;
pub mod objects;
pub mod occupant;
pub mod orphans;
pub mod restores;
pub mod rights;
pub mod secrets;
pub mod service;
pub(crate) mod trouble;
pub mod workloads;
pub mod writers;

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kfp_api::conditions::Reason;
use kfp_api::names::FINALIZER;
use kfp_plan::{BootstrapSeen, ComponentSeen, ObjectRef, Observed, RestoreSeen, Seen, WorkloadSeen};
use kfp_releases::Role;
use kfp_releases::quantity;
use kfp_releases::release::Install;
use kfp_releases::validated::References;
use kfp_render::Rendered;
use kube::api::ObjectMeta;
use serde_json::Value;
use time::OffsetDateTime;

use crate::Engine;
use crate::cluster::{limited, seen};
use crate::desired;
use crate::live::Live;

/// How long the removal of data may hold a deleted resource. Volumes go in seconds once their pods are gone; past ten
/// minutes somebody has to look, and the resource is let go with a warning that names what stays.
pub const DELETION_LIMIT: SignedDuration = SignedDuration::from_mins(10);

/// What stands before validation: it can be looked at without knowing what is wanted.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The older installation in this namespace.
    pub occupant: Seen<String>,
    /// The operator's rights in this namespace.
    pub rights: Seen<()>,
    /// Kubernetes version, `major.minor`.
    pub kubernetes: Seen<String>,
    /// The engine that wrote the database's volume.
    pub database_engine: Seen<kfp_api::installation::DatabaseEngine>,
    /// The release that the database's volume was last applied from.
    pub volume_release: Seen<String>,
    /// The restore that holds this installation.
    pub restore: Seen<RestoreSeen>,
    /// The KfpRestore that `spec.bootstrap` called for.
    pub bootstrap: Seen<BootstrapSeen>,
    /// What validation needs of the world.
    pub references: References,
}

/// What is looked at with a rendering at hand.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Metadata of the installation's resource.
    pub resource: &'a ObjectMeta,
    /// How its release is installed.
    pub install: &'a Install,
    /// Everything that it stands for.
    pub rendered: &'a Rendered,
}

impl Engine {
    /// Looks at what does not depend on the spec.
    pub async fn surroundings(&self, namespace: &str, resource: &ObjectMeta, now: Timestamp) -> Surroundings {
        let (occupant, rights, kubernetes, (restore, bootstrap)) = tokio::join!(
            occupant::look(&self.cluster, namespace, resource),
            rights::look(&self.cluster, namespace, resource),
            self.kubernetes(),
            restores::look(&self.cluster, namespace, resource),
        );
        // Without rights this look would only be refused; nothing goes on before they are there.
        let (claims, database_engine) = if matches!(rights, Seen::Known(())) {
            let claims = data::claims(&self.cluster, &self.catalog, namespace).await;
            let engine = data::engine(&self.catalog, &claims);
            (claims, engine)
        } else {
            (Live::default(), not_looked())
        };
        let volume_release = data::release(&self.catalog, &claims);
        let references = References {
            database_engine_on_volume: match &database_engine {
                Seen::Known(engine) => Some(*engine),
                _ => None,
            },
            now: Some(now),
            volume_claim_bytes: claims.all().filter_map(requested).collect(),
        };
        Surroundings {
            occupant,
            rights,
            kubernetes,
            database_engine,
            volume_release,
            restore,
            bootstrap,
            references,
        }
    }

    /// The Kubernetes server's version, `major.minor`.
    pub async fn kubernetes(&self) -> Seen<String> {
        let answer = limited(
            "read the Kubernetes version",
            self.cluster.client().apiserver_version(),
        )
        .await;
        // Some distributions write the minor version as `33+`.
        let number = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
        seen(answer.map(|info| Some(format!("{}.{}", number(&info.major), number(&info.minor)))))
    }

    /// Looks at everything of one installation, all at once.
    pub async fn observe(&self, around: Surroundings, wanted: Wanted<'_>, now: Timestamp) -> Observed {
        let (namespace, name) = named(wanted.resource);
        let mut observed = blank(around, wanted.resource, now);
        if observed.deleting {
            self.deletion(&mut observed, namespace, name).await;
            return observed;
        }
        // Without rights every look would only be refused; in another's namespace, the objects of these names are not ours.
        if !matches!(
            (&observed.rights, &observed.occupant),
            (Seen::Known(()), Seen::Absent)
        ) {
            return observed;
        }
        let objects = desired::references(wanted.rendered);
        let live = Live::read(&self.cluster, namespace, name, &objects).await;
        let clock = offset(now);
        let looks = wanted.rendered.components.iter().map(|component| async {
            let look = objects::look(&self.cluster, namespace, component, &live, clock).await;
            (component.name.clone(), look)
        });
        let (components, crds, orphans) = tokio::join!(
            join_all(looks),
            crds::look(&self.cluster, &wanted.install.crds),
            orphans::look(&self.cluster, &self.catalog, namespace, name, &objects, &live),
        );
        observed.components = components.into_iter().collect();
        observed.crd_problems = crds;
        observed.orphans = orphans;
        observed.installed = workloads::installed(&live);
        observed.data_of_others = data::of_others(name, &objects, &live);
        self.probe(&mut observed, wanted, &live).await;
        observed
    }

    /// Asks the servers that have at least one ready replica.
    async fn probe(&self, observed: &mut Observed, wanted: Wanted<'_>, live: &Live) {
        let (namespace, name) = named(wanted.resource);
        let install = wanted.install;
        let (http, components) = (&self.http, &observed.components);
        let (database, object_store, api_server) = tokio::join!(
            gated(
                install,
                components,
                Role::Database,
                database::look(install, &self.schemas, namespace, live)
            ),
            gated(
                install,
                components,
                Role::ObjectStore,
                object_store::look(http, install, namespace, name, live)
            ),
            gated(
                install,
                components,
                Role::ApiServer,
                api_server::look(http, install, namespace, live)
            ),
        );
        observed.database = database;
        observed.object_store = object_store;
        observed.api_server = api_server;
    }

    /// Looks only at what a deletion needs, for a resource whose spec cannot be used.
    pub async fn observe_deletion(
        &self,
        around: Surroundings,
        resource: &ObjectMeta,
        now: Timestamp,
    ) -> Observed {
        let (namespace, name) = named(resource);
        let mut observed = blank(around, resource, now);
        self.deletion(&mut observed, namespace, name).await;
        observed
    }

    /// What stays behind when the resource goes: data, and cluster-scoped objects, which nothing in a namespace owns.
    async fn deletion(&self, observed: &mut Observed, namespace: &str, name: &str) {
        let nothing = BTreeSet::new();
        let (left, outside) = tokio::join!(
            data::left(&self.cluster, &self.catalog, namespace, name),
            orphans::cluster_scoped(&self.cluster, &self.catalog, namespace, name, &nothing),
        );
        observed.data_left = left;
        observed.orphans = seen(outside.map(Some));
    }
}

fn named(resource: &ObjectMeta) -> (&str, &str) {
    let (namespace, name) = (&resource.namespace, &resource.name);
    (
        namespace.as_deref().unwrap_or_default(),
        name.as_deref().unwrap_or_default(),
    )
}

fn offset(now: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(now.as_second()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// The storage that a claim asks for, in bytes.
fn requested((object, claim): (&ObjectRef, &Value)) -> Option<(String, u128)> {
    let text = claim.pointer("/spec/resources/requests/storage")?.as_str()?;
    let bytes = quantity::bytes(&Quantity(text.to_owned()))?;
    Some((object.name.clone(), bytes))
}

/// Runs the probe only once a replica is ready; before that its failure would say less than the workload does.
async fn gated<T>(
    install: &Install,
    components: &BTreeMap<String, ComponentSeen>,
    role: Role,
    probe: impl Future<Output = Seen<T>>,
) -> Seen<T> {
    let workload = install
        .role(role)
        .and_then(|component| components.get(&component.name))
        .map_or(&Seen::Absent, |component| &component.workload);
    match workload {
        Seen::Known(workload) if workload.ready > 0 => probe.await,
        Seen::Known(workload) => Seen::Unknown {
            reason: Reason::Starting,
            why: starting(workload),
        },
        Seen::Absent => Seen::Absent,
        Seen::Unknown { reason, why } => Seen::Unknown {
            reason: *reason,
            why: why.clone(),
        },
    }
}

fn starting(workload: &WorkloadSeen) -> String {
    match workload.trouble.first() {
        Some(trouble) => format!("no replica is ready: {trouble}"),
        None => format!("no replica is ready yet (0 of {})", workload.desired),
    }
}

/// A look at nothing but the surroundings.
fn blank(around: Surroundings, resource: &ObjectMeta, now: Timestamp) -> Observed {
    let deleting = resource.deletion_timestamp.as_ref().map(|time| time.0);
    Observed {
        occupant: around.occupant,
        deleting: deleting.is_some(),
        finalizer: resource
            .finalizers
            .iter()
            .flatten()
            .any(|finalizer| finalizer == FINALIZER),
        kubernetes: around.kubernetes,
        rights: around.rights,
        crd_problems: not_looked(),
        installed: not_looked(),
        database_engine: around.database_engine,
        volume_release: around.volume_release,
        components: BTreeMap::new(),
        orphans: not_looked(),
        database: not_looked(),
        object_store: not_looked(),
        api_server: not_looked(),
        data_left: not_looked(),
        data_of_others: not_looked(),
        inventory: not_looked(),
        restore: around.restore,
        bootstrap: around.bootstrap,
        backups: not_looked(),
        deletion_overdue: deleting.is_some_and(|since| now.duration_since(since) > DELETION_LIMIT),
    }
}

fn not_looked<T>() -> Seen<T> {
    Seen::Unknown {
        reason: Reason::NotProbed,
        why: "not looked at".into(),
    }
}
