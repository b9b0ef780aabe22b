//! Proof: rendered objects in the reduced form of `tests/parity/<release>.json`, so that the two can be compared.

use std::collections::BTreeMap;

use kfp_render::{Object, Rendered};
use serde_json::{Map, Value, json};

/// Stands for program text and prose, which are not compared: ours are our own.
pub const PROGRAM: &str = "<program>";
const TEXT: &str = "<text>";
/// Stands for a value that an installation makes for itself.
const GENERATED: &str = "<generated>";

/// Objects by `Kind/name`, reduced.
pub type Reduced = BTreeMap<String, Value>;

/// A whole rendering, reduced. Rights stand under the name of upstream's Role, by way of the binding that both have.
pub fn rendering(rendered: &Rendered, shipped: &BTreeMap<String, Vec<Value>>, upstream: &Value) -> Reduced {
    let mut reduced = Reduced::new();
    for object in rendered.objects() {
        let value = object.to_json();
        if object.kind() == "RoleBinding" {
            let bound = value["roleRef"]["name"].as_str().unwrap();
            let binding = format!("RoleBinding/{}", object.name());
            let role = upstream["objects"][&binding]["roleRef"].as_str();
            let role = role.map_or_else(|| format!("Role/{}", object.name()), str::to_owned);
            let rules = shipped
                .get(bound)
                .unwrap_or_else(|| panic!("no ClusterRole {bound} ships"));
            reduced.insert(role, json!({"labels": upstream_labels(&value), "rules": rules}));
        }
        reduced.insert(
            format!("{}/{}", object.kind(), object.name()),
            one(&object, &value),
        );
    }
    reduced
}

fn one(object: &Object, value: &Value) -> Value {
    let mut reduced = match object.kind() {
        "Deployment" | "StatefulSet" => workload(value),
        "Service" => service(value),
        "ConfigMap" => json!({"data": config(&value["data"])}),
        "Secret" => json!({"data": keys(&value["data"])}),
        "RoleBinding" => binding(value),
        "PersistentVolumeClaim" | "NetworkPolicy" | "PodDisruptionBudget" => json!({"spec": value["spec"]}),
        "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration" => {
            json!({"webhooks": value["webhooks"]})
        }
        _ => json!({}),
    };
    set(&mut reduced, "labels", upstream_labels(value));
    set(&mut reduced, "annotations", upstream_annotations(value));
    reduced
}

fn set(into: &mut Value, key: &str, value: Value) {
    let empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
    if !empty {
        into[key] = value;
    }
}

/// Without the labels that are ours by rule: they are metadata only and on every object.
fn upstream_labels(value: &Value) -> Value {
    without_ours(&value["metadata"]["labels"])
}

fn upstream_annotations(value: &Value) -> Value {
    without_ours(&value["metadata"]["annotations"])
}

fn without_ours(map: &Value) -> Value {
    let ours = |key: &str| key.starts_with("app.kubernetes.io/") || key.starts_with("kfpops.dev/");
    let kept = map
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| !ours(key));
    Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect())
}

fn keys(data: &Value) -> Value {
    let made = data
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| (key.clone(), json!(GENERATED)));
    Value::Object(made.collect())
}

/// Configuration texts are compared by what they say: parsed where they are YAML or JSON, not at all where upstream's is
/// a program or prose.
fn config(data: &Value) -> Value {
    let read = |key: &str, text: &str| -> Value {
        match key {
            "artifactRepository" | "executor" | "workflowDefaults" => serde_saphyr::from_str(text).unwrap(),
            "envoy-config.yaml" | "warning" => json!(TEXT),
            "viewer-pod-template.json" => serde_json::from_str(text).unwrap(),
            _ => json!(text),
        }
    };
    let entries = data.as_object().into_iter().flatten();
    Value::Object(
        entries
            .map(|(key, text)| (key.clone(), read(key, text.as_str().unwrap())))
            .collect(),
    )
}

fn service(value: &Value) -> Value {
    let port = |port: &Value| {
        let name = port["name"].as_str().unwrap_or_default();
        let target = text(&port["targetPort"]);
        let protocol = port["protocol"].as_str().unwrap_or("TCP");
        json!(format!("{name}:{}->{target}/{protocol}", port["port"]))
    };
    let spec = &value["spec"];
    json!({"type": spec["type"], "selector": spec["selector"], "ports": sorted(&spec["ports"], port)})
}

fn binding(value: &Value) -> Value {
    let subject = |subject: &Value| json!(format!("{}/{}", text(&subject["kind"]), text(&subject["name"])));
    let role = &value["roleRef"];
    json!({
        "roleRef": format!("{}/{}", text(&role["kind"]), text(&role["name"])),
        "subjects": sorted(&value["subjects"], subject),
    })
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn sorted(list: &Value, map: impl Fn(&Value) -> Value) -> Value {
    let mut items: Vec<Value> = list.as_array().into_iter().flatten().map(map).collect();
    items.sort_by_key(ToString::to_string);
    Value::Array(items)
}

fn workload(value: &Value) -> Value {
    let spec = &value["spec"];
    let template = &spec["template"];
    let pod = &template["spec"];
    let mut reduced = json!({
        "serviceAccountName": pod["serviceAccountName"],
        "selector": spec["selector"]["matchLabels"],
        "podLabels": template["metadata"]["labels"],
        "replicas": spec["replicas"],
    });
    // A rolling update is the default, which upstream leaves unsaid.
    if spec["strategy"]["type"] != "RollingUpdate" {
        set(&mut reduced, "strategy", spec["strategy"]["type"].clone());
    }
    set(
        &mut reduced,
        "podAnnotations",
        template["metadata"]["annotations"].clone(),
    );
    set(
        &mut reduced,
        "pod",
        rest(
            pod,
            &["containers", "initContainers", "volumes", "serviceAccountName"],
        ),
    );
    set(
        &mut reduced,
        "volumes",
        by_name(&pod["volumes"], |volume| rest(volume, &["name"])),
    );
    set(&mut reduced, "containers", by_name(&pod["containers"], container));
    set(
        &mut reduced,
        "initContainers",
        by_name(&pod["initContainers"], |init| {
            let mut init = container(init);
            init["args"] = json!(PROGRAM);
            init
        }),
    );
    reduced
}

/// A map without some of its keys.
fn rest(value: &Value, without: &[&str]) -> Value {
    let kept = value
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| !without.contains(&key.as_str()));
    Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect())
}

fn by_name(list: &Value, map: impl Fn(&Value) -> Value) -> Value {
    let items = list.as_array().into_iter().flatten();
    Value::Object(items.map(|item| (text(&item["name"]), map(item))).collect())
}

fn container(value: &Value) -> Value {
    let mut reduced = rest(value, &["name", "env", "ports", "volumeMounts", "lifecycle"]);
    set(&mut reduced, "env", by_name(&value["env"], variable));
    let port = |port: &Value| {
        let name = port["name"].as_str().unwrap_or_default();
        json!(format!(
            "{name}:{}/{}",
            port["containerPort"],
            port["protocol"].as_str().unwrap_or("TCP")
        ))
    };
    if !value["ports"].is_null() {
        reduced["ports"] = sorted(&value["ports"], port);
    }
    let mounts = value["volumeMounts"].as_array().into_iter().flatten().map(mount);
    set(&mut reduced, "volumeMounts", Value::Object(mounts.collect()));
    if !value["lifecycle"]["postStart"].is_null() {
        reduced["lifecycle"] = json!({"postStart": PROGRAM});
    }
    reduced
}

fn mount(mount: &Value) -> (String, Value) {
    let path = mount["subPath"]
        .as_str()
        .map(|path| format!("/{path}"))
        .unwrap_or_default();
    let mode = if mount["readOnly"] == true { " (ro)" } else { "" };
    (
        text(&mount["mountPath"]),
        json!(format!("{}{path}{mode}", text(&mount["name"]))),
    )
}

fn variable(variable: &Value) -> Value {
    let Some(source) = variable["valueFrom"].as_object() else {
        return variable["value"].clone();
    };
    let (kind, at) = source.iter().next().unwrap();
    let optional = if at["optional"] == true { " (optional)" } else { "" };
    let what = match kind.as_str() {
        "fieldRef" => text(&at["fieldPath"]),
        _ => format!("{}/{}{optional}", text(&at["name"]), text(&at["key"])),
    };
    json!({"from": format!("{kind}:{what}")})
}
