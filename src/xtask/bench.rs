//! TOOLS: `cargo xtask bench`: measures what is promised, beside what people do today. Tests no behaviour.

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
    /// `kfpctl check`, beside loading the same pipelines with the real SDK.
    Check(check::Arguments),
}

/// Measures and prints a table.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    match &arguments.what {
        What::Check(arguments) => check::run(arguments),
    }
}
