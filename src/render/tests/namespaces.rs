//! Proof: nothing is hard-wired to a namespace, and nothing claims more than the installation's own. Pure.

use std::collections::BTreeSet;

use kfp_render::{Object, render, to_yaml};
use serde_json::Value;

use crate::common::{every_rendering, installation, rendered};

/// Texts with `kubeflow` in them that are no namespace, as upstream's programs and clients know them. They are taken
/// out, longest first, before the rest is searched.
const NO_NAMESPACE: [(&str, &str); 10] = [
    ("ghcr.io/kubeflow/", "registry path of images"),
    (
        "/var/run/secrets/kubeflow/tokens",
        "path of a mount, fixed in the programs",
    ),
    (
        "pipelines.kubeflow.org",
        "API group, audience of tokens, prefix of labels",
    ),
    ("kubeflow.org", "API group"),
    (
        "application-crd-id: kubeflow-pipelines",
        "label that upstream selects by",
    ),
    ("app.kubernetes.io/name: kubeflow-pipelines", "label of ours"),
    ("app.kubernetes.io/part-of: kubeflow", "label of ours"),
    (
        "kubeflow-pipelines-",
        "first part of names of service accounts, bindings and ConfigMaps",
    ),
    ("kubeflow_pipelines_version", "key that clients read"),
    (
        "USERID_HEADER: kubeflow-userid",
        "HTTP header of gateways in front of several users",
    ),
];

/// Lines that still say `kubeflow` when everything that is no namespace is taken out.
fn suspicious(text: &str) -> Vec<String> {
    let clean = |line: &str| {
        NO_NAMESPACE
            .iter()
            .fold(line.to_owned(), |line, (known, _)| line.replace(known, ""))
    };
    text.lines()
        .filter(|line| clean(line).to_lowercase().contains("kubeflow"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_rendering_in_another_namespace_does_not_speak_of_kubeflow() {
    for (case, rendered) in every_rendering() {
        assert_eq!(
            suspicious(&to_yaml(&rendered).unwrap()),
            Vec::<String>::new(),
            "{case}"
        );
    }
}

#[test]
fn the_search_sees_a_hard_wired_namespace() {
    for line in [
        "host: seaweedfs.kubeflow",
        "namespace: kubeflow",
        "endpoint: minio-service.kubeflow:9000",
    ] {
        assert_eq!(suspicious(line).len(), 1, "{line}");
    }
    assert!(suspicious("image: ghcr.io/kubeflow/kfp-frontend:2.16.1").is_empty());
}

#[test]
fn every_object_is_in_the_namespace_or_carries_its_name() {
    for (case, rendered) in every_rendering() {
        for object in rendered.objects() {
            let metadata = object.metadata();
            if object.namespaced() {
                assert_eq!(
                    metadata.namespace.as_deref(),
                    Some("team-a"),
                    "{case}: {}",
                    object.name()
                );
            } else {
                assert_eq!(metadata.namespace, None, "{case}: {}", object.name());
                assert!(object.name().ends_with("-team-a"), "{case}: {}", object.name());
            }
        }
    }
}

#[test]
fn two_namespaces_share_no_object() {
    let names = |namespace: &str| -> BTreeSet<(String, Option<String>, String)> {
        let rendered = render(&installation("2.16.1", namespace)).unwrap();
        let key = |object: &Object| {
            (
                object.kind().to_owned(),
                object.metadata().namespace.clone(),
                object.name().to_owned(),
            )
        };
        rendered.objects().iter().map(key).collect()
    };
    assert!(names("team-a").is_disjoint(&names("team-b")));
}

#[test]
fn subjects_of_bindings_are_of_the_namespace() {
    for object in rendered("2.17.0").objects() {
        let value = object.to_json();
        for subject in value["subjects"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|one| one["kind"] == "ServiceAccount")
        {
            assert_eq!(subject["namespace"], Value::from("team-a"), "{}", object.name());
        }
    }
}
