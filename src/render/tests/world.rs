//! Proof: which connections a rendering implies, and which its NetworkPolicies allow, read as Kubernetes defines them.
//!
//! Connections are found in the rendered objects alone: in environment values (also by way of ConfigMaps), arguments and
//! configuration texts. Nothing here knows what the release's data says about connections.

use std::collections::{BTreeMap, BTreeSet};

use kfp_render::{Object, Rendered};
use serde_json::{Value, json};

/// Labels of pods.
pub type Labels = BTreeMap<String, String>;

/// A TCP connection that a rendering implies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Connection {
    /// Workload that connects.
    pub from: String,
    /// Service that it connects to.
    pub service: String,
    /// Port of the Service.
    pub port: i64,
    /// Where it is said.
    pub why: String,
}

pub struct World {
    pub objects: Vec<Value>,
    namespace: String,
}

impl World {
    pub fn new(rendered: &Rendered, namespace: &str) -> Self {
        Self {
            objects: rendered.objects().iter().map(Object::to_json).collect(),
            namespace: namespace.to_owned(),
        }
    }

    pub fn of_kind<'a>(&'a self, kind: &str) -> std::vec::IntoIter<&'a Value> {
        let found: Vec<&Value> = self
            .objects
            .iter()
            .filter(|object| object["kind"] == kind)
            .collect();
        found.into_iter()
    }

    pub fn workloads(&self) -> impl Iterator<Item = &Value> {
        self.of_kind("Deployment").chain(self.of_kind("StatefulSet"))
    }

    pub fn named(&self, kind: &str, name: &str) -> Option<&Value> {
        self.of_kind(kind)
            .find(|object| object["metadata"]["name"] == name)
    }

    /// Every connection that a workload's own objects speak of.
    pub fn connections(&self) -> BTreeSet<Connection> {
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

    /// Pairs of variables: one ends in HOST (or `HOST_NAME`), the other is its PORT.
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
            Self::add(from, &service, port, name, found);
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
            Self::add(from, &service, port, flag, found);
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
                Self::add(from, &service, port, token, found);
            }
            if let (Some(service), Some(&"port_value:")) = (self.service(token), tokens.get(index + 1)) {
                Self::add(from, &service, tokens[index + 2], token, found);
            }
        }
    }

    fn add(from: &str, service: &str, port: &str, why: &str, found: &mut BTreeSet<Connection>) {
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
    pub fn target(&self, service: &str, port: i64) -> (Labels, i64) {
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
    pub fn allowed(&self, from: Option<&Labels>, to: &Labels, port: i64) -> bool {
        let incoming = self.passes("Ingress", "ingress", "from", to, from, port);
        let outgoing = from.is_none_or(|from| self.passes("Egress", "egress", "to", from, Some(to), port));
        incoming && outgoing
    }

    pub fn passes(
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

pub fn selects(selector: &Value, labels: &Labels) -> bool {
    let one_of = list(&selector["matchExpressions"]).all(|expression| {
        assert_eq!(
            expression["operator"], "In",
            "other expressions are not read here"
        );
        let found = labels.get(expression["key"].as_str().unwrap_or_default());
        found.is_some_and(|found| list(&expression["values"]).any(|value| value == found))
    });
    let mut wanted = selector["matchLabels"].as_object().into_iter().flatten();
    one_of && wanted.all(|(key, value)| labels.get(key).is_some_and(|found| value == found))
}

pub fn list(value: &Value) -> impl Iterator<Item = &Value> {
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

pub fn pod_labels(workload: &Value) -> Labels {
    labels(&workload["spec"]["template"]["metadata"]["labels"])
}

/// `$(NAME)` filled in from the environment.
fn expand(argument: &str, env: &BTreeMap<String, String>) -> String {
    env.iter().fold(argument.to_owned(), |text, (name, value)| {
        text.replace(&format!("$({name})"), value)
    })
}
