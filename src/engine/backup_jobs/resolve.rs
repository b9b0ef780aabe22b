//! EYES: what a Job is told, found out: servers, buckets, credentials, objects and Secrets of an installation. Changes nothing
//! but the one RoleBinding that a Job's account needs there.

use std::collections::{BTreeMap, BTreeSet};

use kfp_api::backup::{ArtifactsType, EncryptionScope as Scope, SecretsType, Verify as Depth};
use kfp_api::conditions::Reason;
use kfp_api::destination::Destination;
use kfp_api::installation::PipelineStoreType;
use kfp_api::names::{GROUP, JOBS, VERSION};
use kfp_api::{KfpBackup, KfpInstallation};
use kfp_backup::hidden::Hidden;
use kfp_backup::layout::SetId;
use kfp_backup::manifest::{ArtifactsMode, EncryptionScope, Origin, Role};
use kfp_backup::order::{
    self, Bucket, DatabaseServer, Encryption, KeptSecret, ObjectKind, Order, Reading, Remove, Scratch, Take,
    Task, Tell, Verify,
};
use kfp_plan::backups::{Work, home, set_id};
use kfp_plan::{ObjectRef, Seen};
use kfp_releases::release::Install;
use kfp_releases::validated::References;
use kfp_releases::{Role as Component, ValidatedInstallation};
use serde_json::{Value, json};

use super::shape::SCRATCH_PORT;
use super::{BackupJobs, Purpose, Refusal, ScratchServer};
use crate::credentials::{password, system};
use crate::desired::secret_named;
use crate::live::Live;
use crate::observe::secrets;
use crate::observe::service::address;

/// The administrator of an embedded database.
const ROOT: &str = "root";
/// Beginning of the names of databases on a scratch server.
const SCRATCH_PREFIX: &str = "kfp_verify_";
/// A ConfigMap of users that KFP's drivers read: artifact roots and their credentials (kubeflow/pipelines 2.16.1,
/// backend/src/v2/config/env.go). Nobody but users makes it.
const LAUNCHER: &str = "kfp-launcher";

/// An installation as a Job needs to know it.
pub struct Source {
    /// Its resource.
    pub resource: KfpInstallation,
    /// Everything that its spec stands for.
    pub installation: ValidatedInstallation,
    /// Its Services and Secrets.
    live: Live,
}

/// What a Job is started with.
pub struct Told {
    /// What it is for.
    pub purpose: Purpose,
    /// What it is told.
    pub order: Order,
    /// The server beside it.
    pub scratch: Option<ScratchServer>,
}

fn refuse<T>(reason: Reason, message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(reason, message))
}

impl Source {
    pub(super) fn namespace(&self) -> &str {
        &self.installation.namespace
    }

    fn install(&self) -> Result<&Install, Refusal> {
        let install = self.installation.install();
        install.ok_or_else(|| {
            Refusal::new(
                Reason::UnknownVersion,
                format!(
                    "KFP {} cannot be installed by this operator.",
                    self.installation.release.version
                ),
            )
        })
    }

    fn service(&self, name: &str, port: Option<&str>) -> Result<crate::observe::service::Address, Refusal> {
        match address(&self.live, self.namespace(), name, port) {
            Seen::Known(address) => Ok(address),
            Seen::Absent => refuse(
                Reason::InstallationNotReady,
                format!("Service {name} in namespace {} is not there.", self.namespace()),
            ),
            Seen::Unknown { reason, why } => refuse(reason, format!("{why}.")),
        }
    }

    fn secret(&self, name: &str, key: &str) -> Result<Hidden, Refusal> {
        let object = secret_named(name);
        let found = match self.live.seen(&object) {
            Seen::Known(found) => secrets::text(found, key),
            Seen::Absent => None,
            Seen::Unknown { reason, why } => return refuse(reason, format!("{why}.")),
        };
        found.map(Hidden::from).ok_or_else(|| {
            Refusal::new(
                Reason::AccessDenied,
                format!("Secret {name} in namespace {} has no {key}.", self.namespace()),
            )
        })
    }

    /// The server of its databases, as the administrator.
    pub fn server(&self) -> Result<DatabaseServer, Refusal> {
        let install = self.install()?;
        let component = install.role(Component::Database);
        let Some(service) = component.and_then(|component| component.services.first()) else {
            return refuse(Reason::InvalidSpec, "The release has no database of its own.");
        };
        let at = self.service(&service.name, None)?;
        Ok(DatabaseServer {
            host: at.host,
            port: at.port,
            username: ROOT.to_owned(),
            password: self.secret(&install.databases.root_secret, "password")?,
        })
    }

    /// Its databases by what they are for.
    pub fn databases(&self) -> Result<BTreeMap<Role, String>, Refusal> {
        let names = &self.install()?.databases;
        Ok([
            (Role::Pipelines, names.pipelines.clone()),
            (Role::Metadata, names.metadata.clone()),
            (Role::Cache, names.cache.clone()),
        ]
        .into())
    }

    /// Its bucket.
    pub fn bucket(&self) -> Result<Bucket, Refusal> {
        let store = &self.install()?.object_store;
        let at = self.service(&store.endpoint.service, Some(&store.endpoint.port))?;
        Ok(Bucket {
            endpoint: at.http(),
            region: store.region.clone(),
            name: store.bucket.clone(),
            access_key_id: self.secret(&store.secret, &store.access_key)?,
            secret_access_key: self.secret(&store.secret, &store.secret_key)?,
            certificates: None,
        })
    }

    /// Names under which its own store answers, beside the bucket's endpoint: a destination there would go with it.
    fn own_store(&self) -> Result<Vec<String>, Refusal> {
        let store = &self.install()?.object_store;
        let (service, namespace) = (&store.endpoint.service, self.namespace());
        let at = self.service(service, Some(&store.endpoint.port))?;
        let hosts =
            ["", ".svc", ".svc.cluster.local"].map(|end| format!("{service}.{namespace}{end}:{}", at.port));
        Ok(hosts
            .into_iter()
            .chain([format!("{}:{}", at.host, at.port)])
            .collect())
    }

    /// The installation as a manifest names it.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin {
            namespace: self.namespace().to_owned(),
            installation: self.installation.name.clone(),
            uid: self.installation.uid.clone(),
            release: self.installation.release.version.to_string(),
            operator: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// Kinds of objects that are state.
    fn objects(&self) -> Result<Vec<ObjectKind>, Refusal> {
        let install = self.install()?;
        let kind = |group: &str, version: &str, kind: &str, plural: &str, names: Vec<String>| ObjectKind {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
            names,
        };
        let maps: BTreeSet<String> = install
            .config_maps()
            .map(|map| map.name.clone())
            .chain([LAUNCHER.to_owned()])
            .collect();
        let own = vec![self.installation.name.clone()];
        let mut kinds = vec![
            kind(
                "kubeflow.org",
                "v1beta1",
                "ScheduledWorkflow",
                "scheduledworkflows",
                Vec::new(),
            ),
            kind(GROUP, VERSION, "KfpInstallation", "kfpinstallations", own),
            kind("", "v1", "ConfigMap", "configmaps", maps.into_iter().collect()),
        ];
        if install.pipeline_store == PipelineStoreType::Kubernetes {
            for (name, plural) in [("Pipeline", "pipelines"), ("PipelineVersion", "pipelineversions")] {
                kinds.push(kind(
                    "pipelines.kubeflow.org",
                    "v2beta1",
                    name,
                    plural,
                    Vec::new(),
                ));
            }
        }
        Ok(kinds)
    }

    /// Secrets that it needs, with their values where these are kept.
    fn kept_secrets(&self, values: bool) -> Result<Vec<KeptSecret>, Refusal> {
        let names: BTreeSet<&String> = self.install()?.secrets().map(|secret| &secret.name).collect();
        let found = names.into_iter().filter_map(|name| {
            let secret = self.live.known(&secret_named(name))?;
            let data = secret.get("data").and_then(Value::as_object)?;
            let text = |value: &Value| Hidden::from(value.as_str().unwrap_or_default());
            let all = || {
                data.iter()
                    .map(|(key, value)| (key.clone(), text(value)))
                    .collect()
            };
            Some(KeptSecret {
                name: name.clone(),
                r#type: secret
                    .get("type")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned(),
                keys: data.keys().cloned().collect(),
                values: values.then(all),
            })
        });
        Ok(found.collect())
    }

    /// A server of the same image as its database's, to live beside a Job.
    fn scratch(&self) -> Result<ScratchServer, Refusal> {
        let missing = || Refusal::new(Reason::InvalidSpec, "The release has no database of its own.");
        let (component, settings) = self.installation.role(Component::Database).ok_or_else(missing)?;
        let pod = self.installation.pod(component).ok_or_else(missing)?;
        Ok(ScratchServer {
            image: settings.image.clone(),
            run_as: pod.main().and_then(|main| main.run_as).or(pod.run_as),
            resources: settings.resources.clone(),
            password: password(&mut system)?,
        })
    }
}

impl BackupJobs {
    /// Looks at what a Job needs of an installation.
    pub async fn source(&self, resource: &KfpInstallation) -> Result<Source, Refusal> {
        let engine = resource
            .status
            .as_ref()
            .and_then(|status| status.database.as_ref())
            .and_then(|database| database.engine);
        let references = References {
            database_engine_on_volume: engine,
            ..References::default()
        };
        let installation =
            kfp_releases::validate(resource, &references, &self.engine.catalog).map_err(|findings| {
                let said: Vec<String> = findings
                    .iter()
                    .map(|finding| format!("{}: {}", finding.path, finding.message))
                    .collect();
                Refusal::new(Reason::InstallationNotReady, format!("{}.", said.join("; ")))
            })?;
        let wanted = installation.install().map(|install| {
            let services = [
                install
                    .role(Component::Database)
                    .and_then(|component| component.services.first())
                    .map(|service| service.name.clone()),
                Some(install.object_store.endpoint.service.clone()),
            ];
            let services = services.into_iter().flatten().map(|name| ObjectRef {
                kind: "Service".into(),
                name,
            });
            let secrets = install.secrets().map(|secret| secret_named(&secret.name));
            let named = [&install.databases.root_secret, &install.object_store.secret];
            let all: BTreeSet<ObjectRef> = services
                .chain(secrets)
                .chain(named.map(|name| secret_named(name)))
                .collect();
            all.into_iter().collect()
        });
        let live = Live::read_each(
            self.engine.cluster(),
            &installation.namespace,
            wanted.unwrap_or_default(),
        )
        .await;
        Ok(Source {
            resource: resource.clone(),
            installation,
            live,
        })
    }

    /// What the Job of this name is told to do.
    #[must_use]
    pub fn order(&self, job: &str, time_limit_seconds: i32, task: Task) -> Order {
        Order {
            tell: Tell {
                namespace: self.namespace().to_owned(),
                name: job.to_owned(),
            },
            time_limit_seconds: u64::try_from(time_limit_seconds).unwrap_or_default(),
            task,
        }
    }

    /// A destination with what writes there.
    pub async fn writing(
        &self,
        at: &Destination,
        namespace: &str,
        installation: &str,
    ) -> Result<order::Destination, Refusal> {
        self.destination(at, &at.credentials.name, namespace, (namespace, installation))
            .await
    }

    /// A destination with what reads and deletes there. `home` is the namespace and the name of the installation whose sets
    /// lie there; `namespace` is whoever asks.
    pub async fn reading(
        &self,
        at: &Destination,
        namespace: &str,
        home: (&str, &str),
    ) -> Result<order::Destination, Refusal> {
        let secret = at.deletion_credentials.as_ref().unwrap_or(&at.credentials);
        self.destination(at, &secret.name, namespace, home).await
    }

    async fn destination(
        &self,
        at: &Destination,
        secret: &str,
        namespace: &str,
        (of, installation): (&str, &str),
    ) -> Result<order::Destination, Refusal> {
        Ok(order::Destination {
            store: self.store(at, secret, namespace).await?,
            home: home(at, of, installation),
        })
    }

    /// What the Job is told that does this for a backup.
    pub async fn told(
        &self,
        backup: &KfpBackup,
        work: Work,
        destination: &Destination,
        source: Option<&Source>,
    ) -> Result<Told, Refusal> {
        let namespace = backup.metadata.namespace.clone().unwrap_or_default();
        let uid = backup.metadata.uid.clone().unwrap_or_default();
        let spec = &backup.spec;
        let purpose = Purpose {
            job: work.job(&uid),
            work: work.label().to_owned(),
            resource: format!(
                "KfpBackup {}",
                backup.metadata.name.as_deref().unwrap_or_default()
            ),
            uid,
            namespace: namespace.clone(),
            installation: spec.installation.clone(),
        };
        let set = set_id(backup);
        let own = (namespace.as_str(), spec.installation.as_str());
        let mut scratch = None;
        let task = match work {
            Work::Take => {
                let source = needed(source, &spec.installation)?;
                let destination = self.writing(destination, own.0, own.1).await?;
                Task::Take(Box::new(take(backup, set, destination, source)?))
            }
            Work::Verify(_) => {
                let destination = self.reading(destination, own.0, own).await?;
                if spec.verify == Depth::Restore {
                    scratch = Some(needed(source, &spec.installation)?.scratch()?);
                }
                let key = spec
                    .encryption
                    .as_ref()
                    .and_then(|encryption| encryption.key.as_ref());
                let identity = match key {
                    Some(key) => Some(self.identity(&key.name, own.0).await?),
                    None => None,
                };
                Task::Verify(Box::new(verify(
                    backup,
                    set,
                    destination,
                    identity,
                    scratch.as_ref(),
                    source,
                )))
            }
            Work::Remove | Work::Clean => {
                let destination = self.reading(destination, own.0, own).await?;
                let (sets, remains) = if work == Work::Remove {
                    (vec![set], Vec::new())
                } else {
                    (Vec::new(), vec![set])
                };
                Task::Remove(Box::new(Remove {
                    destination,
                    sets,
                    remains,
                }))
            }
        };
        let order = self.order(&purpose.job, spec.time_limit_seconds, task);
        Ok(Told {
            purpose,
            order,
            scratch,
        })
    }

    /// Lets the Jobs' account read what is state in an installation's namespace.
    pub async fn bind(&self, source: &Source) -> Result<(), Refusal> {
        let object = ObjectRef {
            kind: "RoleBinding".into(),
            name: JOBS.into(),
        };
        let cluster = self.engine.cluster();
        let namespace = source.namespace();
        let body = binding(source, self.namespace(), JOBS);
        let made = cluster.apply(&object, namespace, &body).await;
        made.map(drop).map_err(|error| match error.status() {
            Some(_) => Refusal::new(Reason::ApplyFailed, error.to_string()),
            None => error.into(),
        })
    }
}

/// A RoleBinding of the Jobs' account to the ClusterRole of this name; it goes with the installation.
pub(super) fn binding(source: &Source, own: &str, role: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        // No installation label: the binding is in no rendering and must not be taken for an orphan.
        "metadata": {
            "name": role,
            "namespace": source.namespace(),
            "labels": {
                "app.kubernetes.io/name": "kfp-operator",
                "app.kubernetes.io/managed-by": "kfp-operator",
            },
            "ownerReferences": [{
                "apiVersion": format!("{GROUP}/{VERSION}"), "kind": "KfpInstallation",
                "name": source.installation.name, "uid": source.installation.uid,
            }],
        },
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": JOBS, "namespace": own}],
    })
}

fn needed<'a>(source: Option<&'a Source>, name: &str) -> Result<&'a Source, Refusal> {
    source.ok_or_else(|| {
        Refusal::new(
            Reason::InstallationMissing,
            format!("There is no KfpInstallation {name} in this namespace."),
        )
    })
}

fn take(
    backup: &KfpBackup,
    set: SetId,
    destination: order::Destination,
    source: &Source,
) -> Result<Take, Refusal> {
    let spec = &backup.spec;
    let throttle = spec.throttle.map(|throttle| throttle.bytes_per_second);
    Ok(Take {
        set,
        destination,
        source: source.origin(),
        server: source.server()?,
        databases: source.databases()?,
        reading: Reading {
            bytes_per_second: throttle
                .and_then(|bytes| u64::try_from(bytes).ok())
                .unwrap_or_default(),
            ..Reading::default()
        },
        objects: source.objects()?,
        bucket: Some(source.bucket()?),
        own_store: source.own_store()?,
        artifacts: match spec.artifacts.r#type {
            ArtifactsType::None => ArtifactsMode::None,
            ArtifactsType::Manifest => ArtifactsMode::Manifest,
            ArtifactsType::Versioning => ArtifactsMode::Versioning,
            ArtifactsType::IncrementalCopy => ArtifactsMode::IncrementalCopy,
        },
        secrets: source.kept_secrets(spec.secrets.r#type == SecretsType::Encrypted)?,
        encryption: spec.encryption.as_ref().map(|encryption| Encryption {
            recipients: encryption.recipients.clone(),
            scope: match encryption.scope {
                Scope::All => EncryptionScope::All,
                Scope::Secrets => EncryptionScope::Secrets,
            },
        }),
    })
}

fn verify(
    backup: &KfpBackup,
    set: SetId,
    destination: order::Destination,
    identity: Option<Hidden>,
    scratch: Option<&ScratchServer>,
    source: Option<&Source>,
) -> Verify {
    let sampled = backup.spec.artifacts.r#type != ArtifactsType::None;
    Verify {
        set,
        destination,
        identity,
        scratch: scratch.map(|scratch| Scratch {
            server: DatabaseServer {
                host: "127.0.0.1".to_owned(),
                port: SCRATCH_PORT,
                username: ROOT.to_owned(),
                password: scratch.password.as_str().into(),
            },
            prefix: SCRATCH_PREFIX.to_owned(),
        }),
        // A bucket that does not answer now is no reason to check less of the set.
        bucket: source.filter(|_| sampled).and_then(|source| source.bucket().ok()),
        sample: 100,
    }
}
