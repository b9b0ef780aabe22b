//! TOOLS: `cargo xtask gen proofs`: what the Go code that each backend release is built with parses. The proto files of a
//! release's tag are not that: go.mod may pin generated code of another commit.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, anyhow};
use kfp_e2e::process::run as command;
use kfp_releases::release::SupportState;
use kfp_releases::{Catalog, Version};

use super::descriptor::{Entry, entries};
use super::{literal, table};

/// Where the releases are read.
#[derive(clap::Args)]
pub struct Arguments {
    /// A clone of kubeflow/pipelines with its tags; a bare one does.
    #[arg(long)]
    repository: PathBuf,
}

/// A Go module that holds generated code.
struct Module {
    /// File that is written.
    file: &'static str,
    /// Folder of the module, and last part of its name.
    folder: &'static str,
    /// The generated code.
    code: &'static str,
}

const MODULES: [Module; 2] = [
    Module {
        file: "pipeline-spec",
        folder: "api",
        code: "api/v2alpha1/go/pipelinespec/pipeline_spec.pb.go",
    },
    Module {
        file: "kubernetes",
        folder: "kubernetes_platform",
        code: "kubernetes_platform/go/kubernetesplatform/kubernetes_executor_config.pb.go",
    },
];

/// Writes the proofs of all releases that have a backend.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let releases: Vec<Version> = Catalog::builtin()?
        .releases()
        .filter(|release| release.support.state != SupportState::SdkOnly)
        .map(|release| release.version)
        .collect();
    for module in MODULES {
        let mut found: BTreeMap<Version, BTreeSet<Entry>> = BTreeMap::new();
        let mut head = format!(
            "# Made by `cargo xtask gen proofs` from the descriptors in the Go code that each backend release is built with.\n\
             # Sources: kubeflow/pipelines, {},\n\
             # at the commit that the release's go.mod pins, or at the release's own tag where go.mod takes its own tree.\n\
             sources:\n",
            module.code
        );
        for release in &releases {
            let go_mod = show(&arguments.repository, &format!("{release}:go.mod"))?;
            let pinned = pinned(&go_mod, module.folder).with_context(|| format!("go.mod of {release}"))?;
            let _ = writeln!(head, "  {release}: {}", pinned.as_deref().unwrap_or("tag"));
            let commit = pinned.unwrap_or_else(|| release.to_string());
            let code = show(&arguments.repository, &format!("{commit}:{}", module.code))?;
            let entries = literal::of_go(&code).and_then(|bytes| entries(&bytes));
            found.insert(
                *release,
                entries.with_context(|| format!("{} at {commit}", module.code))?,
            );
        }
        super::write(
            &format!("proved/{}.yaml", module.file),
            &table::page(&head, &found)?,
        )?;
    }
    Ok(())
}

/// The commit whose code go.mod takes; None if it takes the folder beside it.
fn pinned(go_mod: &str, folder: &str) -> anyhow::Result<Option<String>> {
    let module = format!("github.com/kubeflow/pipelines/{folder}");
    let mut commit = None;
    for line in go_mod.lines() {
        let words: Vec<&str> = line
            .split_whitespace()
            .skip_while(|word| ["require", "replace"].contains(word))
            .collect();
        match words.as_slice() {
            [name, "=>", target, ..] if *name == module => {
                anyhow::ensure!(
                    *target == format!("./{folder}"),
                    "{module} is replaced by {target}, which is not looked into"
                );
                return Ok(None);
            }
            [name, version, ..] if *name == module => {
                let (_, found) = version.rsplit_once('-').context("it pins no commit")?;
                commit = Some(found.to_owned());
            }
            _ => {}
        }
    }
    commit
        .map(Some)
        .ok_or_else(|| anyhow!("it does not name {module}"))
}

/// A file of a commit.
fn show(repository: &Path, object: &str) -> anyhow::Result<String> {
    command(
        Command::new("git")
            .arg("-C")
            .arg(repository)
            .args(["show", object]),
    )
    .with_context(|| format!("cannot read {object} in {}", repository.display()))
}

#[cfg(test)]
mod tests {
    use super::pinned;

    const GO_MOD: &str = "module x\n\nrequire (\n\
        \tgithub.com/kubeflow/pipelines/api v0.0.0-20250102152816-873e9dedd766\n\
        \tgithub.com/kubeflow/pipelines/kubernetes_platform v0.0.0-20240725205754-d911c8b73b49 // indirect\n)\n";

    #[test]
    fn the_commit_of_a_pseudo_version_is_what_is_built() {
        assert_eq!(pinned(GO_MOD, "api").unwrap().as_deref(), Some("873e9dedd766"));
        let found = pinned(GO_MOD, "kubernetes_platform").unwrap();
        assert_eq!(found.as_deref(), Some("d911c8b73b49"));
    }

    #[test]
    fn a_replaced_module_is_built_from_the_tree_itself() {
        let alone = format!("{GO_MOD}replace github.com/kubeflow/pipelines/api => ./api\n");
        assert_eq!(pinned(&alone, "api").unwrap(), None);
        let block = format!("{GO_MOD}replace (\n\tgithub.com/kubeflow/pipelines/api => ./api\n)\n");
        assert_eq!(pinned(&block, "api").unwrap(), None);
        let elsewhere = format!("{GO_MOD}replace github.com/kubeflow/pipelines/api => ../fork\n");
        assert!(pinned(&elsewhere, "api").is_err());
        assert!(pinned(GO_MOD, "third_party").is_err());
    }
}
