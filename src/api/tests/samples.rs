//! WORDS, tests: the samples that people copy are accepted.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;

use kfp_api::{KfpBackup, KfpInstallation, KfpRestore, schema};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

fn samples() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/samples");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let document: Value = serde_saphyr::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        if document["apiVersion"] == "kfpops.dev/v1alpha1" {
            found.push((path.file_name().unwrap().to_string_lossy().into_owned(), document));
        }
    }
    found
}

#[test]
fn there_is_a_sample_with_a_version_only_and_some_with_more() {
    let samples = samples();
    assert!(samples.len() >= 3);
    let (_, minimal) = samples.iter().find(|(name, _)| name == "minimal.yaml").unwrap();
    let keys: Vec<&String> = minimal["spec"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["version"]);
}

#[test]
fn every_sample_passes_the_schema_and_its_rules_and_loses_nothing_when_parsed() {
    for (name, sample) in samples() {
        let crd = schema::crds()
            .into_iter()
            .find(|crd| sample["kind"] == crd.spec.names.kind)
            .unwrap();
        let root = serde_json::to_value(&crd.spec.versions[0].schema).unwrap()["openAPIV3Schema"].clone();
        let validator = jsonschema::validator_for(&root).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&sample)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(errors, Vec::<String>::new(), "{name}");
        if let Err(errors) = kube_cel::Validator::new().validate(&root, &sample, None) {
            panic!("{name}: {errors}");
        }
        let written = match crd.spec.names.kind.as_str() {
            "KfpBackup" => again::<KfpBackup>(&sample),
            "KfpRestore" => again::<KfpRestore>(&sample),
            _ => again::<KfpInstallation>(&sample),
        };
        assert_eq!(lost(&sample, &written), Vec::<String>::new(), "{name}");
    }
}

/// The sample parsed and written again.
fn again<Kind: Serialize + DeserializeOwned>(sample: &Value) -> Value {
    let parsed: Kind = serde_json::from_value(sample.clone()).unwrap();
    serde_json::to_value(parsed).unwrap()
}

/// Paths in `before` that are not in `after` with the same value.
fn lost(before: &Value, after: &Value) -> Vec<String> {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => before
            .iter()
            .flat_map(|(key, value)| match after.get(key) {
                Some(kept) => lost(value, kept)
                    .into_iter()
                    .map(|path| format!("{key}.{path}"))
                    .collect(),
                None => vec![key.clone()],
            })
            .collect(),
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => before
            .iter()
            .zip(after)
            .flat_map(|(before, after)| lost(before, after))
            .collect(),
        (before, after) if before == after => Vec::new(),
        (before, after) => vec![format!("{before} became {after}")],
    }
}
