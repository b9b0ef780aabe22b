//! PROOF: a release of `kfpctl` as the scripts below `integrations/` download it: an archive and a list of digests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::cache::hex;
use crate::process::run;

/// Version of the workspace, which every program of it has.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The list of digests, in the form that sha256sum(1) reads.
pub const DIGESTS: &str = "SHA256SUMS";

/// Name of the archive.
#[must_use]
pub fn archive() -> String {
    format!("kfpctl-{VERSION}-linux-x86_64.tar.gz")
}

/// Packs `program` into `folder` and returns both files. The same program gives the same bytes.
pub fn pack(program: &Path, folder: &Path) -> Result<[PathBuf; 2]> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let staged = tempfile::tempdir()?;
    fs::copy(program, staged.path().join("kfpctl"))
        .with_context(|| format!("cannot read {}", program.display()))?;
    let archive_path = folder.join(archive());
    run(Command::new("tar")
        .args(["--create", "--use-compress-program", "gzip --no-name"])
        .args([
            "--owner=0",
            "--group=0",
            "--numeric-owner",
            "--mode=0755",
            "--mtime=@0",
        ])
        .arg("--file")
        .arg(&archive_path)
        .arg("--directory")
        .arg(staged.path())
        .arg("kfpctl"))?;
    let digest = hex(&Sha256::digest(fs::read(&archive_path)?));
    let digests = folder.join(DIGESTS);
    fs::write(&digests, format!("{digest}  {}\n", archive()))
        .with_context(|| format!("cannot write {}", digests.display()))?;
    Ok([archive_path, digests])
}
