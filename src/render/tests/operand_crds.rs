//! Proof: the custom resource definitions that ship for operands serve every release. Reads files, calls no server.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::common::{RELEASES, repository, upstream};

/// A definition as upstream ships it, reduced to what a client can observe.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpstreamDefinition {
    group: String,
    kind: String,
    plural: String,
    scope: String,
    short_names: Vec<String>,
    versions: BTreeMap<String, UpstreamVersion>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpstreamVersion {
    served: bool,
    storage: bool,
    subresources: Vec<String>,
    printer_columns: Vec<String>,
    properties: Vec<String>,
}

fn folder(name: &str) -> PathBuf {
    repository().join("config/operand-crds").join(name)
}

fn definitions(name: &str) -> BTreeMap<String, CustomResourceDefinition> {
    resources(&folder(name))
        .iter()
        .map(|path| {
            let text = fs::read_to_string(path).unwrap();
            let definition: CustomResourceDefinition =
                serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (definition.metadata.name.clone().unwrap(), definition)
        })
        .collect()
}

fn resources(folder: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(folder.join("kustomization.yaml")).unwrap();
    let kustomization: Value = serde_saphyr::from_str(&text).unwrap();
    let names = kustomization["resources"].as_array().unwrap().clone();
    names
        .iter()
        .map(|name| folder.join(name.as_str().unwrap()))
        .collect()
}

fn all() -> BTreeMap<String, CustomResourceDefinition> {
    let mut all = definitions("kfp");
    all.extend(definitions("argo"));
    all
}

#[test]
fn every_kind_of_every_release_is_served_as_upstream_serves_it() {
    let ours = all();
    let mut seen = 0;
    for release in RELEASES {
        let wanted: BTreeMap<String, UpstreamDefinition> =
            serde_json::from_value(upstream(release)["crds"].clone()).unwrap();
        for (name, wanted) in wanted {
            // Only the definition of 2.5.0's webhook mode gave Pipeline a status; no server since writes or reads it.
            let lost_status = release == "2.5.0" && wanted.kind == "Pipeline";
            let ours = ours
                .get(&name)
                .unwrap_or_else(|| panic!("{name} of {release} is not served"));
            assert_same(release, &name, ours, &wanted, lost_status);
            seen += 1;
        }
    }
    assert_eq!(seen, 3 * ours.len(), "a definition of ours is of no release");
}

fn assert_same(
    release: &str,
    name: &str,
    ours: &CustomResourceDefinition,
    wanted: &UpstreamDefinition,
    lost_status: bool,
) {
    let at = format!("{name} of {release}");
    let spec = &ours.spec;
    assert_eq!(spec.group, wanted.group, "{at}");
    assert_eq!(spec.names.kind, wanted.kind, "{at}");
    assert_eq!(spec.names.plural, wanted.plural, "{at}");
    assert_eq!(spec.scope, wanted.scope, "{at}");
    assert_eq!(
        spec.names.short_names.clone().unwrap_or_default(),
        wanted.short_names,
        "{at}"
    );
    assert_eq!(spec.versions.len(), wanted.versions.len(), "{at}");
    for version in &spec.versions {
        let wanted = wanted
            .versions
            .get(&version.name)
            .unwrap_or_else(|| panic!("{at}: no {}", version.name));
        assert_eq!(
            (version.served, version.storage),
            (wanted.served, wanted.storage),
            "{at}"
        );
        let status = version
            .subresources
            .as_ref()
            .is_some_and(|sub| sub.status.is_some());
        assert_eq!(
            status,
            wanted.subresources == ["status"] && !lost_status,
            "{at}: status subresource"
        );
        let columns: Vec<String> = version
            .additional_printer_columns
            .iter()
            .flatten()
            .map(|column| format!("{} ({}) {}", column.name, column.type_, column.json_path))
            .collect();
        assert_eq!(columns, wanted.printer_columns, "{at}");
        let schema = version
            .schema
            .as_ref()
            .unwrap()
            .open_api_v3_schema
            .as_ref()
            .unwrap();
        let properties: Vec<&String> = schema.properties.as_ref().unwrap().keys().collect();
        assert_eq!(properties, wanted.properties.iter().collect::<Vec<_>>(), "{at}");
    }
}

#[test]
fn no_definition_drops_a_field_that_a_release_writes() {
    for (name, definition) in all() {
        for version in &definition.spec.versions {
            let schema = version
                .schema
                .as_ref()
                .unwrap()
                .open_api_v3_schema
                .as_ref()
                .unwrap();
            assert_eq!(schema.x_kubernetes_preserve_unknown_fields, Some(true), "{name}");
            assert_eq!(
                schema.required, None,
                "{name}: some release may leave the field out"
            );
            for (property, schema) in schema.properties.iter().flatten() {
                let fixed = property == "metadata" || schema.type_.as_deref() == Some("string");
                assert!(
                    fixed || schema.x_kubernetes_preserve_unknown_fields == Some(true),
                    "{name}: {property}"
                );
            }
        }
    }
}

#[test]
fn argo_kinds_can_be_left_out_where_argo_is_installed() {
    assert!(
        definitions("argo")
            .values()
            .all(|definition| definition.spec.group == "argoproj.io")
    );
    assert!(
        definitions("kfp")
            .values()
            .all(|definition| definition.spec.group.ends_with("kubeflow.org"))
    );
}

#[test]
fn every_file_of_the_folders_is_listed() {
    for name in ["kfp", "argo"] {
        let mut files: Vec<PathBuf> = fs::read_dir(folder(name))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| !path.ends_with("kustomization.yaml"))
            .collect();
        files.sort();
        assert_eq!(files, resources(&folder(name)));
    }
}

#[test]
fn a_definition_says_whose_kind_it_is() {
    for (name, definition) in all() {
        let labels = json!(definition.metadata.labels);
        let set = if definition.spec.group == "argoproj.io" {
            "argo"
        } else {
            "kfp"
        };
        assert_eq!(labels["kfpops.dev/operand-crds"], set, "{name}");
        assert_eq!(
            name,
            format!("{}.{}", definition.spec.names.plural, definition.spec.group)
        );
    }
}
