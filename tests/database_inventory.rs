//! PROOF (real databases): stored pipelines looked through as the operator does it: judged once, found when new, forgotten when
//! gone. `KFP_TEST_STORED_PIPELINES` says how many stand in the large database (300 if unset); its figures are printed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use kfp_compat::inventory::{Kind, Row as Stored};
use kfp_database::{Credentials, Scan, Target, make_reader};
use kfp_engine::inventory::judging::Judge;
use kfp_engine::inventory::memory::Memory;
use kfp_engine::inventory::pace::Pace;
use kfp_engine::inventory::sweep::{Cost, Reach, Sweep};
use kfp_engine::inventory::totals::{self, Lot};
use kfp_releases::Version;
use sqlx::mysql::MySqlConnection;
use sqlx::{Executor, Row as _};

use crate::database_cases::{SOON, drop_database, installed, run, writer};
use crate::database_scan::{NOW, one_of_each, version};

/// How many pipelines stand in the large database.
const STORED: &str = "KFP_TEST_STORED_PIPELINES";

/// Compiled by SDK 2.16.1.
const FITS: &str = include_str!("../src/compat/corpus/compiled/2.16.1/hello.yaml");
/// Compiled by SDK 2.17.0; servers keep what executors are given as they get it, and read it when a run is created.
const NEW: &str = include_str!("../src/compat/corpus/compiled/2.17.0/security_context.yaml");
const V1: &str = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata:\n  generateName: old-\n  annotations: \
                  {pipelines.kubeflow.org/kfp_sdk_version: 1.8.22}\nspec:\n  entrypoint: old\n  templates: [{name: old}]\n";

/// A pipeline that wants what no release of the catalog has: containers that run before a step's own (kubeflow/pipelines,
/// `kubernetes_platform/proto`, after 2.17.0).
fn too_new() -> String {
    let own = "          securityContext:\n";
    NEW.replace(
        own,
        &format!("          initContainers:\n          - name: prepare\n{own}"),
    )
}

struct Looks {
    target: Target,
    database: &'static str,
    judge: Arc<Judge>,
    memory: Memory,
}

impl Looks {
    fn new(target: &Target, database: &'static str) -> Result<Self> {
        let judge = Judge::new(releases()?).map_err(anyhow::Error::msg)?;
        Ok(Self {
            target: target.clone(),
            database,
            judge: Arc::new(judge),
            memory: Memory::default(),
        })
    }

    /// One look; what it cost, and how many queries it made.
    async fn look(&mut self, reach: Reach, paced: bool) -> Result<(Cost, usize)> {
        let mut scan = Scan::open(&self.target, self.database).await?;
        let (mut sweep, mut all, mut steps) = (Sweep::new(reach, 100), Cost::default(), 0);
        loop {
            let pace = Pace::begin();
            let Some(cost) = sweep.step(&mut scan, &mut self.memory, &self.judge).await? else {
                break;
            };
            while let Some(entry) = sweep.next_in_bucket() {
                let nothing = Err("there is no bucket here".to_owned());
                sweep
                    .from_bucket(entry, nothing, &mut self.memory, &self.judge)
                    .await;
            }
            all.rows += cost.rows;
            all.bytes += cost.bytes;
            steps += 1;
            if paced {
                tokio::time::sleep(pace.pause(cost)).await;
            }
        }
        scan.close().await;
        Ok((all, steps))
    }

    async fn small(&mut self) -> Result<(Cost, usize)> {
        let running = releases()?[0];
        let troubled = self.memory.rows().filter(|row| row.kind != Kind::RecurringRun);
        let troubled = troubled
            .filter(|row| totals::trouble(row, running, &|_| false).is_some())
            .map(|row| (row.kind, row.id.clone()))
            .collect();
        self.look(Reach::Small { since: NOW, troubled }, false).await
    }

    fn row(&self, kind: Kind, id: &str) -> Result<&Stored> {
        self.memory
            .get(kind, id)
            .with_context(|| format!("{kind:?} {id} is not known"))
    }

    fn lot(&self, kind: Kind, id: &str) -> Result<Lot> {
        Ok(totals::lot(self.row(kind, id)?, releases()?[0]))
    }
}

fn releases() -> Result<Vec<Version>> {
    Ok(vec!["2.16.1".parse()?, "2.17.0".parse()?])
}

/// Every kind of row, hostile ones among them: judged, and read once.
pub async fn judged_once(target: Target) -> Result<()> {
    let mut connection = installed(&target, "kfp_test_judged", "2.16.1").await?;
    one_of_each(&mut connection).await?;
    let too_new = too_new();
    for (at, (id, text)) in (0_i64..).zip([
        ("v1", FITS),
        ("new", &too_new),
        ("old", V1),
        ("broken", "a: [1, 2\n b: :"),
        ("empty", ""),
        ("long", &"x: y\n".repeat(900_000)),
    ]) {
        version(&mut connection, id, NOW - at, text).await?;
    }
    let mut looks = Looks::new(&target, "kfp_test_judged")?;
    let (cost, _) = looks.look(Reach::Full, false).await?;
    ensure!(cost.bytes > 0, "{cost:?}");
    let versions = Kind::PipelineVersion;
    ensure!(
        looks.lot(versions, "v1")? == Lot::Runs,
        "{:?}",
        looks.row(versions, "v1")?
    );
    ensure!(
        looks.row(versions, "v1")?.sdk.as_deref() == Some("2.16.1"),
        "{:?}",
        looks.row(versions, "v1")?
    );
    ensure!(
        looks.lot(versions, "new")? == Lot::Refused,
        "{:?}",
        looks.row(versions, "new")?
    );
    ensure!(
        looks.row(versions, "old")?.sdk.as_deref() == Some("1.8.22"),
        "{:?}",
        looks.row(versions, "old")?
    );
    for id in ["broken", "empty", "long"] {
        ensure!(
            looks.lot(versions, id)? == Lot::Unreadable,
            "{:?}",
            looks.row(versions, id)?
        );
    }
    // j1 runs v1; j2 takes the newest version of its pipeline, which v1 is.
    for (id, newest) in [("j1", false), ("j2", true)] {
        let row = looks.row(Kind::RecurringRun, id)?;
        ensure!(
            row.newest == newest && row.sdk.as_deref() == Some("2.16.1"),
            "{row:?}"
        );
    }
    ensure!(!looks.row(Kind::RecurringRun, "j2")?.enabled);
    ensure!(
        looks.memory.count(Kind::Run) == 3,
        "{}",
        looks.memory.count(Kind::Run)
    );
    let row = looks.row(Kind::Run, "r1")?;
    ensure!(
        row.experiment == "nightly" && row.service_account == "runner" && row.namespace == "team-a",
        "{row:?}"
    );
    // Nothing is read twice.
    let (again, _) = looks.look(Reach::Full, false).await?;
    ensure!(again.bytes == 0, "{again:?}");
    drop_database(connection, "kfp_test_judged").await
}

/// What comes is found by a small look, and what goes as well where it matters.
pub async fn news(target: Target) -> Result<()> {
    let mut connection = installed(&target, "kfp_test_news", "2.16.1").await?;
    one_of_each(&mut connection).await?;
    version(&mut connection, "v1", NOW, FITS).await?;
    let mut looks = Looks::new(&target, "kfp_test_news")?;
    looks.look(Reach::Full, false).await?;
    version(&mut connection, "new", NOW + 1, &too_new()).await?;
    let (cost, _) = looks.small().await?;
    ensure!(cost.bytes == too_new().len() as u64, "{cost:?}");
    ensure!(looks.lot(Kind::PipelineVersion, "new")? == Lot::Refused);
    // The recurring run that takes the newest version runs that one from now on.
    let row = looks.row(Kind::RecurringRun, "j2")?;
    ensure!(
        row.version == "new" && looks.lot(Kind::RecurringRun, "j2")? == Lot::Refused,
        "{row:?}"
    );
    let (cost, steps) = looks.small().await?;
    ensure!(cost.bytes == 0 && steps <= 8, "{cost:?} in {steps} queries");
    run(
        &mut connection,
        "DELETE FROM pipeline_versions WHERE UUID = 'new'",
    )
    .await?;
    run(&mut connection, "UPDATE jobs SET Enabled = 0 WHERE UUID = 'j1'").await?;
    looks.small().await?;
    ensure!(looks.memory.get(Kind::PipelineVersion, "new").is_none());
    ensure!(looks.lot(Kind::RecurringRun, "j2")? == Lot::Runs);
    ensure!(!looks.row(Kind::RecurringRun, "j1")?.enabled);
    // What fits and goes is noticed by the next way through all keys.
    run(&mut connection, "DELETE FROM pipeline_versions").await?;
    run(&mut connection, "DELETE FROM jobs WHERE UUID = 'j1'").await?;
    looks.small().await?;
    ensure!(looks.memory.get(Kind::RecurringRun, "j1").is_none());
    looks.look(Reach::Full, false).await?;
    ensure!(looks.memory.count(Kind::PipelineVersion) == 0);
    ensure!(looks.lot(Kind::RecurringRun, "j2")? == Lot::Unreadable);
    drop_database(connection, "kfp_test_news").await
}

/// Rows that go while a look is under way leave nothing behind and stop nothing.
pub async fn under_way(target: Target) -> Result<()> {
    let mut connection = installed(&target, "kfp_test_under_way", "2.16.1").await?;
    one_of_each(&mut connection).await?;
    for at in 0..30 {
        version(&mut connection, &format!("v{at:02}"), NOW + at, FITS).await?;
    }
    let mut looks = Looks::new(&target, "kfp_test_under_way")?;
    let mut scan = Scan::open(&target, "kfp_test_under_way").await?;
    let mut sweep = Sweep::new(Reach::Full, 100);
    let mut steps = 0;
    while sweep
        .step(&mut scan, &mut looks.memory, &looks.judge)
        .await?
        .is_some()
    {
        // Before their rows are asked for, and before their texts are.
        if steps < 2 {
            let gone = format!("DELETE FROM pipeline_versions WHERE UUID = 'v{:02}'", 10 + steps);
            run(&mut connection, &gone).await?;
        }
        steps += 1;
    }
    scan.close().await;
    ensure!(
        looks.memory.count(Kind::PipelineVersion) == 28,
        "{}",
        looks.memory.count(Kind::PipelineVersion)
    );
    drop_database(connection, "kfp_test_under_way").await
}

/// A large database, at the operator's own pace, as the account that may only read; what it costs is printed.
pub async fn large(target: Target) -> Result<()> {
    let count: i64 = std::env::var(STORED).ok().map_or(Ok(300), |text| text.parse())?;
    let mut connection = installed(&target, "kfp_test_large", "2.16.1").await?;
    one_of_each(&mut connection).await?;
    fill(&mut connection, count).await?;
    let reader = Credentials {
        username: "kfp_test_inventory".to_owned(),
        password: "large".to_owned(),
    };
    make_reader(&target, "kfp_test_large", &reader).await?;
    let as_reader = Target {
        credentials: reader,
        ..target.clone()
    };
    let mut looks = Looks::new(&as_reader, "kfp_test_large")?;
    let before = counters(&target).await?;
    let begun = Instant::now();
    let (first, queries) = looks.look(Reach::Full, true).await?;
    let took = begun.elapsed();
    let after = counters(&target).await?;
    let spent = |name: &str| after.get(name).unwrap_or(&0) - before.get(name).unwrap_or(&0);
    println!(
        "{count} pipeline versions: first look {:.1} s, {queries} queries, {} rows, {:.1} MB of texts, peak memory {} MB; the server \
         sent {:.1} MB and read {} rows",
        took.as_secs_f64(),
        first.rows,
        megabytes(first.bytes),
        peak()?,
        megabytes(spent("Bytes_sent")),
        spent("Innodb_rows_read"),
    );
    for (what, paced) in [("again, at its pace", true), ("again, without rests", false)] {
        let begun = Instant::now();
        let (cost, queries) = looks.look(Reach::Full, paced).await?;
        println!(
            "{what}: {:.2} s, {queries} queries, {} rows",
            begun.elapsed().as_secs_f64(),
            cost.rows
        );
        ensure!(cost.bytes == 0, "{cost:?}");
    }
    let begun = Instant::now();
    let (cost, queries) = looks.small().await?;
    println!(
        "small look: {:.3} s, {queries} queries, {} rows",
        begun.elapsed().as_secs_f64(),
        cost.rows
    );
    ensure!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    let rows: Vec<&Stored> = looks.memory.rows().collect();
    let head = kfp_compat::inventory::Head {
        releases: releases()?,
        ..Default::default()
    };
    let packed = kfp_compat::inventory::pack(&head, &rows);
    let bytes: usize = packed.texts.iter().map(String::len).sum();
    println!(
        "{} rows in {} ConfigMaps of {bytes} bytes in all",
        rows.len(),
        packed.texts.len()
    );
    ensure!(packed.left_out == 0 && looks.memory.count(Kind::PipelineVersion) == usize::try_from(count)?);
    run(&mut connection, "DROP USER kfp_test_inventory").await?;
    drop_database(connection, "kfp_test_large").await
}

/// Pipelines of eight to ninety kilobytes, one in ten of them too new.
async fn fill(connection: &mut MySqlConnection, count: i64) -> Result<()> {
    let padded = |text: &str, size: usize| format!("{text}# {}\n", "padding ".repeat(size / 8));
    let too_new = too_new();
    run(connection, "START TRANSACTION").await?;
    for at in 0..count {
        let text = if at % 10 == 0 { &too_new } else { FITS };
        let size = if at % 20 == 0 { 80_000 } else { 6_000 };
        version(
            connection,
            &format!("{at:08}-0000-4000-8000-000000000000"),
            NOW + at,
            &padded(text, size),
        )
        .await?;
    }
    run(connection, "COMMIT").await
}

async fn counters(target: &Target) -> Result<BTreeMap<String, u64>> {
    let mut connection = writer(target).await?;
    let rows = connection
        .fetch_all("SHOW GLOBAL STATUS WHERE Variable_name IN ('Bytes_sent', 'Innodb_rows_read')")
        .await?;
    let mut found = BTreeMap::new();
    for row in rows {
        let (name, value): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        found.insert(name, value.parse()?);
    }
    Ok(found)
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1_000_000.0
}

/// The most memory that this process ever had, in megabytes.
fn peak() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .context("no VmHWM")?;
    let kilobytes: u64 = line.split_whitespace().nth(1).context("no figure")?.parse()?;
    Ok(kilobytes / 1_000)
}
