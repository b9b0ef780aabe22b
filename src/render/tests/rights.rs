//! Proof: what pods may read and do: keys, tokens, roles. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::{RELEASES, containers, every_rendering, list, objects, rendered};
use kfp_releases::Catalog;
use kfp_render::operand_cluster_roles;

#[test]
fn secrets_have_keys_and_an_annotation_and_no_values() {
    for (case, rendered) in every_rendering() {
        let secrets: Vec<_> = objects(&rendered)
            .into_iter()
            .filter(|(object, _)| object.kind() == "Secret")
            .collect();
        assert!(secrets.len() >= 4, "{case}");
        for (object, value) in secrets {
            assert_eq!(
                value["metadata"]["annotations"]["kfpops.dev/generated"],
                "true",
                "{case}: {}",
                object.name()
            );
            let data = value["data"].as_object().unwrap();
            assert!(
                !data.is_empty() && data.values().all(|value| value == ""),
                "{case}: {}",
                object.name()
            );
        }
    }
}

#[test]
fn every_key_that_a_pod_reads_is_made() {
    for (case, rendered) in every_rendering() {
        let all = objects(&rendered);
        let keys: BTreeMap<(&str, &str), BTreeSet<&String>> = all
            .iter()
            .filter(|(object, _)| ["Secret", "ConfigMap"].contains(&object.kind()))
            .map(|(object, value)| {
                let keys = value["data"]
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(key, _)| key)
                    .collect();
                ((object.kind(), object.name()), keys)
            })
            .collect();
        for (workload, container) in containers(&rendered) {
            for variable in list(&container["env"]) {
                for (field, kind) in [("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")] {
                    let at = &variable["valueFrom"][field];
                    if at.is_null() || at["optional"] == true {
                        continue;
                    }
                    let known = keys.get(&(kind, at["name"].as_str().unwrap()));
                    let made = known.is_some_and(|keys| keys.iter().any(|key| at["key"] == key.as_str()));
                    assert!(made, "{case}: {workload}: {} reads {at}", variable["name"]);
                }
            }
        }
    }
}

#[test]
fn no_pod_relies_on_service_links_or_holds_a_token_it_does_not_use() {
    for (case, rendered) in every_rendering() {
        for (object, value) in objects(&rendered)
            .iter()
            .filter(|(object, _)| object.pod_template().is_some())
        {
            let pod = &value["spec"]["template"]["spec"];
            assert_eq!(pod["enableServiceLinks"], false, "{case}: {}", object.name());
            let bound = ![
                "mysql",
                "minio",
                "seaweedfs",
                "metadata-grpc-deployment",
                "metadata-envoy-deployment",
            ]
            .contains(&object.name());
            assert!(
                bound || pod["automountServiceAccountToken"] == false,
                "{case}: {}",
                object.name()
            );
        }
    }
}

#[test]
fn the_database_secret_of_root_is_read_by_the_database_alone() {
    for (case, rendered) in every_rendering() {
        for (workload, container) in containers(&rendered) {
            let reads = container.to_string().contains("mysql-root-secret");
            assert_eq!(reads, workload == "mysql", "{case}: {workload}");
        }
    }
}

#[test]
fn rights_of_operands_have_no_wildcard_and_every_bound_role_ships() {
    let roles = operand_cluster_roles(Catalog::builtin().unwrap());
    let names: BTreeSet<String> = roles
        .iter()
        .filter_map(|role| role.metadata.name.clone())
        .collect();
    for role in &roles {
        for rule in role.rules.iter().flatten() {
            let lists = [&Some(rule.verbs.clone()), &rule.api_groups, &rule.resources];
            for item in lists.into_iter().flatten().flatten() {
                assert!(!item.contains('*'), "{:?}: {rule:?}", role.metadata.name);
            }
        }
    }
    for (case, rendered) in every_rendering() {
        for (object, value) in objects(&rendered)
            .iter()
            .filter(|(object, _)| object.kind() == "RoleBinding")
        {
            let bound = value["roleRef"]["name"].as_str().unwrap();
            assert!(names.contains(bound), "{case}: {} binds {bound}", object.name());
        }
    }
}

#[test]
fn steps_of_pipelines_get_named_secrets_and_can_start_or_enter_nothing() {
    let roles = operand_cluster_roles(Catalog::builtin().unwrap());
    for release in RELEASES {
        for (_, binding) in objects(&rendered(release)) {
            let steps = list(&binding["subjects"]).any(|subject| subject["name"] == "pipeline-runner");
            if !steps {
                continue;
            }
            let role = roles
                .iter()
                .find(|role| role.metadata.name.as_deref() == binding["roleRef"]["name"].as_str());
            for rule in role.unwrap().rules.iter().flatten() {
                let resources = rule.resources.clone().unwrap_or_default();
                let has = |name: &str| resources.iter().any(|resource| resource == name);
                assert!(
                    !has("secrets")
                        || rule
                            .resource_names
                            .as_ref()
                            .is_some_and(|names| !names.is_empty())
                );
                assert!(!has("pods/exec") && !has("pods/attach") && !has("pods/ephemeralcontainers"));
                let writes = rule
                    .verbs
                    .iter()
                    .any(|verb| ["create", "update", "patch"].contains(&verb.as_str()));
                let starts = [
                    "pods",
                    "deployments",
                    "replicasets",
                    "statefulsets",
                    "daemonsets",
                    "jobs",
                    "workflows",
                ];
                assert!(!writes || !starts.iter().any(|kind| has(kind)), "{rule:?}");
            }
        }
    }
}
