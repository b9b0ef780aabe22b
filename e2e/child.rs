//! PROOF: servers that a test starts for itself. They end with the thread that started them, however that ends, and are killed
//! when dropped: what they kept goes with them, so that none need end in order.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result};

/// A program that ends with the thread that starts it.
#[must_use]
pub fn bound(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// A running server; killed when dropped.
pub struct Child {
    process: std::process::Child,
    log: PathBuf,
}

impl Child {
    /// Starts what [`bound`] made, and writes what it says to this file.
    ///
    /// # Errors
    ///
    /// The file cannot be made, or `setpriv` is not there.
    pub fn start(command: &mut Command, log: PathBuf) -> Result<Self> {
        let out = File::create(&log).with_context(|| format!("cannot make {}", log.display()))?;
        let process = command
            .stdin(Stdio::null())
            .stderr(out.try_clone()?)
            .stdout(out)
            .spawn()
            .context("cannot start setpriv; it is part of util-linux")?;
        Ok(Self { process, log })
    }

    /// The id of its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// How it ended; none while it runs.
    ///
    /// # Errors
    ///
    /// The system does not tell.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.process.try_wait()?)
    }

    /// What it said until now.
    #[must_use]
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // One that has ended already is no matter.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Ports of loopback that nobody listened on a moment ago.
///
/// # Errors
///
/// None are left.
pub fn free_ports<const COUNT: usize>() -> Result<[u16; COUNT]> {
    // All are held until all are known, so that no port is given twice.
    let listeners = (0..COUNT)
        .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .collect::<std::io::Result<Vec<_>>>()
        .context("no free port on the loopback address")?;
    let mut ports = [0; COUNT];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}
