//! PROOF: what helps to understand a failure, written into a folder. Changes nothing in the cluster.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::Cluster;
use crate::process::run;

/// Collects as much as can be had; a part that cannot be had becomes a file that says why.
pub fn collect(cluster: &Cluster, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let write = |file: &str, arguments: &[&str]| -> Result<()> {
        let text = match cluster
            .kubectl()
            .and_then(|mut kubectl| run(kubectl.args(arguments)))
        {
            Ok(text) => text,
            Err(error) => format!("could not be had: {error:#}\n"),
        };
        Ok(fs::write(folder.join(file), text)?)
    };
    write(
        "objects.txt",
        &[
            "get",
            "all,configmaps,persistentvolumeclaims,persistentvolumes,networkpolicies",
            "-A",
            "-o",
            "wide",
        ],
    )?;
    write("events.txt", &["get", "events", "-A", "--sort-by=.lastTimestamp"])?;
    write("pods.txt", &["describe", "pods", "-A"])?;
    write("node.txt", &["describe", "node"])?;
    let path = "-o=jsonpath={range .items[*]}{.metadata.namespace} {.metadata.name}{\"\\n\"}{end}";
    let pods = cluster
        .kubectl()
        .and_then(|mut kubectl| run(kubectl.args(["get", "pods", "-A", path])))
        .unwrap_or_default();
    for pod in pods.lines() {
        let Some((namespace, name)) = pod.split_once(' ') else {
            continue;
        };
        let base = [
            "logs",
            "--all-containers",
            "--prefix",
            "--tail=2000",
            "-n",
            namespace,
            name,
        ];
        write(&format!("log-{namespace}-{name}.txt"), &base)?;
        // Only a container that was restarted has an earlier log.
        let earlier = cluster
            .kubectl()
            .and_then(|mut kubectl| run(kubectl.args(base).arg("--previous")));
        if let Ok(earlier) = earlier.as_ref().map(String::as_str).map(str::trim)
            && !earlier.is_empty()
        {
            fs::write(
                folder.join(format!("log-{namespace}-{name}-earlier.txt")),
                earlier,
            )?;
        }
    }
    let own = folder.join("cluster");
    fs::create_dir_all(&own)?;
    for entry in fs::read_dir(cluster.logs())?.flatten() {
        fs::copy(entry.path(), own.join(entry.file_name()))?;
    }
    Ok(())
}
