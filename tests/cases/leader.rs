//! PROOF (real API server): of several operators one leads; the others write nothing, and take over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use kfp_tests::Site;
use kfp_tests::audit::Request;
use kfp_tests::hand::Plays;
use kfp_tests::operator::Operator;

use super::Case;
use super::install::spec;

/// Longest time until another one leads after a leader died: what is left of the Lease, a look at it, and a busy machine.
const TAKE_OVER: Duration = Duration::from_secs(35);

/// Killed, and stopped.
pub fn cases() -> Vec<Case> {
    vec![
        Case::at(
            "leader-killed",
            "of two operators one leads and writes; when it is killed the other takes over",
            killed,
        ),
        Case::at(
            "leader-stopped",
            "a leader that is told to stop hands over at once",
            stopped,
        ),
        Case::at(
            "leader-probes",
            "health, readiness and metrics tell who leads",
            probes,
        ),
    ]
}

fn written(site: &Site, operator: &Operator) -> Result<Vec<Request>> {
    let mut requests = site.world.audit.requests()?;
    requests.retain(|request| {
        request.credential == operator.credential && request.writes() && request.resource != "leases"
    });
    Ok(requests)
}

async fn killed(site: Arc<Site>) -> Result<()> {
    let first = site.operator().await?;
    first.await_leading().await?;
    let second = site.operator().await?;
    let _hand = site.hand(Plays::nothing());
    site.apply(spec("2.16.1")).await?;
    site.await_condition("DatabaseReady", "False", "Unreachable")
        .await?;
    ensure!(first.leads().await? && !second.leads().await?, "not one leads");
    ensure!(!written(&site, &first)?.is_empty(), "the leader wrote nothing");
    let strangers = written(&site, &second)?;
    ensure!(
        strangers.is_empty(),
        "the one that stands by wrote: {strangers:#?}"
    );

    first.kill().await?;
    site.delete("ConfigMap", "pipeline-install-config").await?;
    let start = Instant::now();
    second.await_leading().await?;
    ensure!(
        start.elapsed() < TAKE_OVER,
        "it took over only after {:?}",
        start.elapsed()
    );
    site.await_object("ConfigMap", "pipeline-install-config").await?;
    ensure!(
        !written(&site, &second)?.is_empty(),
        "the new leader wrote nothing"
    );
    Ok(())
}

async fn stopped(site: Arc<Site>) -> Result<()> {
    let first = site.operator().await?;
    first.await_leading().await?;
    let second = site.operator().await?;
    site.apply(spec("2.16.1")).await?;
    site.await_object("Deployment", "mysql").await?;
    first.stop().await?;
    let start = Instant::now();
    second.await_leading().await?;
    ensure!(
        start.elapsed() < Duration::from_secs(10),
        "it took over only after {:?}",
        start.elapsed()
    );
    Ok(())
}

async fn probes(site: Arc<Site>) -> Result<()> {
    let first = site.operator().await?;
    first.await_leading().await?;
    let second = site.operator().await?;
    for operator in [&first, &second] {
        kfp_tests::world::eventually("both probes are answered with 200", || async {
            Ok(
                (operator.probe("healthz").await? == 200 && operator.probe("readyz").await? == 200)
                    .then_some(()),
            )
        })
        .await?;
    }
    let metrics = first.metrics().await?;
    ensure!(
        metrics.ends_with("# EOF\n") && metrics.contains("kfp_operator_build_info"),
        "{metrics}"
    );
    site.apply(spec("2.16.1")).await?;
    site.await_condition("Reconciling", "True", "Progressing").await?;
    let condition = format!(
        "kfp_operator_installation_condition{{namespace=\"{0}\",name=\"{0}\",type=\"Ready\",status=\"False\"}}",
        site.name
    );
    ensure!(first.count(&condition).await? > 0.0, "{}", first.metrics().await?);
    Ok(())
}
