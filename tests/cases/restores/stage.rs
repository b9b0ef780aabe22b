//! PROOF (real API server, real database, real object store, the Job's own program): the stage of restores: an installation with
//! runs in it, and a bucket for its backups.

use std::sync::Arc;

use anyhow::{Context, Result};
use kfp_tests::Site;
use kfp_tests::hand::{Hand, Plays};
use kfp_tests::jobs::{JobHand, JobPlays};
use kfp_tests::operator::Operator;
use kfp_tests::pods::services;
use kfp_tests::store::{PORT, Store};
use kube::Api;
use kube::api::DynamicObject;
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};

use super::super::install::spec;
use super::super::secrets::value;

pub(super) const KEYS: (&str, &str) = ("AKIDBACKUPS", "very-secret-key-of-the-backups");
pub(super) const BUCKET: &str = "backups";
/// What runs and recurring runs of the tests are of.
pub(super) const WRITERS: [&str; 6] = [
    "ml-pipeline",
    "ml-pipeline-persistenceagent",
    "ml-pipeline-scheduledworkflow",
    "metadata-grpc-deployment",
    "metadata-writer",
    "workflow-controller",
];

pub(super) fn location() -> Value {
    json!({
        "type": "S3", "s3": {"bucket": BUCKET, "endpoint": format!("http://127.0.0.1:{PORT}")}, "prefix": "tests",
        "credentials": {"name": "backups"},
    })
}

/// A bucket for sets, and what opens it.
pub(super) async fn vault(site: &Site) -> Result<()> {
    let store = site
        .world
        .store
        .get_or_try_init(|| Store::start(&site.world))
        .await?;
    store.admit("backups", KEYS.0, KEYS.1).await?;
    store.bucket(BUCKET).await?;
    let data = json!({"accessKeyID": KEYS.0, "secretAccessKey": KEYS.1});
    site.credentials("backups", &site.name, data).await
}

/// What plays around an installation.
pub(super) struct Stage {
    pub(super) operator: Operator,
    _hand: Hand,
    pub(super) jobs: JobHand,
}

pub(super) async fn stage(site: &Arc<Site>) -> Result<Stage> {
    vault(site).await?;
    Ok(Stage {
        operator: site.operator().await?,
        _hand: site.hand(Plays::servers()),
        jobs: site.jobs(JobPlays::Program),
    })
}

pub(super) async fn standing(site: &Arc<Site>) -> Result<Stage> {
    let stage = stage(site).await?;
    site.apply(spec("2.16.1")).await?;
    site.await_condition("Ready", "True", "AllReady").await?;
    Ok(stage)
}

/// The database of an installation, as its administrator.
pub(super) async fn database(site: &Site) -> Result<MySqlConnection> {
    let host = services(site)
        .await?
        .remove("mysql")
        .context("no Service mysql")?;
    let options = MySqlConnectOptions::new()
        .host(&host)
        .port(3306)
        .username("root")
        .password(&value(site, "mysql-root-secret", "password").await?)
        .database("mlpipeline")
        .ssl_mode(MySqlSslMode::Disabled);
    options.connect().await.context("cannot log in to the database")
}

pub(super) async fn run(connection: &mut MySqlConnection, sql: &str) -> Result<()> {
    connection
        .execute(AssertSqlSafe(sql.to_owned()))
        .await
        .with_context(|| sql.to_owned())?;
    Ok(())
}

pub(super) async fn number(connection: &mut MySqlConnection, sql: &str) -> Result<i64> {
    let row: (i64,) = sqlx::query_as(AssertSqlSafe(sql.to_owned()))
        .fetch_one(connection)
        .await
        .with_context(|| sql.to_owned())?;
    Ok(row.0)
}

/// Runs as KFP's API server writes them, `count` of them, each with some kilobytes of text.
pub(super) async fn runs(connection: &mut MySqlConnection, from: u32, count: u32, state: &str) -> Result<()> {
    let sql = format!(
        "INSERT INTO run_details (UUID, DisplayName, Name, Description, Namespace, ExperimentUUID, StorageState, ServiceAccount, \
         PipelineId, PipelineName, CreatedAtInSec, Conditions, State, PipelineRuntimeManifest, WorkflowRuntimeManifest) \
         WITH RECURSIVE n (i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i < {}) \
         SELECT CONCAT('run-', i), 'r', CONCAT('run-', i), '', '', 'e', 'AVAILABLE', '', '', '', 1, '{state}', '{state}', \
         REPEAT(MD5(i), 60), REPEAT(SHA1(i), 60) FROM n",
        from + count - 1
    );
    run(connection, "SET SESSION max_recursive_iterations = 1000000").await?;
    run(connection, &sql).await
}

/// Order-independent: what all rows of runs say.
pub(super) const SUM: &str = "SELECT CAST(COALESCE(BIT_XOR(CRC32(CONCAT(UUID, WorkflowRuntimeManifest, PipelineRuntimeManifest))), 0) AS SIGNED) \
                   FROM run_details WHERE UUID <> 'run-7'";
pub(super) const COUNT: &str = "SELECT COUNT(*) FROM run_details";

pub(super) fn objects(site: &Site, kind: &str) -> Api<DynamicObject> {
    site.world.objects(&site.name, "kfpops.dev/v1alpha1", kind)
}

pub(super) async fn backup(site: &Site, name: &str) -> Result<()> {
    let spec = json!({
        "installation": site.name, "destination": location(), "verify": "Checksums", "artifacts": {"type": "None"},
    });
    site.create("kfpops.dev/v1alpha1", "KfpBackup", name, json!({"spec": spec}))
        .await?;
    site.await_condition_of("KfpBackup", name, "Complete", "True", "SetComplete")
        .await?;
    Ok(())
}

pub(super) async fn ask(site: &Site, name: &str, rest: Value) -> Result<DynamicObject> {
    let mut spec =
        json!({"installation": site.name, "source": {"type": "BackupRef", "backupRef": {"name": "good"}}});
    for (key, value) in rest.as_object().context("no object")? {
        spec[key] = value.clone();
    }
    site.create("kfpops.dev/v1alpha1", "KfpRestore", name, json!({"spec": spec}))
        .await
}

pub(super) async fn restored(site: &Site, name: &str) -> Result<Value> {
    site.await_condition_of("KfpRestore", name, "Complete", "True", "Restored")
        .await?;
    Ok(objects(site, "KfpRestore").get(name).await?.data["status"].clone())
}

pub(super) fn schedule(site: &Site) -> Api<DynamicObject> {
    site.world
        .objects(&site.name, "kubeflow.org/v1beta1", "ScheduledWorkflow")
}

pub(super) fn workflows(site: &Site) -> Api<DynamicObject> {
    site.world.objects(&site.name, "argoproj.io/v1alpha1", "Workflow")
}

pub(super) async fn workflow(site: &Site, name: &str, run: &str) -> Result<()> {
    let rest = json!({"metadata": {"labels": {"pipeline/runid": run}}, "spec": {}});
    site.create("argoproj.io/v1alpha1", "Workflow", name, rest)
        .await
        .map(drop)
}

/// The replicas that workloads of writers want.
pub(super) async fn wanted(site: &Site) -> Result<i64> {
    let mut sum = 0;
    for name in WRITERS {
        let found = site
            .get("Deployment", name)
            .await?
            .with_context(|| format!("no Deployment {name}"))?;
        sum += found.data["spec"]["replicas"].as_i64().unwrap_or(1);
    }
    Ok(sum)
}
