//! PROOF: the control groups of a cluster's pods: one folder of its own below each hierarchy, made and removed here.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::process::wait_for;

/// The path below each hierarchy.
pub fn path(cluster: &str) -> String {
    format!("/kfp-operator-{cluster}")
}

/// Makes the folder in every hierarchy: one with version 2, one for each controller with version 1.
pub fn create(cluster: &str) -> Result<()> {
    for folder in folders(cluster)? {
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the control group {}", folder.display()))?;
    }
    Ok(())
}

/// Removes the folders with all that pods left below. Their processes must have ended; the kernel takes a moment.
pub fn remove(cluster: &str) -> Result<()> {
    for folder in folders(cluster)? {
        wait_for(
            &format!("the control group {} to be empty", folder.display()),
            Duration::from_secs(20),
            || {
                remove_tree(&folder)?;
                Ok(true)
            },
        )?;
    }
    Ok(())
}

fn folders(cluster: &str) -> Result<Vec<PathBuf>> {
    let mounts = fs::read_to_string("/proc/mounts").context("cannot read /proc/mounts")?;
    Ok(hierarchies(&mounts)
        .into_iter()
        .map(|root| root.join(path(cluster).trim_start_matches('/')))
        .collect())
}

fn hierarchies(mounts: &str) -> Vec<PathBuf> {
    let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let of_groups = fields.filter(|fields| matches!(fields.get(2), Some(&("cgroup" | "cgroup2"))));
    of_groups
        .filter_map(|fields| fields.get(1).map(PathBuf::from))
        .collect()
}

/// Control groups are removed by removing their folders, innermost first; the files in them are not real.
fn remove_tree(folder: &Path) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_tree(&entry.path())?;
        }
    }
    fs::remove_dir(folder).with_context(|| format!("cannot remove {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hierarchy_of_either_version_is_found() {
        let mounts = "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\ntmpfs /run tmpfs rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        assert_eq!(
            hierarchies(mounts),
            [
                PathBuf::from("/sys/fs/cgroup/cpu"),
                PathBuf::from("/sys/fs/cgroup/unified")
            ]
        );
    }
}
