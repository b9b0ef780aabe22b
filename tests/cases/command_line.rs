//! PROOF (real API server): `kfpctl backup` and `kfpctl restore` against real resources. No operator runs: the test plays it.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use kfp_api::{KfpBackup, KfpRestore};
use kfp_tests::command_line::{Said, kfpctl, kfpctl_as};
use kfp_tests::world::eventually;
use kfp_tests::{World, operator};
use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

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

async fn backups(world: Arc<World>) -> Result<()> {
    let place = "command-line-backups";
    world.create_namespace(place).await?;
    let ask = |words: Vec<&'static str>| {
        let world = world.clone();
        async move { kfpctl(&world, place, &words).await }
    };
    ask(vec!["backup", "create"]).await?.ended(4)?;
    ask(vec!["backup", "list"]).await?.ended(4)?;
    world.apply(place, "kfp", spec(None)).await?;
    let said = ask(vec!["backup", "create"]).await?.ended(2)?;
    ensure!(said.err.contains("spec.backup.destination"), "{said:?}");
    world.apply(place, "kfp", spec(Some(destination()))).await?;

    let made = ask(vec!["backup", "create"]).await?.ended(0)?.out;
    let api: Api<KfpBackup> = Api::namespaced(world.client.clone(), place);
    let found = api.get(made.trim()).await?;
    ensure!(
        found.spec.installation == "kfp" && found.spec.verify == kfp_api::backup::Verify::Checksums,
        "{found:?}"
    );

    let good = waited(&world, place, &["--name", "good"], |api| async move {
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
    let bad = waited(&world, place, &["--name", "bad"], |api| async move {
        let given_up =
            json!({"completedAt": LONG_AGO, "conditions": [condition("Complete", "False", "BackupFailed")]});
        tell(&api, "bad", given_up).await
    });
    let bad = bad.await?.ended(1)?;
    ensure!(bad.err.contains("BackupFailed, says the test"), "{bad:?}");
    ask(vec!["backup", "create", "kfp", "--wait", "--timeout", "1"])
        .await?
        .ended(3)?;

    let list: Value = ask(vec!["backup", "list", "-o", "json"])
        .await?
        .ended(0)?
        .data()?;
    let names = list["backups"].as_array().context("no list")?;
    let of = |name: &str| names.iter().find(|entry| entry["name"] == name);
    ensure!(
        of("good").is_some_and(|good| good["verified"] == "True" && good["storedBytes"] == 1_000_000)
            && of("bad").is_some_and(|bad| bad["complete"] == "False" && bad["ended"] == true)
            && of(made.trim()).is_some_and(|new| new["complete"] == "Unknown"),
        "{list:#}"
    );
    let table = ask(vec!["backup", "list"]).await?.ended(0)?.out;
    ensure!(
        table.contains("s3://kfp-backups/here/kfp/20200202T020202Z-1a2b3c"),
        "{table}"
    );
    let shown = ask(vec!["backup", "show", "good"]).await?.ended(0)?.out;
    ensure!(
        shown.contains("1,234") && shown.contains("ChecksumsEqual"),
        "{shown}"
    );
    ask(vec!["backup", "show", "nobody"]).await?.ended(4)?;

    ask(vec!["backup", "verify", "bad"]).await?.ended(3)?;
    ask(vec!["backup", "verify", "good"]).await?.ended(0)?;
    let asked = api.get("good").await?.metadata.annotations.unwrap_or_default();
    ensure!(
        asked.contains_key(kfp_api::names::VERIFY_REQUESTED_ANNOTATION),
        "{asked:?}"
    );

    let silent = ask(vec!["backup", "delete", "good"]).await?.ended(2)?;
    ensure!(silent.err.contains("--yes"), "{silent:?}");
    ensure!(api.get_opt("good").await?.is_some());
    let kept = ask(vec!["backup", "delete", "bad", "--yes"]).await?.ended(0)?;
    ensure!(kept.out.contains("it has no set"), "{kept:?}");
    // Somebody holds it, so that what was asked for can be seen.
    let hold = Patch::Merge(json!({"metadata": {"finalizers": ["example.com/hold"]}}));
    api.patch("good", &PatchParams::default(), &hold).await?;
    let gone = ask(vec!["backup", "delete", "good", "--yes", "--with-data"])
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

/// What KFP's API server answers: a run that ended before the moment, one whose Workflow is there, one whose Workflow is gone.
fn runs() -> String {
    let run = |id: &str, finished: &str| json!({"run_id": id, "display_name": id, "state": "RUNNING", "created_at": "2020-01-01T00:00:00Z", "finished_at": finished});
    json!({"runs": [
        run("ended", "2020-01-01T01:00:00Z"), run("5f1c", "1970-01-01T00:00:00Z"), run("gone", "2020-03-01T00:00:00Z"),
    ]})
    .to_string()
}

/// Stands in for KFP's API server behind a Service, until it is dropped.
async fn pipelines(world: &World, place: &str) -> Result<JoinSet<()>> {
    // Of the range of Services, which is this program's, and above all that the API server gives out by itself.
    let address = "10.243.255.77";
    let listener = TcpListener::bind((address, 8888)).await?;
    let mut server = JoinSet::new();
    server.spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut asked = [0; 4096];
            let _ = client.read(&mut asked).await;
            let text = runs();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", text.len());
            let _ = client.write_all((head + &text).as_bytes()).await;
        }
    });
    let port = json!({"name": "http", "port": 8888, "protocol": "TCP"});
    let name = json!({"name": "ml-pipeline"});
    // Kubernetes' API server goes to the addresses of Endpoints, and to those of pods alone.
    for object in [
        json!({"apiVersion": "v1", "kind": "Service", "metadata": name, "spec": {"ports": [port]}}),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": name, "spec": {"containers": [{"name": "server", "image": "none"}]}}),
        json!({"apiVersion": "v1", "kind": "Endpoints", "metadata": name, "subsets": [{"ports": [port], "addresses": [
            {"ip": address, "targetRef": {"kind": "Pod", "name": "ml-pipeline", "namespace": place}},
        ]}]}),
    ] {
        let kind = object["kind"].as_str().unwrap_or_default().to_owned();
        let api = world.objects(place, "v1", &kind);
        let object: DynamicObject = serde_json::from_value(object)?;
        eventually(&format!("the {kind} is made"), || async {
            let made = api.create(&PostParams::default(), &object).await;
            Ok(Some(made.map(drop)?))
        })
        .await?;
    }
    let runs = Patch::Merge(json!({"status": {"podIP": address, "podIPs": [{"ip": address}]}}));
    world
        .objects(place, "v1", "Pod")
        .patch_status("ml-pipeline", &PatchParams::default(), &runs)
        .await?;
    Ok(server)
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
    let _server = pipelines(&world, place).await?;
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
