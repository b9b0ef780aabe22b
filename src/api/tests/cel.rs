//! WORDS, tests: the table of accepted and refused objects, run without a server; `kfp-tests` runs the same table on one.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use kfp_api::schema;
use serde::Deserialize;
use serde_json::{Value, json};

/// One line of `tests/data/cel-cases.yaml`, which says what the fields mean.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default = "installation")]
    kind: String,
    #[serde(default)]
    object: Option<String>,
    base: Value,
    #[serde(default)]
    status: Option<Value>,
    #[serde(default)]
    update: Option<Value>,
    expect: Expectation,
}

fn installation() -> String {
    "KfpInstallation".to_owned()
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Expectation {
    Accepted,
    Rejected(Rejection),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rejection {
    by: Judge,
    field: String,
    reason: String,
    message: String,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
enum Judge {
    Schema,
    Rule,
}

/// A rule that refused an object.
struct Violation {
    rule: String,
    field: String,
    reason: String,
    message: String,
}

fn cases() -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/cel-cases.yaml");
    serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The schema of a kind.
fn root(kind: &str) -> &'static Value {
    static ROOTS: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
        let schemas = schema::crds().into_iter().map(|crd| {
            let schema = serde_json::to_value(&crd.spec.versions[0].schema).unwrap();
            (crd.spec.names.kind, schema["openAPIV3Schema"].clone())
        });
        schemas.collect()
    });
    &ROOTS[kind]
}

/// What judges objects of a kind by its schema alone.
fn validator(kind: &str) -> &'static jsonschema::Validator {
    static VALIDATORS: LazyLock<BTreeMap<String, jsonschema::Validator>> = LazyLock::new(|| {
        let kinds = schema::crds().into_iter().map(|crd| crd.spec.names.kind);
        let made = kinds.map(|kind| (kind.clone(), jsonschema::validator_for(root(&kind)).unwrap()));
        made.collect()
    });
    &VALIDATORS[kind]
}

/// The object as the API server sees it: without nulls, with status from before.
fn object(case: &Case, spec: &Value, with_status: bool) -> Value {
    let mut object = json!({
        "apiVersion": "kfpops.dev/v1alpha1",
        "kind": case.kind,
        "metadata": { "name": case.object.as_deref().unwrap_or("kfp") },
        "spec": spec,
    });
    if let Some(status) = case.status.as_ref().filter(|_| with_status) {
        object["status"] = status.clone();
    }
    drop_nulls(&mut object);
    object
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

fn refused_by(case: &Case, judge: Judge) -> bool {
    matches!(&case.expect, Expectation::Rejected(expected) if expected.by == judge)
}

/// The object that is judged, and the one before it.
fn judged(case: &Case) -> (Value, Option<Value>) {
    match &case.update {
        Some(update) => (object(case, update, true), Some(object(case, &case.base, true))),
        None => (object(case, &case.base, false), None),
    }
}

fn violations(root: &Value, new: &Value, old: Option<&Value>) -> Vec<Violation> {
    let errors = kube_cel::Validator::new()
        .validate(root, new, old)
        .err()
        .map(kube_cel::ValidationErrors::into_vec);
    errors
        .unwrap_or_default()
        .into_iter()
        .map(|error| {
            assert_eq!(error.kind, kube_cel::ErrorKind::ValidationFailure, "{error}");
            Violation {
                rule: error.rule,
                field: error.field_path.trim_start_matches('.').to_owned(),
                reason: error.reason.unwrap_or_default(),
                message: error.message,
            }
        })
        .collect()
}

/// Lists in which the schema wants each key once, which JSON Schema cannot say.
fn has_duplicates(schema: &Value, value: &Value) -> bool {
    let keys: Vec<&str> = schema["x-kubernetes-list-map-keys"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let items = value.as_array().cloned().unwrap_or_default();
    let distinct: BTreeSet<String> = items
        .iter()
        .map(|item| keys.iter().map(|key| item[*key].to_string()).collect())
        .collect();
    let here = !keys.is_empty() && distinct.len() < items.len();
    let in_items = items.iter().any(|item| has_duplicates(&schema["items"], item));
    let in_fields = value
        .as_object()
        .into_iter()
        .flatten()
        .any(|(name, field)| has_duplicates(&schema["properties"][name.as_str()], field));
    here || in_items || in_fields
}

#[test]
fn names_of_cases_are_unique() {
    let cases = cases();
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), cases.len());
}

#[test]
fn the_rules_accept_and_refuse_what_the_table_says() {
    for case in cases()
        .into_iter()
        .filter(|case| !refused_by(case, Judge::Schema))
    {
        let (new, old) = judged(&case);
        let found = violations(root(&case.kind), &new, old.as_ref());
        let told: Vec<String> = found
            .iter()
            .map(|violation| format!("{}: {}", violation.field, violation.message))
            .collect();
        match &case.expect {
            Expectation::Rejected(expected) => {
                let field = expected.field.replace("<nil>", "");
                let hit = found.iter().any(|violation| {
                    violation.field == field
                        && violation.reason == expected.reason
                        && violation.message.contains(&expected.message)
                });
                assert!(
                    hit,
                    "{}: expected {field}: …{}…, found {told:?}",
                    case.name, expected.message
                );
            }
            Expectation::Accepted => assert_eq!(told, Vec::<String>::new(), "{}", case.name),
        }
    }
}

#[test]
fn the_schema_accepts_and_refuses_what_the_table_says() {
    for case in cases() {
        let root = root(&case.kind);
        let validator = validator(&case.kind);
        let (new, _) = judged(&case);
        let valid = validator.is_valid(&new) && !has_duplicates(root, &new);
        let refused = refused_by(&case, Judge::Schema);
        let errors: Vec<String> = validator
            .iter_errors(&new)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(valid, !refused, "{}: {errors:?}", case.name);
    }
}

#[test]
fn what_is_accepted_parses_and_what_parses_is_written_back_the_same() {
    for case in cases() {
        if matches!(case.expect, Expectation::Accepted) {
            let (new, _) = judged(&case);
            match case.kind.as_str() {
                "KfpBackup" => stays::<kfp_api::KfpBackupSpec>(&case.name, &new["spec"]),
                "KfpRestore" => stays::<kfp_api::KfpRestoreSpec>(&case.name, &new["spec"]),
                _ => stays::<kfp_api::KfpInstallationSpec>(&case.name, &new["spec"]),
            }
        }
    }
}

fn stays<Spec: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(
    name: &str,
    written: &Value,
) {
    let spec: Spec =
        serde_json::from_value(written.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
    let again = serde_json::from_value(serde_json::to_value(&spec).unwrap()).unwrap();
    assert_eq!(spec, again, "{name}");
}

/// Rules about kinds that a union does not have yet: today the enumeration refuses such an object before any rule runs, so
/// the table cannot show them. They are shown here, on the objects that they are for.
#[test]
fn the_rules_of_a_union_hold_for_kinds_to_come() {
    let root = root("KfpInstallation");
    let with = |field: &str, union: Value| json!({ "metadata": { "name": "kfp" }, "spec": { "version": "2.16.1", field: union } });
    for (field, kind, member) in [
        ("database", "Embedded", "embedded"),
        ("objectStore", "Embedded", "embedded"),
        ("executionController", "Managed", "managed"),
    ] {
        let other = with(field, json!({ "type": "External" }));
        assert!(violations(root, &other, None).is_empty());

        let both = with(field, json!({ "type": "External", member: {} }));
        let found = violations(root, &both, None);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].field, format!("spec.{field}.{member}"));

        let found = violations(root, &other, Some(&with(field, json!({ "type": kind }))));
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].field.as_str(), found[0].reason.as_str()),
            (format!("spec.{field}.type").as_str(), "FieldValueInvalid")
        );
    }
}

#[test]
fn every_rule_is_seen_to_refuse_something() {
    let unions = ["the kind of", "embedded is only for", "managed is only for"];
    let mut refusing: BTreeSet<(String, String, String)> = BTreeSet::new();
    for case in cases()
        .into_iter()
        .filter(|case| !refused_by(case, Judge::Schema))
    {
        let (new, old) = judged(&case);
        for violation in violations(root(&case.kind), &new, old.as_ref()) {
            refusing.insert((case.kind.clone(), violation.rule, place(&violation.field)));
        }
    }
    for kind in ["KfpBackup", "KfpInstallation", "KfpRestore"] {
        for rule in schema::rules_of(kind) {
            if unions.iter().any(|start| rule.message.starts_with(start)) {
                continue;
            }
            let blamed = format!("{}{}", rule.on, rule.field_path.unwrap_or_default());
            let blamed = blamed.trim_start_matches('.').to_owned();
            assert!(
                refusing.contains(&(kind.to_owned(), rule.rule.to_owned(), blamed)),
                "no case is refused by the rule of {kind} on `{}`: {}",
                rule.on,
                rule.message
            );
        }
    }
}

/// A path without positions: `spec.components[0].image` is `spec.components[].image`.
fn place(field: &str) -> String {
    let pieces = field
        .split('[')
        .enumerate()
        .map(|(index, piece)| match (index, piece.split_once(']')) {
            (1.., Some((_, rest))) => format!("[]{rest}"),
            _ => piece.to_owned(),
        });
    pieces.collect()
}
