//! PROOF (real API server): an installation at rest costs no write, however often it is looked at.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use kfp_tests::Site;
use kfp_tests::hand::Plays;
use kfp_tests::world::eventually;
use serde_json::json;

use super::Case;
use super::install::spec;

/// How long nothing may be written.
const TIME: Duration = Duration::from_secs(45);

/// One long look.
pub fn cases() -> Vec<Case> {
    vec![Case::at(
        "rest",
        "at rest nothing is written, and no object of ours changes",
        rests,
    )]
}

async fn rests(site: Arc<Site>) -> Result<()> {
    let operator = site.operator().await?;
    let _hand = site.hand(Plays::servers());
    site.apply(spec("2.16.1")).await?;
    site.await_condition("Ready", "True", "AllReady").await?;
    // The first look at what is stored has ended, too.
    site.await_condition("SdkAligned", "True", "SdksAligned").await?;
    eventually("a pass finds nothing to do", || async {
        Ok((operator
            .count("kfp_operator_reconcile_total{result=\"settled\"}")
            .await?
            > 0.0)
            .then_some(()))
    })
    .await?;

    let requests = site.world.audit.requests()?.len();
    let status_writes = operator.count("kfp_operator_status_writes_total").await?;
    let passes = operator.passes().await?;
    let installation = site.installation().await?.metadata.resource_version;
    let before = site.versions().await?;
    let start = Instant::now();
    // At rest a pass comes once a minute; somebody's marks on an object of ours bring about more of them.
    for mark in 0..4 {
        let note = json!({"metadata": {"annotations": {"example.com/mark": mark.to_string()}}});
        site.patch("ConfigMap", "mysql-init", note).await?;
        operator.await_passes(1).await?;
    }
    tokio::time::sleep(TIME.saturating_sub(start.elapsed())).await;

    ensure!(
        operator.passes().await? >= passes + 4.0,
        "there were too few passes to say anything"
    );
    let mut asked = site.world.audit.requests()?.split_off(requests);
    asked.retain(|request| request.credential == operator.credential && request.resource != "leases");
    ensure!(
        asked.len() > 50,
        "only {} requests of the operator were seen",
        asked.len()
    );
    let written: Vec<_> = asked.iter().filter(|request| request.writes()).collect();
    ensure!(written.is_empty(), "the operator wrote: {written:#?}");
    ensure!(
        operator.count("kfp_operator_status_writes_total").await? <= status_writes,
        "a status was written"
    );
    ensure!(
        site.installation().await?.metadata.resource_version == installation,
        "the installation changed"
    );
    site.unchanged_but("ConfigMap/mysql-init", &before).await
}
