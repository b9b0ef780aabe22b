//! Tests of validation: what is resolved, and every finding.

mod sdk;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{EnvVar, LocalObjectReference, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kfp_api::KfpInstallation;
use kfp_api::conditions::Reason;
use kfp_api::installation::{
    ComponentOverride, DatabaseEngine, EmbeddedDatabase, EmbeddedObjectStore, ManagedExecutionController,
    Size,
};
use rstest::rstest;

use super::{Finding, References, ValidatedInstallation, validate};
use crate::catalog::Catalog;

fn installation(version: &str) -> KfpInstallation {
    let spec = serde_json::json!({
        "apiVersion": "kfpops.dev/v1alpha1",
        "kind": "KfpInstallation",
        "metadata": {"name": "kfp", "namespace": "pipelines", "uid": "u-1", "generation": 3},
        "spec": {"version": version},
    });
    serde_json::from_value(spec).unwrap()
}

fn catalog() -> &'static Catalog {
    Catalog::builtin().unwrap()
}

fn check(resource: &KfpInstallation) -> Result<ValidatedInstallation, Vec<Finding>> {
    validate(resource, &References::default(), catalog())
}

fn with(component: &str, change: impl FnOnce(&mut ComponentOverride)) -> KfpInstallation {
    let mut given = ComponentOverride {
        name: component.to_owned(),
        ..ComponentOverride::default()
    };
    change(&mut given);
    let mut resource = installation("2.16.1");
    resource.spec.components.push(given);
    resource
}

fn only_finding(resource: &KfpInstallation) -> Finding {
    let findings = check(resource).unwrap_err();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    findings.into_iter().next().unwrap()
}

fn text(name: &str, value: &str) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        value_from: None,
    }
}

#[rstest]
#[case("2.5.0", "minio-pvc")]
#[case("2.16.1", "seaweedfs-pvc")]
#[case("2.17.0", "seaweedfs-pvc")]
fn a_name_and_a_version_are_enough(#[case] version: &str, #[case] volume: &str) {
    let valid = check(&installation(version)).unwrap();
    assert_eq!(
        (valid.name.as_str(), valid.namespace.as_str()),
        ("kfp", "pipelines")
    );
    assert_eq!((valid.uid.as_str(), valid.generation), ("u-1", 3));
    assert_eq!(valid.engine, DatabaseEngine::MySQL);
    assert_eq!(valid.volumes[volume].size, Quantity("20Gi".to_owned()));
    assert!(valid.components.values().all(|component| component.replicas == 1));
    assert!(valid.disabled.contains("cache-server") && !valid.components.contains_key("cache-server"));
}

#[test]
fn a_size_changes_replicas_resources_settings_and_volumes() {
    let mut resource = installation("2.16.1");
    resource.spec.size = Size::Large;
    let valid = check(&resource).unwrap();
    assert_eq!(valid.components["ml-pipeline"].replicas, 3);
    assert_eq!(valid.settings["api-server-qps"], "100");
    assert_eq!(valid.volumes["mysql-pv-claim"].size, Quantity("200Gi".to_owned()));
}

#[test]
fn an_unknown_version_names_the_ones_that_can_be_installed() {
    let finding = only_finding(&installation("2.99.0"));
    assert_eq!(
        (finding.path.as_str(), finding.reason),
        ("spec.version", Reason::UnknownVersion)
    );
    assert!(
        finding.message.contains("2.5.0, 2.16.1 or 2.17.0"),
        "{}",
        finding.message
    );
}

#[rstest]
#[case("2.15.0", "cannot install it")]
#[case("2.14.1", "number of an SDK")]
#[case("2.4.0", "was replaced")]
fn a_version_that_is_known_only_says_why_it_cannot_be_installed(#[case] version: &str, #[case] why: &str) {
    let finding = only_finding(&installation(version));
    assert!(finding.message.contains(why), "{}", finding.message);
}

#[test]
fn the_engine_on_the_volume_wins_over_the_default() {
    let references = References {
        database_engine_on_volume: Some(DatabaseEngine::MariaDB),
        ..References::default()
    };
    let valid = validate(&installation("2.16.1"), &references, catalog()).unwrap();
    assert_eq!(valid.engine, DatabaseEngine::MariaDB);
}

#[test]
fn another_engine_than_the_one_on_the_volume_is_refused() {
    let mut resource = installation("2.16.1");
    let embedded = EmbeddedDatabase {
        engine: Some(DatabaseEngine::MySQL),
        ..EmbeddedDatabase::default()
    };
    resource.spec.database.embedded = Some(embedded);
    let references = References {
        database_engine_on_volume: Some(DatabaseEngine::MariaDB),
        ..References::default()
    };
    let findings = validate(&resource, &references, catalog()).unwrap_err();
    assert_eq!(findings[0].path, "spec.database.embedded.engine");
}

#[test]
fn a_volume_never_gets_smaller() {
    let references = References {
        volume_claim_bytes: BTreeMap::from([("seaweedfs-pvc".to_owned(), 40 << 30)]),
        ..References::default()
    };
    let mut resource = installation("2.16.1");
    let unset = validate(&resource, &references, catalog()).unwrap();
    assert_eq!(
        unset.volumes["seaweedfs-pvc"].size,
        Quantity((40_u64 << 30).to_string())
    );

    let mut embedded = EmbeddedObjectStore::default();
    embedded.storage.size = Some(Quantity("30Gi".to_owned()));
    resource.spec.object_store.embedded = Some(embedded);
    let findings = validate(&resource, &references, catalog()).unwrap_err();
    assert_eq!(findings[0].path, "spec.objectStore.embedded.storage.size");
    assert!(findings[0].message.contains("cannot shrink"));
}

#[test]
fn parallelism_and_lifetime_take_the_place_of_the_settings_of_that_meaning() {
    let mut resource = installation("2.17.0");
    resource.spec.execution_controller.managed = Some(ManagedExecutionController {
        parallelism: Some(7),
        ttl_seconds: Some(600),
    });
    let settings = check(&resource).unwrap().settings;
    assert_eq!(settings["workflow-parallelism"], "7");
    assert_eq!(
        (
            settings["agent-ttl-seconds"].as_str(),
            settings["workflow-ttl-seconds"].as_str()
        ),
        ("600", "600")
    );
}

#[test]
fn every_image_moves_to_the_given_registry_except_those_given_by_name() {
    let mut resource = with("ml-pipeline-ui", |given| {
        given.image = Some("quay.io/own/ui:1".to_owned());
    });
    resource.spec.image_registry = Some("registry.example.com:5000/mirror".to_owned());
    let valid = check(&resource).unwrap();
    assert!(
        valid
            .images
            .values()
            .all(|image| image.starts_with("registry.example.com:5000/mirror/"))
    );
    assert_eq!(
        valid.images["mysql"],
        "registry.example.com:5000/mirror/library/mysql:8.4"
    );
    assert_eq!(valid.components["ml-pipeline-ui"].image, "quay.io/own/ui:1");
    assert_eq!(valid.components["mysql"].image, valid.images["mysql"]);
}

#[rstest]
#[case("ml-pipline-ui", "did you mean ml-pipeline-ui")]
#[case("zzz", "did you mean mysql, seaweedfs")]
fn an_unknown_component_is_refused_with_near_names(#[case] name: &str, #[case] wanted: &str) {
    let finding = only_finding(&with(name, |_| {}));
    assert_eq!(finding.path, format!("spec.components[{name}]"));
    assert!(finding.message.contains(wanted), "{}", finding.message);
}

type Change = fn(&mut ComponentOverride);

#[rstest]
#[case::required("ml-pipeline", |given: &mut ComponentOverride| given.enabled = Some(false), "enabled", "does not work without")]
#[case::replicas("ml-pipeline-persistenceagent", |given: &mut ComponentOverride| given.replicas = Some(2), "replicas", "elects no leader")]
#[case::no_replicas("ml-pipeline-ui", |given: &mut ComponentOverride| given.replicas = Some(0), "replicas", "enabled: false")]
#[case::untagged("ml-pipeline-ui", |given: &mut ComponentOverride| given.image = Some("quay.io/a/b".into()), "image", "names no tag")]
#[case::latest("ml-pipeline-ui", |given: &mut ComponentOverride| given.image = Some("quay.io/a/b:latest".into()), "image", "another image tomorrow")]
#[case::malformed("ml-pipeline-ui", |given: &mut ComponentOverride| given.image = Some("quay.io/a b:1".into()), "image", "no image name")]
#[case::environment("ml-pipeline", |given: &mut ComponentOverride| given.extra_env = vec![text("LOG_LEVEL", "debug")], "extraEnv[LOG_LEVEL]", "set by the release")]
#[case::twice("ml-pipeline", |given: &mut ComponentOverride| given.extra_env = vec![text("A", "1"), text("A", "2")], "extraEnv[A]", "twice")]
#[case::label("ml-pipeline", |given: &mut ComponentOverride| { given.pod_labels.insert("app".into(), "x".into()); }, "podLabels[app]", "selectors")]
#[case::own_label("ml-pipeline", |given: &mut ComponentOverride| { given.pod_labels.insert("kfpops.dev/x".into(), "x".into()); }, "podLabels[kfpops.dev/x]", "keeps for itself")]
#[case::own_annotation("ml-pipeline", |given: &mut ComponentOverride| { given.pod_annotations.insert("kfpops.dev/x".into(), "x".into()); }, "podAnnotations[kfpops.dev/x]", "keeps for itself")]
#[case::node("workflow-controller", |given: &mut ComponentOverride| { given.node_selector.insert("kubernetes.io/os".into(), "windows".into()); }, "nodeSelector[kubernetes.io/os]", "`linux` only")]
#[case::request("mysql", |given: &mut ComponentOverride| given.resources = Some(above_limit()), "resources.requests.memory", "above the limit")]
#[case::quantity("mysql", |given: &mut ComponentOverride| given.resources = Some(request("much")), "resources.requests.memory", "no quantity")]
#[case::negative("mysql", |given: &mut ComponentOverride| given.resources = Some(request("-1")), "resources.requests.memory", "negative")]
fn a_wrong_override_is_refused(
    #[case] component: &str,
    #[case] change: Change,
    #[case] field: &str,
    #[case] wanted: &str,
) {
    let finding = only_finding(&with(component, change));
    assert_eq!(finding.path, format!("spec.components[{component}].{field}"));
    assert_eq!(finding.reason, Reason::InvalidSpec);
    assert!(finding.message.contains(wanted), "{}", finding.message);
}

fn request(memory: &str) -> ResourceRequirements {
    let requests = BTreeMap::from([("memory".to_owned(), Quantity(memory.to_owned()))]);
    ResourceRequirements {
        requests: Some(requests),
        ..ResourceRequirements::default()
    }
}

fn above_limit() -> ResourceRequirements {
    let limits = BTreeMap::from([("memory".to_owned(), Quantity("1000Mi".to_owned()))]);
    ResourceRequirements {
        limits: Some(limits),
        ..request("1Gi")
    }
}

#[test]
fn a_component_that_others_need_is_not_switched_off_alone() {
    let valid = check(&with("ml-pipeline-ui", |given| given.enabled = Some(false))).unwrap();
    assert!(valid.disabled.contains("ml-pipeline-ui"));
}

#[test]
fn a_right_override_is_taken_over() {
    let resource = with("ml-pipeline-ui", |given| {
        given.replicas = Some(4);
        given.extra_env = vec![text("HIDE_SIDENAV", "true")];
        given.pod_labels.insert("team".to_owned(), "ml".to_owned());
        given.priority_class_name = Some("high".to_owned());
        given.resources = Some(request("1Gi"));
    });
    let valid = check(&resource).unwrap();
    let settings = &valid.components["ml-pipeline-ui"];
    assert_eq!(settings.replicas, 4);
    assert_eq!(settings.extra_env, [text("HIDE_SIDENAV", "true")]);
    assert_eq!(settings.pod_labels["team"], "ml");
    assert_eq!(settings.pod_labels["app"], "ml-pipeline-ui");
    assert_eq!(settings.priority_class.as_deref(), Some("high"));
    assert_eq!(settings.resources, Some(request("1Gi")));
}

#[test]
fn the_cache_server_runs_when_asked_for() {
    let valid = check(&with("cache-server", |given| given.enabled = Some(true))).unwrap();
    assert!(valid.components.contains_key("cache-server") && valid.disabled.is_empty());
}

#[rstest]
#[case(vec![text("HTTPS_PROXY", "http://proxy:3128")], true)]
#[case(vec![text("LOG", "x")], false)]
#[case(vec![text("HTTPS_PROXY", "http://proxy:3128"), text("no_proxy", "mine")], false)]
fn exceptions_from_a_proxy_follow_the_namespace_and_need_a_proxy(
    #[case] given: Vec<EnvVar>,
    #[case] added: bool,
) {
    let count = given.len();
    let resource = with("ml-pipeline", |component| component.extra_env = given);
    let extra = check(&resource).unwrap().components["ml-pipeline"]
        .extra_env
        .clone();
    assert_eq!(extra.len(), count + usize::from(added));
    if added {
        let value = extra.last().unwrap().value.as_deref().unwrap();
        assert!(
            value.contains("seaweedfs.pipelines") && !value.contains("kubeflow"),
            "{value}"
        );
    }
}

#[test]
fn every_fault_is_found_at_once() {
    let mut resource = with("ml-pipeline", |given| {
        given.enabled = Some(false);
        given.replicas = Some(9);
    });
    resource.spec.image_registry = Some("https://registry.example.com/".to_owned());
    resource.spec.execution_controller.managed = Some(ManagedExecutionController {
        parallelism: Some(0),
        ttl_seconds: Some(1),
    });
    resource.spec.image_pull_secrets = vec![LocalObjectReference { name: "a".to_owned() }; 2];
    resource.metadata.namespace = None;
    resource.metadata.name = Some("n".repeat(64));
    resource.spec.components.push(ComponentOverride {
        name: "nothing".to_owned(),
        ..ComponentOverride::default()
    });
    let paths: Vec<String> = check(&resource)
        .unwrap_err()
        .into_iter()
        .map(|finding| finding.path)
        .collect();
    let wanted = [
        "metadata.name",
        "metadata.namespace",
        "spec.imageRegistry",
        "spec.executionController.managed.parallelism",
        "spec.executionController.managed.ttlSeconds",
        "spec.components[nothing]",
        "spec.components[ml-pipeline].enabled",
        "spec.components[ml-pipeline].replicas",
        "spec.imagePullSecrets[1].name",
    ];
    assert_eq!(paths.iter().map(String::as_str).collect::<Vec<_>>(), wanted);
}
