//! Proof: each rendering is upstream's install of that release, but for the deviations that are written down with their
//! reasons in `tests/parity/deviations.yaml`. A deviation that is none any more fails too.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use kfp_releases::Catalog;
use kfp_render::operand_cluster_roles;
use rstest::rstest;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::common::{
    RELEASES, STORES, as_upstream, repository, upstream, upstream_with_kubernetes_pipelines,
    with_kubernetes_pipelines,
};
use crate::reduced::{self, Reduced};

/// Differences that are printed before the rest is only counted.
const PRINTED: usize = 40;
/// Says that a side has nothing at a place.
const ABSENT: &str = "<absent>";
/// Says that a side has something at a place, whatever it is.
const PRESENT: &str = "<present>";

/// One line of `deviations.yaml`: where we differ from upstream, and why.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Deviation {
    /// Releases that it holds for; each must have it. Behind a release, `with Kubernetes pipelines` stands for its
    /// installation with that store of pipelines, which has its own lines beside those of the release.
    releases: Vec<String>,
    /// `Kind/name`; `*` stands for any text.
    object: String,
    /// Place in the reduced object, parts joined by `/`; `*` stands for any text; empty for the object as a whole.
    path: String,
    /// Upstream's value, or `<absent>`, or `<present>` for any.
    upstream: Value,
    /// Ours, likewise.
    ours: Value,
    /// Why.
    reason: String,
}

/// A place where the two sides differ.
#[derive(Debug)]
struct Difference {
    object: String,
    path: String,
    upstream: Option<Value>,
    ours: Option<Value>,
}

fn deviations() -> Vec<Deviation> {
    let text = fs::read_to_string(repository().join("tests/parity/deviations.yaml")).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

/// Leaves by path. Rules become one leaf for each right, so that a difference names the right.
fn flatten(path: &str, value: &Value, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}/{key}")
                };
                if key == "rules" {
                    rights(&path, value, into);
                } else {
                    flatten(&path, value, into);
                }
            }
        }
        _ => {
            into.insert(path.to_owned(), value.clone());
        }
    }
}

fn rights(path: &str, rules: &Value, into: &mut BTreeMap<String, Value>) {
    let list = |rule: &Value, key: &str| -> Vec<String> {
        let items = rule[key].as_array().cloned().unwrap_or_default();
        items
            .iter()
            .map(|item| item.as_str().unwrap().to_owned())
            .collect()
    };
    for rule in rules.as_array().into_iter().flatten() {
        let mut names = list(rule, "resourceNames");
        if names.is_empty() {
            names.push(String::new());
        }
        for group in list(rule, "apiGroups") {
            for resource in list(rule, "resources") {
                for name in &names {
                    for verb in list(rule, "verbs") {
                        let at = if name.is_empty() {
                            String::new()
                        } else {
                            format!("[{name}]")
                        };
                        into.insert(format!("{path}/{group}/{resource}{at}:{verb}"), json!(true));
                    }
                }
            }
        }
    }
}

fn differences(upstream: &Reduced, ours: &Reduced) -> Vec<Difference> {
    let mut found = Vec::new();
    let objects: BTreeSet<&String> = upstream.keys().chain(ours.keys()).collect();
    for object in objects {
        let (Some(theirs), Some(mine)) = (upstream.get(object), ours.get(object)) else {
            let side = |reduced: &Reduced| reduced.get(object).map(|_| json!(PRESENT));
            found.push(Difference {
                object: object.clone(),
                path: String::new(),
                upstream: side(upstream),
                ours: side(ours),
            });
            continue;
        };
        let (mut left, mut right) = (BTreeMap::new(), BTreeMap::new());
        flatten("", theirs, &mut left);
        flatten("", mine, &mut right);
        let paths: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
        for path in paths {
            let (theirs, mine) = (meaning(left.get(path)), meaning(right.get(path)));
            if theirs != mine {
                found.push(Difference {
                    object: object.clone(),
                    path: path.clone(),
                    upstream: theirs,
                    ours: mine,
                });
            }
        }
    }
    found
}

/// Absent, null and an empty map mean the same.
fn meaning(value: Option<&Value>) -> Option<Value> {
    value
        .filter(|value| !value.is_null() && **value != json!({}))
        .cloned()
}

impl Deviation {
    fn covers(&self, difference: &Difference) -> bool {
        matches(&self.object, &difference.object)
            && matches(&self.path, &difference.path)
            && side(&self.upstream, difference.upstream.as_ref())
            && side(&self.ours, difference.ours.as_ref())
    }
}

fn side(wanted: &Value, found: Option<&Value>) -> bool {
    match wanted.as_str() {
        Some(ABSENT) => found.is_none(),
        Some(PRESENT) => found.is_some(),
        _ => found == Some(wanted),
    }
}

/// Whether `text` is `pattern`, where `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut left) = text.strip_prefix(start) else {
        return false;
    };
    loop {
        if matches(rest, left) {
            return true;
        }
        let mut characters = left.chars();
        if characters.next().is_none() {
            return false;
        }
        left = characters.as_str();
    }
}

fn report(release: &str, found: &[&Difference]) -> String {
    let mut text = format!(
        "{} differences from upstream {release} are no deviation:\n",
        found.len()
    );
    for difference in found.iter().take(PRINTED) {
        let show = |value: &Option<Value>| value.as_ref().map_or_else(|| ABSENT.to_owned(), Value::to_string);
        let Difference { object, path, .. } = difference;
        let (theirs, mine) = (show(&difference.upstream), show(&difference.ours));
        writeln!(
            text,
            "  {object} {path}\n    upstream: {theirs}\n    ours:     {mine}"
        )
        .unwrap();
    }
    text
}

/// Rules of every ClusterRole that ships with the operator, by name.
fn shipped_rights() -> BTreeMap<String, Vec<Value>> {
    let shipped = operand_cluster_roles(Catalog::builtin().unwrap());
    let rights = shipped.into_iter().map(|role| {
        let written = role.rules.unwrap_or_default();
        (
            role.metadata.name.unwrap(),
            written
                .iter()
                .map(|rule| serde_json::to_value(rule).unwrap())
                .collect(),
        )
    });
    rights.collect()
}

/// What stands behind a release's name for its installation with pipelines as Kubernetes objects.
const KUBERNETES_PIPELINES: &str = " with Kubernetes pipelines";

fn compare(release: &str) -> Vec<Difference> {
    if let Some(release) = release.strip_suffix(KUBERNETES_PIPELINES) {
        let facts = upstream_with_kubernetes_pipelines(release);
        let theirs: Reduced = serde_json::from_value(facts["objects"].clone()).unwrap();
        let rendered = with_kubernetes_pipelines(release, "kubeflow", "Warn");
        let ours = reduced::rendering(&rendered, &shipped_rights(), &facts);
        return differences(&theirs, &ours);
    }
    let facts = upstream(release);
    let theirs: Reduced = serde_json::from_value(facts["objects"].clone()).unwrap();
    let ours = reduced::rendering(&as_upstream(release), &shipped_rights(), &facts);
    differences(&theirs, &ours)
}

#[rstest]
#[case("2.5.0")]
#[case("2.16.1")]
#[case("2.17.0")]
#[case("2.16.1 with Kubernetes pipelines")]
#[case("2.17.0 with Kubernetes pipelines")]
fn every_difference_from_upstream_is_a_written_deviation(#[case] release: &str) {
    let known = deviations();
    let here: Vec<&Deviation> = known
        .iter()
        .filter(|line| {
            let plain = release.strip_suffix(KUBERNETES_PIPELINES);
            let mut names = line.releases.iter();
            names.any(|name| name == release || plain.is_some_and(|plain| name == plain))
        })
        .collect();
    let found = compare(release);
    let unknown: Vec<&Difference> = found
        .iter()
        .filter(|difference| !here.iter().any(|line| line.covers(difference)))
        .collect();
    assert!(unknown.is_empty(), "{}", report(release, &unknown));
    let dead: Vec<&&Deviation> = here
        .iter()
        .filter(|line| line.releases.iter().any(|name| name == release))
        .filter(|line| !found.iter().any(|difference| line.covers(difference)))
        .collect();
    assert!(
        dead.is_empty(),
        "these lines of deviations.yaml are no difference from {release}: {dead:#?}"
    );
}

#[test]
fn every_deviation_has_a_reason_and_known_releases() {
    for line in deviations() {
        assert!(line.reason.len() > 20 && line.reason.ends_with('.'), "{line:?}");
        assert!(!line.releases.is_empty(), "{line:?}");
        assert!(
            line.releases
                .iter()
                .all(|name| match name.strip_suffix(KUBERNETES_PIPELINES) {
                    Some(release) => STORES.contains(&release),
                    None => RELEASES.contains(&name.as_str()),
                }),
            "{line:?}"
        );
        assert!(line.upstream != line.ours || line.ours == PRESENT, "{line:?}");
    }
}

/// What adoption of an existing install rests on may not deviate at all.
#[test]
fn what_adoption_rests_on_is_upstreams_exactly() {
    let stores = STORES.map(|release| format!("{release}{KUBERNETES_PIPELINES}"));
    for release in RELEASES.iter().copied().chain(stores.iter().map(String::as_str)) {
        let fixed: Vec<Difference> = compare(release)
            .into_iter()
            .filter(|difference| {
                let kind = difference.object.split('/').next().unwrap_or_default();
                let workload = ["Deployment", "StatefulSet"].contains(&kind);
                let immutable = difference.path.starts_with("selector");
                let gone = difference.ours.is_none() && difference.path.is_empty();
                let cache_deployer = difference.object.contains("cache-deployer");
                let named = [
                    "Service",
                    "ServiceAccount",
                    "Secret",
                    "PersistentVolumeClaim",
                    "ConfigMap",
                ]
                .contains(&kind);
                let keys = kind == "Secret" && difference.ours.is_none();
                !cache_deployer && ((workload && immutable) || (gone && (workload || named)) || keys)
            })
            .collect();
        assert!(fixed.is_empty(), "{release}: {fixed:#?}");
    }
}

#[rstest]
#[case("Deployment/*", "Deployment/mysql", true)]
#[case("*", "", true)]
#[case("a*b*c", "a-b-b-c", true)]
#[case("a*b", "a-b-c", false)]
#[case("a", "ab", false)]
fn a_star_stands_for_any_text(#[case] pattern: &str, #[case] text: &str, #[case] wanted: bool) {
    assert_eq!(matches(pattern, text), wanted);
}

#[test]
fn a_planted_difference_is_seen() {
    let of = |value: Value| Reduced::from([("Deployment/a".to_owned(), value)]);
    let theirs = of(json!({"containers": {"main": {"env": {"A": "1", "B": "2"}}}}));
    let ours = of(json!({"containers": {"main": {"env": {"A": "1", "B": "3"}}}}));
    let found = differences(&theirs, &ours);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].path, "containers/main/env/B");
    assert_eq!(differences(&theirs, &Reduced::new()).len(), 1);
    let rule =
        |verbs: Value| of(json!({"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": verbs}]}));
    let found = differences(&rule(json!(["get", "list"])), &rule(json!(["list"])));
    assert_eq!(found[0].path, "rules//pods:get");
}
