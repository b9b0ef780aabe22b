//! EYES: what a Job is told, found out: servers, buckets, credentials, objects and Secrets of an installation. Changes nothing
//! but the one RoleBinding that a Job's account needs there.

use kfp_api::KfpBackup;
use kfp_api::backup::{ArtifactsType, EncryptionScope as Scope, SecretsType, Verify as Depth};
use kfp_api::conditions::Reason;
use kfp_api::destination::Destination;
use kfp_api::names::{GROUP, JOBS, VERSION};
use kfp_api::scratch as api;
use kfp_backup::layout::SetId;
use kfp_backup::manifest::{ArtifactsMode, EncryptionScope, Purpose as SetPurpose};
use kfp_backup::order::{
    self, DatabaseServer, Encryption, Order, Reading, Remove, Scratch, Take, Task, Tell, Verify,
};
use kfp_plan::ObjectRef;
use kfp_plan::backups::{Work, home, is_safety, set_id};
use serde_json::{Value, json};

use super::shape::SCRATCH_PORT;
pub use super::source::Source;
use super::{BackupJobs, Purpose, Refusal, ScratchServer};

/// The administrator of an embedded database.
pub(super) const ROOT: &str = "root";
/// Beginning of the names of databases on a scratch server.
const SCRATCH_PREFIX: &str = "kfp_verify_";

/// What a Job is started with.
pub struct Told {
    /// What it is for.
    pub purpose: Purpose,
    /// What it is told.
    pub order: Order,
    /// The server beside it.
    pub scratch: Option<ScratchServer>,
}

impl BackupJobs {
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

    /// A destination with what writes there. `home` is the namespace and the name of the installation whose sets lie there;
    /// `namespace` is whoever asks.
    pub async fn writing(
        &self,
        at: &Destination,
        namespace: &str,
        home: (&str, &str),
    ) -> Result<order::Destination, Refusal> {
        self.destination(at, &at.credentials.name, namespace, home).await
    }

    /// A destination with what reads and deletes there; `home` and `namespace` as above.
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
                let destination = self.writing(destination, own.0, own).await?;
                Task::Take(Box::new(take(backup, set, destination, source)?))
            }
            Work::Verify(_) => {
                let (order, server) = self.check(backup, set, destination, source).await?;
                scratch = server;
                Task::Verify(Box::new(order))
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

    /// What a Job is told that checks a set, and the server beside it.
    async fn check(
        &self,
        backup: &KfpBackup,
        set: SetId,
        destination: &Destination,
        source: Option<&Source>,
    ) -> Result<(Verify, Option<ScratchServer>), Refusal> {
        let spec = &backup.spec;
        let namespace = backup.metadata.namespace.as_deref().unwrap_or_default();
        let uid = backup.metadata.uid.as_deref().unwrap_or_default();
        let destination = self
            .reading(destination, namespace, (namespace, &spec.installation))
            .await?;
        let (scratch, server) = match (&spec.scratch.server, spec.verify) {
            (_, Depth::Checksums) => (None, None),
            (Some(server), Depth::Restore) => (Some(self.given(server, namespace, uid).await?), None),
            (None, Depth::Restore) => {
                let server = needed(source, &spec.installation)?.scratch()?;
                (Some(beside(&server)), Some(server))
            }
        };
        let encryption = spec.encryption.as_ref();
        let identity = match encryption.and_then(|encryption| encryption.key.as_ref()) {
            Some(key) => Some(self.identity(&key.name, namespace).await?),
            None => None,
        };
        let sampled = spec.artifacts.r#type != ArtifactsType::None;
        let order = Verify {
            set,
            manifest_sha256: backup
                .status
                .as_ref()
                .and_then(|status| status.manifest_sha256.clone()),
            destination,
            identity,
            scratch,
            // A bucket that does not answer now is no reason to check less of the set.
            bucket: source.filter(|_| sampled).and_then(|source| source.bucket().ok()),
            sample: 100,
        };
        Ok((order, server))
    }

    /// The scratch server that a backup names. The databases that are made there are named from the backup of this uid, so that no
    /// others can be meant.
    async fn given(
        &self,
        server: &api::ScratchServer,
        namespace: &str,
        uid: &str,
    ) -> Result<Scratch, Refusal> {
        let credentials = self.credentials(&server.credentials.name, namespace).await?;
        let own: String = uid.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
        Ok(Scratch {
            server: DatabaseServer {
                host: server.host.clone(),
                port: u16::try_from(server.port).unwrap_or(SCRATCH_PORT),
                username: credentials.needed("username")?.reveal().to_owned(),
                password: credentials.needed("password")?,
            },
            prefix: format!("{}_{own}_", server.database_prefix),
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
        purpose: if is_safety(backup) {
            SetPurpose::Safety
        } else {
            SetPurpose::Backup
        },
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

/// The scratch server that lives in the Job's own pod.
fn beside(server: &ScratchServer) -> Scratch {
    Scratch {
        server: DatabaseServer {
            host: "127.0.0.1".to_owned(),
            port: SCRATCH_PORT,
            username: ROOT.to_owned(),
            password: server.password.as_str().into(),
        },
        prefix: SCRATCH_PREFIX.to_owned(),
    }
}
