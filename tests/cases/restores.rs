//! PROOF (real API server, real database, real object store, the Job's own program): a backup is put back, interrupted, refused,
//! and a new installation begins with one.

mod given_up;
mod stage;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kfp_tests::Site;
use kfp_tests::world::eventually;
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams};
use serde_json::json;

use self::stage::{
    COUNT, KEYS, SUM, ask, backup, database, location, number, objects, restored, run, runs, schedule, stage,
    standing, wanted, workflow, workflows,
};
use super::Case;
use super::install::spec;

/// Put back whole, gone on with after kills, refused with a reason, and from nothing but the bucket.
pub fn cases() -> Vec<Case> {
    vec![
        Case::at(
            "restore-whole",
            "a restore puts rows, objects and runs back, keeps what it replaces, and lets all run again",
            whole,
        ),
        Case::at(
            "restore-killed",
            "a restore goes on after its program and its operator were killed",
            killed,
        ),
        Case::at(
            "restore-refused",
            "a restore that would replace rows without leave, or finds no set, touches nothing",
            refused,
        ),
        Case::at(
            "restore-begin",
            "a new installation in another namespace begins with a restore, from nothing but the bucket",
            begins,
        ),
        Case::at(
            "restore-none",
            "an installation that is to begin with a restore of what is not there starts nothing, and says why",
            begins_with_nothing,
        ),
        Case::at(
            "restore-given-up",
            "a restore that gives up in the middle keeps what writes stopped until another one is complete",
            given_up::in_the_middle,
        ),
    ]
}

async fn whole(site: Arc<Site>) -> Result<()> {
    let stage = standing(&site).await?;
    let mut rows = database(&site).await?;
    runs(&mut rows, 1, 500, "Succeeded").await?;
    run(
        &mut rows,
        "UPDATE run_details SET State = 'RUNNING', Conditions = 'Running' WHERE UUID = 'run-7'",
    )
    .await?;
    site.create(
        "kubeflow.org/v1beta1",
        "ScheduledWorkflow",
        "nightly",
        json!({"spec": {"enabled": false, "trigger": {"cronSchedule": {"cron": "0 2 * * *"}}}}),
    )
    .await?;
    workflow(&site, "old", "run-3").await?;
    let sum = number(&mut rows, SUM).await?;
    backup(&site, "good").await?;

    // What nobody wants to keep.
    run(&mut rows, "DELETE FROM run_details WHERE UUID <> 'run-1'").await?;
    runs(&mut rows, 1000, 20, "Succeeded").await?;
    schedule(&site)
        .delete("nightly", &DeleteParams::default())
        .await?;
    workflow(&site, "young", "run-1001").await?;
    drop(rows);

    ask(&site, "back", json!({"overwrite": true})).await?;
    site.await_condition("Ready", "False", "Restoring").await?;
    eventually("everything that writes is stopped", || async {
        Ok((wanted(&site).await? == 0).then_some(()))
    })
    .await?;
    for stays in ["mysql", "seaweedfs"] {
        let found = site.get("Deployment", stays).await?.context("gone")?;
        ensure!(found.data["spec"]["replicas"] == 1, "{stays} was stopped");
    }
    let status = restored(&site, "back").await?;
    site.await_condition("Ready", "True", "AllReady").await?;
    ensure!(wanted(&site).await? == 6, "not everything was started again");

    let mut rows = database(&site).await?;
    ensure!(
        number(&mut rows, COUNT).await? == 500 && number(&mut rows, SUM).await? == sum,
        "other rows"
    );
    let closed = "SELECT COUNT(*) FROM run_details WHERE UUID = 'run-7' AND State = 'FAILED'";
    ensure!(
        number(&mut rows, closed).await? == 1,
        "a run without a Workflow still runs"
    );
    ensure!(
        status["restored"]["runsClosed"] == 1 && status["restored"]["workflowsSetAside"] == 1,
        "{status:#}"
    );
    ensure!(
        status["restored"]["rows"].as_i64().unwrap_or_default() >= 500,
        "{status:#}"
    );
    schedule(&site)
        .get("nightly")
        .await
        .context("the recurring run is not back")?;
    workflows(&site)
        .get("old")
        .await
        .context("a Workflow with a row went")?;
    ensure!(
        workflows(&site).get_opt("young").await?.is_none(),
        "a Workflow without a row stayed"
    );

    // What was replaced is in a backup, and what the Job might do is taken away.
    let safety = status["safetyBackup"].as_str().context("no safety backup")?;
    site.await_condition_of("KfpBackup", safety, "Complete", "True", "SetComplete")
        .await?;
    let bindings = site
        .world
        .objects(&site.name, "rbac.authorization.k8s.io/v1", "RoleBinding");
    eventually("the Job's rights are taken away", || async {
        Ok(bindings
            .get_opt("kfp-operator-jobs-restore")
            .await?
            .is_none()
            .then_some(()))
    })
    .await?;
    eventually("the restore is marked as over and let go", || async {
        let done = objects(&site, "KfpRestore").get("back").await?;
        let over = done.annotations().contains_key("kfpops.dev/ended") && done.finalizers().is_empty();
        Ok(over.then_some(()))
    })
    .await?;
    let labels = format!("namespace=\"{0}\",name=\"{0}\",result=\"Complete\"", site.name);
    let counted = stage
        .operator
        .count(&format!("kfp_operator_restores_total{{{labels}}}"))
        .await?;
    ensure!((counted - 1.0).abs() < 0.1, "{counted} restores were counted");
    ensure!(!stage.operator.log()?.contains(KEYS.1), "the log holds a key");
    Ok(())
}

async fn killed(site: Arc<Site>) -> Result<()> {
    let stage = standing(&site).await?;
    let mut rows = database(&site).await?;
    runs(&mut rows, 1, 40_000, "Succeeded").await?;
    let sum = number(&mut rows, SUM).await?;
    backup(&site, "good").await?;
    run(&mut rows, "DELETE FROM run_details WHERE UUID <> 'run-1'").await?;
    drop(rows);

    let made = ask(&site, "back", json!({"overwrite": true, "safetyBackup": "Skip"})).await?;
    let job = format!("kfp-restore-{}", made.uid().context("no uid")?);
    eventually("the program works, and is killed", || async {
        Ok(stage.jobs.kill(&job).then_some(()))
    })
    .await?;
    // The operator goes in the middle; the Job does not care.
    stage.operator.kill().await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    ensure!(
        wanted(&site).await? == 0,
        "something was started in the middle of a restore"
    );
    let operator = site.operator().await?;
    restored(&site, "back").await?;
    site.await_condition("Ready", "True", "AllReady").await?;
    let mut rows = database(&site).await?;
    ensure!(
        number(&mut rows, COUNT).await? == 40_000 && number(&mut rows, SUM).await? == sum,
        "other rows"
    );
    drop(operator);
    Ok(())
}

async fn refused(site: Arc<Site>) -> Result<()> {
    let stage = standing(&site).await?;
    let mut rows = database(&site).await?;
    runs(&mut rows, 1, 10, "Succeeded").await?;
    backup(&site, "good").await?;
    let before = site.writes()?.len();

    ask(&site, "no-leave", json!({})).await?;
    let told = site
        .await_condition_of("KfpRestore", "no-leave", "Complete", "False", "NotEmpty")
        .await?;
    ensure!(told.contains("overwrite"), "{told}");
    ask(
        &site,
        "no-backup",
        json!({"source": {"type": "BackupRef", "backupRef": {"name": "nobody"}}}),
    )
    .await?;
    site.await_condition_of("KfpRestore", "no-backup", "Complete", "False", "SetNotFound")
        .await?;
    let source = json!({"type": "Destination", "destination": {
        "location": location(), "set": {"type": "Before", "before": "2020-01-01T00:00:00Z"},
    }});
    ask(&site, "too-early", json!({"source": source, "overwrite": true})).await?;
    let told = site
        .await_condition_of("KfpRestore", "too-early", "Complete", "False", "SetNotFound")
        .await?;
    ensure!(told.contains("2020-01-01"), "{told}");
    let mut closed = location();
    closed["credentials"] = json!({"name": "of-others"});
    let source = json!({"type": "Destination", "destination": {"location": closed}});
    ask(
        &site,
        "no-credentials",
        json!({"source": source, "overwrite": true}),
    )
    .await?;
    site.await_condition_of(
        "KfpRestore",
        "no-credentials",
        "Stalled",
        "True",
        "CredentialsRefused",
    )
    .await?;

    ensure!(
        site.condition("Ready")
            .await?
            .is_some_and(|ready| ready.status == "True"),
        "it was disturbed"
    );
    let after = site.writes()?;
    let touched: Vec<_> = after[before..]
        .iter()
        .filter(|request| request.resource == "deployments" || request.resource == "jobs")
        .collect();
    ensure!(touched.is_empty(), "{touched:#?}");
    drop(stage);
    Ok(())
}

async fn begins(site: Arc<Site>) -> Result<()> {
    let first = standing(&site).await?;
    let mut rows = database(&site).await?;
    runs(&mut rows, 1, 300, "Succeeded").await?;
    let sum = number(&mut rows, SUM).await?;
    site.create(
        "kubeflow.org/v1beta1",
        "ScheduledWorkflow",
        "nightly",
        json!({"spec": {"enabled": true, "trigger": {"cronSchedule": {"cron": "0 2 * * *"}}}}),
    )
    .await?;
    backup(&site, "good").await?;
    drop((first, rows));

    let again = Site::new(site.world.clone(), "restore-begun").await?;
    let stage = stage(&again).await?;
    let mut wanted = spec("2.16.1");
    wanted["bootstrap"] = json!({"source": {"type": "Destination", "destination": {
        "location": location(), "namespace": site.name, "installation": site.name,
    }}});
    again.apply(wanted).await?;
    let name = format!("{}-bootstrap", again.name);
    eventually("a restore was made", || async {
        Ok(objects(&again, "KfpRestore").get_opt(&name).await?.map(drop))
    })
    .await?;
    let result = async {
        let status = restored(&again, &name).await?;
        ensure!(status["safetyBackup"].is_null(), "{status:#}");
        again.await_condition("Ready", "True", "AllReady").await?;
        let mut rows = database(&again).await?;
        ensure!(
            number(&mut rows, COUNT).await? == 300 && number(&mut rows, SUM).await? == sum,
            "other rows"
        );
        schedule(&again)
            .get("nightly")
            .await
            .context("the recurring run is not there")?;
        // The server was made after everything was put back, and once.
        let made = again.writes()?;
        let first = |is_it: &dyn Fn(&kfp_tests::audit::Request) -> bool| {
            made.iter()
                .find(|request| is_it(request))
                .map(|request| request.at)
        };
        let server = first(&|request| request.resource == "deployments" && request.name == "ml-pipeline");
        let told = first(&|request| request.resource == "kfprestores" && request.subresource == "status");
        ensure!(
            told.is_some() && told < server,
            "the server came first: {told:?}, {server:?}"
        );
        let all = objects(&again, "KfpRestore").list(&ListParams::default()).await?;
        ensure!(all.items.len() == 1, "{} restores", all.items.len());
        Ok(())
    };
    let result: Result<()> = result.await;
    drop(stage);
    match result {
        Ok(()) => Ok(()),
        Err(error) => Err(anyhow::anyhow!("{error:#}\n{}", again.report().await)),
    }
}

async fn begins_with_nothing(site: Arc<Site>) -> Result<()> {
    let stage = stage(&site).await?;
    let mut wanted = spec("2.16.1");
    wanted["bootstrap"] = json!({"source": {"type": "Destination", "destination": {
        "location": location(), "namespace": "nowhere", "installation": "nothing",
    }}});
    site.apply(wanted).await?;
    let told = site.await_condition("Stalled", "True", "RestoreFailed").await?;
    ensure!(
        told.contains("restore-none-bootstrap") && told.contains("nowhere/nothing"),
        "{told}"
    );
    for server in ["ml-pipeline", "metadata-grpc-deployment", "workflow-controller"] {
        ensure!(
            site.get("Deployment", server).await?.is_none(),
            "{server} was made"
        );
    }
    drop(stage);
    Ok(())
}
