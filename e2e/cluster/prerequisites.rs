//! PROOF: what a cluster needs of the host, checked before anything is made.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::namespace::HIDDEN;
use crate::cache::{CACHE_VARIABLE, Cache};

/// Programs of the host that are used; all come with every Debian.
const PROGRAMS: [&str; 4] = ["mount", "nsenter", "sh", "unshare"];

/// Fails with everything that is missing at once.
pub fn check(cache: &Cache) -> Result<()> {
    check_root()?;
    let mut missing = Vec::new();
    for program in PROGRAMS {
        if !["/bin", "/usr/bin", "/sbin", "/usr/sbin"]
            .iter()
            .any(|folder| Path::new(folder).join(program).exists())
        {
            missing.push(format!(
                "the program {program} (packages util-linux, mount, dash)"
            ));
        }
    }
    let filesystems = fs::read_to_string("/proc/filesystems").context("cannot read /proc/filesystems")?;
    if !has_filesystem(&filesystems, "overlay") && !Path::new("/sys/module/overlay").exists() {
        missing.push("overlay file systems in the kernel (modprobe overlay)".into());
    }
    for (path, what) in [
        ("/proc/self/ns/net", "network namespaces in the kernel"),
        ("/proc/self/ns/pid", "process namespaces in the kernel"),
        ("/sys/fs/cgroup", "control groups"),
        ("/dev/kmsg", "/dev/kmsg, which the kubelet reads"),
    ] {
        if !Path::new(path).exists() {
            missing.push(what.into());
        }
    }
    if let Some(hidden) = HIDDEN.iter().find(|hidden| cache.root().starts_with(hidden)) {
        missing.push(format!(
            "a cache folder outside {hidden}, which the cluster does not see of the host: set {CACHE_VARIABLE} (it is {} now)",
            cache.root().display()
        ));
    }
    if missing.is_empty() {
        return Ok(());
    }
    bail!(
        "a cluster cannot run here, for want of:\n  {}",
        missing.join("\n  ")
    )
}

/// A cluster is made of namespaces, mounts and network links.
pub fn check_root() -> Result<()> {
    if !nix::unistd::geteuid().is_root() {
        bail!("a test cluster needs root (namespaces, mounts, network links): run this as root");
    }
    Ok(())
}

fn has_filesystem(filesystems: &str, name: &str) -> bool {
    filesystems
        .lines()
        .any(|line| line.split_ascii_whitespace().next_back() == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_is_found_with_and_without_a_device() {
        let text = "nodev\ttmpfs\n\text4\nnodev\toverlay\n";
        assert!(
            has_filesystem(text, "overlay") && has_filesystem(text, "ext4") && !has_filesystem(text, "over")
        );
    }
}
