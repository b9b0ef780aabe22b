//! TOOLS: `cargo xtask e2e`: the tests on a real cluster alone, with real KFP programs where somebody has them.

use std::ffi::OsStr;
use std::path::PathBuf;

use anyhow::Context;

use crate::stages::Counts;

/// How the tests are told where the programs lie.
const COMPONENTS: &str = "KFP_E2E_COMPONENTS";

/// What to run, and with which programs.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of real KFP programs, each `ROLE-RELEASE`, that take the place of their stand-ins.
    #[arg(long, value_name = "DIR")]
    components: Option<PathBuf>,
    /// Run only tests whose name contains this.
    filter: Option<String>,
}

/// Runs the test program and counts its tests.
pub fn run(arguments: &Arguments) -> anyhow::Result<Counts> {
    let folder = arguments
        .components
        .as_ref()
        .map(|folder| {
            folder
                .canonicalize()
                .with_context(|| format!("there is no folder {}", folder.display()))
        })
        .transpose()?;
    let environment: Vec<(&str, &OsStr)> = folder
        .iter()
        .map(|folder| (COMPONENTS, folder.as_os_str()))
        .collect();
    crate::test::on_cluster(&environment, arguments.filter.as_deref())
}
