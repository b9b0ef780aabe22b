//! EYES: what a restore needs, found out: the set that its source names, the databases as they are, and what its Job is told.
//! Sets are looked for by the operator itself, with credentials that never leave its namespace. Changes nothing but the one
//! RoleBinding that the Job's account needs while it puts things back.

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::api::rbac::v1::RoleBinding;
use kfp_api::backup::{Encryption, EncryptionScope as Scope};
use kfp_api::conditions::Reason;
use kfp_api::destination::Destination;
use kfp_api::names::RESTORE_JOBS;
use kfp_api::restore::{RestoreParts, RestoreSourceType, SetChoiceType};
use kfp_api::{KfpBackup, KfpRestore};
use kfp_backup::layout::{Home, SetId};
use kfp_backup::manifest::{EncryptionScope, Manifest, Role};
use kfp_backup::order::{Parts, Restore, Task};
use kfp_database::{Credentials, Inspection, ProbeError, Target};
use kfp_plan::restores::{DatabaseNow, SetFound, SetSeen, WORK, chosen_before, job_name};
use kfp_plan::{Seen, backups};
use kube::Api;
use kube::api::DeleteParams;

use super::resolve::{Source, Told, binding};
use super::{BackupJobs, Purpose, Refusal};
use crate::backup::destination::Place;
use crate::backup::{Trouble, sets};
use crate::cluster::limited;
use crate::error::Error;
use crate::observe::database;

/// How long one request to a destination is tried again in a pass: the pass is made again anyway.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest look for a set. A destination with very many sets is listed in pages.
const LIMIT: Duration = Duration::from_mins(1);

/// Tables of the pipelines database while a restore was begun and is not through: while rows are loaded, and while what must
/// agree with them is settled.
const MARKS: [&str; 2] = [kfp_database::load::LEDGER, kfp_database::repair::MARK];

/// Where the set of a restore lies.
struct Whereabouts {
    destination: Destination,
    namespace: String,
    installation: String,
    /// The set, where it is named.
    set: Option<SetId>,
    /// SHA-256 of its manifest, where a KfpBackup tells it.
    manifest_sha256: Option<String>,
}

/// Why there is no set.
enum Lack {
    /// Nothing brings it.
    Lasting(Refusal),
    /// It may come.
    Passing(Refusal),
}

impl From<Refusal> for Lack {
    fn from(refusal: Refusal) -> Self {
        Self::Passing(refusal)
    }
}

fn lasting(message: String) -> Lack {
    Lack::Lasting(Refusal::new(Reason::SetNotFound, message))
}

impl BackupJobs {
    /// The set that a restore asks for. One that it has chosen before stays chosen.
    pub async fn set(&self, restore: &KfpRestore) -> SetSeen {
        match tokio::time::timeout(LIMIT, self.found(restore)).await {
            Ok(Ok(found)) => SetSeen::Found(Box::new(found)),
            Ok(Err(Lack::Lasting(refusal))) => SetSeen::Refused {
                reason: refusal.reason,
                message: refusal.message,
            },
            Ok(Err(Lack::Passing(refusal))) => SetSeen::Waits {
                reason: refusal.reason,
                message: refusal.message,
            },
            Err(_) => SetSeen::Waits {
                reason: Reason::Unreachable,
                message: format!("The destination did not answer within {} s.", LIMIT.as_secs()),
            },
        }
    }

    async fn found(&self, restore: &KfpRestore) -> Result<SetFound, Lack> {
        let at = self.whereabouts(restore).await?;
        let asking = restore.metadata.namespace.as_deref().unwrap_or_default();
        let from = self
            .reading(&at.destination, asking, (&at.namespace, &at.installation))
            .await?;
        let place = Place::destination(&from, PATIENCE).map_err(|trouble| lack(&trouble))?;
        let url = format!("{}/{}/{}", at.destination.url(), at.namespace, at.installation);
        let manifest = match &at.set {
            Some(set) => {
                sets::manifest(&place, &from.home, set, at.manifest_sha256.as_deref())
                    .await
                    .map_err(|trouble| lack(&trouble))?
                    .manifest
            }
            None => newest(&place, &from.home, restore, &url).await?,
        };
        if let Some(key) = restore.spec.source.key.as_ref().filter(|_| encrypted(&manifest)) {
            self.identity(&key.name, asking).await?;
        }
        Ok(described(&manifest, &url))
    }

    /// Where a restore's source points to.
    async fn whereabouts(&self, restore: &KfpRestore) -> Result<Whereabouts, Lack> {
        let own = restore.metadata.namespace.clone().unwrap_or_default();
        let chosen = restore
            .status
            .as_ref()
            .and_then(|status| status.set.as_deref()?.parse().ok());
        let source = &restore.spec.source;
        match (source.r#type, &source.backup_ref, &source.destination) {
            (RestoreSourceType::BackupRef, Some(named), _) => {
                let namespace = named.namespace.clone().unwrap_or(own);
                let backup = self.backup(&namespace, &named.name).await?;
                of_backup(&backup, namespace, chosen)
            }
            (RestoreSourceType::Destination, _, Some(named)) => {
                let id = named
                    .set
                    .id
                    .as_deref()
                    .filter(|_| named.set.r#type == SetChoiceType::Id);
                let id = id.map(str::parse).transpose();
                let id = id.map_err(|error| lasting(format!("spec.source.destination.set.id: {error}.")))?;
                Ok(Whereabouts {
                    destination: named.location.clone(),
                    namespace: named.namespace.clone().unwrap_or(own),
                    installation: named
                        .installation
                        .clone()
                        .unwrap_or_else(|| restore.spec.installation.clone()),
                    set: id.or(chosen),
                    manifest_sha256: None,
                })
            }
            _ => Err(Lack::Lasting(Refusal::new(
                Reason::InvalidSpec,
                "spec.source names nothing.",
            ))),
        }
    }

    async fn backup(&self, namespace: &str, name: &str) -> Result<KfpBackup, Lack> {
        let api: Api<KfpBackup> = Api::namespaced(self.engine.cluster().client().clone(), namespace);
        let what = format!("read KfpBackup {name} in namespace {namespace}");
        let found = limited(what, api.get_opt(name)).await.map_err(Refusal::from)?;
        found.ok_or_else(|| lasting(format!("There is no KfpBackup {name} in namespace {namespace}.")))
    }

    /// What the Job is told that puts a set back.
    pub async fn told_restore(&self, restore: &KfpRestore, source: &Source) -> Result<Told, Refusal> {
        let namespace = restore.metadata.namespace.clone().unwrap_or_default();
        let uid = restore.metadata.uid.clone().unwrap_or_default();
        let spec = &restore.spec;
        let at = match self.whereabouts(restore).await {
            Ok(at) => at,
            Err(Lack::Lasting(refusal) | Lack::Passing(refusal)) => return Err(refusal),
        };
        let Some(set) = at.set else {
            return Err(Refusal::new(Reason::SetNotFound, "No set was chosen yet."));
        };
        let identity = match &spec.source.key {
            Some(key) => Some(self.identity(&key.name, &namespace).await?),
            None => None,
        };
        let home = (at.namespace.as_str(), at.installation.as_str());
        let task = Restore {
            set,
            manifest_sha256: at.manifest_sha256,
            destination: self.reading(&at.destination, &namespace, home).await?,
            aside: self.writing(&at.destination, &namespace, home).await?,
            identity,
            target: source.origin(),
            parts: match spec.parts {
                RestoreParts::All => Parts::All,
                RestoreParts::DatabaseOnly => Parts::Database,
                RestoreParts::SchedulesOnly => Parts::Schedules,
            },
            server: Some(source.server()?),
            databases: source.databases()?,
            replace: spec.overwrite,
            bucket: Some(source.bucket()?),
            reconcile_runs: spec.parts != RestoreParts::SchedulesOnly,
        };
        let purpose = Purpose {
            job: job_name(&uid),
            work: WORK.to_owned(),
            resource: format!(
                "KfpRestore {}",
                restore.metadata.name.as_deref().unwrap_or_default()
            ),
            uid,
            namespace,
            installation: spec.installation.clone(),
        };
        let order = self.order(
            &purpose.job,
            spec.time_limit_seconds,
            Task::Restore(Box::new(task)),
        );
        Ok(Told {
            purpose,
            order,
            scratch: None,
        })
    }

    /// The databases of an installation as they are now, that of pipelines above all.
    pub async fn database(&self, source: &Source) -> Seen<DatabaseNow> {
        let (server, databases) = match (source.server(), source.databases()) {
            (Ok(server), Ok(databases)) => (server, databases),
            (Err(refusal), _) | (_, Err(refusal)) => return unseen(&refusal),
        };
        let Some(name) = databases.get(&Role::Pipelines) else {
            return Seen::Absent;
        };
        let others = databases.values().filter(|other| *other != name);
        let target = Target {
            host: server.host,
            port: server.port,
            credentials: Credentials {
                username: server.username,
                password: server.password.reveal().to_owned(),
            },
        };
        match inspected(&target, name, others).await {
            Ok((inspection, others)) => {
                let loading = inspection
                    .schema
                    .as_ref()
                    .is_some_and(|schema| MARKS.iter().any(|mark| schema.tables.contains_key(*mark)));
                Seen::Known(DatabaseNow {
                    schema: database::seen(inspection, &self.engine.schemas).schema,
                    loading,
                    others,
                })
            }
            Err(error) => Seen::Unknown {
                reason: database::reason(&error),
                why: error.to_string(),
            },
        }
    }

    /// Lets the Jobs' account put things back in an installation's namespace.
    pub async fn bind_restore(&self, source: &Source) -> Result<(), Refusal> {
        let cluster = self.engine.cluster();
        let body = binding(source, self.namespace(), RESTORE_JOBS);
        let made = cluster.apply(&restore_binding(), source.namespace(), &body).await;
        made.map(drop).map_err(|error| match error.status() {
            Some(_) => Refusal::new(Reason::ApplyFailed, error.to_string()),
            None => error.into(),
        })
    }

    /// Takes these rights away again.
    pub async fn unbind_restore(&self, namespace: &str) -> Result<(), Error> {
        let api: Api<RoleBinding> = Api::namespaced(self.engine.cluster().client().clone(), namespace);
        let what = format!("delete RoleBinding {RESTORE_JOBS} in namespace {namespace}");
        match limited(what, api.delete(RESTORE_JOBS, &DeleteParams::default())).await {
            // Without rights in the namespace any more, its installation is gone, and the binding with it.
            Err(error) if matches!(error.status(), Some(403 | 404)) => Ok(()),
            deleted => deleted.map(drop),
        }
    }
}

/// The database of pipelines, and whether any of the others holds a table.
async fn inspected(
    target: &Target,
    name: &str,
    others: impl Iterator<Item = &String>,
) -> Result<(Inspection, bool), ProbeError> {
    let inspection = kfp_database::inspect(target, name).await?;
    for other in others {
        let found = kfp_database::inspect(target, other).await?;
        if found.schema.is_some_and(|schema| !schema.tables.is_empty()) {
            return Ok((inspection, true));
        }
    }
    Ok((inspection, false))
}

fn restore_binding() -> kfp_plan::ObjectRef {
    kfp_plan::ObjectRef {
        kind: "RoleBinding".into(),
        name: RESTORE_JOBS.into(),
    }
}

fn unseen<T>(refusal: &Refusal) -> Seen<T> {
    Seen::Unknown {
        reason: refusal.reason,
        why: refusal.message.trim_end_matches('.').to_owned(),
    }
}

/// Where the set of a KfpBackup lies.
fn of_backup(backup: &KfpBackup, namespace: String, chosen: Option<SetId>) -> Result<Whereabouts, Lack> {
    let name = backup.metadata.name.as_deref().unwrap_or_default();
    let status = backup.status.clone().unwrap_or_default();
    if let Some(damage) = backups::damage(backup) {
        return Err(Lack::Lasting(Refusal::new(
            Reason::SetDamaged,
            format!(
                "The set of KfpBackup {name} in namespace {namespace} was found damaged: {}. Name another one. If there is none, \
                 name this set itself (source.type: Destination, set.type: Id).",
                damage.message.trim_end_matches('.')
            ),
        )));
    }
    if !backups::complete(backup) {
        let message = format!("KfpBackup {name} in namespace {namespace} has no complete set");
        return Err(if backups::ended(backup) {
            lasting(format!("{message}: it failed."))
        } else {
            Lack::Passing(Refusal::new(Reason::SetNotFound, format!("{message} yet.")))
        });
    }
    let set = status.set.as_deref().and_then(|set| set.parse().ok());
    match (status.destination, set) {
        (Some(destination), Some(set)) => Ok(Whereabouts {
            destination,
            namespace,
            installation: backup.spec.installation.clone(),
            set: Some(chosen.unwrap_or(set)),
            manifest_sha256: status.manifest_sha256,
        }),
        _ => Err(lasting(format!(
            "KfpBackup {name} in namespace {namespace} does not say where its set lies."
        ))),
    }
}

/// The manifest of the newest complete set of the moment that the source names, or of the one that the restore was made at.
async fn newest(place: &Place, home: &Home, restore: &KfpRestore, url: &str) -> Result<Manifest, Lack> {
    let limit = chosen_before(restore);
    let found = sets::newest(place, home, limit)
        .await
        .map_err(|trouble| lack(&trouble))?;
    found.manifest.ok_or_else(|| {
        lasting(format!(
            "There is no complete set of {limit} or before it below {url} ({} of any kind, of which {} were taken before a restore \
             and are chosen by name only).",
            found.names, found.safety
        ))
    })
}

/// What a destination said, as a reason: what may pass is waited for.
fn lack(trouble: &Trouble) -> Lack {
    let message = format!("{}: {}.", trouble.reason, trouble.message.trim_end_matches('.'));
    let refused = trouble.reason == "DestinationDenied";
    match (trouble.retry, refused) {
        (true, _) => Lack::Passing(Refusal::new(Reason::Unreachable, message)),
        (false, true) => Lack::Passing(Refusal::new(Reason::AccessDenied, message)),
        (false, false) => lasting(message),
    }
}

fn encrypted(manifest: &Manifest) -> bool {
    let encryption = manifest.encryption.as_ref();
    encryption.is_some_and(|encryption| encryption.scope == EncryptionScope::All)
}

fn described(manifest: &Manifest, url: &str) -> SetFound {
    let pipelines = manifest.roles.get(&Role::Pipelines);
    let judged = manifest.schemas.iter().find(|schema| {
        Some(&schema.database) == pipelines && matches!(schema.verdict.as_str(), "Exact" | "Tolerated")
    });
    let schema_of: BTreeSet<String> = judged
        .map(|schema| schema.releases.iter().cloned().collect())
        .unwrap_or_default();
    SetFound {
        id: manifest.set.to_string(),
        location: format!("{url}/{}", manifest.set),
        instant: manifest.instant,
        release: manifest.source.release.clone(),
        schema_of,
        encrypted: encrypted(manifest),
        encryption: manifest.encryption.as_ref().map(|encryption| Encryption {
            recipients: encryption.recipients.clone(),
            scope: match encryption.scope {
                EncryptionScope::All => Scope::All,
                EncryptionScope::Secrets => Scope::Secrets,
            },
            key: None,
        }),
    }
}
