//! PEOPLE: which files a check looks at: files, folders, patterns and standard input become one list. Reads no file.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use kfp_compat::requirements::Format;
use walkdir::{DirEntry, WalkDir};

use super::report::UnreadableFile;

/// Folders that hold other people's files.
const FOREIGN: [&str; 4] = ["__pycache__", "node_modules", "site-packages", "venv"];

/// One thing to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// How it is called in the report.
    pub name: String,
    /// Where it is.
    pub source: Source,
    /// A person named it, so it must be something that can be judged.
    pub named: bool,
    /// How it asks for packages; unset for what may be a pipeline.
    pub format: Option<Format>,
}

/// Lock files that stand beside the file of their project.
const LOCKS: [&str; 5] = [
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "pylock.toml",
    "Pipfile.lock",
];

impl Input {
    fn file(path: &Path, named: bool) -> Self {
        let name = path.to_string_lossy().into_owned();
        Self {
            format: Format::of_path(&name),
            name,
            source: Source::File(path.to_owned()),
            named,
        }
    }

    /// A file that this one names with `-r` or `-c`; nothing for an address.
    #[must_use]
    pub fn included(&self, name: &str) -> Option<Self> {
        let Source::File(path) = &self.source else {
            return None;
        };
        if name.contains("://") {
            return None;
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        Some(Self {
            format: Some(Format::Requirements),
            ..Self::file(&tidy(&folder.join(name)), false)
        })
    }

    /// The lock file beside a project's file.
    #[must_use]
    pub fn lock_beside(&self) -> Option<String> {
        let Source::File(path) = &self.source else {
            return None;
        };
        let locks: &[&str] = match self.format? {
            Format::Pyproject => &LOCKS[..4],
            Format::Pipfile => &LOCKS[4..],
            _ => return None,
        };
        let there = |lock: &&&str| path.with_file_name(lock).is_file();
        locks.iter().find(there).map(|lock| (*lock).to_owned())
    }
}

/// Without `.` and, where a folder stands before it, without `..`: two names of one file are one name.
fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if tidy.file_name().is_some() => {
                tidy.pop();
            }
            part => tidy.push(part),
        }
    }
    tidy
}

/// Where a text comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
}

/// What was found.
#[derive(Debug, Default)]
pub struct Gathered {
    /// What to look at, in the order of the command line and then by path; each file once.
    pub inputs: Vec<Input>,
    /// Files of folders whose names say that they are something else.
    pub passed_over: usize,
    /// What is not there or cannot be listed.
    pub unreadable: Vec<UnreadableFile>,
}

/// Looks at each path of the command line.
#[must_use]
pub fn gather(paths: &[PathBuf]) -> Gathered {
    let mut gathered = Gathered::default();
    let mut seen = BTreeSet::new();
    for path in paths {
        if path == Path::new("-") {
            if seen.insert(path.clone()) {
                gathered.inputs.push(Input {
                    name: "<stdin>".to_owned(),
                    source: Source::Stdin,
                    named: true,
                    format: None,
                });
            }
        } else if path.is_dir() {
            walk(path, |_| true, &mut gathered, &mut seen);
        } else if let (false, Some((base, glob))) = (path.exists(), pattern(path)) {
            let before = gathered.inputs.len();
            walk(&base, |found| glob.is_match(found), &mut gathered, &mut seen);
            if gathered.inputs.len() == before {
                gathered
                    .unreadable
                    .push(missing(path, "no file matches the pattern"));
            }
        } else if path.exists() {
            add(path, true, &mut gathered, &mut seen);
        } else {
            gathered
                .unreadable
                .push(missing(path, "there is no such file or folder"));
        }
    }
    gathered
}

fn missing(path: &Path, message: &str) -> UnreadableFile {
    UnreadableFile {
        path: path.to_string_lossy().into_owned(),
        place: None,
        message: message.to_owned(),
        help: "check the path; it is relative to the current folder".to_owned(),
        excerpt: None,
    }
}

/// A pattern and the folder that everything matching it lies in; nothing for a path without `*`, `?`, `[` or `{`.
fn pattern(path: &Path) -> Option<(PathBuf, GlobMatcher)> {
    let text = path.to_str()?;
    if !text.contains(['*', '?', '[', '{']) {
        return None;
    }
    let text = text.trim_start_matches("./");
    let glob = GlobBuilder::new(text).literal_separator(true).build().ok()?;
    let base: PathBuf = Path::new(text)
        .components()
        .take_while(|part| match part {
            Component::Normal(name) => !name.to_string_lossy().contains(['*', '?', '[', '{']),
            _ => true,
        })
        .collect();
    let base = if base.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        base
    };
    Some((base, glob.compile_matcher()))
}

fn walk(
    folder: &Path,
    wanted: impl Fn(&Path) -> bool,
    gathered: &mut Gathered,
    seen: &mut BTreeSet<PathBuf>,
) {
    let entries = WalkDir::new(folder)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || !is_foreign(entry));
    for entry in entries {
        match entry {
            Ok(entry) if entry.file_type().is_file() => {
                let path = relative(entry.path());
                if !wanted(path) {
                    continue;
                }
                if is_candidate(path) {
                    add(path, false, gathered, seen);
                } else {
                    gathered.passed_over += 1;
                }
            }
            Ok(_) => {}
            // A link in a circle, or one to nothing, is no pipeline.
            Err(error) if error.loop_ancestor().is_some() || error.path().is_some_and(Path::is_symlink) => {
                gathered.passed_over += 1;
            }
            Err(error) => gathered.unreadable.push(UnreadableFile {
                path: error.path().unwrap_or(folder).to_string_lossy().into_owned(),
                place: None,
                message: error
                    .io_error()
                    .map_or_else(|| error.to_string(), ToString::to_string),
                help: "make it readable, or name the files to check".to_owned(),
                excerpt: None,
            }),
        }
    }
}

fn add(path: &Path, named: bool, gathered: &mut Gathered, seen: &mut BTreeSet<PathBuf>) {
    let path = relative(path);
    if seen.insert(path.to_owned()) {
        gathered.inputs.push(Input::file(path, named));
    }
}

/// Without `./` in front.
fn relative(path: &Path) -> &Path {
    path.strip_prefix(".").unwrap_or(path)
}

/// Hidden, or a folder of other people's files.
fn is_foreign(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    let hidden = name.starts_with('.');
    let folder = entry.file_type().is_dir();
    hidden || folder && (FOREIGN.contains(&&*name) || entry.path().join("pyvenv.cfg").is_file())
}

fn is_candidate(path: &Path) -> bool {
    let ending = path
        .extension()
        .and_then(|ending| ending.to_str())
        .unwrap_or_default();
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    ["yaml", "yml", "json"]
        .iter()
        .any(|known| ending.eq_ignore_ascii_case(known))
        || Format::of_path(name).is_some()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for path in [
            "b.yaml",
            "a.yml",
            "deep/er/c.json",
            "deep/readme.md",
            "requirements-dev.txt",
            ".hidden/d.yaml",
            ".e.yaml",
            "node_modules/f.json",
            "env/pyvenv.cfg",
            "env/g.yaml",
            "uv.lock",
        ] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    fn names(gathered: &Gathered, folder: &Path) -> Vec<String> {
        let prefix = format!("{}/", folder.display());
        gathered
            .inputs
            .iter()
            .map(|input| input.name.trim_start_matches(&prefix).to_owned())
            .collect()
    }

    #[test]
    fn a_folder_gives_what_can_be_judged_and_counts_the_rest() {
        let folder = folder();
        let gathered = gather(&[folder.path().to_owned()]);
        let wanted = [
            "a.yml",
            "b.yaml",
            "deep/er/c.json",
            "requirements-dev.txt",
            "uv.lock",
        ];
        assert_eq!(names(&gathered, folder.path()), wanted);
        assert_eq!(gathered.passed_over, 1);
        assert!(gathered.unreadable.is_empty());
    }

    #[test]
    fn a_pattern_crosses_folders_only_with_two_stars() {
        let folder = folder();
        let one = gather(&[folder.path().join("*.{yml,json}")]);
        assert_eq!(names(&one, folder.path()), ["a.yml"]);
        let two = gather(&[folder.path().join("**/*.json")]);
        assert_eq!(names(&two, folder.path()), ["deep/er/c.json"]);
    }

    #[test]
    fn what_is_named_twice_is_looked_at_once() {
        let folder = folder();
        let file = folder.path().join("b.yaml");
        let gathered = gather(&[file.clone(), folder.path().to_owned(), "-".into(), "-".into()]);
        let again = gathered
            .inputs
            .iter()
            .filter(|input| input.source == Source::File(file.clone()));
        assert_eq!(again.count(), 1);
        assert_eq!(
            gathered
                .inputs
                .iter()
                .filter(|input| input.source == Source::Stdin)
                .count(),
            1
        );
        assert!(gathered.inputs[0].named);
    }

    #[test]
    fn what_is_not_there_is_said_and_the_rest_is_looked_at() {
        let folder = folder();
        let gathered = gather(&[
            folder.path().join("gone.yaml"),
            folder.path().join("*.toml"),
            folder.path().join("b.yaml"),
        ]);
        assert_eq!(gathered.unreadable.len(), 2);
        assert_eq!(gathered.inputs.len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn links_in_a_circle_and_links_to_nothing_are_passed_over() {
        let folder = folder();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("deep/round")).unwrap();
        std::os::unix::fs::symlink("/nowhere/x", folder.path().join("deep/gone.yaml")).unwrap();
        let gathered = gather(&[folder.path().to_owned()]);
        assert!(gathered.unreadable.is_empty(), "{:?}", gathered.unreadable);
        assert_eq!(gathered.passed_over, 3);
    }
}
