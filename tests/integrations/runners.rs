//! PROOF (CI systems): stand-ins of the runners of GitHub, GitLab, Jenkins and Tekton. Each reads the committed file (and the
//! example that users copy), resolves what those files use of its system's language, and runs the scripts. What it cannot
//! resolve is an error, so that a file which needs more is noticed.

use std::collections::BTreeMap;
use std::fs;
use std::process::Output;

use kfp_e2e::lab::examples::example;
use kfp_e2e::lab::root;
use rstest::rstest;
use serde_json::Value;

use crate::project::{NEW, OLD, Project, words};

/// The page that users copy from.
pub const PAGE: &str = "docs/how-to/check-in-ci.md";

type Variables = BTreeMap<String, String>;

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

fn committed(path: &str) -> Value {
    yaml(&fs::read_to_string(root().join(path)).unwrap())
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Replaces every `OPEN name CLOSE` by what `values` has under that name.
fn resolve(template: &str, open: &str, close: &str, values: &Variables) -> String {
    let mut resolved = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once(open) {
        let (name, after) = after.split_once(close).expect("an expression ends");
        let value = values.get(name.trim());
        resolved += before;
        resolved += value.unwrap_or_else(|| panic!("this stand-in knows no {name}"));
        rest = after;
    }
    resolved + rest
}

/// Runs the composite action as a step with these inputs would.
fn github(project: &Project, inputs: &[(&str, &str)]) -> Output {
    let action = committed("action.yml");
    let mut values = Variables::new();
    for (name, input) in action["inputs"].as_object().unwrap() {
        values.insert(format!("inputs.{name}"), text(&input["default"]));
    }
    for (name, value) in inputs {
        let known = values.insert(format!("inputs.{name}"), (*value).to_owned());
        assert!(known.is_some(), "the action has no input {name}");
    }
    let mut last = None;
    for step in action["runs"]["steps"].as_array().unwrap() {
        assert_eq!(step["shell"], "bash");
        let script = project.path("scratch/step.sh");
        let outputs = project.path("scratch/outputs");
        fs::write(&script, text(&step["run"])).unwrap();
        fs::write(&outputs, "").unwrap();
        let mut command = project.command("bash");
        command
            .args(["--noprofile", "--norc", "-e", "-o", "pipefail"])
            .arg(&script)
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_ACTION_PATH", root())
            .env("GITHUB_OUTPUT", &outputs)
            .env("RUNNER_TEMP", project.path("scratch"));
        for (name, value) in step["env"].as_object().unwrap() {
            command.env(name, resolve(&text(value), "${{", "}}", &values));
        }
        let output = command.output().unwrap();
        let failed = !output.status.success();
        for line in fs::read_to_string(&outputs).unwrap().lines() {
            let (name, value) = line.split_once('=').unwrap();
            values.insert(
                format!("steps.{}.outputs.{name}", text(&step["id"])),
                value.to_owned(),
            );
        }
        last = Some(output);
        if failed {
            break;
        }
    }
    last.unwrap()
}

/// Runs the template's job with the variables of the example, and of `more`.
fn gitlab(project: &Project, more: &[(&str, &str)]) -> Output {
    let template = committed("integrations/gitlab/kfp-check.yml");
    let user = yaml(&example(PAGE, ".gitlab-ci.yml").unwrap());
    let job = &template[text(&template["kfp-check"]["extends"])];
    let script: Vec<String> = job["script"].as_array().unwrap().iter().map(text).collect();
    let mut command = project.as_in_the_image().command("sh");
    command.args(["-e", "-c", &script.join("\n")]);
    for (name, value) in user["variables"].as_object().unwrap() {
        command.env(name, text(value));
    }
    command.envs(more.iter().copied());
    command.output().unwrap()
}

/// Runs the step of the Tekton Task with the parameters of the example, and of `more`.
fn tekton(project: &Project, more: &[(&str, &str)]) -> Output {
    let task = committed("integrations/tekton/kfp-check.yaml");
    let user = yaml(&example(PAGE, "taskrun.yaml").unwrap());
    assert_eq!(user["spec"]["taskRef"]["name"], task["metadata"]["name"]);
    let mut values = Variables::from([(
        "workspaces.source.path".to_owned(),
        project.path("source").display().to_string(),
    )]);
    for parameter in task["spec"]["params"].as_array().unwrap() {
        values.insert(
            format!("params.{}", text(&parameter["name"])),
            text(&parameter["default"]),
        );
    }
    let given = user["spec"]["params"].as_array().unwrap().iter();
    let given = given.map(|one| (text(&one["name"]), text(&one["value"])));
    let more = more
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    for (name, value) in given.chain(more) {
        let known = values.insert(format!("params.{name}"), value);
        assert!(known.is_some(), "the Task has no parameter {name}");
    }
    let step = &task["spec"]["steps"][0];
    let script = text(&step["script"]);
    assert_eq!(script.lines().next(), Some("#!/bin/sh"));
    let mut command = project.as_in_the_image().command("sh");
    command
        .args(["-c", &script])
        .current_dir(resolve(&text(&step["workingDir"]), "$(", ")", &values));
    for variable in step["env"].as_array().unwrap() {
        let value = resolve(&text(&variable["value"]), "$(", ")", &values);
        command.env(text(&variable["name"]), value);
    }
    command.output().unwrap()
}

/// Runs the `sh` step of the Jenkinsfile with its `environment`.
fn jenkins(project: &Project, more: &[(&str, &str)]) -> Output {
    let file = example(PAGE, "Jenkinsfile").unwrap();
    let quoted = |line: &str, before: &str| {
        let (name, value) = line.trim().split_once(before)?;
        Some((name.trim().to_owned(), value.strip_suffix('\'')?.to_owned()))
    };
    let (_, script) = file.lines().find_map(|line| quoted(line, "sh '")).unwrap();
    let (_, environment) = file.split_once("environment {").unwrap();
    let (environment, _) = environment.split_once('}').unwrap();
    let mut command = project.as_in_the_image().command("sh");
    command.args(["-xe", "-c", &script]);
    command.envs(environment.lines().filter_map(|line| quoted(line, " = '")));
    command.envs(more.iter().copied());
    command.output().unwrap()
}

fn assert_exit(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}", words(output));
}

#[test]
fn the_action_passes_pipelines_that_fit() {
    let output = github(
        &Project::new(),
        &[("backend", NEW), ("paths", "pipelines\nrequirements.txt")],
    );
    assert_exit(&output, 0);
}

#[test]
fn the_action_fails_and_annotates_the_line_of_a_pipeline_that_does_not_fit() {
    let output = github(
        &Project::new(),
        &[("backend", &format!("{OLD}, {NEW}")), ("paths", "pipelines")],
    );
    assert_exit(&output, 1);
    let said = words(&output);
    assert!(
        said.contains("::error file=pipelines/misfits.yaml,line="),
        "{said}"
    );
    assert!(!said.contains("pipelines/fits.yaml"), "{said}");
}

#[test]
fn the_action_writes_sarif_where_it_is_asked_to() {
    let project = Project::new();
    let output = github(
        &project,
        &[
            ("backend", OLD),
            ("paths", "pipelines"),
            ("sarif", "findings.sarif"),
        ],
    );
    assert_exit(&output, 1);
    let sarif: Value =
        serde_json::from_slice(&fs::read(project.path("source/findings.sarif")).unwrap()).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
}

#[rstest]
#[case::a_command(("paths", "$(touch stolen)"))]
#[case::backquotes(("paths", "`touch stolen`"))]
#[case::quotes(("policy", "\"; touch stolen; \""))]
#[case::an_option(("paths", "--backend"))]
#[case::a_version(("version", "$(touch stolen)"))]
#[case::an_endpoint(("endpoint", "'; touch stolen #"))]
fn what_the_action_is_given_is_data_and_never_run(#[case] input: (&str, &str)) {
    let project = Project::new();
    let output = github(&project, &[("backend", NEW), input]);
    assert_exit(&output, 2);
    assert!(!project.path("source/stolen").exists());
}

#[rstest]
#[case::gitlab(gitlab as fn(&Project, &[(&str, &str)]) -> Output)]
#[case::jenkins(jenkins)]
fn a_job_that_reports_by_junit_fails_for_an_old_backend(
    #[case] run: fn(&Project, &[(&str, &str)]) -> Output,
) {
    let project = Project::new();
    let output = run(&project, &[("KFP_CHECK_BACKEND", OLD)]);
    assert_exit(&output, 1);
    let report = fs::read_to_string(project.path("source/kfp-check.xml")).unwrap();
    assert!(report.contains("misfits.yaml"), "{report}");
}

#[rstest]
#[case::gitlab(gitlab as fn(&Project, &[(&str, &str)]) -> Output)]
#[case::jenkins(jenkins)]
fn a_job_passes_for_a_backend_that_takes_all(#[case] run: fn(&Project, &[(&str, &str)]) -> Output) {
    assert_exit(&run(&Project::new(), &[("KFP_CHECK_BACKEND", NEW)]), 0);
}

#[test]
fn the_task_passes_and_fails_by_the_backend() {
    assert_exit(&tekton(&Project::new(), &[("backend", NEW)]), 0);
    assert_exit(&tekton(&Project::new(), &[("backend", OLD)]), 1);
}

#[test]
fn a_path_with_blanks_is_one_path() {
    let project = Project::new();
    fs::rename(
        project.path("source/pipelines"),
        project.path("source/my pipelines"),
    )
    .unwrap();
    assert_exit(
        &gitlab(
            &project,
            &[("KFP_CHECK_BACKEND", NEW), ("KFP_CHECK_PATHS", "my pipelines")],
        ),
        0,
    );
}
