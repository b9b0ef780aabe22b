//! TOOLS: other people's linters over committed files: downloaded by pinned recipes into the cache, run, counted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kfp_e2e::cache::Cache;
use kfp_e2e::lab::examples::example;
use kfp_e2e::lab::root;
use kfp_e2e::tools::linters::Linters;

use crate::stages::{Counts, check};

/// Folders whose YAML is held to a style.
const YAML: [&str; 9] = [
    ".pre-commit-hooks.yaml",
    ".yamllint.yaml",
    "action.yml",
    "config",
    "crds",
    "e2e",
    "integrations",
    "src",
    "tests",
];
/// Scripts, apart from those that end in `.sh` below these folders.
const SCRIPTS: [&str; 1] = [".ci/run"];

/// The page whose examples are for CI systems.
const PAGE: &str = "docs/how-to/check-in-ci.md";

/// Runs every linter; one check each.
pub fn run() -> anyhow::Result<Counts> {
    let linters = Linters::ensure(&Cache::locate()?)?;
    let copied = tempfile::tempdir()?;
    let mut commands = integrations(&linters, copied.path())?;
    let mut hadolint = linters.program("hadolint")?;
    hadolint.arg("Dockerfile");
    commands.push(hadolint);
    commands.extend(shellcheck(&linters)?);
    let mut yamllint = linters.module("yamllint")?;
    yamllint
        .args([
            "--strict",
            "--format",
            "parsable",
            "--config-file",
            ".yamllint.yaml",
        ])
        .args(YAML);
    commands.push(yamllint);
    let mut typos = linters.program("typos")?;
    typos.args(["--config", "typos.toml", "--format", "brief", "."]);
    commands.push(typos);
    let mut counts = Counts::default();
    for mut command in commands {
        let result = check(command.current_dir(root()))?;
        println!(
            "{} {}",
            if result.failed == 0 { "✓" } else { "✗" },
            words(&command)
        );
        counts.passed += result.passed;
        counts.failed += result.failed;
    }
    Ok(counts)
}

/// What CI systems read, committed or copied out of the page by a user, each by the linter of its own system.
fn integrations(linters: &Linters, copied: &Path) -> anyhow::Result<Vec<Command>> {
    let copy = |name: &str| -> anyhow::Result<PathBuf> {
        let path = copied.join(name);
        fs::create_dir_all(path.parent().unwrap_or(copied))?;
        fs::write(&path, example(PAGE, name)?)?;
        Ok(path)
    };
    let workflow = copy(".github/workflows/pipelines.yml")?;
    let gitlab = copy(".gitlab-ci.yml")?;
    let hooks = copy(".pre-commit-config.yaml")?;

    let mut actionlint = linters.actionlint();
    actionlint.args(["-shellcheck", ""]).arg(&workflow);
    let mut zizmor = linters.program("zizmor")?;
    zizmor
        .args([
            "--offline",
            "--no-progress",
            "--persona",
            "pedantic",
            "action.yml",
        ])
        .arg(&workflow);
    let mut commands = vec![actionlint, zizmor];
    for (schema, file) in [
        ("vendor.github-actions", PathBuf::from("action.yml")),
        ("vendor.github-workflows", workflow),
        (
            "vendor.gitlab-ci",
            PathBuf::from("integrations/gitlab/kfp-check.yml"),
        ),
        ("vendor.gitlab-ci", gitlab),
    ] {
        let mut command = linters.module("check_jsonschema")?;
        command.args(["--builtin-schema", schema]).arg(file);
        commands.push(command);
    }
    for (what, file) in [
        ("validate-manifest", PathBuf::from(".pre-commit-hooks.yaml")),
        ("validate-config", hooks),
    ] {
        let mut command = linters.module("pre_commit")?;
        command.arg(what).arg(file);
        commands.push(command);
    }
    Ok(commands)
}

/// A linter's name, from the program or the Python module.
fn words(command: &Command) -> String {
    let module = command.get_args().skip_while(|argument| *argument != "-m").nth(1);
    let program = command.get_program();
    let name = std::path::Path::new(module.unwrap_or(program)).file_name();
    name.unwrap_or(program).to_string_lossy().into_owned()
}

/// One run for scripts whose first line says what runs them, one for those that `sh` is given.
fn shellcheck(linters: &Linters) -> anyhow::Result<[Command; 2]> {
    let mut all = scripts("e2e")?;
    all.extend(scripts("integrations")?);
    all.extend(SCRIPTS.map(str::to_owned));
    let (named, for_sh): (Vec<String>, Vec<String>) = all.into_iter().partition(|path| {
        fs::read_to_string(root().join(path)).is_ok_and(|content| content.starts_with("#!"))
    });
    let run = |scripts: Vec<String>, options: &[&str]| -> anyhow::Result<Command> {
        let mut command = linters.program("shellcheck")?;
        // What database images read at their first start is written by users, so it cannot be followed.
        command
            .args(["--severity=warning", "--exclude=SC1090"])
            .args(options)
            .args(scripts);
        Ok(command)
    };
    Ok([run(named, &[])?, run(for_sh, &["--shell=sh"])?])
}

fn scripts(folder: &str) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join(folder))? {
        let entry = entry?;
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            found.extend(scripts(&path)?);
        } else if entry.path().extension().is_some_and(|ending| ending == "sh") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
