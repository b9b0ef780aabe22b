//! TOOLS, tests: what `config/` gives to whom, read from the files as they are committed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use k8s_openapi::api::rbac::v1::PolicyRule;
use kfp_releases::Catalog;
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every YAML file under `folder`, by its path from the root of the repository.
fn files(folder: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&path));
        } else if entry
            .path()
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            found.insert(path, fs::read_to_string(entry.path()).unwrap());
        }
    }
    found
}

fn parse(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

/// Rules of every role in `config/`, by file; those of patches too.
fn rules() -> Vec<(String, PolicyRule)> {
    let mut found = Vec::new();
    for (path, text) in files("config")
        .into_iter()
        .filter(|(path, _)| !path.contains("operand-crds"))
    {
        let document = parse(&text);
        let in_roles = document["rules"].as_array().into_iter().flatten();
        let in_patches = document
            .as_array()
            .into_iter()
            .flatten()
            .map(|patch| &patch["value"]);
        for rule in in_roles.chain(in_patches.filter(|value| value.is_object())) {
            let rule: PolicyRule = serde_json::from_value(rule.clone()).unwrap();
            assert!(!rule.verbs.is_empty(), "{path}: a rule without verbs");
            found.push((path.clone(), rule));
        }
    }
    assert!(found.len() > 20, "the roles of config/ were not found");
    found
}

fn ours() -> impl Iterator<Item = (String, PolicyRule)> {
    rules()
        .into_iter()
        .filter(|(path, _)| !path.contains("rbac/operands/"))
}

fn names(rule: &PolicyRule) -> BTreeSet<String> {
    rule.resource_names.iter().flatten().cloned().collect()
}

fn has(list: Option<&Vec<String>>, wanted: &str) -> bool {
    list.into_iter()
        .flatten()
        .any(|item| item == wanted || item.starts_with(&format!("{wanted}/")))
}

fn may(rule: &PolicyRule, verbs: &[&str]) -> bool {
    rule.verbs.iter().any(|verb| verbs.contains(&verb.as_str()))
}

#[test]
fn nobody_gets_a_wildcard() {
    for (path, rule) in rules() {
        let lists = [
            rule.api_groups.as_ref(),
            rule.resources.as_ref(),
            Some(&rule.verbs),
            rule.resource_names.as_ref(),
        ];
        let wild = lists
            .into_iter()
            .flatten()
            .flatten()
            .any(|item| item.contains('*'));
        assert!(!wild, "{path}: {rule:?}");
    }
}

#[test]
fn nobody_may_list_or_watch_secrets_and_the_operator_reads_them_by_name() {
    for (path, rule) in rules() {
        if has(rule.resources.as_ref(), "secrets") {
            assert!(
                !may(&rule, &["list", "watch", "deletecollection"]),
                "{path}: {rule:?}"
            );
            // In its own namespace lie what its Jobs are told, and credentials under names of administrators.
            let own = path == "config/rbac/operator/leader_role.yaml";
            assert!(
                own || rule.verbs == ["create"] || !names(&rule).is_empty(),
                "{path}: {rule:?}"
            );
        }
    }
}

#[test]
fn the_secrets_that_the_operator_reads_are_those_that_releases_generate() {
    let catalog = Catalog::builtin().unwrap();
    let generated: BTreeSet<String> = catalog
        .installs()
        .flat_map(|(_, install)| install.secrets())
        .map(|secret| secret.name.clone())
        .collect();
    let readable: BTreeSet<String> = ours()
        .filter(|(_, rule)| has(rule.resources.as_ref(), "secrets"))
        .flat_map(|(_, rule)| names(&rule))
        .collect();
    assert_eq!(readable, generated);
}

#[test]
fn binding_is_limited_to_names_and_nothing_else_raises_rights() {
    for (path, rule) in rules() {
        assert!(!may(&rule, &["escalate", "impersonate"]), "{path}: {rule:?}");
        if may(&rule, &["bind"]) {
            assert!(!names(&rule).is_empty(), "{path}: {rule:?}");
            assert_eq!(rule.verbs, ["bind"], "{path}");
        }
        let rbac = ["roles", "clusterroles", "clusterrolebindings"];
        let writes = rbac.iter().any(|kind| has(rule.resources.as_ref(), kind)) && rule.verbs != ["bind"];
        assert!(!writes, "{path}: {rule:?}");
    }
}

#[test]
fn the_operator_binds_exactly_the_roles_of_components_and_its_own_for_a_namespace() {
    let catalog = Catalog::builtin().unwrap();
    let operands = kfp_render::operand_cluster_roles(catalog)
        .into_iter()
        .filter_map(|role| role.metadata.name);
    let bound: BTreeSet<(String, String)> = ours()
        .filter(|(_, rule)| may(rule, &["bind"]))
        .flat_map(|(path, rule)| names(&rule).into_iter().map(move |name| (path.clone(), name)))
        .collect();
    let wanted: BTreeSet<(String, String)> = operands
        .map(|name| ("config/rbac/namespace/role.yaml".to_owned(), name))
        .chain(
            [
                ("config/rbac/cluster/role.yaml", "kfp-operator:namespace"),
                ("config/rbac/namespace/role.yaml", kfp_api::names::JOBS),
                ("config/rbac/namespace/role.yaml", kfp_api::names::RESTORE_JOBS),
            ]
            .map(|(path, name)| (path.to_owned(), name.to_owned())),
        )
        .collect();
    assert_eq!(bound, wanted);
}

#[test]
fn the_operator_may_do_with_each_kind_what_its_engine_does_with_it() {
    const LISTED: &[&str] = &["create", "delete", "get", "list", "patch", "watch"];
    const NAMED: &[&str] = &["create", "delete", "get", "patch"];
    for kind in kfp_engine::kinds::KINDS {
        let file = if kind.namespaced {
            "config/rbac/namespace/role.yaml"
        } else {
            "config/components/kubernetes-pipelines/role.yaml"
        };
        let group = |rule: &PolicyRule| rule.api_groups.iter().flatten().any(|group| group == kind.group);
        let given: BTreeSet<String> = ours()
            .filter(|(path, rule)| path == file && group(rule) && has(rule.resources.as_ref(), kind.plural))
            .flat_map(|(_, rule)| rule.verbs)
            .collect();
        let wanted = if kind.listed { LISTED } else { NAMED };
        assert_eq!(
            given,
            wanted.iter().map(ToString::to_string).collect(),
            "{}",
            kind.kind
        );
    }
}

#[test]
fn only_the_workflow_controller_may_enter_pods_and_nobody_writes_definitions_nodes_or_namespaces() {
    let out_of_bounds = [
        "pods/exec",
        "pods/attach",
        "pods/portforward",
        "customresourcedefinitions",
        "nodes",
        "namespaces",
    ];
    let touching: BTreeSet<(String, String)> = rules()
        .into_iter()
        // Whether a namespace is being deleted may be looked at.
        .filter(|(_, rule)| rule.verbs != ["get"] || !has(rule.resources.as_ref(), "namespaces"))
        .flat_map(|(path, rule)| {
            rule.resources
                .into_iter()
                .flatten()
                .map(move |resource| (path.clone(), resource))
        })
        .filter(|(_, resource)| out_of_bounds.contains(&resource.as_str()))
        .collect();
    // Argo Workflows ends a step's containers by a command inside them.
    let workflow_controller = (
        "config/rbac/operands/kfp-operand-argo.yaml".to_owned(),
        "pods/exec".to_owned(),
    );
    assert_eq!(touching, [workflow_controller].into());
}

#[test]
fn cluster_wide_the_operator_only_finds_reports_and_binds() {
    let cluster_wide: BTreeSet<String> = ours()
        .filter(|(path, _)| path.starts_with("config/rbac/cluster/"))
        .flat_map(|(_, rule)| {
            let named = names(&rule);
            let verbs = rule.verbs.join(",");
            rule.resources
                .unwrap_or_default()
                .into_iter()
                .map(move |resource| {
                    format!(
                        "{verbs} {resource} {}",
                        named.iter().cloned().collect::<Vec<_>>().join(",")
                    )
                    .trim()
                    .to_owned()
                })
        })
        .collect();
    let wanted = [
        "bind clusterroles kfp-operator:namespace",
        "create,patch events",
        "get namespaces",
        "get,create,patch rolebindings kfp-operator",
        "get,list,watch,create kfpbackups",
        "get,list,watch kfpinstallations",
        "get,list,watch,create kfprestores",
        "patch kfpinstallations",
        "patch kfpinstallations/status",
        "patch kfpbackups/status",
        "patch,delete kfpbackups",
        "patch kfprestores",
        "patch kfprestores/status",
        "update kfpinstallations/finalizers",
    ];
    assert_eq!(cluster_wide, wanted.map(str::to_owned).into());
}

#[test]
fn every_rule_says_why_it_is_there() {
    let mut explained = 0;
    for (path, text) in files("config") {
        // What is not a right of anybody names API groups too.
        if path.contains("operand-crds") || path.contains("rbac/operands/") || path.contains("config/guard/")
        {
            continue;
        }
        let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
        for (number, _) in lines
            .iter()
            .enumerate()
            .filter(|(_, line)| line.contains("apiGroups:"))
        {
            // In a patch, a rule begins with the operation that adds it.
            let start = (0..=number)
                .rev()
                .find(|start| lines[*start].starts_with("- "))
                .unwrap();
            assert!(
                lines[start - 1].starts_with("# "),
                "{path}:{}: a rule without a reason",
                start + 1
            );
            explained += 1;
        }
    }
    assert_eq!(explained, ours().count());
}

#[test]
fn the_one_namespace_has_as_a_role_all_that_is_cluster_wide_elsewhere_but_binding_itself() {
    let of = |wanted: &str| -> BTreeSet<String> {
        ours()
            .filter(|(path, rule)| {
                path == wanted && !has(rule.api_groups.as_ref(), "rbac.authorization.k8s.io")
            })
            .map(|(_, rule)| format!("{:?} {:?} {:?}", rule.api_groups, rule.resources, rule.verbs))
            .collect()
    };
    assert_eq!(
        of("config/namespaced/role_patch.yaml"),
        of("config/rbac/cluster/role.yaml")
    );
    let cluster_wide: Vec<String> = files("config/namespaced")
        .into_values()
        .filter(|text| text.contains("kind: ClusterRoleBinding"))
        .collect();
    assert_eq!(cluster_wide, Vec::<String>::new());
}

#[test]
fn every_file_is_in_a_kustomization_and_every_entry_exists() {
    let files = files("config");
    let mut listed = BTreeSet::new();
    for (path, text) in files
        .iter()
        .filter(|(path, _)| path.ends_with("/kustomization.yaml"))
    {
        let folder = path.strip_suffix("/kustomization.yaml").unwrap();
        let document = parse(text);
        let resources = document["resources"].as_array().into_iter().flatten();
        let patches = document["patches"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|patch| &patch["path"]);
        for entry in resources.chain(patches).filter_map(Value::as_str) {
            let target = root().join(folder).join(entry);
            assert!(
                target.is_file() || target.join("kustomization.yaml").is_file(),
                "{path}: {entry} is not there"
            );
            listed.insert(format!("{folder}/{entry}"));
        }
    }
    let unlisted: Vec<&String> = files
        .keys()
        .filter(|path| !path.ends_with("/kustomization.yaml") && !path.starts_with("config/samples/"))
        .filter(|path| !listed.contains(*path))
        .collect();
    assert_eq!(unlisted, Vec::<&String>::new());
}

#[test]
fn the_operators_pod_passes_the_restricted_level_and_is_probed() {
    let deployment = parse(&files("config/manager")["config/manager/deployment.yaml"]);
    let pod = &deployment["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    assert_eq!(container["securityContext"]["allowPrivilegeEscalation"], false);
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    assert_eq!(
        container["securityContext"]["capabilities"]["drop"],
        serde_json::json!(["ALL"])
    );
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        assert_eq!(container[probe]["httpGet"]["port"], "probes", "{probe}");
    }
    let image = container["image"].as_str().unwrap();
    assert_eq!(
        image.rsplit_once(':').unwrap().1,
        env!("CARGO_PKG_VERSION"),
        "{image}"
    );
}

#[test]
fn the_operators_namespace_and_pod_carry_the_labels_that_installations_let_in() {
    let manager = files("config/manager");
    let namespace = parse(&manager["config/manager/namespace.yaml"]);
    let labels = &namespace["metadata"]["labels"];
    assert_eq!(labels[kfp_render::OPERATOR_NAMESPACE_LABEL], "true");
    assert_eq!(labels["pod-security.kubernetes.io/enforce"], "restricted");
    let deployment = parse(&manager["config/manager/deployment.yaml"]);
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    assert_eq!(
        labels[kfp_render::labels::NAME_LABEL],
        kfp_render::labels::MANAGER
    );
}
