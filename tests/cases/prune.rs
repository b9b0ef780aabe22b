//! PROOF (real API server): what no rendering holds any more goes, except data and what is not ours.

use std::sync::Arc;

use anyhow::{Result, ensure};
use kfp_tests::Site;
use kfp_tests::world::eventually;
use serde_json::json;

use super::Case;
use super::drift::standing;
use super::install::spec;

/// Switched off, left over, and not ours.
pub fn cases() -> Vec<Case> {
    vec![
        Case::at(
            "prune-component",
            "a component that is switched off goes with all its objects, and comes back",
            component,
        ),
        Case::at(
            "prune-orphans",
            "an object with our label that nothing renders goes; data and others' objects stay",
            orphans,
        ),
    ]
}

const OFF: &str = "ml-pipeline-visualizationserver";

async fn component(site: Arc<Site>) -> Result<()> {
    let (_operator, _hand) = standing(&site).await?;
    site.await_object("Deployment", OFF).await?;
    let mut without = spec("2.16.1");
    without["components"] = json!([{"name": OFF, "enabled": false}]);
    site.apply(without).await?;
    eventually("nothing of the component is left", || async {
        let left: Vec<String> = site
            .ours()
            .await?
            .into_keys()
            .filter(|name| name.ends_with(OFF))
            .collect();
        ensure!(left.is_empty(), "{left:?}");
        Ok(Some(()))
    })
    .await?;
    ensure!(
        site.get("Deployment", "workflow-controller").await?.is_some(),
        "another component went too"
    );
    ensure!(
        site.get("PersistentVolumeClaim", "mysql-pv-claim")
            .await?
            .is_some(),
        "a claim went too"
    );
    let listed = site
        .installation()
        .await?
        .status
        .map(|status| status.components)
        .unwrap_or_default();
    ensure!(
        listed.iter().all(|component| component.name != OFF),
        "the status still lists it"
    );
    site.apply(spec("2.16.1")).await?;
    site.await_object("Deployment", OFF).await?;
    site.await_object("Service", OFF).await?;
    Ok(())
}

async fn orphans(site: Arc<Site>) -> Result<()> {
    let (operator, _hand) = standing(&site).await?;
    let ours = json!({"metadata": {"labels": {"kfpops.dev/installation": site.name}}});
    let others = json!({"metadata": {"labels": {"kfpops.dev/installation": "another"}}});
    let claim =
        json!({"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    let mut our_claim = claim.clone();
    our_claim["metadata"] = ours["metadata"].clone();
    site.create("v1", "PersistentVolumeClaim", "old-volume", our_claim)
        .await?;
    site.create("v1", "ConfigMap", "of-another", others).await?;
    site.create("v1", "ConfigMap", "of-nobody", json!({})).await?;
    site.create("v1", "Secret", "old-secret", ours.clone()).await?;
    site.create("v1", "ConfigMap", "old-settings", ours).await?;
    site.await_that("the orphan goes", "ConfigMap", "old-settings", |found| {
        found.is_none()
    })
    .await?;
    operator.await_passes(1).await?;
    for (kind, name) in [
        ("PersistentVolumeClaim", "old-volume"),
        ("ConfigMap", "of-another"),
        ("ConfigMap", "of-nobody"),
        ("Secret", "old-secret"),
    ] {
        let found = site.get(kind, name).await?;
        ensure!(
            found.is_some_and(|found| found.metadata.deletion_timestamp.is_none()),
            "{kind} {name} went"
        );
    }
    Ok(())
}
