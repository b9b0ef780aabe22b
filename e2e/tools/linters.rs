//! PROOF: linters of committed files, out of Python wheels and one Go module. The committed requirements file and go.sum
//! carry the checksums; nothing is installed on the host.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::cache::{Cache, digest};
use crate::tools::go;
use crate::tools::python::Python;

const REQUIREMENTS: &str = include_str!("python/linters.txt");

/// The linters, unpacked in the cache.
#[derive(Debug)]
pub struct Linters {
    folder: PathBuf,
    python: Python,
    actionlint: PathBuf,
}

impl Linters {
    /// Downloads and unpacks them, unless the cache has them.
    pub fn ensure(cache: &Cache) -> Result<Self> {
        let python = Python::find(cache)?;
        let key = format!("linters-{}", digest(&[REQUIREMENTS.as_bytes()]));
        let folder = cache
            .ensure("tools", &key, |folder| {
                let unpacked = python.unpack(REQUIREMENTS, folder)?;
                executable(&unpacked)
            })
            .context("cannot download the linters")?
            .join("unpacked");
        let actionlint = cache
            .ensure("tools", &go::ACTIONLINT.key(), |folder| {
                go::ACTIONLINT.build(folder)
            })
            .context("cannot build actionlint")?
            .join("bin")
            .join(go::ACTIONLINT.name);
        Ok(Self {
            folder,
            python,
            actionlint,
        })
    }

    /// actionlint, which is a Go program.
    #[must_use]
    pub fn actionlint(&self) -> Command {
        Command::new(&self.actionlint)
    }

    /// A program that a wheel carries as it is: `hadolint`, `shellcheck`, `typos` or `zizmor`.
    pub fn program(&self, name: &str) -> Result<Command> {
        let program = scripts(&self.folder)?
            .into_iter()
            .find(|path| path.file_name().is_some_and(|file| file == name))
            .with_context(|| format!("no wheel of the linters carries {name}"))?;
        Ok(Command::new(program))
    }

    /// `python -m MODULE` of a wheel: `yamllint`, `check_jsonschema` or `pre_commit`.
    pub fn module(&self, module: &str) -> Result<Command> {
        let mut command = self.python.module(module);
        let set = command
            .get_envs()
            .find(|(name, _)| *name == "PYTHONPATH")
            .and_then(|(_, value)| value.map(PathBuf::from));
        let path = std::env::join_paths([self.folder.clone()].into_iter().chain(set))
            .context("the cache folder cannot be on Python's path")?;
        command.env("PYTHONPATH", path);
        Ok(command)
    }
}

/// Wheels keep programs without their mode.
fn executable(unpacked: &Path) -> Result<()> {
    for script in scripts(unpacked)? {
        fs::set_permissions(script, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// What lies in the `scripts` folders of unpacked wheels.
fn scripts(unpacked: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(unpacked)? {
        let folder = entry?.path().join("scripts");
        if folder.is_dir() {
            for script in fs::read_dir(folder)? {
                found.push(script?.path());
            }
        }
    }
    Ok(found)
}
