//! TOOLS: `cargo xtask bench`: measures what is promised, beside what people do today. Tests no behaviour.

mod backup;
mod check;
pub mod measure;

use clap::Subcommand;

/// What to measure.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Dumping, loading and verifying a database, beside mysqldump, `mariadb` and mydumper.
    Backup(backup::Arguments),
    /// `kfpctl check`, beside loading the same pipelines with the real SDK.
    Check(check::Arguments),
}

/// Measures and prints a table.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    match &arguments.what {
        What::Backup(arguments) => backup::run(arguments),
        What::Check(arguments) => check::run(arguments),
    }
}
