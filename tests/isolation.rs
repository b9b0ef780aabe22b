//! PROOF (real API server): a network namespace with nothing but loopback, so that the operator's connections to Service
//! addresses end here and nowhere else.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use kfp_e2e::tools::{Tool, Tools};

/// Set in the second life of the test program, in its own namespace.
const MARK: &str = "KFP_TESTS_ISOLATED";

/// Whether this process lives in its own network namespace already.
#[must_use]
pub fn is_isolated() -> bool {
    std::env::var_os(MARK).is_some()
}

/// Starts this program again, with the same arguments, in a network namespace of its own. Returns only on failure.
pub fn isolate() -> Result<std::convert::Infallible> {
    let program = std::env::current_exe().context("this program does not know its own path")?;
    // An ordinary user becomes root of a user namespace, which is what a network namespace asks for.
    let error = Command::new("unshare")
        .args(["--net", "--map-root-user", "--"])
        .arg(program)
        .args(std::env::args_os().skip(1))
        .env(MARK, "1")
        .exec();
    bail!("cannot start unshare: {error}; it is part of util-linux")
}

/// Brings loopback up. Must run inside.
pub fn raise_loopback(tools: &Tools) -> Result<()> {
    ip(tools, &["link", "set", "lo", "up"])
}

/// Gives loopback one more address, so that a server can listen where a Service points to.
pub fn add_address(tools: &Tools, address: &str) -> Result<()> {
    ip(tools, &["addr", "add", &format!("{address}/32"), "dev", "lo"])
}

fn ip(tools: &Tools, arguments: &[&str]) -> Result<()> {
    let busybox = busybox(&tools.root(Tool::Base)?)?;
    let status = Command::new(busybox).arg("ip").args(arguments).status().context("cannot start busybox")?;
    anyhow::ensure!(status.success(), "ip {}: {status}", arguments.join(" "));
    Ok(())
}

fn busybox(root: &Path) -> Result<std::path::PathBuf> {
    ["usr/bin/busybox", "bin/busybox"]
        .iter()
        .map(|path| root.join(path))
        .find(|path| path.exists())
        .with_context(|| format!("no busybox below {}", root.display()))
}
