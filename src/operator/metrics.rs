//! LOOP: what is counted and how it is shown (OpenMetrics). Counts; reads nothing from the cluster.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::backups::metrics::BackupMetrics;
use crate::inventory_metrics::InventoryMetrics;
use crate::restores::metrics::RestoreMetrics;

/// Media type of what [`Metrics::text`] returns.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Which installation a series is of.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct InstallationLabels {
    namespace: String,
    name: String,
}

impl InstallationLabels {
    pub(crate) fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

/// Which installation a series is of, and how what is counted ended.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct ResultLabels {
    namespace: String,
    name: String,
    result: String,
}

impl ResultLabels {
    pub(crate) fn new(namespace: &str, name: &str, result: &str) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
            result: result.into(),
        }
    }
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ResultLabel {
    result: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReasonLabel {
    reason: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ActionLabels {
    action: String,
    outcome: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ConditionLabels {
    namespace: String,
    name: String,
    r#type: String,
    status: String,
}

/// Namespace and name of an installation.
type Installation = (String, String);

/// All metrics of the operator, under the prefix `kfp_operator_`.
pub struct Metrics {
    registry: Registry,
    passes: Family<ResultLabel, Counter>,
    duration: Histogram,
    errors: Family<ReasonLabel, Counter>,
    actions: Family<ActionLabels, Counter>,
    status_writes: Counter,
    events: Counter,
    leader: Gauge,
    installations: Gauge,
    conditions: Family<ConditionLabels, Gauge<f64, AtomicU64>>,
    shown: Mutex<HashMap<Installation, Vec<ConditionLabels>>>,
    /// Of stored pipelines.
    pub inventory: InventoryMetrics,
    /// Of backups.
    pub backups: BackupMetrics,
    /// Of restores.
    pub restores: RestoreMetrics,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Metrics with nothing counted yet.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("kfp_operator");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The running program", build);
        // A pass at rest takes tens of milliseconds; one that waits on time limits up to half a minute.
        let buckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
        let mut metrics = Self {
            registry: Registry::default(),
            passes: Family::default(),
            duration: Histogram::new(buckets),
            errors: Family::default(),
            actions: Family::default(),
            status_writes: Counter::default(),
            events: Counter::default(),
            leader: Gauge::default(),
            installations: Gauge::default(),
            conditions: Family::default(),
            shown: Mutex::default(),
            inventory: InventoryMetrics::new(&mut registry),
            backups: BackupMetrics::new(&mut registry),
            restores: RestoreMetrics::new(&mut registry),
        };
        registry.register(
            "reconcile",
            "Passes over an installation, by result",
            metrics.passes.clone(),
        );
        registry.register(
            "reconcile_duration_seconds",
            "Duration of a pass over an installation",
            metrics.duration.clone(),
        );
        registry.register(
            "reconcile_errors",
            "Failed looks and acts, by reason",
            metrics.errors.clone(),
        );
        registry.register(
            "actions",
            "Actions carried out, by kind and outcome",
            metrics.actions.clone(),
        );
        registry.register(
            "status_writes",
            "Patches of an installation's status",
            metrics.status_writes.clone(),
        );
        registry.register("events", "Events published", metrics.events.clone());
        registry.register("leader", "1 while this replica leads", metrics.leader.clone());
        registry.register(
            "installations",
            "Installations that have been looked at",
            metrics.installations.clone(),
        );
        registry.register(
            "installation_condition",
            "Conditions of each installation: 1 for the status it has",
            metrics.conditions.clone(),
        );
        metrics.registry = registry;
        metrics
    }

    /// Everything in OpenMetrics text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut body = String::new();
        // Writing into a String cannot fail.
        let _ = text::encode(&mut body, &self.registry);
        body
    }

    /// One finished pass.
    pub fn pass(&self, result: &str, duration: Duration) {
        self.passes
            .get_or_create(&ResultLabel {
                result: result.into(),
            })
            .inc();
        self.duration.observe(duration.as_secs_f64());
    }

    /// One failed look or act.
    pub fn error(&self, reason: &str) {
        self.errors
            .get_or_create(&ReasonLabel {
                reason: reason.into(),
            })
            .inc();
    }

    /// One action.
    pub fn action(&self, action: &str, outcome: &str) {
        let labels = ActionLabels {
            action: action.into(),
            outcome: outcome.into(),
        };
        self.actions.get_or_create(&labels).inc();
    }

    /// One patch of a status.
    pub fn status_write(&self) {
        self.status_writes.inc();
    }

    /// One published Event.
    pub fn event(&self) {
        self.events.inc();
    }

    /// Whether this replica leads.
    pub fn leading(&self, leading: bool) {
        self.leader.set(i64::from(leading));
    }

    /// The conditions of an installation as they are now.
    pub fn conditions(&self, namespace: &str, name: &str, conditions: &[Condition]) {
        let key = (namespace.to_owned(), name.to_owned());
        let now: Vec<ConditionLabels> = conditions
            .iter()
            .map(|condition| ConditionLabels {
                namespace: namespace.into(),
                name: name.into(),
                r#type: condition.type_.clone(),
                status: condition.status.clone(),
            })
            .collect();
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        for gone in shown
            .get(&key)
            .into_iter()
            .flatten()
            .filter(|labels| !now.contains(labels))
        {
            self.conditions.remove(gone);
        }
        for labels in &now {
            self.conditions.get_or_create(labels).set(1.0);
        }
        shown.insert(key, now);
        self.installations
            .set(i64::try_from(shown.len()).unwrap_or(i64::MAX));
    }

    /// Takes an installation that is gone out of the output.
    pub fn forget(&self, namespace: &str, name: &str) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        for gone in shown
            .remove(&(namespace.to_owned(), name.to_owned()))
            .into_iter()
            .flatten()
        {
            self.conditions.remove(&gone);
        }
        self.installations
            .set(i64::try_from(shown.len()).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use k8s_openapi::jiff::Timestamp;

    use super::*;

    fn condition(type_: &str, status: &str) -> Condition {
        Condition {
            last_transition_time: Time(Timestamp::UNIX_EPOCH),
            message: String::new(),
            observed_generation: None,
            reason: "Because".into(),
            status: status.into(),
            type_: type_.into(),
        }
    }

    #[test]
    fn the_output_names_every_metric_with_the_prefix_and_ends_as_openmetrics_asks() {
        let metrics = Metrics::new();
        metrics.pass("settled", Duration::from_millis(20));
        metrics.error("Unreachable");
        metrics.action("Apply", "Done");
        metrics.leading(true);
        metrics.conditions("ns", "kfp", &[condition("Ready", "True")]);
        let text = metrics.text();
        for wanted in [
            "kfp_operator_build_info{version=\"",
            "kfp_operator_reconcile_total{result=\"settled\"} 1",
            "kfp_operator_reconcile_duration_seconds_count 1",
            "kfp_operator_reconcile_errors_total{reason=\"Unreachable\"} 1",
            "kfp_operator_actions_total{action=\"Apply\",outcome=\"Done\"} 1",
            "kfp_operator_leader 1",
            "kfp_operator_installation_condition{namespace=\"ns\",name=\"kfp\",type=\"Ready\",status=\"True\"} 1",
        ] {
            assert!(text.contains(wanted), "{wanted} is not in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn a_condition_that_changed_is_shown_once_and_one_that_is_gone_not_at_all() {
        let metrics = Metrics::new();
        metrics.conditions(
            "ns",
            "kfp",
            &[condition("Ready", "False"), condition("Stalled", "True")],
        );
        metrics.conditions("ns", "kfp", &[condition("Ready", "True")]);
        let shown = |text: &str| {
            text.lines()
                .filter(|line| line.contains("installation_condition{"))
                .count()
        };
        assert_eq!(shown(&metrics.text()), 1);
        metrics.forget("ns", "kfp");
        assert_eq!(shown(&metrics.text()), 0);
    }
}
