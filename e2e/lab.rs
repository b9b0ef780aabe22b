//! PROOF: a cluster with the operator in it, as a user would install it: the world of the demo and of the tests beside this
//! file. Knows what an installation is; everything below it in this crate does not.

pub mod dist;
pub mod examples;
pub mod http;
pub mod images;
pub mod programs;
mod versions;

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::cache::Cache;
use crate::cluster::Cluster;
use crate::images::{BuiltImage, Component, Kind, WantedImage, build, components, tools_for};
use crate::process::run;
use crate::progress::Progress;
use crate::tools::{Tool, Tools};
use programs::Programs;

/// Image of the operator in `config/manager`.
pub const OPERATOR_IMAGE: &str = concat!("ghcr.io/kfpops/kfp-operator:", env!("CARGO_PKG_VERSION"));
/// Namespace of the operator in `config/manager`.
pub const OPERATOR_NAMESPACE: &str = "kfp-operator-system";

/// A cluster with the operator in it.
pub struct Lab {
    /// The cluster.
    pub cluster: Cluster,
    /// Our programs, freshly built.
    pub programs: Programs,
    /// What the cluster and its images are made of.
    pub tools: Tools,
    /// Every image that was put into the cluster, with what is really inside.
    pub images: Vec<BuiltImage>,
    progress: Progress,
}

impl Lab {
    /// Makes what is not there yet: programs, tools, cluster, the images of these KFP releases, and the operator in it. `real`
    /// is a folder of real KFP programs that take the place of their stand-ins.
    pub fn up(name: &str, releases: &[&str], real: Option<&Path>, progress: &Progress) -> Result<Self> {
        let real: Vec<Component> = real.map(components).transpose()?.unwrap_or_default();
        let programs = progress.stage("build the operator, kfpctl and the stand-in", |_| {
            Programs::build()
        })?;
        let mut wanted = images::of_releases(releases, &programs, &real)?;
        wanted.push(WantedImage {
            name: OPERATOR_IMAGE.into(),
            kind: Kind::Operator {
                program: programs.operator.clone(),
            },
        });
        let mut asked = tools_for(&wanted);
        asked.extend_from_slice(Tool::CLUSTER);
        let tools = Tools::ensure(&Cache::locate()?, &asked, progress)?;
        wanted.retain(|image| image.kind != Kind::MySql || tools.missing(Tool::MySql).is_none());
        let mut cluster = Cluster::up(name, &tools, progress)?;
        let images = build(&wanted, &tools, progress)?;
        cluster.import(&images)?;
        let lab = Self {
            cluster,
            programs,
            tools,
            images,
            progress: progress.clone(),
        };
        progress.stage("install the operator", |_| lab.install_operator())?;
        Ok(lab)
    }

    /// What `README.md` tells a user to apply, and the image that was just made.
    fn install_operator(&self) -> Result<()> {
        for folder in [
            "config/default",
            "config/operand-crds/argo",
            "config/components/cache-server",
            "config/components/kubernetes-pipelines",
        ] {
            if root().join(folder).exists() {
                self.kubectl(&[
                    "apply",
                    "--server-side",
                    "--force-conflicts",
                    "-k",
                    &root().join(folder).display().to_string(),
                ])?;
            }
        }
        let waited = self.kubectl(&[
            "-n",
            OPERATOR_NAMESPACE,
            "rollout",
            "status",
            "deployment/kfp-operator",
            "--timeout=120s",
        ]);
        waited.map(drop).context("the operator does not become ready")
    }

    /// Runs kubectl as the administrator; its output is returned, its failure is an error.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        run(self.cluster.kubectl()?.args(arguments))
    }

    /// Applies a manifest as a user would.
    pub fn apply(&self, manifest: &str) -> Result<()> {
        let mut child = self
            .cluster
            .kubectl()?
            .args(["apply", "-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        child
            .stdin
            .take()
            .context("kubectl has no input")?
            .write_all(manifest.as_bytes())?;
        let status = child.wait()?;
        anyhow::ensure!(status.success(), "kubectl apply ended with {status}");
        Ok(())
    }

    /// `kfpctl` for this cluster.
    #[must_use]
    pub fn kfpctl(&self) -> Command {
        let mut command = Command::new(&self.programs.kfpctl);
        command.env("KUBECONFIG", self.cluster.kubeconfig());
        command
    }

    /// Waits as a user would, drawing progress; on failure it leaves diagnostics and says where.
    pub fn await_ready(&self, namespace: &str, name: &str, seconds: u32) -> Result<()> {
        let limit = seconds.to_string();
        let status = self
            .kfpctl()
            .args(["status", name, "-n", namespace, "--wait", "--timeout", &limit])
            .status()?;
        if status.success() {
            return Ok(());
        }
        let folder = self.cluster.logs().join("diagnostics");
        self.cluster.diagnose(&folder)?;
        bail!(
            "{namespace}/{name} did not become ready ({status}); what the cluster says lies in {}",
            folder.display()
        )
    }

    /// The address of a Service, reachable from the host.
    pub fn service_address(&self, namespace: &str, name: &str) -> Result<Ipv4Addr> {
        let address = self.kubectl(&[
            "-n",
            namespace,
            "get",
            "service",
            name,
            "-o",
            "jsonpath={.spec.clusterIP}",
        ])?;
        address
            .trim()
            .parse()
            .with_context(|| format!("the Service {namespace}/{name} has the address {address:?}"))
    }

    /// Where a person sees what is done.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }
}

/// The project's root.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_default()
}
