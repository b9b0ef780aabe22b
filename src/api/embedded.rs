//! WORDS: schemas of Kubernetes types that our kinds embed: same shape, bounded, without their long texts. No I/O.
//!
//! `kubectl explain pod.spec` documents these types; repeating their texts would multiply the size of the CRD. Every
//! list is replaced as a whole by server-side apply unless it says otherwise, as in the API they come from.

use k8s_openapi::api::core::v1::{Affinity, EnvVar, ResourceRequirements, Toleration};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

/// DNS subdomain: names of Secrets, storage classes, priority classes.
pub(crate) const SUBDOMAIN: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
/// A resource quantity without sign or exponent.
const QUANTITY: &str = "^[0-9]+(\\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$";
/// A whole quantity of bytes, so that sizes compare exactly.
const BYTES: &str = "^[1-9][0-9]*(k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$";
/// A label value.
const LABEL_VALUE: &str = "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$";
/// A name that a container's environment may have (the API server's relaxed form without control characters).
const ENVIRONMENT_NAME: &str = "^[-._A-Za-z][-._A-Za-z0-9]*$";

/// Capacity of a volume.
pub(crate) fn volume_size(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "maxLength": 20, "pattern": BYTES })
}

/// Labels, or node labels to select by.
pub(crate) fn labels(_: &mut SchemaGenerator) -> Schema {
    let value = json!({ "type": "string", "maxLength": 63, "pattern": LABEL_VALUE });
    json_schema!({ "type": "object", "maxProperties": 32, "additionalProperties": value })
}

/// Annotations.
pub(crate) fn annotations(_: &mut SchemaGenerator) -> Schema {
    let value = json!({ "type": "string", "maxLength": 4096 });
    json_schema!({ "type": "object", "maxProperties": 32, "additionalProperties": value })
}

/// Requests and limits. Dynamic resource claims are left out: a claim needs a pod field that is not offered.
pub(crate) fn resources(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = bounded::<ResourceRequirements>(generator);
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.remove("claims");
    }
    schema
}

/// Affinity of a pod.
pub(crate) fn affinity(generator: &mut SchemaGenerator) -> Schema {
    bounded::<Affinity>(generator)
}

/// Tolerations of a pod.
pub(crate) fn tolerations(generator: &mut SchemaGenerator) -> Schema {
    let items = bounded::<Toleration>(generator);
    json_schema!({ "type": "array", "maxItems": 32, "x-kubernetes-list-type": "atomic", "items": items })
}

/// Environment of a container, each name once. Values from a file in a volume are left out: no volume can be added.
pub(crate) fn environment(generator: &mut SchemaGenerator) -> Schema {
    let mut items = bounded::<EnvVar>(generator);
    if let Some(sources) = items
        .pointer_mut("/properties/valueFrom/properties")
        .and_then(Value::as_object_mut)
    {
        sources.remove("fileKeyRef");
    }
    for (property, key, value) in [
        ("name", "pattern", json!(ENVIRONMENT_NAME)),
        ("name", "maxLength", json!(253)),
        ("name", "minLength", json!(1)),
        ("value", "maxLength", json!(4096)),
    ] {
        if let Some(schema) = items
            .pointer_mut(&format!("/properties/{property}"))
            .and_then(Value::as_object_mut)
        {
            schema.insert(key.to_owned(), value);
        }
    }
    json_schema!({
        "type": "array",
        "maxItems": 64,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        "items": items,
    })
}

/// Secrets to pull images with, each name once.
pub(crate) fn pull_secrets(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 8,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        "items": {
            "type": "object",
            "x-kubernetes-map-type": "atomic",
            "required": ["name"],
            "properties": {
                "name": {
                    "description": "Name of the Secret.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 253,
                    "pattern": SUBDOMAIN,
                },
            },
        },
    })
}

/// Conditions, each type once, as Kubernetes' own kinds have them.
pub(crate) fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 32,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["type", "status", "reason", "message", "lastTransitionTime"],
            "properties": {
                "type": {
                    "description": "What the condition is about.",
                    "type": "string",
                    "maxLength": 64,
                    "pattern": "^[A-Z][A-Za-z]*$",
                },
                "status": {
                    "description": "Whether it holds.",
                    "type": "string",
                    "enum": ["True", "False", "Unknown"],
                },
                "reason": {
                    "description": "Why, as one stable word; `kfpctl explain` tells what it means and what to do.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 64,
                    "pattern": "^[A-Z][A-Za-z]*$",
                },
                "message": {
                    "description": "Why, in words for a person.",
                    "type": "string",
                    "maxLength": 32768,
                },
                "lastTransitionTime": {
                    "description": "When `status` last changed.",
                    "type": "string",
                    "format": "date-time",
                },
                "observedGeneration": {
                    "description": "`metadata.generation` that the condition was judged on.",
                    "type": "integer",
                    "format": "int64",
                    "minimum": 0,
                },
            },
        },
    })
}

/// The schema of an embedded type, bounded everywhere and without texts.
fn bounded<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = T::json_schema(generator);
    if let Some(object) = schema.as_object_mut() {
        bound(object);
    }
    schema
}

fn bound(schema: &mut Map<String, Value>) {
    schema.remove("description");
    if schema.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) {
        schema.insert("pattern".to_owned(), json!(QUANTITY));
        schema.insert("maxLength".to_owned(), json!(32));
    }
    let limits: &[(&str, Value)] = match schema.get("type").and_then(Value::as_str) {
        Some("string") => &[("maxLength", json!(1024))],
        Some("array") => &[
            ("maxItems", json!(32)),
            ("x-kubernetes-list-type", json!("atomic")),
        ],
        Some("object") if schema.contains_key("additionalProperties") => &[("maxProperties", json!(32))],
        _ => &[],
    };
    for (key, value) in limits {
        schema.entry(*key).or_insert_with(|| value.clone());
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = schema.get_mut(key).and_then(Value::as_object_mut) {
            bound(inner);
        }
    }
    for property in schema
        .get_mut("properties")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flat_map(Map::values_mut)
    {
        if let Some(property) = property.as_object_mut() {
            bound(property);
        }
    }
}
