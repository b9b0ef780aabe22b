//! Proof: installations and upstream facts that the tests share. Reads files of this repository only.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use kfp_api::installation::{DatabaseEngine, DeletionPolicy, NetworkPolicySpec, Size, EgressMode};
use kfp_releases::validated::{ComponentSettings, VolumeSettings};
use kfp_releases::{Catalog, ValidatedInstallation};
use kfp_render::{Rendered, render};
use serde_json::Value;

/// The releases with a complete entry in the catalog.
pub const RELEASES: [&str; 3] = ["2.5.0", "2.16.1", "2.17.0"];

/// Root of this repository.
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What upstream installs at a release, reduced: `objects` and `crds`.
pub fn upstream(release: &str) -> Value {
    let path = repository().join(format!("tests/parity/{release}.json"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// An installation with every component switched on, for the catalog's default engine.
pub fn installation(release: &str, namespace: &str) -> ValidatedInstallation {
    let release = Arc::clone(Catalog::builtin().unwrap().release(release).unwrap());
    let install = release.install.clone().unwrap();
    let engine = install.default_engine;
    let mut components = BTreeMap::new();
    let mut volumes = BTreeMap::new();
    for c in &install.components {
        let pod = c.pod(engine).unwrap();
        let main = pod.main().unwrap();
        let mut pod_labels = pod.labels.clone();
        pod_labels.extend(c.selector.clone());
        components.insert(c.name.clone(), ComponentSettings {
            replicas: 1,
            image: install.images[&main.image].clone(),
            resources: main.resources.clone(),
            extra_env: vec![],
            node_selector: pod.node_selector.clone(),
            tolerations: vec![],
            affinity: None,
            priority_class: pod.priority_class.clone(),
            pod_labels,
            pod_annotations: pod.annotations.clone(),
        });
        for v in &c.volume_claims {
            volumes.insert(v.name.clone(), VolumeSettings { size: v.size.clone(), storage_class: None });
        }
    }
    ValidatedInstallation {
        name: "pipelines".to_owned(),
        namespace: namespace.to_owned(),
        uid: "0b5e5b5c-0000-4000-8000-000000000001".to_owned(),
        generation: 1,
        size: Size::Small,
        engine,
        images: install.images.clone(),
        settings: install.settings.clone(),
        components,
        disabled: Default::default(),
        volumes,
        image_pull_secrets: vec![],
        network_policy: NetworkPolicySpec::default(),
        paused: false,
        deletion_policy: DeletionPolicy::Retain,
        release,
    }
}

/// As upstream installs it: in its namespace, with every component.
pub fn as_upstream(release: &str) -> Rendered {
    render(&installation(release, "kubeflow")).unwrap()
}

/// In a namespace of another name.
pub fn rendered(release: &str) -> Rendered {
    render(&installation(release, "team-a")).unwrap()
}

/// With restricted egress, in a namespace of another name.
pub fn restricted(release: &str) -> Rendered {
    let mut installation = installation(release, "team-a");
    installation.network_policy.egress = EgressMode::Restricted;
    render(&installation).unwrap()
}

/// Every release, engine and kind of policy, in a namespace of another name; each with a name for messages.
pub fn every_rendering() -> Vec<(String, Rendered)> {
    let mut all = Vec::new();
    for release in RELEASES {
        for engine in [DatabaseEngine::MySQL, DatabaseEngine::MariaDB] {
            for egress in [EgressMode::Unrestricted, EgressMode::Restricted] {
                let mut installation = installation(release, "team-a");
                installation.engine = engine;
                installation.network_policy.egress = egress;
                all.push((format!("{release}, {engine:?}, {egress:?}"), render(&installation).unwrap()));
            }
        }
    }
    all
}
