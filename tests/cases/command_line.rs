//! PROOF (real API server): `kfpctl backup` and `kfpctl restore` against real resources. No operator runs: the test plays it.

mod outage;
mod restores;
mod server;

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use kfp_api::KfpBackup;
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
            restores::restores,
        ),
        Case::new(
            "a wait on the command line outlives an API server that is away",
            outage::outage,
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
    let none = ask(world, &["backup", "list"]).await?.ended(0)?;
    ensure!(
        none.out.is_empty() && none.err.contains("kfpctl backup create"),
        "{none:?}"
    );
    let none: Value = ask(world, &["backup", "list", "-o", "json"])
        .await?
        .ended(0)?
        .data()?;
    ensure!(none["backups"] == json!([]), "{none:#}");
    world.apply(BACKUPS, "kfp", spec(None)).await?;
    let said = ask(world, &["backup", "create"]).await?.ended(2)?;
    ensure!(said.err.contains("spec.backup.destination"), "{said:?}");
    world.apply(BACKUPS, "kfp", spec(Some(destination()))).await?;

    let made = ask(world, &["backup", "create", "--time-limit", "120"])
        .await?
        .ended(0)?
        .out;
    let found = api.get(made.trim()).await?;
    ensure!(
        found.spec.installation == "kfp"
            && found.spec.verify == kfp_api::backup::Verify::Checksums
            && found.spec.time_limit_seconds == 120,
        "{found:?}"
    );
    let again = ask(world, &["backup", "create", "--name", made.trim()])
        .await?
        .ended(2)?;
    ensure!(
        again.err.contains("already exists; give another --name"),
        "{again:?}"
    );
    let invalid = ask(world, &["backup", "create", "--name", "NO"])
        .await?
        .ended(2)?;
    ensure!(invalid.err.contains("does not accept it"), "{invalid:?}");
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
    let shown = ask(world, &["backup", "show", "bad", "--wait", "-o", "json"])
        .await?
        .ended(1)?;
    let data: Value = shown.data()?;
    ensure!(data["status"]["completedAt"] == LONG_AGO, "{shown:?}");
    let late: Value = ask(
        world,
        &[
            "backup",
            "create",
            "kfp",
            "--name",
            "late",
            "--wait",
            "--timeout",
            "1",
            "-o",
            "json",
        ],
    )
    .await?
    .ended(3)?
    .data()?;
    ensure!(late["metadata"]["name"] == "late", "{late:#}");
    waits_for_a_person(world).await
}

/// What waits for a person goes on by itself, which is said.
async fn waits_for_a_person(world: &World) -> Result<()> {
    let stuck = waited(
        world,
        BACKUPS,
        &["-o", "json", "--name", "stuck"],
        |api| async move {
            let conditions = [
                condition("Complete", "False", "CredentialsRefused"),
                condition("Stalled", "True", "CredentialsRefused"),
            ];
            tell(&api, "stuck", json!({"conditions": conditions})).await
        },
    );
    let stuck = stuck.await?.ended(1)?;
    let data: Value = stuck.data()?;
    ensure!(
        data["metadata"]["name"] == "stuck" && stuck.err.contains("make no other one"),
        "{stuck:?}"
    );
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
    let said = ask(world, &["backup", "verify", "good"]).await?.ended(0)?;
    ensure!(
        said.out == "good\n" && said.err.contains("only checksums are checked"),
        "{said:?}"
    );
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
    let holding = Patch::Merge(json!({"metadata": {"finalizers": ["example.com/hold"]}}));
    api.patch("good", &PatchParams::default(), &holding).await?;
    let gone = ask(world, &["backup", "delete", "good", "--yes", "--with-data"])
        .await?
        .ended(0)?;
    ensure!(
        gone.out.contains("its set is being removed from s3://"),
        "{gone:?}"
    );
    let going = api.get("good").await?;
    let held = going.metadata.finalizers.clone().unwrap_or_default();
    ensure!(
        going.metadata.deletion_timestamp.is_some()
            && held.iter().any(|held| held == kfp_api::names::BACKUP_FINALIZER)
            && going.spec.deletion_policy == kfp_api::installation::DeletionPolicy::Delete,
        "{going:?}"
    );
    let line = ["backup", "delete", "good", "--yes", "--wait", "--timeout"];
    ask(world, &[&line[..], &["1"]].concat()).await?.ended(3)?;
    let last_line = [&line[..], &["60"]].concat();
    let releasing = async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let release = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        api.patch("good", &PatchParams::default(), &release).await?;
        anyhow::Ok(())
    };
    let (said, released) = tokio::join!(ask(world, &last_line), releasing);
    released?;
    let said = said?.ended(0)?;
    ensure!(said.out.contains("its set was removed from s3://"), "{said:?}");
    ensure!(api.get_opt("good").await?.is_none() && api.get_opt("bad").await?.is_none());
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
        ensure!(
            said.err.contains("forbidden") && said.err.contains("role `view`"),
            "{said:?}"
        );
    }
    may_look(&world, place).await?;
    world.apply(place, "kfp", spec(Some(destination()))).await?;
    // A right takes a moment to be known.
    let said = eventually("it may look at installations", || async {
        let said = kfpctl_as(&world, &file, place, &["backup", "create"])
            .await?
            .ended(5)?;
        Ok((!said.err.contains("role `view`")).then_some(said))
    })
    .await?;
    ensure!(
        said.err.contains("the right to create kfpbackups") && said.err.contains("role `edit`"),
        "{said:?}"
    );
    Ok(())
}

/// Lets the namespace's account look at installations.
async fn may_look(world: &World, place: &str) -> Result<()> {
    let group = "rbac.authorization.k8s.io";
    let role = json!({"rules": [{"apiGroups": ["kfpops.dev"], "resources": ["kfpinstallations"], "verbs": ["get", "list"]}]});
    let binding = json!({
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "may-look"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": place}],
    });
    let version = format!("{group}/v1");
    for (kind, mut object) in [("Role", role), ("RoleBinding", binding)] {
        object["apiVersion"] = json!(version);
        object["kind"] = json!(kind);
        object["metadata"] = json!({"name": "may-look"});
        world
            .objects(place, &version, kind)
            .create(&PostParams::default(), &serde_json::from_value(object)?)
            .await?;
    }
    Ok(())
}
