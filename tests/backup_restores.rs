//! PROOF (real stores, database and API server): a set put back: refused where something is, and everything that must agree
//! agrees afterwards.

use anyhow::{Result, ensure};
use kfp_backup::manifest::Role;
use kfp_backup::order::{Parts, Restore};
use serde_json::{Value, json};

use crate::Case;
use crate::backup_yard::{Stage, apply, failed, get, kubectl, uid};

pub fn cases() -> Vec<Case> {
    vec![
        (
            "refused",
            "a restore over rows is refused unless it is allowed",
            |stage| Box::pin(refused(stage)),
        ),
        (
            "agreement",
            "schedules, rows and Workflows agree after a restore elsewhere",
            |stage| Box::pin(agreement(stage)),
        ),
        (
            "native",
            "pipelines that are objects keep what refers to them",
            |stage| Box::pin(native(stage)),
        ),
        ("same", "a restore in place changes only what differs", |stage| {
            Box::pin(same(stage))
        }),
    ]
}

fn schedule(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "kubeflow.org/v1beta1", "kind": "ScheduledWorkflow",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"enabled": true, "noCatchup": true, "trigger": {"cronSchedule": {"cron": "0 0 1 * * *"}}},
        "status": {"trigger": {"lastTriggeredTime": "2026-11-23T01:00:00Z"}},
    })
}

fn workflow(namespace: &str, name: &str, run: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
        "metadata": {"name": name, "namespace": namespace, "labels": {"pipeline/runid": run}},
        "spec": {"entrypoint": "main"},
    })
}

async fn refused(stage: Stage) -> Result<()> {
    let taken = stage.take(stage.take_order(1)?).await?;
    let bucket = format!("{}-2", stage.name);
    stage.yard.own.make_bucket(&bucket).await?;
    let order = stage.restore_order(1, &stage.name, &bucket);
    let restored = stage.restore(order.clone()).await?;
    ensure!(
        (restored.databases, restored.rows) == (3, taken.rows),
        "{restored:?}"
    );
    ensure!((restored.specs, restored.artifacts) == (2, 3), "{restored:?}");
    let spec = stage.yard.own.get(&bucket, "pipelines/v2").await?;
    ensure!(spec.as_deref() == Some(b"the text of v2".as_slice()), "{spec:?}");
    let data = stage.yard.own.get(&bucket, "v2/artifacts/data/2").await?;
    ensure!(data.as_deref() == Some(b"two".as_slice()), "{data:?}");

    let broken = format!("{}_2", stage.database(Role::Pipelines));
    stage.sql(&[&format!("DELETE FROM {broken}.run_details")]).await?;
    failed(stage.restore(order.clone()).await, "DatabaseNotEmpty")?;
    stage
        .yard
        .own
        .put(&bucket, "pipelines/v2", b"another text".to_vec())
        .await?;
    let restored = stage
        .restore(Restore {
            replace: true,
            ..order
        })
        .await?;
    ensure!(
        (restored.rows, restored.specs, restored.artifacts) == (taken.rows, 1, 0),
        "{restored:?}"
    );
    ensure!(
        stage
            .one(&format!("SELECT COUNT(*) FROM {broken}.run_details"))
            .await?
            == "3000"
    );
    Ok(())
}

/// A schedule, and rows that belong to it; runs that go on. The schedule's uid.
async fn unsettled(stage: &Stage) -> Result<String> {
    let (old, database) = (stage.name.clone(), stage.database(Role::Pipelines));
    let made: Value = serde_json::from_str(&apply(stage, &schedule(&old, "nightly"))?)?;
    let before = uid(&made);
    let rows = [
        format!(
            "INSERT INTO {database}.jobs (UUID, Name, DisplayName, Namespace) VALUES ('{before}', 'nightly', 'Nightly', '{old}')"
        ),
        format!("UPDATE {database}.run_details SET JobUUID = '{before}' WHERE UUID IN ('run-1', 'run-2')"),
        format!(
            "UPDATE {database}.run_details SET State = 'RUNNING', Conditions = 'Running' WHERE UUID IN ('run-3', 'run-4')"
        ),
        format!("UPDATE {database}.run_details SET State = '', Conditions = 'Running' WHERE UUID = 'run-5'"),
        format!(
            "INSERT INTO {database}.resource_references (ResourceUUID, ResourceType, ReferenceUUID, ReferenceType) VALUES \
             ('run-1', 'Run', '{before}', 'Job'), ('{before}', 'Job', 'e1', 'Experiment')"
        ),
    ];
    stage
        .sql(&rows.iter().map(String::as_str).collect::<Vec<_>>())
        .await?;
    Ok(before)
}

/// A namespace and a bucket to restore into, with Workflows and a schedule that are newer than the set.
async fn elsewhere(stage: &Stage, new: &str) -> Result<()> {
    kubectl(&stage.yard.cluster, &["create", "namespace", new])?;
    stage.yard.own.make_bucket(new).await?;
    apply(stage, &workflow(new, "carries-3", "run-3"))?;
    apply(stage, &workflow(new, "newer", "run-of-later"))?;
    let mut nobodys = workflow(new, "nobodys", "");
    nobodys["metadata"]["labels"] = json!({});
    apply(stage, &nobodys)?;
    apply(stage, &schedule(new, "made-later"))?;
    Ok(())
}

async fn agreement(stage: Stage) -> Result<()> {
    let database = stage.database(Role::Pipelines);
    let before = unsettled(&stage).await?;
    stage.take(stage.take_order(1)?).await?;
    let new = format!("{}-2", stage.name);
    let order = Restore {
        reconcile_runs: true,
        ..stage.restore_order(1, &new, &new)
    };
    // Interrupted after the rows were loaded: gone on with, though rows were put right in between.
    failed(
        stage
            .restore(Restore {
                bucket: None,
                ..order.clone()
            })
            .await,
        "KubernetesFailed",
    )?;
    let put_right =
        format!("UPDATE {database}_2.run_details SET Description = 'put right' WHERE UUID = 'run-7'");
    stage.sql(&[&put_right]).await?;
    elsewhere(&stage, &new).await?;
    let restored = stage.restore(order).await?;
    ensure!(
        restored.runs_closed == 2 && restored.runs == ["run-4", "run-5"],
        "{restored:?}"
    );
    ensure!(
        restored.workflows == ["Workflow newer", "ScheduledWorkflow made-later"],
        "{restored:?}"
    );

    let schedule = get(&stage, &new, "scheduledworkflow/nightly")?;
    let after = uid(&schedule);
    ensure!(
        after != before && schedule["status"]["trigger"]["lastTriggeredTime"] == "2026-11-23T01:00:00Z",
        "{schedule}"
    );
    let into = format!("{database}_2");
    let one = async |query: String| stage.one(&query).await;
    ensure!(
        one(format!("SELECT CONCAT(UUID, ' ', Namespace) FROM {into}.jobs")).await?
            == format!("{after} {new}")
    );
    ensure!(
        one(format!(
            "SELECT COUNT(*) FROM {into}.run_details WHERE JobUUID = '{after}'"
        ))
        .await?
            == "2"
    );
    ensure!(one(format!("SELECT COUNT(*) FROM {into}.resource_references WHERE ReferenceUUID = '{after}' OR ResourceUUID = '{after}'")).await? == "2");
    ensure!(
        one(format!(
            "SELECT COUNT(*) FROM {into}.run_details WHERE Namespace = '{new}'"
        ))
        .await?
            == "3000"
    );
    let closed = one(format!(
        "SELECT CONCAT(State, ' ', Conditions, ' ', Description) FROM {into}.run_details WHERE UUID = 'run-4'"
    ))
    .await?;
    ensure!(
        closed.starts_with("FAILED Failed (closed when backup 20261124T010000Z-1a2b3c was restored"),
        "{closed}"
    );
    ensure!(
        one(format!(
            "SELECT State FROM {into}.run_details WHERE UUID = 'run-3'"
        ))
        .await?
            == "RUNNING"
    );

    ensure!(
        one(format!(
            "SELECT Description FROM {into}.run_details WHERE UUID = 'run-7'"
        ))
        .await?
            == "put right"
    );
    let mark = format!(
        "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{into}' AND TABLE_NAME LIKE 'kfp%'"
    );
    ensure!(one(mark).await? == "0");

    set_aside(&stage, &new, &restored.workflows_export.unwrap_or_default()).await
}

/// What the server would delete is gone and stored, the rest is there.
async fn set_aside(stage: &Stage, new: &str, export: &str) -> Result<()> {
    let left = kubectl(
        &stage.yard.cluster,
        &["get", "workflows", "-n", new, "-o", "name"],
    )?;
    ensure!(
        left.contains("carries-3") && left.contains("nobodys") && !left.contains("newer"),
        "{left}"
    );
    let stored = stage
        .yard
        .outside
        .get(&stage.backups(), export)
        .await?
        .unwrap_or_default();
    let lines = String::from_utf8(zstd::decode_all(stored.as_slice())?)?;
    ensure!(
        lines.contains("run-of-later") && lines.contains("made-later"),
        "{lines}"
    );
    Ok(())
}

async fn native(stage: Stage) -> Result<()> {
    let old = stage.name.clone();
    let pipeline = json!({
        "apiVersion": "pipelines.kubeflow.org/v2beta1", "kind": "Pipeline",
        "metadata": {"name": "train", "namespace": old}, "spec": {},
    });
    let pipeline: Value = serde_json::from_str(&apply(&stage, &pipeline)?)?;
    let owner = uid(&pipeline);
    let version = json!({
        "apiVersion": "pipelines.kubeflow.org/v2beta1", "kind": "PipelineVersion",
        "metadata": {
            "name": "train-1", "namespace": old, "labels": {"pipelines.kubeflow.org/pipeline-id": owner},
            "ownerReferences": [{"apiVersion": "pipelines.kubeflow.org/v2beta1", "kind": "Pipeline", "name": "train", "uid": owner}],
        },
        "spec": {"pipelineName": "train", "pipelineSpec": {"root": {}}},
    });
    let version: Value = serde_json::from_str(&apply(&stage, &version)?)?;
    let run = format!(
        "UPDATE {}.run_details SET PipelineId = '{owner}', PipelineVersionId = '{}' WHERE UUID = 'run-1'",
        stage.database(Role::Pipelines),
        uid(&version)
    );
    stage.sql(&[&run]).await?;
    let mut order = stage.take_order(1)?;
    for (kind, plural) in [("Pipeline", "pipelines"), ("PipelineVersion", "pipelineversions")] {
        order.objects.push(kfp_backup::order::ObjectKind {
            group: "pipelines.kubeflow.org".into(),
            version: "v2beta1".into(),
            kind: kind.into(),
            plural: plural.into(),
            names: Vec::new(),
        });
    }
    stage.take(order).await?;
    let new = format!("{old}-2");
    kubectl(&stage.yard.cluster, &["create", "namespace", &new])?;
    stage.yard.own.make_bucket(&new).await?;
    stage.restore(stage.restore_order(1, &new, &new)).await?;
    let pipeline = get(&stage, &new, "pipelines.pipelines.kubeflow.org/train")?;
    let version = get(&stage, &new, "pipelineversions.pipelines.kubeflow.org/train-1")?;
    let metadata = &version["metadata"];
    ensure!(uid(&pipeline) != owner);
    ensure!(
        metadata["ownerReferences"][0]["uid"] == uid(&pipeline),
        "{version}"
    );
    ensure!(
        metadata["labels"]["pipelines.kubeflow.org/pipeline-id"] == uid(&pipeline),
        "{version}"
    );
    let row = format!(
        "SELECT CONCAT(PipelineId, ' ', PipelineVersionId) FROM {}_2.run_details WHERE UUID = 'run-1'",
        stage.database(Role::Pipelines)
    );
    ensure!(stage.one(&row).await? == format!("{} {}", uid(&pipeline), uid(&version)));
    Ok(())
}

async fn same(stage: Stage) -> Result<()> {
    let namespace = stage.name.clone();
    apply(&stage, &schedule(&namespace, "kept"))?;
    apply(&stage, &schedule(&namespace, "changed"))?;
    let config = [
        "create",
        "configmap",
        "kfp-launcher",
        "--from-literal=a=b",
        "-n",
        &namespace,
    ];
    kubectl(&stage.yard.cluster, &config)?;
    stage.take(stage.take_order(1)?).await?;
    let kept = uid(&get(&stage, &namespace, "scheduledworkflow/kept")?);
    let patch = [
        "patch",
        "scheduledworkflow/changed",
        "-n",
        &namespace,
        "--type=merge",
        "-p",
        r#"{"spec":{"enabled":false}}"#,
    ];
    kubectl(&stage.yard.cluster, &patch)?;
    let patch = [
        "patch",
        "configmap/kfp-launcher",
        "-n",
        &namespace,
        "--type=merge",
        "-p",
        r#"{"data":{"a":"c","new":"d"}}"#,
    ];
    kubectl(&stage.yard.cluster, &patch)?;

    let order = Restore {
        parts: Parts::Schedules,
        databases: stage.databases(),
        ..stage.restore_order(1, &namespace, &namespace)
    };
    let restored = stage.restore(order.clone()).await?;
    ensure!(
        restored.objects == 1 && restored.objects_skipped.len() == 1,
        "{restored:?}"
    );
    let restored = stage
        .restore(Restore {
            replace: true,
            ..order.clone()
        })
        .await?;
    ensure!(restored.objects == 2 && restored.databases == 0, "{restored:?}");
    ensure!(get(&stage, &namespace, "scheduledworkflow/changed")?["spec"]["enabled"] == true);
    ensure!(uid(&get(&stage, &namespace, "scheduledworkflow/kept")?) == kept);
    let all = Restore {
        parts: Parts::All,
        replace: true,
        server: None,
        ..order
    };
    stage.restore(all).await?;
    let data = &get(&stage, &namespace, "configmap/kfp-launcher")?["data"];
    ensure!(*data == json!({"a": "b", "new": "d"}), "{data}");
    Ok(())
}
