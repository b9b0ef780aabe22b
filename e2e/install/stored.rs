//! PROOF: a stored pipeline that is too new for the release is noticed and told, with its owner, and so is that it is gone.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use kfp_api::conditions::{ConditionType, find};
use kfp_e2e::cache::hex;
use serde_json::Value;

use crate::lane::{Lane, NAME};
use crate::stage::Stage;
use crate::table;

/// A pipeline that is stored, or gone, is told within this time: a look comes every twenty seconds, and the node is small.
const TOLD_WITHIN: Duration = Duration::from_mins(2);
/// Compiled by SDK 2.17.0.
const NEW: &str = include_str!("../../src/compat/corpus/compiled/2.17.0/security_context.yaml");

/// A pipeline that wants what no release of the catalog has. Servers keep what executors are given as they get it, and read it
/// when a run is created (kubeflow/pipelines 2.16.1, `backend/src/apiserver/template/v2_template.go`).
fn too_new() -> String {
    let own = "          securityContext:\n";
    NEW.replace(
        own,
        &format!("          initContainers:\n          - name: prepare\n{own}"),
    )
}

/// Stores a pipeline as KFP's API server writes it, and deletes it again.
pub fn that_are_too_new_are_told(stage: &Stage, lane: Lane) -> Result<()> {
    await_reason(stage, lane, "SdksAligned")?;
    let database = &lane.install()?.databases.pipelines;
    let text = hex(too_new().as_bytes());
    table::ask(
        stage,
        lane,
        &format!(
            "INSERT INTO {database}.pipelines (UUID, CreatedAtInSec, Name, DisplayName, Description, Parameters, Status, DefaultVersionId, \
             Namespace) VALUES ('e2e-pipeline', 1, 'too-new', 'too-new', '', '', 'READY', '', 'team-x'); \
             INSERT INTO {database}.pipeline_versions (UUID, CreatedAtInSec, Name, DisplayName, Parameters, PipelineId, Status, \
             CodeSourceUrl, Description, PipelineSpec, PipelineSpecURI) VALUES ('e2e-version', UNIX_TIMESTAMP(), 'v2', 'v2', '[]', \
             'e2e-pipeline', 'READY', '', '', CONVERT(UNHEX('{text}') USING utf8mb4), '')"
        ),
    )?;
    let told = await_reason(stage, lane, "PipelinesTooNew").and_then(|message| shown(stage, lane, &message));
    // Deleted before anything is judged, so that a failure here does not spoil the trials that follow.
    table::ask(
        stage,
        lane,
        &format!("DELETE FROM {database}.pipelines WHERE UUID = 'e2e-pipeline'"),
    )?;
    told?;
    await_reason(stage, lane, "SdksAligned")?;
    let after = stage.kfpctl(
        lane,
        &["check", "--upgrade-to", next(lane)?, "--installation", NAME],
    )?;
    ensure!(
        after.status.success(),
        "kfpctl check --upgrade-to ended with {}: {}",
        after.status,
        String::from_utf8_lossy(&after.stderr)
    );
    Ok(())
}

/// What people see while it is there.
fn shown(stage: &Stage, lane: Lane, message: &str) -> Result<()> {
    ensure!(
        message.contains("too-new/v2") && message.contains("team-x") && message.contains("initContainers"),
        "SdkAligned says {message:?}"
    );
    let ready = stage.installation(lane)?.status.context("no status")?;
    let ready = find(&ready.conditions, ConditionType::Ready).context("no Ready")?;
    ensure!(ready.status == "True", "Ready is {ready:?}");
    let listed = stage.kfpctl(lane, &["inventory", NAME, "--only", "problems", "-o", "json"])?;
    let json: Value = serde_json::from_slice(&listed.stdout).context("kfpctl inventory wrote no JSON")?;
    ensure!(
        listed.status.code() == Some(1)
            && json["entries"][0]["name"] == "too-new/v2"
            && json["entries"][0]["sdk"] == "2.17.0",
        "kfpctl inventory ended with {} and {json}",
        listed.status
    );
    let upgrade = stage.kfpctl(
        lane,
        &["check", "--upgrade-to", next(lane)?, "--installation", NAME],
    )?;
    let text = String::from_utf8_lossy(&upgrade.stdout);
    ensure!(
        upgrade.status.code() == Some(1) && text.contains("too-new/v2") && text.contains("team-x"),
        "kfpctl check --upgrade-to ended with {} and {text}",
        upgrade.status
    );
    Ok(())
}

/// The release that this lane's may go to.
fn next(lane: Lane) -> Result<&'static str> {
    match lane.release {
        "2.5.0" => Ok("2.16.1"),
        "2.16.1" => Ok("2.17.0"),
        other => bail!("{other} may go nowhere"),
    }
}

/// Waits until `SdkAligned` has this reason; returns its message.
fn await_reason(stage: &Stage, lane: Lane, reason: &str) -> Result<String> {
    let begun = Instant::now();
    loop {
        let status = stage.installation(lane)?.status.context("no status")?;
        let found = find(&status.conditions, ConditionType::SdkAligned).cloned();
        if let Some(condition) = found.as_ref().filter(|condition| condition.reason == reason) {
            let seconds = begun.elapsed().as_secs();
            let progress = stage.lab()?.progress();
            progress.line(&format!(
                "  SdkAligned became {} ({reason}) after {seconds} s",
                condition.status
            ));
            return Ok(condition.message.clone());
        }
        if begun.elapsed() > TOLD_WITHIN {
            bail!(
                "SdkAligned did not become {reason} within {} s: {found:?}",
                TOLD_WITHIN.as_secs()
            );
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}
