//! TOOLS: `docs/reference/rbac.md`: who may do what, rule by rule, each with the reason that stands above it in `config/`.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, ensure};
use k8s_openapi::api::rbac::v1::PolicyRule;
use kfp_e2e::lab::root;
use kfp_releases::Catalog;
use kfp_releases::access::Access;
use serde_json::Value;

use super::{File, markdown};

/// Roles written by hand, with what they are for.
const OWN: &[(&str, &str)] = &[
    (
        "config/rbac/cluster/role.yaml",
        "The operator in every namespace (cluster-wide install). In the namespaced install these rights hold in the one namespace.",
    ),
    (
        "config/rbac/namespace/role.yaml",
        "The operator in a namespace that holds an installation, by one RoleBinding that it makes there.",
    ),
    (
        "config/rbac/operator/leader_role.yaml",
        "The operator in its own namespace.",
    ),
    (
        "config/rbac/jobs/role.yaml",
        "The operator's Jobs in its own namespace.",
    ),
    (
        "config/rbac/jobs/backup_role.yaml",
        "The operator's Jobs in a namespace whose installation is backed up, by one RoleBinding that the operator makes there.",
    ),
    (
        "config/components/kubernetes-pipelines/role.yaml",
        "The operator, only where an installation keeps pipelines as Kubernetes objects and this was added.",
    ),
    (
        "config/components/cache-server/role.yaml",
        "The operator, only where the component `cache-server` is wanted and this was added.",
    ),
    (
        "config/rbac/users/view_role.yaml",
        "People who have Kubernetes' role `view`.",
    ),
    (
        "config/rbac/users/edit_role.yaml",
        "People who have Kubernetes' role `edit` or `admin`.",
    ),
];

const INTRODUCTION: &str = "Every right that the operator, the components and people get from this project, with its reason. No rule \
    has a wildcard, and nobody may list Secrets. The operator has none of the components' rights itself: it may bind the roles under \
    *Components* by their names.";

/// The page about rights.
pub fn files() -> anyhow::Result<Vec<File>> {
    let mut page = markdown::head("Rights", INTRODUCTION);
    page += "\n## The operator and people\n";
    for (path, who) in OWN {
        let text = fs::read_to_string(root().join(path)).with_context(|| format!("cannot read {path}"))?;
        page += &own(path, who, &text).with_context(|| (*path).to_owned())?;
    }
    let catalog = Catalog::builtin().context("the release catalog is not sound")?;
    page += "\n## Components\n\nEach is a ClusterRole that the operator binds in the installation's namespace to the subjects named \
             here. What upstream's role gives beyond it is left out, with the reason.\n";
    for role in kfp_render::operand_cluster_roles(catalog) {
        let name = role.metadata.name.unwrap_or_default();
        page += &operand(catalog, &name, role.rules.as_deref().unwrap_or_default());
    }
    Ok(vec![File {
        path: "docs/reference/rbac.md".to_owned(),
        content: page,
    }])
}

/// A role that is written by hand.
fn own(path: &str, who: &str, text: &str) -> anyhow::Result<String> {
    let role: Value = serde_saphyr::from_str(text).context("is no YAML")?;
    let name = role
        .pointer("/metadata/name")
        .and_then(Value::as_str)
        .context("the role has no name")?;
    let rules: Vec<PolicyRule> =
        serde_json::from_value(role["rules"].clone()).context("the rules do not parse")?;
    let reasons = reasons(text);
    ensure!(
        reasons.len() == rules.len() && reasons.iter().all(|reason| !reason.is_empty()),
        "has {} rules; each needs a comment right above it that says why",
        rules.len()
    );
    let kind = role["kind"].as_str().unwrap_or_default();
    let rows = rules.iter().zip(reasons).map(|(rule, reason)| {
        let [verbs, things] = words(rule);
        [verbs, things, reason]
    });
    Ok(format!(
        "\n### {kind} `{name}`\n\n{who} ([{path}](../../{path}))\n{}",
        markdown::table(["May", "On", "Because"], rows)
    ))
}

/// The comment above each rule, one text a rule, empty where there is none.
fn reasons(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut comment = Vec::new();
    let body = text.lines().skip_while(|line| *line != "rules:").skip(1);
    for line in body.map(str::trim) {
        if let Some(words) = line.strip_prefix('#') {
            comment.push(words.trim());
        } else if line.starts_with("- apiGroups:") {
            found.push(comment.join(" "));
            comment.clear();
        } else {
            comment.clear();
        }
    }
    found
}

/// A role of a component, from the catalog.
fn operand(catalog: &Catalog, name: &str, rules: &[PolicyRule]) -> String {
    let mut releases = Vec::new();
    let mut subjects: Vec<String> = Vec::new();
    let mut left_out: Vec<[String; 2]> = Vec::new();
    for (release, install) in catalog.installs() {
        let bound = install
            .access()
            .filter(|access: &&Access| access.cluster_role == name);
        for access in bound {
            add(&mut releases, release.version.to_string());
            for subject in &access.subjects {
                add(&mut subjects, subject.to_string());
            }
            for left in &access.left_out {
                add(&mut left_out, [left.right.clone(), left.reason.clone()]);
            }
        }
    }
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = write!(
        text,
        "\n### `{name}`\n\nKFP {}, bound to {}.\n",
        releases.join(", "),
        markdown::codes(&subjects)
    );
    text += &markdown::table(["May", "On"], rules.iter().map(words));
    text += &markdown::table(["Left out of upstream's role", "Because"], left_out);
    text
}

fn add<Item: PartialEq>(list: &mut Vec<Item>, item: Item) {
    if !list.contains(&item) {
        list.push(item);
    }
}

/// What a rule allows: the verbs, and the things with their group and, where it is limited to some, their names.
fn words(rule: &PolicyRule) -> [String; 2] {
    let groups: Vec<&str> = rule
        .api_groups
        .iter()
        .flatten()
        .map(|group| if group.is_empty() { "core" } else { group })
        .collect();
    let things: Vec<String> = rule
        .resources
        .iter()
        .flatten()
        .map(|resource| format!("`{resource}`"))
        .collect();
    let named = match rule.resource_names.as_deref() {
        Some(names) if !names.is_empty() => format!(", only {}", markdown::codes(names)),
        _ => String::new(),
    };
    [
        rule.verbs.join(", "),
        format!("{} ({}){named}", things.join(", "), groups.join(", ")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "kind: Role\nmetadata:\n  name: a\nrules:\n  # To look.\n  # Twice.\n  - apiGroups: [\"\"]\n    \
                        resources: [pods]\n    verbs: [get]\n";

    #[test]
    fn a_rule_is_shown_with_the_comment_above_it() {
        let page = own("x.yaml", "Somebody.", ROLE).unwrap();
        assert!(
            page.contains("| get | `pods` (core) | To look. Twice. |"),
            "{page}"
        );
    }

    #[test]
    fn a_rule_without_a_reason_is_refused() {
        let without = ROLE.replace("  # To look.\n  # Twice.\n", "");
        assert!(own("x.yaml", "Somebody.", &without).is_err());
    }
}
