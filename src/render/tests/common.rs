//! Proof: installations and upstream facts that the tests share. Reads files of this repository only.

use std::fs;
use std::path::PathBuf;

use kfp_api::KfpInstallation;
use kfp_api::installation::{DatabaseEngine, EgressMode};
use kfp_releases::validate::validate;
use kfp_releases::{Catalog, References, ValidatedInstallation};
use kfp_render::{Object, Rendered, render};
use serde_json::{Value, json};

/// The releases with a complete entry in the catalog.
pub const RELEASES: [&str; 3] = ["2.5.0", "2.16.1", "2.17.0"];
/// The namespace of most tests: not upstream's.
pub const NAMESPACE: &str = "team-a";

/// The releases that can keep pipelines as Kubernetes objects.
pub const STORES: [&str; 2] = ["2.16.1", "2.17.0"];

/// Root of this repository.
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What upstream installs at a release, reduced: `objects` and `crds`.
pub fn upstream(release: &str) -> Value {
    let path = repository().join(format!("tests/parity/{release}.json"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// What upstream installs at a release where pipelines are Kubernetes objects, reduced.
pub fn upstream_with_kubernetes_pipelines(release: &str) -> Value {
    let mut whole = upstream(release);
    let path = repository().join(format!("tests/parity/{release}-kubernetes-pipelines.json"));
    let differing: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let objects = whole["objects"].as_object_mut().unwrap();
    objects.extend(differing["objects"].as_object().unwrap().clone());
    whole
}

/// An installation with these fields in its spec, validated.
pub fn with_spec(namespace: &str, spec: &Value) -> ValidatedInstallation {
    let resource: KfpInstallation = serde_json::from_value(json!({
        "apiVersion": "kfpops.dev/v1alpha1",
        "kind": "KfpInstallation",
        "metadata": {
            "name": "pipelines",
            "namespace": namespace,
            "uid": "0b5e5b5c-9f6e-4c8e-8d60-5f1c0a6f7e01",
            "generation": 1,
        },
        "spec": spec,
    }))
    .unwrap();
    validate(&resource, &References::default(), Catalog::builtin().unwrap()).unwrap()
}

/// An installation with every component switched on, as upstream has it, and otherwise with the defaults.
pub fn installation(release: &str, namespace: &str) -> ValidatedInstallation {
    with_spec(
        namespace,
        &json!({"version": release, "components": everything()}),
    )
}

/// Overrides that switch on what ours leaves off and upstream's default install runs.
pub fn everything() -> Value {
    json!([{"name": "cache-server", "enabled": true}])
}

/// As upstream installs it: in its namespace, with every component.
pub fn as_upstream(release: &str) -> Rendered {
    render(&installation(release, "kubeflow")).unwrap()
}

/// With every component, pipelines kept as Kubernetes objects, and the SDK policy in this mode.
pub fn with_kubernetes_pipelines(release: &str, namespace: &str, mode: &str) -> Rendered {
    let spec = json!({
        "version": release,
        "components": everything(),
        "pipelineStore": {"type": "Kubernetes"},
        "sdkPolicy": {"mode": mode},
    });
    render(&with_spec(namespace, &spec)).unwrap()
}

/// With every component, in a namespace of another name.
pub fn rendered(release: &str) -> Rendered {
    render(&installation(release, NAMESPACE)).unwrap()
}

/// With restricted egress.
pub fn restricted(release: &str) -> Rendered {
    chosen(release, DatabaseEngine::MySQL, EgressMode::Restricted)
}

/// With that engine and kind of policy.
pub fn chosen(release: &str, engine: DatabaseEngine, egress: EgressMode) -> Rendered {
    let spec = json!({
        "version": release,
        "components": everything(),
        "database": {"type": "Embedded", "embedded": {"engine": engine}},
        "networkPolicy": {"egress": egress},
    });
    render(&with_spec(NAMESPACE, &spec)).unwrap()
}

/// Every release, size, engine and kind of policy, each with a name for messages.
pub fn every_rendering() -> Vec<(String, Rendered)> {
    let mut all = Vec::new();
    for release in RELEASES {
        for engine in [DatabaseEngine::MySQL, DatabaseEngine::MariaDB] {
            for egress in [EgressMode::Unrestricted, EgressMode::Restricted] {
                all.push((
                    format!("{release}, {engine:?}, {egress:?}"),
                    chosen(release, engine, egress),
                ));
            }
        }
        for size in ["Medium", "Large"] {
            let spec = json!({"version": release, "size": size, "components": everything()});
            all.push((
                format!("{release}, {size}, MySQL"),
                render(&with_spec(NAMESPACE, &spec)).unwrap(),
            ));
        }
    }
    for release in STORES {
        all.push((
            format!("{release}, Kubernetes pipelines, MySQL"),
            with_kubernetes_pipelines(release, NAMESPACE, "Enforce"),
        ));
    }
    all
}

/// Every object, typed and as JSON.
pub fn objects(rendered: &Rendered) -> Vec<(Object, Value)> {
    rendered
        .objects()
        .into_iter()
        .map(|object| (object.clone(), object.to_json()))
        .collect()
}

/// Items of a list; none where there is no list.
pub fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Every container of every workload, with the workload's name.
pub fn containers(rendered: &Rendered) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (object, value) in objects(rendered) {
        let pod = &value["spec"]["template"]["spec"];
        for container in list(&pod["initContainers"]).chain(list(&pod["containers"])) {
            found.push((object.name().to_owned(), container.clone()));
        }
    }
    found
}
