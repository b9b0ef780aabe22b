//! PROOF (real API server, real database): the operator killed, stopped and cut off in the middle of an installation.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use k8s_openapi::api::coordination::v1::Lease;
use kfp_tests::Site;
use kfp_tests::hand::Plays;
use kfp_tests::operator::{Operator, Settings};
use kfp_tests::proxy::{Mode, Proxy};
use kfp_tests::world::PATIENCE;
use kube::Api;

use super::Case;
use super::install::spec;

/// How often the operator is killed in one installation.
const KILLS: u64 = 8;

/// Killed, stopped, cut off, kept waiting.
pub fn cases() -> Vec<Case> {
    vec![
        Case::at(
            "faults-kill",
            "killed at many moments of an installation, the operator still brings it to Ready",
            killed,
        ),
        Case::at(
            "faults-cut",
            "cut off from the API server again and again, it still brings it to Ready",
            |site| through(site, Mode::Cut, Duration::from_secs(3)),
        ),
        Case::at(
            "faults-stall",
            "with requests that hang for seconds, it still brings it to Ready",
            |site| through(site, Mode::Stall, Duration::from_secs(6)),
        ),
        Case::at(
            "faults-lost",
            "an operator that cannot renew its Lease ends itself, and the next one goes on",
            lost,
        ),
        Case::at(
            "faults-stop",
            "told to stop in the middle, it ends well at once and gives up its Lease",
            stopped,
        ),
    ]
}

/// No Secret was ever made twice or changed, whatever happened in between.
fn secrets_made_once(site: &Site) -> Result<()> {
    let mut made = site.writes()?;
    made.retain(|request| request.resource == "secrets" && request.code < 300);
    ensure!(
        made.len() == 4 && made.iter().all(|request| request.verb == "create"),
        "{made:#?}"
    );
    Ok(())
}

async fn killed(site: Arc<Site>) -> Result<()> {
    let _hand = site.hand(Plays::servers());
    site.apply(spec("2.16.1")).await?;
    for kill in 0..KILLS {
        let operator = site.operator().await?;
        // A killed leader keeps its Lease until it expires; another one must not wait for that here.
        release(&site).await?;
        operator.await_leading().await?;
        // From before the first write to the middle of the workloads: some part of a pass each time.
        tokio::time::sleep(Duration::from_millis(kill * kill * 25 + kill * 35)).await;
        operator.kill().await?;
    }
    release(&site).await?;
    let _operator = site.operator().await?;
    site.await_condition("Ready", "True", "AllReady").await?;
    secrets_made_once(&site)
}

/// Takes the Lease from a dead operator, as its expiry would.
async fn release(site: &Site) -> Result<()> {
    let leases: Api<Lease> = Api::namespaced(site.world.client.clone(), &site.lease_namespace());
    if leases.get_opt("kfp-operator").await?.is_some() {
        leases
            .delete("kfp-operator", &kube::api::DeleteParams::default())
            .await?;
    }
    Ok(())
}

async fn through(site: Arc<Site>, mode: Mode, time: Duration) -> Result<()> {
    let proxy = Proxy::before(&site.world).await?;
    let settings = Settings {
        server: Some(proxy.address()),
        ..Settings::default()
    };
    let mut operator = Operator::start(&site, settings.clone()).await?;
    operator.await_leading().await?;
    let _hand = site.hand(Plays::servers());
    site.apply(spec("2.16.1")).await?;
    for pause in [300, 1500, 3000] {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        proxy.set(mode);
        tokio::time::sleep(time).await;
        proxy.set(Mode::Pass);
    }
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        // One that could not renew its Lease in time ends, and Kubernetes starts the next one.
        if !operator.runs()? {
            ensure!(
                operator.log()?.contains("leadership lost"),
                "the operator ended for no good reason"
            );
            operator = Operator::start(&site, settings.clone()).await?;
        }
        if site
            .condition("Ready")
            .await?
            .is_some_and(|condition| condition.status == "True")
        {
            return secrets_made_once(&site);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    bail!("it did not become ready")
}

async fn lost(site: Arc<Site>) -> Result<()> {
    let proxy = Proxy::before(&site.world).await?;
    let settings = Settings {
        server: Some(proxy.address()),
        ..Settings::default()
    };
    let mut operator = Operator::start(&site, settings).await?;
    operator.await_leading().await?;
    let _hand = site.hand(Plays::servers());
    site.apply(spec("2.16.1")).await?;
    site.await_object("Deployment", "mysql").await?;
    proxy.set(Mode::Stall);
    let status = operator.await_end(Duration::from_secs(25)).await?;
    ensure!(!status.success(), "it ended as if all were well");
    ensure!(
        operator.log()?.contains("leadership lost"),
        "it does not say why it ended"
    );
    let next = site.operator().await?;
    next.await_leading().await?;
    site.await_condition("Ready", "True", "AllReady").await?;
    Ok(())
}

async fn stopped(site: Arc<Site>) -> Result<()> {
    let operator = site.operator().await?;
    let _hand = site.hand(Plays::servers());
    site.apply(spec("2.16.1")).await?;
    site.await_object("Service", "mysql").await?;
    operator.stop().await?;
    let leases: Api<Lease> = Api::namespaced(site.world.client.clone(), &site.lease_namespace());
    let holder = leases
        .get("kfp-operator")
        .await?
        .spec
        .and_then(|spec| spec.holder_identity);
    ensure!(
        holder.unwrap_or_default().is_empty(),
        "the Lease was not given up"
    );
    site.stays_untouched(Duration::from_secs(2), false).await?;
    let next = site.operator().await?;
    site.await_condition("Ready", "True", "AllReady").await?;
    // At rest it ends as well.
    next.stop().await
}
