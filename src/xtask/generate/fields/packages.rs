//! TOOLS: `cargo xtask gen fields`: what the published Python packages know. pip downloads them and holds each against the
//! committed digest; their descriptors are read out of the text, and no line of them is run here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use kfp_e2e::cache::{Cache, digest, hex};
use kfp_e2e::lab::root;
use kfp_e2e::process::run as command;
use kfp_e2e::tools::python::Python;
use kfp_releases::Version;

use super::descriptor::{Entry, entries};
use super::{literal, table};

/// Which packages.
#[derive(clap::Args)]
pub struct Arguments {
    /// Look for versions that are newer than the newest listed one and list them too.
    #[arg(long)]
    update: bool,
}

/// A package that carries a descriptor.
struct Package {
    /// Name.
    name: &'static str,
    /// Last part of the module's path.
    module: &'static str,
}

const PACKAGES: [Package; 2] = [
    Package {
        name: "kfp-pipeline-spec",
        module: "pipeline_spec_pb2.py",
    },
    Package {
        name: "kfp-kubernetes",
        module: "kubernetes_executor_config_pb2.py",
    },
];

const SOURCES: &str = "packages/sources.yaml";

const SOURCES_HEAD: &str = "\
# The published packages whose descriptors the tables beside this file are made of: the wheel of each version, or the
# sdist where there is no wheel, by its SHA-256. `cargo xtask gen fields --update` adds newer versions.
";

/// Package → version → digest.
type Sources = BTreeMap<String, BTreeMap<Version, String>>;

/// Downloads every listed version and writes the tables.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let cache = Cache::locate()?;
    let python = Python::find(&cache)?;
    let path = root().join("src/compat/data").join(SOURCES);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut sources: Sources =
        serde_saphyr::from_str(&text).with_context(|| format!("cannot read {SOURCES}"))?;
    for package in PACKAGES {
        let listed = sources
            .get_mut(package.name)
            .with_context(|| format!("{SOURCES} does not name {}", package.name))?;
        if arguments.update {
            add_newer(&cache, &python, package.name, listed)?;
        }
        let mut found: BTreeMap<Version, BTreeSet<Entry>> = BTreeMap::new();
        for (version, sha256) in &*listed {
            let named = format!("{} {version}", package.name);
            let requirement = format!("{}=={version} --hash=sha256:{sha256}\n", package.name);
            let archive = download(&cache, &python, &requirement)
                .with_context(|| format!("cannot download {named} as {SOURCES} pins it"))?;
            let descriptor = module(&python, &archive, package.module)
                .and_then(|text| literal::of_python(&text))
                .and_then(|bytes| entries(&bytes));
            found.insert(*version, descriptor.with_context(|| named)?);
        }
        let head = format!(
            "# Made by `cargo xtask gen fields` from the descriptors in the published versions of {}.\n\
             # Without `since` and `until` a line holds for all versions, or for as long as what stands above it.\n",
            package.name
        );
        super::write(
            &format!("packages/{}.yaml", package.name),
            &table::page(&head, &found)?,
        )?;
    }
    super::write(SOURCES, &page(&sources))
}

/// The list of sources as it is committed.
fn page(sources: &Sources) -> String {
    let mut text = SOURCES_HEAD.to_owned();
    for (package, versions) in sources {
        let _ = writeln!(text, "{package}:");
        for (version, sha256) in versions {
            let _ = writeln!(text, "  {version}: {sha256}");
        }
    }
    text
}

/// Lists the versions that are newer than all listed ones, with the digest of what pip downloads now.
fn add_newer(
    cache: &Cache,
    python: &Python,
    package: &str,
    listed: &mut BTreeMap<Version, String>,
) -> anyhow::Result<()> {
    let newest = listed.keys().next_back().copied();
    let text = command(python.module("pip").args(["index", "versions", package]))
        .with_context(|| format!("cannot ask for the versions of {package}"))?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Available versions:"));
    let line = line.with_context(|| format!("pip does not say which versions {package} has"))?;
    for word in line.split(',') {
        // Pre-releases and four-part numbers are nobody's pin.
        let Ok(version) = word.trim().parse::<Version>() else {
            continue;
        };
        if Some(version) <= newest {
            continue;
        }
        let archive = download(cache, python, &format!("{package}=={version}\n"))?;
        let bytes = fs::read(&archive).with_context(|| format!("cannot read {}", archive.display()))?;
        listed.insert(version, sha256(&bytes));
        println!("{package} {version} is new");
    }
    Ok(())
}

/// SHA-256, hexadecimal.
fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    hex(&sha2::Sha256::digest(bytes))
}

/// The wheel or sdist of one requirement line, which carries the digest that pip checks.
fn download(cache: &Cache, python: &Python, requirement: &str) -> anyhow::Result<PathBuf> {
    let folder = cache.ensure("package", &digest(&[requirement.as_bytes()]), |folder| {
        let list = folder.join("requirements.txt");
        fs::write(&list, requirement)?;
        command(
            python
                .module("pip")
                .args([
                    "--disable-pip-version-check",
                    "download",
                    "--quiet",
                    "--no-deps",
                    "--requirement",
                ])
                .arg(&list)
                .arg("--dest")
                .arg(folder.join("archive")),
        )?;
        Ok(())
    })?;
    let archive = fs::read_dir(folder.join("archive"))?.next();
    Ok(archive.context("pip downloaded nothing")??.path())
}

/// The text of the one module of an archive whose path ends in `name`.
fn module(python: &Python, archive: &Path, name: &str) -> anyhow::Result<String> {
    let content = tempfile::tempdir()?;
    let is_wheel = archive.extension().is_some_and(|extension| extension == "whl");
    let unpacker = if is_wheel { "zipfile" } else { "tarfile" };
    command(python.module(unpacker).arg("-e").arg(archive).arg(content.path()))?;
    let mut found = Vec::new();
    let mut folders = vec![content.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if entry.file_name().to_string_lossy().ends_with(name) {
                found.push(entry.path());
            }
        }
    }
    match found.as_slice() {
        [path] => Ok(fs::read_to_string(path)?),
        _ => bail!("{} holds {} files {name}", archive.display(), found.len()),
    }
}
