//! PROOF (real API server, real database, real object store, the Job's own program): a backup is taken, restored into a scratch
//! server to verify it, found out when it is damaged, and removed; killed programs leave nothing behind.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kfp_backup::layout::Home;
use kfp_backup::order::{Destination, Store as SetStore};
use kfp_engine::backup::destination::Place;
use kfp_tests::Site;
use kfp_tests::hand::{Hand, Plays};
use kfp_tests::jobs::{JobHand, JobPlays};
use kfp_tests::operator::Operator;
use kfp_tests::pods::services;
use kfp_tests::store::{PORT, Store};
use kfp_tests::world::eventually;
use kube::ResourceExt as _;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

use super::Case;
use super::install::spec;
use super::secrets::value;

/// The whole life of a set, and one that was interrupted.
pub fn cases() -> Vec<Case> {
    vec![
        Case::at(
            "program-life",
            "a backup is verified by restoring it, found out when it is damaged, and removed with its set",
            life,
        ),
        Case::at(
            "program-killed",
            "a backup whose program was killed is begun anew, and leaves no remains",
            killed,
        ),
        Case::at(
            "program-scratch",
            "a backup is verified on a server that it names, once its credentials are open",
            named_server,
        ),
        Case::at(
            "program-own-store",
            "a destination inside the installation's own store is refused",
            own_store,
        ),
    ]
}

const KEYS: (&str, &str) = ("AKIDPROGRAMS", "very-secret-key-of-the-programs");
const BUCKET: &str = "backups";

async fn store(site: &Site) -> Result<&Store> {
    site.world
        .store
        .get_or_try_init(|| Store::start(&site.world))
        .await
}

fn destination(endpoint: &str, bucket: &str) -> Value {
    json!({
        "type": "S3", "s3": {"bucket": bucket, "endpoint": endpoint}, "prefix": "tests", "credentials": {"name": "backups"},
    })
}

async fn standing(site: &Arc<Site>, at: Value) -> Result<(Operator, Hand, JobHand)> {
    let store = store(site).await?;
    store.admit("programs", KEYS.0, KEYS.1).await?;
    store.bucket(BUCKET).await?;
    let data = json!({"accessKeyID": KEYS.0, "secretAccessKey": KEYS.1});
    site.credentials("backups", &site.name, data).await?;
    let playing = (
        site.operator().await?,
        site.hand(Plays::servers()),
        site.jobs(JobPlays::Program),
    );
    let mut spec = spec("2.16.1");
    spec["backup"] = json!({"destination": at});
    site.apply(spec).await?;
    site.await_condition("Ready", "True", "AllReady").await?;
    Ok(playing)
}

async fn make(site: &Site, name: &str, rest: Value) -> Result<String> {
    let mut spec = json!({"installation": site.name});
    for (key, value) in rest.as_object().context("no object")? {
        spec[key] = value.clone();
    }
    let made = site
        .create("kfpops.dev/v1alpha1", "KfpBackup", name, json!({"spec": spec}))
        .await?;
    made.uid().context("no uid")
}

async fn status(site: &Site, name: &str) -> Result<Value> {
    let api = site.world.objects(&site.name, "kfpops.dev/v1alpha1", "KfpBackup");
    Ok(api.get(name).await?.data["status"].clone())
}

/// The bucket of sets, with credentials that may do all.
fn place() -> Result<Place> {
    let home = Home {
        prefix: String::new(),
        namespace: String::new(),
        installation: String::new(),
    };
    let store = SetStore::S3 {
        endpoint: Some(format!("http://127.0.0.1:{PORT}")),
        region: "us-east-1".into(),
        bucket: BUCKET.into(),
        path_style: true,
        access_key_id: Some(KEYS.0.into()),
        secret_access_key: Some(KEYS.1.into()),
        session_token: None,
        certificates: None,
    };
    Ok(Place::destination(
        &Destination { store, home },
        Duration::from_secs(10),
    )?)
}

/// Keys below the folder of the installation's sets.
async fn keys(site: &Site) -> Result<Vec<String>> {
    let mut keys = Vec::new();
    let folder = format!("tests/{0}/{0}", site.name);
    let place = place()?;
    let listing = place.list(&folder, |found| {
        keys.push(found.location.to_string());
        Ok(())
    });
    listing.await?;
    Ok(keys)
}

async fn life(site: Arc<Site>) -> Result<()> {
    let (operator, _hand, _jobs) =
        standing(&site, destination(&format!("http://127.0.0.1:{PORT}"), BUCKET)).await?;
    make(&site, "now", json!({"deletionPolicy": "Delete"})).await?;
    site.await_condition_of("KfpBackup", "now", "Verified", "True", "RestoredEqual")
        .await?;
    let found = status(&site, "now").await?;
    ensure!(
        found["rows"].as_i64() > Some(0) && found["objects"].as_i64() > Some(0),
        "{found:#}"
    );
    let checked = &found["verification"];
    ensure!(
        checked["kind"] == "Restore" && checked["tables"].as_i64() >= Some(10),
        "{checked:#}"
    );
    ensure!(checked["rows"] == found["rows"], "{checked:#}");
    let held = keys(&site).await?;
    let set = found["set"].as_str().context("no set")?;
    ensure!(
        held.iter()
            .any(|key| key.ends_with(&format!("{set}/manifest.json"))),
        "{held:?}"
    );

    // Somebody changes a part, and somebody asks.
    let part = held
        .iter()
        .find(|key| key.contains("/databases/"))
        .context("no part of a database")?;
    place()?.put(part, "nonsense").await?;
    let ask =
        json!({"metadata": {"annotations": {"kfpops.dev/verify-requested-at": "2100-01-01T00:00:00Z"}}});
    let api = site.world.objects(&site.name, "kfpops.dev/v1alpha1", "KfpBackup");
    api.patch("now", &PatchParams::default(), &Patch::Merge(ask))
        .await?;
    let told = site
        .await_condition_of("KfpBackup", "now", "Verified", "False", "SetDamaged")
        .await?;
    let name = part.rsplit_once("/databases/").map_or("", |(_, name)| name);
    ensure!(told.contains(name), "{told} does not name {name}");
    site.await_condition("BackupFresh", "False", "BackupNone").await?;

    api.delete("now", &DeleteParams::background()).await?;
    eventually("the backup is gone with its set", || async {
        Ok((api.get_opt("now").await?.is_none() && keys(&site).await?.is_empty()).then_some(()))
    })
    .await?;
    ensure!(
        !operator.log()?.contains(KEYS.1),
        "the operator's log holds a key"
    );
    Ok(())
}

async fn killed(site: Arc<Site>) -> Result<()> {
    let (_operator, _hand, jobs) =
        standing(&site, destination(&format!("http://127.0.0.1:{PORT}"), BUCKET)).await?;
    let uid = make(&site, "now", json!({"verify": "Checksums"})).await?;
    let job = format!("kfp-take-{uid}");
    eventually("its program runs, and is killed", || async {
        Ok(jobs.kill(&job).then_some(()))
    })
    .await?;
    site.await_condition_of("KfpBackup", "now", "Verified", "True", "ChecksumsEqual")
        .await?;
    eventually("remains are removed", || async {
        let found = status(&site, "now").await?;
        Ok((found["attempts"].as_i64() < Some(2) || found["remainsRemoved"] == true).then_some(()))
    })
    .await?;
    let attempts: std::collections::BTreeSet<String> = keys(&site)
        .await?
        .iter()
        .filter_map(|key| Some(key.split_once("/databases/")?.0.to_owned()))
        .collect();
    ensure!(attempts.len() == 1, "{attempts:?}");
    Ok(())
}

async fn named_server(site: Arc<Site>) -> Result<()> {
    let (_operator, _hand, _jobs) =
        standing(&site, destination(&format!("http://127.0.0.1:{PORT}"), BUCKET)).await?;
    let host = services(&site)
        .await?
        .remove("mysql")
        .context("no Service mysql")?;
    let server = json!({"host": host, "credentials": {"name": "scratch"}, "databasePrefix": "checks"});
    let uid = make(
        &site,
        "now",
        json!({"scratch": {"type": "Server", "server": server}}),
    )
    .await?;
    let told = site
        .await_condition_of("KfpBackup", "now", "Verified", "Unknown", "CredentialsRefused")
        .await?;
    ensure!(told.contains("Secret scratch"), "{told}");
    let password = value(&site, "mysql-root-secret", "password").await?;
    let data = json!({"username": "root", "password": password});
    site.credentials("scratch", &site.name, data).await?;
    site.await_condition_of("KfpBackup", "now", "Verified", "True", "RestoredEqual")
        .await?;
    let jobs = site.world.objects(&site.lease_namespace(), "batch/v1", "Job");
    let job = jobs.get(&format!("kfp-verify-{uid}")).await?;
    let beside = &job.data["spec"]["template"]["spec"]["initContainers"];
    ensure!(
        beside.as_array().is_none_or(Vec::is_empty),
        "a server stands beside the Job: {beside}"
    );
    Ok(())
}

async fn own_store(site: Arc<Site>) -> Result<()> {
    let own = format!("http://seaweedfs.{}.svc:9000", site.name);
    let (_operator, _hand, _jobs) = standing(&site, destination(&own, "mlpipeline")).await?;
    make(&site, "now", json!({})).await?;
    let told = site
        .await_condition_of("KfpBackup", "now", "Stalled", "True", "BackupFailed")
        .await?;
    ensure!(told.starts_with("DestinationInsideInstallation"), "{told}");
    Ok(())
}
