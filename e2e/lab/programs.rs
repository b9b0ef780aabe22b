//! PROOF: our own programs, built by cargo with the profile that the tests use, so that nothing is compiled twice.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;

/// Paths of freshly built programs.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The operator.
    pub operator: PathBuf,
    /// The command line.
    pub kfpctl: PathBuf,
    /// What takes the place of KFP's own images.
    pub stand_in: PathBuf,
}

impl Programs {
    /// Builds what changed.
    pub fn build() -> Result<Self> {
        let [operator, kfpctl, stand_in] = build(["kfp-operator", "kfpctl", "kfp-standin"])?;
        Ok(Self {
            operator,
            kfpctl,
            stand_in,
        })
    }
}

/// Builds the workspace's programs and says where these lie. All are built at once, as `cargo test` does: building some of
/// them would choose other features of their libraries and compile those anew.
pub fn build<const N: usize>(names: [&str; N]) -> Result<[PathBuf; N]> {
    built(&["--workspace", "--bins"], names)
}

/// Builds one program as it is released: small, fast, and long in the making.
pub fn release(name: &str) -> Result<PathBuf> {
    let [program] = built(&["--release", "--package", name, "--bin", name], [name])?;
    Ok(program)
}

/// Builds an example of a package as its programs are released.
pub fn release_example(package: &str, name: &str) -> Result<PathBuf> {
    let [program] = built(&["--release", "--package", package, "--example", name], [name])?;
    Ok(program)
}

fn built<const N: usize>(selection: &[&str], names: [&str; N]) -> Result<[PathBuf; N]> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--locked", "--message-format", "json-render-diagnostics"])
        .args(selection)
        .current_dir(super::root())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    anyhow::ensure!(
        output.status.success(),
        "cargo build ended with {}",
        output.status
    );
    let messages = String::from_utf8(output.stdout).context("cargo build wrote no text")?;
    let mut found = [const { None }; N];
    for message in messages.lines() {
        let message: Value = serde_json::from_str(message).context("cargo build wrote no JSON")?;
        if let Some(place) = names
            .iter()
            .position(|name| message.pointer("/target/name") == Some(&Value::from(*name)))
            && let Some(program) = message["executable"].as_str()
        {
            found[place] = Some(PathBuf::from(program));
        }
    }
    let missing = || format!("cargo build made not all of {}", names.join(", "));
    let found: Option<Vec<PathBuf>> = found.into_iter().collect();
    found
        .and_then(|found| found.try_into().ok())
        .with_context(missing)
}
