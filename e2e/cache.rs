//! PROOF: the folder outside the tree that keeps what is slow to make, each thing under the digest of its recipe.
//! Nothing in it is ever changed once it is complete.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

/// Names the cache's folder; without it, `kfp-operator` under `$XDG_CACHE_HOME` or `~/.cache` is taken.
pub const CACHE_VARIABLE: &str = "KFP_E2E_CACHE";

/// Lies in a finished entry.
const COMPLETE: &str = ".complete";

/// A cache folder. Programs that use the same one at once wait for each other, entry by entry.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// The cache that the environment names; makes the folder.
    pub fn locate() -> Result<Self> {
        let root = locate(
            std::env::var_os(CACHE_VARIABLE),
            std::env::var_os("XDG_CACHE_HOME"),
            std::env::var_os("HOME"),
        )?;
        Self::at(root)
    }

    /// The cache in the given absolute folder; makes it.
    pub fn at(root: impl Into<PathBuf>) -> Result<Self> {
        let root = root.into();
        if !root.is_absolute() {
            bail!("the cache folder {} must be an absolute path", root.display());
        }
        fs::create_dir_all(&root)
            .with_context(|| format!("cannot make the cache folder {}", root.display()))?;
        let root = root
            .canonicalize()
            .with_context(|| format!("cannot resolve {}", root.display()))?;
        Ok(Self { root })
    }

    /// The cache's own folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The finished folder of an entry, if it is there; it then counts as used now.
    #[must_use]
    pub fn find(&self, kind: &str, key: &str) -> Option<PathBuf> {
        let path = self.root.join(kind).join(key);
        let complete = File::options().write(true).open(path.join(COMPLETE)).ok()?;
        // Of a cache that may only be read, nothing is ever pruned, so the time of use does not matter.
        let _ = complete.set_modified(SystemTime::now());
        Some(path)
    }

    /// Removes the entries of a kind that nobody asked for in so long a time; says how many.
    pub fn prune(&self, kind: &str, unused: Duration) -> Result<usize> {
        let folder = self.root.join(kind);
        let Ok(entries) = fs::read_dir(&folder) else {
            return Ok(0);
        };
        let mut removed = 0;
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot read {}", folder.display()))?;
            let key = entry.file_name().to_string_lossy().into_owned();
            let used = fs::metadata(entry.path().join(COMPLETE)).and_then(|file| file.modified());
            let idle = used.ok().and_then(|used| used.elapsed().ok());
            if idle.is_some_and(|idle| idle >= unused)
                && let Some(_lock) = self.try_lock(&format!("{kind}-{key}"))?
            {
                remove(&entry.path())?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// The folder of an entry, made by `make` in an empty folder if it is not there yet.
    ///
    /// Callers in other threads and programs wait; a `make` that fails leaves nothing behind.
    pub fn ensure(&self, kind: &str, key: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        if let Some(path) = self.find(kind, key) {
            return Ok(path);
        }
        let _lock = self.lock(&format!("{kind}-{key}"))?;
        if let Some(path) = self.find(kind, key) {
            return Ok(path);
        }
        let folder = self.root.join(kind);
        let path = folder.join(key);
        let unfinished = folder.join(format!(".{key}.unfinished"));
        for leftover in [&path, &unfinished] {
            remove(leftover)?;
        }
        fs::create_dir_all(&unfinished).with_context(|| format!("cannot make {}", unfinished.display()))?;
        if let Err(error) = make(&unfinished) {
            remove(&unfinished)?;
            return Err(error);
        }
        fs::write(unfinished.join(COMPLETE), "")?;
        fs::rename(&unfinished, &path)
            .with_context(|| format!("cannot move {} into place", path.display()))?;
        Ok(path)
    }

    /// Waits for a lock of the given name and holds it until the returned file is dropped.
    pub fn lock(&self, name: &str) -> Result<File> {
        let file = self.lock_file(name)?;
        file.lock().with_context(|| format!("cannot lock {name}"))?;
        Ok(file)
    }

    /// The lock of the given name, or nothing if somebody holds it.
    pub fn try_lock(&self, name: &str) -> Result<Option<File>> {
        let file = self.lock_file(name)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {name}")),
        }
    }

    fn lock_file(&self, name: &str) -> Result<File> {
        let folder = self.root.join("locks");
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let path = folder.join(name);
        File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))
    }
}

/// Removes a folder with everything in it; it is fine if there is none.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot remove {}", path.display())),
    }
}

fn locate(own: Option<OsString>, xdg: Option<OsString>, home: Option<OsString>) -> Result<PathBuf> {
    let set = |value: Option<OsString>| value.filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(own) = set(own) {
        return Ok(own);
    }
    // An XDG path that is not absolute is to be ignored, says the XDG base directory specification.
    if let Some(xdg) = set(xdg).filter(|xdg| xdg.is_absolute()) {
        return Ok(xdg.join("kfp-operator"));
    }
    match set(home) {
        Some(home) => Ok(home.join(".cache/kfp-operator")),
        None => bail!("no cache folder can be found: set {CACHE_VARIABLE}, XDG_CACHE_HOME or HOME"),
    }
}

/// The first 16 hexadecimal digits of the SHA-256 of the parts, each preceded by its length.
#[must_use]
pub fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())[..16].to_owned()
}

/// Lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(Some("/own"), Some("/xdg"), Some("/home"), "/own")]
    #[case(Some(""), Some("/xdg"), Some("/home"), "/xdg/kfp-operator")]
    #[case(None, Some("relative"), Some("/home"), "/home/.cache/kfp-operator")]
    #[case(None, None, Some("/home"), "/home/.cache/kfp-operator")]
    fn the_cache_is_where_the_environment_says(
        #[case] own: Option<&str>,
        #[case] xdg: Option<&str>,
        #[case] home: Option<&str>,
        #[case] expected: &str,
    ) {
        let found = locate(own.map(Into::into), xdg.map(Into::into), home.map(Into::into)).unwrap();
        assert_eq!(found, PathBuf::from(expected));
    }

    #[test]
    fn without_any_variable_the_error_names_the_ones_to_set() {
        assert!(
            locate(None, None, None)
                .unwrap_err()
                .to_string()
                .contains(CACHE_VARIABLE)
        );
    }

    #[test]
    fn an_entry_is_made_once_and_a_failed_one_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path()).unwrap();
        assert!(cache.ensure("tools", "a", |_| bail!("no")).is_err());
        assert!(cache.find("tools", "a").is_none());
        let made = cache
            .ensure("tools", "a", |path| Ok(fs::write(path.join("x"), "1")?))
            .unwrap();
        let again = cache.ensure("tools", "a", |_| bail!("made twice")).unwrap();
        assert_eq!(
            (made.clone(), fs::read_to_string(made.join("x")).unwrap()),
            (again, "1".to_owned())
        );
    }

    #[test]
    fn only_what_nobody_asked_for_in_a_long_time_is_pruned() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path()).unwrap();
        for key in ["used", "unused"] {
            let path = cache.ensure("kind", key, |_| Ok(())).unwrap();
            let long_ago = SystemTime::now() - Duration::from_hours(2);
            let complete = File::options().write(true).open(path.join(COMPLETE)).unwrap();
            complete.set_modified(long_ago).unwrap();
        }
        assert!(cache.find("kind", "used").is_some());
        assert_eq!(cache.prune("kind", Duration::from_hours(1)).unwrap(), 1);
        assert!(cache.find("kind", "used").is_some());
        assert!(cache.find("kind", "unused").is_none());
        assert_eq!(cache.prune("other kind", Duration::ZERO).unwrap(), 0);
    }

    #[test]
    fn parts_that_only_join_to_the_same_text_have_different_digests() {
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
    }
}
