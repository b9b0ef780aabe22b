//! PROOF: the images of KFP's own components, around the stand-in or around real programs that somebody has. Their shape
//! is data (`tools/components.yaml`), never code.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use semver::Version;
use serde::Deserialize;

use super::small::{alpine, authorities};
use super::{Draft, Layer, PATH, Start};
use crate::elf::{self, Roots};
use crate::tools::{Tool, Tools};

const SHAPES: &str = include_str!("../tools/components.yaml");

pub use kfp_standin::Role;

/// A real program for one role of one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// What it does.
    pub role: Role,
    /// The release it belongs to, as in `2.16.1`.
    pub release: String,
    /// The program.
    pub program: PathBuf,
    /// Files to lay over the image's root, if there are any.
    pub files: Option<PathBuf>,
}

/// Reads a folder of real programs: `ROLE-RELEASE` is a program, the folder `ROLE-RELEASE.files` beside it is laid over
/// the root of its image. Any other name is an error.
pub fn components(folder: &Path) -> Result<Vec<Component>> {
    let mut found = Vec::new();
    let mut trees = BTreeSet::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_folder = entry.path().is_dir();
        let stem = name.strip_suffix(".files").filter(|_| is_folder);
        let Some((role, release)) =
            parse_name(stem.unwrap_or(&name)).filter(|_| stem.is_some() || !is_folder)
        else {
            bail!(
                "{} does not belong there. A program is called ROLE-RELEASE, as in apiserver-2.16.1, a folder of files for its \
                 image ROLE-RELEASE.files; the roles are {}",
                entry.path().display(),
                Role::ALL.map(Role::name).join(", ")
            );
        };
        if stem.is_some() {
            trees.insert((role, release));
        } else {
            found.push(Component {
                role,
                release,
                program: entry.path(),
                files: None,
            });
        }
    }
    for component in &mut found {
        if trees.remove(&(component.role, component.release.clone())) {
            let name = format!("{}-{}.files", component.role.name(), component.release);
            component.files = Some(folder.join(name));
        }
    }
    if let Some((role, release)) = trees.first() {
        bail!(
            "{} holds {}-{release}.files but no program {}-{release}",
            folder.display(),
            role.name(),
            role.name()
        );
    }
    found.sort_by(|a, b| (a.role, &a.release).cmp(&(b.role, &b.release)));
    Ok(found)
}

fn parse_name(name: &str) -> Option<(Role, String)> {
    let (role, release) = name.split_once('-')?;
    let release = Version::parse(release).ok()?;
    Some((role.parse().ok()?, release.to_string()))
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum System {
    Alpine,
    Debian,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shape {
    role: Role,
    /// For readers.
    #[serde(rename = "dockerfile")]
    _dockerfile: String,
    system: System,
    program: String,
    #[serde(default)]
    interpreter: Vec<String>,
    #[serde(default)]
    workdir: String,
    #[serde(default)]
    user: String,
    #[serde(default)]
    env: Vec<String>,
    #[serde(default)]
    entrypoint: Vec<String>,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    changes: Vec<Change>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    since: Version,
    user: Option<String>,
    command: Option<Vec<String>>,
}

impl Shape {
    /// The image of a role as it is at a release.
    fn of(role: Role, release: &str) -> Result<Self> {
        let release = Version::parse(release).with_context(|| format!("{release:?} is no release"))?;
        let shapes: Vec<Self> =
            serde_saphyr::from_str(SHAPES).context("tools/components.yaml cannot be read")?;
        let shape = shapes.into_iter().find(|shape| shape.role == role);
        let mut shape =
            shape.with_context(|| format!("tools/components.yaml says nothing about {}", role.name()))?;
        for change in std::mem::take(&mut shape.changes) {
            if change.since <= release {
                shape.user = change.user.unwrap_or(shape.user);
                shape.command = change.command.unwrap_or(shape.command);
            }
        }
        Ok(shape)
    }

    /// How the image starts; a native program needs no interpreter.
    fn start(&self, native: bool) -> Start {
        let fill = |words: &[String]| -> Vec<String> {
            let mut filled = Vec::new();
            for word in words {
                if !native && word == "{program}" {
                    filled.extend(self.interpreter.iter().cloned());
                }
                filled.push(word.replace("{program}", &self.program));
            }
            filled
        };
        let mut env = vec![PATH.to_owned()];
        env.extend(self.env.iter().cloned());
        Start {
            env,
            entrypoint: fill(&self.entrypoint),
            cmd: fill(&self.command),
            user: self.user.clone(),
            working_dir: self.workdir.clone(),
            ..Start::default()
        }
    }

    /// The user database, for the shapes that name their user.
    fn add_user(&self, layer: &mut Layer) {
        if self.user.is_empty() {
            return;
        }
        // Alpine's `adduser -S` gives the first system user the number 100, unless one is asked for.
        let number = self.user.parse().unwrap_or(100);
        layer.text(
            "etc/passwd",
            &format!("root:x:0:0:root:/root:/bin/sh\nappuser:x:{number}:65533::/home/appuser:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n"),
        );
    }
}

/// The stand-in, in the image that it describes itself for the component whose place it takes.
pub fn stand_in(program: &Path, role: Role, release: &str, tools: &Tools) -> Result<Draft> {
    let image = kfp_standin::images::image(role, release)?;
    // The program is the same in every image, so it has a layer of its own that is stored and imported once.
    let mut shared = Layer::default();
    shared.file(&image.program, program, 0o755);
    let mut layer = Layer::default();
    for link in &image.links {
        layer.link(link, &image.program);
    }
    for (path, text) in &image.files {
        layer.text(path, text);
    }
    let variables = image
        .environment
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    let start = Start {
        env: std::iter::once(PATH.to_owned()).chain(variables).collect(),
        entrypoint: image.entrypoint.clone(),
        cmd: image.command.clone(),
        user: image.user.clone(),
        working_dir: image.working_directory.clone(),
        ..Start::default()
    };
    Ok(Draft {
        layers: vec![alpine(tools)?, shared, layer],
        start,
        actual: "stand-in of this tree".into(),
    })
}

/// A real component, over a small Debian that brings shell, certificate authorities and the usual libraries.
pub fn real(component: &Component, tools: &Tools) -> Result<Draft> {
    let shape = Shape::of(component.role, &component.release)?;
    let system = tools.root(Tool::Components)?;
    let mut base = Layer::default();
    base.tree("", &system)?;
    base.text("etc/ssl/certs/ca-certificates.crt", &authorities(&system)?)
        .folder("tmp", 0o1777, 0)
        .link("bin/sh", "dash");
    let mut layer = Layer::default();
    if shape.system == System::Alpine {
        shape.add_user(&mut layer);
    }
    let files = component.files.as_deref();
    let roots: Vec<&Path> = files
        .into_iter()
        .chain([system.as_path(), Path::new("/")])
        .collect();
    let folder = shape.program.rsplit_once('/').map_or("", |(folder, _)| folder);
    for (path, library) in Roots(&roots).closure(&component.program, folder)? {
        if !library.starts_with(&system) {
            layer.file(&path, &library, 0o755);
        }
    }
    if let Some(files) = files {
        layer.tree("", files)?;
    }
    layer.file(&shape.program, &component.program, 0o755);
    let start = shape.start(is_native(&component.program)?);
    let actual = format!("{}, brought along", component.program.display());
    Ok(Draft {
        layers: vec![base, layer],
        start,
        actual,
    })
}

/// Whether the kernel starts the file by itself: an ELF program, or a script that names its interpreter.
fn is_native(program: &Path) -> Result<bool> {
    let mut first = [0; 2];
    let read = fs::File::open(program)?.read(&mut first)?;
    Ok(&first[..read] == b"#!" || elf::needs(program)?.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn every_role_has_a_shape_at_every_release_of_the_milestone() {
        for role in Role::ALL {
            for release in ["2.5.0", "2.16.1", "2.17.0"] {
                let shape = Shape::of(role, release).unwrap();
                assert!(
                    shape.program.starts_with('/')
                        && !(shape.entrypoint.is_empty() && shape.command.is_empty()),
                    "{role:?}"
                );
            }
        }
    }

    #[rstest]
    #[case("2.5.0", "appuser")]
    #[case("2.15.0", "appuser")]
    #[case("2.16.1", "65532")]
    #[case("2.17.0", "65532")]
    fn the_drivers_user_changes_where_upstream_changed_it(#[case] release: &str, #[case] user: &str) {
        assert_eq!(Shape::of(Role::Driver, release).unwrap().user, user);
    }

    #[test]
    fn a_script_is_started_by_upstreams_interpreter_and_a_native_program_by_itself() {
        let shape = Shape::of(Role::Frontend, "2.16.1").unwrap();
        assert_eq!(
            shape.start(false).cmd,
            ["node", "/server/dist/server.js", "../client/", "3000"]
        );
        assert_eq!(
            shape.start(true).cmd,
            ["/server/dist/server.js", "../client/", "3000"]
        );
    }

    #[test]
    fn a_program_inside_a_shell_command_is_named_in_it() {
        let start = Shape::of(Role::ApiServer, "2.16.1").unwrap().start(true);
        assert_eq!(start.cmd[..2], ["/bin/sh", "-c"]);
        assert!(
            start.cmd[2].starts_with("/bin/apiserver --config=/config "),
            "{:?}",
            start.cmd
        );
    }

    #[test]
    fn programs_and_their_files_are_found_by_name() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("apiserver-2.16.1"), "x").unwrap();
        fs::create_dir(folder.path().join("apiserver-2.16.1.files")).unwrap();
        fs::write(folder.path().join("driver-2.17.0"), "x").unwrap();
        let found = components(folder.path()).unwrap();
        let short: Vec<_> = found
            .iter()
            .map(|found| (found.role.name(), found.release.as_str(), found.files.is_some()))
            .collect();
        assert_eq!(
            short,
            [("apiserver", "2.16.1", true), ("driver", "2.17.0", false)]
        );
    }

    #[rstest]
    #[case::unknown_role("api-server-2.16.1")]
    #[case::no_release("apiserver")]
    #[case::no_semantic_version("apiserver-2.16")]
    #[case::stray_file("README.md")]
    #[case::files_without_program("apiserver-2.16.1.files/")]
    #[case::folder_in_a_programs_place("apiserver-2.16.1/")]
    fn a_name_that_does_not_belong_is_an_error_naming_what_does(#[case] name: &str) {
        let folder = tempfile::tempdir().unwrap();
        match name.strip_suffix('/') {
            Some(name) => fs::create_dir(folder.path().join(name)).unwrap(),
            None => fs::write(folder.path().join(name), "x").unwrap(),
        }
        let error = components(folder.path()).unwrap_err().to_string();
        assert!(error.contains("apiserver"), "{error}");
    }
}
