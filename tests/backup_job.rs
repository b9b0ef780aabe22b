//! PROOF (real stores, database and API server): the program of a Job as a process of its own: what it tells, how it ends when it
//! is told to, and what is left when it is killed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use kfp_backup::order::{Order, Reading, Take, Task, Tell};
use kfp_backup::progress::{Outcome, PROGRESS_KEY, Progress, REPORT_KEY, Report};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::Case;
use crate::backup_cases::manifest;
use crate::backup_faults::grow;
use crate::backup_yard::{Stage, kubectl};

/// How often the program is killed.
const KILLS: u32 = 20;

pub fn cases() -> Vec<Case> {
    vec![
        (
            "telling",
            "a Job tells how far it is and how it ended, and no secret",
            |stage| Box::pin(telling(stage)),
        ),
        (
            "sigterm",
            "a Job that is told to stop ends in order and says so",
            |stage| Box::pin(sigterm(stage)),
        ),
        (
            "killed",
            "a Job killed at any moment leaves a whole set or none",
            |stage| Box::pin(killed(stage)),
        ),
    ]
}

/// A Job's program and what it was told.
struct Job {
    child: Child,
    folder: TempDir,
}

impl Job {
    fn start(stage: &Stage, order: &Order) -> Result<Self> {
        let program = &stage.yard.program;
        let folder = TempDir::new()?;
        let path = folder.path().join("order.json");
        fs::write(&path, serde_json::to_vec(order)?)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        let log = fs::File::create(folder.path().join("log"))?;
        let child = Command::new(program)
            .args(["job", "run", "--order"])
            .arg(&path)
            .env_clear()
            .env("KUBECONFIG", stage.yard.cluster.kubeconfig())
            .env("LOG", "trace")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        Ok(Self { child, folder })
    }

    /// The most memory that it had so far, in KiB.
    fn memory(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.split_whitespace().next()?.parse().ok()
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let id = self.child.id().context("it has ended")?;
        Ok(kill(Pid::from_raw(i32::try_from(id)?), signal)?)
    }

    /// Waits for its end, and for no secret in its log.
    async fn end(mut self) -> Result<ExitStatus> {
        let status = self.child.wait().await?;
        let log = fs::read_to_string(self.folder.path().join("log"))?;
        for canary in ["CANARY", "s3cret of the tests"] {
            let line = log.lines().find(|line| line.contains(canary));
            ensure!(line.is_none(), "a secret in the log: {line:?}");
        }
        Ok(status)
    }
}

fn order(stage: &Stage, hour: u8, bytes_per_second: u64) -> Result<Order> {
    Ok(Order {
        tell: Tell {
            namespace: stage.name.clone(),
            name: "job".into(),
        },
        time_limit_seconds: 0,
        task: Task::Take(Box::new(Take {
            reading: Reading {
                bytes_per_second,
                ..Reading::default()
            },
            ..stage.take_order(hour)?
        })),
    })
}

fn told(stage: &Stage) -> Result<(Option<Progress>, Option<Report>)> {
    let text = kubectl(
        &stage.yard.cluster,
        &["get", "configmap", "job", "-n", &stage.name, "-o", "json"],
    )?;
    ensure!(!text.contains("CANARY"), "{text}");
    let map: Value = serde_json::from_str(&text)?;
    let parsed = |key: &str| map["data"][key].as_str();
    Ok((
        parsed(PROGRESS_KEY).map(serde_json::from_str).transpose()?,
        parsed(REPORT_KEY).map(serde_json::from_str).transpose()?,
    ))
}

fn board(stage: &Stage) -> Result<()> {
    kubectl(
        &stage.yard.cluster,
        &["create", "configmap", "job", "-n", &stage.name],
    )
    .map(drop)
}

async fn telling(stage: Stage) -> Result<()> {
    grow(&stage, 15_000).await?;
    board(&stage)?;
    let patch = r#"{"data":{"report":"of an earlier attempt, and no JSON"}}"#;
    kubectl(
        &stage.yard.cluster,
        &[
            "patch",
            "configmap",
            "job",
            "-n",
            &stage.name,
            "--type=merge",
            "-p",
            patch,
        ],
    )?;
    let mut job = Job::start(&stage, &order(&stage, 1, 12_000_000)?)?;
    let mut seen: Vec<Progress> = Vec::new();
    let mut memory = 0;
    while job.child.try_wait()?.is_none() {
        tokio::time::sleep(Duration::from_millis(300)).await;
        memory = job.memory().unwrap_or(memory);
        // The earlier report goes with the first telling.
        if let Ok((Some(progress), _)) = told(&stage)
            && seen.last().is_none_or(|last| last.updated != progress.updated)
        {
            seen.push(progress);
        }
    }
    ensure!(job.end().await?.success());
    println!("a Job that backed 66 MB up had {memory} KiB of memory at most");
    ensure!(memory > 0 && memory < 128 * 1024, "{memory} KiB");
    let (progress, report) = told(&stage)?;
    let report = report.context("no report")?;
    ensure!(
        report.outcome == Outcome::Succeeded && report.reason == "Succeeded" && report.done.is_some(),
        "{report:?}"
    );
    ensure!(progress.context("no progress")?.phase == kfp_backup::progress::Phase::Finished);
    let halfway = seen.iter().any(|one| {
        one.percent().is_some_and(|percent| (10..95).contains(&percent)) && one.seconds_left.is_some()
    });
    ensure!(halfway && seen.len() >= 3, "{seen:?}");
    let often = seen
        .windows(2)
        .map(|two| two[1].updated.as_millisecond() - two[0].updated.as_millisecond());
    // The last one comes with the report.
    ensure!(often.rev().skip(1).all(|pause| pause >= 1_900), "{seen:?}");
    Ok(())
}

async fn sigterm(stage: Stage) -> Result<()> {
    grow(&stage, 15_000).await?;
    board(&stage)?;
    let job = Job::start(&stage, &order(&stage, 1, 5_000_000)?)?;
    tokio::time::sleep(Duration::from_secs(4)).await;
    let start = Instant::now();
    job.signal(Signal::SIGTERM)?;
    let status = job.end().await?;
    ensure!(
        status.code() == Some(1) && start.elapsed() < Duration::from_mins(1),
        "{status} after {:?}",
        start.elapsed()
    );
    let report = told(&stage)?.1.context("no report")?;
    ensure!(
        report.outcome == Outcome::Stopped && report.reason == "Stopped" && report.retry,
        "{report:?}"
    );
    stage.has_no_set().await
}

async fn killed(stage: Stage) -> Result<()> {
    grow(&stage, 8_000).await?;
    board(&stage)?;
    let order = order(&stage, 1, 0)?;
    let start = Instant::now();
    let first = Job::start(&stage, &order)?;
    ensure!(first.end().await?.success());
    let whole = start.elapsed();
    // The first moment of a set is as good as any other: begin from nothing.
    stage.remove(&[1], &[]).await?;
    let mut random = u64::from(std::process::id()) | 1;
    println!("a backup takes {whole:?}; killed {KILLS} times at moments of the seed {random}");
    let mut complete = 0;
    for _ in 0..KILLS {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let share = f64::from(u32::try_from(random % 10_000)?) / 10_000.0;
        let job = Job::start(&stage, &order)?;
        tokio::time::sleep(whole.mul_f64(share * 1.05)).await;
        // It may be over by then.
        drop(job.signal(Signal::SIGKILL));
        job.end().await?;
        let manifest = stage
            .stored()
            .await?
            .contains(&format!("{}/manifest.json", Stage::set(1)));
        if manifest {
            complete += 1;
            stage.verify(stage.verify_order(1)).await?;
            stage.remove(&[1], &[]).await?;
        }
    }
    println!("{complete} of {KILLS} were complete all the same");
    let last = Job::start(&stage, &order)?;
    ensure!(last.end().await?.success());
    let mut verify = stage.verify_order(1);
    verify.scratch = Some(stage.scratch());
    stage.verify(verify).await?;
    stage.remove(&[], &[1]).await?;
    let (manifest, _) = manifest(&stage, 1).await?;
    let mut expected: Vec<String> = manifest
        .parts
        .iter()
        .map(|part| format!("{}/{}/{}", Stage::set(1), manifest.attempt, part.path))
        .collect();
    expected
        .extend(["manifest.json", "manifest.json.sha256"].map(|name| format!("{}/{name}", Stage::set(1))));
    expected.sort();
    let stored: Vec<String> = stage
        .stored()
        .await?
        .into_iter()
        .filter(|key| !key.starts_with("artifacts/"))
        .collect();
    ensure!(stored == expected, "{stored:#?} where {expected:#?} was due");
    stage.holds_no_table().await
}
