//! JUDGEMENT: small pipelines, each with one thing in it, and what is said of each.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::Value;

use super::{judged, knowledge, sign};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    bases: BTreeMap<String, Value>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default = "hello")]
    base: String,
    patch: Option<Value>,
    platform: Option<Value>,
    /// In place of a base.
    text: Option<Value>,
    /// A further document.
    more: Option<String>,
    /// Length of what stands for `LONG`.
    long: Option<usize>,
}

fn hello() -> String {
    "hello".to_owned()
}

/// Lays a patch over a value as RFC 7386 says.
fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = Value::Object(serde_json::Map::new());
    }
    let fields = value.as_object_mut().unwrap();
    for (key, patch) in patch {
        if patch.is_null() {
            fields.remove(key);
        } else {
            merge(fields.entry(key.clone()).or_insert(Value::Null), patch);
        }
    }
}

fn all() -> Vec<(String, String)> {
    let file: File = serde_saphyr::from_str(include_str!("cases.yaml")).unwrap();
    let text = |case: &Case| {
        let mut document = case
            .text
            .clone()
            .unwrap_or_else(|| file.bases[&case.base].clone());
        merge(
            &mut document,
            case.patch
                .as_ref()
                .unwrap_or(&Value::Object(serde_json::Map::new())),
        );
        let mut text = document.to_string();
        for more in case
            .platform
            .iter()
            .map(Value::to_string)
            .chain(case.more.clone())
        {
            let _ = write!(text, "\n---\n{more}\n");
        }
        text.replace("LONG", &"x".repeat(case.long.unwrap_or_default()))
    };
    file.cases
        .iter()
        .map(|case| (case.name.clone(), text(case)))
        .collect()
}

/// The texts of all cases.
pub(super) fn texts() -> Vec<String> {
    all().into_iter().map(|(_, text)| text).collect()
}

#[test]
fn each_thing_has_its_outcome_on_each_release() {
    let mut page = format!("{:60}", "");
    for release in knowledge().releases() {
        let _ = write!(page, " {:6}", release.to_string());
    }
    for (name, text) in all() {
        let verdicts = judged(&text);
        let _ = write!(page, "\n{name:60}");
        let mut codes: Vec<&str> = Vec::new();
        for verdict in &verdicts {
            let _ = write!(page, " {:6}", sign(verdict.outcome));
            codes.extend(verdict.findings.iter().map(|finding| finding.code.0.as_str()));
        }
        codes.sort_unstable();
        codes.dedup();
        let _ = write!(page, " {}", codes.join(" "));
    }
    let trimmed: Vec<&str> = page.lines().map(str::trim_end).collect();
    insta::assert_snapshot!(trimmed.join("\n"));
}
