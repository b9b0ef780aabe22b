//! PEOPLE: `kfpctl restore`: say what a restore would do, and ask for one. Reads and writes KfpRestores; the operator does the
//! work, and no database or bucket is asked from here.

mod plan;
mod run;
mod runs;
mod source;
mod view;

use crate::cluster::block_on;
use crate::failure::Failure;

/// What to do with restores.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Say what a restore would overwrite, set aside and close; exit code 1 when it would be refused.
    Plan(plan::Arguments),
    /// Put a backup back into an installation.
    Run(run::Arguments),
}

/// Does what is asked.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    block_on(async {
        match &arguments.command {
            Command::Plan(arguments) => plan::run(arguments).await,
            Command::Run(arguments) => run::run(arguments).await,
        }
    })
}
