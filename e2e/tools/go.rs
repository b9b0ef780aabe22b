//! PROOF: programs built from Go modules. A recipe is a committed go.mod, go.sum and main.go; go.sum is the checksum.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cache::digest;
use crate::process::run;

/// What is built, out of which committed files.
pub struct Recipe {
    /// Name of the recipe's folder, and of the program unless `commands` names others.
    pub name: &'static str,
    /// Version of what is built, as upstream tags it.
    pub version: &'static str,
    /// Committed files: name and content.
    files: &'static [(&'static str, &'static str)],
    /// Linker flags beside `-s -w`: where upstream's build writes its version.
    link: &'static [&'static str],
    /// Further names that the program answers to.
    links: &'static [&'static str],
    /// Set for a program that does not build out of the module cache as it is.
    copy: Option<ModuleCopy>,
}

/// The main packages of a module, built from a mended copy of its folder.
struct ModuleCopy {
    module: &'static str,
    /// Top folders that the programs do not need.
    leave_out: &'static [&'static str],
    /// Files to lay beside the module's own: (existing file, new name).
    same_as: &'static [(&'static str, &'static str)],
    commands: &'static [&'static str],
}

/// Every Kubernetes program in one.
pub const KUBERNETES: Recipe = Recipe {
    name: "kubernetes",
    version: "v1.35.4",
    files: &[
        ("go.mod", include_str!("go/kubernetes/go.mod")),
        ("go.sum", include_str!("go/kubernetes/go.sum")),
        ("main.go", include_str!("go/kubernetes/main.go")),
    ],
    link: &[
        "-X k8s.io/component-base/version.gitVersion=v1.35.4",
        "-X k8s.io/component-base/version.gitMajor=1",
        "-X k8s.io/component-base/version.gitMinor=35",
        "-X k8s.io/component-base/version.gitTreeState=clean",
    ],
    links: &[
        "kube-apiserver",
        "kube-controller-manager",
        "kube-proxy",
        "kube-scheduler",
        "kubectl",
        "kubelet",
    ],
    copy: None,
};

/// The etcd server; 3.6 is what Kubernetes 1.35 is tested against upstream.
pub const ETCD: Recipe = Recipe {
    name: "etcd",
    version: "v3.6.12",
    files: &[
        ("go.mod", include_str!("go/etcd/go.mod")),
        ("go.sum", include_str!("go/etcd/go.sum")),
        ("main.go", include_str!("go/etcd/main.go")),
    ],
    link: &[],
    links: &[],
    copy: None,
};

/// `CoreDNS` with the plugins of a cluster's Corefile only.
pub const COREDNS: Recipe = Recipe {
    name: "coredns",
    version: "v1.12.4",
    files: &[
        ("go.mod", include_str!("go/coredns/go.mod")),
        ("go.sum", include_str!("go/coredns/go.sum")),
        ("main.go", include_str!("go/coredns/main.go")),
    ],
    link: &[],
    links: &[],
    copy: None,
};

/// Argo's workflow-controller and argoexec.
pub const ARGO: Recipe = Recipe {
    name: "argo",
    version: "v3.7.3",
    files: &[
        ("go.mod", include_str!("go/argo/go.mod")),
        ("go.sum", include_str!("go/argo/go.sum")),
    ],
    // The commit is that of the tag; with it and a clean tree the programs report the plain tag.
    link: &[
        "-X github.com/argoproj/argo-workflows/v3.version=v3.7.3",
        "-X github.com/argoproj/argo-workflows/v3.gitTag=v3.7.3",
        "-X github.com/argoproj/argo-workflows/v3.gitCommit=bded09fe4abd37cb98d7fc81b4c14a6f5034e9ab",
        "-X github.com/argoproj/argo-workflows/v3.gitTreeState=clean",
    ],
    links: &[],
    copy: Some(ModuleCopy {
        module: "github.com/argoproj/argo-workflows/v3",
        leave_out: &["docs", "examples", "hack", "sdks", "test", "ui"],
        // Upstream's file is a symbolic link to the Darwin one, and a module archive holds no links.
        same_as: &[(
            "workflow/executor/osspecific/signal_darwin.go",
            "workflow/executor/osspecific/signal_linux.go",
        )],
        commands: &["workflow-controller", "argoexec"],
    }),
};

/// Process 1 of pods, and of the cluster's own namespaces.
pub const PAUSE: Recipe = Recipe {
    name: "pause",
    version: "own",
    files: &[
        ("go.mod", include_str!("go/pause/go.mod")),
        ("main.go", include_str!("go/pause/main.go")),
    ],
    link: &[],
    links: &[],
    copy: None,
};

/// The provisioner behind the default storage class.
pub const STORAGE: Recipe = Recipe {
    name: "storage",
    version: "own",
    files: &[
        ("go.mod", include_str!("go/storage/go.mod")),
        ("main.go", include_str!("go/storage/main.go")),
        ("api.go", include_str!("go/storage/api.go")),
    ],
    link: &[],
    links: &[],
    copy: None,
};

/// A stand-in for Google Cloud Storage: fake-gcs-server, with what it lacks of the XML API.
pub const FAKE_GCS: Recipe = Recipe {
    name: "fakegcs",
    version: "v1.56.1",
    files: &[
        ("go.mod", include_str!("go/fakegcs/go.mod")),
        ("go.sum", include_str!("go/fakegcs/go.sum")),
        ("main.go", include_str!("go/fakegcs/main.go")),
        ("access.go", include_str!("go/fakegcs/access.go")),
        ("uploads.go", include_str!("go/fakegcs/uploads.go")),
    ],
    link: &[],
    links: &[],
    copy: None,
};

/// The linter of GitHub workflows.
pub const ACTIONLINT: Recipe = Recipe {
    name: "actionlint",
    version: "v1.7.12",
    files: &[
        ("go.mod", include_str!("go/actionlint/go.mod")),
        ("go.sum", include_str!("go/actionlint/go.sum")),
        ("main.go", include_str!("go/actionlint/main.go")),
    ],
    link: &[],
    links: &[],
    copy: None,
};

impl Recipe {
    /// Name of the cache entry: changes with every byte of the recipe.
    pub fn key(&self) -> String {
        let mut parts: Vec<&[u8]> = Vec::new();
        for (name, content) in self.files {
            parts.push(name.as_bytes());
            parts.push(content.as_bytes());
        }
        parts.extend(self.link.iter().chain(self.links).map(|text| text.as_bytes()));
        if let Some(copy) = &self.copy {
            parts.extend(
                copy.leave_out
                    .iter()
                    .chain(copy.commands)
                    .map(|text| text.as_bytes()),
            );
            parts.extend(
                copy.same_as
                    .iter()
                    .flat_map(|(from, to)| [from.as_bytes(), to.as_bytes()]),
            );
        }
        format!("{}-{}-{}", self.name, self.version, digest(&parts))
    }

    /// Builds into `folder/bin`; leaves nothing else there.
    pub fn build(&self, folder: &Path) -> Result<()> {
        let source = folder.join("source");
        let programs = folder.join("bin");
        for made in [&source, &programs] {
            fs::create_dir_all(made)?;
        }
        for (name, content) in self.files {
            fs::write(source.join(name), content)?;
        }
        match &self.copy {
            None => self.compile(&source, &programs.join(self.name), &["."])?,
            Some(copy) => {
                let mended = folder.join("mended");
                copy.lay_out(&source, &mended)?;
                let packages: Vec<String> = copy
                    .commands
                    .iter()
                    .map(|command| format!("./cmd/{command}"))
                    .collect();
                let packages: Vec<&str> = packages.iter().map(String::as_str).collect();
                self.compile(&mended, &programs, &packages)?;
                fs::remove_dir_all(mended)?;
            }
        }
        for link in self.links {
            symlink(self.name, programs.join(link))?;
        }
        fs::remove_dir_all(source)?;
        Ok(())
    }

    fn compile(&self, source: &Path, output: &Path, packages: &[&str]) -> Result<()> {
        let flags = format!("-s -w {}", self.link.join(" "));
        run(go(source)
            .args(["build", "-trimpath", "-mod=readonly", "-ldflags"])
            .arg(flags)
            .arg("-o")
            .arg(output)
            .args(packages))
        .with_context(|| format!("cannot build {} {}", self.name, self.version))?;
        Ok(())
    }
}

impl ModuleCopy {
    /// Copies the module, whose checksum `go mod download` verifies, out of the read-only module cache and mends it.
    fn lay_out(&self, source: &Path, target: &Path) -> Result<()> {
        run(go(source).args(["mod", "download", self.module]))?;
        let module = run(go(source).args(["list", "-m", "-f", "{{.Dir}}", self.module]))?;
        copy_tree(Path::new(module.trim()), target, self.leave_out)?;
        for (from, to) in self.same_as {
            let (from, to) = (target.join(from), target.join(to));
            if to.exists() {
                bail!(
                    "{} is in the module by now: take it out of the recipe",
                    to.display()
                );
            }
            fs::copy(&from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
        }
        Ok(())
    }
}

fn go(folder: &Path) -> Command {
    let mut command = Command::new("go");
    command
        .current_dir(folder)
        .env("CGO_ENABLED", "0")
        .env("GOFLAGS", "-buildvcs=false")
        .env("GOWORK", "off");
    command
}

fn copy_tree(from: &Path, to: &Path, leave_out: &[&str]) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        if leave_out.iter().any(|left_out| name == *left_out) {
            continue;
        }
        let target = to.join(&name);
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target, &[])?;
        } else {
            fs::copy(entry.path(), &target)?;
            fs::set_permissions(&target, fs::Permissions::from_mode(0o644))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_that_needs_other_modules_has_their_checksums() {
        for recipe in [
            &KUBERNETES,
            &ETCD,
            &COREDNS,
            &ARGO,
            &PAUSE,
            &STORAGE,
            &FAKE_GCS,
            &ACTIONLINT,
        ] {
            let file = |name: &str| recipe.files.iter().find(|file| file.0 == name).map(|file| file.1);
            let needs = file("go.mod").unwrap().contains("require");
            assert_eq!(file("go.sum").is_some(), needs, "{}", recipe.name);
        }
    }

    #[test]
    fn every_recipe_pins_the_version_that_it_claims() {
        for recipe in [&KUBERNETES, &ETCD, &COREDNS, &ARGO, &FAKE_GCS, &ACTIONLINT] {
            assert!(recipe.files[0].1.contains(recipe.version), "{}", recipe.name);
        }
    }
}
