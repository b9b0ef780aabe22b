//! Proof: rules that every rendered object keeps: labels, ownership, names, images, order. Pure.

use std::collections::BTreeSet;

use kfp_render::Object;
use serde_json::{Value, json};

use crate::common::{RELEASES, containers, every_rendering, list, objects, rendered};

#[test]
fn every_object_says_whose_it_is_in_metadata_only() {
    for (case, rendered) in every_rendering() {
        for (object, value) in objects(&rendered) {
            let at = format!("{case}: {} {}", object.kind(), object.name());
            let labels = &value["metadata"]["labels"];
            assert_eq!(labels["kfpops.dev/installation"], "pipelines", "{at}");
            assert_eq!(labels["app.kubernetes.io/managed-by"], "kfp-operator", "{at}");
            assert_eq!(
                labels["app.kubernetes.io/version"],
                rendered.release.as_str(),
                "{at}"
            );
            for key in ["name", "component", "part-of"] {
                assert!(
                    labels[format!("app.kubernetes.io/{key}")].is_string(),
                    "{at}: {key}"
                );
            }
            assert!(labels["app.kubernetes.io/instance"].is_null(), "{at}");
            assert_eq!(
                labels["kfpops.dev/release"].is_string(),
                object.pod_template().is_some(),
                "{at}"
            );
            let spec = value["spec"].to_string();
            assert!(
                !spec.contains("kfpops.dev/installation"),
                "{at}: our label stands in the spec"
            );
            let template = value["spec"]["template"]["metadata"].to_string();
            assert!(
                !template.contains(&rendered.release),
                "{at}: the version stands in the pod's metadata"
            );
            let selector = value["spec"]["selector"].to_string();
            assert!(
                !selector.contains(&rendered.release),
                "{at}: the version stands in the selector"
            );
        }
    }
}

#[test]
fn data_and_cluster_scoped_objects_are_not_owned_and_the_rest_is() {
    for (case, rendered) in every_rendering() {
        for (object, value) in objects(&rendered) {
            let kept = ["PersistentVolumeClaim", "Secret"].contains(&object.kind()) || !object.namespaced();
            let owners = &value["metadata"]["ownerReferences"];
            assert_eq!(
                owners.is_null(),
                kept,
                "{case}: {} {}",
                object.kind(),
                object.name()
            );
        }
    }
}

#[test]
fn no_object_is_rendered_twice() {
    for (case, rendered) in every_rendering() {
        let mut seen = BTreeSet::new();
        for object in rendered.objects() {
            assert!(
                seen.insert((object.kind(), object.name().to_owned())),
                "{case}: {} {}",
                object.kind(),
                object.name()
            );
        }
    }
}

#[test]
fn every_image_has_a_fixed_tag() {
    for (case, rendered) in every_rendering() {
        let yaml = kfp_render::to_yaml(&rendered).unwrap();
        assert!(!yaml.contains(":latest"), "{case}");
        for (workload, container) in containers(&rendered) {
            let image = container["image"].as_str().unwrap();
            let tag = image
                .rsplit('/')
                .next()
                .unwrap()
                .split_once(':')
                .map(|(_, tag)| tag);
            assert!(
                tag.is_some_and(|tag| !tag.is_empty()),
                "{case}: {workload}: {image}"
            );
        }
    }
}

#[test]
fn every_volume_and_service_account_that_a_pod_names_is_rendered() {
    for (case, rendered) in every_rendering() {
        let all = objects(&rendered);
        let there = |kind: &str, name: &Value| {
            all.iter()
                .any(|(object, _)| object.kind() == kind && name == object.name())
        };
        for (object, value) in all.iter().filter(|(object, _)| object.pod_template().is_some()) {
            let at = format!("{case}: {}", object.name());
            let pod = &value["spec"]["template"]["spec"];
            let account = &pod["serviceAccountName"];
            assert!(
                account.is_null() || there("ServiceAccount", account),
                "{at}: {account}"
            );
            let mounted: BTreeSet<&str> = list(&pod["volumes"])
                .filter_map(|volume| volume["name"].as_str())
                .collect();
            for volume in list(&pod["volumes"]) {
                let (secret, map, claim) = (
                    &volume["secret"],
                    &volume["configMap"],
                    &volume["persistentVolumeClaim"],
                );
                assert!(
                    secret.is_null() || there("Secret", &secret["secretName"]),
                    "{at}: {volume}"
                );
                assert!(
                    map.is_null() || map["optional"] == true || there("ConfigMap", &map["name"]),
                    "{at}: {volume}"
                );
                assert!(
                    claim.is_null() || there("PersistentVolumeClaim", &claim["claimName"]),
                    "{at}: {volume}"
                );
            }
            for container in list(&pod["initContainers"]).chain(list(&pod["containers"])) {
                for mount in list(&container["volumeMounts"]) {
                    assert!(mounted.contains(mount["name"].as_str().unwrap()), "{at}: {mount}");
                }
            }
        }
    }
}

#[test]
fn selectors_select_the_pods_of_their_own_component() {
    for (case, rendered) in every_rendering() {
        for component in &rendered.components {
            let Some(workload) = component.workload.as_ref().map(Object::to_json) else {
                continue;
            };
            let labels = &workload["spec"]["template"]["metadata"]["labels"];
            let matches = |selector: &Value| {
                selector
                    .as_object()
                    .unwrap()
                    .iter()
                    .all(|(key, value)| labels[key] == *value)
            };
            assert!(
                matches(&workload["spec"]["selector"]["matchLabels"]),
                "{case}: {}",
                component.name
            );
            for service in component.base.iter().filter(|object| object.kind() == "Service") {
                assert!(
                    matches(&service.to_json()["spec"]["selector"]),
                    "{case}: {}",
                    service.name()
                );
            }
        }
    }
}

#[test]
fn a_component_comes_after_those_that_it_waits_for() {
    for (case, rendered) in every_rendering() {
        let mut seen = BTreeSet::new();
        for component in &rendered.components {
            for before in &component.after {
                assert!(
                    seen.contains(before),
                    "{case}: {} stands before {before}",
                    component.name
                );
            }
            seen.insert(component.name.clone());
        }
        assert_eq!(rendered.components[0].name, kfp_render::SHARED);
    }
}

#[test]
fn the_claim_of_the_database_says_its_engine() {
    for (case, rendered) in every_rendering() {
        let all = objects(&rendered);
        let claim = all
            .iter()
            .find(|(object, _)| object.name() == "mysql-pv-claim")
            .unwrap();
        let engine = claim.1["metadata"]["annotations"]["kfpops.dev/database-engine"]
            .as_str()
            .unwrap();
        assert!(case.contains(engine), "{case}: {engine}");
    }
}

#[test]
fn the_webhook_looks_at_marked_pods_of_its_namespace_and_fails_open() {
    for release in RELEASES {
        let rendered = rendered(release);
        let all = objects(&rendered);
        let (object, value) = all
            .iter()
            .find(|(object, _)| object.kind() == "MutatingWebhookConfiguration")
            .unwrap();
        assert_eq!(object.name(), "cache-webhook-team-a");
        let hook = &value["webhooks"][0];
        assert_eq!(hook["failurePolicy"], "Ignore");
        assert_eq!(
            hook["namespaceSelector"]["matchLabels"],
            json!({"kubernetes.io/metadata.name": "team-a"})
        );
        assert_eq!(
            hook["objectSelector"]["matchLabels"],
            json!({"pipelines.kubeflow.org/cache_enabled": "true"})
        );
        assert!(hook["clientConfig"]["caBundle"].is_null());
        let component = rendered.component("cache-server").unwrap();
        assert_eq!(component.trusts[0].configuration, object.name());
        let secret = component
            .secrets
            .iter()
            .find(|secret| secret.name() == component.trusts[0].secret)
            .unwrap();
        let names = &secret.certificate.as_ref().unwrap().dns_names;
        assert!(names.contains(&"cache-server.team-a.svc".to_owned()), "{names:?}");
    }
}
