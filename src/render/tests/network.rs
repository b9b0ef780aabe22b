//! Proof: every connection that a rendering implies is allowed by a rendered NetworkPolicy. Pure: the policies are read
//! as Kubernetes defines them; no network enforced them.
//!
//! Connections are found in the rendered objects alone: in environment values (also by way of ConfigMaps), arguments,
//! configuration texts, probes and webhooks.

use std::collections::{BTreeMap, BTreeSet};

use kfp_render::{Object, Rendered};
use rstest::rstest;
use serde_json::{Value, json};

use crate::common::{RELEASES, every_rendering, rendered, restricted};

/// Labels of pods.
type Labels = BTreeMap<String, String>;

/// A TCP connection that a rendering implies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Connection {
    /// Workload that connects.
    from: String,
    /// Service that it connects to.
    service: String,
    /// Port of the Service.
    port: i64,
    /// Where it is said.
    why: String,
}

struct World {
    objects: Vec<Value>,
    namespace: String,
}

impl World {
    fn new(rendered: &Rendered, namespace: &str) -> Self {
        Self {
            objects: rendered.objects().iter().map(Object::to_json).collect(),
            namespace: namespace.to_owned(),
        }
    }

    fn of_kind<'a>(&'a self, kind: &str) -> std::vec::IntoIter<&'a Value> {
        let found: Vec<&Value> = self.objects.iter().filter(|object| object["kind"] == kind).collect();
        found.into_iter()
    }

    fn workloads(&self) -> impl Iterator<Item = &Value> {
        self.of_kind("Deployment").chain(self.of_kind("StatefulSet"))
    }

    fn named(&self, kind: &str, name: &str) -> Option<&Value> {
        self.of_kind(kind)
            .find(|object| object["metadata"]["name"] == name)
    }

    /// Every connection that a workload's own objects speak of.
    fn connections(&self) -> BTreeSet<Connection> {
        let mut found = BTreeSet::new();
        for workload in self.workloads() {
            let from = workload["metadata"]["name"].as_str().unwrap();
            let pod = &workload["spec"]["template"]["spec"];
            for container in ["initContainers", "containers"]
                .iter()
                .flat_map(|group| list(&pod[*group]))
            {
                let env = self.environment(container);
                self.paired(from, &env, &mut found);
                let arguments = list(&container["args"])
                    .chain(list(&container["command"]))
                    .map(text);
                let expanded: Vec<String> = arguments.map(|argument| expand(&argument, &env)).collect();
                for value in env.values().chain(&expanded) {
                    self.addresses(from, value, &mut found);
                }
                self.argument_pairs(from, &expanded, &mut found);
            }
            for volume in list(&pod["volumes"]) {
                if let Some(map) = volume["configMap"]["name"]
                    .as_str()
                    .and_then(|name| self.named("ConfigMap", name))
                {
                    for value in map["data"]
                        .as_object()
                        .into_iter()
                        .flatten()
                        .map(|(_, value)| text(value))
                    {
                        self.addresses(from, &value, &mut found);
                    }
                }
            }
        }
        found
    }

    /// Literal environment and what comes from ConfigMaps; Secrets and fields hold no addresses.
    fn environment(&self, container: &Value) -> BTreeMap<String, String> {
        let value = |variable: &Value| {
            let at = &variable["valueFrom"]["configMapKeyRef"];
            let Some(map) = at["name"].as_str() else {
                return variable["value"].as_str().map(str::to_owned);
            };
            self.named("ConfigMap", map)?["data"][at["key"].as_str()?]
                .as_str()
                .map(str::to_owned)
        };
        list(&container["env"])
            .filter_map(|variable| Some((text(&variable["name"]), value(variable)?)))
            .collect()
    }

    /// Pairs of variables: one ends in HOST (or HOST_NAME), the other is its PORT.
    fn paired(&self, from: &str, env: &BTreeMap<String, String>, found: &mut BTreeSet<Connection>) {
        for (name, value) in env {
            let Some(stem) = name
                .strip_suffix("HOST")
                .or_else(|| name.strip_suffix("HOST_NAME"))
            else {
                continue;
            };
            let Some(service) = self.service(value) else {
                continue;
            };
            let port = env
                .get(&format!("{stem}PORT"))
                .unwrap_or_else(|| panic!("{from}: {name} has no port beside it"));
            self.add(from, &service, port, name, found);
        }
    }

    /// Pairs of arguments: `--…host=…` and `--…port=…`.
    fn argument_pairs(&self, from: &str, arguments: &[String], found: &mut BTreeSet<Connection>) {
        let flags: BTreeMap<&str, &str> = arguments
            .iter()
            .filter_map(|argument| argument.split_once('='))
            .collect();
        for (flag, value) in &flags {
            let Some(stem) = flag.strip_suffix("host") else {
                continue;
            };
            let Some(service) = self.service(value) else {
                continue;
            };
            let port = flags
                .get(format!("{stem}port").as_str())
                .unwrap_or_else(|| panic!("{from}: {flag} has no port"));
            self.add(from, &service, port, flag, found);
        }
    }

    /// `host:port` anywhere in a text, and Envoy's `address:` followed by `port_value:`.
    fn addresses(&self, from: &str, value: &str, found: &mut BTreeSet<Connection>) {
        let tokens: Vec<&str> = value
            .split(|character: char| !(character.is_ascii_alphanumeric() || "-._:".contains(character)))
            .filter(|token| !token.is_empty())
            .collect();
        for (index, token) in tokens.iter().enumerate() {
            if let Some((host, port)) = token.rsplit_once(':')
                && let Some(service) = self.service(host)
                && port.parse::<i64>().is_ok()
            {
                self.add(from, &service, port, token, found);
            }
            if let (Some(service), Some(&"port_value:")) = (self.service(token), tokens.get(index + 1)) {
                self.add(from, &service, tokens[index + 2], token, found);
            }
        }
    }

    fn add(&self, from: &str, service: &str, port: &str, why: &str, found: &mut BTreeSet<Connection>) {
        let port = port
            .parse()
            .unwrap_or_else(|_| panic!("{from}: {why}: `{port}` is no port"));
        found.insert(Connection {
            from: from.to_owned(),
            service: service.to_owned(),
            port,
            why: why.to_owned(),
        });
    }

    /// The Service that a host name stands for: bare, with the namespace, or with `.svc` and more.
    fn service(&self, host: &str) -> Option<String> {
        let mut parts = host.splitn(3, '.');
        let name = parts.next()?;
        let namespace = parts.next();
        let suffix = parts.next();
        let here = namespace.is_none_or(|namespace| namespace == self.namespace);
        let known = suffix.is_none_or(|suffix| suffix == "svc" || suffix.starts_with("svc."));
        (here && known && self.named("Service", name).is_some()).then(|| name.to_owned())
    }

    /// Pods behind a Service's port: their labels and the container port.
    fn target(&self, service: &str, port: i64) -> (Labels, i64) {
        let spec = &self.named("Service", service).unwrap()["spec"];
        let entry = list(&spec["ports"]).find(|entry| entry["port"] == port);
        let entry = entry.unwrap_or_else(|| panic!("Service {service} has no port {port}"));
        let selector = labels(&spec["selector"]);
        let workload = self
            .workloads()
            .find(|workload| selects(&json!({"matchLabels": selector}), &pod_labels(workload)))
            .unwrap_or_else(|| panic!("Service {service} selects no pod"));
        let number = entry["targetPort"].as_i64().unwrap_or_else(|| {
            let containers = list(&workload["spec"]["template"]["spec"]["containers"]);
            let mut ports = containers.flat_map(|container| list(&container["ports"]));
            let named = ports.find(|container_port| container_port["name"] == entry["targetPort"]);
            named.unwrap_or_else(|| panic!("Service {service}: no port {}", entry["targetPort"]))["containerPort"]
                .as_i64()
                .unwrap()
        });
        (pod_labels(workload), number)
    }

    /// Whether pods may connect, by the policies on both sides. `None` is a client that is no pod.
    fn allowed(&self, from: Option<&Labels>, to: &Labels, port: i64) -> bool {
        let incoming = self.passes("Ingress", "ingress", "from", to, from, port);
        let outgoing = from.is_none_or(|from| self.passes("Egress", "egress", "to", from, Some(to), port));
        incoming && outgoing
    }

    fn passes(
        &self,
        kind: &str,
        rules: &str,
        peers: &str,
        own: &Labels,
        other: Option<&Labels>,
        port: i64,
    ) -> bool {
        let applies = |policy: &&Value| {
            let spec = &policy["spec"];
            selects(&spec["podSelector"], own) && list(&spec["policyTypes"]).any(|name| name == kind)
        };
        let mut policies = self.of_kind("NetworkPolicy").filter(applies).peekable();
        if policies.peek().is_none() {
            return true;
        }
        policies
            .flat_map(|policy| list(&policy["spec"][rules]))
            .any(|rule| {
                let ports = rule["ports"].is_null()
                    || list(&rule["ports"]).any(|open| open["port"] == port && tcp(open));
                let anyone = rule[peers].is_null();
                ports
                    && (anyone
                        || other.is_some_and(|other| list(&rule[peers]).any(|peer| is_peer(peer, other))))
            })
    }
}

fn tcp(port: &Value) -> bool {
    port["protocol"].is_null() || port["protocol"] == "TCP"
}

/// A peer of the policy's own namespace.
fn is_peer(peer: &Value, other: &Labels) -> bool {
    let same_namespace = peer["namespaceSelector"].is_null() || peer["namespaceSelector"] == json!({});
    let no_block = peer["ipBlock"].is_null();
    let pods = peer["podSelector"].is_null() || selects(&peer["podSelector"], other);
    no_block && same_namespace && pods
}

fn selects(selector: &Value, labels: &Labels) -> bool {
    assert!(
        selector["matchExpressions"].is_null(),
        "expressions are not read here"
    );
    let wanted = selector["matchLabels"].as_object().into_iter().flatten();
    wanted
        .into_iter()
        .all(|(key, value)| labels.get(key).is_some_and(|found| value == found))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn labels(value: &Value) -> Labels {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), text(value)))
        .collect()
}

fn pod_labels(workload: &Value) -> Labels {
    labels(&workload["spec"]["template"]["metadata"]["labels"])
}

/// `$(NAME)` filled in from the environment.
fn expand(argument: &str, env: &BTreeMap<String, String>) -> String {
    env.iter().fold(argument.to_owned(), |text, (name, value)| {
        text.replace(&format!("$({name})"), value)
    })
}

#[test]
fn every_implied_connection_is_allowed() {
    for (case, rendered) in every_rendering() {
        let world = World::new(&rendered, "team-a");
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
#[case("metadata-writer", "metadata-grpc-service", 8080)]
#[case("cache-server", "mysql", 3306)]
fn the_reading_finds_known_connections(#[case] from: &str, #[case] service: &str, #[case] port: i64) {
    for release in RELEASES {
        let world = World::new(&rendered(release), "team-a");
        let found = world.connections();
        let seen = found
            .iter()
            .any(|one| (one.from.as_str(), one.service.as_str(), one.port) == (from, service, port));
        assert!(seen, "{release}: {found:#?}");
    }
}

#[test]
fn steps_of_pipelines_reach_what_they_need_and_not_the_database() {
    let step = Labels::from([("workflows.argoproj.io/workflow".to_owned(), "run-1".to_owned())]);
    for (case, rendered) in every_rendering() {
        let world = World::new(&rendered, "team-a");
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
        let world = World::new(&rendered, "team-a");
        for hook in world
            .of_kind("MutatingWebhookConfiguration")
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
        let world = World::new(&rendered, "team-a");
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
        let world = World::new(&rendered, "team-a");
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
    let world = World::new(&restricted("2.16.1"), "team-a");
    let writer = pod_labels(world.named("Deployment", "metadata-writer").unwrap());
    let (database, port) = world.target("mysql", 3306);
    assert!(!world.passes("Egress", "egress", "to", &writer, Some(&database), port));
    for policy in world.of_kind("NetworkPolicy") {
        assert_eq!(policy["spec"]["policyTypes"], json!(["Ingress", "Egress"]));
    }
}

#[test]
fn a_planted_gap_is_seen() {
    let mut world = World::new(&rendered("2.16.1"), "team-a");
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
