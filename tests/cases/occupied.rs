//! PROOF (real API server): one installation a namespace; the oldest has it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use kfp_api::names::INSTALLATION_LABEL;
use kfp_tests::Site;
use kfp_tests::hand::Plays;
use kube::api::DeleteParams;
use serde_json::json;

use super::Case;
use super::install::spec;

/// The younger one waits, and takes over.
pub fn cases() -> Vec<Case> {
    vec![
        Case::at(
            "occupied-delete",
            "a younger installation makes nothing while an older one is there, and takes over when that and its data are gone",
            takes_over,
        ),
        Case::at(
            "occupied-retain",
            "a younger installation does not take the data that an older one left behind",
            leaves_data,
        ),
    ]
}

const YOUNGER: &str = "a-younger-one";

async fn two(site: &Arc<Site>, policy: &str) -> Result<()> {
    let mut older = spec("2.16.1");
    older["deletionPolicy"] = json!(policy);
    site.apply(older).await?;
    site.await_object("Deployment", "mysql").await?;
    // Age is told in seconds.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    site.world.apply(&site.name, YOUNGER, spec("2.16.1")).await?;
    let told = stalled(site).await?;
    ensure!(told.contains(&site.name), "{told}");
    Ok(())
}

async fn stalled(site: &Site) -> Result<String> {
    site.world
        .await_condition(&site.name, YOUNGER, "Stalled", "True", "NamespaceOccupied")
        .await
}

async fn owned_by_younger(site: &Site) -> Result<Vec<String>> {
    let ours = site.ours().await?;
    let label = |object: &kube::api::DynamicObject| {
        object
            .metadata
            .labels
            .clone()
            .unwrap_or_default()
            .remove(INSTALLATION_LABEL)
    };
    Ok(ours
        .into_iter()
        .filter(|(_, object)| label(object).as_deref() == Some(YOUNGER))
        .map(|(name, _)| name)
        .collect())
}

async fn takes_over(site: Arc<Site>) -> Result<()> {
    let operator = site.operator().await?;
    let _hand = site.hand(Plays::nothing());
    two(&site, "Delete").await?;
    operator.await_passes(2).await?;
    let made = owned_by_younger(&site).await?;
    ensure!(made.is_empty(), "it made {made:?}");
    ensure!(
        site.world
            .condition(&site.name, &site.name, "Stalled")
            .await?
            .is_none(),
        "the older one is stalled as well"
    );
    site.delete_installation().await?;
    site.await_gone().await?;
    site.await_that(
        "the younger one has a database",
        "Deployment",
        "mysql",
        |object| {
            object.is_some_and(|object| {
                object.pointer("/metadata/labels/kfpops.dev~1installation") == Some(&json!(YOUNGER))
            })
        },
    )
    .await?;
    ensure!(
        site.world
            .condition(&site.name, YOUNGER, "Stalled")
            .await?
            .is_none(),
        "it is still stalled"
    );
    Ok(())
}

async fn leaves_data(site: Arc<Site>) -> Result<()> {
    let operator = site.operator().await?;
    let _hand = site.hand(Plays::nothing());
    two(&site, "Retain").await?;
    let password = site.await_object("Secret", "mysql-secret").await?;
    site.delete_installation().await?;
    site.await_gone().await?;
    operator.await_passes(2).await?;
    let told = stalled(&site).await?;
    ensure!(
        told.contains("mysql-pv-claim") && told.contains(&site.name),
        "what is in the way is not told: {told}"
    );
    ensure!(owned_by_younger(&site).await?.is_empty(), "it took something");
    let kept = site.await_object("Secret", "mysql-secret").await?;
    ensure!(
        kept.metadata.resource_version == password.metadata.resource_version,
        "the Secret was changed"
    );
    // The way out that the message names.
    site.world
        .installations(&site.name)
        .delete(YOUNGER, &DeleteParams::background())
        .await?;
    site.apply(spec("2.16.1")).await?;
    site.await_object("Deployment", "mysql").await?;
    Ok(())
}
