//! PROOF: the installations that the tests make: a release on an engine in a namespace. No I/O.

use std::fmt;

use anyhow::{Context, Result};
use kfp_api::installation::DatabaseEngine;
use kfp_releases::Catalog;
use kfp_releases::release::Install;
use serde_json::{Value, json};

/// Name of every installation here.
pub const NAME: &str = "kfp";

/// One installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lane {
    /// KFP release.
    pub release: &'static str,
    /// Database engine.
    pub engine: DatabaseEngine,
    /// Namespace; no two lanes share one, so that one can begin while the last one's is deleted.
    pub namespace: &'static str,
}

impl Lane {
    /// An installation of this release.
    pub const fn new(release: &'static str, engine: DatabaseEngine, namespace: &'static str) -> Self {
        Self {
            release,
            engine,
            namespace,
        }
    }

    /// How its release is installed.
    pub fn install(&self) -> Result<&'static Install> {
        let release = Catalog::builtin()?
            .release(self.release)
            .context("the catalog has no such release")?;
        release.installable().context("the release is not installable")
    }

    /// Its namespace, with the levels of Pod Security that our documentation recommends.
    pub fn namespace_manifest(&self) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": self.namespace,
                "labels": {
                    "pod-security.kubernetes.io/enforce": "baseline",
                    "pod-security.kubernetes.io/warn": "restricted",
                },
            },
        })
    }

    /// What a user applies. The engine is left out where the catalog chooses the same.
    pub fn manifest(&self) -> Result<Value> {
        let mut spec = json!({"version": self.release});
        if self.install()?.default_engine != self.engine {
            spec["database"] = json!({"embedded": {"engine": self.engine}});
        }
        Ok(json!({
            "apiVersion": "kfpops.dev/v1alpha1",
            "kind": "KfpInstallation",
            "metadata": {"name": NAME, "namespace": self.namespace},
            "spec": spec,
        }))
    }

    /// Where the log of a step lies in the bucket; `created` is the Workflow's creation time in RFC 3339. Upstream's controller
    /// puts the namespace into the key from 2.15.0 on.
    pub fn log_key(&self, workflow: &str, created: &str, pod: &str) -> Result<String> {
        let day = created.split('T').next().context("a time without a day")?;
        let day = day.replace('-', "/");
        let folder = match self.release {
            "2.5.0" => "artifacts".to_owned(),
            _ => format!("private-artifacts/{}", self.namespace),
        };
        Ok(format!("{folder}/{workflow}/{day}/{pod}/main.log"))
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} on {:?}", self.release, self.engine)
    }
}
