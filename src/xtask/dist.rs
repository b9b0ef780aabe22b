//! TOOLS: `cargo xtask dist`: packs `kfpctl` as a release consists of it.

use std::path::PathBuf;

use kfp_e2e::lab::dist::pack;
use kfp_e2e::lab::{programs, root};

/// What to pack, and where to.
#[derive(clap::Args)]
pub struct Arguments {
    /// A program that is built already; else kfpctl is built in release mode.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Folder to write to, from the root of the repository.
    #[arg(long, value_name = "DIR", default_value = "target/dist")]
    output: PathBuf,
}

/// Packs the program and prints the files.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let program = match &arguments.program {
        Some(program) => program.clone(),
        None => programs::release("kfpctl")?,
    };
    for file in pack(&program, &root().join(&arguments.output))? {
        println!("{}", file.display());
    }
    Ok(())
}
