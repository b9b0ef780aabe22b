//! Room e2e/standin: judging rendered pods. A pod as upstream renders it, and what is missed when a piece goes.

use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::contract::Role;

/// The scheduled-workflow controller as upstream's 2.16.1 manifest has it, with command and arguments left to the image.
fn pod() -> Value {
    let from_config =
        json!({"configMapKeyRef": {"name": "pipeline-install-config", "key": "cronScheduleTimezone"}});
    json!({
        "kind": "Deployment",
        "metadata": {"name": "ml-pipeline-scheduledworkflow", "namespace": "ml"},
        "spec": {"template": {"spec": {
            "containers": [{
                "name": "ml-pipeline-scheduledworkflow",
                "env": [
                    {"name": "NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
                    {"name": "CRON_SCHEDULE_TIMEZONE", "valueFrom": from_config},
                    {"name": "LOG_LEVEL", "value": "info"},
                    {"name": "CLIENT_QPS", "value": "10"},
                    {"name": "CLIENT_BURST", "value": "20"},
                    {"name": "METRICS_PORT", "value": "9090"},
                    {"name": "RESYNC_INTERVAL_SECONDS", "value": "30"},
                ],
                "volumeMounts": [{"name": "token", "mountPath": "/var/run/secrets/kubeflow/tokens"}],
            }],
            "volumes": [{"name": "token", "projected": {"sources": [{"serviceAccountToken": {
                "audience": "pipelines.kubeflow.org",
                "expirationSeconds": 3600,
                "path": "scheduledworkflow-sa-token",
            }}]}}],
        }}},
    })
}

fn rules() -> Vec<PolicyRule> {
    let rule = |group: &str, resources: &[&str], verbs: &[&str]| PolicyRule {
        api_groups: vec![group.to_owned()],
        resources: resources.iter().map(|item| (*item).to_owned()).collect(),
        resource_names: Vec::new(),
        verbs: verbs.iter().map(|item| (*item).to_owned()).collect(),
    };
    vec![
        rule("argoproj.io", &["workflows"], &["create", "list", "watch"]),
        rule(
            "kubeflow.org",
            &["scheduledworkflows", "scheduledworkflows/finalizers"],
            &["update", "list", "watch"],
        ),
        rule("", &["events"], &["create", "patch"]),
    ]
}

fn config(data: &Value) -> Value {
    json!({"kind": "ConfigMap", "metadata": {"name": "pipeline-install-config"}, "data": data})
}

fn judge(pod: &Value, rules: &[PolicyRule], objects: &[Value]) -> Vec<String> {
    let view = PodView {
        pod,
        container: None,
        namespace: None,
        rules,
        objects,
    };
    let report = check_pod(Role::ScheduledWorkflow, "2.16.1", &view).unwrap();
    report
        .breaches
        .iter()
        .map(|breach| format!("{}: {}", breach.subject, breach.problem))
        .collect()
}

#[test]
fn a_pod_as_upstream_renders_it_keeps_the_contract() {
    assert_eq!(judge(&pod(), &rules(), &[]), Vec::<String>::new());
}

#[rstest]
#[case::a_name("/spec/template/spec/containers/0/env", 4, &["environment name CLIENT_BURST: is not set"])]
#[case::the_namespace(
    "/spec/template/spec/containers/0/env",
    0,
    &["argument --namespace: is empty", "environment name NAMESPACE: is not set"]
)]
#[case::the_mount(
    "/spec/template/spec/containers/0/volumeMounts",
    0,
    &["file /var/run/secrets/kubeflow/tokens/scheduledworkflow-sa-token: is missing: no mount covers it"]
)]
#[case::the_volume(
    "/spec/template/spec/volumes",
    0,
    &["file /var/run/secrets/kubeflow/tokens/scheduledworkflow-sa-token: is missing: the pod has no volume \"token\""]
)]
fn what_is_dropped_is_missed(#[case] list: &str, #[case] index: usize, #[case] breaches: &[&str]) {
    let mut pod = pod();
    pod.pointer_mut(list)
        .unwrap()
        .as_array_mut()
        .unwrap()
        .remove(index);
    assert_eq!(judge(&pod, &rules(), &[]), breaches);
}

#[test]
fn every_right_that_is_taken_away_is_missed() {
    for (index, rule) in rules().into_iter().enumerate() {
        for verb in &rule.verbs {
            let mut fewer = rules();
            fewer[index].verbs.retain(|other| other != verb);
            let breaches = judge(&pod(), &fewer, &[]);
            assert!(
                breaches
                    .iter()
                    .all(|breach| breach.starts_with(&format!("right to {verb} "))),
                "{breaches:?}"
            );
            assert!(!breaches.is_empty(), "{verb} {:?}", rule.resources);
        }
    }
}

#[test]
fn a_key_is_looked_up_where_the_rendering_has_the_object() {
    assert_eq!(
        judge(
            &pod(),
            &rules(),
            &[config(&json!({"cronScheduleTimezone": "UTC"}))]
        ),
        Vec::<String>::new()
    );
    let breaches = judge(
        &pod(),
        &rules(),
        &[config(&json!({"cronscheduletimezone": "UTC"}))],
    );
    assert_eq!(breaches.len(), 1, "{breaches:?}");
    assert!(
        breaches[0].contains("which the rendering does not have"),
        "{breaches:?}"
    );
}

#[test]
fn a_token_for_the_api_server_is_not_the_one_that_is_needed() {
    let mut pod = pod();
    let audience = "/spec/template/spec/volumes/0/projected/sources/0/serviceAccountToken/audience";
    *pod.pointer_mut(audience).unwrap() = json!("https://kubernetes.default.svc");
    let breaches = judge(&pod, &rules(), &[]);
    assert!(breaches[0].contains("is a token for audience"), "{breaches:?}");
}

#[test]
fn the_pods_own_arguments_take_the_place_of_the_images() {
    let mut pod = pod();
    let container = pod.pointer_mut("/spec/template/spec/containers/0").unwrap();
    container["command"] = json!(["/bin/controller"]);
    container["args"] = json!([
        "--namespace=$(NAMESPACE)",
        "--recurringRunResyncIntervalSeconds=$(RESYNC_INTERVAL_SECONDS)",
        "--colour=blue"
    ]);
    assert_eq!(
        judge(&pod, &rules(), &[]),
        ["command line: --colour is not a flag of this program"]
    );
}

#[test]
fn names_and_mounts_that_no_fact_names_are_reported() {
    let mut pod = pod();
    let container = pod.pointer_mut("/spec/template/spec/containers/0").unwrap();
    container["env"]
        .as_array_mut()
        .unwrap()
        .push(json!({"name": "COLOUR", "value": "blue"}));
    container["volumeMounts"]
        .as_array_mut()
        .unwrap()
        .push(json!({"name": "scratch", "mountPath": "/tmp"}));
    let rules = rules();
    let view = PodView {
        pod: &pod,
        container: None,
        namespace: None,
        rules: &rules,
        objects: &[],
    };
    let report = check_pod(Role::ScheduledWorkflow, "2.16.1", &view).unwrap();
    assert_eq!(report.breaches, []);
    assert!(report.unknown_variables.iter().eq(["COLOUR"]));
    assert!(report.unasked_mounts.iter().eq(["/tmp"]));
}

#[test]
fn a_pod_without_that_container_cannot_be_judged() {
    let pod = pod();
    let view = PodView {
        pod: &pod,
        container: Some("main"),
        namespace: None,
        rules: &[],
        objects: &[],
    };
    let error = check_pod(Role::ScheduledWorkflow, "2.16.1", &view).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot judge the pod: it has no container \"main\""
    );
}

#[rstest]
#[case::a_config_map_key(json!({"configMap": {"name": "c"}}), "a", true)]
#[case::another_key(json!({"configMap": {"name": "c"}}), "b", false)]
#[case::a_key_under_another_path(json!({"configMap": {"name": "c", "items": [{"key": "a", "path": "b"}]}}), "b", true)]
#[case::a_key_that_is_not_among_the_items(json!({"configMap": {"name": "c", "items": []}}), "a", false)]
#[case::a_secret_that_is_not_rendered(json!({"secret": {"secretName": "s"}}), "any", true)]
#[case::an_empty_folder(json!({"emptyDir": {}}), "a", false)]
fn mounts_bring_the_files_that_their_volumes_have(
    #[case] volume: Value,
    #[case] file: &str,
    #[case] there: bool,
) {
    let mut volume = volume;
    volume["name"] = json!("v");
    let pod = json!({"spec": {
        "containers": [{"name": "c", "volumeMounts": [{"name": "v", "mountPath": "/m"}]}],
        "volumes": [volume],
    }});
    let objects = [json!({"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "text"}})];
    let view = PodView {
        pod: &pod,
        container: None,
        namespace: None,
        rules: &[],
        objects: &objects,
    };
    let image = image(Role::Frontend, "2.16.1").unwrap();
    let state = Reader::new(&view).unwrap().file(&format!("/m/{file}"), image);
    assert_eq!(
        !matches!(state, crate::facts::FileState::Missing(_)),
        there,
        "{state:?}"
    );
}

#[rstest]
#[case::the_pod_says_no(json!(false), json!(null), true)]
#[case::the_account_says_no(json!(null), json!(false), true)]
#[case::the_pods_word_counts_more(json!(true), json!(false), false)]
#[case::nobody_says_anything(json!(null), json!(null), false)]
fn without_a_token_no_right_can_be_used(
    #[case] of_pod: Value,
    #[case] of_account: Value,
    #[case] broken: bool,
) {
    let mut pod = pod();
    let spec = pod.pointer_mut("/spec/template/spec").unwrap();
    spec["automountServiceAccountToken"] = of_pod;
    spec["serviceAccountName"] = json!("swf");
    let account = json!({
        "kind": "ServiceAccount",
        "metadata": {"name": "swf"},
        "automountServiceAccountToken": of_account,
    });
    let breaches = judge(&pod, &rules(), &[account]);
    assert_eq!(!breaches.is_empty(), broken, "{breaches:?}");
}
