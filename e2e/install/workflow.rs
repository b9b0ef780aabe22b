//! PROOF: a Workflow runs under the managed controller and the roles that ship, and its log is kept in the bucket.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use crate::bucket::Bucket;
use crate::lane::Lane;
use crate::stage::Stage;
use crate::state::list;

/// Name of the Workflow.
const WORKFLOW: &str = "hello";
/// What its step says.
const WORDS: &str = "hello world";
/// Argo takes some ten seconds for a step on a calm machine.
const PATIENCE: Duration = Duration::from_mins(3);

/// Runs it, and looks for its log.
pub fn succeeds_and_its_log_is_kept(stage: &Stage, lane: Lane) -> Result<()> {
    let install = lane.install()?;
    let workflow = json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": WORKFLOW, "namespace": lane.namespace},
        "spec": {
            "entrypoint": "say",
            "serviceAccountName": "pipeline-runner",
            "templates": [{
                "name": "say",
                "container": {
                    // The command is written out: the controller would ask a registry for the image's own.
                    "image": install.images["cached-step"],
                    "command": ["echo", WORDS],
                },
            }],
        },
    });
    stage.lab()?.apply(&workflow.to_string())?;
    let begun = Instant::now();
    let workflow = loop {
        let workflow = stage.json(lane, &["workflow", WORKFLOW])?;
        match workflow["status"]["phase"].as_str() {
            Some("Succeeded") => break workflow,
            Some(phase @ ("Failed" | "Error")) => bail!("the Workflow {phase}: {}", workflow["status"]),
            _ if begun.elapsed() > PATIENCE => bail!("the Workflow does not end: {}", workflow["status"]),
            _ => std::thread::sleep(Duration::from_millis(500)),
        }
    };
    let pods = stage.json(
        lane,
        &[
            "pods",
            "-l",
            &format!("workflows.argoproj.io/workflow={WORKFLOW}"),
        ],
    )?;
    let pod = list(&pods["items"]).next().context("the Workflow had no pod")?;
    let pod = pod["metadata"]["name"].as_str().context("a pod without a name")?;
    let created = workflow["metadata"]["creationTimestamp"].as_str();
    let key = lane.log_key(WORKFLOW, created.context("no creation time")?, pod)?;
    let bucket = Bucket::of(stage, lane)?;
    let keys = bucket.keys("")?;
    ensure!(keys.contains(&key), "there is no {key} in the bucket: {keys:?}");
    let log = bucket.get(&key)?;
    ensure!(log.trim() == WORDS, "the log says {log:?}");
    stage.kubectl(lane, &["delete", "workflow", WORKFLOW, "--timeout=60s"])?;
    Ok(())
}
