//! LOOP: what is counted of backups: a handful of series for each installation that has any.

use std::sync::atomic::AtomicU64;

use jiff::Timestamp;
use kfp_api::KfpBackup;
use kfp_plan::backups::Summary;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::metrics::{InstallationLabels, ResultLabels};

type Seconds = Family<InstallationLabels, Gauge<f64, AtomicU64>>;

/// Metrics of backups.
pub struct BackupMetrics {
    verified: Seconds,
    complete: Seconds,
    duration: Seconds,
    stored: Family<InstallationLabels, Gauge>,
    taken: Family<ResultLabels, Counter>,
    checked: Family<ResultLabels, Counter>,
}

/// Results of taking a set.
const TAKEN: [&str; 2] = ["Complete", "Failed"];
/// Results of checking one.
const CHECKED: [&str; 3] = ["Equal", "Damaged", "NoVerdict"];

impl BackupMetrics {
    /// Metrics with nothing counted yet, in this registry.
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            verified: Family::default(),
            complete: Family::default(),
            duration: Family::default(),
            stored: Family::default(),
            taken: Family::default(),
            checked: Family::default(),
        };
        registry.register(
            "backup_last_verified_timestamp_seconds",
            "The moment that the newest verified backup holds",
            metrics.verified.clone(),
        );
        registry.register(
            "backup_last_complete_timestamp_seconds",
            "The moment that the newest complete backup holds",
            metrics.complete.clone(),
        );
        registry.register(
            "backup_last_duration_seconds",
            "How long it took to take the newest complete backup",
            metrics.duration.clone(),
        );
        registry.register(
            "backup_last_stored_bytes",
            "Bytes of the newest complete backup in its destination",
            metrics.stored.clone(),
        );
        registry.register("backups", "Backups that ended, by result", metrics.taken.clone());
        registry.register(
            "backup_verifications",
            "Checks of sets that ended, by result",
            metrics.checked.clone(),
        );
        metrics
    }

    /// One backup that ended.
    pub fn taken(&self, namespace: &str, name: &str, complete: bool) {
        let result = if complete { TAKEN[0] } else { TAKEN[1] };
        self.taken
            .get_or_create(&ResultLabels::new(namespace, name, result))
            .inc();
    }

    /// One check that ended: `Equal`, `Damaged` or `NoVerdict`.
    pub fn checked(&self, namespace: &str, name: &str, result: &str) {
        self.checked
            .get_or_create(&ResultLabels::new(namespace, name, result))
            .inc();
    }

    /// The backups of an installation as they are now.
    pub fn show(&self, namespace: &str, name: &str, summary: &Summary, backups: &[KfpBackup]) {
        self.begin(namespace, name);
        let labels = InstallationLabels::new(namespace, name);
        let Some(status) = &summary.status else {
            return self.hide(&labels);
        };
        for (gauge, seen) in [
            (&self.verified, &status.last_verified),
            (&self.complete, &status.last_complete),
        ] {
            match seen {
                Some(seen) => {
                    gauge.get_or_create(&labels).set(seconds(seen.instant.0));
                }
                None => {
                    gauge.remove(&labels);
                }
            }
        }
        let Some(complete) = &status.last_complete else {
            return;
        };
        self.stored.get_or_create(&labels).set(complete.stored_bytes);
        let taken = backups
            .iter()
            .find(|backup| backup.metadata.name.as_ref() == Some(&complete.name))
            .and_then(|backup| backup.status.as_ref());
        let span =
            taken.and_then(|status| Some((status.started_at.as_ref()?, status.completed_at.as_ref()?)));
        if let Some((started, completed)) = span {
            let took = completed.0.duration_since(started.0).as_secs_f64();
            self.duration.get_or_create(&labels).set(took);
        }
    }

    /// Takes an installation that is gone out of the output.
    pub fn forget(&self, namespace: &str, name: &str) {
        self.hide(&InstallationLabels::new(namespace, name));
        for result in TAKEN {
            self.taken.remove(&ResultLabels::new(namespace, name, result));
        }
        for result in CHECKED {
            self.checked.remove(&ResultLabels::new(namespace, name, result));
        }
    }

    /// Every result stands at 0 before it is counted: Prometheus sees no increase in a series that begins at 1.
    fn begin(&self, namespace: &str, name: &str) {
        let results = |counters: &Family<ResultLabels, Counter>, results: &[&str]| {
            for result in results {
                drop(counters.get_or_create(&ResultLabels::new(namespace, name, result)));
            }
        };
        results(&self.taken, &TAKEN);
        results(&self.checked, &CHECKED);
    }

    fn hide(&self, labels: &InstallationLabels) {
        self.verified.remove(labels);
        self.complete.remove(labels);
        self.duration.remove(labels);
        self.stored.remove(labels);
    }
}

fn seconds(time: Timestamp) -> f64 {
    time.duration_since(Timestamp::UNIX_EPOCH).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text;

    use super::*;

    #[test]
    fn every_result_stands_at_0_before_it_is_counted_and_goes_with_its_installation() {
        let mut registry = Registry::default();
        let metrics = BackupMetrics::new(&mut registry);
        let shown = || {
            let mut text = String::new();
            text::encode(&mut text, &registry).unwrap();
            text.lines()
                .filter(|line| !line.starts_with('#'))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        metrics.show("team", "kfp", &Summary::default(), &[]);
        let mut expected: Vec<String> = [
            ("backups", "Complete"),
            ("backups", "Failed"),
            ("backup_verifications", "Equal"),
            ("backup_verifications", "Damaged"),
            ("backup_verifications", "NoVerdict"),
        ]
        .map(|(name, result)| {
            format!("{name}_total{{namespace=\"team\",name=\"kfp\",result=\"{result}\"}} 0")
        })
        .into();
        let mut found = shown();
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
        metrics.taken("team", "kfp", false);
        metrics.checked("team", "kfp", "NoVerdict");
        metrics.show("team", "kfp", &Summary::default(), &[]);
        assert_eq!(shown().iter().filter(|line| line.ends_with(" 1")).count(), 2);
        metrics.forget("team", "kfp");
        assert_eq!(shown(), Vec::<String>::new());
    }
}
