//! Proof: every connection that a rendering implies is allowed by a rendered NetworkPolicy. Pure; no network enforced it.

use rstest::rstest;
use serde_json::{Value, json};

use crate::common::{NAMESPACE, RELEASES, every_rendering, rendered, restricted};
use crate::world::{Labels, World, list, pod_labels, selects};

#[test]
fn every_implied_connection_is_allowed() {
    for (case, rendered) in every_rendering() {
        let world = World::new(&rendered, NAMESPACE);
        let connections = world.connections();
        assert!(connections.len() >= 12, "{case}: only {connections:#?}");
        for connection in connections {
            let client = world
                .workloads()
                .find(|workload| workload["metadata"]["name"] == connection.from.as_str());
            let (to, port) = world.target(&connection.service, connection.port);
            assert!(
                world.allowed(Some(&pod_labels(client.unwrap())), &to, port),
                "{case}: {connection:?} is closed"
            );
        }
    }
}

/// The connections that the parts of KFP are known to make (kubeflow/pipelines 2.17.0, manifests and sources), by
/// workload, Service and port: what the reading above must find at least.
#[rstest]
#[case("ml-pipeline", "mysql", 3306)]
#[case("ml-pipeline", "ml-pipeline-visualizationserver", 8888)]
#[case("ml-pipeline-ui", "ml-pipeline", 8888)]
#[case("ml-pipeline-ui", "metadata-envoy-service", 9090)]
#[case("metadata-grpc-deployment", "mysql", 3306)]
#[case("metadata-envoy-deployment", "metadata-grpc-service", 8080)]
#[case("cache-server", "mysql", 3306)]
fn the_reading_finds_known_connections(#[case] from: &str, #[case] service: &str, #[case] port: i64) {
    for release in RELEASES {
        let world = World::new(&rendered(release), NAMESPACE);
        // 2.5.0's gateway has its configuration in its image.
        if from == "metadata-envoy-deployment"
            && world.named("ConfigMap", "metadata-envoy-configmap").is_none()
        {
            continue;
        }
        let found = world.connections();
        let seen = found
            .iter()
            .any(|one| (one.from.as_str(), one.service.as_str(), one.port) == (from, service, port));
        assert!(seen, "{release}: {found:#?}");
    }
}

/// Connections to names that stand in the programs themselves (kubeflow/pipelines 2.17.0, backend sources), so that no
/// rendered value speaks of them.
#[rstest]
#[case("metadata-writer", "metadata-grpc-service", 8080)]
#[case("metadata-envoy-deployment", "metadata-grpc-service", 8080)]
#[case("ml-pipeline-persistenceagent", "ml-pipeline", 8888)]
#[case("ml-pipeline-persistenceagent", "ml-pipeline", 8887)]
#[case("ml-pipeline-scheduledworkflow", "ml-pipeline", 8888)]
#[case("ml-pipeline-scheduledworkflow", "ml-pipeline", 8887)]
fn what_programs_connect_to_by_themselves_is_allowed(
    #[case] from: &str,
    #[case] service: &str,
    #[case] port: i64,
) {
    for (case, rendered) in every_rendering() {
        let world = World::new(&rendered, NAMESPACE);
        let client = pod_labels(world.named("Deployment", from).unwrap());
        let (to, port) = world.target(service, port);
        assert!(world.allowed(Some(&client), &to, port), "{case}");
    }
}

#[test]
fn steps_of_pipelines_reach_what_they_need_and_not_the_database() {
    let step = Labels::from([("workflows.argoproj.io/workflow".to_owned(), "run-1".to_owned())]);
    for (case, rendered) in every_rendering() {
        let world = World::new(&rendered, NAMESPACE);
        let store = if world.named("Service", "seaweedfs").is_some() {
            "seaweedfs"
        } else {
            "minio-service"
        };
        for (service, port) in [
            ("ml-pipeline", 8888),
            ("ml-pipeline", 8887),
            ("metadata-grpc-service", 8080),
            (store, 9000),
        ] {
            let (to, port) = world.target(service, port);
            assert!(world.allowed(Some(&step), &to, port), "{case}: {service}");
        }
        let (database, port) = world.target("mysql", 3306);
        assert!(
            !world.allowed(Some(&step), &database, port),
            "{case}: steps reach the database"
        );
    }
}

#[test]
fn the_api_server_reaches_every_webhook() {
    for (case, rendered) in every_rendering() {
        let world = World::new(&rendered, NAMESPACE);
        for hook in ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"]
            .into_iter()
            .flat_map(|kind| world.of_kind(kind))
            .flat_map(|object| list(&object["webhooks"]))
        {
            let service = &hook["clientConfig"]["service"];
            let (to, port) = world.target(
                service["name"].as_str().unwrap(),
                service["port"].as_i64().unwrap(),
            );
            assert!(world.allowed(None, &to, port), "{case}");
        }
    }
}

/// Probes come from the node, which policies never close; what they can get wrong is the port.
#[test]
fn every_probe_asks_a_port_that_its_container_declares() {
    for (case, rendered) in every_rendering() {
        let world = World::new(&rendered, NAMESPACE);
        for container in world
            .workloads()
            .flat_map(|workload| list(&workload["spec"]["template"]["spec"]["containers"]))
        {
            for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
                for action in ["httpGet", "tcpSocket"] {
                    let port = &container[probe][action]["port"];
                    let declared = list(&container["ports"])
                        .any(|known| known["containerPort"] == *port || known["name"] == *port);
                    assert!(
                        port.is_null() || declared,
                        "{case}: {} {probe} {port}",
                        container["name"]
                    );
                }
            }
        }
    }
}

#[test]
fn every_policy_selects_one_component_and_every_workload_has_one() {
    for (case, rendered) in every_rendering() {
        let world = World::new(&rendered, NAMESPACE);
        let selectors: Vec<&Value> = world
            .of_kind("NetworkPolicy")
            .map(|policy| &policy["spec"]["podSelector"])
            .collect();
        for selector in &selectors {
            let selected = world
                .workloads()
                .filter(|workload| selects(selector, &pod_labels(workload)))
                .count();
            assert_eq!(selected, 1, "{case}: {selector}");
        }
        assert_eq!(selectors.len(), world.workloads().count(), "{case}");
    }
}

#[test]
fn restricted_egress_names_every_direction_and_closes_the_rest() {
    let world = World::new(&restricted("2.16.1"), NAMESPACE);
    let writer = pod_labels(world.named("Deployment", "metadata-writer").unwrap());
    let (database, port) = world.target("mysql", 3306);
    assert!(!world.passes("Egress", "egress", "to", &writer, Some(&database), port));
    for policy in world.of_kind("NetworkPolicy") {
        assert_eq!(policy["spec"]["policyTypes"], json!(["Ingress", "Egress"]));
    }
}

#[test]
fn a_planted_gap_is_seen() {
    let mut world = World::new(&rendered("2.16.1"), NAMESPACE);
    let (mysql, port) = world.target("mysql", 3306);
    let server = pod_labels(world.named("Deployment", "ml-pipeline").unwrap());
    assert!(world.allowed(Some(&server), &mysql, port));
    for policy in world
        .objects
        .iter_mut()
        .filter(|object| object["kind"] == "NetworkPolicy")
    {
        if policy["metadata"]["name"] == "mysql" {
            policy["spec"]["ingress"] = json!([]);
        }
    }
    assert!(!world.allowed(Some(&server), &mysql, port));
}

#[test]
fn the_operator_and_its_jobs_may_reach_database_and_store() {
    let names = json!(["kfp-operator", "kfp-operator-job"]);
    let operator = json!({
        "namespaceSelector": {"matchLabels": {kfp_render::OPERATOR_NAMESPACE_LABEL: "true"}},
        "podSelector": {"matchExpressions": [{"key": "app.kubernetes.io/name", "operator": "In", "values": names}]},
    });
    for (case, rendered) in every_rendering() {
        let world = World::new(&rendered, NAMESPACE);
        let store = ["seaweedfs", "minio"]
            .into_iter()
            .find(|name| world.named("Deployment", name).is_some());
        for (name, service, port) in [
            ("mysql", "mysql", 3306),
            (
                store.unwrap(),
                if store == Some("minio") {
                    "minio-service"
                } else {
                    "seaweedfs"
                },
                9000,
            ),
        ] {
            let (_, port) = world.target(service, port);
            let rules = &world.named("NetworkPolicy", name).unwrap()["spec"]["ingress"];
            let open = list(rules).any(|rule| {
                list(&rule["from"]).any(|peer| *peer == operator)
                    && list(&rule["ports"]).any(|open| open["port"] == port)
            });
            assert!(open, "{case}: {name}");
        }
    }
}
