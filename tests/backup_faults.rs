//! PROOF (real stores, database and API server): what goes wrong is told by name, and what was interrupted leaves a set that is
//! whole or none at all.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kfp_backup::manifest::Role;
use kfp_backup::order::{DatabaseServer, Order, Take, Task, Tell};
use kfp_e2e::cache::hex;
use sha2::{Digest as _, Sha256};

use crate::Case;
use crate::backup_cases::manifest;
use crate::backup_stores::{ADMIN, WRITER, Weed};
use crate::backup_yard::{Stage, failed};

pub fn cases() -> Vec<Case> {
    vec![
        (
            "names",
            "what stands in the way of a backup is told by name",
            |stage| Box::pin(names(stage)),
        ),
        (
            "damage",
            "each way in which a set can be damaged has a name",
            |stage| Box::pin(damage(stage)),
        ),
        ("full", "a store that is full is told", |stage| {
            Box::pin(full(stage))
        }),
        (
            "ending",
            "told to stop, or out of time, a backup leaves no lock and no set",
            |stage| Box::pin(ending(stage)),
        ),
    ]
}

async fn names(stage: Stage) -> Result<()> {
    let take = stage.take_order(1)?;
    let to = |endpoint: &str, keys| Take {
        destination: stage.destination_at(endpoint, keys),
        ..take.clone()
    };
    let outside = stage.yard.outside.endpoint();
    failed(
        stage.take(to(&outside, (WRITER.0, "CANARY-wrong"))).await,
        "DestinationDenied",
    )?;
    failed(
        stage.take(to(&outside, ("AKNOBODY", "CANARY-wrong"))).await,
        "DestinationDenied",
    )?;
    failed(
        stage.take(to("http://127.0.0.1:9", WRITER)).await,
        "DestinationUnreachable",
    )?;
    failed(
        stage.take(to(&stage.yard.own.endpoint(), ADMIN)).await,
        "DestinationInsideInstallation",
    )?;
    let server = |change: fn(&mut DatabaseServer)| {
        let mut order = take.clone();
        change(&mut order.server);
        order
    };
    failed(
        stage
            .take(server(|server| server.password = "CANARY-wrong".into()))
            .await,
        "DatabaseDenied",
    )?;
    failed(
        stage.take(server(|server| server.port = 9)).await,
        "DatabaseUnreachable",
    )?;
    let mut missing = take.clone();
    missing.databases.insert(Role::Cache, "no_such_database".into());
    failed(stage.take(missing).await, "DatabaseMissing")?;
    let mut bucket = take.clone();
    if let Some(bucket) = &mut bucket.bucket {
        bucket.secret_access_key = "CANARY-wrong".into();
    }
    failed(stage.take(bucket).await, "BucketDenied")?;
    stage.has_no_set().await?;
    failed(stage.verify(stage.verify_order(1)).await, "SetMissing")?;
    Ok(())
}

async fn damage(stage: Stage) -> Result<()> {
    stage.take(stage.take_order(1)?).await?;
    let (manifest, text) = manifest(&stage, 1).await?;
    let (outside, bucket) = (&stage.yard.outside, stage.backups());
    let folder = stage.home().attempt(&Stage::set(1), &manifest.attempt);
    let rows: Vec<&str> = manifest
        .parts
        .iter()
        .map(|part| part.path.as_str())
        .filter(|path| path.contains(".0.sql"))
        .collect();
    let key = |path: &str| format!("{folder}/{path}");
    let (first, second) = (key(rows[0]), key(rows[1]));
    let good = outside.get(&bucket, &first).await?.context("no part")?;
    let other = outside.get(&bucket, &second).await?.context("no part")?;
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x10;
    let cut = good[..good.len() / 2].to_vec();
    for (content, reason) in [
        (flipped, "PartDamaged"),
        (cut, "PartTruncated"),
        (other, "PartSwapped"),
    ] {
        outside.put(&bucket, &first, content).await?;
        let trouble = failed(stage.verify(stage.verify_order(1)).await, reason)?;
        ensure!(trouble.message.contains(rows[0]) && !trouble.retry, "{trouble}");
        let restored = stage
            .restore(stage.restore_order(1, &stage.name, &stage.name))
            .await;
        failed(restored, reason)?;
    }
    outside.delete(&bucket, &first).await?;
    failed(stage.verify(stage.verify_order(1)).await, "PartMissing")?;
    outside.put(&bucket, &first, good).await?;
    stage.verify(stage.verify_order(1)).await?;

    let home = stage.home();
    let (place, digest) = (
        home.manifest(&Stage::set(1)),
        home.manifest_digest(&Stage::set(1)),
    );
    let sums = outside.get(&bucket, &digest).await?.context("no digest")?;
    let signed = async |text: Vec<u8>| {
        let sum = hex(&Sha256::digest(&text));
        outside.put(&bucket, &place, text).await?;
        outside
            .put(&bucket, &digest, format!("{sum}  manifest.json\n").into_bytes())
            .await
    };
    outside
        .put(&bucket, &place, text[..text.len() - 9].to_vec())
        .await?;
    failed(stage.verify(stage.verify_order(1)).await, "ManifestDamaged")?;
    let written = String::from_utf8(text.clone())?;
    signed(
        written
            .replace("\"formatVersion\": 1", "\"formatVersion\": 2")
            .into_bytes(),
    )
    .await?;
    failed(stage.verify(stage.verify_order(1)).await, "FormatTooNew")?;
    signed(
        written
            .replace("20261124T010000Z", "20261124T020000Z")
            .into_bytes(),
    )
    .await?;
    failed(stage.verify(stage.verify_order(1)).await, "ManifestSwapped")?;
    let sum = &manifest.databases.databases[0].tables[0]
        .rows
        .checksum
        .to_string();
    signed(
        written
            .replacen(sum.as_str(), "00000000000000000000000000000001", 2)
            .into_bytes(),
    )
    .await?;
    failed(stage.verify(stage.verify_order(1)).await, "PartContent")?;
    outside.put(&bucket, &place, text).await?;
    outside.put(&bucket, &digest, sums).await?;
    stage.verify(stage.verify_order(1)).await?;
    Ok(())
}

/// More rows, that do not compress, so that there is something to cut.
pub async fn grow(stage: &Stage, rows: u32) -> Result<()> {
    let database = stage.database(Role::Cache);
    let bytes = "CONCAT(RANDOM_BYTES(1000), RANDOM_BYTES(1000), RANDOM_BYTES(1000), RANDOM_BYTES(1000))";
    let numbers = stage.numbers(rows);
    let statement =
        format!("INSERT INTO {database}.execution_caches SELECT seq + 10, {bytes} FROM {numbers}");
    stage
        .sql(&[
            &format!("USE {database}"),
            &statement,
            "ANALYZE TABLE execution_caches",
        ])
        .await
}

async fn full(stage: Stage) -> Result<()> {
    grow(&stage, 60_000).await?;
    // One volume of 64 MB.
    let small = Weed::start(&stage.yard.tools, &["-volume.max=1"]).await?;
    let made = small.make_bucket(&stage.backups()).await;
    let order = Take {
        destination: stage.destination_at(&small.endpoint(), ADMIN),
        ..stage.take_order(1)?
    };
    drop(made);
    // This store only says that something is wrong inside it; others say what.
    let trouble = stage.take(order).await.err().context("it was not full")?;
    ensure!(
        matches!(trouble.reason, "DestinationFull" | "DestinationFailed") && trouble.retry,
        "{trouble:?}"
    );
    let keys = small.keys(&stage.backups()).await.unwrap_or_default();
    ensure!(!keys.iter().any(|key| key.ends_with("manifest.json")), "{keys:?}");
    Ok(())
}

async fn ending(stage: Stage) -> Result<()> {
    grow(&stage, 60_000).await?;
    let take = stage.take_order(1)?;
    let order = |seconds| Order {
        tell: Tell {
            namespace: "n".into(),
            name: "n".into(),
        },
        time_limit_seconds: seconds,
        task: Task::Take(Box::new(Take {
            reading: kfp_backup::order::Reading {
                bytes_per_second: 10_000_000,
                ..take.reading.clone()
            },
            ..take.clone()
        })),
    };
    failed(stage.run_order(&order(1)).await, "TimeLimit")?;
    let slow = order(0);
    let stop = async {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        stage.stop.cancel();
    };
    let (done, ()) = tokio::join!(stage.run_order(&slow), stop);
    let trouble = failed(done, "Stopped")?;
    ensure!(trouble.retry);
    let database = stage.database(Role::Cache);
    let sessions = format!(
        "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE '%{database}%' AND ID <> CONNECTION_ID()"
    );
    ensure!(stage.one(&sessions).await? == "0");
    stage.holds_no_table().await?;
    stage.has_no_set().await
}
