//! PROOF: the cluster that all trials share, and the one installation that stands in it at a time: those of one fill a
//! node of two cores. Trials say which lane they need; the stage makes it stand.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use kfp_api::KfpInstallation;
use kfp_api::installation::DatabaseEngine;
use kfp_e2e::cache::Cache;
use kfp_e2e::cluster::{Cluster, Refusal};
use kfp_e2e::lab::{Lab, OPERATOR_NAMESPACE};
use kfp_e2e::progress::Progress;
use kfp_e2e::tools::Tool;
use serde_json::Value;

use crate::brought::Brought;
use crate::lane::{Lane, NAME};

/// Name of the tests' cluster.
pub const CLUSTER: &str = "e2e";
/// Keeps the cluster after the last trial, for people to look at.
const KEEP: &str = "KFP_E2E_KEEP";
/// Every release that is installed here.
const RELEASES: [&str; 3] = ["2.5.0", "2.16.1", "2.17.0"];
/// Seconds that an installation may take: minutes on two busy cores with cold caches.
const PATIENCE: u32 = 420;

/// What stands in the cluster.
#[derive(Debug, Clone, Copy)]
struct Standing {
    lane: Lane,
    /// Refusals that were there before.
    refusals: usize,
}

/// The cluster and what stands in it.
#[derive(Default)]
pub struct Stage {
    lab: OnceLock<Result<(Lab, Brought), String>>,
    standing: Mutex<Option<Standing>>,
    /// Namespaces whose deletion has begun.
    leaving: Mutex<BTreeSet<String>>,
}

impl Stage {
    /// The cluster with the operator in it, started when first asked for.
    pub fn lab(&self) -> Result<&Lab> {
        self.started().map(|(lab, _)| lab)
    }

    /// Which programs were brought along.
    pub fn brought(&self) -> Result<&Brought> {
        self.started().map(|(_, brought)| brought)
    }

    fn started(&self) -> Result<&(Lab, Brought)> {
        let started = self
            .lab
            .get_or_init(|| start().map_err(|error| format!("{error:#}")));
        started
            .as_ref()
            .map_err(|why| anyhow!("the cluster does not start: {why}"))
    }

    /// Why this engine cannot be had here, if it cannot.
    pub fn missing(&self, engine: DatabaseEngine) -> Result<Option<String>> {
        let missing = match engine {
            DatabaseEngine::MySQL => self.lab()?.tools.missing(Tool::MySql),
            DatabaseEngine::MariaDB => None,
        };
        Ok(missing.map(|why| format!("MySQL cannot be had here: {why}")))
    }

    /// Makes this lane stand, and nothing else; what stands already is left alone.
    pub fn on(&self, lane: Lane) -> Result<()> {
        let mut standing = self.standing();
        if standing.is_some_and(|standing| standing.lane == lane) {
            return Ok(());
        }
        *standing = None;
        self.clear()?;
        self.await_gone(&[lane.namespace.to_owned()])?;
        let lab = self.lab()?;
        let refusals = lab.cluster.refusals()?.len();
        lab.apply(&lane.namespace_manifest().to_string())?;
        // From here on it stands, however badly: the next trial of this lane shall see the same.
        *standing = Some(Standing { lane, refusals });
        drop(standing);
        self.install(lane)
    }

    /// Applies a lane's manifest and waits, as a user would.
    pub fn install(&self, lane: Lane) -> Result<()> {
        let begun = Instant::now();
        self.lab()?.apply(&lane.manifest()?.to_string())?;
        self.await_ready(lane)?;
        let seconds = begun.elapsed().as_secs_f64();
        self.lab()?
            .progress()
            .line(&format!("  {lane} became ready within {seconds:.1} s"));
        Ok(())
    }

    /// Waits until a lane is ready; what was waited for in the end is in the error.
    pub fn await_ready(&self, lane: Lane) -> Result<()> {
        let limit = PATIENCE.to_string();
        let output = self.kfpctl(lane, &["status", NAME, "--wait", "--timeout", &limit])?;
        if !output.status.success() {
            bail!(
                "{lane} in {} did not become ready:\n{}{}",
                lane.namespace,
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(())
    }

    /// Runs kfpctl in a lane's namespace.
    pub fn kfpctl(&self, lane: Lane, arguments: &[&str]) -> Result<Output> {
        let mut command = self.lab()?.kfpctl();
        command.args(arguments).args(["-n", lane.namespace]);
        command.output().context("cannot start kfpctl")
    }

    /// kubectl in a lane's namespace.
    pub fn kubectl(&self, lane: Lane, arguments: &[&str]) -> Result<String> {
        self.lab()?
            .kubectl(&[&["-n", lane.namespace], arguments].concat())
    }

    /// An object, or a list of them.
    pub fn json(&self, lane: Lane, what: &[&str]) -> Result<Value> {
        let text = self.kubectl(lane, &[&["get", "-o", "json"], what].concat())?;
        serde_json::from_str(&text).context("kubectl wrote no JSON")
    }

    /// The pods of the installation; those of Workflows are not.
    pub fn operands(&self, lane: Lane) -> Result<Vec<Value>> {
        let mut pods = self.json(lane, &["pods", "-l", "!workflows.argoproj.io/workflow"])?;
        let pods: Vec<Value> = serde_json::from_value(pods["items"].take())?;
        if pods.is_empty() {
            bail!("{lane} has no pods");
        }
        Ok(pods)
    }

    /// The installation as it stands.
    pub fn installation(&self, lane: Lane) -> Result<KfpInstallation> {
        Ok(serde_json::from_value(
            self.json(lane, &["kfpinstallation", NAME])?,
        )?)
    }

    /// What was refused to the operator and to this lane's pods since the lane began. What the operator asks about a
    /// namespace that is being deleted is left out: its rights there go before its watches do.
    pub fn refusals(&self, lane: Lane) -> Result<Vec<Refusal>> {
        let before = self.standing().map_or(0, |standing| standing.refusals);
        let leaving = self.leaving().clone();
        let about_leaving = |refusal: &Refusal| {
            leaving
                .iter()
                .any(|namespace| refusal.request.contains(&format!("/namespaces/{namespace}/")))
        };
        let mut refusals = self.lab()?.cluster.refusals()?;
        refusals.drain(..before.min(refusals.len()));
        refusals.retain(|refusal| {
            refusal.namespace == lane.namespace
                || refusal.namespace == OPERATOR_NAMESPACE && !about_leaving(refusal)
        });
        Ok(refusals)
    }

    /// Leaves refusals so far out of what follows: pods outlive their rights for a moment when an installation is deleted.
    pub fn forgive_refusals(&self) -> Result<()> {
        let refusals = self.lab()?.cluster.refusals()?.len();
        if let Some(standing) = self.standing().as_mut() {
            standing.refusals = refusals;
        }
        Ok(())
    }

    /// Begins to delete the namespace of every installation, whoever made it, as users do who are done with one. Nobody waits:
    /// the next one stands in another namespace.
    fn clear(&self) -> Result<()> {
        let lab = self.lab()?;
        let all = lab.kubectl(&[
            "get",
            "kfpinstallations",
            "-A",
            "-o",
            "jsonpath={.items[*].metadata.namespace}",
        ])?;
        for namespace in all.split_whitespace() {
            lab.kubectl(&["delete", "namespace", namespace, "--wait=false"])?;
            self.leaving().insert(namespace.to_owned());
        }
        Ok(())
    }

    /// Deletes a lane's namespace with everything in it, and makes an empty one of the same name.
    pub fn destroy(&self, lane: Lane) -> Result<()> {
        let lab = self.lab()?;
        self.leaving().insert(lane.namespace.to_owned());
        lab.kubectl(&["delete", "namespace", lane.namespace, "--wait=false"])?;
        self.await_gone(&[lane.namespace.to_owned()])?;
        self.forgive_refusals()?;
        lab.apply(&lane.namespace_manifest().to_string())
    }

    /// Waits until namespaces whose deletion has begun are gone; says how many there were.
    pub fn await_all_gone(&self) -> Result<usize> {
        let leaving: Vec<String> = self.leaving().iter().cloned().collect();
        self.await_gone(&leaving)?;
        Ok(leaving.len())
    }

    fn await_gone(&self, namespaces: &[String]) -> Result<()> {
        for namespace in namespaces {
            if self.leaving().contains(namespace) {
                let what = format!("namespace/{namespace}");
                self.lab()?
                    .kubectl(&["wait", "--for=delete", &what, "--timeout=180s"])?;
                self.leaving().remove(namespace);
            }
        }
        Ok(())
    }

    /// Writes what helps to understand a failure, and says where.
    pub fn diagnose(&self, trial: &str) -> Option<PathBuf> {
        let Some(Ok((lab, _))) = self.lab.get() else {
            return None;
        };
        let name: String = trial
            .chars()
            .map(|letter| if letter.is_alphanumeric() { letter } else { '-' })
            .collect();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("e2e-failures")
            .join(name);
        lab.cluster.diagnose(&folder).ok().map(|()| folder)
    }

    /// Takes the cluster away, unless it is to be kept or was never started.
    pub fn end(&self) -> Result<()> {
        let Some(started) = self.lab.get() else {
            return Ok(());
        };
        if let Ok((lab, _)) = started
            && std::env::var_os(KEEP).is_some()
        {
            println!(
                "{KEEP} is set: the cluster stays; export KUBECONFIG={}",
                lab.cluster.kubeconfig().display()
            );
            return Ok(());
        }
        Cluster::down(&Cache::locate()?, CLUSTER, &Progress::new()).map(drop)
    }

    fn leaving(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn standing(&self) -> MutexGuard<'_, Option<Standing>> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn start() -> Result<(Lab, Brought)> {
    let brought = Brought::gather()?;
    let lab = Lab::up(CLUSTER, &RELEASES, Some(brought.folder()), &Progress::new())?;
    println!("\n{}\n", lab.versions());
    Ok((lab, brought))
}
