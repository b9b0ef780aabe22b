//! EYES AND HANDS: does a live object hold everything that a rendered one says? Pure; no I/O.
//!
//! Lists are compared as the API server merges them: lists with keys element by element (others may add elements), all
//! other lists whole. What the API server fills in by itself inside a whole list is listed in [`SERVER_DEFAULTS`].

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kfp_releases::quantity;
use serde_json::{Map, Value, json};

/// Fields by which the API server merges the elements of a list (`x-kubernetes-list-map-keys` of Kubernetes 1.35's
/// published API description). Lists that are not here are replaced whole.
fn merge_keys(field: &str, desired: &[Value]) -> Option<&'static [&'static str]> {
    match field {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "env"
        | "volumes"
        | "imagePullSecrets"
        | "secrets"
        | "webhooks"
        | "resourceClaims" => Some(&["name"]),
        "volumeMounts" => Some(&["mountPath"]),
        "volumeDevices" => Some(&["devicePath"]),
        "hostAliases" => Some(&["ip"]),
        "topologySpreadConstraints" => Some(&["topologyKey", "whenUnsatisfiable"]),
        "ownerReferences" => Some(&["uid"]),
        "ports" if any_has(desired, "containerPort") => Some(&["containerPort", "protocol"]),
        // A Service's ports have a target; a NetworkPolicy's have not, and are replaced whole.
        "ports" if any_has(desired, "targetPort") => Some(&["port", "protocol"]),
        _ => None,
    }
}

fn any_has(list: &[Value], key: &str) -> bool {
    list.iter().any(|element| element.get(key).is_some())
}

/// What the API server adds to an element of a list that is otherwise replaced whole.
fn server_default(key: &str, value: &Value) -> bool {
    match key {
        "protocol" => value == "TCP",
        "volumeMode" => value == "Filesystem",
        "apiVersion" => value == "v1",
        "kind" => value == "PersistentVolumeClaim",
        "status" => value == &json!({"phase": "Pending"}),
        "scope" => value == "*",
        "expirationSeconds" => value == 3600,
        "defaultMode" => value == 420,
        "creationTimestamp" => value.is_null(),
        _ => false,
    }
}

/// The path of the first field in which `live` falls short of `desired`, for example
/// `spec.template.spec.containers[main].image`; `None` when it holds everything.
#[must_use]
pub fn first_difference(desired: &Value, live: &Value) -> Option<String> {
    let mut path = Vec::new();
    subset(desired, live, &mut path, Extra::Allowed).err().map(|()| {
        let mut text = path.join(".");
        while let Some(at) = text.find(".[") {
            text.remove(at);
        }
        text
    })
}

/// Whether the live value may hold fields that are not desired.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extra {
    /// Other field managers may add fields.
    Allowed,
    /// Inside a list that is replaced whole: only what the API server fills in.
    ServerDefaults,
}

/// `Err` leaves `path` at the first difference.
fn subset(desired: &Value, live: &Value, path: &mut Vec<String>, extra: Extra) -> Result<(), ()> {
    match (desired, live) {
        (Value::Object(desired), Value::Object(live)) => object_subset(desired, live, path, extra),
        (Value::Array(desired), Value::Array(live)) => list_subset(desired, live, path),
        (Value::String(desired), Value::String(live)) => {
            let same = desired == live || (is_quantity(path) && same_quantity(desired, live));
            same.then_some(()).ok_or(())
        }
        (Value::Number(desired), Value::Number(live)) => (desired == live
            || desired.as_f64() == live.as_f64())
        .then_some(())
        .ok_or(()),
        _ => (desired == live).then_some(()).ok_or(()),
    }
}

fn object_subset(
    desired: &Map<String, Value>,
    live: &Map<String, Value>,
    path: &mut Vec<String>,
    extra: Extra,
) -> Result<(), ()> {
    for (key, wanted) in desired {
        path.push(key.clone());
        match live.get(key) {
            Some(found) => subset(wanted, found, path, extra)?,
            None if dropped_when_zero(key, wanted) => {}
            None => return Err(()),
        }
        path.pop();
    }
    if extra == Extra::ServerDefaults {
        let unknown =
            |(key, value): &(&String, &Value)| !desired.contains_key(*key) && !server_default(key, value);
        if let Some((key, _)) = live.iter().find(unknown) {
            path.push(key.clone());
            return Err(());
        }
    }
    Ok(())
}

fn list_subset(desired: &[Value], live: &[Value], path: &mut Vec<String>) -> Result<(), ()> {
    let field = path.last().map_or("", String::as_str);
    if field == "finalizers" {
        return desired
            .iter()
            .all(|wanted| live.contains(wanted))
            .then_some(())
            .ok_or(());
    }
    if let Some(keys) = merge_keys(field, desired) {
        return keyed_subset(desired, live, path, keys);
    }
    if desired.len() != live.len() {
        return Err(());
    }
    for (index, (wanted, found)) in desired.iter().zip(live).enumerate() {
        path.push(format!("[{index}]"));
        subset(wanted, found, path, Extra::ServerDefaults)?;
        path.pop();
    }
    Ok(())
}

fn keyed_subset(desired: &[Value], live: &[Value], path: &mut Vec<String>, keys: &[&str]) -> Result<(), ()> {
    for wanted in desired {
        let key = list_key(wanted, keys);
        path.push(format!("[{}]", key.join(",")));
        let found = live.iter().find(|found| list_key(found, keys) == key).ok_or(())?;
        subset(wanted, found, path, Extra::Allowed)?;
        path.pop();
    }
    Ok(())
}

fn list_key(element: &Value, keys: &[&str]) -> Vec<String> {
    keys.iter()
        .map(|key| match element.get(key) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None if *key == "protocol" => "TCP".into(),
            None => String::new(),
        })
        .collect()
}

/// Fields that the API server does not store when they hold their zero value (no pointers in its Go types), so that
/// absence is what was asked for. Pointers such as `automountServiceAccountToken` are not here: their absence differs.
fn dropped_when_zero(key: &str, wanted: &Value) -> bool {
    match wanted {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::String(text) => text.is_empty() && key != "storageClassName",
        Value::Bool(false) => matches!(
            key,
            "hostNetwork"
                | "hostPID"
                | "hostIPC"
                | "readOnly"
                | "stdin"
                | "stdinOnce"
                | "tty"
                | "paused"
                | "publishNotReadyAddresses"
        ),
        Value::Number(number) => {
            number.as_i64() == Some(0) && matches!(key, "initialDelaySeconds" | "minReadySeconds")
        }
        Value::Object(map) => {
            map.is_empty()
                && matches!(
                    key,
                    "labels" | "annotations" | "nodeSelector" | "data" | "matchLabels"
                )
        }
        Value::Bool(true) => false,
    }
}

/// True when both texts are quantities of the same value.
fn same_quantity(left: &str, right: &str) -> bool {
    let nano = |text: &str| quantity::nano(&Quantity(text.to_owned()));
    matches!((nano(left), nano(right)), (Some(left), Some(right)) if left == right)
}

/// True where the last path element is a quantity field of the Kubernetes API.
fn is_quantity(path: &[String]) -> bool {
    let (Some(last), parent) = (path.last(), path.iter().rev().nth(1)) else {
        return false;
    };
    matches!(last.as_str(), "sizeLimit" | "divisor")
        || parent.is_some_and(|parent| matches!(parent.as_str(), "requests" | "limits" | "capacity" | "hard"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    fn in_sync(desired: &Value, live: &Value) -> bool {
        first_difference(desired, live).is_none()
    }

    #[rstest]
    #[case::a_field_that_others_added(json!({"spec": {"a": 1}}), json!({"spec": {"a": 1, "b": 2}, "status": {}}))]
    #[case::a_container_that_others_injected(
        json!({"containers": [{"name": "main", "image": "x"}]}),
        json!({"containers": [{"name": "proxy", "image": "y"}, {"name": "main", "image": "x", "tty": true}]})
    )]
    #[case::a_quantity_in_another_form(
        json!({"resources": {"requests": {"cpu": "0.5", "memory": "1024Mi"}}}),
        json!({"resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}})
    )]
    #[case::a_port_whose_protocol_was_filled_in(
        json!({"ports": [{"port": 80, "targetPort": 3000}]}),
        json!({"ports": [{"port": 80, "targetPort": 3000, "protocol": "TCP", "nodePort": 31000}]})
    )]
    #[case::an_empty_value_that_the_server_drops(
        json!({"env": [{"name": "A", "value": ""}], "hostNetwork": false}),
        json!({"env": [{"name": "A"}]})
    )]
    #[case::a_claim_template_that_the_server_completed(
        json!({"volumeClaimTemplates": [{"metadata": {"name": "d"}, "spec": {"accessModes": ["ReadWriteOnce"]}}]}),
        json!({"volumeClaimTemplates": [{"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": "d", "creationTimestamp": null},
            "spec": {"accessModes": ["ReadWriteOnce"], "volumeMode": "Filesystem"}, "status": {"phase": "Pending"}}]})
    )]
    fn a_live_object_that_holds_more_is_in_sync(#[case] desired: Value, #[case] live: Value) {
        assert_eq!(first_difference(&desired, &live), None);
    }

    #[rstest]
    #[case::an_image_changed_by_hand(
        json!({"spec": {"containers": [{"name": "main", "image": "x"}]}}),
        json!({"spec": {"containers": [{"name": "main", "image": "z"}]}}), "spec.containers[main].image")]
    #[case::a_token_mount_switched_on_by_removal(
        json!({"automountServiceAccountToken": false}), json!({}), "automountServiceAccountToken")]
    #[case::an_argument_added_to_a_whole_list(
        json!({"args": ["a"]}), json!({"args": ["a", "b"]}), "args")]
    #[case::two_arguments_swapped(
        json!({"args": ["a", "b"]}), json!({"args": ["b", "a"]}), "args[0]")]
    #[case::a_rule_widened_inside_a_whole_list(
        json!({"rules": [{"verbs": ["get"], "resources": ["pods"]}]}),
        json!({"rules": [{"verbs": ["get", "list"], "resources": ["pods"]}]}), "rules[0].verbs")]
    #[case::a_network_policy_peer_narrowed(
        json!({"ingress": [{"ports": [{"port": 80}]}]}),
        json!({"ingress": [{"ports": [{"port": 80, "protocol": "TCP"}], "from": []}]}), "ingress[0].from")]
    #[case::a_missing_environment_variable(
        json!({"env": [{"name": "A", "value": "1"}]}), json!({"env": []}), "env[A]")]
    #[case::the_default_storage_class_in_place_of_none(
        json!({"storageClassName": ""}), json!({"storageClassName": "standard"}), "storageClassName")]
    #[case::a_volume_of_another_type(
        json!({"volumes": [{"name": "tmp", "emptyDir": {}}]}),
        json!({"volumes": [{"name": "tmp", "hostPath": {"path": "/"}}]}), "volumes[tmp].emptyDir")]
    #[case::a_string_that_only_looks_like_a_quantity(
        json!({"env": [{"name": "A", "value": "1000m"}]}), json!({"env": [{"name": "A", "value": "1"}]}),
        "env[A].value")]
    fn a_difference_is_found_and_named(#[case] desired: Value, #[case] live: Value, #[case] path: &str) {
        assert_eq!(first_difference(&desired, &live).as_deref(), Some(path));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-z0-9]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 48, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z]{1,8}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_object_is_in_sync_with_itself(value in any_json()) {
            prop_assert!(in_sync(&value, &value));
        }

        #[test]
        fn adding_a_field_at_the_top_keeps_it_in_sync(value in any_json()) {
            if let Value::Object(mut live) = value.clone() {
                live.insert("addedByAnother".into(), json!({"x": 1}));
                prop_assert!(in_sync(&value, &Value::Object(live)));
            }
        }

        #[test]
        fn what_is_asked_for_and_absent_is_a_difference(value in any_json(), text in "[a-z]{1,6}") {
            if let Value::Object(mut desired) = value.clone() {
                desired.insert("onlyDesired".into(), Value::from(text));
                prop_assert!(!in_sync(&Value::Object(desired), &value));
            }
        }
    }
}
