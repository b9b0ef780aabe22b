//! PROOF (CI systems): the real pre-commit runs the hook in a user's repository, with the configuration of the page.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use kfp_e2e::cache::Cache;
use kfp_e2e::lab::examples::example;
use kfp_e2e::lab::{dist, root};
use kfp_e2e::process::run;
use kfp_e2e::tools::linters::Linters;

use crate::project::{NEW, OLD, Project, downloads, words};
use crate::runners::PAGE;

/// A repository with everything below `folder` in one commit.
fn commit(project: &Project, folder: &Path) {
    let git = |arguments: &[&str]| {
        run(project
            .command("git")
            .current_dir(folder)
            .envs(identity())
            .args(arguments))
        .unwrap();
    };
    git(&["init", "--quiet", "--initial-branch", "main"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message", "first"]);
    git(&["tag", &format!("v{}", dist::VERSION)]);
}

fn identity() -> [(&'static str, &'static str); 5] {
    [
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_AUTHOR_NAME", "user"),
        ("GIT_AUTHOR_EMAIL", "user@example.com"),
        ("GIT_COMMITTER_NAME", "user"),
        ("GIT_COMMITTER_EMAIL", "user@example.com"),
    ]
}

/// What a release of this project has for pre-commit, in a repository of its own.
fn released(project: &Project) {
    let release = project.path("release");
    fs::create_dir_all(release.join("integrations")).unwrap();
    for file in [
        ".pre-commit-hooks.yaml",
        "integrations/fetch-kfpctl.sh",
        "integrations/pre-commit.sh",
    ] {
        fs::copy(root().join(file), release.join(file)).unwrap();
    }
    commit(project, &release);
}

fn hook(backend: &str) -> Output {
    let project = Project::new();
    released(&project);
    let configuration = example(PAGE, ".pre-commit-config.yaml")
        .unwrap()
        .replace(
            "https://github.com/kfpops/kfp-operator",
            &project.path("release").to_string_lossy(),
        )
        .replace("2.16.1", backend);
    fs::write(project.path("source/.pre-commit-config.yaml"), configuration).unwrap();
    commit(&project, &project.path("source"));
    let linters = Linters::ensure(&Cache::locate().unwrap()).unwrap();
    let mut command: Command = linters.module("pre_commit").unwrap();
    command
        .args(["run", "--all-files", "--verbose", "--color", "never"])
        .current_dir(project.path("source"))
        .envs(identity())
        .env("HOME", project.path("home"))
        .env("XDG_CACHE_HOME", project.path("home/cache"))
        .env("PRE_COMMIT_HOME", project.path("home/pre-commit"))
        .env("KFPCTL_DOWNLOADS", downloads())
        .output()
        .unwrap()
}

#[test]
fn the_hook_passes_what_fits() {
    let output = hook(NEW);
    assert!(output.status.success(), "{}", words(&output));
    assert!(words(&output).contains("Passed"), "{}", words(&output));
}

#[test]
fn the_hook_stops_what_does_not_fit_and_shows_where() {
    let output = hook(OLD);
    assert!(!output.status.success(), "{}", words(&output));
    assert!(words(&output).contains("misfits.yaml"), "{}", words(&output));
}
