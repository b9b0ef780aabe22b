//! PROOF: what is remembered of a cluster, so that any later program can use it or take it away. Written before each thing
//! is made, so that a crash leaves nothing unknown.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::subnets::{CLUSTERS, Subnets};
use crate::cache::Cache;
use crate::process::ProcessId;

/// The record in a cluster's folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    /// Which addresses it has.
    pub index: u8,
    /// Process 1 of the namespaces: everything in them ends with it.
    pub first: Option<ProcessId>,
    /// Set when the cluster has been ready once.
    pub ready: bool,
    /// Digest of the tools and of this program's recipe that it was made with.
    pub made_of: String,
    /// Imported images: name → id.
    pub images: BTreeMap<String, String>,
}

impl State {
    /// The addresses.
    pub fn subnets(&self) -> Subnets {
        Subnets::new(self.index)
    }

    /// The record in a folder, if there is one.
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join("state.json");
        match fs::read(&path) {
            Ok(text) => Ok(Some(
                serde_json::from_slice(&text).with_context(|| format!("cannot read {}", path.display()))?,
            )),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Replaces the record at once, never half.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let (new, path) = (folder.join("state.json.new"), folder.join("state.json"));
        fs::write(&new, serde_json::to_vec_pretty(self)?)
            .with_context(|| format!("cannot write {}", new.display()))?;
        Ok(fs::rename(new, path)?)
    }
}

/// The folder of a cluster, which need not be there.
pub fn folder(cache: &Cache, name: &str) -> Result<PathBuf> {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > 30 || !name.bytes().all(good) {
        bail!("{name:?} is no name for a cluster: up to 30 lower-case letters, digits and hyphens");
    }
    Ok(cache.root().join("clusters").join(name))
}

/// Every cluster that has a record.
pub fn all(cache: &Cache) -> Result<Vec<(String, State)>> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(cache.root().join("clusters")) else {
        return Ok(found);
    };
    for entry in entries.flatten() {
        if let Some(state) = State::read(&entry.path())? {
            found.push((entry.file_name().to_string_lossy().into_owned(), state));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

/// Takes a free index and writes the first record under it.
pub fn begin(cache: &Cache, name: &str, made_of: String) -> Result<State> {
    let _lock = cache.lock("cluster-index")?;
    let others = all(cache)?;
    let routes = fs::read_to_string("/proc/net/route").context("cannot read the host's routes")?;
    let free = |index: &u8| {
        others.iter().all(|(_, state)| state.index != *index) && !Subnets::new(*index).is_taken(&routes)
    };
    let Some(index) = (0..CLUSTERS).find(free) else {
        bail!(
            "no addresses are left: the host already has routes into 10.240.0.0/16, 10.241.0.0/16 or 10.242.0.0/16"
        );
    };
    let folder = folder(cache, name)?;
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let state = State {
        index,
        first: None,
        ready: false,
        made_of,
        images: BTreeMap::new(),
    };
    state.write(&folder)?;
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_clusters_never_get_the_same_addresses() {
        let root = tempfile::tempdir().unwrap();
        let cache = Cache::at(root.path()).unwrap();
        let one = begin(&cache, "one", String::new()).unwrap();
        let two = begin(&cache, "two", String::new()).unwrap();
        assert_ne!(one.index, two.index);
        assert_eq!(all(&cache).unwrap().len(), 2);
    }

    #[test]
    fn a_name_that_could_leave_the_folder_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let cache = Cache::at(root.path()).unwrap();
        for name in ["", "..", "a/b", "Upper"] {
            assert!(folder(&cache, name).is_err(), "{name:?}");
        }
    }
}
