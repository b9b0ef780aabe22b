//! TOOLS, tests: alerts, runbooks and metrics speak of each other, and of nothing that is not there.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Where alerts send people: the pages of the newest release.
const RUNBOOKS: &str = "https://github.com/kfpops/kfp-operator/blob/main/docs/runbooks/";
/// Beginning of the names of metrics.
const PREFIX: &str = "kfp_operator_";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn alerts() -> Vec<Value> {
    let text = fs::read_to_string(root().join("config/prometheus/rules.yaml")).unwrap();
    let document: Value = serde_saphyr::from_str(&text).unwrap();
    let groups = document["spec"]["groups"].as_array().unwrap().iter();
    let alerts: Vec<Value> = groups
        .flat_map(|group| group["rules"].as_array().unwrap().clone())
        .collect();
    assert!(!alerts.is_empty());
    alerts
}

fn text<'a>(alert: &'a Value, pointer: &str) -> &'a str {
    alert
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("{}: no {pointer}", alert["alert"]))
}

/// Words of an expression that name a metric.
fn metrics(expression: &str) -> BTreeSet<&str> {
    expression
        .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
        .filter(|word| word.starts_with(PREFIX))
        .collect()
}

#[test]
fn every_alert_says_how_bad_it_is_what_it_means_and_where_to_read_on() {
    for alert in alerts() {
        assert!(["critical", "warning"].contains(&text(&alert, "/labels/severity")));
        for annotation in ["summary", "description"] {
            assert!(!text(&alert, &format!("/annotations/{annotation}")).is_empty());
        }
    }
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let linked: BTreeSet<String> = alerts()
        .iter()
        .map(|alert| {
            let url = text(alert, "/annotations/runbook_url");
            let page = url.strip_prefix(RUNBOOKS);
            page.unwrap_or_else(|| panic!("{url} is no page of {RUNBOOKS}"))
                .to_owned()
        })
        .collect();
    let pages: BTreeSet<String> = fs::read_dir(root().join("docs/runbooks"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|page| page != "README.md")
        .collect();
    assert_eq!(linked, pages);
}

#[test]
fn every_metric_of_an_alert_is_documented() {
    let page = fs::read_to_string(root().join("docs/reference/metrics.md")).unwrap();
    for alert in alerts() {
        let metrics = metrics(text(&alert, "/expr"));
        assert!(
            !metrics.is_empty(),
            "{}: asks for no metric of ours",
            alert["alert"]
        );
        for metric in metrics {
            assert!(
                page.contains(&format!("`{metric}`")),
                "docs/reference/metrics.md does not say what {metric} is"
            );
        }
    }
}
