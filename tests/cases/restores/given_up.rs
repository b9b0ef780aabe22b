//! PROOF (real API server, real database, real object store, the Job's own program): a set that turns out to be another than it says
//! in the middle of a restore, and the way out.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kfp_backup::layout::Home;
use kfp_backup::order::{Destination, Store};
use kfp_e2e::cache::hex;
use kfp_engine::backup::destination::Place;
use kfp_engine::backup::sets;
use kfp_tests::Site;
use kfp_tests::store::PORT;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::stage::{
    BUCKET, COUNT, KEYS, SUM, ask, backup, database, location, number, objects, restored, run, runs,
    standing, wanted,
};

/// Where the sets of a site lie.
fn place(site: &Site) -> Result<(Place, Home)> {
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
    let destination = Destination {
        store,
        home: home.clone(),
    };
    Ok((Place::destination(&destination, Duration::from_secs(10))?, home))
}

/// Lets the only set of a site say another checksum of the rows of runs, with a digest that fits: its parts are whole, and what they
/// hold shows only when it was loaded.
async fn lie(site: &Site) -> Result<()> {
    let (place, home) = place(site)?;
    let set = sets::names(&place, &home).await?.pop().context("no set")?;
    let manifest = sets::manifest(&place, &home, &set, None).await?.manifest;
    let mut tables = manifest
        .databases
        .databases
        .iter()
        .flat_map(|database| &database.tables);
    let runs = tables
        .find(|table| table.name == "run_details")
        .context("the set has no runs")?;
    let (truth, lie) = (runs.rows.checksum.to_string(), "0".repeat(31) + "1");
    let text = String::from_utf8(manifest.write()?)?.replace(&truth, &lie);
    let digest = sets::digest_line(&hex(&Sha256::digest(text.as_bytes())));
    place.put(&home.manifest(&set), text).await?;
    place.put(&home.manifest_digest(&set), digest).await?;
    Ok(())
}

pub(super) async fn in_the_middle(site: Arc<Site>) -> Result<()> {
    let _stage = standing(&site).await?;
    let mut rows = database(&site).await?;
    runs(&mut rows, 1, 200, "Succeeded").await?;
    backup(&site, "good").await?;
    site.await_condition_of("KfpBackup", "good", "Verified", "True", "ChecksumsEqual")
        .await?;
    lie(&site).await?;
    run(&mut rows, "DELETE FROM run_details WHERE UUID = 'run-1'").await?;
    let sum = number(&mut rows, SUM).await?;

    // The KfpBackup knows the digest of its manifest; somebody who names the set alone does not.
    ask(&site, "known", json!({"overwrite": true})).await?;
    let told = site
        .await_condition_of("KfpRestore", "known", "Complete", "False", "SetNotFound")
        .await?;
    ensure!(told.contains("ManifestSwapped"), "{told}");
    ensure!(number(&mut rows, COUNT).await? == 199, "rows were touched");

    let source = json!({"type": "Destination", "destination": {"location": location()}});
    ask(&site, "back", json!({"source": source, "overwrite": true})).await?;
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
