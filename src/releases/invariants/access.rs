//! FACTS: rights are written out, go to service accounts of the release, and mean the same wherever they have one name. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::rbac::v1::PolicyRule;

use super::Problems;
use crate::access::{Access, Subject};
use crate::catalog::Catalog;
use crate::release::Install;

/// Secrets that every operand may be given by name only: all of them.
const BY_NAME_ONLY: &str = "secrets";

pub(super) fn check(install: &Install, problems: &mut Problems) {
    for access in install.access() {
        let path = format!("access {}", access.binding);
        subjects(install, access, &path, problems);
        if access.rules.is_empty() {
            problems.add(&path, "has no rules");
        }
        for (index, rule) in access.rules.iter().enumerate() {
            of_rule(rule, &format!("{path}, rule {index}"), problems);
        }
        if access
            .left_out
            .iter()
            .any(|left| left.right.is_empty() || left.reason.is_empty())
        {
            problems.add(&format!("{path}, leftOut"), "needs the right and the reason");
        }
    }
}

fn subjects(install: &Install, access: &Access, path: &str, problems: &mut Problems) {
    if access.subjects.is_empty() {
        problems.add(path, "has no subjects");
    }
    for subject in &access.subjects {
        if let Subject::ServiceAccount(name) = subject
            && !install.service_accounts().any(|account| account.name == *name)
        {
            problems.add(path, &format!("`{name}` is no ServiceAccount of the release"));
        }
    }
}

fn of_rule(rule: &PolicyRule, path: &str, problems: &mut Problems) {
    let groups = rule.api_groups.iter().flatten();
    let resources = rule.resources.iter().flatten();
    let names = rule.resource_names.iter().flatten();
    if groups
        .chain(resources)
        .chain(&rule.verbs)
        .chain(names)
        .any(|word| word.contains('*'))
    {
        problems.add(path, "has a wildcard");
    }
    let is_empty = |words: &Option<Vec<String>>| words.as_ref().is_none_or(Vec::is_empty);
    if is_empty(&rule.api_groups) || is_empty(&rule.resources) || rule.verbs.is_empty() {
        problems.add(path, "needs apiGroups, resources and verbs");
    }
    if rule
        .resources
        .iter()
        .flatten()
        .any(|resource| resource == BY_NAME_ONLY)
        && is_empty(&rule.resource_names)
    {
        problems.add(path, "gives every Secret: name the ones that are needed");
    }
}

/// A ClusterRole is one object for all installations, so releases that name the same one must agree on its rules.
pub(super) fn across_releases(catalog: &Catalog, problems: &mut Problems) {
    let mut known: BTreeMap<&str, (&Access, String)> = BTreeMap::new();
    for (release, install) in catalog.installs() {
        problems.in_file(&format!("releases/{}.yaml", release.version));
        for access in install.access() {
            let entry = known
                .entry(&access.cluster_role)
                .or_insert_with(|| (access, release.version.to_string()));
            if entry.0.rules != access.rules {
                let message = format!(
                    "ClusterRole {} has other rules in {}: give it another name",
                    access.cluster_role, entry.1
                );
                problems.add(&format!("access {}", access.binding), &message);
            }
        }
    }
}
