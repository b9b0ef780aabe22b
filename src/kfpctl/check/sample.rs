//! PEOPLE: a report for the tests of every output: each severity, each effect of a policy, hard names. For tests alone.

use kfp_compat::{Effect, Outcome, Severity};

use super::excerpt::Excerpt;
use super::report::{
    Backend, FileFinding, FileReport, Ignored, Kind, ReleaseVerdict, Report, SCHEMA_VERSION, Span, Summary,
    UnreadableFile,
};

fn finding(code: &str, effect: Effect, line: u32, source: &str, word: &str) -> FileFinding {
    let start = source.find(word).unwrap();
    let column = u32::try_from(start).unwrap() + 1;
    FileFinding {
        code: code.to_owned(),
        effect,
        severity: effect.severity(),
        releases: vec!["2.14.4".parse().unwrap(), "2.15.0".parse().unwrap()],
        path: format!("root.dag.tasks.train.{word}"),
        task: Some("train".to_owned()),
        place: Some(Span {
            line,
            column,
            end_line: line,
            end_column: column + u32::try_from(word.len()).unwrap(),
        }),
        message: format!("`{word}` is unknown to the server"),
        works_since: Some("2.16.0".parse().unwrap()),
        works_until: None,
        help: "leave it out, or upgrade".to_owned(),
        ignored: None,
        excerpt: Some(Excerpt {
            line,
            text: source.to_owned(),
            start,
            end: start + word.len(),
        }),
    }
}

/// One error, one warning, one ignored finding, one unreadable file, one file without findings.
pub fn report() -> Report {
    let verdicts = |outcome| {
        ["2.14.4", "2.15.0", "2.16.0"]
            .map(|release| ReleaseVerdict {
                release: release.parse().unwrap(),
                outcome: if release == "2.16.0" {
                    Outcome::Runs
                } else {
                    outcome
                },
                note: None,
            })
            .into()
    };
    let mut ignored = finding(
        "KFP010",
        Effect::RefusedAtUpload,
        9,
        "schemaVersion: 2.0.0",
        "2.0.0",
    );
    ignored.ignored = Some(Ignored {
        reason: "it is rewritten".to_owned(),
        until: Some("2026-12-31".to_owned()),
    });
    let mut warning = finding("KFP082", Effect::Discouraged, 2, "kfp>=2.14", "kfp>=2.14");
    warning.task = None;
    warning.works_since = None;
    let mut report = Report {
        schema_version: SCHEMA_VERSION,
        kfpctl_version: "0.0.0",
        backends: ["2.14.4", "2.15.0", "2.16.0"]
            .map(|release| Backend {
                release: release.parse().unwrap(),
                named_by: "--backend".to_owned(),
            })
            .into(),
        policy: Some(".kfpctl.yaml".to_owned()),
        files: vec![
            FileReport {
                path: "pipelines/a b,c%.yaml".to_owned(),
                kind: Kind::Pipeline,
                sdk: Some("kfp-2.16.0".to_owned()),
                verdicts: verdicts(Outcome::RefusedAtUpload),
                findings: vec![
                    finding(
                        "KFP010",
                        Effect::RefusedAtUpload,
                        31,
                        "        taskConfig: <&\">",
                        "taskConfig",
                    ),
                    ignored,
                ],
            },
            FileReport {
                path: "pipelines/a-folder-with-a-long-name/fine.yaml".to_owned(),
                kind: Kind::Pipeline,
                sdk: None,
                verdicts: verdicts(Outcome::Runs),
                findings: Vec::new(),
            },
            FileReport {
                path: "requirements.txt".to_owned(),
                kind: Kind::Requirements,
                sdk: None,
                verdicts: verdicts(Outcome::RunsWithWarnings),
                findings: vec![warning],
            },
        ],
        unreadable: vec![UnreadableFile {
            path: "pipelines/broken.yaml".to_owned(),
            place: Some(Span {
                line: 3,
                column: 1,
                end_line: 3,
                end_column: 1,
            }),
            message: "it is no YAML".to_owned(),
            help: "mend it".to_owned(),
            excerpt: None,
        }],
        passed_over: 2,
        notices: vec!["the decision about KFP021 holds no more".to_owned()],
        summary: Summary::default(),
    };
    assert_eq!(report.files[0].findings[0].severity, Severity::Error);
    report.sum();
    report
}
