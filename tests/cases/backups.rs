//! PROOF (real API server): what becomes of a KfpBackup, with words in place of the Job's program: the Job and what it is told,
//! the status, whose turn it is, schedule, retention, and that data goes only where somebody said so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, ensure};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kfp_backup::order::{Order, Task};
use kfp_tests::Site;
use kfp_tests::hand::{Hand, Plays};
use kfp_tests::jobs::{JobPlays, Saying, work};
use kfp_tests::operator::Operator;
use kfp_tests::world::eventually;
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};

use super::Case;
use super::backup_orders::{shaped, told_to_take, told_to_verify};
use super::install::spec;

/// One case for each way that a backup can go.
pub fn cases() -> Vec<Case> {
    vec![
        Case::at(
            "backup-taken",
            "a backup is taken by a Job of the operator's image, told, checked and verified",
            taken,
        ),
        Case::at(
            "backup-turn",
            "two backups of an installation are taken one after the other, across a restart of the operator",
            in_turn,
        ),
        Case::at(
            "backup-failed",
            "a backup that fails says why, and its remains are removed",
            failed,
        ),
        Case::at(
            "backup-credentials",
            "credentials that are not open to a namespace are not used",
            credentials,
        ),
        Case::at(
            "backup-delete",
            "the set goes with its resource only where deletionPolicy says so",
            deleted,
        ),
        Case::at(
            "backup-schedule",
            "a schedule makes backups, and retention removes them with their sets",
            scheduled,
        ),
    ]
}

/// What no log may show.
pub const SECRET_KEY: &str = "very-secret-key-of-the-destination";

/// A destination that no program is asked about.
fn destination() -> Value {
    json!({
        "type": "S3", "s3": {"bucket": "backups", "endpoint": "http://store.example.com:9000"}, "prefix": "prod",
        "credentials": {"name": "writer"}, "deletionCredentials": {"name": "remover"},
    })
}

/// An installation whose database answers, and credentials for it.
async fn standing(site: &Arc<Site>, backup: Value) -> Result<(Operator, Hand)> {
    for (name, key) in [("writer", "AKIDWRITER"), ("remover", "AKIDREMOVER")] {
        let data = json!({"accessKeyID": key, "secretAccessKey": SECRET_KEY});
        site.credentials(name, &format!("other,{}", site.name), data)
            .await?;
    }
    let operator = site.operator().await?;
    let hand = site.hand(Plays::servers());
    let mut spec = spec("2.16.1");
    spec["backup"] = backup;
    site.apply(spec).await?;
    site.await_condition("Ready", "True", "AllReady").await?;
    Ok((operator, hand))
}

async fn make(site: &Site, name: &str, rest: Value) -> Result<DynamicObject> {
    let mut spec = json!({"installation": site.name});
    for (key, value) in rest.as_object().context("no object")? {
        spec[key] = value.clone();
    }
    site.create("kfpops.dev/v1alpha1", "KfpBackup", name, json!({"spec": spec}))
        .await
}

fn backups(site: &Site) -> Api<DynamicObject> {
    site.world.objects(&site.name, "kfpops.dev/v1alpha1", "KfpBackup")
}

fn report(outcome: &str, reason: &str, retry: bool, done: &Value) -> Value {
    let now = Timestamp::now();
    json!({
        "attempt": "x7k2ma", "outcome": outcome, "reason": reason, "message": "so it was", "retry": retry,
        "started": now - SignedDuration::from_secs(7), "finished": now, "done": done,
    })
}

/// What a program says for whom everything goes well.
fn well(order: &Order) -> Saying {
    let done = match &order.task {
        Task::Take(take) => json!({
            "did": "took", "set": take.set, "manifestSha256": "ab".repeat(32), "instant": Timestamp::now(), "storedBytes": 10,
            "logicalBytes": 100, "tables": 20, "rows": 1000, "objects": 5, "objectsChanged": 0, "specs": 2, "specsMissing": 0,
            "artifacts": 9, "artifactsMissing": 0, "artifactsCopiedBytes": 0, "secretsKept": 0, "encrypted": false,
            "immutability": {"state": "None"}, "warnings": [],
        }),
        Task::Verify(verify) => json!({
            "did": "verified", "set": verify.set, "manifestSha256": "ab".repeat(32), "depth": "Restore", "parts": 30, "bytes": 100,
            "sealedParts": 0, "tables": 20, "rows": 1000, "databasesRestored": 3, "bucketSampled": 9, "checks": ["All is equal."],
        }),
        Task::Remove(remove) => {
            json!({"did": "removed", "sets": remove.sets, "files": 3, "bytes": 10, "held": []})
        }
        Task::Restore(_) => Value::Null,
    };
    Saying::End(report("Succeeded", "Succeeded", false, &done), 0)
}

async fn taken(site: Arc<Site>) -> Result<()> {
    let (operator, _hand) = standing(&site, json!({"destination": destination()})).await?;
    let jobs = site.jobs(JobPlays::words(well));
    let made = make(&site, "now", json!({"artifacts": {"type": "Manifest"}})).await?;
    let uid = made.uid().context("no uid")?;
    site.await_condition_of("KfpBackup", "now", "Complete", "True", "SetComplete")
        .await?;
    let told = site
        .await_condition_of("KfpBackup", "now", "Verified", "True", "RestoredEqual")
        .await?;
    ensure!(told == "All is equal.", "{told}");

    let status = backups(&site).get("now").await?.data["status"].clone();
    ensure!(
        status["rows"] == 1000 && status["verification"]["tables"] == 20,
        "{status:#}"
    );
    let set = status["set"].as_str().context("no set")?;
    let location = format!("s3://backups/prod/{}/{}/{set}", site.name, site.name);
    ensure!(status["location"] == location.as_str(), "{status:#}");
    ensure!(
        site.condition_of("KfpBackup", "now", "Reconciling")
            .await?
            .is_none(),
        "still at it"
    );

    let orders = jobs.orders();
    ensure!(
        orders.len() == 2,
        "{:?}",
        orders.iter().map(|(job, _)| job).collect::<Vec<_>>()
    );
    ensure!(orders[0].0 == format!("kfp-take-{uid}") && orders[1].0 == format!("kfp-verify-{uid}"));
    told_to_take(&site, &orders[0].1).await?;
    told_to_verify(&orders[1].1)?;
    shaped(&site, &uid).await?;

    // The installation says so, and its metrics.
    site.await_condition("BackupFresh", "True", "BackupRecent")
        .await?;
    let backup = site
        .installation()
        .await?
        .status
        .and_then(|status| status.backup)
        .context("no backup in the status")?;
    ensure!(backup.last_verified.is_some_and(|last| last.name == "now"));
    let labels = format!("namespace=\"{0}\",name=\"{0}\"", site.name);
    let count = operator
        .count(&format!(
            "kfp_operator_backups_total{{{labels},result=\"Complete\"}}"
        ))
        .await?;
    ensure!((count - 1.0).abs() < 0.1, "{count} backups were counted");
    ensure!(
        operator
            .count(&format!(
                "kfp_operator_backup_last_verified_timestamp_seconds{{{labels}}}"
            ))
            .await?
            > 1e9
    );
    ensure!(!operator.log()?.contains(SECRET_KEY), "the log holds a key");
    Ok(())
}

async fn in_turn(site: Arc<Site>) -> Result<()> {
    let (operator, _hand) = standing(&site, json!({"destination": destination()})).await?;
    let open = Arc::new(AtomicBool::new(false));
    let gate = open.clone();
    let now = Timestamp::now();
    let jobs = site.jobs(JobPlays::words(move |order| {
        if gate.load(Ordering::Relaxed) {
            return well(order);
        }
        Saying::Progress(json!({
            "attempt": "x7k2ma", "phase": "Databases", "started": now, "updated": now, "bytes": 50, "bytesTotal": 200, "rows": 7,
            "bytesPerSecond": 25, "secondsLeft": 6,
        }))
    }));
    make(&site, "first", json!({"verify": "Checksums"})).await?;
    eventually("progress is shown", || async {
        let found = backups(&site).get("first").await?;
        Ok((found.data["status"]["progress"]["bytes"] == 50).then_some(()))
    })
    .await?;
    make(&site, "second", json!({"verify": "Checksums"})).await?;
    let waits = site
        .await_condition_of("KfpBackup", "second", "Complete", "False", "WaitingForTurn")
        .await?;
    ensure!(waits.contains("KfpBackup first"), "{waits}");

    operator.kill().await?;
    open.store(true, Ordering::Relaxed);
    let _operator = site.operator().await?;
    for name in ["first", "second"] {
        site.await_condition_of("KfpBackup", name, "Verified", "True", "RestoredEqual")
            .await?;
    }
    let order: Vec<&str> = jobs.orders().iter().map(|(_, order)| work(order)).collect();
    // Both are taken before either is checked, or not: what matters is that nothing was begun twice.
    ensure!(order.len() == 4, "{order:?}");
    Ok(())
}

async fn failed(site: Arc<Site>) -> Result<()> {
    let (operator, _hand) = standing(&site, json!({"destination": destination()})).await?;
    let jobs = site.jobs(JobPlays::words(|order| match order.task {
        // A cause that lasts: the program says so by its exit code, and is not started again.
        Task::Take(_) => Saying::End(report("Failed", "DestinationDenied", false, &Value::Null), 2),
        _ => well(order),
    }));
    make(&site, "now", json!({})).await?;
    let told = site
        .await_condition_of("KfpBackup", "now", "Stalled", "True", "BackupFailed")
        .await?;
    ensure!(told == "DestinationDenied: so it was", "{told}");
    eventually("what it left is removed", || async {
        let found = backups(&site).get("now").await?;
        Ok((found.data["status"]["remainsRemoved"] == true).then_some(()))
    })
    .await?;
    let orders = jobs.orders();
    let Some((
        _,
        Order {
            task: Task::Remove(remove),
            ..
        },
    )) = orders.last()
    else {
        anyhow::bail!("nothing was removed")
    };
    ensure!(remove.sets.is_empty() && remove.remains.len() == 1, "{remove:?}");
    ensure!(orders.len() == 2, "it was started again");
    site.await_condition("BackupFresh", "False", "BackupNone").await?;
    let labels = format!("namespace=\"{0}\",name=\"{0}\"", site.name);
    let count = operator
        .count(&format!(
            "kfp_operator_backups_total{{{labels},result=\"Failed\"}}"
        ))
        .await?;
    ensure!((count - 1.0).abs() < 0.1, "{count} failures were counted");
    let events = site
        .world
        .objects(&site.name, "events.k8s.io/v1", "Event")
        .list(&ListParams::default())
        .await?;
    let warned = events
        .iter()
        .any(|event| event.data["type"] == "Warning" && event.data["reason"] == "BackupFailed");
    ensure!(warned, "no Event says so");
    Ok(())
}

async fn credentials(site: Arc<Site>) -> Result<()> {
    let (_operator, _hand) = standing(&site, json!({"destination": destination()})).await?;
    site.credentials(
        "theirs",
        "other",
        json!({"accessKeyID": "A", "secretAccessKey": "B"}),
    )
    .await?;
    let _jobs = site.jobs(JobPlays::words(well));
    let at = |name: &str| json!({"destination": {"type": "S3", "s3": {"bucket": "backups"}, "credentials": {"name": name}}, "verify": "Checksums"});
    make(&site, "theirs", at("theirs")).await?;
    let told = site
        .await_condition_of("KfpBackup", "theirs", "Complete", "False", "CredentialsRefused")
        .await?;
    make(&site, "nobodys", at("nobodys")).await?;
    let absent = site
        .await_condition_of("KfpBackup", "nobodys", "Complete", "False", "CredentialsRefused")
        .await?;
    // Whether there is such a Secret is not told to whoever may not use it.
    ensure!(told.replace("theirs", "nobodys") == absent, "{told} / {absent}");
    site.await_condition_of("KfpBackup", "theirs", "Stalled", "True", "CredentialsRefused")
        .await?;
    // Opened, it goes on by itself.
    let secrets = site.world.objects(&site.lease_namespace(), "v1", "Secret");
    let open = json!({"metadata": {"annotations": {"kfpops.dev/namespaces": "*"}}});
    secrets
        .patch("theirs", &PatchParams::default(), &Patch::Merge(open))
        .await?;
    site.await_condition_of("KfpBackup", "theirs", "Verified", "True", "RestoredEqual")
        .await?;
    Ok(())
}

async fn deleted(site: Arc<Site>) -> Result<()> {
    let (_operator, _hand) = standing(&site, json!({"destination": destination()})).await?;
    let jobs = site.jobs(JobPlays::words(well));
    for (name, policy) in [("stays", "Retain"), ("goes", "Delete")] {
        make(
            &site,
            name,
            json!({"deletionPolicy": policy, "verify": "Checksums"}),
        )
        .await?;
        site.await_condition_of("KfpBackup", name, "Verified", "True", "RestoredEqual")
            .await?;
    }
    for name in ["stays", "goes"] {
        backups(&site).delete(name, &DeleteParams::background()).await?;
        eventually("the backup is gone", || async {
            Ok(backups(&site).get_opt(name).await?.is_none().then_some(()))
        })
        .await?;
    }
    let removals: Vec<Order> = jobs
        .orders()
        .into_iter()
        .map(|(_, order)| order)
        .filter(|order| work(order) == "remove")
        .collect();
    let [
        Order {
            task: Task::Remove(remove),
            ..
        },
    ] = removals.as_slice()
    else {
        anyhow::bail!("{} removals", removals.len())
    };
    ensure!(remove.sets.len() == 1 && remove.remains.is_empty(), "{remove:?}");
    Ok(())
}

async fn scheduled(site: Arc<Site>) -> Result<()> {
    // Every minute of the day: the time before now is due at once.
    let backup = json!({
        "destination": destination(), "schedule": "* * * * *", "verify": "Checksums", "retention": {"last": 1},
    });
    let (_operator, _hand) = standing(&site, backup).await?;
    let jobs = site.jobs(JobPlays::words(well));
    let made = || async {
        let mut names: Vec<String> = backups(&site)
            .list(&ListParams::default())
            .await?
            .iter()
            .map(kube::ResourceExt::name_any)
            .collect();
        names.sort();
        anyhow::Ok(names)
    };
    let first = eventually("the schedule makes a backup", || async {
        Ok(made().await?.first().cloned())
    })
    .await?;
    let stamp = first
        .strip_prefix(&format!("{}-", site.name))
        .context("another name")?;
    ensure!(
        stamp.len() == 12 && stamp.bytes().all(|byte| byte.is_ascii_digit()),
        "{first}"
    );
    site.await_condition_of("KfpBackup", &first, "Verified", "True", "RestoredEqual")
        .await?;
    // The next minute's takes its place.
    eventually("retention removes the first one", || async {
        Ok(backups(&site).get_opt(&first).await?.is_none().then_some(()))
    })
    .await?;
    ensure!(
        jobs.orders().iter().any(|(_, order)| work(order) == "remove"),
        "its set stays"
    );
    let left = made().await?;
    ensure!(left.iter().all(|name| *name > first), "{left:?}");
    Ok(())
}
