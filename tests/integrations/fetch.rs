//! PROOF (CI systems): the download of `kfpctl`: right, spoilt, missing, not for this machine.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use kfp_e2e::lab::{dist, root};

use crate::project::{Project, downloads, kfpctl, words};

fn fetch(project: &Project) -> Command {
    project.command(&root().join("integrations/fetch-kfpctl.sh").to_string_lossy())
}

fn refused(output: &Output, project: &Project, why: &str) {
    let said = words(output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(why), "{said}");
    let left: Vec<_> = fs::read_dir(project.path("home")).unwrap().flatten().collect();
    assert!(left.is_empty(), "something was installed: {left:?}");
}

#[test]
fn the_release_is_downloaded_once_and_runs() {
    let project = Project::new();
    let first = fetch(&project).output().unwrap();
    assert!(first.status.success(), "{}", words(&first));
    let path = String::from_utf8(first.stdout).unwrap();
    let version = Command::new(path.trim()).arg("--version").output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&version.stdout).trim(),
        format!("kfpctl {}", dist::VERSION)
    );
    let again = fetch(&project)
        .env("KFPCTL_DOWNLOADS", "file:///nowhere")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&again.stdout), path, "{}", words(&again));
}

#[test]
fn a_program_of_that_version_on_the_path_is_taken() {
    let project = Project::new();
    std::os::unix::fs::symlink(kfpctl(), project.path("bin/kfpctl")).unwrap();
    let output = fetch(&project)
        .env("KFPCTL_DOWNLOADS", "file:///nowhere")
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        project.path("bin/kfpctl").to_string_lossy(),
        "{}",
        words(&output)
    );
}

#[test]
fn an_archive_with_one_byte_flipped_is_refused() {
    let project = Project::new();
    let mirror = project.path("mirror").join(format!("v{}", dist::VERSION));
    fs::create_dir_all(&mirror).unwrap();
    let release = downloads();
    let release =
        std::path::Path::new(release.trim_start_matches("file://")).join(format!("v{}", dist::VERSION));
    let mut archive = fs::read(release.join(dist::archive())).unwrap();
    let middle = archive.len() / 2;
    archive[middle] ^= 1;
    fs::write(mirror.join(dist::archive()), archive).unwrap();
    fs::copy(release.join(dist::DIGESTS), mirror.join(dist::DIGESTS)).unwrap();
    let output = fetch(&project)
        .env(
            "KFPCTL_DOWNLOADS",
            format!("file://{}", project.path("mirror").display()),
        )
        .output()
        .unwrap();
    refused(&output, &project, "is not what its SHA256SUMS says");
}

#[test]
fn a_version_that_is_not_released_is_named() {
    let project = Project::new();
    let output = fetch(&project).env("KFPCTL_VERSION", "99.0.0").output().unwrap();
    refused(&output, &project, "is 99.0.0 released");
}

#[test]
fn what_is_no_version_is_refused_before_anything_is_asked() {
    let project = Project::new();
    let output = fetch(&project)
        .env("KFPCTL_VERSION", "../../etc")
        .output()
        .unwrap();
    refused(&output, &project, "which is no version");
}

#[test]
fn a_machine_without_a_released_program_is_told_how_to_build_it() {
    let project = Project::new();
    let uname = project.path("bin/uname");
    fs::write(
        &uname,
        "#!/bin/sh\n[ \"$1\" = -m ] && echo arm64 || echo Darwin\n",
    )
    .unwrap();
    fs::set_permissions(&uname, fs::Permissions::from_mode(0o755)).unwrap();
    let output = fetch(&project).output().unwrap();
    refused(&output, &project, "cargo install --git");
}
