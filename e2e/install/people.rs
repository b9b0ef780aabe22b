//! PROOF: what a person sees of an installation with kubectl, kfpctl and kubectl's plugin.

use std::os::unix::fs::symlink;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::lane::{Lane, NAME};
use crate::stage::Stage;

/// `kubectl get kfpi`, narrow and wide.
pub fn reads_in_kubectl(stage: &Stage, lane: Lane) -> Result<()> {
    let narrow = stage.kubectl(lane, &["get", "kfpi"])?;
    let mut lines = narrow
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let header = lines.next().unwrap_or_default();
    ensure!(
        header == ["NAME", "VERSION", "READY", "REASON", "AGE"],
        "the columns are {header:?}"
    );
    let row = lines.next().unwrap_or_default();
    ensure!(
        row.get(..3) == Some(&[NAME, lane.release, "True"]),
        "the row is {row:?}"
    );
    let wide = stage.kubectl(lane, &["get", "kfpi", "-o", "wide"])?;
    let address = format!("http://ml-pipeline-ui.{}", lane.namespace);
    ensure!(wide.contains(&address), "there is no {address} in\n{wide}");
    Ok(())
}

/// `kfpctl status`, for people and for programs, and the same as a plugin.
pub fn reads_in_kfpctl(stage: &Stage, lane: Lane) -> Result<()> {
    let picture = stage.kfpctl(lane, &["status", NAME])?;
    let text = String::from_utf8_lossy(&picture.stdout);
    let headline = format!("{}/{NAME}  KFP {}  Ready", lane.namespace, lane.release);
    ensure!(
        picture.status.success() && text.starts_with(&headline),
        "kfpctl status ended with {} and {text}",
        picture.status
    );
    let json = stage.kfpctl(lane, &["status", NAME, "-o", "json"])?;
    let json: Value = serde_json::from_slice(&json.stdout).context("kfpctl wrote no JSON")?;
    ensure!(
        json["status"]["version"] == lane.release,
        "the JSON says {}",
        json["status"]["version"]
    );
    let folder = tempfile::tempdir()?;
    let lab = stage.lab()?;
    symlink(&lab.programs.kfpctl, folder.path().join("kubectl-kfp_operator"))?;
    let mut kubectl = lab.cluster.kubectl()?;
    kubectl.args(["kfp-operator", "status", NAME, "-n", lane.namespace]);
    let plugin = kubectl.env("PATH", folder.path()).output()?;
    ensure!(
        plugin.status.success() && plugin.stdout == picture.stdout,
        "the plugin ended with {} and {}{}",
        plugin.status,
        String::from_utf8_lossy(&plugin.stdout),
        String::from_utf8_lossy(&plugin.stderr)
    );
    Ok(())
}
