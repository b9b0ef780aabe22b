//! PROOF (real API server): `kfpctl restore` against real resources. No operator runs: the test plays it.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use kfp_api::{KfpBackup, KfpRestore};
use kfp_tests::World;
use kfp_tests::command_line::{Said, kfpctl};
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::{LONG_AGO, complete, condition, destination, server, spec, tell};

/// Where the restores of these tests are.
const PLACE: &str = "command-line-restores";

async fn ask(world: &World, words: &[&str]) -> Result<Said> {
    kfpctl(world, PLACE, words).await
}

/// Asks with words that stand in one line.
async fn line(world: &World, words: &str) -> Result<Said> {
    ask(world, &words.split(' ').collect::<Vec<_>>()).await
}

/// An object of somebody else's kind.
async fn make(world: &World, api_version: &str, kind: &str, name: &str, labels: Value) -> Result<()> {
    let object = json!({
        "apiVersion": api_version, "kind": kind,
        "metadata": {"name": name, "namespace": PLACE, "labels": labels}, "spec": {},
    });
    world
        .objects(PLACE, api_version, kind)
        .create(&PostParams::default(), &serde_json::from_value(object)?)
        .await
        .map(drop)
        .with_context(|| format!("cannot make the {kind} {name}"))
}

/// A restore is planned, asked for and looked at.
pub async fn restores(world: Arc<World>) -> Result<()> {
    let world = &*world;
    world.apply(PLACE, "kfp", spec(Some(destination()))).await?;
    let running = Patch::Merge(json!({"status": {
        "version": "2.16.1", "endpoints": {"api": format!("http://ml-pipeline.{PLACE}.svc:8888")},
    }}));
    world
        .installations(PLACE)
        .patch_status("kfp", &PatchParams::default(), &running)
        .await?;
    let workflow = "argoproj.io/v1alpha1";
    make(
        world,
        workflow,
        "Workflow",
        "train-x2k9f",
        json!({"pipeline/runid": "5f1c"}),
    )
    .await?;
    make(world, workflow, "Workflow", "theirs", json!({})).await?;
    make(
        world,
        "kubeflow.org/v1beta1",
        "ScheduledWorkflow",
        "hourly",
        json!({}),
    )
    .await?;
    let backups: Api<KfpBackup> = Api::namespaced(world.client.clone(), PLACE);
    plans(world, &backups).await?;
    refuses(world, &backups).await?;
    names(world).await?;
    runs(world).await?;
    looks(world).await
}

/// The names of what a plan sets aside: Workflows, then recurring runs.
fn aside(plan: &Value) -> (usize, usize) {
    let number = |field: &str| plan[field].as_array().map_or(0, Vec::len);
    (number("setAside"), number("schedulesSetAside"))
}

/// What would be done is said, for each of the parts.
async fn plans(world: &World, backups: &Api<KfpBackup>) -> Result<()> {
    line(world, "backup create --name monday").await?.ended(0)?;
    line(world, "restore plan monday").await?.ended(3)?;
    tell(backups, "monday", complete()).await?;
    let refused = line(world, "restore plan monday").await?.ended(1)?;
    for word in [
        "KFP's API server cannot be",
        "REFUSED",
        "--overwrite",
        "train-x2k9f",
        "hourly",
    ] {
        ensure!(refused.out.contains(word), "no {word}: {refused:?}");
    }
    let _server = server::start(world, PLACE).await?;
    let plan: Value = line(world, "restore plan monday --overwrite -o json")
        .await?
        .ended(0)?
        .data()?;
    ensure!(
        aside(&plan) == (1, 1)
            && plan["setAside"][0]["run"] == "5f1c"
            && plan["setAside"][0]["running"] == true
            && plan["safetyBackup"] == true,
        "{plan:#}"
    );
    let closed = plan["close"].as_array().context("the server was not asked")?;
    ensure!(closed.len() == 1 && closed[0]["run"] == "gone", "{plan:#}");
    let rows: Value = line(world, "restore plan monday --overwrite --parts database -o json")
        .await?
        .ended(0)?
        .data()?;
    ensure!(aside(&rows) == (1, 0), "{rows:#}");
    let schedules: Value = line(world, "restore plan monday --parts schedules -o json")
        .await?
        .ended(0)?
        .data()?;
    let some: &Value = &schedules["objects"];
    ensure!(
        aside(&schedules) == (0, 0) && some.get("ScheduledWorkflow").is_some_and(Value::is_null),
        "{schedules:#}"
    );
    Ok(())
}

/// What the operator would refuse is refused here.
async fn refuses(world: &World, backups: &Api<KfpBackup>) -> Result<()> {
    let mut damaged = complete();
    damaged["conditions"][1] = condition("Verified", "False", "SetDamaged");
    let mut old = complete();
    old["version"] = json!("2.14.4");
    for (status, word) in [(damaged, "SetDamaged"), (old, "ReleaseDiffers")] {
        tell(backups, "monday", status).await?;
        let plan = line(world, "restore plan monday --overwrite").await?.ended(1)?;
        ensure!(plan.out.contains(word), "{plan:?}");
        let run = line(world, "restore run monday --overwrite --yes")
            .await?
            .ended(1)?;
        ensure!(run.err.contains(word), "{run:?}");
    }
    tell(backups, "monday", complete()).await?;
    let key = format!("age1{}", "q".repeat(58));
    let sealed = json!({
        "apiVersion": "kfpops.dev/v1alpha1", "kind": "KfpBackup", "metadata": {"name": "sealed"},
        "spec": {"verify": "Checksums", "installation": "kfp", "encryption": {"recipients": [key]}},
    });
    backups
        .create(&PostParams::default(), &serde_json::from_value(sealed)?)
        .await?;
    let mut other = complete();
    other["set"] = json!("20200203T020202Z-1a2b3c");
    tell(backups, "sealed", other).await?;
    let closed = line(world, "restore plan sealed --overwrite").await?.ended(1)?;
    ensure!(closed.out.contains("--key"), "{closed:?}");
    line(world, "restore plan sealed --overwrite --key age")
        .await?
        .ended(0)?;
    Ok(())
}

/// Sets that are named otherwise than by a KfpBackup.
async fn names(world: &World) -> Result<()> {
    let by_name = line(world, "restore plan --id 20200101T000000Z-aaaaaa --overwrite")
        .await?
        .ended(0)?;
    ensure!(
        by_name.out.contains("about 2020-01-01T00:00:00Z") && by_name.out.contains("train-x2k9f"),
        "{by_name:?}"
    );
    let known = line(world, "restore plan --id 20200202T020202Z-1a2b3c --overwrite")
        .await?
        .ended(0)?;
    ensure!(
        known.out.contains("1,234") && !known.out.contains("about"),
        "{known:?}"
    );
    line(world, "restore plan --id monday").await?.ended(2)?;
    let latest = line(world, "restore plan --latest").await?.ended(2)?;
    ensure!(
        latest.err.contains("--id") && latest.err.contains("kfpctl restore run --latest"),
        "{latest:?}"
    );
    line(world, "restore plan").await?.ended(2)?;
    Ok(())
}

/// A restore is asked for.
async fn runs(world: &World) -> Result<()> {
    let api: Api<KfpRestore> = Api::namespaced(world.client.clone(), PLACE);
    let none = line(world, "restore list").await?.ended(0)?;
    ensure!(
        none.out.is_empty() && none.err.contains("kfpctl restore run"),
        "{none:?}"
    );
    line(world, "restore run monday --yes").await?.ended(1)?;
    line(world, "restore run monday --overwrite").await?.ended(2)?;
    ensure!(api.list(&ListParams::default()).await?.items.is_empty());
    line(
        world,
        "restore run monday --overwrite --yes --name back --time-limit 600",
    )
    .await?
    .ended(0)?;
    let back = api.get("back").await?.spec;
    ensure!(
        back.overwrite
            && back.time_limit_seconds == 600
            && back
                .source
                .backup_ref
                .is_some_and(|backup| backup.name == "monday"),
        "another restore was asked for"
    );
    line(world, "restore run --latest --yes --overwrite --name newest")
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

/// What was asked for is listed and shown, and can be waited for again.
async fn looks(world: &World) -> Result<()> {
    let api: Api<KfpRestore> = Api::namespaced(world.client.clone(), PLACE);
    let list: Value = line(world, "restore list -o json").await?.ended(0)?.data()?;
    let entries = list["restores"].as_array().context("no list")?;
    ensure!(
        entries.len() == 2 && entries.iter().any(|entry| entry["from"] == "KfpBackup monday"),
        "{list:#}"
    );
    line(world, "restore show nobody").await?.ended(4)?;
    let fresh = line(world, "restore show back").await?.ended(0)?;
    ensure!(
        fresh.out.contains("the operator has not looked at it yet"),
        "{fresh:?}"
    );
    let waiting = line(world, "restore show back --wait");
    let playing = async {
        let mut status = json!({"startedAt": LONG_AGO, "progress": {"stage": "Loading"},
            "conditions": [condition("Complete", "False", "Restoring")]});
        for _ in 0..2 {
            let patch = Patch::Merge(json!({"status": status}));
            api.patch_status("back", &PatchParams::default(), &patch).await?;
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            status = json!({"completedAt": LONG_AGO, "progress": null, "restored": {"rows": 1234},
                "conditions": [condition("Complete", "True", "Restored")]});
        }
        anyhow::Ok(())
    };
    let (shown, played) = tokio::join!(waiting, playing);
    played?;
    let shown = shown?.ended(0)?;
    ensure!(
        shown.out.contains("1,234 rows") && shown.err.contains("Loading"),
        "{shown:?}"
    );
    let table = line(world, "restore list").await?.ended(0)?.out;
    ensure!(
        table.contains("complete") && table.contains("under way"),
        "{table}"
    );
    Ok(())
}
