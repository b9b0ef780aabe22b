//! PROOF (real stores, database and API server): the orders that cases begin with.

use anyhow::{Context, Result};
use jiff::Timestamp;
use kfp_backup::layout::{Home, SetId};
use kfp_backup::manifest::{ArtifactsMode, Origin, Purpose};
use kfp_backup::order::{
    Bucket, DatabaseServer, Destination, Encryption, Parts, Reading, Restore, Scratch, Store, Take, Verify,
};
use kfp_engine::backup::state;
use kfp_releases::Catalog;

use crate::backup_stores::{ADMIN, READER, WRITER};
use crate::backup_yard::{RELEASE, Stage};

impl Stage {
    pub fn server(&self) -> DatabaseServer {
        let target = self.target();
        DatabaseServer {
            host: target.host.clone(),
            port: target.port,
            username: target.credentials.username.clone(),
            password: target.credentials.password.clone().into(),
        }
    }

    pub fn bucket(&self) -> Bucket {
        Bucket {
            endpoint: self.yard.own.endpoint(),
            region: "us-east-1".into(),
            name: self.name.clone(),
            access_key_id: ADMIN.0.into(),
            secret_access_key: ADMIN.1.into(),
            certificates: None,
        }
    }

    pub fn destination(&self, keys: (&str, &str)) -> Destination {
        self.destination_at(&self.yard.outside.endpoint(), keys)
    }

    pub fn destination_at(&self, endpoint: &str, keys: (&str, &str)) -> Destination {
        Destination {
            store: Store::S3 {
                endpoint: Some(endpoint.to_owned()),
                region: "us-east-1".into(),
                bucket: self.backups(),
                path_style: true,
                access_key_id: Some(keys.0.into()),
                secret_access_key: Some(keys.1.into()),
                session_token: None,
                certificates: None,
            },
            home: self.home(),
        }
    }

    pub fn home(&self) -> Home {
        Home {
            prefix: "kfp".into(),
            namespace: self.name.clone(),
            installation: "kfp".into(),
        }
    }

    pub fn origin(namespace: &str) -> Origin {
        Origin {
            namespace: namespace.to_owned(),
            installation: "kfp".into(),
            uid: "u".into(),
            release: RELEASE.into(),
            operator: String::new(),
        }
    }

    /// A set of this hour of a made-up day.
    pub fn set(hour: u8) -> SetId {
        let moment: Timestamp = format!("2026-11-24T{hour:02}:00:00Z").parse().unwrap_or_default();
        SetId::new(moment, "1a2b3c")
    }

    /// How a set is taken with everything in it.
    pub fn take_order(&self, hour: u8) -> Result<Take> {
        let catalog = Catalog::builtin()?;
        let release = catalog.release(RELEASE).context("no such release")?;
        let install = release.install.as_ref().context("not installable")?;
        Ok(Take {
            set: Self::set(hour),
            destination: self.destination(WRITER),
            source: Self::origin(&self.name),
            purpose: Purpose::Backup,
            server: self.server(),
            databases: self.databases(),
            reading: Reading::default(),
            objects: state::kinds(install, "kfp"),
            bucket: Some(self.bucket()),
            own_store: Vec::new(),
            artifacts: ArtifactsMode::IncrementalCopy,
            secrets: Vec::new(),
            encryption: None,
        })
    }

    pub fn encryption(recipient: &str) -> Encryption {
        Encryption {
            recipients: vec![recipient.to_owned()],
            scope: kfp_backup::manifest::EncryptionScope::All,
        }
    }

    pub fn verify_order(&self, hour: u8) -> Verify {
        Verify {
            set: Self::set(hour),
            manifest_sha256: None,
            destination: self.destination(READER),
            identity: None,
            scratch: None,
            bucket: Some(self.bucket()),
            sample: 10,
        }
    }

    pub fn scratch(&self) -> Scratch {
        Scratch {
            server: self.server(),
            prefix: "scratch_".into(),
        }
    }

    /// How a set is restored into databases with `_2` behind their names, and the given namespace and bucket.
    pub fn restore_order(&self, hour: u8, namespace: &str, bucket: &str) -> Restore {
        let databases = self
            .databases()
            .into_iter()
            .map(|(role, name)| (role, format!("{name}_2")));
        Restore {
            set: Self::set(hour),
            manifest_sha256: None,
            destination: self.destination(READER),
            aside: self.destination(WRITER),
            identity: None,
            target: Self::origin(namespace),
            parts: Parts::All,
            server: Some(self.server()),
            databases: databases.collect(),
            replace: false,
            bucket: Some(Bucket {
                name: bucket.to_owned(),
                ..self.bucket()
            }),
            reconcile_runs: false,
        }
    }
}
