//! WORDS: the CustomResourceDefinitions as they are installed: derived types, bounded, with defaults and rules. No I/O.
//!
//! Types and field attributes give most of the schema. This module adds what they cannot say: tight forms of embedded
//! Kubernetes types, the default of `status`, and the rules of [`crate::rules`].

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
    ValidationRule,
};
use kube::CustomResourceExt as _;
use serde_json::json;

use crate::rules::{self, CelRule};
use crate::{KfpBackup, KfpInstallation, KfpRestore};

/// Every CustomResourceDefinition of ours, as installed.
#[must_use]
pub fn crds() -> Vec<CustomResourceDefinition> {
    vec![backup_crd(), installation_crd(), restore_crd()]
}

/// The rules of the kind of this name.
#[must_use]
pub fn rules_of(kind: &str) -> Vec<CelRule> {
    match kind {
        "KfpBackup" => rules::backup(),
        "KfpInstallation" => rules::installation(),
        "KfpRestore" => rules::restore(),
        _ => Vec::new(),
    }
}

/// The CustomResourceDefinition of KfpBackup, as installed.
#[must_use]
pub fn backup_crd() -> CustomResourceDefinition {
    finished(KfpBackup::crd())
}

/// The CustomResourceDefinition of KfpInstallation, as installed.
#[must_use]
pub fn installation_crd() -> CustomResourceDefinition {
    finished(KfpInstallation::crd())
}

/// The CustomResourceDefinition of KfpRestore, as installed.
#[must_use]
pub fn restore_crd() -> CustomResourceDefinition {
    finished(KfpRestore::crd())
}

/// A derived definition with everything that types cannot say.
fn finished(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    let rules = rules_of(&crd.spec.names.kind);
    for version in &mut crd.spec.versions {
        let Some(root) = version
            .schema
            .as_mut()
            .and_then(|schema| schema.open_api_v3_schema.as_mut())
        else {
            continue;
        };
        tidy(root);
        default_status(root);
        for rule in &rules {
            place(root, rule);
        }
    }
    crd
}

/// Takes out what derived schemas carry and nobody wants, on every level.
///
/// `nullable`: without it an explicit null means the same as leaving the field out (the API server drops it, and defaults
/// apply); with it the null would stay and defeat the default. Line breaks: those of doc comments mean nothing.
fn tidy(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    if let Some(description) = &mut schema.description {
        *description = description.replace('\n', " ");
    }
    for child in children(schema) {
        tidy(child);
    }
}

/// Tools that read `observedGeneration` (kstatus, and so Flux, Helm and Argo CD) take an object without status for a
/// finished one. The default makes a new object count as unfinished even while no operator runs.
fn default_status(root: &mut JSONSchemaProps) {
    if let Some(status) = root
        .properties
        .as_mut()
        .and_then(|properties| properties.get_mut("status"))
    {
        status.default = Some(JSON(json!({ "observedGeneration": -1 })));
    }
}

/// Puts a rule on the field it names.
fn place(root: &mut JSONSchemaProps, rule: &CelRule) {
    let Some(target) = find(root, &rule.on) else {
        return;
    };
    target
        .x_kubernetes_validations
        .get_or_insert_default()
        .push(ValidationRule {
            field_path: rule.field_path.map(str::to_owned),
            message: Some(rule.message.to_owned()),
            reason: Some(rule.reason.as_str().to_owned()),
            rule: rule.rule.to_owned(),
            ..ValidationRule::default()
        });
}

/// The schema of the field at `path`, from `schema`; `[]` enters the items of a list.
fn find<'schema>(schema: &'schema mut JSONSchemaProps, path: &str) -> Option<&'schema mut JSONSchemaProps> {
    let mut here = schema;
    for name in path.split('.').filter(|name| !name.is_empty()) {
        let (name, enters_list) = name.strip_suffix("[]").map_or((name, false), |name| (name, true));
        here = here.properties.as_mut()?.get_mut(name)?;
        if enters_list {
            here = match here.items.as_mut()? {
                JSONSchemaPropsOrArray::Schema(items) => items,
                JSONSchemaPropsOrArray::Schemas(_) => return None,
            };
        }
    }
    Some(here)
}

/// The schemas of a schema's properties, items and map values.
fn children(schema: &mut JSONSchemaProps) -> Vec<&mut JSONSchemaProps> {
    let mut children: Vec<&mut JSONSchemaProps> = schema
        .properties
        .iter_mut()
        .flat_map(|properties| properties.values_mut())
        .collect();
    match schema.items.as_mut() {
        Some(JSONSchemaPropsOrArray::Schema(items)) => children.push(items),
        Some(JSONSchemaPropsOrArray::Schemas(items)) => children.extend(items),
        None => {}
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = schema.additional_properties.as_mut() {
        children.push(values);
    }
    children
}
