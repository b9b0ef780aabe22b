//! Proof: what an installation asks for is what is rendered, and nothing beside it. Pure.

use kfp_render::render;
use serde_json::json;

use crate::common::{NAMESPACE, RELEASES, everything, installation, list, objects, with_spec};

#[test]
fn a_manifest_that_was_never_applied_owns_nothing() {
    let mut offline = installation("2.16.1", "team-a");
    offline.uid.clear();
    assert!(
        objects(&render(&offline).unwrap())
            .iter()
            .all(|(_, value)| value["metadata"]["ownerReferences"].is_null())
    );
}

#[test]
fn a_component_that_is_off_leaves_nothing_behind() {
    let all = objects(&render(&with_spec(NAMESPACE, &json!({"version": "2.16.1"}))).unwrap());
    assert!(
        all.iter()
            .all(|(object, _)| !object.name().contains("cache-server")),
        "{all:#?}"
    );
    assert!(
        all.iter()
            .all(|(object, _)| object.kind() != "MutatingWebhookConfiguration")
    );
}

#[test]
fn only_replicated_components_have_a_disruption_budget() {
    let spec = json!({"version": "2.16.1", "components": [{"name": "ml-pipeline", "replicas": 2}]});
    let all = objects(&render(&with_spec(NAMESPACE, &spec)).unwrap());
    let budgets: Vec<_> = all
        .iter()
        .filter(|(object, _)| object.kind() == "PodDisruptionBudget")
        .collect();
    assert_eq!(budgets.len(), 1);
    let (object, value) = budgets[0];
    assert_eq!(object.name(), "ml-pipeline");
    assert_eq!(value["spec"]["maxUnavailable"], json!(1));
    let workload = all
        .iter()
        .find(|(object, _)| (object.kind(), object.name()) == ("Deployment", "ml-pipeline"));
    assert_eq!(value["spec"]["selector"], workload.unwrap().1["spec"]["selector"]);
}

#[test]
fn pull_secrets_reach_pods_and_the_accounts_that_steps_run_as() {
    let spec = json!({"version": "2.16.1", "imagePullSecrets": [{"name": "registry"}]});
    for (object, value) in objects(&render(&with_spec(NAMESPACE, &spec)).unwrap()) {
        let wanted = json!([{"name": "registry"}]);
        if object.kind() == "ServiceAccount" {
            assert_eq!(value["imagePullSecrets"], wanted, "{}", object.name());
        }
        if object.pod_template().is_some() {
            assert_eq!(
                value["spec"]["template"]["spec"]["imagePullSecrets"],
                wanted,
                "{}",
                object.name()
            );
        }
    }
}

#[test]
fn a_registry_rewrite_reaches_every_image_wherever_it_stands() {
    for release in RELEASES {
        let spec = json!({"version": release, "imageRegistry": "registry.example.com/mirror", "components": everything()});
        let installation = with_spec(NAMESPACE, &spec);
        let yaml = kfp_render::to_yaml(&render(&installation).unwrap()).unwrap();
        for image in installation.release.install.as_ref().unwrap().images.values() {
            assert!(
                !yaml.contains(&format!(" {image}\n")),
                "{release}: {image} is not rewritten"
            );
        }
        for value in [
            "V2_DRIVER_IMAGE",
            "V2_LAUNCHER_IMAGE",
            "--executor-image",
            "cacheImage:",
        ] {
            let mut lines = yaml.lines().skip_while(|line| !line.contains(value));
            let near = lines.by_ref().take(2).collect::<String>();
            assert!(
                near.contains("registry.example.com/mirror/"),
                "{release}: {value}: {near}"
            );
        }
    }
}

#[test]
fn choices_for_a_component_reach_its_pod_and_no_other() {
    let spec = json!({"version": "2.16.1", "components": [{
        "name": "ml-pipeline",
        "image": "example.com/own:1",
        "resources": {"requests": {"cpu": "7"}},
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "high",
        "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy.example.com"}],
        "podLabels": {"team": "a"},
        "podAnnotations": {"note": "b"},
    }]});
    let all = objects(&render(&with_spec(NAMESPACE, &spec)).unwrap());
    let template = |name: &str| {
        let found = all
            .iter()
            .find(|(object, _)| (object.kind(), object.name()) == ("Deployment", name));
        found.unwrap().1["spec"]["template"].clone()
    };
    let changed = template("ml-pipeline");
    let pod = &changed["spec"];
    let main = &pod["containers"][0];
    assert_eq!(main["image"], "example.com/own:1");
    assert_eq!(main["resources"], json!({"requests": {"cpu": "7"}}));
    assert_eq!(pod["nodeSelector"]["disk"], "ssd");
    assert_eq!(pod["tolerations"][0]["key"], "gpu");
    assert_eq!(pod["affinity"], json!({"nodeAffinity": {}}));
    assert_eq!(pod["priorityClassName"], "high");
    assert_eq!(changed["metadata"]["labels"]["team"], "a");
    assert_eq!(changed["metadata"]["labels"]["app"], "ml-pipeline");
    assert_eq!(changed["metadata"]["annotations"]["note"], "b");
    let value = |name: &str| {
        list(&main["env"])
            .find(|one| one["name"] == name)
            .map(|one| one["value"].clone())
    };
    assert_eq!(value("HTTPS_PROXY"), Some(json!("http://proxy.example.com")));
    let direct = value("NO_PROXY").unwrap_or_default();
    assert!(
        direct.to_string().contains("seaweedfs.team-a"),
        "{direct}: the store is reached through the proxy"
    );
    let other = template("ml-pipeline-ui").to_string();
    assert!(
        ["example.com/own", "ssd", "proxy.example.com"]
            .iter()
            .all(|word| !other.contains(word)),
        "{other}"
    );
}

#[test]
fn policies_can_be_switched_off() {
    let spec = json!({"version": "2.16.1", "networkPolicy": {"mode": "Disabled"}});
    let all = objects(&render(&with_spec(NAMESPACE, &spec)).unwrap());
    assert!(all.iter().all(|(object, _)| object.kind() != "NetworkPolicy"));
}

#[test]
fn every_optional_component_can_be_off_alone() {
    for release in RELEASES {
        let install = installation(release, NAMESPACE).release.install.clone().unwrap();
        let optional: Vec<_> = install
            .components
            .iter()
            .filter(|component| !component.required)
            .collect();
        assert!(optional.len() >= 4, "{release}");
        for off in optional {
            let spec = json!({"version": release, "components": [{"name": off.name, "enabled": false}]});
            let rendered = render(&with_spec(NAMESPACE, &spec)).unwrap();
            assert!(rendered.component(&off.name).is_none(), "{release}: {}", off.name);
            assert!(
                rendered
                    .components
                    .iter()
                    .all(|component| !component.after.contains(&off.name)),
                "{release}"
            );
            let label = "app.kubernetes.io/component";
            let left = objects(&rendered)
                .into_iter()
                .any(|(_, value)| value["metadata"]["labels"][label] == off.name.as_str());
            assert!(!left, "{release}: {}", off.name);
        }
    }
}
