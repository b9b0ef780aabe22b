//! PEOPLE: a report as SARIF 2.1.0 (OASIS), for code scanning. Draws; decides nothing.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use kfp_compat::{Knowledge, Severity};
use serde_json::{Value, json};

use super::findings::{list, works};
use super::report::{FileFinding, Report, Span, UnreadableFile};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
const HOME: &str = env!("CARGO_PKG_REPOSITORY");

/// The whole report.
#[must_use]
pub fn draw(report: &Report, knowledge: &Knowledge) -> Value {
    let used: BTreeSet<&str> = report
        .files
        .iter()
        .flat_map(|file| &file.findings)
        .map(|finding| finding.code.as_str())
        .collect();
    let codes: Vec<&str> = used.into_iter().collect();
    let results: Vec<Value> = report
        .files
        .iter()
        .flat_map(|file| {
            file.findings
                .iter()
                .map(|finding| result(&file.path, finding, &codes))
        })
        .collect();
    let notifications: Vec<Value> = report
        .unreadable
        .iter()
        .map(notification)
        .chain(
            report
                .notices
                .iter()
                .map(|notice| json!({"level": "note", "message": {"text": notice}})),
        )
        .collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "kfpctl",
                "semanticVersion": report.kfpctl_version,
                "informationUri": HOME,
                "rules": codes.iter().map(|code| rule(code, knowledge)).collect::<Vec<_>>(),
            }},
            "invocations": [{
                "executionSuccessful": report.unreadable.is_empty(),
                "toolExecutionNotifications": notifications,
            }],
            "columnKind": "unicodeCodePoints",
            "properties": {"backends": report.backends.iter().map(|backend| backend.release).collect::<Vec<_>>()},
            "results": results,
        }],
    })
}

fn rule(code: &str, knowledge: &Knowledge) -> Value {
    let Some(meaning) = knowledge.code(code) else {
        return json!({"id": code});
    };
    json!({
        "id": code,
        "shortDescription": {"text": meaning.title},
        "fullDescription": {"text": meaning.meaning},
        "help": {"text": meaning.help},
        "helpUri": format!("{HOME}/blob/main/docs/reference/findings.md#{}", code.to_lowercase()),
    })
}

fn result(path: &str, finding: &FileFinding, codes: &[&str]) -> Value {
    let mut text = format!("On {}: {}", list(&finding.releases), finding.message);
    for more in [works(finding), finding.help.clone()] {
        if !more.is_empty() {
            text += ". ";
            text += more.trim_end_matches('.');
        }
    }
    let mut result = json!({
        "ruleId": finding.code,
        "level": level(finding.severity),
        "message": {"text": text},
        "locations": [location(path, finding.place, &finding.path)],
        "partialFingerprints": {"kfpctl/v1": format!("{}:{}:{}", finding.code, path, finding.path)},
        "properties": {"effect": finding.effect, "releases": finding.releases, "task": finding.task},
    });
    if let Some(index) = codes.iter().position(|code| *code == finding.code) {
        result["ruleIndex"] = index.into();
    }
    if let Some(ignored) = &finding.ignored {
        result["suppressions"] =
            json!([{"kind": "external", "status": "accepted", "justification": ignored.reason}]);
    }
    result
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

fn notification(file: &UnreadableFile) -> Value {
    json!({
        "level": "error",
        "message": {"text": format!("cannot be read: {}. {}", file.message.trim_end_matches('.'), file.help)},
        "locations": [location(&file.path, file.place, "")],
    })
}

fn location(path: &str, place: Option<Span>, logical: &str) -> Value {
    let mut physical = json!({"artifactLocation": artifact(path)});
    if let Some(span) = place {
        physical["region"] = json!({
            "startLine": span.line.max(1),
            "startColumn": span.column.max(1),
            "endLine": span.end_line.max(1),
            "endColumn": span.end_column.max(1),
        });
    }
    let mut location = json!({"physicalLocation": physical});
    if !logical.is_empty() {
        location["logicalLocations"] = json!([{"fullyQualifiedName": logical}]);
    }
    location
}

/// A path below the current folder is relative to it, so that code scanning finds it in the repository.
fn artifact(path: &str) -> Value {
    if path.starts_with('/') {
        return json!({"uri": format!("file://{}", uri(path))});
    }
    json!({"uri": uri(path), "uriBaseId": "%SRCROOT%"})
}

/// A path as the path of a URI (RFC 3986): what is not unreserved is escaped, slashes stay.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::sample;

    /// The folder of the crate that carries the standard's own schema.
    fn schema() -> Value {
        let output = std::process::Command::new(env!("CARGO"))
            .args([
                "metadata",
                "--format-version",
                "1",
                "--offline",
                // Crates of other systems are not on a machine that never needed them.
                "--filter-platform",
                "host-tuple",
                "--manifest-path",
            ])
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
            .output()
            .unwrap();
        let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
        let packages = metadata["packages"].as_array().unwrap();
        let package = packages
            .iter()
            .find(|package| package["name"] == "serde-sarif")
            .unwrap();
        let folder = std::path::Path::new(package["manifest_path"].as_str().unwrap())
            .parent()
            .unwrap();
        let mut schema: Value =
            serde_json::from_str(&std::fs::read_to_string(folder.join("src/schema.json")).unwrap()).unwrap();
        // The standard misses a bracket in a pattern of languages, which is no regular expression then.
        for owner in ["run", "toolComponent"] {
            let language = &mut schema["definitions"][owner]["properties"]["language"];
            assert!(
                language.as_object_mut().unwrap().remove("pattern").is_some(),
                "{owner}"
            );
        }
        schema
    }

    #[test]
    fn the_standards_own_schema_takes_it() {
        let drawn = draw(&sample::report(), Knowledge::builtin().unwrap());
        let validator = jsonschema::validator_for(&schema()).unwrap();
        let problems: Vec<String> = validator
            .iter_errors(&drawn)
            .map(|problem| format!("{}: {problem}", problem.instance_path()))
            .collect();
        assert_eq!(problems, Vec::<String>::new());
        assert!(
            !validator.is_valid(&json!({"version": "2.1.0"})),
            "the schema refuses nothing"
        );
        let read: serde_sarif::sarif::Sarif = serde_json::from_value(drawn).unwrap();
        assert_eq!(read.runs[0].results.as_ref().unwrap().len(), 3);
    }

    #[test]
    fn the_drawing_is_known() {
        let drawn = draw(&sample::report(), Knowledge::builtin().unwrap());
        insta::assert_snapshot!(serde_json::to_string_pretty(&drawn).unwrap());
    }

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri("a b/ü#?.yaml"), "a%20b/%C3%BC%23%3F.yaml");
    }
}
