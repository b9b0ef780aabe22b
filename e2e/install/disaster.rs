//! PROOF: an installation is backed up, its namespace destroyed with everything in it, and a new one made from the bucket
//! alone: rows, pipelines and schedules are what they were.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use kfp_e2e::lab::OPERATOR_NAMESPACE;
use serde_json::{Value, json};

use crate::bucket::Bucket;
use crate::lane::{Lane, NAME};
use crate::stage::Stage;
use crate::{state, table, vault};

/// The backup.
const BACKUP: &str = "before-the-disaster";
/// The schedule.
const SCHEDULE: &str = "nightly";
/// Runs that are stored.
const RUNS: u32 = 2_000;
/// Letters of each run's manifest.
const LETTERS: u32 = 10_000;
/// The compiled pipeline in the bucket.
const SPEC: &str = include_str!("../../src/compat/corpus/compiled/2.16.1/hello.yaml");
/// Where it lies.
const SPEC_KEY: &str = "pipelines/disaster-version";

/// Backs up, destroys, restores, compares.
pub fn is_survived(stage: &Stage, lane: Lane) -> Result<()> {
    vault::make(stage, lane)?;
    let destination = vault::destination(stage, lane)?;
    seed(stage, lane)?;
    let before = picture(stage, lane)?;
    back_up(stage, lane, &destination)?;
    stage.destroy(lane)?;
    stage
        .lab()?
        .apply(&from_bucket(lane, &destination)?.to_string())?;
    stage.await_ready(lane)?;
    let now = picture(stage, lane)?;
    ensure!(
        now == before,
        "before the disaster: {before:#?}\nafter it: {now:#?}"
    );
    state::tells_truly_what_runs(stage, lane)?;
    state::keeps_within_its_bounds(stage, lane)
}

/// Rows of every kind that refers to another place, an object in the bucket, and a schedule.
fn seed(stage: &Stage, lane: Lane) -> Result<()> {
    let database = &lane.install()?.databases.pipelines;
    table::write(stage, lane)?;
    let statements = [
        format!(
            "INSERT INTO {database}.pipelines (UUID, CreatedAtInSec, Name, DisplayName, Description, Parameters, Status, \
             DefaultVersionId, Namespace) VALUES ('disaster', 1, 'kept', 'kept', '', '', 'READY', 'disaster-version', '')"
        ),
        format!(
            "INSERT INTO {database}.pipeline_versions (UUID, CreatedAtInSec, Name, DisplayName, Parameters, PipelineId, Status, \
             CodeSourceUrl, Description, PipelineSpec, PipelineSpecURI) VALUES ('disaster-version', 1, 'v1', 'v1', '[]', \
             'disaster', 'READY', '', '', '', '{SPEC_KEY}')"
        ),
        // A letter outside the basic plane, and a run for each number of MariaDB's own series.
        format!(
            "INSERT INTO {database}.run_details (UUID, ExperimentUUID, DisplayName, \
             Name, StorageState, Namespace, ServiceAccount, Description, CreatedAtInSec, ScheduledAtInSec, FinishedAtInSec, \
             Conditions, PipelineId, PipelineName, PipelineSpecManifest, WorkflowSpecManifest, Parameters, \
             PipelineRuntimeManifest, WorkflowRuntimeManifest) \
             SELECT CONCAT('run-', seq), 'e2e-row', CONCAT('run ', seq), CONCAT('run ', seq), 'AVAILABLE', '', '', \
             CONVERT(UNHEX('F09F9A80') USING utf8mb4), seq, 0, 0, 'SUCCEEDED', '', '', \
             RPAD(CONCAT('spec of ', seq), {LETTERS}, SHA2(seq, 512)), '', '', '', '' FROM {database}.seq_1_to_{RUNS}"
        ),
    ];
    for statement in statements {
        table::ask(stage, lane, &statement)?;
    }
    Bucket::of(stage, lane)?.put(SPEC_KEY, SPEC)?;
    stage.lab()?.apply(&schedule(lane).to_string())
}

/// A recurring run as the API server writes it; switched off, so that nothing of it changes.
fn schedule(lane: Lane) -> Value {
    json!({
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "ScheduledWorkflow",
        "metadata": {"name": SCHEDULE, "namespace": lane.namespace},
        "spec": {
            "enabled": false,
            "maxConcurrency": 1,
            "noCatchup": true,
            "trigger": {"cronSchedule": {"cron": "0 0 2 * * *"}},
            "workflow": {"spec": ""},
        },
    })
}

/// What must come back: every table's checksum as the server itself computes it, the object, the schedule.
fn picture(stage: &Stage, lane: Lane) -> Result<BTreeMap<String, String>> {
    let mut picture = BTreeMap::new();
    let databases = &lane.install()?.databases;
    for database in [&databases.pipelines, &databases.metadata, &databases.cache] {
        let tables = table::ask(
            stage,
            lane,
            &format!("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{database}'"),
        )?;
        let tables: Vec<String> = tables
            .split_whitespace()
            .map(|table| format!("{database}.{table}"))
            .collect();
        if tables.is_empty() {
            continue;
        }
        let checksums = table::ask(stage, lane, &format!("CHECKSUM TABLE {}", tables.join(", ")))?;
        for line in checksums.lines() {
            let (table, checksum) = line.split_once('\t').context("no checksum")?;
            picture.insert(table.to_owned(), checksum.to_owned());
        }
    }
    let runs = format!("{}.run_details", databases.pipelines);
    ensure!(
        picture.contains_key(&runs),
        "there is no {runs} among {:?}",
        picture.keys()
    );
    picture.insert(SPEC_KEY.into(), Bucket::of(stage, lane)?.get(SPEC_KEY)?);
    let schedule = stage.json(lane, &["scheduledworkflow", SCHEDULE])?;
    picture.insert(SCHEDULE.into(), schedule["spec"].to_string());
    Ok(picture)
}

/// Backs up as a person would, and waits until the backup was verified by restoring it.
fn back_up(stage: &Stage, lane: Lane, destination: &Value) -> Result<()> {
    let mut wanted = lane.manifest()?;
    wanted["spec"]["backup"] = json!({"destination": destination});
    stage.lab()?.apply(&wanted.to_string())?;
    let created = stage.kfpctl(
        lane,
        &[
            "backup",
            "create",
            NAME,
            "--name",
            BACKUP,
            "--wait",
            "--timeout",
            "420",
        ],
    )?;
    if !created.status.success() {
        bail!(
            "kfpctl backup create ended with {}:\n{}{}",
            created.status,
            String::from_utf8_lossy(&created.stdout),
            String::from_utf8_lossy(&created.stderr)
        );
    }
    let backup = stage.json(lane, &["kfpbackup", BACKUP])?;
    for condition in ["Complete", "Verified"] {
        let found = state::list(&backup["status"]["conditions"]).find(|found| found["type"] == condition);
        ensure!(
            found.is_some_and(|found| found["status"] == "True"),
            "{condition} is not True: {}",
            backup["status"]
        );
    }
    tells_no_secret(stage)
}

/// Neither the operator nor its Jobs wrote the key of the store down.
fn tells_no_secret(stage: &Stage) -> Result<()> {
    let secret = vault::secret_key(stage)?;
    let lab = stage.lab()?;
    let pods = lab.kubectl(&["-n", OPERATOR_NAMESPACE, "get", "pods", "-o", "name"])?;
    for pod in pods.lines() {
        let log = lab.kubectl(&["-n", OPERATOR_NAMESPACE, "logs", pod, "--all-containers"])?;
        ensure!(
            !log.contains(&secret),
            "the log of {pod} holds the key of the store"
        );
    }
    let objects = lab.kubectl(&[
        "get",
        "configmaps,jobs,kfpbackups,kfpinstallations,events",
        "-A",
        "-o",
        "json",
    ])?;
    ensure!(!objects.contains(&secret), "an object holds the key of the store");
    Ok(())
}

/// The same installation, to begin with what the bucket holds.
fn from_bucket(lane: Lane, destination: &Value) -> Result<Value> {
    let mut manifest = lane.manifest()?;
    manifest["spec"]["bootstrap"] = json!({
        "source": {
            "type": "Destination",
            "destination": {"location": destination},
        },
    });
    Ok(manifest)
}
