//! EYES: are the CustomResourceDefinitions that a release needs served as it needs them? Changes nothing.
//!
//! What the API server says it serves (discovery) is looked at, not the definitions: they can be megabytes each, and one
//! that is there but not established serves nothing.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResourceList;
use kfp_plan::Seen;

use crate::cluster::{Cluster, limited, unknown};
use crate::error::Error;

/// What controllers and pipelines do with these resources.
const VERBS: [&str; 7] = ["create", "delete", "get", "list", "patch", "update", "watch"];

/// What is wrong with the needed definitions (`plural.group` and version), by name; empty when all fit.
pub async fn look(cluster: &Cluster, needed: &BTreeMap<String, String>) -> Seen<BTreeMap<String, String>> {
    let versions: BTreeSet<String> = needed
        .iter()
        .filter_map(|(name, version)| group_version(name, version))
        .collect();
    let answers = join_all(
        versions
            .iter()
            .map(|version| async move { (version, served(cluster, version).await) }),
    )
    .await;
    let mut lists = BTreeMap::new();
    for (version, answer) in answers {
        match answer {
            Ok(list) => lists.insert(version.clone(), list),
            Err(error) => return unknown(&error),
        };
    }
    let problem = |(name, version): (&String, &String)| {
        let list = group_version(name, version).and_then(|version| lists.get(&version).cloned().flatten());
        problem(name, version, list.as_ref()).map(|problem| (name.clone(), problem))
    };
    Seen::Known(needed.iter().filter_map(problem).collect())
}

async fn served(cluster: &Cluster, version: &str) -> Result<Option<APIResourceList>, Error> {
    let what = format!("list the resources that the API server serves in {version}");
    match limited(what, cluster.client().list_api_group_resources(version)).await {
        Ok(list) => Ok(Some(list)),
        Err(error) if error.status() == Some(404) => Ok(None),
        Err(error) => Err(error),
    }
}

fn group_version(name: &str, version: &str) -> Option<String> {
    name.split_once('.')
        .map(|(_, group)| format!("{group}/{version}"))
}

fn problem(name: &str, version: &str, list: Option<&APIResourceList>) -> Option<String> {
    let plural = name.split('.').next().unwrap_or_default();
    let Some(resource) = list.and_then(|list| list.resources.iter().find(|resource| resource.name == plural))
    else {
        return Some(format!(
            "it is not installed, or does not serve version {version}"
        ));
    };
    if !resource.namespaced && !name.starts_with("cluster") {
        return Some("it is cluster-scoped and must be namespaced".into());
    }
    let missing: Vec<&str> = VERBS
        .into_iter()
        .filter(|verb| !resource.verbs.iter().any(|have| have == verb))
        .collect();
    (!missing.is_empty()).then(|| format!("it does not allow {}", missing.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn list(resource: &serde_json::Value) -> APIResourceList {
        serde_json::from_value(json!({"groupVersion": "argoproj.io/v1alpha1", "resources": [resource]}))
            .unwrap()
    }

    #[rstest]
    #[case::served("workflows.argoproj.io", "workflows", true, &VERBS, None)]
    #[case::another_resource("workflows.argoproj.io", "cronworkflows", true, &VERBS,
        Some("it is not installed, or does not serve version v1alpha1"))]
    #[case::of_another_scope("workflows.argoproj.io", "workflows", false, &VERBS,
        Some("it is cluster-scoped and must be namespaced"))]
    #[case::cluster_scoped_by_name("clusterworkflowtemplates.argoproj.io", "clusterworkflowtemplates", false, &VERBS, None)]
    #[case::read_only("workflows.argoproj.io", "workflows", true, &["get", "list", "watch"],
        Some("it does not allow create, delete, patch, update"))]
    fn a_definition_fits_when_it_is_served_as_needed(
        #[case] name: &str,
        #[case] plural: &str,
        #[case] namespaced: bool,
        #[case] verbs: &[&str],
        #[case] wanted: Option<&str>,
    ) {
        let list = list(&json!({
            "name": plural, "singularName": "", "namespaced": namespaced, "kind": "X", "verbs": verbs
        }));
        assert_eq!(problem(name, "v1alpha1", Some(&list)).as_deref(), wanted);
    }
}
