//! PROOF (real API server): what others change of ours is put back, and what they add beside it is left alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use kfp_tests::Site;
use kfp_tests::hand::{Hand, Plays};
use kfp_tests::operator::Operator;
use serde_json::{Value, json};

use super::Case;
use super::install::spec;

/// A watch tells of a change at once; the rest is the pass itself, on a machine that may be busy.
const SECONDS: Duration = Duration::from_mins(1);

/// One case for each way to drift.
pub fn cases() -> Vec<Case> {
    vec![
        Case::at(
            "drift-service",
            "a changed port of a Service is repaired within seconds",
            service,
        ),
        Case::at(
            "drift-config",
            "a deleted ConfigMap is made again within seconds",
            config_map,
        ),
        Case::at(
            "drift-scale",
            "a scaled Deployment is scaled back within seconds",
            scaled,
        ),
        Case::at(
            "drift-image",
            "another image in a Deployment is replaced within seconds",
            image,
        ),
        Case::at(
            "drift-rights",
            "a subject added to a RoleBinding of ours is taken out within seconds",
            binding,
        ),
        Case::at(
            "drift-foreign",
            "labels, annotations and keys of others on our objects stay",
            foreign,
        ),
    ]
}

/// An installation whose foundations stand.
pub async fn standing(site: &Arc<Site>) -> Result<(Operator, Hand)> {
    let operator = site.operator().await?;
    let hand = site.hand(Plays::nothing());
    site.apply(spec("2.16.1")).await?;
    // All that can be made without a database is made, and the operator says so.
    site.await_condition("DatabaseReady", "False", "Unreachable")
        .await?;
    site.await_object("Deployment", "workflow-controller").await?;
    operator.await_passes(1).await?;
    Ok((operator, hand))
}

async fn repaired(site: &Site, kind: &str, name: &str, holds: impl Fn(&Value) -> bool) -> Result<()> {
    let start = Instant::now();
    let holds = |object: Option<&Value>| object.is_some_and(&holds);
    site.await_that(&format!("{kind} {name} is repaired"), kind, name, holds)
        .await?;
    ensure!(
        start.elapsed() < SECONDS,
        "{kind} {name} was repaired only after {:?}",
        start.elapsed()
    );
    Ok(())
}

async fn service(site: Arc<Site>) -> Result<()> {
    let _standing = standing(&site).await?;
    let ports = json!([{"name": "http", "port": 81, "targetPort": 3000, "protocol": "TCP"}]);
    site.patch("Service", "ml-pipeline-ui", json!({"spec": {"ports": ports}}))
        .await?;
    repaired(&site, "Service", "ml-pipeline-ui", |object| {
        let ports = object
            .pointer("/spec/ports")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        ports.len() == 1 && ports[0]["port"] == 80
    })
    .await
}

async fn config_map(site: Arc<Site>) -> Result<()> {
    let _standing = standing(&site).await?;
    let before = site.await_object("ConfigMap", "pipeline-install-config").await?;
    site.delete("ConfigMap", "pipeline-install-config").await?;
    repaired(&site, "ConfigMap", "pipeline-install-config", |object| {
        object["data"] == before.data["data"]
    })
    .await
}

async fn scaled(site: Arc<Site>) -> Result<()> {
    let _standing = standing(&site).await?;
    site.patch(
        "Deployment",
        "workflow-controller",
        json!({"spec": {"replicas": 3}}),
    )
    .await?;
    repaired(&site, "Deployment", "workflow-controller", |object| {
        object["spec"]["replicas"] == 1
    })
    .await
}

async fn image(site: Arc<Site>) -> Result<()> {
    let _standing = standing(&site).await?;
    let before = site.await_object("Deployment", "workflow-controller").await?;
    let image = "/spec/template/spec/containers/0/image";
    let patch = json!([{"op": "replace", "path": image, "value": "example.com/other:1"}]);
    let patch: kube::api::Patch<()> = kube::api::Patch::Json(serde_json::from_value(patch)?);
    let api = site.world.objects(&site.name, "apps/v1", "Deployment");
    api.patch("workflow-controller", &kube::api::PatchParams::default(), &patch)
        .await?;
    repaired(&site, "Deployment", "workflow-controller", |object| {
        object.pointer(image) == before.data.pointer(image)
    })
    .await
}

async fn binding(site: Arc<Site>) -> Result<()> {
    let _standing = standing(&site).await?;
    let binding = site
        .await_object("RoleBinding", "pipeline-runner-binding")
        .await?;
    let mut subjects = binding.data["subjects"].as_array().cloned().unwrap_or_default();
    let count = subjects.len();
    subjects.push(json!({"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "stranger"}));
    site.patch(
        "RoleBinding",
        "pipeline-runner-binding",
        json!({"subjects": subjects}),
    )
    .await?;
    repaired(&site, "RoleBinding", "pipeline-runner-binding", |object| {
        object["subjects"]
            .as_array()
            .is_some_and(|subjects| subjects.len() == count)
    })
    .await
}

async fn foreign(site: Arc<Site>) -> Result<()> {
    let (operator, _hand) = standing(&site).await?;
    let mark =
        json!({"metadata": {"labels": {"example.com/team": "a"}, "annotations": {"example.com/note": "b"}}});
    let writes = site.writes()?.len();
    for (kind, name) in [
        ("Service", "ml-pipeline-ui"),
        ("Deployment", "workflow-controller"),
        ("ConfigMap", "mysql-init"),
    ] {
        site.patch(kind, name, mark.clone()).await?;
    }
    site.patch("ConfigMap", "mysql-init", json!({"data": {"of-another": "x"}}))
        .await?;
    operator.await_passes(3).await?;
    for (kind, name) in [
        ("Service", "ml-pipeline-ui"),
        ("Deployment", "workflow-controller"),
        ("ConfigMap", "mysql-init"),
    ] {
        let object = site.await_object(kind, name).await?;
        let label = object
            .metadata
            .labels
            .unwrap_or_default()
            .remove("example.com/team");
        let note = object
            .metadata
            .annotations
            .unwrap_or_default()
            .remove("example.com/note");
        ensure!(
            label.is_some() && note.is_some(),
            "{kind} {name} lost {label:?} or {note:?}"
        );
    }
    let map = site.await_object("ConfigMap", "mysql-init").await?;
    ensure!(
        map.data.pointer("/data/of-another") == Some(&json!("x")),
        "{:?}",
        map.data
    );
    let mut new = site.writes()?.split_off(writes);
    new.retain(|request| request.resource != "kfpinstallations");
    ensure!(new.is_empty(), "the operator wrote: {new:#?}");
    Ok(())
}
