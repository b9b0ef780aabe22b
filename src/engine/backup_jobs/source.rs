//! EYES: an installation as a Job needs to know it: its servers, its bucket, its objects and Secrets. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use kfp_api::KfpInstallation;
use kfp_api::conditions::Reason;
use kfp_api::installation::PipelineStoreType;
use kfp_api::names::{GROUP, VERSION};
use kfp_backup::hidden::Hidden;
use kfp_backup::manifest::{Origin, Role};
use kfp_backup::order::{Bucket, DatabaseServer, KeptSecret, ObjectKind};
use kfp_plan::{ObjectRef, Seen};
use kfp_releases::release::Install;
use kfp_releases::validated::References;
use kfp_releases::{Role as Component, ValidatedInstallation};
use serde_json::Value;

use super::resolve::ROOT;
use super::{BackupJobs, Refusal, ScratchServer};
use crate::credentials::{password, system};
use crate::desired::secret_named;
use crate::live::Live;
use crate::observe::secrets;
use crate::observe::service::{Address, address};

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

fn refuse<T>(reason: Reason, message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(reason, message))
}

impl Source {
    pub(super) fn namespace(&self) -> &str {
        &self.installation.namespace
    }

    pub(super) fn install(&self) -> Result<&Install, Refusal> {
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

    fn service(&self, name: &str, port: Option<&str>) -> Result<Address, Refusal> {
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
    pub(super) fn own_store(&self) -> Result<Vec<String>, Refusal> {
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
    pub(super) fn objects(&self) -> Result<Vec<ObjectKind>, Refusal> {
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
    pub(super) fn kept_secrets(&self, values: bool) -> Result<Vec<KeptSecret>, Refusal> {
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
    pub(super) fn scratch(&self) -> Result<ScratchServer, Refusal> {
        let missing = || Refusal::new(Reason::InvalidSpec, "The release has no database of its own.");
        let (component, settings) = self.installation.role(Component::Database).ok_or_else(missing)?;
        let pod = self.installation.pod(component).ok_or_else(missing)?;
        Ok(ScratchServer {
            image: settings.image.clone(),
            run_as: pod.main().and_then(|main| main.run_as).or(pod.run_as),
            resources: settings.resources.clone(),
            disk: component
                .volume_claims
                .first()
                .and_then(|claim| self.installation.volumes.get(&claim.name))
                .map(|volume| volume.size.clone()),
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
}
