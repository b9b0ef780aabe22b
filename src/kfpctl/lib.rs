//! PEOPLE: `kfpctl`, also `kubectl kfp-operator`: what a person asks of the catalog, a manifest or a running installation.
//! Nothing here decides; it prints what the pure rooms say.
//!
//! A library so that the reference of commands can be made from it; the program is `main.rs`.

mod ask;
mod backup;
mod card;
pub mod check;
mod cluster;
mod explain;
mod failure;
pub mod fields;
mod follow;
mod inventory;
mod keep;
mod output;
mod place;
mod releases;
mod render;
mod restore;
mod sdk;
mod status;
mod upgrade_to;
mod view;
mod watch;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use failure::Failure;

/// Know, plan and follow Kubeflow Pipelines installations.
#[derive(Parser)]
#[command(
    name = "kfpctl",
    version,
    after_help = "Exit codes: 0 done, 1 failed or findings, 2 usage or refused input, 3 not ready or timed out, 4 not found, 5 forbidden, 130 interrupted."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Know the KFP releases: what they are made of and what is known to be wrong with them.
    Releases(releases::Arguments),
    /// Print every object that a manifest stands for; needs no cluster.
    Render(render::Arguments),
    /// Show what is ready, what is waited for, and why.
    Status(status::Arguments),
    /// Tell whether compiled pipelines and pinned SDKs run on a KFP release; needs no cluster and no Python.
    Check(check::Arguments),
    /// List stored pipelines, recurring runs and recent runs: which SDK compiled each, how it fares, whose it is.
    Inventory(inventory::Arguments),
    /// Make, list, show, verify and delete backups.
    Backup(backup::Arguments),
    /// Say what a restore would do, ask for one, and list and show those that were asked for.
    Restore(restore::Arguments),
    /// Know which Python SDK goes with a release.
    Sdk(sdk::Arguments),
    /// Explain a condition's reason, or a finding's code such as KFP010, and what to do next.
    Explain(explain::Arguments),
}

/// The command line as it is parsed, for whoever documents it.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Does what `line` asks for; its first word is the name that the program was started under.
#[must_use]
pub fn main(line: Vec<OsString>) -> ExitCode {
    let name = line.first().map(Path::new).and_then(Path::file_stem);
    let mut command = command();
    if name.is_some_and(|name| name == "kubectl-kfp_operator") {
        command = command.bin_name("kubectl kfp-operator");
    }
    let parsed = Arguments::from_arg_matches(&command.get_matches_from(line)).map_err(|error| error.exit());
    let Ok(arguments) = parsed;
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            failure.code()
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Releases(arguments) => releases::run(&arguments),
        Command::Render(arguments) => render::run(&arguments),
        Command::Status(arguments) => status::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Inventory(arguments) => inventory::run(&arguments),
        Command::Backup(arguments) => backup::run(&arguments),
        Command::Restore(arguments) => restore::run(&arguments),
        Command::Sdk(arguments) => sdk::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_two_arguments_of_a_command_have_one_name() {
        super::command().debug_assert();
    }
}
