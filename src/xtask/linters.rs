//! TOOLS: other people's linters over committed files: downloaded by pinned recipes into the cache, run, counted.

use std::fs;
use std::process::Command;

use kfp_e2e::cache::Cache;
use kfp_e2e::lab::root;
use kfp_e2e::tools::linters::Linters;

use crate::stages::{Counts, check};

/// Folders whose YAML is held to a style.
const YAML: [&str; 6] = ["config", "crds", "src", "tests", "e2e", ".yamllint.yaml"];
/// Scripts, apart from those that end in `.sh` below these folders.
const SCRIPTS: [&str; 1] = [".ci/run"];

/// Runs every linter; one check each.
pub fn run() -> anyhow::Result<Counts> {
    let linters = Linters::ensure(&Cache::locate()?)?;
    let mut commands = Vec::new();
    let mut hadolint = linters.program("hadolint")?;
    hadolint.arg("Dockerfile");
    commands.push(hadolint);
    commands.extend(shellcheck(&linters)?);
    let mut yamllint = linters.yamllint()?;
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
