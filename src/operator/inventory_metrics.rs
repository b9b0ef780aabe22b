//! LOOP: what is counted of stored pipelines. The number of series is bounded for each installation: SDK versions beside the
//! most frequent ones share one.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kfp_engine::inventory::Tally;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::metrics::InstallationLabels;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct SdkLabels {
    namespace: String,
    name: String,
    kind: String,
    sdk: String,
    verdict: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReleaseLabels {
    namespace: String,
    name: String,
    kind: String,
    release: String,
    verdict: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct LookLabel {
    look: String,
}

/// What is shown of one installation.
#[derive(Default)]
struct Shown {
    sdks: Vec<SdkLabels>,
    releases: Vec<ReleaseLabels>,
}

/// Metrics of the looks at stored pipelines.
pub struct InventoryMetrics {
    sdks: Family<SdkLabels, Gauge>,
    releases: Family<ReleaseLabels, Gauge>,
    outside: Family<InstallationLabels, Gauge>,
    scanned: Family<InstallationLabels, Gauge<f64, AtomicU64>>,
    duration: Family<LookLabel, Histogram>,
    rows: Counter,
    shown: Mutex<HashMap<InstallationLabels, Shown>>,
}

/// A small look takes a tenth of a second, a full one of ten thousand pipelines minutes.
fn histogram() -> Histogram {
    Histogram::new([0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0])
}

impl InventoryMetrics {
    /// Metrics with nothing counted yet, in this registry.
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            sdks: Family::default(),
            releases: Family::default(),
            outside: Family::default(),
            scanned: Family::default(),
            duration: Family::new_with_constructor(histogram),
            rows: Counter::default(),
            shown: Mutex::default(),
        };
        registry.register(
            "sdk_pipelines",
            "Stored pipelines by the SDK that compiled them and how they fare on the running release",
            metrics.sdks.clone(),
        );
        registry.register(
            "release_pipelines",
            "Stored pipelines by how they fare on the running release and on each that it may go to",
            metrics.releases.clone(),
        );
        registry.register(
            "pipelines_outside_policy",
            "Pipeline versions and recurring runs whose SDK is outside the policy",
            metrics.outside.clone(),
        );
        registry.register(
            "inventory_last_full_scan_timestamp_seconds",
            "When the last look through all stored pipelines ended",
            metrics.scanned.clone(),
        );
        registry.register(
            "inventory_look_duration_seconds",
            "Duration of a look at stored pipelines, rests included",
            metrics.duration.clone(),
        );
        registry.register(
            "inventory_rows",
            "Rows that databases returned to looks at stored pipelines",
            metrics.rows.clone(),
        );
        metrics
    }

    /// One finished look.
    pub fn look(&self, look: &str, duration: Duration, rows: u64) {
        let label = LookLabel { look: look.into() };
        self.duration
            .get_or_create(&label)
            .observe(duration.as_secs_f64());
        self.rows.inc_by(rows);
    }

    /// What is known of an installation's stored pipelines now.
    pub fn show(
        &self,
        namespace: &str,
        name: &str,
        tally: &Tally,
        outside_policy: i64,
        scanned: Option<Timestamp>,
    ) {
        let installation = InstallationLabels::new(namespace, name);
        let mut now = Shown::default();
        for ((kind, sdk, lot), count) in &tally.sdks {
            let labels = SdkLabels {
                namespace: namespace.into(),
                name: name.into(),
                kind: kind.clone(),
                sdk: sdk.clone(),
                verdict: lot.as_str().into(),
            };
            self.sdks.get_or_create(&labels).set(*count);
            now.sdks.push(labels);
        }
        for ((kind, release, lot), count) in &tally.releases {
            let labels = ReleaseLabels {
                namespace: namespace.into(),
                name: name.into(),
                kind: kind.clone(),
                release: release.to_string(),
                verdict: lot.as_str().into(),
            };
            self.releases.get_or_create(&labels).set(*count);
            now.releases.push(labels);
        }
        self.outside.get_or_create(&installation).set(outside_policy);
        if let Some(scanned) = scanned {
            let second =
                std::time::Duration::from_millis(u64::try_from(scanned.as_millisecond()).unwrap_or(0));
            self.scanned
                .get_or_create(&installation)
                .set(second.as_secs_f64());
        }
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let before = shown.remove(&installation).unwrap_or_default();
        for labels in before.sdks.iter().filter(|labels| !now.sdks.contains(labels)) {
            self.sdks.remove(labels);
        }
        for labels in before
            .releases
            .iter()
            .filter(|labels| !now.releases.contains(labels))
        {
            self.releases.remove(labels);
        }
        shown.insert(installation, now);
    }

    /// Takes an installation out of the output.
    pub fn forget(&self, namespace: &str, name: &str) {
        let installation = InstallationLabels::new(namespace, name);
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(before) = shown.remove(&installation) else {
            return;
        };
        for labels in &before.sdks {
            self.sdks.remove(labels);
        }
        for labels in &before.releases {
            self.releases.remove(labels);
        }
        self.outside.remove(&installation);
        self.scanned.remove(&installation);
    }
}

#[cfg(test)]
mod tests {
    use kfp_engine::inventory::Lot;
    use prometheus_client::encoding::text::encode;

    use super::*;

    fn text(registry: &Registry) -> String {
        let mut text = String::new();
        encode(&mut text, registry).unwrap();
        text
    }

    fn tally(lot: Lot) -> Tally {
        let release = "2.16.1".parse().unwrap();
        Tally {
            sdks: [(("PipelineVersion".into(), "2.17.0".into(), lot), 3)].into(),
            releases: [(("PipelineVersion".into(), release, lot), 3)].into(),
        }
    }

    #[test]
    fn what_is_no_longer_so_is_no_longer_shown() {
        let mut registry = Registry::with_prefix("kfp_operator");
        let metrics = InventoryMetrics::new(&mut registry);
        metrics.show("ns", "kfp", &tally(Lot::Refused), 1, Some(Timestamp::UNIX_EPOCH));
        metrics.look("full", Duration::from_secs(1), 7);
        let before = text(&registry);
        for wanted in [
            "kfp_operator_sdk_pipelines{namespace=\"ns\",name=\"kfp\",kind=\"PipelineVersion\",sdk=\"2.17.0\",verdict=\"refused\"} 3",
            "kfp_operator_release_pipelines{namespace=\"ns\",name=\"kfp\",kind=\"PipelineVersion\",release=\"2.16.1\",verdict=\"refused\"} 3",
            "kfp_operator_pipelines_outside_policy{namespace=\"ns\",name=\"kfp\"} 1",
            "kfp_operator_inventory_last_full_scan_timestamp_seconds{namespace=\"ns\",name=\"kfp\"} 0.0",
            "kfp_operator_inventory_look_duration_seconds_count{look=\"full\"} 1",
            "kfp_operator_inventory_rows_total 7",
        ] {
            assert!(before.contains(wanted), "{wanted} is not in\n{before}");
        }
        metrics.show("ns", "kfp", &tally(Lot::Runs), 0, None);
        let after = text(&registry);
        assert!(
            !after.contains("refused") && after.contains("verdict=\"runs\"} 3"),
            "{after}"
        );
        metrics.forget("ns", "kfp");
        let gone = text(&registry);
        assert!(!gone.contains("namespace=\"ns\""), "{gone}");
    }
}
