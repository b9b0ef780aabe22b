//! PROOF (real API server): another version on an installed system is refused, and nothing is touched.

use std::sync::Arc;

use anyhow::{Result, ensure};
use kfp_tests::Site;
use kfp_tests::hand::Plays;

use super::Case;
use super::install::spec;

/// Up, and down.
pub fn cases() -> Vec<Case> {
    vec![
        Case::at(
            "version-newer",
            "a newer version of an installed system is refused and nothing is touched",
            |site| refused(site, "2.16.1", "2.17.0"),
        ),
        Case::at(
            "version-older",
            "an older version of an installed system is refused and nothing is touched",
            |site| refused(site, "2.16.1", "2.5.0"),
        ),
        Case::at(
            "version-unknown",
            "a version that the catalog does not know is refused with a suggestion",
            unknown,
        ),
    ]
}

async fn refused(site: Arc<Site>, from: &str, to: &str) -> Result<()> {
    let operator = site.operator().await?;
    let _hand = site.hand(Plays::servers());
    site.apply(spec(from)).await?;
    site.await_condition("Ready", "True", "AllReady").await?;
    let before = site.versions().await?;
    site.apply(spec(to)).await?;
    let told = site
        .await_condition("Stalled", "True", "UpgradeNotSupported")
        .await?;
    ensure!(told.contains(from) && told.contains(to), "{told}");
    site.await_condition("Ready", "False", "UpgradeNotSupported")
        .await?;
    // A refused installation is looked at again when something of it changes.
    site.patch(
        "ConfigMap",
        "mysql-init",
        serde_json::json!({"metadata": {"annotations": {"example.com/a": "b"}}}),
    )
    .await?;
    operator.await_passes(1).await?;
    site.unchanged_but("ConfigMap/mysql-init", &before).await?;
    ensure!(
        site.installation()
            .await?
            .status
            .and_then(|status| status.version)
            .as_deref()
            == Some(from),
        "another version runs"
    );
    site.apply(spec(from)).await?;
    site.await_condition("Ready", "True", "AllReady").await?;
    ensure!(site.condition("Stalled").await?.is_none(), "it is still stalled");
    Ok(())
}

async fn unknown(site: Arc<Site>) -> Result<()> {
    let _operator = site.operator().await?;
    site.apply(spec("2.16.9")).await?;
    let told = site.await_condition("Stalled", "True", "UnknownVersion").await?;
    ensure!(told.contains("2.16.9") && told.contains("2.16.1"), "{told}");
    ensure!(site.ours().await?.is_empty(), "something was made");
    Ok(())
}
