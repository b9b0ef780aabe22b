//! PROOF (real API server): a network namespace with nothing but loopback, so that the operator's connections to Service
//! addresses end here and nowhere else.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context, Result, bail};
use kfp_e2e::tools::{Tool, Tools};

/// Set in the second life of the test program, in its own namespace.
const MARK: &str = "KFP_TESTS_ISOLATED";
/// Ports given out by [`port`] begin here, below those that the kernel gives out by itself.
const FIRST_PORT: u16 = 20_000;

/// Whether this process lives in its own network namespace already.
#[must_use]
pub fn is_isolated() -> bool {
    std::env::var_os(MARK).is_some()
}

/// Starts this program again, with the same arguments, in a network namespace of its own. Returns only on failure.
pub fn isolate(environment: &[(&str, &Path)]) -> Result<std::convert::Infallible> {
    let program = std::env::current_exe().context("this program does not know its own path")?;
    // An ordinary user becomes root of a user namespace, which is what a network namespace asks for.
    let error = Command::new("unshare")
        .args(["--net", "--map-root-user", "--"])
        .arg(program)
        .args(std::env::args_os().skip(1))
        .envs(environment.iter().copied())
        .env(MARK, "1")
        .exec();
    bail!("cannot start unshare: {error}; it is part of util-linux")
}

/// Brings loopback up. Must run inside.
pub fn raise_loopback(tools: &Tools) -> Result<()> {
    ip(tools, &["link", "set", "lo", "up"])
}

/// Makes every address of this range one of loopback's, so that a server can listen where a Service points to, and a
/// connection to where none listens is refused at once.
pub fn claim(tools: &Tools, range: &str) -> Result<()> {
    ip(tools, &["route", "add", "local", range, "dev", "lo"])
}

/// A port of this namespace that nobody else was given.
pub fn port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(FIRST_PORT);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn ip(tools: &Tools, arguments: &[&str]) -> Result<()> {
    let busybox = busybox(&tools.root(Tool::Base)?)?;
    let status = Command::new(busybox)
        .arg("ip")
        .args(arguments)
        .status()
        .context("cannot start busybox")?;
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
