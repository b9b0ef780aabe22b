//! PROOF (real API server, real database, real object store, the Job's own program): a set that turns out damaged in the middle of
//! a restore, and the way out.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kfp_backup::layout::Home;
use kfp_backup::order::{Destination, Store};
use kfp_engine::backup::destination::Place;
use kfp_tests::Site;
use kfp_tests::store::PORT;
use serde_json::json;

use super::stage::{
    BUCKET, COUNT, KEYS, SUM, ask, backup, database, number, objects, restored, run, runs, standing, wanted,
};

/// Removes the part with the rows of runs from the only set of a site.
async fn damage(site: &Site) -> Result<()> {
    let store = Store::S3 {
        endpoint: Some(format!("http://127.0.0.1:{PORT}")),
        region: "us-east-1".into(),
        bucket: BUCKET.into(),
        path_style: true,
        access_key_id: Some(KEYS.0.into()),
        secret_access_key: Some(KEYS.1.into()),
        session_token: None,
        certificates: None,
    };
    let home = Home {
        prefix: "tests".into(),
        namespace: site.name.clone(),
        installation: site.name.clone(),
    };
    let folder = home.folder();
    let place = Place::destination(&Destination { store, home }, Duration::from_secs(10))?;
    let mut parts = Vec::new();
    let listing = place.list(&folder, |found| {
        parts.push(found.location.to_string());
        Ok(())
    });
    listing.await?;
    parts.retain(|key| key.contains("/run_details."));
    ensure!(!parts.is_empty(), "the set has no rows of runs");
    for key in parts {
        ensure!(place.delete(&key).await?, "{key} stayed");
    }
    Ok(())
}

pub(super) async fn in_the_middle(site: Arc<Site>) -> Result<()> {
    let _stage = standing(&site).await?;
    let mut rows = database(&site).await?;
    runs(&mut rows, 1, 200, "Succeeded").await?;
    backup(&site, "good").await?;
    damage(&site).await?;
    run(&mut rows, "DELETE FROM run_details WHERE UUID = 'run-1'").await?;
    let sum = number(&mut rows, SUM).await?;

    ask(&site, "back", json!({"overwrite": true})).await?;
    let told = site
        .await_condition_of("KfpRestore", "back", "Complete", "False", "RestoreIncomplete")
        .await?;
    ensure!(told.contains("not whole"), "{told}");
    let told = site
        .await_condition("Stalled", "True", "RestoreIncomplete")
        .await?;
    ensure!(
        told.contains("KfpRestore back") && told.contains("overwrite: true"),
        "{told}"
    );
    ensure!(
        wanted(&site).await? == 0,
        "something was started on half of a database"
    );

    // What was there before is in the safety backup, and comes back from it.
    let status = objects(&site, "KfpRestore").get("back").await?.data["status"].clone();
    let safety = status["safetyBackup"].as_str().context("no safety backup")?;
    ensure!(told.contains(safety), "{told}");
    let source = json!({"type": "BackupRef", "backupRef": {"name": safety}});
    ask(&site, "back-again", json!({"source": source, "overwrite": true})).await?;
    let status = restored(&site, "back-again").await?;
    ensure!(
        status["safetyBackup"].is_null(),
        "half of a database was backed up: {status:#}"
    );
    site.await_condition("Ready", "True", "AllReady").await?;
    let mut rows = database(&site).await?;
    ensure!(
        number(&mut rows, COUNT).await? == 199 && number(&mut rows, SUM).await? == sum,
        "other rows than before"
    );
    Ok(())
}
