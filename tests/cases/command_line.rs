//! PROOF (real API server): `kfpctl backup` and `kfpctl restore` against real resources. No operator runs: the test plays it.

mod server;

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use kfp_api::{KfpBackup, KfpRestore};
use kfp_tests::command_line::{Said, kfpctl, kfpctl_as};
use kfp_tests::world::eventually;
use kfp_tests::{World, operator};
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::Case;

/// A moment long past, in which nothing of a test had begun.
const LONG_AGO: &str = "2020-02-02T02:02:02Z";

/// What somebody does at a terminal or in a script.
pub fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "a backup is made, waited for, listed, shown, verified and deleted from the command line",
            backups,
        ),
        Case::new(
            "a restore is planned and asked for from the command line",
            restores,
        ),
        Case::new("whoever may not look at backups is told so", forbidden),
    ]
}

fn spec(backup: Option<Value>) -> Value {
    let mut spec = json!({"version": "2.16.1"});
    if let Some(backup) = backup {
        spec["backup"] = backup;
    }
    spec
}

fn destination() -> Value {
    json!({
        "destination": {"type": "S3", "s3": {"bucket": "kfp-backups"}, "credentials": {"name": "backups"}},
        "verify": "Checksums", "retention": {"daily": 7},
    })
}

fn condition(kind: &str, status: &str, reason: &str) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": format!("{reason}, says the test"),
           "lastTransitionTime": LONG_AGO})
}

/// Plays the operator.
async fn tell(api: &Api<KfpBackup>, name: &str, status: Value) -> Result<()> {
    let patch = Patch::Merge(json!({"status": status}));
    api.patch_status(name, &PatchParams::default(), &patch)
        .await
        .with_context(|| format!("cannot tell of {name}"))?;
    Ok(())
}

fn complete() -> Value {
    json!({
        "startedAt": LONG_AGO, "completedAt": LONG_AGO, "instant": LONG_AGO, "version": "2.16.1", "progress": null,
        "set": "20200202T020202Z-1a2b3c", "location": "s3://kfp-backups/here/kfp/20200202T020202Z-1a2b3c",
        "bytes": 4_000_000, "storedBytes": 1_000_000, "rows": 1234, "objects": 3,
        "conditions": [condition("Complete", "True", "SetComplete"), condition("Verified", "True", "ChecksumsEqual")],
    })
}

/// Waits for a backup while `play` plays the operator.
async fn waited<F: Future<Output = Result<()>>>(
    world: &World,
    place: &str,
    words: &[&str],
    play: impl FnOnce(Api<KfpBackup>) -> F,
) -> Result<Said> {
    let api: Api<KfpBackup> = Api::namespaced(world.client.clone(), place);
    let name = words.last().copied().unwrap_or_default();
    let playing = async {
        eventually("the backup is made", || async { Ok(api.get_opt(name).await?) }).await?;
        play(api.clone()).await
    };
    let line = [&["backup", "create", "kfp", "--wait"], words].concat();
    let (said, played) = tokio::join!(kfpctl(world, place, &line), playing);
    played?;
    said
}

/// Where the backups of these tests are.
const BACKUPS: &str = "command-line-backups";

async fn ask(world: &World, words: &[&str]) -> Result<Said> {
    kfpctl(world, BACKUPS, words).await
}

async fn backups(world: Arc<World>) -> Result<()> {
    let world = &*world;
    let api: Api<KfpBackup> = Api::namespaced(world.client.clone(), BACKUPS);
    let made = makes(world, &api).await?;
    waits(world).await?;
    lists(world, &made).await?;
    verifies(world, &api).await?;
    deletes(world, &api).await
}

/// One is made where there is an installation that says where to.
async fn makes(world: &World, api: &Api<KfpBackup>) -> Result<String> {
    world.create_namespace(BACKUPS).await?;
    ask(world, &["backup", "create"]).await?.ended(4)?;
    ask(world, &["backup", "list"]).await?.ended(4)?;
    world.apply(BACKUPS, "kfp", spec(None)).await?;
    let said = ask(world, &["backup", "create"]).await?.ended(2)?;
    ensure!(said.err.contains("spec.backup.destination"), "{said:?}");
    world.apply(BACKUPS, "kfp", spec(Some(destination()))).await?;

    let made = ask(world, &["backup", "create"]).await?.ended(0)?.out;
    let found = api.get(made.trim()).await?;
    ensure!(
        found.spec.installation == "kfp" && found.spec.verify == kfp_api::backup::Verify::Checksums,
        "{found:?}"
    );
    Ok(made.trim().to_owned())
}

/// A wait shows how far it is, and ends as the backup does.
async fn waits(world: &World) -> Result<()> {
    let good = waited(world, BACKUPS, &["--name", "good"], |api| async move {
        let progress =
            json!({"stage": "Databases", "bytes": 2_000_000, "totalBytes": 4_000_000, "rows": 600});
        let begun =
            json!({"progress": progress, "conditions": [condition("Complete", "Unknown", "Progressing")]});
        tell(&api, "good", begun).await?;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        tell(&api, "good", complete()).await
    });
    let good = good.await?.ended(0)?;
    ensure!(
        good.out == "good\n" && good.err.contains("Databases: 50 %"),
        "{good:?}"
    );
    let bad = waited(world, BACKUPS, &["--name", "bad"], |api| async move {
        let given_up =
            json!({"completedAt": LONG_AGO, "conditions": [condition("Complete", "False", "BackupFailed")]});
        tell(&api, "bad", given_up).await
    });
    let bad = bad.await?.ended(1)?;
    ensure!(bad.err.contains("BackupFailed, says the test"), "{bad:?}");
    ask(world, &["backup", "create", "kfp", "--wait", "--timeout", "1"])
        .await?
        .ended(3)?;
    Ok(())
}

/// The list and one alone say what is known.
async fn lists(world: &World, made: &str) -> Result<()> {
    let list: Value = ask(world, &["backup", "list", "-o", "json"])
        .await?
        .ended(0)?
        .data()?;
    let names = list["backups"].as_array().context("no list")?;
    let of = |name: &str| names.iter().find(|entry| entry["name"] == name);
    ensure!(
        of("good").is_some_and(|good| good["verified"] == "True" && good["storedBytes"] == 1_000_000)
            && of("bad").is_some_and(|bad| bad["complete"] == "False" && bad["ended"] == true)
            && of(made).is_some_and(|new| new["complete"] == "Unknown"),
        "{list:#}"
    );
    let table = ask(world, &["backup", "list"]).await?.ended(0)?.out;
    ensure!(
        table.contains("s3://kfp-backups/here/kfp/20200202T020202Z-1a2b3c"),
        "{table}"
    );
    let shown = ask(world, &["backup", "show", "good"]).await?.ended(0)?.out;
    ensure!(
        shown.contains("1,234") && shown.contains("ChecksumsEqual"),
        "{shown}"
    );
    ask(world, &["backup", "show", "nobody"]).await?.ended(4)?;
    Ok(())
}

/// Only what is complete can be verified again.
async fn verifies(world: &World, api: &Api<KfpBackup>) -> Result<()> {
    ask(world, &["backup", "verify", "bad"]).await?.ended(3)?;
    ask(world, &["backup", "verify", "good"]).await?.ended(0)?;
    let asked = api.get("good").await?.metadata.annotations.unwrap_or_default();
    ensure!(
        asked.contains_key(kfp_api::names::VERIFY_REQUESTED_ANNOTATION),
        "{asked:?}"
    );
    Ok(())
}

/// Nothing is deleted without a yes, and what becomes of the set is said.
async fn deletes(world: &World, api: &Api<KfpBackup>) -> Result<()> {
    let silent = ask(world, &["backup", "delete", "good"]).await?.ended(2)?;
    ensure!(silent.err.contains("--yes"), "{silent:?}");
    ensure!(api.get_opt("good").await?.is_some());
    let kept = ask(world, &["backup", "delete", "bad", "--yes"])
        .await?
        .ended(0)?;
    ensure!(kept.out.contains("it has no set"), "{kept:?}");
    // Somebody holds it, so that what was asked for can be seen.
    let hold = Patch::Merge(json!({"metadata": {"finalizers": ["example.com/hold"]}}));
    api.patch("good", &PatchParams::default(), &hold).await?;
    let gone = ask(world, &["backup", "delete", "good", "--yes", "--with-data"])
        .await?
        .ended(0)?;
    ensure!(gone.out.contains("its set is removed from s3://"), "{gone:?}");
    let going = api.get("good").await?;
    ensure!(
        going.metadata.deletion_timestamp.is_some()
            && going.spec.deletion_policy == kfp_api::installation::DeletionPolicy::Delete,
        "{going:?}"
    );
    let release = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    api.patch("good", &PatchParams::default(), &release).await?;
    ensure!(api.get_opt("bad").await?.is_none());
    Ok(())
}

/// A Workflow of a run, and one that is nobody's.
async fn workflow(world: &World, place: &str, name: &str, run: Option<&str>) -> Result<()> {
    let labels = run.map(|run| json!({"pipeline/runid": run}));
    let object = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
        "metadata": {"name": name, "namespace": place, "labels": labels}, "spec": {},
    });
    world
        .objects(place, "argoproj.io/v1alpha1", "Workflow")
        .create(&PostParams::default(), &serde_json::from_value(object)?)
        .await
        .map(drop)
        .with_context(|| format!("cannot make the Workflow {name}"))
}

async fn restores(world: Arc<World>) -> Result<()> {
    let place = "command-line-restores";
    world.apply(place, "kfp", spec(Some(destination()))).await?;
    let running = Patch::Merge(json!({"status": {
        "version": "2.16.1", "endpoints": {"api": format!("http://ml-pipeline.{place}.svc:8888")},
    }}));
    let installations = world.installations(place);
    installations
        .patch_status("kfp", &PatchParams::default(), &running)
        .await?;
    workflow(&world, place, "train-x2k9f", Some("5f1c")).await?;
    workflow(&world, place, "theirs", None).await?;
    let ask = |words: Vec<&'static str>| {
        let world = world.clone();
        async move { kfpctl(&world, place, &words).await }
    };
    ask(vec!["backup", "create", "--name", "monday"])
        .await?
        .ended(0)?;
    ask(vec!["restore", "plan", "monday"]).await?.ended(3)?;
    let api: Api<KfpBackup> = Api::namespaced(world.client.clone(), place);
    tell(&api, "monday", complete()).await?;

    let refused = ask(vec!["restore", "plan", "monday"]).await?.ended(1)?;
    ensure!(
        refused.out.contains("KFP's API server cannot be")
            && refused.out.contains("REFUSED")
            && refused.out.contains("--overwrite")
            && refused.out.contains("train-x2k9f"),
        "{refused:?}"
    );
    let _server = server::start(&world, place).await?;
    let plan: Value = ask(vec!["restore", "plan", "monday", "--overwrite", "-o", "json"])
        .await?
        .ended(0)?
        .data()?;
    let aside = plan["setAside"].as_array().context("nothing is set aside")?;
    ensure!(
        aside.len() == 1
            && aside[0]["run"] == "5f1c"
            && aside[0]["running"] == true
            && plan["safetyBackup"] == true,
        "{plan:#}"
    );
    let closed = plan["close"].as_array().context("the server was not asked")?;
    ensure!(closed.len() == 1 && closed[0]["run"] == "gone", "{plan:#}");
    ask(vec!["restore", "plan", "--latest"]).await?.ended(2)?;
    ask(vec!["restore", "plan"]).await?.ended(2)?;

    let api: Api<KfpRestore> = Api::namespaced(world.client.clone(), place);
    ask(vec!["restore", "run", "monday", "--yes"]).await?.ended(1)?;
    ask(vec!["restore", "run", "monday", "--overwrite"])
        .await?
        .ended(2)?;
    ensure!(
        api.list(&kube::api::ListParams::default())
            .await?
            .items
            .is_empty()
    );
    ask(vec![
        "restore",
        "run",
        "monday",
        "--overwrite",
        "--yes",
        "--name",
        "back",
    ])
    .await?
    .ended(0)?;
    let back = api.get("back").await?;
    ensure!(
        back.spec.overwrite
            && back
                .spec
                .source
                .backup_ref
                .is_some_and(|backup| backup.name == "monday"),
        "another restore was asked for"
    );
    ask(vec![
        "restore",
        "run",
        "--latest",
        "--yes",
        "--overwrite",
        "--name",
        "newest",
    ])
    .await?
    .ended(0)?;
    let newest = api.get("newest").await?.spec.source;
    ensure!(
        newest
            .destination
            .is_some_and(|there| there.location.s3.is_some_and(|s3| s3.bucket == "kfp-backups")),
        "another source was asked for"
    );
    Ok(())
}

async fn forbidden(world: Arc<World>) -> Result<()> {
    let place = "command-line-forbidden";
    world.create_namespace(place).await?;
    eventually("the namespace's account is there", || async {
        let accounts = world.objects(place, "v1", "ServiceAccount");
        Ok(accounts.get_opt("default").await?)
    })
    .await?;
    let token = operator::token(&world, place, "default").await?;
    let kubeconfig = operator::kubeconfig(&world, world.control_plane.server(), &token);
    let file = world.control_plane.folder().join("nobody.kubeconfig");
    std::fs::write(&file, kubeconfig.to_string())?;
    for words in [
        &["backup", "list"][..],
        &["backup", "show", "good"],
        &["restore", "plan", "good"],
        &["inventory"],
    ] {
        let said = kfpctl_as(&world, &file, place, words).await?.ended(5)?;
        ensure!(said.err.contains("forbidden"), "{said:?}");
    }
    Ok(())
}
