//! WORDS, tests: the shape of the CustomResourceDefinitions.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kfp_api::schema;
use rstest::rstest;
use serde_json::{Value, json};

/// Largest committed form of one definition, in bytes: far below the size that an annotation, and etcd, can take.
const MOST_BYTES: usize = 200 * 1024;

fn root(crd: &CustomResourceDefinition) -> Value {
    let schema = crd.spec.versions[0]
        .schema
        .as_ref()
        .unwrap()
        .open_api_v3_schema
        .as_ref()
        .unwrap();
    serde_json::to_value(schema).unwrap()
}

/// Every schema in the tree with its path; `[]` stands for items, `{}` for map values.
fn walk(schema: &Value, path: &str, found: &mut Vec<(String, Value)>) {
    found.push((path.to_owned(), schema.clone()));
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(property, &format!("{path}.{name}"), found);
    }
    if schema["items"].is_object() {
        walk(&schema["items"], &format!("{path}[]"), found);
    }
    if schema["additionalProperties"].is_object() {
        walk(&schema["additionalProperties"], &format!("{path}{{}}"), found);
    }
}

fn fields() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for crd in schema::crds() {
        walk(&root(&crd), &crd.spec.names.kind, &mut found);
    }
    found
}

/// Fields whose inner shape is Kubernetes' own and documented there.
const EMBEDDED: &[&str] = &[".affinity.", ".resources.", ".tolerations[].", ".extraEnv[]."];

fn offenders(wrong: impl Fn(&str, &Value) -> bool) -> Vec<String> {
    fields()
        .into_iter()
        .filter(|(path, schema)| wrong(path, schema))
        .map(|(path, _)| path)
        .collect()
}

#[test]
fn every_field_of_ours_has_a_description() {
    let undescribed = offenders(|path, schema| {
        let is_field = !path.ends_with("[]") && !path.ends_with("{}");
        let embedded = EMBEDDED.iter().any(|inside| path.contains(inside));
        is_field && !embedded && schema["description"].as_str().unwrap_or_default().len() < 10
    });
    assert_eq!(undescribed, Vec::<String>::new());
}

#[test]
fn no_description_has_line_breaks_or_names_of_rust() {
    let odd = offenders(|_, schema| {
        let description = schema["description"].as_str().unwrap_or_default();
        ["\n", "crate::", "Option<", "[`"]
            .iter()
            .any(|sign| description.contains(sign))
    });
    assert_eq!(odd, Vec::<String>::new());
}

#[test]
fn every_string_is_bounded() {
    let unbounded = offenders(|_, schema| {
        schema["type"] == "string"
            && schema["enum"].is_null()
            && schema["format"].is_null()
            && schema["maxLength"].is_null()
    });
    assert_eq!(unbounded, Vec::<String>::new());
}

#[test]
fn every_list_is_bounded_and_says_how_it_merges() {
    let unbounded = offenders(|_, schema| {
        schema["type"] == "array"
            && (schema["maxItems"].is_null() || schema["x-kubernetes-list-type"].is_null())
    });
    assert_eq!(unbounded, Vec::<String>::new());
}

#[test]
fn the_keys_of_a_keyed_list_are_required_in_its_items() {
    let unsound = offenders(|_, schema| {
        let required = schema["items"]["required"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let keys = schema["x-kubernetes-list-map-keys"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        keys.iter().any(|key| !required.contains(key))
            || (schema["x-kubernetes-list-type"] == "map") == keys.is_empty() && schema["type"] == "array"
    });
    assert_eq!(unsound, Vec::<String>::new());
}

#[test]
fn every_map_is_bounded() {
    let unbounded = offenders(|_, schema| {
        schema["additionalProperties"].is_object() && schema["maxProperties"].is_null()
    });
    assert_eq!(unbounded, Vec::<String>::new());
}

#[test]
fn every_number_of_ours_is_a_bounded_whole_number() {
    assert_eq!(
        offenders(|_, schema| schema["type"] == "number"),
        Vec::<String>::new()
    );
    let unbounded = offenders(|path, schema| {
        let embedded = EMBEDDED.iter().any(|inside| path.contains(inside));
        schema["type"] == "integer" && !embedded && schema["minimum"].is_null()
    });
    assert_eq!(unbounded, Vec::<String>::new());
}

#[test]
fn the_schema_is_structural() {
    let loose = offenders(|_, schema| {
        let untyped = schema["type"].is_null() && schema["x-kubernetes-int-or-string"] != json!(true);
        let forbidden = [
            "$ref",
            "anyOf",
            "oneOf",
            "allOf",
            "not",
            "uniqueItems",
            "x-kubernetes-preserve-unknown-fields",
        ];
        untyped
            || forbidden.iter().any(|key| !schema[*key].is_null())
            || schema["additionalProperties"].is_boolean()
    });
    assert_eq!(loose, Vec::<String>::new());
}

#[test]
fn no_field_takes_null_so_that_a_null_means_nothing_and_defaults_apply() {
    assert_eq!(
        offenders(|_, schema| !schema["nullable"].is_null()),
        Vec::<String>::new()
    );
}

#[test]
fn field_names_are_camel_case() {
    let odd = offenders(|path, _| {
        let name = path
            .rsplit('.')
            .next()
            .unwrap_or_default()
            .trim_end_matches("[]")
            .trim_end_matches("{}");
        path.contains('.')
            && (!name.starts_with(|first: char| first.is_ascii_lowercase()) || name.contains(['_', '-']))
    });
    assert_eq!(odd, Vec::<String>::new());
}

#[test]
fn values_of_enumerations_are_pascal_case() {
    let odd = offenders(|_, schema| {
        schema["enum"].as_array().into_iter().flatten().any(|value| {
            !value
                .as_str()
                .is_some_and(|value| value.starts_with(|first: char| first.is_ascii_uppercase()))
        })
    });
    assert_eq!(odd, Vec::<String>::new());
}

#[test]
fn each_definition_is_small_enough_to_be_handled_everywhere() {
    for crd in schema::crds() {
        let bytes = serde_saphyr::to_string(&crd).unwrap().len();
        assert!(bytes <= MOST_BYTES, "{}: {bytes} bytes", crd.spec.names.kind);
    }
}

#[test]
fn a_new_object_counts_as_unseen_by_default() {
    for crd in schema::crds() {
        assert_eq!(
            root(&crd)["properties"]["status"]["default"],
            json!({ "observedGeneration": -1 })
        );
    }
}

#[test]
fn status_is_a_subresource_and_the_one_version_is_served_and_stored() {
    for crd in schema::crds() {
        assert_eq!(crd.spec.versions.len(), 1);
        let version = &crd.spec.versions[0];
        assert!(
            version
                .subresources
                .as_ref()
                .is_some_and(|subresources| subresources.status.is_some())
        );
        assert_eq!(
            (version.name.as_str(), version.served, version.storage),
            (kfp_api::names::VERSION, true, true)
        );
        assert_eq!(crd.spec.group, kfp_api::names::GROUP);
        assert_eq!(crd.spec.scope, "Namespaced");
    }
}

#[test]
fn kubectl_get_shows_what_runs_and_whether_it_is_ready() {
    let crd = schema::installation_crd();
    let columns: Vec<_> = crd.spec.versions[0]
        .additional_printer_columns
        .iter()
        .flatten()
        .map(|column| {
            (
                column.name.as_str(),
                column.json_path.as_str(),
                column.priority.unwrap_or_default(),
            )
        })
        .collect();
    assert_eq!(
        columns,
        [
            ("Version", ".status.version", 0),
            ("Ready", ".status.conditions[?(@.type==\"Ready\")].status", 0),
            ("Reason", ".status.conditions[?(@.type==\"Ready\")].reason", 0),
            ("Age", ".metadata.creationTimestamp", 0),
            ("URL", ".status.endpoints.ui", 1),
        ]
    );
    assert_eq!(crd.spec.names.short_names, Some(vec!["kfpi".to_owned()]));
    assert_eq!(crd.spec.names.categories, Some(vec!["kfp".to_owned()]));
}

#[rstest]
#[case("size", json!("Small"))]
#[case("database", json!({ "type": "Embedded" }))]
#[case("objectStore", json!({ "type": "Embedded" }))]
#[case("executionController", json!({ "type": "Managed" }))]
#[case("networkPolicy", json!({ "mode": "Generated", "egress": "Unrestricted" }))]
#[case("pipelineStore", json!({ "type": "Database" }))]
#[case("sdkPolicy", json!({ "mode": "Warn", "inventory": { "enabled": true, "intervalSeconds": 3600, "recentRuns": 500 } }))]
#[case("paused", json!(false))]
#[case("deletionPolicy", json!("Retain"))]
fn the_schema_gives_the_default(#[case] field: &str, #[case] default: Value) {
    let spec = root(&schema::installation_crd())["properties"]["spec"]["properties"][field].clone();
    assert_eq!(spec["default"], default);
}

#[test]
fn the_defaults_of_the_schema_are_those_of_the_type() {
    let spec: kfp_api::KfpInstallationSpec = serde_json::from_value(json!({ "version": "2.16.1" })).unwrap();
    let written = serde_json::to_value(spec).unwrap();
    let properties = root(&schema::installation_crd())["properties"]["spec"]["properties"].clone();
    let defaulted: serde_json::Map<String, Value> = properties
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, property)| !property["default"].is_null())
        .map(|(name, property)| (name.clone(), property["default"].clone()))
        .chain([("version".to_owned(), json!("2.16.1"))])
        .collect();
    assert_eq!(written, Value::Object(defaulted));
}

#[test]
fn every_rule_stands_on_a_field_and_blames_one_that_exists() {
    for crd in schema::crds() {
        let kind = &crd.spec.names.kind;
        let mut found = Vec::new();
        walk(&root(&crd), kind, &mut found);
        let placed: usize = found
            .iter()
            .map(|(_, schema)| schema["x-kubernetes-validations"].as_array().map_or(0, Vec::len))
            .sum();
        let rules = schema::rules_of(kind);
        assert_eq!(placed, rules.len(), "{kind}");
        for rule in rules {
            let on = if rule.on.is_empty() {
                String::new()
            } else {
                format!(".{}", rule.on)
            };
            let blamed = format!("{kind}{on}{}", rule.field_path.unwrap_or_default());
            assert!(
                found.iter().any(|(path, _)| *path == blamed),
                "{blamed} is no field, but a rule blames it"
            );
        }
    }
}
