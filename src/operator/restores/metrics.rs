//! LOOP: what is counted of restores: few series for each installation that has any.

use kfp_api::KfpRestore;
use kfp_plan::RestoreState;
use kfp_plan::restores::holding;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::metrics::{InstallationLabels, ResultLabels};

/// Results of a restore.
const RESULTS: [&str; 2] = ["Complete", "Failed"];

/// Metrics of restores.
pub struct RestoreMetrics {
    ended: Family<ResultLabels, Counter>,
    holding: Family<InstallationLabels, Gauge>,
    incomplete: Family<InstallationLabels, Gauge>,
}

impl RestoreMetrics {
    /// Metrics with nothing counted yet, in this registry.
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            ended: Family::default(),
            holding: Family::default(),
            incomplete: Family::default(),
        };
        registry.register(
            "restores",
            "Restores that ended, by result",
            metrics.ended.clone(),
        );
        registry.register(
            "restore_under_way",
            "1 while a restore keeps an installation stopped",
            metrics.holding.clone(),
        );
        registry.register(
            "restore_incomplete",
            "1 while an installation is stopped because a restore gave up before its databases were whole",
            metrics.incomplete.clone(),
        );
        metrics
    }

    /// One restore that ended.
    pub fn ended(&self, namespace: &str, name: &str, complete: bool) {
        let result = if complete { RESULTS[0] } else { RESULTS[1] };
        let labels = ResultLabels::new(namespace, name, result);
        self.ended.get_or_create(&labels).inc();
    }

    /// The restores of an installation as they are now.
    pub fn show(&self, namespace: &str, name: &str, restores: &[&KfpRestore]) {
        let labels = InstallationLabels::new(namespace, name);
        if restores.is_empty() {
            self.holding.remove(&labels);
            self.incomplete.remove(&labels);
            return;
        }
        // Every result stands at 0 before it is counted: Prometheus sees no increase in a series that begins at 1.
        for result in RESULTS {
            let labels = ResultLabels::new(namespace, name, result);
            drop(self.ended.get_or_create(&labels));
        }
        let held = holding(restores.iter().copied(), name).map(|held| held.state);
        let count = |state| i64::from(held == Some(state));
        self.holding
            .get_or_create(&labels)
            .set(count(RestoreState::UnderWay));
        self.incomplete
            .get_or_create(&labels)
            .set(count(RestoreState::Incomplete));
    }

    /// Takes an installation that is gone out of the output.
    pub fn forget(&self, namespace: &str, name: &str) {
        self.show(namespace, name, &[]);
        for result in RESULTS {
            let labels = ResultLabels::new(namespace, name, result);
            self.ended.remove(&labels);
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_result_stands_at_0_before_it_is_counted_and_goes_with_its_installation() {
        let mut registry = Registry::default();
        let metrics = RestoreMetrics::new(&mut registry);
        let shown = || {
            let mut text = String::new();
            text::encode(&mut text, &registry).unwrap();
            text.lines()
                .filter(|line| line.starts_with("restores_total"))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let line = |result: &str, count: u32| {
            format!("restores_total{{namespace=\"team\",name=\"kfp\",result=\"{result}\"}} {count}")
        };
        let restore: KfpRestore = serde_json::from_value(json!({
            "apiVersion": "kfpops.dev/v1alpha1", "kind": "KfpRestore", "metadata": {"name": "back", "namespace": "team"},
            "spec": {"installation": "kfp", "source": {"type": "BackupRef", "backupRef": {"name": "monday"}}},
        }))
        .unwrap();
        metrics.show("team", "kfp", &[&restore]);
        let mut found = shown();
        found.sort();
        assert_eq!(found, [line("Complete", 0), line("Failed", 0)]);
        metrics.ended("team", "kfp", false);
        metrics.show("team", "kfp", &[&restore]);
        assert!(shown().contains(&line("Failed", 1)), "{:?}", shown());
        metrics.forget("team", "kfp");
        assert_eq!(shown(), Vec::<String>::new());
    }
}
