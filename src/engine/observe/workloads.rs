//! EYES: a workload as it stands: drift, release, replicas, and why its pods are not ready. Changes nothing.

use std::collections::BTreeSet;

use kfp_api::names::RELEASE_LABEL;
use kfp_plan::{Seen, WorkloadSeen};
use kfp_render::Object;
use serde_json::Value;

use super::trouble;
use crate::cluster::Cluster;
use crate::desired::{drift, prepare, reference};
use crate::live::{Live, label};

/// Kinds of workloads.
pub const WORKLOADS: [&str; 2] = ["Deployment", "StatefulSet"];

/// The workload of one component; `Absent` for a component without one.
pub async fn look(
    cluster: &Cluster,
    namespace: &str,
    workload: Option<&Object>,
    live: &Live,
) -> Seen<WorkloadSeen> {
    let Some(object) = workload else {
        return Seen::Absent;
    };
    let found = match live.seen(&reference(object)) {
        Seen::Known(found) => found,
        Seen::Absent => return Seen::Absent,
        Seen::Unknown { reason, why } => return Seen::Unknown { reason, why },
    };
    let difference = drift(&prepare(object, &[].into()), found);
    if let Some(field) = &difference {
        tracing::debug!(namespace, object = object.name(), field, "drift");
    }
    let mut seen = stand(found);
    seen.drift = difference.is_some();
    if !(seen.current && seen.ready >= seen.desired) {
        seen.trouble = match trouble::look(cluster, namespace, found).await {
            Ok(trouble) => trouble,
            Err(error) => vec![error.to_string()],
        };
    }
    Seen::Known(seen)
}

/// Replicas, release and image of a live workload.
fn stand(found: &Value) -> WorkloadSeen {
    let number = |pointer: &str| found.pointer(pointer).and_then(Value::as_i64).unwrap_or_default();
    let generation = number("/metadata/generation");
    // `readyReplicas` counts pods of the old template too; those still there are taken off, so that a rolling change
    // does not look finished before it is.
    let outdated = number("/status/replicas") - number("/status/updatedReplicas");
    let ready = (number("/status/readyReplicas") - outdated.max(0)).max(0);
    WorkloadSeen {
        drift: false,
        release: label(found, RELEASE_LABEL).map(str::to_owned),
        image: found
            .pointer("/spec/template/spec/containers/0/image")
            .and_then(Value::as_str)
            .map(str::to_owned),
        desired: i32::try_from(
            found
                .pointer("/spec/replicas")
                .and_then(Value::as_i64)
                .unwrap_or(1),
        )
        .unwrap_or(i32::MAX),
        ready: i32::try_from(ready).unwrap_or(i32::MAX),
        current: number("/status/observedGeneration") >= generation,
        trouble: Vec::new(),
    }
}

/// Release labels of every workload of the installation, rendered or not.
#[must_use]
pub fn installed(live: &Live) -> Seen<BTreeSet<String>> {
    if let Some((reason, why)) = live.unlisted(&WORKLOADS) {
        return Seen::Unknown { reason, why };
    }
    let releases: BTreeSet<String> = live
        .all()
        .filter(|(object, _)| WORKLOADS.contains(&object.kind.as_str()))
        .filter_map(|(_, found)| label(found, RELEASE_LABEL).map(str::to_owned))
        .collect();
    if releases.is_empty() {
        Seen::Absent
    } else {
        Seen::Known(releases)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::all_ready(json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2}), 2, true)]
    #[case::an_old_pod_still_serves(
        json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 2, "readyReplicas": 3}), 2, true)]
    #[case::only_the_old_pod_serves(
        json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 1, "readyReplicas": 1}), 0, true)]
    #[case::the_controller_has_not_looked(json!({"observedGeneration": 1, "replicas": 2, "readyReplicas": 2,
        "updatedReplicas": 2}), 2, false)]
    #[case::nothing_yet(json!({}), 0, false)]
    fn only_pods_of_the_newest_template_count_as_ready(
        #[case] status: Value,
        #[case] ready: i32,
        #[case] current: bool,
    ) {
        let found = json!({"metadata": {"generation": 2, "labels": {RELEASE_LABEL: "2.16.1"}},
            "spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "main", "image": "x:1"}]}}},
            "status": status});
        let seen = stand(&found);
        assert_eq!((seen.desired, seen.ready, seen.current), (2, ready, current));
        assert_eq!(
            (seen.release.as_deref(), seen.image.as_deref()),
            (Some("2.16.1"), Some("x:1"))
        );
    }
}
