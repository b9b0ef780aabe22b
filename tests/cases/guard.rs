//! PROOF (real API server): the deletion of an installation that takes its data along is held while no fresh verified backup of it
//! is known. The policy is the one that is installed; its binding is limited to this test's namespace.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use kfp_tests::Site;
use kfp_tests::world::{eventually, root};
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

use super::Case;

/// One case.
pub fn cases() -> Vec<Case> {
    vec![Case::at(
        "guard",
        "an installation whose data would go is not deleted without a fresh verified backup, unless an annotation says so",
        held,
    )]
}

/// Installs the policy for one namespace.
fn install(site: &Site) -> Result<()> {
    for file in ["policy.yaml", "policy_binding.yaml"] {
        let path = root().join("config/guard").join(file);
        let mut object: Value = serde_saphyr::from_str(&std::fs::read_to_string(&path)?)?;
        if file == "policy_binding.yaml" {
            object["spec"]["matchResources"] =
                json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": site.name}}});
        }
        let path = site.folder.join(file);
        std::fs::write(&path, object.to_string())?;
        site.world
            .kubectl(&["apply", "--server-side", "-f", &path.display().to_string()])?;
    }
    Ok(())
}

async fn delete(site: &Site) -> Result<Option<String>> {
    let api = site.world.installations(&site.name);
    match api.delete(&site.name, &DeleteParams::background()).await {
        Ok(_) => Ok(None),
        Err(kube::Error::Api(status)) => Ok(Some(status.message.clone())),
        Err(error) => Err(error.into()),
    }
}

async fn fresh(site: &Site, status: &str) -> Result<()> {
    let condition = json!({
        "type": "BackupFresh", "status": status, "reason": "BackupRecent", "message": "So it is.",
        "lastTransitionTime": "2026-11-24T02:00:00Z",
    });
    let patch = Patch::Merge(json!({"status": {"conditions": [condition]}}));
    let api = site.world.installations(&site.name);
    api.patch_status(&site.name, &PatchParams::default(), &patch)
        .await?;
    Ok(())
}

async fn held(site: Arc<Site>) -> Result<()> {
    install(&site)?;
    let with = |policy: &str| json!({"version": "2.16.1", "deletionPolicy": policy});
    // A new policy counts a little later; each try makes the installation anew.
    let refused = eventually("the policy counts", || async {
        site.apply(with("Delete")).await?;
        delete(&site).await
    })
    .await?;
    ensure!(
        refused.contains("no fresh verified backup")
            && refused.contains("kfpops.dev/delete-without-backup=true"),
        "{refused}"
    );
    fresh(&site, "False").await?;
    let refused = delete(&site)
        .await?
        .context("it was deleted with an old backup")?;
    ensure!(refused.contains("(So it is.)"), "{refused}");

    fresh(&site, "True").await?;
    ensure!(delete(&site).await?.is_none(), "a fresh backup does not help");

    site.apply(with("Retain")).await?;
    ensure!(delete(&site).await?.is_none(), "data that stays is guarded");

    site.apply(with("Delete")).await?;
    ensure!(delete(&site).await?.is_some(), "it was deleted");
    let mark =
        Patch::Merge(json!({"metadata": {"annotations": {"kfpops.dev/delete-without-backup": "true"}}}));
    site.world
        .installations(&site.name)
        .patch(&site.name, &PatchParams::default(), &mark)
        .await?;
    ensure!(delete(&site).await?.is_none(), "the annotation does not help");

    // With its namespace it goes: its volumes would, too.
    site.apply(with("Delete")).await?;
    ensure!(delete(&site).await?.is_some(), "it was deleted");
    site.world
        .kubectl(&["delete", "namespace", &site.name, "--wait=false"])?;
    site.await_gone().await
}
