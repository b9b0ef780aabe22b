//! PROOF: the folder of KFP programs that take the place of stand-ins: what the person who runs the tests brings along, and
//! one that is always there, so that this path is always walked.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use kfp_e2e::lab::programs::Programs;
use kfp_standin::Role;

/// Names the folder that somebody brings along, as `cargo xtask e2e --components DIR` does.
const COMPONENTS: &str = "KFP_E2E_COMPONENTS";
/// The release whose API server always comes from the folder.
const RELEASE: &str = "2.17.0";

/// The folder.
pub struct Brought {
    folder: PathBuf,
    own: bool,
}

impl Brought {
    /// Gathers it. Where nobody brings the API server of 2.17.0, our stand-in lies in its place, with the files of its image
    /// that tell it whom it stands for.
    pub fn gather() -> Result<Self> {
        // The same path each time: it is written into the image.
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e-components");
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
        }
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        if let Some(theirs) = std::env::var_os(COMPONENTS) {
            let theirs = PathBuf::from(theirs)
                .canonicalize()
                .with_context(|| format!("{COMPONENTS} names no folder"))?;
            for entry in fs::read_dir(&theirs).with_context(|| format!("cannot read {}", theirs.display()))? {
                let entry = entry?;
                symlink(entry.path(), folder.join(entry.file_name()))?;
            }
        }
        let program = folder.join(format!("{}-{RELEASE}", Role::ApiServer.name()));
        let own = !program.exists();
        if own {
            lay_stand_in(&program)?;
        }
        Ok(Self { folder, own })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether the API server of this release is our stand-in, brought along.
    pub fn is_own(&self, release: &str) -> bool {
        self.own && release == RELEASE
    }
}

fn lay_stand_in(program: &Path) -> Result<()> {
    symlink(Programs::build()?.stand_in, program)?;
    let tree = program.with_file_name(format!("{}-{RELEASE}.files", Role::ApiServer.name()));
    for (path, text) in &kfp_standin::images::image(Role::ApiServer, RELEASE)?.files {
        let file = tree.join(path.trim_start_matches('/'));
        let folder = file.parent().context("a file at the root")?;
        fs::create_dir_all(folder)?;
        fs::write(file, text)?;
    }
    Ok(())
}
