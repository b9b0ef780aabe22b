//! PROOF: uv, which makes environments and locks of Python packages, out of a wheel. The committed requirements file carries
//! the checksum. What it downloads stays in the cache; nothing is installed on the host.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::cache::{Cache, digest};
use crate::process::run;
use crate::tools::python::Python;

const REQUIREMENTS: &str = include_str!("python/uv.txt");
/// Version in the requirements file; names a folder of the wheel.
const VERSION: &str = "0.13.9";
/// Any of these in the environment says where uv finds packages.
const INDEXES: [&str; 2] = ["UV_DEFAULT_INDEX", "UV_INDEX_URL"];

/// uv, unpacked in the cache.
#[derive(Debug)]
pub struct Uv {
    cache: Cache,
    program: PathBuf,
    index: Option<String>,
}

impl Uv {
    /// Downloads and unpacks it, unless the cache has it.
    pub fn ensure(cache: &Cache) -> Result<Self> {
        let python = Python::find(cache)?;
        let key = format!("uv-{VERSION}-{}", digest(&[REQUIREMENTS.as_bytes()]));
        let folder = cache
            .ensure("tools", &key, |folder| unpack(&python, folder))
            .context("cannot download uv")?;
        Ok(Self {
            cache: cache.clone(),
            program: folder.join("bin/uv"),
            index: index(&python),
        })
    }

    /// uv, to be given arguments. It uses the interpreters that the host has, and pip's index of packages.
    pub fn command(&self) -> Result<Command> {
        let mut command = Command::new(&self.program);
        command
            .current_dir(self.cache.root())
            .env("PATH", path()?)
            .env("UV_CACHE_DIR", self.cache.root().join("uv"))
            .env("UV_PYTHON_DOWNLOADS", "never")
            .env("UV_SYSTEM_CERTS", "true")
            .env_remove("VIRTUAL_ENV");
        if let Some(index) = &self.index {
            command.env("UV_DEFAULT_INDEX", index);
        }
        Ok(command)
    }

    /// An interpreter of the host that fits, `>=3.10,<3.12` say.
    pub fn interpreter(&self, versions: &str) -> Result<PathBuf> {
        let found = run(self
            .command()?
            .args(["python", "find", "--system", "--no-project", versions]))
        .with_context(|| {
            format!(
                "no Python {versions} is on PATH or among pyenv's; install one: `apt-get install python3` on Debian, \
                 `pyenv install 3.12` or `uv python install 3.12` elsewhere"
            )
        })?;
        Ok(PathBuf::from(found.trim()))
    }

    /// The Python of an environment with exactly the packages of `lock`, each held against its digest; made in the cache
    /// unless it is there. `build` pins what packages without a wheel are built with.
    pub fn environment(&self, name: &str, versions: &str, lock: &str, build: &str) -> Result<PathBuf> {
        let interpreter = self.interpreter(versions)?;
        let parts = [
            lock.as_bytes(),
            build.as_bytes(),
            interpreter.as_os_str().as_encoded_bytes(),
        ];
        let key = format!("{name}-{}", digest(&parts));
        let folder = self
            .cache
            .ensure("python", &key, |folder| {
                self.install(folder, &interpreter, lock, build)
            })
            .with_context(|| format!("cannot make the Python environment {name}"))?;
        Ok(folder.join("environment/bin/python"))
    }

    /// Everything in `folder` can be moved: an interpreter finds its packages beside itself.
    fn install(&self, folder: &Path, interpreter: &Path, lock: &str, build: &str) -> Result<()> {
        let environment = folder.join("environment");
        let files = [("lock.txt", lock), ("build.txt", build)];
        for (file, content) in files {
            fs::write(folder.join(file), content)?;
        }
        run(self
            .command()?
            .args(["venv", "--quiet", "--no-project", "--python"])
            .arg(interpreter)
            .arg(&environment))?;
        run(self
            .command()?
            .args([
                "pip",
                "sync",
                "--quiet",
                "--require-hashes",
                "--build-constraints",
            ])
            .arg(folder.join("build.txt"))
            .arg("--python")
            .arg(environment.join("bin/python"))
            .arg(folder.join("lock.txt")))?;
        Ok(())
    }

    /// A lock for the given requirements: every package that they need with its digests, for every platform and every
    /// Python from `oldest` on. `overrides` take the place of what packages say about those they name.
    pub fn lock(&self, requirements: &[String], overrides: &[String], oldest: &str) -> Result<String> {
        let folder = self.cache.root().join("locks");
        let _lock = self.cache.lock("python-lock")?;
        let (wanted, loosened) = (folder.join("requirements.in"), folder.join("overrides.in"));
        fs::write(&wanted, requirements.join("\n"))?;
        fs::write(&loosened, overrides.join("\n"))?;
        run(self
            .command()?
            .args(["pip", "compile", "--quiet", "--universal", "--generate-hashes"])
            .args(["--no-header", "--no-annotate", "--python-version", oldest])
            .arg("--override")
            .arg(&loosened)
            .arg(&wanted))
        .with_context(|| format!("cannot lock {}", requirements.join(" ")))
    }
}

/// Puts `uv` into `folder/bin`.
fn unpack(python: &Python, folder: &Path) -> Result<()> {
    let unpacked = python.unpack(REQUIREMENTS, folder)?;
    let data = format!("uv-{VERSION}.data/scripts/uv");
    let program = folder.join("bin/uv");
    fs::create_dir_all(folder.join("bin"))?;
    fs::rename(unpacked.join(&data), &program).with_context(|| format!("the wheel holds no {data}"))?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    fs::remove_dir_all(unpacked)?;
    Ok(())
}

/// The index that pip is set to, which uv does not look at. Nothing, if it is the usual one or uv is told its own.
fn index(python: &Python) -> Option<String> {
    if INDEXES.iter().any(|name| std::env::var_os(name).is_some()) {
        return None;
    }
    let set = std::env::var("PIP_INDEX_URL")
        .or_else(|_| run(python.module("pip").args(["config", "get", "global.index-url"])).map_err(drop));
    set.ok()
        .map(|index| index.trim().to_owned())
        .filter(|index| !index.is_empty())
}

/// `PATH`, and after it every Python that pyenv has: its shims only answer for those that somebody selected.
fn path() -> Result<OsString> {
    let mut folders: Vec<PathBuf> = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default();
    let pyenv = std::env::var_os("PYENV_ROOT")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".pyenv")));
    let versions = pyenv.and_then(|root| fs::read_dir(root.join("versions")).ok());
    let mut found: Vec<PathBuf> = versions
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .collect();
    found.sort();
    folders.extend(found);
    std::env::join_paths(folders).context("PATH names a folder with a colon in it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_requirements_file() {
        assert!(REQUIREMENTS.contains(&format!("uv=={VERSION} ")));
    }
}
