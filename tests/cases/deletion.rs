//! PROOF (real API server): what goes and what stays when an installation is deleted, and what becomes of the rest later.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use kfp_tests::Site;
use kfp_tests::hand::Plays;
use kfp_tests::world::eventually;
use kube::api::{DynamicObject, ListParams};
use serde_json::json;

use super::Case;
use super::install::spec;

/// Retain, Delete, and with nobody there to see it.
pub fn cases() -> Vec<Case> {
    vec![
        Case::at(
            "delete-again",
            "deleted and made again, an installation takes up its data and serves it",
            again,
        ),
        Case::at(
            "delete-retain",
            "Retain leaves claims and Secrets, which nobody owns, and nothing else",
            retained,
        ),
        Case::at(
            "delete-delete",
            "Delete removes claims and Secrets before the installation goes",
            deleted,
        ),
        Case::at(
            "delete-down",
            "an installation deleted while no operator runs is cleared up by the next one",
            unseen,
        ),
        Case::at(
            "delete-policy",
            "the finalizer is there exactly while the policy is Delete",
            finalizer,
        ),
        Case::at(
            "delete-broken",
            "an installation whose spec is refused can be deleted",
            broken,
        ),
    ]
}

fn is_data(name: &str) -> bool {
    name.starts_with("PersistentVolumeClaim/") || name.starts_with("Secret/")
}

async fn data(site: &Site) -> Result<BTreeMap<String, DynamicObject>> {
    Ok(site
        .ours()
        .await?
        .into_iter()
        .filter(|(name, _)| is_data(name))
        .collect())
}

/// Waits until the objects that belong to the installation went with it.
async fn await_cleared(site: &Site) -> Result<()> {
    eventually("nothing but data is left", || async {
        let left: Vec<String> = site
            .ours()
            .await?
            .into_keys()
            .filter(|name| !is_data(name))
            .collect();
        ensure!(left.is_empty(), "left: {left:?}");
        Ok(Some(()))
    })
    .await
}

fn policy(policy: &str) -> serde_json::Value {
    let mut spec = spec("2.16.1");
    spec["deletionPolicy"] = json!(policy);
    spec
}

async fn again(site: Arc<Site>) -> Result<()> {
    let _operator = site.operator().await?;
    let _hand = site.hand(Plays::servers());
    site.apply(spec("2.16.1")).await?;
    site.await_condition("Ready", "True", "AllReady").await?;
    let before = data(&site).await?;
    ensure!(before.len() == 6, "{:?}", before.keys());

    site.delete_installation().await?;
    site.await_gone().await?;
    await_cleared(&site).await?;
    site.apply(spec("2.16.1")).await?;
    // The old volume opens with the kept password only.
    site.await_condition("Ready", "True", "AllReady").await?;
    let after = data(&site).await?;
    for (name, old) in &before {
        let Some(new) = after.get(name) else {
            anyhow::bail!("{name} is gone")
        };
        ensure!(new.metadata.uid == old.metadata.uid, "{name} was made anew");
        ensure!(
            new.data.get("data") == old.data.get("data"),
            "{name} holds other values"
        );
    }
    Ok(())
}

async fn retained(site: Arc<Site>) -> Result<()> {
    let operator = site.operator().await?;
    let hand = site.hand(Plays::nothing());
    site.apply(spec("2.16.1")).await?;
    site.await_object("Deployment", "workflow-controller").await?;
    for (name, object) in data(&site).await? {
        ensure!(
            object.metadata.owner_references.unwrap_or_default().is_empty(),
            "{name} has an owner"
        );
        ensure!(
            object
                .metadata
                .finalizers
                .iter()
                .flatten()
                .all(|kept| kept.starts_with("kubernetes.io/")),
            "{name}"
        );
    }
    site.delete_installation().await?;
    site.await_gone().await?;
    await_cleared(&site).await?;
    let left: Vec<String> = data(&site).await?.into_keys().collect();
    let wanted = [
        "PersistentVolumeClaim/mysql-pv-claim",
        "PersistentVolumeClaim/seaweedfs-pvc",
        "Secret/mlpipeline-minio-artifact",
        "Secret/mysql-inventory-secret",
        "Secret/mysql-root-secret",
        "Secret/mysql-secret",
    ];
    ensure!(left == wanted, "{left:?}");
    // The binding that carries no label goes as well, and the pods with their Deployments.
    eventually("the operator's rights are gone", || async {
        Ok(site
            .get("RoleBinding", "kfp-operator")
            .await?
            .is_none()
            .then_some(()))
    })
    .await?;
    eventually("the pods are gone", || async {
        let pods = site
            .world
            .objects(&site.name, "v1", "Pod")
            .list(&ListParams::default())
            .await?;
        Ok(pods.items.is_empty().then_some(()))
    })
    .await?;
    drop(hand);
    site.stays_untouched(Duration::from_secs(5), false).await?;
    eventually("the operator forgets it", || async {
        Ok((operator.count("kfp_operator_installations").await? < 1.0).then_some(()))
    })
    .await
}

async fn deleted(site: Arc<Site>) -> Result<()> {
    let _operator = site.operator().await?;
    let _hand = site.hand(Plays::nothing());
    site.apply(policy("Delete")).await?;
    site.await_object("Deployment", "workflow-controller").await?;
    ensure!(data(&site).await?.len() == 6, "the data is not there");
    site.delete_installation().await?;
    site.await_gone().await?;
    await_cleared(&site).await?;
    eventually("the data is gone", || async {
        Ok(data(&site).await?.is_empty().then_some(()))
    })
    .await
}

async fn unseen(site: Arc<Site>) -> Result<()> {
    let operator = site.operator().await?;
    let _hand = site.hand(Plays::nothing());
    site.apply(policy("Delete")).await?;
    site.await_object("Deployment", "workflow-controller").await?;
    operator.kill().await?;
    site.delete_installation().await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    ensure!(data(&site).await?.len() == 6, "data went without an operator");
    let _next = site.operator().await?;
    site.await_gone().await?;
    eventually("the data is gone", || async {
        Ok(data(&site).await?.is_empty().then_some(()))
    })
    .await?;
    await_cleared(&site).await
}

async fn finalizer(site: Arc<Site>) -> Result<()> {
    let _operator = site.operator().await?;
    let _hand = site.hand(Plays::nothing());
    let held = |wanted: bool| {
        let site = site.clone();
        async move {
            eventually(
                if wanted {
                    "the finalizer is there"
                } else {
                    "the finalizer is gone"
                },
                || async {
                    let finalizers = site.installation().await?.metadata.finalizers.unwrap_or_default();
                    let held = finalizers.iter().any(|name| name == kfp_api::names::FINALIZER);
                    Ok((held == wanted).then_some(()))
                },
            )
            .await
        }
    };
    site.apply(policy("Delete")).await?;
    held(true).await?;
    site.apply(policy("Retain")).await?;
    held(false).await?;
    site.apply(policy("Delete")).await?;
    held(true).await
}

async fn broken(site: Arc<Site>) -> Result<()> {
    let _operator = site.operator().await?;
    let _hand = site.hand(Plays::nothing());
    site.apply(policy("Delete")).await?;
    site.await_object("Deployment", "workflow-controller").await?;
    let mut broken = policy("Delete");
    broken["components"] = json!([{"name": "no-such-component"}]);
    site.apply(broken).await?;
    site.await_condition("Stalled", "True", "InvalidSpec").await?;
    site.delete_installation().await?;
    site.await_gone().await?;
    eventually("the data is gone", || async {
        Ok(data(&site).await?.is_empty().then_some(()))
    })
    .await
}
