//! Tests of validation: SDK policies and stores of pipelines.

use kfp_api::KfpInstallation;
use kfp_api::conditions::Reason;
use rstest::rstest;

use super::{References, catalog, check, installation, only_finding, validate};

fn with_policy(version: &str, spec: &serde_json::Value) -> KfpInstallation {
    let mut resource = serde_json::to_value(installation(version)).unwrap();
    for (field, value) in spec.as_object().unwrap() {
        resource["spec"][field] = value.clone();
    }
    serde_json::from_value(resource).unwrap()
}

#[rstest]
#[case("2.5.0", ">=2.0.0,<2.14.0")]
#[case("2.16.1", ">=2.0.0,<2.17.0")]
#[case("2.17.0", ">=2.0.0,<2.18.0")]
fn sdks_up_to_the_release_own_are_allowed_by_default(#[case] version: &str, #[case] allowed: &str) {
    let policy = check(&installation(version)).unwrap().sdk_policy;
    assert_eq!(policy.allowed.to_string(), allowed);
}

#[test]
fn nothing_can_be_enforced_where_pipelines_are_in_the_database() {
    let resource = with_policy("2.16.1", &serde_json::json!({"sdkPolicy": {"mode": "Enforce"}}));
    let finding = only_finding(&resource);
    assert_eq!(finding.reason, Reason::SdkPolicyNotEnforceable);
    assert_eq!(finding.path, "spec.sdkPolicy.mode");
    let spec = serde_json::json!({"sdkPolicy": {"mode": "Enforce"}, "pipelineStore": {"type": "Kubernetes"}});
    assert!(check(&with_policy("2.16.1", &spec)).is_ok());
}

#[test]
fn pipelines_in_kubernetes_change_the_server_and_what_must_be_there() {
    let spec = serde_json::json!({"pipelineStore": {"type": "Kubernetes"}});
    for version in ["2.16.1", "2.17.0"] {
        let plain = check(&installation(version)).unwrap();
        let stored = check(&with_policy(version, &spec)).unwrap();
        assert_eq!(plain.release.version, stored.release.version);
        let (plain, stored) = (plain.install().unwrap(), stored.install().unwrap());
        assert!(!plain.crds.contains_key("pipelineversions.pipelines.kubeflow.org"));
        assert!(
            stored
                .crds
                .contains_key("pipelineversions.pipelines.kubeflow.org")
        );
        assert_eq!(plain.components.len(), stored.components.len());
        let server = stored.component("ml-pipeline").unwrap();
        assert_eq!(server.webhooks.len(), 2);
        assert_eq!(server.services[0].port("webhook"), Some(8443));
        assert_eq!(server.services[0].port("http"), Some(8888));
    }
}

#[test]
fn a_release_that_cannot_keep_pipelines_in_kubernetes_says_which_can() {
    let spec = serde_json::json!({"pipelineStore": {"type": "Kubernetes"}});
    let finding = only_finding(&with_policy("2.5.0", &spec));
    assert_eq!(finding.path, "spec.pipelineStore.type");
    assert!(
        finding.message.contains("2.16.1 or 2.17.0"),
        "{}",
        finding.message
    );
}

#[rstest]
#[case("2029-12-31T23:59:59Z", 1)]
#[case("2030-01-01T00:00:00Z", 0)]
fn an_exception_counts_until_it_expires(#[case] now: &str, #[case] left: usize) {
    let exception = serde_json::json!({"pipeline": "old", "reason": "being rewritten", "expires": "2030-01-01T00:00:00Z"});
    let resource = with_policy(
        "2.16.1",
        &serde_json::json!({"sdkPolicy": {"exceptions": [exception]}}),
    );
    let references = References {
        now: Some(now.parse().unwrap()),
        ..References::default()
    };
    let policy = validate(&resource, &references, catalog()).unwrap().sdk_policy;
    assert_eq!(policy.exceptions.len(), left);
}

#[test]
fn what_the_schema_would_refuse_in_a_policy_is_found_here_too() {
    let spec = serde_json::json!({"sdkPolicy": {
        "allowed": "2.16",
        "exceptions": [{"reason": "all"}, {"sdkVersion": "new", "reason": "one"}],
    }});
    let findings = check(&with_policy("2.16.1", &spec)).unwrap_err();
    let paths: Vec<&str> = findings.iter().map(|finding| finding.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "spec.sdkPolicy.exceptions[0]",
            "spec.sdkPolicy.exceptions[1].sdkVersion",
            "spec.sdkPolicy.allowed"
        ]
    );
}
