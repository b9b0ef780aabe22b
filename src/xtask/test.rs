//! TOOLS: `cargo xtask test`: every check and test, in the order that tells most soonest.

use std::process::Command;

use crate::stages::{Stages, cargo_test, check};

/// What to run.
#[derive(clap::Args)]
pub struct Arguments {
    /// Only what needs no server: formatting, lints, generated files, pure tests.
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
    stages.run("purity", crate::purity::run);
    stages.run("pure tests", || cargo_test(&[]));
    if !arguments.fast {
        stages.run("on a real API server", || cargo_test(&["--package", "kfp-tests"]));
        stages.run("on a real cluster", || cargo_test(&["--package", "kfp-e2e"]));
    }
    stages.close()
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments);
    command
}
