//! PROOF (real API server): resources that the operator cannot read. They are put into etcd itself, as an older and laxer
//! CustomResourceDefinition would have left them.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use kfp_tests::Site;
use kfp_tests::hand::Plays;
use kfp_tests::operator::{Operator, Settings};
use kfp_tests::world::eventually;
use serde_json::{Value, json};

use super::Case;
use super::install::spec;

/// A spec, a status, and neighbours that go on.
pub fn cases() -> Vec<Case> {
    vec![
        Case::at(
            "unreadable-value",
            "a spec with a value of no meaning is refused, its neighbours go on, and it can be mended",
            |site| spec_of(site, json!({"version": "2.16.1", "size": "Huge"}), "Huge"),
        ),
        Case::at(
            "unreadable-shape",
            "a spec of another shape is refused, its neighbours go on, and it can be mended",
            |site| {
                spec_of(
                    site,
                    json!({"version": "2.16.1", "components": {"ml-pipeline": {"replicas": "many"}}}),
                    "spec.components:",
                )
            },
        ),
        Case::at(
            "unreadable-status",
            "a status that cannot be read is written anew",
            status,
        ),
    ]
}

/// Puts a resource where the API server will find it.
async fn store(site: &Site, resource: &Value) -> Result<()> {
    let key = format!("/registry/kfpops.dev/kfpinstallations/{0}/{0}", site.name);
    let body = json!({
        "key": BASE64_STANDARD.encode(key),
        "value": BASE64_STANDARD.encode(resource.to_string()),
    });
    let url = format!("{}/v3/kv/put", site.world.control_plane.etcd_url());
    let answer = reqwest::Client::new().post(url).json(&body).send().await?;
    answer.error_for_status().map(drop).context("etcd refused")
}

fn resource(site: &Site, uid: &str, rest: &Value) -> Value {
    let mut resource = json!({
        "apiVersion": "kfpops.dev/v1alpha1", "kind": "KfpInstallation",
        "metadata": {
            "name": site.name, "namespace": site.name, "uid": uid, "generation": 1,
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
    });
    for (key, value) in rest.as_object().into_iter().flatten() {
        resource[key] = value.clone();
    }
    resource
}

async fn spec_of(site: Arc<Site>, broken: Value, told: &str) -> Result<()> {
    let neighbour = Site::new(site.world.clone(), &format!("{}-neighbour", site.name)).await?;
    store(
        &site,
        &resource(
            &site,
            "6b1f7f0c-0000-4000-8000-000000000001",
            &json!({"spec": broken}),
        ),
    )
    .await?;
    let namespaces = Some(vec![site.name.clone(), neighbour.name.clone()]);
    let operator = Operator::start(
        &site,
        Settings {
            namespaces,
            ..Settings::default()
        },
    )
    .await?;
    let message = eventually("the resource is stalled", || async {
        let api = site
            .world
            .objects(&site.name, "kfpops.dev/v1alpha1", "KfpInstallation");
        let found = api.get(&site.name).await?;
        let conditions = found
            .data
            .pointer("/status/conditions")
            .and_then(Value::as_array)
            .cloned();
        let stalled = conditions
            .unwrap_or_default()
            .into_iter()
            .find(|condition| condition["type"] == "Stalled");
        Ok(stalled
            .filter(|condition| condition["reason"] == "InvalidSpec")
            .map(|condition| condition["message"].to_string()))
    })
    .await?;
    ensure!(message.contains(told), "{message}");
    ensure!(site.ours().await?.is_empty(), "something was made of it");

    neighbour.apply(spec("2.16.1")).await?;
    neighbour.await_object("Deployment", "mysql").await?;
    // And it goes on after the neighbour came.
    operator.await_passes(2).await?;

    let api = site
        .world
        .objects(&site.name, "kfpops.dev/v1alpha1", "KfpInstallation");
    let mut mended = api.get(&site.name).await?;
    mended.data["spec"] = spec("2.16.1");
    api.replace(&site.name, &kube::api::PostParams::default(), &mended)
        .await
        .context("cannot mend it")?;
    site.await_object("Deployment", "mysql").await?;
    Ok(())
}

async fn status(site: Arc<Site>) -> Result<()> {
    let rest = json!({"spec": spec("2.16.1"), "status": {"observedGeneration": 1, "conditions": "nonsense", "components": 7}});
    store(
        &site,
        &resource(&site, "6b1f7f0c-0000-4000-8000-000000000002", &rest),
    )
    .await?;
    let _operator = site.operator().await?;
    let _hand = site.hand(Plays::nothing());
    // Whoever expects a status of its kind gets an error until then.
    eventually("the status can be read", || async {
        Ok(site.installation().await.ok())
    })
    .await?;
    site.await_condition("DatabaseReady", "False", "Unreachable")
        .await?;
    Ok(())
}
