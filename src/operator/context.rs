//! LOOP: what every pass shares. Holds handles and counters; decides nothing.

use std::sync::Arc;

use kfp_engine::Engine;
use kfp_engine::backup_jobs::BackupJobs;
use kfp_releases::Catalog;
use kube::Client;

use crate::backoff::Failures;
use crate::events::Events;
use crate::health::Health;
use crate::inventories::Inventories;
use crate::metrics::Metrics;

/// Namespace and name of an installation.
pub type Key = (String, String);

/// What every pass shares.
pub struct Context {
    /// The Kubernetes client, for the status and Events.
    pub client: Client,
    /// Eyes and hands.
    pub engine: Engine,
    /// Jobs of the operator's own image.
    pub jobs: BackupJobs,
    /// Looks at stored pipelines, beside the passes.
    pub inventories: Inventories,
    /// Namespaces that are looked after; empty for all.
    pub namespaces: Vec<String>,
    /// Every known release.
    pub catalog: Arc<Catalog>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What the probes report.
    pub health: Arc<Health>,
    /// Where Events go.
    pub events: Events,
    /// Failures in a row.
    pub failures: Failures<Key>,
    /// The same of passes over backups.
    pub backup_failures: Failures<Key>,
}

impl Context {
    /// Forgets an installation that is gone.
    pub fn forget(&self, key: &Key) {
        self.failures.clear(key);
        self.inventories.end(key);
        self.metrics.forget(&key.0, &key.1);
        self.metrics.restores.forget(&key.0, &key.1);
    }
}
