//! PROOF (real API server): `spec.paused` holds every change back and says which.

use std::sync::Arc;

use anyhow::{Result, ensure};
use kfp_tests::Site;
use serde_json::json;

use super::Case;
use super::drift::standing;
use super::install::spec;

/// Paused from the start, and paused later.
pub fn cases() -> Vec<Case> {
    vec![
        Case::at(
            "pause-new",
            "a paused new installation makes nothing, and is made when it goes on",
            from_the_start,
        ),
        Case::at(
            "pause-drift",
            "a paused installation is not repaired, and is when it goes on",
            later,
        ),
    ]
}

async fn from_the_start(site: Arc<Site>) -> Result<()> {
    let operator = site.operator().await?;
    let mut paused = spec("2.16.1");
    paused["paused"] = json!(true);
    site.apply(paused).await?;
    let told = site.await_condition("Ready", "False", "Paused").await?;
    ensure!(told.contains("spec.paused"), "{told}");
    ensure!(
        site.condition("Stalled").await?.is_none(),
        "paused is not stalled"
    );
    operator.await_passes(1).await.ok();
    let writes = site.writes()?;
    ensure!(
        writes.iter().all(|request| request.subresource == "status"),
        "{writes:#?}"
    );
    ensure!(site.ours().await?.is_empty(), "something was made");
    site.apply(spec("2.16.1")).await?;
    site.await_object("Deployment", "mysql").await?;
    Ok(())
}

async fn later(site: Arc<Site>) -> Result<()> {
    let (operator, _hand) = standing(&site).await?;
    let mut paused = spec("2.16.1");
    paused["paused"] = json!(true);
    site.apply(paused).await?;
    site.await_condition("Ready", "False", "Paused").await?;
    let writes = site.writes()?.len();
    site.delete("ConfigMap", "pipeline-install-config").await?;
    site.patch(
        "Deployment",
        "workflow-controller",
        json!({"spec": {"replicas": 2}}),
    )
    .await?;
    operator.await_passes(2).await?;
    let mut new = site.writes()?.split_off(writes);
    new.retain(|request| request.subresource != "status");
    ensure!(new.is_empty(), "the operator wrote: {new:#?}");
    let told = site.await_condition("Ready", "False", "Paused").await?;
    ensure!(
        told.contains("pipeline-install-config"),
        "what is held back is not told: {told}"
    );
    site.apply(spec("2.16.1")).await?;
    site.await_object("ConfigMap", "pipeline-install-config").await?;
    site.await_that(
        "the Deployment is scaled back",
        "Deployment",
        "workflow-controller",
        |object| object.is_some_and(|object| object["spec"]["replicas"] == 1),
    )
    .await
}
