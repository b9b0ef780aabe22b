//! PROOF (CI systems): a user's project, and a place where the release of this tree can be downloaded. Runs nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use kfp_e2e::lab::{dist, programs, root};
use tempfile::TempDir;

/// Compiled by SDK 2.17.0, runs on every release that the tests name.
const FITS: &str = "src/compat/corpus/compiled/2.17.0/hello.yaml";
/// Compiled by SDK 2.17.0, refused at upload by 2.5.0, which knows no `cacheKey`'s successor fields.
const MISFITS: &str = "src/compat/corpus/compiled/2.17.0/literals.yaml";
/// The release that takes both.
pub const NEW: &str = "2.17.0";
/// The release that refuses one.
pub const OLD: &str = "2.5.0";

/// A folder that stands for a user's project, and for the home and scratch folders of whoever runs the check there.
pub struct Project {
    folder: TempDir,
}

impl Project {
    /// A project with one pipeline that fits [`OLD`] and [`NEW`], and one that fits only [`NEW`].
    pub fn new() -> Self {
        let project = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for folder in ["source/pipelines", "home", "scratch", "bin"] {
            fs::create_dir_all(project.path(folder)).unwrap();
        }
        for (from, to) in [(FITS, "fits.yaml"), (MISFITS, "misfits.yaml")] {
            let target = project.path("source/pipelines").join(to);
            fs::copy(root().join(from), target).unwrap();
        }
        fs::write(
            project.path("source/requirements.txt"),
            format!("kfp=={NEW}\nkfp-kubernetes=={NEW}\n"),
        )
        .unwrap();
        project
    }

    /// A path below the folder: `source`, `home`, `scratch` or `bin`, and further.
    pub fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// A command in the project's sources, with nothing of this process's environment but the folders of programs.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", self.path("bin").display());
        command
            .current_dir(self.path("source"))
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.path("home"))
            .env("KFPCTL_DOWNLOADS", downloads());
        command
    }

    /// What the image of `kfpctl` has on its path: the program, and the script.
    pub fn as_in_the_image(&self) -> &Self {
        for (from, name) in [
            (kfpctl().to_owned(), "kfpctl"),
            (root().join("integrations/kfp-check.sh"), "kfp-check"),
        ] {
            std::os::unix::fs::symlink(from, self.path("bin").join(name)).unwrap();
        }
        self
    }
}

/// The program of this tree, built once.
pub fn kfpctl() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let [program] = programs::build(["kfpctl"]).unwrap();
        program
    })
}

/// Address below which the release of this tree lies, packed once.
pub fn downloads() -> String {
    static RELEASE: OnceLock<TempDir> = OnceLock::new();
    let folder = RELEASE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let version = folder.path().join(format!("v{}", dist::VERSION));
        dist::pack(kfpctl(), &version).unwrap();
        folder
    });
    format!("file://{}", folder.path().display())
}

/// Everything that a command wrote, for messages of tests.
pub fn words(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
