//! PEOPLE: which packages of KFP a Python environment holds, read from what installers leave there. Python is not started.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use kfp_compat::requirements::{Ask, Package, Requirement, Requirements};

use crate::failure::Failure;

/// A Python environment.
#[derive(Debug, PartialEq, Eq)]
pub struct Environment {
    /// How it was found, for example `$VIRTUAL_ENV`.
    pub found_by: &'static str,
    /// The folder that decided.
    pub folder: PathBuf,
    /// Packages of KFP in it.
    pub packages: Requirements,
}

/// The environment that `python` would use here: `variable` reads environment variables, `here` is the current folder.
pub fn find(variable: impl Fn(&str) -> Option<OsString>, here: &Path) -> Result<Environment, Failure> {
    let set = |name: &str| {
        variable(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let (found_by, prefix, folders) = if let Some(prefix) = set("VIRTUAL_ENV") {
        ("$VIRTUAL_ENV", prefix.clone(), below(&prefix))
    } else if let Some(prefix) = set("CONDA_PREFIX") {
        ("$CONDA_PREFIX", prefix.clone(), below(&prefix))
    } else if here.join(".venv/pyvenv.cfg").is_file() {
        let prefix = here.join(".venv");
        ("./.venv", prefix.clone(), below(&prefix))
    } else if let Some(python) = on_path(set("PATH")) {
        let folders = of_interpreter(&python, set("HOME").as_deref());
        ("python3 on the path", python, folders)
    } else {
        return Err(Failure::Usage(
            "no Python environment here: VIRTUAL_ENV and CONDA_PREFIX are not set, there is no ./.venv, and no python3 on \
             the path; activate one, or give a requirements or lock file"
                .to_owned(),
        ));
    };
    let mut packages = Requirements::default();
    for folder in &folders {
        packages.packages.extend(installed(folder));
    }
    // The first folder on Python's path wins.
    let mut seen = Vec::new();
    packages.packages.retain(|one| {
        let new = !seen.contains(&one.package);
        seen.push(one.package);
        new
    });
    if packages.packages.iter().all(|one| one.package != Package::Kfp) {
        let looked: Vec<String> = folders
            .iter()
            .map(|folder| folder.display().to_string())
            .collect();
        return Err(Failure::Usage(format!(
            "kfp is not installed in {} ({found_by}); looked in {}",
            prefix.display(),
            if looked.is_empty() {
                "no folder: it has no site-packages".to_owned()
            } else {
                looked.join(", ")
            }
        )));
    }
    Ok(Environment {
        found_by,
        folder: prefix,
        packages,
    })
}

/// Folders of packages below a prefix.
fn below(prefix: &Path) -> Vec<PathBuf> {
    let mut folders = vec![prefix.join("Lib/site-packages")];
    for library in ["lib", "lib64"] {
        for python in children(&prefix.join(library)) {
            if python
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("python3"))
            {
                folders.push(python.join("site-packages"));
            }
        }
    }
    existing(folders)
}

/// Those that are there, each once (`lib64` is often a link to `lib`).
fn existing(folders: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut real: Vec<PathBuf> = Vec::new();
    for folder in folders {
        if let Ok(path) = folder.canonicalize()
            && path.is_dir()
            && !real.contains(&path)
        {
            real.push(path);
        }
    }
    real
}

/// Entries of a folder, sorted; none of one that cannot be listed.
fn children(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    paths
}

fn on_path(path: Option<PathBuf>) -> Option<PathBuf> {
    let path = path?;
    std::env::split_paths(&path)
        .flat_map(|folder| ["python3", "python"].map(|name| folder.join(name)))
        .find(|file| file.is_file())
}

/// Folders of packages of an interpreter: of its virtual environment, or the user's, then its own, as `site` orders them.
fn of_interpreter(python: &Path, home: Option<&Path>) -> Vec<PathBuf> {
    if let Some(prefix) = python.parent().and_then(Path::parent)
        && prefix.join("pyvenv.cfg").is_file()
    {
        return below(prefix);
    }
    let real = python.canonicalize().unwrap_or_else(|_| python.to_owned());
    let Some(prefix) = real.parent().and_then(Path::parent) else {
        return Vec::new();
    };
    let name = real
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    // `python3.11` says which; of an interpreter that is called `python3` every version below its prefix is looked at.
    let is_its = |folder: &PathBuf| {
        let folder = folder
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        if name.contains('.') {
            folder == name
        } else {
            folder.starts_with("python3.")
        }
    };
    let mut folders = Vec::new();
    let libraries = [
        home.map(|home| home.join(".local/lib")),
        Some(prefix.join("local/lib")),
        Some(prefix.join("lib")),
    ];
    for library in libraries.into_iter().flatten() {
        for folder in children(&library).into_iter().filter(is_its) {
            folders.push(folder.join("site-packages"));
            folders.push(folder.join("dist-packages"));
        }
    }
    folders.push(prefix.join("lib/python3/dist-packages"));
    existing(folders)
}

/// Packages of KFP in one folder.
fn installed(folder: &Path) -> Vec<Requirement> {
    children(folder).iter().filter_map(|path| package(path)).collect()
}

fn package(path: &Path) -> Option<Requirement> {
    let name = path.file_name()?.to_str()?;
    let (stem, ending) = name.rsplit_once('.')?;
    let metadata = match ending {
        "dist-info" => path.join("METADATA"),
        "egg-info" => path.join("PKG-INFO"),
        _ => return None,
    };
    Package::of_name(stem.split('-').next()?)?;
    let text = fs::read_to_string(metadata).ok()?;
    let head = |key: &str| {
        let mut lines = text.lines().take_while(|line| !line.is_empty());
        lines.find_map(|line| Some(line.strip_prefix(key)?.trim()))
    };
    Some(Requirement {
        package: Package::of_name(head("Name:")?)?,
        ask: Ask::Exactly(pep440_rs::Version::from_str(head("Version:")?).ok()?),
        extras: Vec::new(),
        path: name.to_owned(),
        place: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(site: &Path, name: &str, version: &str) {
        let folder = site.join(format!("{}-{version}.dist-info", name.replace('-', "_")));
        fs::create_dir_all(&folder).unwrap();
        fs::write(
            folder.join("METADATA"),
            format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nVersion: 9.9\n"),
        )
        .unwrap();
    }

    fn told(environment: &Environment) -> Vec<String> {
        let shown = |one: &Requirement| match &one.ask {
            Ask::Exactly(version) => format!("{} {version}", one.package),
            _ => one.package.to_string(),
        };
        environment.packages.packages.iter().map(shown).collect()
    }

    #[test]
    fn a_virtual_environment_is_read_without_python() {
        let home = tempfile::tempdir().unwrap();
        let site = home.path().join("lib/python3.11/site-packages");
        install(&site, "kfp", "2.14.6");
        install(&site, "kfp-kubernetes", "2.14.6");
        install(&site, "numpy", "1.2.3");
        let prefix = home.path().as_os_str().to_owned();
        let found = find(
            |name| (name == "VIRTUAL_ENV").then(|| prefix.clone()),
            Path::new("/"),
        )
        .unwrap();
        assert_eq!(found.found_by, "$VIRTUAL_ENV");
        assert_eq!(told(&found), ["kfp 2.14.6", "kfp-kubernetes 2.14.6"]);
    }

    #[cfg(unix)]
    #[test]
    fn python3_on_the_path_is_followed_to_its_packages() {
        let home = tempfile::tempdir().unwrap();
        let bin = home.path().join("usr/bin");
        fs::create_dir_all(&bin).unwrap();
        fs::write(bin.join("python3.11"), "").unwrap();
        std::os::unix::fs::symlink("python3.11", bin.join("python3")).unwrap();
        install(
            &home.path().join("usr/lib/python3.9/site-packages"),
            "kfp",
            "1.8.22",
        );
        install(
            &home.path().join("usr/local/lib/python3.11/dist-packages"),
            "kfp",
            "2.15.2",
        );
        install(&home.path().join("usr/lib/python3/dist-packages"), "kfp", "2.0.1");
        let path = bin.as_os_str().to_owned();
        let found = find(
            |name| (name == "PATH").then(|| path.clone()),
            Path::new("/nowhere"),
        )
        .unwrap();
        assert_eq!(
            (found.found_by, told(&found)),
            ("python3 on the path", vec!["kfp 2.15.2".to_owned()])
        );
    }

    #[test]
    fn an_environment_without_kfp_says_where_was_looked() {
        let home = tempfile::tempdir().unwrap();
        let site = home.path().join(".venv/lib/python3.12/site-packages");
        install(&site, "kfp-server-api", "2.14.6");
        fs::write(home.path().join(".venv/pyvenv.cfg"), "").unwrap();
        let Err(Failure::Usage(message)) = find(|_| None, home.path()) else {
            panic!("it was found");
        };
        assert!(
            message.contains("./.venv") && message.contains("python3.12"),
            "{message}"
        );
        assert!(matches!(
            find(|_| None, Path::new("/nowhere")),
            Err(Failure::Usage(_))
        ));
    }
}
