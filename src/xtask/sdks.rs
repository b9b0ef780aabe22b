//! TOOLS: the SDKs that pipelines of the corpus are compiled with: which there are, a Python environment of its own for
//! each, made from its committed lock, and compiling with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use kfp_e2e::cache::Cache;
use kfp_e2e::lab::root;
use kfp_e2e::process::run;
use kfp_e2e::tools::uv::Uv;
use serde::Deserialize;

/// The corpus, from the root of the repository.
pub const CORPUS: &str = "src/compat/corpus";

/// Oldest Python that locks are for.
const OLDEST_PYTHON: &str = "3.10";
/// Pythons that were seen to install the locks and to write the same as each other, with old SDKs too whose packages are
/// said to be for older ones.
const PYTHONS: &str = ">=3.10,<3.14";

/// An SDK, as `sdks.yaml` says.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Sdk {
    /// Version of the package `kfp`; the name of the SDK here.
    pub kfp: String,
    /// Version of the package `kfp-kubernetes` at the time, if there was one.
    kfp_kubernetes: Option<String>,
    /// Version of the package `kfp-pipeline-spec` at the time, where the SDK admits newer ones.
    pipeline_spec: Option<String>,
    /// Requirements that take the place of the SDK's own.
    #[serde(default)]
    overrides: Vec<String>,
    /// Whether a check compiles with it.
    #[serde(default)]
    pub checked: bool,
}

/// Every SDK, oldest first.
pub fn all() -> anyhow::Result<Vec<Sdk>> {
    read_list("sdks.yaml")
}

/// The newest SDK.
pub fn newest() -> anyhow::Result<Sdk> {
    all()?.pop().context("sdks.yaml names no SDK")
}

/// A list of the corpus.
pub fn read_list<T: serde::de::DeserializeOwned>(name: &str) -> anyhow::Result<Vec<T>> {
    let path = root().join(CORPUS).join(name);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {CORPUS}/{name}"))?;
    serde_saphyr::from_str(&text).with_context(|| format!("{CORPUS}/{name}"))
}

impl Sdk {
    /// Where its lock is committed.
    pub fn lock_path(&self) -> PathBuf {
        root()
            .join(CORPUS)
            .join("locks")
            .join(format!("{}.txt", self.kfp))
    }

    /// The Python of its environment. The first time downloads the packages of the lock.
    pub fn python(&self) -> anyhow::Result<PathBuf> {
        let read = |path: &Path| {
            fs::read_to_string(path).with_context(|| {
                format!(
                    "cannot read {}; `cargo xtask gen corpus --lock {}` makes a lock",
                    path.display(),
                    self.kfp
                )
            })
        };
        let (lock, build) = (
            read(&self.lock_path())?,
            read(&self.lock_path().with_file_name("build.txt"))?,
        );
        let name = format!("kfp-{}", self.kfp);
        Uv::ensure(&Cache::locate()?)?.environment(&name, PYTHONS, &lock, &build)
    }

    /// A lock with the newest packages that fit this SDK today.
    pub fn new_lock(&self) -> anyhow::Result<String> {
        let mut requirements = vec![format!("kfp=={}", self.kfp)];
        let others = [
            ("kfp-kubernetes", &self.kfp_kubernetes),
            ("kfp-pipeline-spec", &self.pipeline_spec),
        ];
        for (package, version) in others {
            requirements.extend(version.as_ref().map(|version| format!("{package}=={version}")));
        }
        Uv::ensure(&Cache::locate()?)?.lock(&requirements, &self.overrides, OLDEST_PYTHON)
    }

    /// Compiles sources of the corpus into `output/NAME.yaml`. `settings` go to sources that take some.
    pub fn compile(&self, names: &[&str], settings: &[(&str, &str)], output: &Path) -> anyhow::Result<()> {
        let mut command = Command::new(self.python()?);
        // Nothing of the caller's environment: SDKs read variables, and write orders that hang on hashes.
        command
            .current_dir(root().join(CORPUS))
            .env_clear()
            .env("HOME", output)
            .env("LANG", "C.UTF-8")
            .env("PATH", "/usr/bin:/bin")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONHASHSEED", "0")
            .args(["compile.py", "sources"])
            .arg(output)
            .args(names);
        for (key, value) in settings {
            command.arg(format!("--set={key}={value}"));
        }
        run(&mut command).with_context(|| format!("kfp {} cannot compile", self.kfp))?;
        Ok(())
    }
}
