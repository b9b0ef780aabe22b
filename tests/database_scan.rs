//! PROOF (real databases): stored pipelines read page by page by an account that can do nothing else, rows of every shape
//! included. What their texts mean is judged elsewhere.

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use kfp_database::{Credentials, Mark, ProbeReason, Scan, Source, Target, make_reader};
use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Connection, Executor, Row};

use crate::database_cases::{SOON, drop_database, installed, refused, run, writer};

/// Seconds since 1970 around which all rows of these tests are made.
pub const NOW: i64 = 1_800_000_000;

/// A pipeline version as the API server writes it (kubeflow/pipelines 2.16.1,
/// `backend/src/apiserver/storage/pipeline_store.go`).
pub async fn version(connection: &mut MySqlConnection, id: &str, created: i64, text: &str) -> Result<()> {
    let sql = "INSERT INTO pipeline_versions (UUID, CreatedAtInSec, Name, DisplayName, Parameters, PipelineId, Status, \
               CodeSourceUrl, Description, PipelineSpec, PipelineSpecURI) \
               VALUES (?, ?, ?, ?, '[]', 'p1', 'READY', '', '', ?, '')";
    let query = sqlx::query(sql)
        .bind(id)
        .bind(created)
        .bind(id)
        .bind(id)
        .bind(text);
    query.execute(connection).await.context("a pipeline version")?;
    Ok(())
}

/// A pipeline, an experiment, a recurring run and a run, as the API server writes them.
pub async fn one_of_each(connection: &mut MySqlConnection) -> Result<()> {
    for statement in [
        "INSERT INTO pipelines (UUID, CreatedAtInSec, Name, DisplayName, Description, Parameters, Status, DefaultVersionId, Namespace) \
         VALUES ('p1', 1, 'train', 'train', '', '', 'READY', '', 'team-a')",
        "INSERT INTO experiments (UUID, Name, Description, CreatedAtInSec, LastRunCreatedAtInSec, Namespace, StorageState) \
         VALUES ('e1', 'nightly', '', 1, 1800000000, 'team-a', 'AVAILABLE'), ('e2', 'unused', '', 1, 0, '', 'AVAILABLE')",
        "INSERT INTO jobs (UUID, DisplayName, Name, Namespace, ServiceAccount, Description, MaxConcurrency, NoCatchup, CreatedAtInSec, \
         UpdatedAtInSec, Enabled, ExperimentUUID, IntervalSecond, PipelineId, PipelineVersionId, PipelineName, PipelineSpecManifest, \
         WorkflowSpecManifest, Parameters, RuntimeParameters, PipelineRoot, Conditions) \
         VALUES ('j1', 'every night', 'every-night', 'team-a', 'runner', '', 1, 0, 1800000000, 1, 1, 'e1', 60, 'p1', 'v1', 'train', \
         'pipeline: {}', '', '', '', '', 'ENABLED'), \
         ('j2', 'newest', 'newest', 'team-a', '', '', 1, 0, 1800000000, 1, 0, 'e1', 60, 'p1', '', 'train', NULL, '', '', '', '', 'DISABLED')",
    ] {
        run(connection, statement).await?;
    }
    for (id, created, own, workflow) in [
        ("r1", NOW, "pipeline: {}", ""),
        ("r2", NOW - 60, "", "kind: Workflow"),
        ("r3", NOW - 40_000_000, "pipeline: {}", ""),
    ] {
        let sql = "INSERT INTO run_details (UUID, DisplayName, Name, Description, Namespace, ExperimentUUID, JobUUID, StorageState, \
                   ServiceAccount, PipelineId, PipelineVersionId, PipelineName, PipelineSpecManifest, WorkflowSpecManifest, Parameters, \
                   RuntimeParameters, PipelineRoot, CreatedAtInSec, ScheduledAtInSec, FinishedAtInSec, Conditions, State, StateHistory, \
                   PipelineRuntimeManifest, WorkflowRuntimeManifest, PipelineContextId, PipelineRunContextId) \
                   VALUES (?, ?, 'r', '', 'team-a', 'e1', '', 'AVAILABLE', 'runner', '', '', '', ?, ?, '', '', '', ?, 0, 0, '', '', '', '', '', 0, 0)";
        let query = sqlx::query(sql)
            .bind(id)
            .bind(id)
            .bind(own)
            .bind(workflow)
            .bind(created);
        query.execute(&mut *connection).await.context("a run")?;
    }
    Ok(())
}

async fn all_versions(scan: &mut Scan, page: usize) -> Result<Vec<String>> {
    let (mut all, mut after): (Vec<String>, Option<Mark>) = (Vec::new(), None);
    loop {
        let marks = scan.versions(after.as_ref(), page).await?;
        all.extend(marks.iter().map(|mark| mark.id.clone()));
        if marks.len() < page {
            return Ok(all);
        }
        after = marks.last().cloned();
    }
}

/// Listings go by keys, whatever comes and goes between two pages.
pub async fn pages(target: Target) -> Result<()> {
    let mut connection = installed(&target, "kfp_test_pages", "2.16.1").await?;
    one_of_each(&mut connection).await?;
    for at in 0..25_i64 {
        // Several rows of one second stand on both sides of a page's end.
        version(
            &mut connection,
            &format!("v{at:02}"),
            NOW + at / 6,
            "pipeline: {}",
        )
        .await?;
    }
    let mut scan = Scan::open(&target, "kfp_test_pages").await?;
    let all = all_versions(&mut scan, 7).await?;
    let expected: Vec<String> = (0..25).rev().map(|at| format!("v{at:02}")).collect();
    ensure!(all == expected, "{all:?}");
    let first = scan.versions(None, 7).await?;
    run(
        &mut connection,
        "DELETE FROM pipeline_versions WHERE UUID IN ('v18', 'v17', 'v03')",
    )
    .await?;
    let next = scan.versions(first.last(), 7).await?;
    let next: Vec<&str> = next.iter().map(|mark| mark.id.as_str()).collect();
    ensure!(
        next == ["v16", "v15", "v14", "v13", "v12", "v11", "v10"],
        "{next:?}"
    );
    let gone = scan
        .entries(Source::PipelineVersion, &["v03".to_owned(), "v02".to_owned()])
        .await?;
    ensure!(gone.len() == 1 && gone[0].id == "v02", "{gone:?}");
    ensure!(scan.entries(Source::PipelineVersion, &[]).await?.is_empty());
    let there = scan
        .there(Source::PipelineVersion, &["v03".to_owned(), "v02".to_owned()])
        .await?;
    ensure!(there == ["v02"], "{there:?}");
    by_index(&mut connection).await?;
    scan.close().await;
    drop_database(connection, "kfp_test_pages").await
}

/// The listings that could be long are read along an index, without sorting and without a row's texts.
async fn by_index(connection: &mut MySqlConnection) -> Result<()> {
    for at in 0..400 {
        version(connection, &format!("w{at:03}"), NOW - 1_000 - at, "pipeline: {}").await?;
    }
    run(connection, "ANALYZE TABLE pipeline_versions").await?;
    for (query, index) in [
        (
            "SELECT CreatedAtInSec, UUID FROM pipeline_versions WHERE CreatedAtInSec <= 1799998900 \
             AND (CreatedAtInSec < 1799998900 OR UUID < 'w100') ORDER BY CreatedAtInSec DESC, UUID DESC LIMIT 50",
            "idx_pipeline_versions_CreatedAtInSec",
        ),
        (
            "SELECT CreatedAtInSec, UUID FROM pipeline_versions ORDER BY CreatedAtInSec DESC, UUID DESC LIMIT 50",
            "idx_pipeline_versions_CreatedAtInSec",
        ),
        (
            "SELECT CreatedAtInSec, UUID FROM run_details WHERE ExperimentUUID = 'e1' AND CreatedAtInSec >= 1 \
             ORDER BY CreatedAtInSec DESC, UUID DESC LIMIT 20",
            "experimentuuid_createatinsec",
        ),
    ] {
        let plan = connection
            .fetch_one(AssertSqlSafe(format!("EXPLAIN FORMAT=TRADITIONAL {query}")))
            .await?;
        let key: Option<String> = plan.try_get("key")?;
        let extra: Option<String> = plan.try_get("Extra")?;
        let extra = extra.unwrap_or_default();
        ensure!(
            key.as_deref() == Some(index) && extra.contains("Using index") && !extra.contains("filesort"),
            "{query}: {key:?}, {extra}"
        );
    }
    Ok(())
}

/// What a row tells of its owner, and which of its texts counts.
pub async fn rows(target: Target) -> Result<()> {
    let mut connection = installed(&target, "kfp_test_rows", "2.17.0").await?;
    one_of_each(&mut connection).await?;
    version(&mut connection, "v1", NOW, "pipelineInfo: {name: größe}").await?;
    let mut scan = Scan::open(&target, "kfp_test_rows").await?;
    let versions = scan.entries(Source::PipelineVersion, &["v1".to_owned()]).await?;
    ensure!(
        versions.len() == 1
            && versions[0].pipeline == "train"
            && versions[0].namespace == "team-a"
            && versions[0].bytes >= 27,
        "{versions:?}"
    );
    let texts = scan
        .texts(Source::PipelineVersion, &["v1".to_owned()], versions[0].bytes)
        .await?;
    ensure!(
        texts[0].text.as_deref() == Some("pipelineInfo: {name: größe}"),
        "{texts:?}"
    );
    let short = scan
        .texts(Source::PipelineVersion, &["v1".to_owned()], versions[0].bytes - 1)
        .await?;
    ensure!(short[0].text.is_none(), "{short:?}");
    let experiments = scan.experiments(None, 10).await?;
    ensure!(
        experiments.len() == 2 && experiments[0].name == "nightly" && experiments[0].last_run == NOW,
        "{experiments:?}"
    );
    let jobs = scan.recurring_runs(None, 10).await?;
    ensure!(jobs.len() == 2 && jobs[0].enabled && !jobs[1].enabled, "{jobs:?}");
    ensure!(scan.recurring_runs(Some("j1"), 10).await?.len() == 1);
    let jobs = scan
        .entries(Source::RecurringRun, &["j1".to_owned(), "j2".to_owned()])
        .await?;
    let job = jobs.iter().find(|job| job.id == "j1").context("no j1")?;
    ensure!(
        job.service_account == "runner" && job.version == "v1" && job.experiment == "e1" && !job.workflow,
        "{job:?}"
    );
    let newest = jobs.iter().find(|job| job.id == "j2").context("no j2")?;
    ensure!(
        newest.bytes == 0 && newest.workflow && newest.pipeline_id == "p1",
        "{newest:?}"
    );
    let runs = scan.runs("e1", NOW - 1_000, 10).await?;
    ensure!(runs.iter().map(|run| &run.id).eq(["r1", "r2"]), "{runs:?}");
    let texts = scan
        .texts(Source::Run, &["r1".to_owned(), "r2".to_owned()], 1_000)
        .await?;
    let texts: BTreeSet<_> = texts.into_iter().filter_map(|text| text.text).collect();
    ensure!(
        texts == BTreeSet::from(["kind: Workflow".to_owned(), "pipeline: {}".to_owned()]),
        "{texts:?}"
    );
    scan.close().await;
    drop_database(connection, "kfp_test_rows").await
}

/// NULL where a server always fills, texts of a size that no pipeline has, character sets of old servers.
pub async fn hostile(target: Target) -> Result<()> {
    let mut connection = installed(&target, "kfp_test_hostile", "2.16.1").await?;
    one_of_each(&mut connection).await?;
    version(&mut connection, "small", NOW, "x").await?;
    version(&mut connection, "large", NOW - 1, "x").await?;
    for statement in [
        "SET FOREIGN_KEY_CHECKS = 0",
        "ALTER TABLE pipelines MODIFY Namespace varchar(63) NULL, MODIFY Name varchar(128) NULL",
        "UPDATE pipelines SET Namespace = NULL, Name = NULL",
        "ALTER TABLE jobs MODIFY Enabled tinyint(1) NULL, MODIFY DisplayName varchar(255) NULL, MODIFY Namespace varchar(255) NULL, \
         MODIFY CreatedAtInSec bigint NULL",
        "UPDATE jobs SET Enabled = NULL, DisplayName = NULL, Namespace = NULL, CreatedAtInSec = NULL, WorkflowSpecManifest = NULL, \
         PipelineSpecManifest = NULL",
        "ALTER TABLE pipeline_versions CONVERT TO CHARACTER SET latin1, MODIFY PipelineSpec longtext NULL",
        "UPDATE pipeline_versions SET PipelineSpec = CONCAT('gr', CHAR(246, 223 USING latin1), 'e') WHERE UUID = 'small'",
        "SET GLOBAL max_allowed_packet = 268435456",
    ] {
        run(&mut connection, statement).await?;
    }
    let mut heavy = writer(&target).await?;
    run(&mut heavy, "USE kfp_test_hostile").await?;
    run(&mut heavy, "SET FOREIGN_KEY_CHECKS = 0").await?;
    run(
        &mut heavy,
        "UPDATE pipeline_versions SET PipelineSpec = REPEAT('x', 67108864) WHERE UUID = 'large'",
    )
    .await?;
    version(&mut heavy, "none", NOW, "x").await?;
    run(
        &mut heavy,
        "UPDATE pipeline_versions SET PipelineSpec = NULL, PipelineId = 'gone' WHERE UUID = 'none'",
    )
    .await?;
    heavy.close().await?;
    let mut scan = Scan::open(&target, "kfp_test_hostile").await?;
    let ids = ["small", "large", "none"].map(str::to_owned);
    let start = Instant::now();
    let entries = scan.entries(Source::PipelineVersion, &ids).await?;
    let bytes = |id: &str| {
        entries
            .iter()
            .find(|entry| entry.id == id)
            .map(|entry| entry.bytes)
    };
    ensure!(
        (bytes("small"), bytes("large"), bytes("none")) == (Some(5), Some(67_108_864), Some(0)),
        "{entries:?}"
    );
    let texts = scan.texts(Source::PipelineVersion, &ids, 4_194_304).await?;
    let text = |id: &str| {
        texts
            .iter()
            .find(|text| text.id == id)
            .and_then(|text| text.text.clone())
    };
    ensure!(
        text("small").as_deref() == Some("größe") && text("large").is_none() && text("none").is_none(),
        "{:?}",
        text("small")
    );
    ensure!(start.elapsed() < SOON, "{:?}", start.elapsed());
    let jobs = scan.recurring_runs(None, 10).await?;
    ensure!(jobs.len() == 2 && !jobs[0].enabled, "{jobs:?}");
    let jobs = scan.entries(Source::RecurringRun, &["j1".to_owned()]).await?;
    ensure!(
        jobs[0].name.is_empty() && jobs[0].bytes == 0 && jobs[0].created == 0,
        "{jobs:?}"
    );
    scan.close().await;
    drop_database(connection, "kfp_test_hostile").await
}

/// The account that is made for reading reads one database and is refused everything else.
pub async fn reader(target: Target) -> Result<()> {
    let mut connection = installed(&target, "kfp_test_reader", "2.16.1").await?;
    one_of_each(&mut connection).await?;
    let account = |password: &str| Credentials {
        username: "kfp_test_reader".to_owned(),
        password: password.to_owned(),
    };
    let as_reader = |password: &str| Target {
        credentials: account(password),
        ..target.clone()
    };
    run(&mut connection, "DROP USER IF EXISTS kfp_test_reader").await?;
    run(&mut connection, "CREATE USER kfp_test_reader IDENTIFIED BY 'old'").await?;
    run(
        &mut connection,
        "GRANT ALL ON *.* TO kfp_test_reader WITH GRANT OPTION",
    )
    .await?;
    for password in ["first", "it's \\ \"new\""] {
        for _ in 0..2 {
            make_reader(&target, "kfp_test_reader", &account(password)).await?;
        }
        let mut scan = Scan::open(&as_reader(password), "kfp_test_reader").await?;
        ensure!(scan.recurring_runs(None, 10).await?.len() == 2);
        scan.close().await;
    }
    refused(
        Scan::open(&as_reader("first"), "kfp_test_reader").await,
        ProbeReason::AccessDenied,
    )?;
    let password = "it's \\ \"new\"";
    refused(
        Scan::open(&as_reader(password), "mysql").await,
        ProbeReason::AccessDenied,
    )?;
    // Its own session, not one that a look sets up read-only.
    let mut own = writer(&as_reader(password)).await?;
    for statement in [
        "INSERT INTO kfp_test_reader.db_statuses VALUES (1)",
        "UPDATE kfp_test_reader.pipelines SET Name = 'x'",
        "DELETE FROM kfp_test_reader.jobs",
        "CREATE TABLE kfp_test_reader.mine (a int)",
        "DROP TABLE kfp_test_reader.jobs",
        "ALTER TABLE kfp_test_reader.jobs ADD a int",
        "CREATE DATABASE kfp_test_mine",
        "CREATE USER kfp_test_other",
        "SELECT COUNT(*) FROM mysql.user",
    ] {
        let error = run(&mut own, statement).await.err();
        let error = error.map(|error| format!("{error:#}")).unwrap_or_default();
        ensure!(
            error.contains("denied") || error.contains("command"),
            "`{statement}`: {error}"
        );
    }
    own.close().await?;
    let (poor, other) = (as_reader(password), account("x"));
    refused(
        make_reader(&poor, "kfp_test_reader", &other).await,
        ProbeReason::AccessDenied,
    )?;
    run(&mut connection, "DROP USER kfp_test_reader").await?;
    drop_database(connection, "kfp_test_reader").await
}

/// A scan under way holds nobody up between its pages, and waits for nobody for long.
pub async fn in_nobodys_way(target: Target) -> Result<()> {
    let mut connection = installed(&target, "kfp_test_way", "2.16.1").await?;
    one_of_each(&mut connection).await?;
    version(&mut connection, "v1", NOW, "pipeline: {}").await?;
    let mut scan = Scan::open(&target, "kfp_test_way").await?;
    scan.versions(None, 10).await?;
    scan.texts(Source::PipelineVersion, &["v1".to_owned()], 1_000)
        .await?;
    let start = Instant::now();
    run(&mut connection, "ALTER TABLE pipeline_versions ADD extra int").await?;
    ensure!(start.elapsed() < SOON, "{:?}", start.elapsed());
    // What was changed meanwhile is seen: no snapshot is held.
    run(&mut connection, "DELETE FROM pipeline_versions").await?;
    ensure!(scan.versions(None, 10).await?.is_empty());
    run(&mut connection, "LOCK TABLES pipeline_versions WRITE").await?;
    let start = Instant::now();
    refused(scan.versions(None, 10).await, ProbeReason::Timeout)?;
    ensure!(start.elapsed() < SOON, "{:?}", start.elapsed());
    run(&mut connection, "UNLOCK TABLES").await?;
    scan.versions(None, 10).await?;
    scan.close().await;
    drop_database(connection, "kfp_test_way").await
}
