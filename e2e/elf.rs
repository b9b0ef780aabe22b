//! PROOF: which shared libraries a program needs, read out of the files themselves. Runs nothing, so it can look into
//! the unpacked packages of another Debian release.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};
use goblin::elf::Elf;

use crate::tools::debian::MULTIARCH;

/// What an ELF file asks its loader for.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Needs {
    /// The loader's own path; none for a static program.
    pub interpreter: Option<String>,
    /// File names of libraries.
    pub libraries: Vec<String>,
    /// Folders that the file itself names, `$ORIGIN` not yet replaced.
    pub run_paths: Vec<String>,
}

/// Reads a file; `None` if it is not an ELF file.
pub fn needs(path: &Path) -> Result<Option<Needs>> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    if !bytes.starts_with(b"\x7fELF") {
        return Ok(None);
    }
    let elf = Elf::parse(&bytes).with_context(|| format!("{} is no sound ELF file", path.display()))?;
    let split = |paths: &[&str]| {
        paths
            .iter()
            .flat_map(|path| path.split(':'))
            .map(str::to_owned)
            .collect()
    };
    let run_paths = if elf.runpaths.is_empty() {
        split(&elf.rpaths)
    } else {
        split(&elf.runpaths)
    };
    Ok(Some(Needs {
        interpreter: elf.interpreter.map(str::to_owned),
        libraries: elf.libraries.iter().map(|&library| library.to_owned()).collect(),
        run_paths,
    }))
}

/// Root folders in which programs and libraries are looked up, first match wins.
pub struct Roots<'a>(pub &'a [&'a Path]);

impl Roots<'_> {
    /// The real file behind a path of the image: links are followed inside the roots, never out of them.
    pub fn find(&self, path: &str) -> Option<PathBuf> {
        self.0.iter().find_map(|root| resolve(root, Path::new(path), 0))
    }

    /// The libraries (and loader) that a program needs, directly or not: path in the image → file.
    ///
    /// Fails with the names of all libraries that no root has.
    pub fn closure(&self, program: &Path, origin: &str) -> Result<BTreeMap<String, PathBuf>> {
        let mut found = BTreeMap::new();
        let mut missing = BTreeSet::new();
        let mut todo = vec![(program.to_owned(), origin.to_owned())];
        while let Some((file, origin)) = todo.pop() {
            let Some(needs) = needs(&file)? else { continue };
            let paths = needs
                .interpreter
                .iter()
                .cloned()
                .chain(needs.libraries.iter().filter_map(|library| {
                    let candidate = candidates(&needs, &origin, library)
                        .into_iter()
                        .find(|path| self.find(path).is_some());
                    if candidate.is_none() {
                        missing.insert(library.clone());
                    }
                    candidate
                }));
            for path in paths.collect::<Vec<_>>() {
                let Some(file) = self.find(&path) else {
                    missing.insert(path);
                    continue;
                };
                let folder = path.rsplit_once('/').map_or("/", |(folder, _)| folder).to_owned();
                if found.insert(path, file.clone()).is_none() {
                    todo.push((file, folder));
                }
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        let names: Vec<String> = missing.into_iter().collect();
        bail!(
            "{} needs libraries that are nowhere to be found: {}",
            program.display(),
            names.join(", ")
        )
    }
}

/// Where a library may lie, in the order of the loader.
fn candidates(needs: &Needs, origin: &str, library: &str) -> Vec<String> {
    let own = needs
        .run_paths
        .iter()
        .map(|path| path.replace("$ORIGIN", origin).replace("${ORIGIN}", origin));
    let usual = [
        format!("/usr/lib/{MULTIARCH}"),
        format!("/lib/{MULTIARCH}"),
        "/usr/lib".to_owned(),
        "/lib64".to_owned(),
    ];
    own.chain(usual)
        .map(|folder| format!("{}/{library}", folder.trim_end_matches('/')))
        .collect()
}

/// Follows links as a process would see them whose root folder is `root`.
fn resolve(root: &Path, path: &Path, depth: usize) -> Option<PathBuf> {
    if depth > 16 {
        return None;
    }
    let mut real = PathBuf::from("/");
    let mut parts = path.components();
    while let Some(part) = parts.next() {
        match part {
            Component::Normal(name) => real.push(name),
            Component::ParentDir => {
                real.pop();
                continue;
            }
            _ => continue,
        }
        let on_disk = root.join(real.strip_prefix("/").ok()?);
        let metadata = fs::symlink_metadata(&on_disk).ok()?;
        if metadata.is_symlink() {
            let target = fs::read_link(&on_disk).ok()?;
            let parent = real.parent().unwrap_or(Path::new("/"));
            return resolve(root, &parent.join(target).join(parts.as_path()), depth + 1);
        }
    }
    Some(root.join(real.strip_prefix("/").ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_followed_inside_the_root_even_if_they_are_absolute() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("usr/bin")).unwrap();
        fs::write(root.path().join("usr/bin/ip"), "x").unwrap();
        symlink("usr/bin", root.path().join("bin")).unwrap();
        symlink("/bin/ip", root.path().join("usr/bin/link")).unwrap();
        symlink("/etc/passwd", root.path().join("usr/bin/out")).unwrap();
        let roots = [root.path()];
        let roots = Roots(&roots);
        assert_eq!(roots.find("/usr/bin/link"), Some(root.path().join("usr/bin/ip")));
        assert_eq!(roots.find("/bin/out"), None);
    }

    #[test]
    fn a_link_that_points_at_itself_is_not_found() {
        let root = tempfile::tempdir().unwrap();
        symlink("loop", root.path().join("loop")).unwrap();
        assert_eq!(Roots(&[root.path()]).find("/loop"), None);
    }

    #[test]
    fn the_closure_of_a_program_of_this_host_holds_its_loader_and_its_c_library() {
        let program = Roots(&[Path::new("/")]).find("/bin/sh").unwrap();
        let closure = Roots(&[Path::new("/")]).closure(&program, "/bin").unwrap();
        assert!(
            closure.keys().any(|path| path.ends_with("/libc.so.6")),
            "{closure:?}"
        );
        assert!(
            closure.keys().any(|path| path.contains("ld-linux")),
            "{closure:?}"
        );
    }

    #[test]
    fn missing_libraries_are_named() {
        let empty = tempfile::tempdir().unwrap();
        let error = Roots(&[empty.path()])
            .closure(Path::new("/bin/sh"), "/bin")
            .unwrap_err()
            .to_string();
        assert!(error.contains("libc.so.6"), "{error}");
    }

    #[test]
    fn a_text_file_needs_nothing() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "#!/bin/sh\n").unwrap();
        assert_eq!(needs(file.path()).unwrap(), None);
    }
}
