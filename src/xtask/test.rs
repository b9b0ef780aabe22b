//! TOOLS: `cargo xtask test`: every check and test, in the order that tells most soonest.

use std::ffi::OsStr;
use std::process::Command;

use anyhow::Context;
use serde_json::Value;

use crate::stages::{Counts, Stages, cargo_test, check};

/// Test programs that start a real API server or real databases.
const ON_SERVERS: &[&str] = &["api-server", "backup", "database"];
/// Test programs that start a real cluster.
const ON_CLUSTER: &[&str] = &["install"];

/// Test programs that run what CI systems run; they download what those need.
const IN_CI_SYSTEMS: &[&str] = &["integrations"];

/// What to run.
#[derive(clap::Args)]
pub struct Arguments {
    /// Only what needs no server and no network: formatting, lints, generated files, rules of files, pure tests.
    #[arg(long)]
    fast: bool,
}

/// Runs the checks, prints the table, and fails if any check did.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut stages = Stages::default();
    stages.run("format", || check(&mut cargo(&["fmt", "--all", "--check"])));
    stages.run("lints", || {
        check(&mut cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]))
    });
    stages.run("generated files", crate::generate::check);
    stages.run("files", crate::files::run);
    stages.run("purity", crate::purity::run);
    stages.run("pure tests", pure);
    if !arguments.fast {
        stages.run("linters", crate::linters::run);
        stages.run("corpus", crate::generate::check_corpus);
        stages.run("lock of the fuzz target", crate::fuzz::check_lock);
        stages.run("in CI systems", || programs(&[], IN_CI_SYSTEMS));
        stages.run("on real servers", || programs(&[], ON_SERVERS));
        stages.run("on a real cluster", || programs(&[], ON_CLUSTER));
    }
    stages.close()
}

/// Every test that needs no server.
fn pure() -> anyhow::Result<Counts> {
    let all = test_programs()?;
    let others = [IN_CI_SYSTEMS, ON_SERVERS, ON_CLUSTER].concat();
    for name in &others {
        anyhow::ensure!(
            all.iter().any(|program| program == name),
            "no test program is called {name}; see src/xtask/test.rs"
        );
    }
    let pure: Vec<&str> = all
        .iter()
        .map(String::as_str)
        .filter(|name| !others.contains(name))
        .collect();
    programs(&["--lib", "--bins"], &pure)
}

/// Runs test programs. The whole workspace is always selected, so that every stage builds the same libraries with the same
/// features, and each is compiled once.
fn programs(more: &[&str], names: &[&str]) -> anyhow::Result<Counts> {
    let mut arguments = vec!["--workspace"];
    arguments.extend_from_slice(more);
    for name in names {
        arguments.extend_from_slice(&["--test", name]);
    }
    cargo_test(&arguments, &[])
}

/// Tests that start a real cluster: all, or those whose name contains `filter`.
pub fn on_cluster(environment: &[(&str, &OsStr)], filter: Option<&str>) -> anyhow::Result<Counts> {
    let mut arguments = vec!["--workspace"];
    for name in ON_CLUSTER {
        arguments.extend_from_slice(&["--test", name]);
    }
    if let Some(filter) = filter {
        arguments.extend_from_slice(&["--", filter]);
    }
    cargo_test(&arguments, environment)
}

/// Names of every integration test program of the workspace.
fn test_programs() -> anyhow::Result<Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .context("cannot start cargo metadata")?;
    anyhow::ensure!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata wrote no JSON")?;
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata names no packages")?;
    let targets = packages
        .iter()
        .filter_map(|package| package["targets"].as_array())
        .flatten();
    let tests = targets.filter(|target| target["kind"][0] == "test");
    let mut names: Vec<String> = tests
        .filter_map(|target| target["name"].as_str())
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    Ok(names)
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments);
    command
}
