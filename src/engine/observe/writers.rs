//! EYES: what still runs of the components that must stand still while rows are replaced. Reads; changes nothing.

use std::collections::BTreeMap;

use futures::future::join_all;
use k8s_openapi::api::core::v1::Pod;
use kfp_plan::{ObjectRef, Seen};
use kfp_releases::component::{Component, WorkloadKind};
use kfp_releases::validated::ValidatedInstallation;
use kube::Api;
use kube::api::ListParams;
use serde_json::Value;

use crate::cluster::{Cluster, limited, unknown};
use crate::error::Error;

/// In words, every workload that wants pods and every pod that is there, of components that must stand still.
pub async fn look(cluster: &Cluster, installation: &ValidatedInstallation) -> Seen<Vec<String>> {
    let namespace = &installation.namespace;
    let components = installation
        .running()
        .map(|(component, _)| component)
        .filter(|component| component.role.stands_still());
    let each = join_all(components.map(|component| of(cluster, namespace, component))).await;
    let mut found = Vec::new();
    for part in each {
        match part {
            Ok(part) => found.extend(part),
            Err(error) => return unknown(&error),
        }
    }
    Seen::Known(found)
}

async fn of(cluster: &Cluster, namespace: &str, component: &Component) -> Result<Vec<String>, Error> {
    let kind = match component.workload {
        WorkloadKind::Deployment => "Deployment",
        WorkloadKind::StatefulSet => "StatefulSet",
    };
    let workload = ObjectRef {
        kind: kind.to_owned(),
        name: component.name.clone(),
    };
    if let Some(there) = cluster.get(&workload, namespace).await?
        && wants_pods(&there)
    {
        return Ok(vec![format!("{workload} still wants pods")]);
    }
    let pods: Api<Pod> = Api::namespaced(cluster.client().clone(), namespace);
    let what = format!("list pods of {} in namespace {namespace}", component.name);
    let params = ListParams::default().labels(&selector(&component.selector));
    let there = limited(what, pods.list(&params)).await?;
    let runs = |pod: &Pod| {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        !matches!(phase, Some("Succeeded" | "Failed"))
    };
    let names = there.items.iter().filter(|pod| runs(pod));
    Ok(names
        .filter_map(|pod| pod.metadata.name.as_ref())
        .map(|name| format!("pod {name}"))
        .collect())
}

/// It was not scaled to zero, or its controller has not taken that up.
fn wants_pods(workload: &Value) -> bool {
    let number = |pointer: &str| workload.pointer(pointer).and_then(Value::as_i64);
    let current = number("/status/observedGeneration") >= number("/metadata/generation");
    number("/spec/replicas").unwrap_or(1) > 0 || !current
}

fn selector(labels: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    pairs.join(",")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case::running(json!({"metadata": {"generation": 1}, "spec": {"replicas": 1}, "status": {"observedGeneration": 1}}), true)]
    #[case::just_scaled(json!({"metadata": {"generation": 2}, "spec": {"replicas": 0}, "status": {"observedGeneration": 1}}), true)]
    #[case::at_zero(json!({"metadata": {"generation": 2}, "spec": {"replicas": 0}, "status": {"observedGeneration": 2}}), false)]
    #[case::never_said(json!({"metadata": {"generation": 1}, "spec": {}, "status": {"observedGeneration": 1}}), true)]
    fn a_workload_stands_still_once_its_controller_knows_that_it_shall(
        #[case] workload: Value,
        #[case] wants: bool,
    ) {
        assert_eq!(wants_pods(&workload), wants);
    }

    #[test]
    fn pods_are_those_that_the_workload_selects() {
        let labels = BTreeMap::from([("app".into(), "ml-pipeline".into()), ("id".into(), "kfp".into())]);
        assert_eq!(selector(&labels), "app=ml-pipeline,id=kfp");
    }
}
