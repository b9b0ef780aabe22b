//! PROOF: the simulated world: objects, pods, disks, and what moves by itself from tick to tick.

use std::collections::{BTreeMap, BTreeSet};

use kfp_api::conditions::Reason;
use kfp_api::installation::DatabaseEngine;
use kfp_api::status::{SchemaState, SchemaStatus};
use kfp_plan::{DatabaseSeen, ObjectRef, RestoreSeen, RestoreState, Seen};
use kfp_releases::Role;

use crate::resource::Resource;

/// A world.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    /// Passes so far.
    pub tick: u32,
    /// Ticks that a pod takes to become ready.
    pub pace: u32,
    /// The user's resource, while there is one.
    pub resource: Option<Resource>,
    /// An older installation in the same namespace.
    pub older: Option<String>,
    /// The operator's rights in the namespace.
    pub rights: bool,
    /// The CRDs that the release needs.
    pub crds: bool,
    /// Stored pipeline versions that need what no release of the catalog has.
    pub too_new: BTreeSet<String>,
    /// A restore that has begun, or gave up in the middle.
    pub restore: Option<RestoreState>,
    /// Everything that went wrong and never may.
    pub violations: Vec<String>,
    pub(crate) objects: BTreeMap<ObjectRef, Stored>,
    pub(crate) secrets: BTreeMap<String, Keys>,
    pub(crate) disks: BTreeMap<String, Disk>,
    pub(crate) pods: BTreeMap<String, Pods>,
    /// Workloads that were healthy at least once since the resource was made.
    pub(crate) once_healthy: BTreeSet<String>,
    /// Counts everything that must be told apart: uids, passwords, disks.
    pub(crate) counter: u32,
}

/// An object that is neither a Secret nor pods.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stored {
    pub(crate) content: u64,
    pub(crate) owner: Option<u32>,
    pub(crate) installation: String,
    pub(crate) release: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) image: Option<String>,
    pub(crate) replicas: i32,
}

/// A Secret: a number for each key's value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Keys {
    pub(crate) installation: String,
    pub(crate) values: BTreeMap<String, u32>,
}

/// A volume. The database's has an engine, a password and content; others only exist.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Disk {
    pub(crate) id: u32,
    pub(crate) engine: DatabaseEngine,
    pub(crate) password: Option<u32>,
    /// The release whose server opened it last, where the volume says so.
    pub(crate) release: Option<String>,
    pub(crate) content: Content,
}

/// What the pipelines database holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// No tables.
    Empty,
    /// Some of the tables of a release whose server is making them.
    Making(String),
    /// The schema of a release.
    Of(String),
    /// Somebody else's tables.
    Foreign,
}

/// The pods of a workload.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pods {
    pub(crate) role: Role,
    pub(crate) release: String,
    pub(crate) engine: DatabaseEngine,
    /// Secrets without which they do not start.
    pub(crate) mounts: BTreeSet<String>,
    /// Claim of the database server.
    pub(crate) claim: Option<String>,
    /// Secret that holds the database's password.
    pub(crate) password: String,
    /// Ticks since they started; zero while they cannot.
    pub(crate) age: u32,
}

impl World {
    /// An empty namespace on a cluster with our CRDs.
    #[must_use]
    pub fn new(pace: u32) -> Self {
        Self {
            tick: 0,
            pace,
            resource: None,
            older: None,
            rights: false,
            crds: true,
            too_new: BTreeSet::new(),
            restore: None,
            violations: Vec::new(),
            objects: BTreeMap::new(),
            secrets: BTreeMap::new(),
            disks: BTreeMap::new(),
            pods: BTreeMap::new(),
            once_healthy: BTreeSet::new(),
            counter: 0,
        }
    }

    /// A number that was never given out before.
    pub(crate) fn next(&mut self) -> u32 {
        self.counter += 1;
        self.counter
    }

    pub(crate) fn violation(&mut self, what: impl Into<String>) {
        let what = format!("tick {}: {}", self.tick, what.into());
        self.violations.push(what);
    }

    /// What moves by itself: pods start, the database server opens its disk, the API server makes its schema.
    pub(crate) fn turn(&mut self) {
        self.tick += 1;
        let names: Vec<String> = self.pods.keys().cloned().collect();
        for name in &names {
            self.age(name);
        }
        for name in &names {
            self.work(name);
        }
        let healthy = names
            .into_iter()
            .filter(|name| self.is_ready(name))
            .collect::<Vec<_>>();
        self.once_healthy.extend(healthy);
    }

    fn age(&mut self, name: &str) {
        let Some(pods) = self.pods.get_mut(name) else {
            return;
        };
        let mounted = pods.mounts.iter().all(|secret| self.secrets.contains_key(secret));
        pods.age = if mounted { pods.age + 1 } else { 0 };
    }

    fn work(&mut self, name: &str) {
        let Some(pods) = self.pods.get(name).cloned() else {
            return;
        };
        match pods.role {
            _ if pods.age == 0 || self.replicas(name) == 0 => {}
            Role::Database => self.open_disk(&pods),
            Role::ApiServer => self.make_schema(&pods),
            Role::MetadataGrpc | Role::CacheServer => {
                if let Some(content) = self.foreign_to(&pods.release) {
                    self.violation(format!("{name} opened a database that holds {content:?}"));
                }
            }
            _ => {}
        }
    }

    fn open_disk(&mut self, pods: &Pods) {
        if pods.age < self.pace {
            return;
        }
        let password = self
            .secrets
            .get(&pods.password)
            .and_then(|keys| keys.values.get("password"))
            .copied();
        let Some(disk) = pods.claim.as_ref().and_then(|claim| self.disks.get_mut(claim)) else {
            return;
        };
        disk.password = disk.password.or(password);
        let before = disk
            .release
            .replace(pods.release.clone())
            .filter(|release| *release != pods.release);
        let engine = Some(disk.engine).filter(|engine| *engine != pods.engine);
        if let Some(before) = before {
            let now = &pods.release;
            self.violation(format!(
                "the database server of {now} opened the volume of {before}"
            ));
        }
        if let Some(engine) = engine {
            self.violation(format!("{:?} was started on a volume of {engine:?}", pods.engine));
        }
    }

    fn make_schema(&mut self, pods: &Pods) {
        if let Some(content) = self.foreign_to(&pods.release) {
            self.violation(format!("the API server of {} migrated {content:?}", pods.release));
        }
        if !matches!(self.database(), Seen::Known(_)) {
            return;
        }
        let release = pods.release.clone();
        if let Some(disk) = self.database_disk_mut() {
            disk.content = match &disk.content {
                Content::Empty => Content::Making(release),
                _ => Content::Of(release),
            };
        }
    }

    /// What the database holds, when a server of `release` may not touch it.
    fn foreign_to(&self, release: &str) -> Option<Content> {
        let disk = self.database_disk()?;
        match &disk.content {
            Content::Empty => None,
            Content::Making(made) | Content::Of(made) if made == release => None,
            content => Some(content.clone()),
        }
    }

    pub(crate) fn database_disk(&self) -> Option<&Disk> {
        let claim = self.pods.values().find_map(|pods| pods.claim.as_ref())?;
        self.disks.get(claim)
    }

    pub(crate) fn database_disk_mut(&mut self) -> Option<&mut Disk> {
        let claim = self.pods.values().find_map(|pods| pods.claim.clone())?;
        self.disks.get_mut(&claim)
    }

    fn replicas(&self, name: &str) -> i32 {
        let workload = self
            .objects
            .iter()
            .find(|(object, _)| object.name == name && is_workload(object));
        workload.map_or(0, |(_, stored)| stored.replicas)
    }

    /// Pods of the workload that are ready, of those it wants.
    pub(crate) fn ready(&self, name: &str) -> (i32, i32) {
        let wanted = self.replicas(name);
        let Some(pods) = self.pods.get(name) else {
            return (0, wanted);
        };
        let made = pods.role != Role::ApiServer
            || self
                .database_disk()
                .is_some_and(|disk| disk.content == Content::Of(pods.release.clone()));
        (if pods.age >= self.pace && made { wanted } else { 0 }, wanted)
    }

    pub(crate) fn is_ready(&self, name: &str) -> bool {
        let (ready, wanted) = self.ready(name);
        wanted > 0 && ready >= wanted
    }

    fn of_role(&self, role: Role) -> Option<(&String, &Pods)> {
        self.pods.iter().find(|(_, pods)| pods.role == role)
    }

    /// Whether the part of that role answers: none before its workload is there.
    pub(crate) fn answers(&self, role: Role) -> Option<bool> {
        self.of_role(role).map(|(name, _)| self.is_ready(name))
    }

    /// The restore that holds the installation.
    pub(crate) fn restore(&self) -> Seen<RestoreSeen> {
        self.restore.map_or(Seen::Absent, |state| {
            Seen::Known(RestoreSeen {
                name: "back".to_owned(),
                state,
                message: "Loading.".to_owned(),
                safety_backup: None,
            })
        })
    }

    /// The database as the operator's connection sees it.
    pub(crate) fn database(&self) -> Seen<DatabaseSeen> {
        let unknown = |reason, why: &str| Seen::Unknown {
            reason,
            why: why.to_owned(),
        };
        let (Some((name, pods)), Some(disk)) = (self.of_role(Role::Database), self.database_disk()) else {
            return Seen::Absent;
        };
        if !self.is_ready(name) {
            return unknown(Reason::Unreachable, "connection refused");
        }
        let password = self
            .secrets
            .get(&pods.password)
            .and_then(|keys| keys.values.get("password"));
        if password != disk.password.as_ref() {
            return unknown(Reason::AccessDenied, "the server refused the password");
        }
        Seen::Known(DatabaseSeen {
            engine: disk.engine,
            server_version: "8.4.0".to_owned(),
            schema: disk.content.judged(),
            unfinished_install: false,
            causes: Vec::new(),
        })
    }

    /// The resource goes, and with it everything that it owns.
    pub(crate) fn remove_resource(&mut self) {
        let Some(resource) = self.resource.take() else {
            return;
        };
        self.objects
            .retain(|_, stored| stored.owner != Some(resource.uid));
        let objects = &self.objects;
        self.pods.retain(|name, _| {
            objects
                .keys()
                .any(|object| object.name == *name && is_workload(object))
        });
        self.once_healthy.clear();
    }

    /// Volumes and Secrets by name, each as the numbers that tell it from any other.
    #[must_use]
    pub fn data(&self) -> BTreeMap<String, Vec<u32>> {
        let disks = self
            .disks
            .iter()
            .map(|(name, disk)| (format!("volume {name}"), vec![disk.id]));
        let secrets = self.secrets.iter();
        disks
            .chain(
                secrets
                    .map(|(name, keys)| (format!("Secret {name}"), keys.values.values().copied().collect())),
            )
            .collect()
    }

    /// True when both worlds hold the same objects, Secrets and volumes.
    #[must_use]
    pub fn same_objects(&self, other: &Self) -> bool {
        self.objects == other.objects && self.secrets == other.secrets && self.disks == other.disks
    }

    /// Releases named by the labels of workloads.
    pub(crate) fn labels(&self) -> BTreeSet<String> {
        self.objects
            .values()
            .filter_map(|stored| stored.release.clone())
            .collect()
    }
}

impl Content {
    /// The release whose tables they are.
    pub(crate) fn release(&self) -> Option<String> {
        match self {
            Self::Of(release) | Self::Making(release) => Some(release.clone()),
            Self::Empty | Self::Foreign => None,
        }
    }

    fn judged(&self) -> SchemaStatus {
        let (state, matches) = match self {
            Self::Empty => (SchemaState::Empty, Vec::new()),
            Self::Making(release) => (SchemaState::Foreign, vec![release.clone()]),
            Self::Of(release) => (SchemaState::Exact, vec![release.clone()]),
            Self::Foreign => (SchemaState::Foreign, Vec::new()),
        };
        SchemaStatus {
            state,
            matches,
            differences: Vec::new(),
        }
    }
}

/// Kinds whose objects have pods.
pub(crate) fn is_workload(object: &ObjectRef) -> bool {
    matches!(object.kind.as_str(), "Deployment" | "StatefulSet")
}
