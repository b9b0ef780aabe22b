//! Proof: what clients are told of the SDK policy, and where it is asked of pipelines. Pure.

use kfp_releases::sdk::{SdkVersion, Standing};
use kfp_render::{Object, Rendered, admission, render};
use rstest::rstest;
use serde_json::{Value, json};

use crate::common::{
    NAMESPACE, STORES, list, objects, rendered, repository, with_kubernetes_pipelines, with_spec,
};

fn named(rendered: &Rendered, kind: &str, name: &str) -> Option<Value> {
    let mut all = objects(rendered).into_iter();
    all.find(|(object, _)| object.kind() == kind && object.name() == name)
        .map(|(_, value)| value)
}

fn config_map(spec: &Value) -> Value {
    let rendered = render(&with_spec(NAMESPACE, spec)).unwrap();
    named(&rendered, "ConfigMap", "kfp-sdk-policy").unwrap()["data"].clone()
}

#[rstest]
#[case("2.5.0", ">=2.0.0,<2.14.0", "pip install kfp==2.12.2 kfp-kubernetes==1.4.0")]
#[case("2.16.1", ">=2.0.0,<2.17.0", "pip install kfp==2.16.1 kfp-kubernetes==2.16.1")]
#[case("2.17.0", ">=2.0.0,<2.18.0", "pip install kfp==2.17.0 kfp-kubernetes==2.17.0")]
fn without_a_policy_clients_are_told_what_goes_with_the_release(
    #[case] release: &str,
    #[case] allowed: &str,
    #[case] pip: &str,
) {
    let data = config_map(&json!({"version": release}));
    assert_eq!(data["backend"], release);
    assert_eq!(data["mode"], "Warn");
    assert_eq!(data["allowed"], allowed);
    assert_eq!(data["pip"], pip);
}

#[test]
fn an_sdk_that_the_policy_rules_out_is_not_recommended() {
    let data = config_map(&json!({"version": "2.16.1", "sdkPolicy": {"allowed": ">=2.9, <2.15"}}));
    assert_eq!(data["pip"], "pip install 'kfp>=2.9.0,<2.15.0'");
    assert_eq!(data["requirements.txt"], "kfp>=2.9.0,<2.15.0\n");
}

#[test]
fn the_whole_policy_is_there_for_programs() {
    let exceptions = json!([{"pipeline": "legacy", "sdkVersion": "2.17.0", "reason": "until it is rewritten",
        "expires": "2030-01-01T00:00:00Z"}]);
    let data = config_map(&json!({"version": "2.16.1", "sdkPolicy": {"exceptions": exceptions}}));
    let whole: Value = serde_json::from_str(data["policy.json"].as_str().unwrap()).unwrap();
    assert_eq!(whole["exceptions"], exceptions);
    let check: Value = serde_json::from_str(data["check-policy.json"].as_str().unwrap()).unwrap();
    assert_eq!(check["backends"], json!(["2.16.1"]));
    assert_eq!(check["sdk"]["allowed"], ">=2.0.0,<2.17.0");
}

#[test]
fn service_accounts_of_the_namespace_may_read_that_config_map_alone() {
    let binding = named(&rendered("2.16.1"), "RoleBinding", "kfp-sdk-policy").unwrap();
    assert_eq!(binding["roleRef"]["name"], "kfp-operand-sdk-policy");
    assert_eq!(binding["subjects"][0]["name"], "system:serviceaccounts:team-a");
}

#[rstest]
#[case("Enforce", Some("Deny"))]
#[case("Warn", Some("Warn"))]
#[case("Off", None)]
fn pipelines_in_kubernetes_are_asked_as_the_mode_says(#[case] mode: &str, #[case] action: Option<&str>) {
    for release in STORES {
        let rendered = with_kubernetes_pipelines(release, NAMESPACE, mode);
        let [(policies, name), (bindings, _)] = admission(NAMESPACE);
        let policy = named(&rendered, policies, &name);
        assert_eq!(policy.is_some(), action.is_some());
        let binding = named(&rendered, bindings, &name);
        let actions = binding.map(|binding| binding["spec"]["validationActions"].clone());
        assert_eq!(actions, action.map(|action| json!([action])));
        let Some(policy) = policy else { continue };
        let constraints = &policy["spec"]["matchConstraints"];
        assert_eq!(
            constraints["namespaceSelector"]["matchLabels"],
            json!({"kubernetes.io/metadata.name": NAMESPACE})
        );
        assert_eq!(
            constraints["resourceRules"][0]["resources"],
            json!(["pipelineversions"])
        );
    }
}

#[test]
fn pipelines_in_the_database_are_asked_by_nobody() {
    let asked = |object: &Object| object.kind().starts_with("ValidatingAdmission");
    assert!(!rendered("2.16.1").objects().iter().any(asked));
}

#[test]
fn the_admission_policy_is_the_frozen_one() {
    let spec = json!({
        "version": "2.16.1",
        "pipelineStore": {"type": "Kubernetes"},
        "sdkPolicy": {
            "mode": "Enforce",
            "allowed": ">=2.9,<2.17,!=2.15.0",
            "exceptions": [
                {"pipeline": "o'hara\\'s", "reason": "a name with everything in it"},
                {"sdkVersion": "2.17.0rc1", "reason": "being tried"},
                {"pipeline": "legacy", "sdkVersion": "2.0.0b13", "reason": "both"},
            ],
        },
    });
    let rendered = render(&with_spec(NAMESPACE, &spec)).unwrap();
    let [(kind, name), _] = admission(NAMESPACE);
    let policy = named(&rendered, kind, &name).unwrap();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("goldens");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let text = kfp_render::yaml::document_text(&policy["spec"]).unwrap();
    settings.bind(|| insta::assert_snapshot!("sdk-admission-policy", text));
}

/// The table that a real API server is asked too (`tests/cases/sdk_policy.rs`).
#[test]
fn the_judgement_of_single_pipelines_is_that_of_the_table() {
    let text = std::fs::read_to_string(repository().join("tests/data/sdk-policy-cases.yaml")).unwrap();
    let table: Value = serde_saphyr::from_str(&text).unwrap();
    let policy = with_spec(
        NAMESPACE,
        &json!({"version": "2.16.1", "sdkPolicy": table["policy"]}),
    )
    .sdk_policy;
    for case in list(&table["cases"]) {
        let sdk: Option<SdkVersion> = case["sdk"].as_str().and_then(|text| text.parse().ok());
        let standing = policy.standing(case["pipeline"].as_str().unwrap_or("train"), sdk.as_ref());
        let wanted = if standing == Standing::Outside {
            "out"
        } else {
            "in"
        };
        assert_eq!(case["let"], wanted, "{case}");
    }
}
