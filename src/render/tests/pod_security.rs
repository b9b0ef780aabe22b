//! Proof: every pod that is rendered passes the restricted level of the Pod Security Standards. Pure.
//!
//! The rules are those of the Kubernetes documentation's page "Pod Security Standards" (restricted, version 1.35),
//! written out over the pod's JSON.

use rstest::rstest;
use serde_json::{Value, json};

use crate::common::every_rendering;

const ALLOWED_VOLUMES: [&str; 8] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];
const SAFE_SYSCTLS: [&str; 4] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies",
];

/// What the restricted level forbids in this pod; empty when it passes.
fn violations(pod: &Value) -> Vec<String> {
    let mut found = host_access(pod);
    let pod_context = &pod["securityContext"];
    for sysctl in pod_context["sysctls"].as_array().into_iter().flatten() {
        if !SAFE_SYSCTLS.iter().any(|safe| sysctl["name"] == **safe) {
            found.push(format!("sysctl {}", sysctl["name"]));
        }
    }
    context(pod_context, "pod", &mut found);
    for group in ["initContainers", "containers", "ephemeralContainers"] {
        for container in pod[group].as_array().into_iter().flatten() {
            let name = container["name"].as_str().unwrap_or("?");
            container_rules(container, name, pod_context, &mut found);
        }
    }
    found
}

fn host_access(pod: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        if pod[field] == true {
            found.push(field.to_owned());
        }
    }
    for volume in pod["volumes"].as_array().into_iter().flatten() {
        for kind in volume
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, _)| key)
            .filter(|key| *key != "name")
        {
            if !ALLOWED_VOLUMES.contains(&kind.as_str()) {
                found.push(format!("volume {} of type {kind}", volume["name"]));
            }
        }
    }
    found
}

/// Rules that a pod's and a container's security context share.
fn context(context: &Value, at: &str, found: &mut Vec<String>) {
    if context["runAsUser"] == 0 {
        found.push(format!("{at}: runAsUser 0"));
    }
    if context["runAsNonRoot"] == false {
        found.push(format!("{at}: runAsNonRoot false"));
    }
    if context["windowsOptions"]["hostProcess"] == true {
        found.push(format!("{at}: windows host process"));
    }
    let selinux = context["seLinuxOptions"]["type"].as_str().unwrap_or_default();
    if ![
        "",
        "container_t",
        "container_init_t",
        "container_kvm_t",
        "container_engine_t",
    ]
    .contains(&selinux)
    {
        found.push(format!("{at}: SELinux type {selinux}"));
    }
    for field in ["user", "role"] {
        if context["seLinuxOptions"][field]
            .as_str()
            .is_some_and(|value| !value.is_empty())
        {
            found.push(format!("{at}: SELinux {field}"));
        }
    }
    let seccomp = &context["seccompProfile"]["type"];
    if !seccomp.is_null() && seccomp != "RuntimeDefault" && seccomp != "Localhost" {
        found.push(format!("{at}: seccomp profile {seccomp}"));
    }
    let apparmor = &context["appArmorProfile"]["type"];
    if !apparmor.is_null() && apparmor != "RuntimeDefault" && apparmor != "Localhost" {
        found.push(format!("{at}: AppArmor profile {apparmor}"));
    }
}

fn container_rules(container: &Value, name: &str, pod_context: &Value, found: &mut Vec<String>) {
    let own = &container["securityContext"];
    context(own, name, found);
    if own["privileged"] == true {
        found.push(format!("{name}: privileged"));
    }
    if own["allowPrivilegeEscalation"] != false {
        found.push(format!("{name}: allowPrivilegeEscalation is not false"));
    }
    if !own["procMount"].is_null() && own["procMount"] != "Default" {
        found.push(format!("{name}: procMount {}", own["procMount"]));
    }
    let capabilities = &own["capabilities"];
    if !capabilities["drop"]
        .as_array()
        .is_some_and(|drop| drop.contains(&json!("ALL")))
    {
        found.push(format!("{name}: does not drop ALL capabilities"));
    }
    if capabilities["add"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|added| added != "NET_BIND_SERVICE")
    {
        found.push(format!("{name}: adds capabilities {}", capabilities["add"]));
    }
    let inherited = |field: &str| {
        if own[field].is_null() {
            pod_context[field].clone()
        } else {
            own[field].clone()
        }
    };
    if inherited("runAsNonRoot") != true {
        found.push(format!("{name}: runAsNonRoot is not true"));
    }
    if inherited("seccompProfile").is_null() {
        found.push(format!("{name}: no seccomp profile"));
    }
    for port in container["ports"].as_array().into_iter().flatten() {
        if port["hostPort"].as_i64().unwrap_or(0) != 0 {
            found.push(format!("{name}: host port {}", port["hostPort"]));
        }
    }
    let lifecycle = &container["lifecycle"];
    let handlers = [
        &container["livenessProbe"],
        &container["readinessProbe"],
        &container["startupProbe"],
        &lifecycle["postStart"],
        &lifecycle["preStop"],
    ];
    for handler in handlers {
        for action in ["httpGet", "tcpSocket"] {
            if handler[action]["host"]
                .as_str()
                .is_some_and(|host| !host.is_empty())
            {
                found.push(format!("{name}: a probe or hook names a host"));
            }
        }
    }
}

#[test]
fn every_rendered_pod_passes_the_restricted_level() {
    let mut pods = 0;
    for (case, rendered) in every_rendering() {
        for object in rendered.objects() {
            if let Some(template) = object.pod_template() {
                let pod = serde_json::to_value(&template.spec).unwrap();
                assert_eq!(
                    violations(&pod),
                    Vec::<String>::new(),
                    "{case}: {} {}",
                    object.kind(),
                    object.name()
                );
                pods += 1;
            }
        }
    }
    assert!(pods >= 3 * 14, "only {pods} pods were judged");
}

fn passing() -> Value {
    json!({
        "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": [{"name": "data", "emptyDir": {}}],
        "containers": [{
            "name": "main",
            "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            "ports": [{"containerPort": 1}],
        }],
    })
}

#[test]
fn the_judge_passes_what_the_standard_passes() {
    assert_eq!(violations(&passing()), Vec::<String>::new());
}

#[rstest]
#[case("/hostNetwork", json!(true))]
#[case("/hostPID", json!(true))]
#[case("/volumes/0", json!({"name": "data", "hostPath": {"path": "/"}}))]
#[case("/securityContext/runAsNonRoot", json!(false))]
#[case("/securityContext/runAsNonRoot", Value::Null)]
#[case("/securityContext/runAsUser", json!(0))]
#[case("/securityContext/seccompProfile", Value::Null)]
#[case("/securityContext/seccompProfile/type", json!("Unconfined"))]
#[case("/securityContext/sysctls", json!([{"name": "kernel.msgmax", "value": "1"}]))]
#[case("/containers/0/securityContext/allowPrivilegeEscalation", Value::Null)]
#[case("/containers/0/securityContext/privileged", json!(true))]
#[case("/containers/0/securityContext/capabilities/drop", json!(["NET_RAW"]))]
#[case("/containers/0/securityContext/capabilities/add", json!(["SYS_ADMIN"]))]
#[case("/containers/0/securityContext/runAsUser", json!(0))]
#[case("/containers/0/securityContext/procMount", json!("Unmasked"))]
#[case("/containers/0/ports/0/hostPort", json!(80))]
#[case("/containers/0/livenessProbe", json!({"httpGet": {"host": "other", "port": 1}}))]
#[case("/initContainers", json!([{"name": "first"}]))]
fn the_judge_sees_each_violation(#[case] pointer: &str, #[case] value: Value) {
    let mut pod = passing();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match pod.pointer_mut(parent).unwrap() {
        Value::Object(fields) => {
            fields.insert(key.to_owned(), value);
        }
        Value::Array(items) => items[key.parse::<usize>().unwrap()] = value,
        other => panic!("{parent} is {other}"),
    }
    assert_ne!(violations(&pod), Vec::<String>::new());
}
