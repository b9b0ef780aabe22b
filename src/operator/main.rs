//! LOOP: start, lead, stop. Wires the rooms together; decides nothing about an installation.

mod backoff;
mod backups;
mod context;
mod controller;
mod events;
mod health;
mod inventories;
mod inventory_metrics;
mod job;
mod leader;
mod metrics;
mod pass;
mod resources;
mod restores;
mod settings;
mod status;
mod watches;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Parser as _;
use kfp_engine::Engine;
use kfp_engine::backup_jobs::{BackupJobs, Whereabouts};
use kfp_plan::Seen;
use kfp_releases::Catalog;
use kfp_releases::schema::SchemaCatalog;
use kfp_releases::version::{KubernetesVersion, MINIMUM_KUBERNETES};
use kube::Client;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::context::Context;
use crate::controller::Scope;
use crate::events::Events;
use crate::health::Health;
use crate::inventories::Inventories;
use crate::leader::{Candidate, Ended};
use crate::metrics::Metrics;
use crate::settings::{CommandLine, LogFormat, Settings, Task};

/// Passes under way may take this long to finish when the operator is told to stop; Kubernetes kills it after 30 s.
const GRACE: Duration = Duration::from_secs(25);
/// Pause between attempts to reach the API server at start.
const START_PAUSE: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let task = CommandLine::parse().task();
    let (log, form) = match &task {
        Task::Operate(settings) => (&settings.log, settings.log_format),
        Task::Job(settings) => (&settings.log, settings.log_format),
    };
    if let Err(error) = logging(log, form) {
        eprintln!("kfp-operator: {error:#}");
        return ExitCode::from(2);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "cannot start the runtime");
            return ExitCode::FAILURE;
        }
    };
    let code = match task {
        Task::Operate(settings) => match runtime.block_on(run(*settings)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&error),
        },
        Task::Job(settings) => runtime
            .block_on(job::run(&settings))
            .unwrap_or_else(|error| failed(&error)),
    };
    // Whatever still runs is cut off: nothing may be written after leadership ended.
    runtime.shutdown_background();
    code
}

fn failed(error: &anyhow::Error) -> ExitCode {
    tracing::error!(error = format!("{error:#}"), "stopped");
    ExitCode::FAILURE
}

fn logging(log: &str, form: LogFormat) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(log)
        .with_context(|| format!("--log {log} is no filter; write for example `info`"))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match form {
        LogFormat::Json => builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .init(),
        LogFormat::Text => builder.init(),
    }
    Ok(())
}

async fn run(settings: Settings) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    stop_on_signals(&stop)?;
    let metrics = Arc::new(Metrics::new());
    let health = Arc::new(Health::default());
    let serving = CancellationToken::new();
    tokio::spawn(health::beat(health.clone(), serving.clone()));
    health::serve(
        "probes",
        settings.health_address,
        health::probes(health.clone()),
        serving.clone(),
    )
    .await?;
    health::serve(
        "metrics",
        settings.metrics_address,
        health::metrics(metrics.clone()),
        serving.clone(),
    )
    .await?;

    let client = Client::try_default().await.context(
        "cannot find a Kubernetes API server; run in a pod with a service account, or set KUBECONFIG",
    )?;
    let context = Arc::new(context(&settings, client, metrics, health)?);
    tokio::select! {
        checked = check_kubernetes(&context.engine) => checked?,
        () = stop.cancelled() => return Ok(()),
    }
    let result = lead(&settings, context, &stop).await;
    serving.cancel();
    result
}

fn context(
    settings: &Settings,
    client: Client,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
) -> anyhow::Result<Context> {
    let catalog = Arc::new(
        Catalog::builtin()
            .context("the release catalog of this build is broken")?
            .clone(),
    );
    let schemas = Arc::new(SchemaCatalog::load().context("the schema catalog of this build is broken")?);
    let engine = Engine::new(client.clone(), catalog.clone(), schemas);
    let whereabouts = Whereabouts {
        namespace: namespace(settings, &client),
        pod: settings.identity.clone(),
        image: settings.job_image.clone(),
    };
    Ok(Context {
        jobs: BackupJobs::new(engine.clone(), whereabouts),
        inventories: Inventories::new(engine.clone(), metrics.clone()),
        engine,
        events: Events::new(client.clone(), &identity(settings), metrics.clone()),
        client,
        namespaces: settings.namespaces(),
        catalog,
        metrics,
        health,
        failures: backoff::Failures::default(),
        backup_failures: backoff::Failures::default(),
    })
}

/// Waits for an answer of the API server, and refuses to work on one that is too old.
async fn check_kubernetes(engine: &Engine) -> anyhow::Result<()> {
    loop {
        match engine.kubernetes().await {
            Seen::Known(version) => return supported(&version),
            Seen::Absent => bail!("the API server tells no version"),
            Seen::Unknown { why, .. } => {
                tracing::warn!(why, "the Kubernetes API server does not answer; trying again");
            }
        }
        tokio::time::sleep(START_PAUSE).await;
    }
}

fn supported(version: &str) -> anyhow::Result<()> {
    match version.parse::<KubernetesVersion>() {
        Ok(parsed) if parsed >= MINIMUM_KUBERNETES => {
            tracing::info!(version, "Kubernetes");
            Ok(())
        }
        Ok(_) => bail!(
            "Kubernetes {version} is too old: kfp-operator needs {MINIMUM_KUBERNETES} or newer; upgrade the cluster"
        ),
        Err(_) => bail!("the API server calls its version `{version}`, which is no version of Kubernetes"),
    }
}

/// Waits for the Lease, works while holding it, and gives it up at the end.
async fn lead(settings: &Settings, context: Arc<Context>, stop: &CancellationToken) -> anyhow::Result<()> {
    let namespace = namespace(settings, &context.client);
    let identity = identity(settings);
    let mut candidate = Candidate::new(
        context.client.clone(),
        &namespace,
        &settings.lease_name,
        &identity,
    );
    context.health.stand_by(true);
    if candidate.acquire(stop).await.is_err() {
        return Ok(());
    }
    context.health.stand_by(false);
    context.metrics.leading(true);
    tracing::info!(identity, namespace, lease = settings.lease_name, "leading");

    let scope = Scope {
        namespaces: settings.namespaces(),
        selector: settings.selector.clone(),
        concurrency: settings.concurrency,
    };
    let ended = work(&mut candidate, context.clone(), scope, stop).await;
    context.inventories.end_all();
    context.metrics.leading(false);
    match ended {
        Ended::Lost(why) => bail!("leadership lost: {why}"),
        Ended::Cancelled => {
            if let Err(error) = candidate.release().await {
                tracing::warn!(
                    error,
                    "the Lease could not be given up; another replica takes over when it expires"
                );
            }
            tracing::info!("stopped");
            Ok(())
        }
    }
}

/// Runs the loop while the Lease is held. Told to stop, it finishes the passes under way, still holding the Lease.
async fn work(
    candidate: &mut Candidate,
    context: Arc<Context>,
    scope: Scope,
    stop: &CancellationToken,
) -> Ended {
    let held = CancellationToken::new();
    let patience = async {
        stop.cancelled().await;
        context.health.stop();
        tracing::info!("stopping; finishing the passes under way");
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        ended = candidate.hold(&held) => ended,
        _ = futures::future::join(
            controller::run(context.clone(), scope.clone(), stop.clone()),
            backups::run(context.clone(), scope, stop.clone()),
        ) => Ended::Cancelled,
        () = patience => {
            tracing::warn!("passes took longer than {} s and were cut off; the next leader goes on", GRACE.as_secs());
            Ended::Cancelled
        }
    }
}

/// The operator's own namespace.
fn namespace(settings: &Settings, client: &Client) -> String {
    settings
        .namespace
        .clone()
        .unwrap_or_else(|| client.default_namespace().to_owned())
}

/// The name of this replica: the given one, or one that is made up once.
fn identity(settings: &Settings) -> String {
    static MADE: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let made = || {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host = if host.trim().is_empty() {
            "kfp-operator"
        } else {
            host.trim()
        };
        format!(
            "{host}-{:08x}",
            getrandom::u32().unwrap_or_else(|_| std::process::id())
        )
    };
    settings
        .identity
        .clone()
        .unwrap_or_else(|| MADE.get_or_init(made).clone())
}

fn stop_on_signals(stop: &CancellationToken) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let stop = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::supported;

    #[rstest]
    #[case("1.33", true)]
    #[case("1.40", true)]
    #[case("2.0", true)]
    #[case("1.32", false)]
    #[case("0.99", false)]
    #[case("", false)]
    #[case("1.x", false)]
    fn an_old_kubernetes_is_refused(#[case] version: &str, #[case] wanted: bool) {
        assert_eq!(supported(version).is_ok(), wanted);
    }
}
