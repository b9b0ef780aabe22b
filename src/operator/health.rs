//! LOOP: `/healthz`, `/readyz` and `/metrics` over HTTP. Answers; changes nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::metrics::{self, Metrics};

/// The runtime is taken for stuck when its heartbeat is older than this.
pub const HEARTBEAT_LIMIT: Duration = Duration::from_secs(30);
/// Pause between two heartbeats.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// What the probes report. Shared by the whole program.
#[derive(Debug)]
pub struct Health {
    started: Instant,
    /// Milliseconds after `started` of the last heartbeat.
    beat: AtomicU64,
    standing_by: AtomicBool,
    watching: AtomicBool,
    stopping: AtomicBool,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            beat: AtomicU64::new(0),
            standing_by: AtomicBool::new(false),
            watching: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
        }
    }
}

impl Health {
    /// Another replica leads, and this one would take over.
    pub fn stand_by(&self, standing_by: bool) {
        self.standing_by.store(standing_by, Ordering::Relaxed);
    }

    /// The installations have been listed and are watched.
    pub fn watch(&self, watching: bool) {
        self.watching.store(watching, Ordering::Relaxed);
    }

    /// Shutting down: no longer ready.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Proof that the runtime still schedules tasks.
    pub fn heartbeat(&self) {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.beat.store(now, Ordering::Relaxed);
    }

    fn alive(&self) -> Result<(), String> {
        let last = Duration::from_millis(self.beat.load(Ordering::Relaxed));
        let silent = self.started.elapsed().saturating_sub(last);
        if silent > HEARTBEAT_LIMIT {
            return Err(format!("no task has run for {} s", silent.as_secs()));
        }
        Ok(())
    }

    fn ready(&self) -> Result<(), String> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err("shutting down".into());
        }
        let waiting = !self.watching.load(Ordering::Relaxed) && !self.standing_by.load(Ordering::Relaxed);
        if waiting {
            return Err("KfpInstallations have not been listed yet".into());
        }
        Ok(())
    }
}

/// Beats until cancelled.
pub async fn beat(health: Arc<Health>, cancel: CancellationToken) {
    while !cancel.is_cancelled() {
        health.heartbeat();
        tokio::select! {
            () = cancel.cancelled() => {}
            () = tokio::time::sleep(HEARTBEAT) => {}
        }
    }
}

fn answer(result: Result<(), String>) -> impl IntoResponse {
    match result {
        Ok(()) => (StatusCode::OK, "ok\n".to_owned()),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

/// The routes of the probes.
pub fn probes(health: Arc<Health>) -> Router {
    Router::new()
        .route(
            "/healthz",
            get(|State(health): State<Arc<Health>>| async move { answer(health.alive()) }),
        )
        .route(
            "/readyz",
            get(|State(health): State<Arc<Health>>| async move { answer(health.ready()) }),
        )
        .with_state(health)
}

/// The route of the metrics.
pub fn metrics(metrics: Arc<Metrics>) -> Router {
    let show = |State(metrics): State<Arc<Metrics>>| async move {
        ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics.text())
    };
    Router::new().route("/metrics", get(show)).with_state(metrics)
}

/// Listens at once, so that a taken address is an error at start, and serves until cancelled.
pub async fn serve(
    what: &'static str,
    address: SocketAddr,
    router: Router,
    cancel: CancellationToken,
) -> anyhow::Result<tokio::task::JoinHandle<()>> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address} for {what}; choose another address"))?;
    tracing::info!(%address, "serving {what}");
    Ok(tokio::spawn(async move {
        let stop = cancel.cancelled_owned();
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stop).await {
            tracing::error!(%error, "the server for {what} stopped");
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_is_ready_when_it_watches_or_stands_by_and_not_while_it_stops() {
        let health = Health::default();
        assert!(health.ready().is_err());
        health.stand_by(true);
        assert!(health.ready().is_ok());
        health.stand_by(false);
        assert!(health.ready().is_err());
        health.watch(true);
        assert!(health.ready().is_ok());
        health.stop();
        assert_eq!(health.ready(), Err("shutting down".into()));
    }

    #[test]
    fn a_fresh_heartbeat_is_alive_and_an_old_one_is_not() {
        let health = Health {
            started: Instant::now().checked_sub(Duration::from_mins(2)).unwrap(),
            ..Health::default()
        };
        assert!(health.alive().is_err());
        health.heartbeat();
        assert!(health.alive().is_ok());
    }
}
