//! PROOF: the programs and packages that the test cluster and its images are made of: which there are, how each is
//! made, and where it lies in the cache. Starts none of them.

mod archive;
pub(crate) mod debian;
mod go;
pub mod linters;
pub mod node;
pub mod python;
pub mod uv;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cache::Cache;
use crate::progress::Progress;
use debian::Set;

/// Something that is built or unpacked once and then kept in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// kube-apiserver, kube-controller-manager, kube-scheduler, kube-proxy, kubelet and kubectl.
    Kubernetes,
    /// The etcd server.
    Etcd,
    /// The DNS server of the cluster.
    CoreDns,
    /// workflow-controller and argoexec.
    Argo,
    /// Process 1 of pods.
    Pause,
    /// The provisioner of the default storage class.
    Storage,
    /// containerd, runc, the CNI plugins, iptables, ip and what they need.
    Node,
    /// Shell, busybox and certificate authorities for images.
    Base,
    /// A small Debian for programs that are put into an image as they are.
    Components,
    /// The MariaDB server and clients.
    MariaDb,
    /// The MySQL server and clients; the only tool that may be impossible to get.
    MySql,
    /// The `weed` program.
    SeaweedFs,
    /// mydumper and myloader, which dumps of our own are measured beside.
    MyDumper,
    /// A stand-in for Google Cloud Storage.
    FakeGcs,
    /// A stand-in for Azure Blob Storage.
    Azurite,
}

impl Tool {
    /// What a [`crate::light::ControlPlane`] needs.
    pub const LIGHT: &'static [Self] = &[Self::Kubernetes, Self::Etcd];
    /// What a [`crate::cluster::Cluster`] needs.
    pub const CLUSTER: &'static [Self] = &[
        Self::Kubernetes,
        Self::Etcd,
        Self::CoreDns,
        Self::Pause,
        Self::Storage,
        Self::Node,
        Self::Base,
    ];
    /// Every tool, slowest first.
    pub const ALL: &'static [Self] = &[
        Self::Kubernetes,
        Self::Argo,
        Self::CoreDns,
        Self::Etcd,
        Self::FakeGcs,
        Self::Storage,
        Self::Pause,
        Self::Node,
        Self::Base,
        Self::Components,
        Self::MariaDb,
        Self::MySql,
        Self::SeaweedFs,
        Self::MyDumper,
        Self::Azurite,
    ];

    /// A short name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kubernetes => "Kubernetes",
            Self::Etcd => "etcd",
            Self::CoreDns => "CoreDNS",
            Self::Argo => "Argo Workflows",
            Self::Pause => "pause",
            Self::Storage => "storage provisioner",
            Self::Node => "containerd and its tools",
            Self::Base => "busybox and bash",
            Self::Components => "small Debian",
            Self::MariaDb => "MariaDB",
            Self::MySql => "MySQL",
            Self::SeaweedFs => "SeaweedFS",
            Self::MyDumper => "mydumper",
            Self::FakeGcs => "stand-in for Google Cloud Storage",
            Self::Azurite => "stand-in for Azure Blob Storage",
        }
    }

    fn source(self) -> Source {
        match self {
            Self::Kubernetes => Source::Go(&go::KUBERNETES),
            Self::Etcd => Source::Go(&go::ETCD),
            Self::CoreDns => Source::Go(&go::COREDNS),
            Self::Argo => Source::Go(&go::ARGO),
            Self::Pause => Source::Go(&go::PAUSE),
            Self::Storage => Source::Go(&go::STORAGE),
            Self::Node => Source::Debian(Set::Node),
            Self::Base => Source::Debian(Set::Base),
            Self::Components => Source::Debian(Set::Components),
            Self::MariaDb => Source::Debian(Set::MariaDb),
            Self::MySql => Source::Debian(Set::MySql),
            Self::SeaweedFs => Source::SeaweedFs,
            Self::MyDumper => Source::Debian(Set::MyDumper),
            Self::FakeGcs => Source::Go(&go::FAKE_GCS),
            Self::Azurite => Source::Azurite,
        }
    }
}

enum Source {
    Go(&'static go::Recipe),
    Debian(Set),
    SeaweedFs,
    Azurite,
}

impl Source {
    fn key(&self) -> String {
        match self {
            Self::Go(recipe) => recipe.key(),
            Self::Debian(set) => set.key(),
            Self::SeaweedFs => python::seaweedfs_key(),
            Self::Azurite => node::azurite_key(),
        }
    }

    fn make(&self, cache: &Cache) -> Result<PathBuf> {
        match self {
            Self::Go(recipe) => cache.ensure("tools", &recipe.key(), |folder| recipe.build(folder)),
            Self::Debian(set) => debian::ensure(cache, *set),
            Self::SeaweedFs => cache.ensure("tools", &python::seaweedfs_key(), |folder| {
                python::seaweedfs(cache, folder)
            }),
            Self::Azurite => cache.ensure("tools", &node::azurite_key(), |folder| {
                node::azurite(cache, folder)
            }),
        }
    }

    /// The version, and what the archive no longer had as pinned.
    fn read_version(&self, folder: &Path) -> Result<(String, Vec<String>)> {
        Ok(match self {
            Self::Go(recipe) => (recipe.version.to_owned(), Vec::new()),
            Self::SeaweedFs => (python::SEAWEEDFS_VERSION.to_owned(), Vec::new()),
            Self::Azurite => (node::AZURITE_VERSION.to_owned(), Vec::new()),
            Self::Debian(_) => {
                let version =
                    fs::read_to_string(folder.join("version")).context("the cache entry has no version")?;
                let moved = fs::read_to_string(folder.join("moved.txt")).unwrap_or_default();
                (
                    upstream_version(&version).to_owned(),
                    moved.lines().map(str::to_owned).collect(),
                )
            }
        })
    }
}

/// A Debian version without epoch and revision.
fn upstream_version(version: &str) -> &str {
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    let version = version.rsplit_once('-').map_or(version, |(upstream, _)| upstream);
    version.split_once('~').map_or(version, |(upstream, _)| upstream)
}

/// A tool that is there.
#[derive(Debug, Clone)]
pub struct Installed {
    /// The folder of its cache entry.
    pub folder: PathBuf,
    /// Its version as upstream writes it.
    pub version: String,
    /// Packages that the archive no longer had in the pinned version, a sentence each.
    pub moved: Vec<String>,
}

/// The tools that were asked for, ready to be used.
#[derive(Clone)]
pub struct Tools {
    cache: Cache,
    installed: BTreeMap<Tool, Installed>,
    missing: BTreeMap<Tool, String>,
}

impl Tools {
    /// Builds, downloads and unpacks what is not in the cache yet. Builds run one after the other beside the downloads.
    ///
    /// Every tool must be had, except MySQL: Debian 12 has none, and the rolling suite may not have it on a given day. It
    /// is then left out, which is said aloud here and by [`Tools::missing`].
    pub fn ensure(cache: &Cache, wanted: &[Tool], progress: &Progress) -> Result<Self> {
        if std::env::consts::ARCH != "x86_64" || std::env::consts::OS != "linux" {
            bail!(
                "the test cluster is made for Linux on x86-64, this is {} on {}",
                std::env::consts::OS,
                std::env::consts::ARCH
            );
        }
        let all = || Tool::ALL.iter().copied().filter(|tool| wanted.contains(tool));
        let builds: Vec<Tool> = all()
            .filter(|tool| matches!(tool.source(), Source::Go(_)))
            .collect();
        let downloads: Vec<Tool> = all()
            .filter(|tool| !matches!(tool.source(), Source::Go(_)))
            .collect();
        let make = |tools: Vec<Tool>| -> Vec<(Tool, Result<Installed>)> {
            tools
                .into_iter()
                .map(|tool| (tool, install(cache, tool, progress)))
                .collect()
        };
        let results = std::thread::scope(|scope| {
            let downloaded = scope.spawn(|| make(downloads));
            let mut results = make(builds);
            results.extend(downloaded.join().unwrap_or_default());
            results
        });
        let mut tools = Self {
            cache: cache.clone(),
            installed: BTreeMap::new(),
            missing: BTreeMap::new(),
        };
        for (tool, result) in results {
            match result {
                Ok(installed) => {
                    tools.installed.insert(tool, installed);
                }
                Err(error) if tool == Tool::MySql => {
                    progress.line(&format!(
                        "MySQL IS LEFT OUT, and with it all that needs it: {error:#}"
                    ));
                    tools.missing.insert(tool, format!("{error:#}"));
                }
                Err(error) => return Err(error).with_context(|| format!("cannot get {}", tool.name())),
            }
        }
        for tool in all() {
            // Only a thread that died leaves a tool without a result.
            if !tools.installed.contains_key(&tool) && !tools.missing.contains_key(&tool) {
                bail!("{} was not made: the thread that made it died", tool.name());
            }
        }
        Ok(tools)
    }

    /// The cache that the tools lie in.
    #[must_use]
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Why a tool that was asked for cannot be had.
    #[must_use]
    pub fn missing(&self, tool: Tool) -> Option<&str> {
        self.missing.get(&tool).map(String::as_str)
    }

    /// A tool that was asked for.
    pub fn get(&self, tool: Tool) -> Result<&Installed> {
        match (self.installed.get(&tool), self.missing.get(&tool)) {
            (Some(installed), _) => Ok(installed),
            (None, Some(reason)) => bail!("{} cannot be had: {reason}", tool.name()),
            (None, None) => bail!("{} was not asked for when the tools were made ready", tool.name()),
        }
    }

    /// A program of a tool that was built or came in a wheel.
    pub fn program(&self, tool: Tool, name: &str) -> Result<PathBuf> {
        let program = self.get(tool)?.folder.join("bin").join(name);
        if !program.exists() {
            bail!(
                "{} has no program {name}: {} is not there",
                tool.name(),
                program.display()
            );
        }
        Ok(program)
    }

    /// The root of a tool's unpacked Debian packages.
    pub fn root(&self, tool: Tool) -> Result<PathBuf> {
        Ok(self.get(tool)?.folder.join("root"))
    }

    /// kubectl, to be run with `--kubeconfig`.
    pub fn kubectl(&self) -> Result<PathBuf> {
        self.program(Tool::Kubernetes, "kubectl")
    }

    /// Name, version and remark of every tool that was asked for.
    #[must_use]
    pub fn table(&self) -> Vec<[String; 3]> {
        let there = self.installed.iter().map(|(tool, installed)| {
            let remark = match installed.moved.len() {
                0 => String::new(),
                1 => installed.moved[0].clone(),
                count => format!("{count} packages newer than pinned"),
            };
            [tool.name().to_owned(), installed.version.clone(), remark]
        });
        let gone = self
            .missing
            .iter()
            .map(|(tool, why)| [tool.name().to_owned(), "-".to_owned(), format!("left out: {why}")]);
        there.chain(gone).collect()
    }
}

/// The committed lock file as it would be with the packages that Debian's archive has today.
pub fn new_debian_lock(cache: &Cache) -> Result<String> {
    debian::new_lock(cache)
}

fn install(cache: &Cache, tool: Tool, progress: &Progress) -> Result<Installed> {
    let source = tool.source();
    let folder = match cache.find("tools", &source.key()) {
        Some(folder) => folder,
        None => progress.stage(&format!("make {}", tool.name()), |_| source.make(cache))?,
    };
    let (version, moved) = source.read_version(&folder)?;
    for line in &moved {
        progress.line(&format!("{}: {line}", tool.name()));
    }
    Ok(Installed {
        folder,
        version,
        moved,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("1:10.11.19-0+deb12u1", "10.11.19")]
    #[case("1.6.20~ds1-1+deb12u3", "1.6.20")]
    #[case("9.7.4-2", "9.7.4")]
    fn a_debian_version_is_shown_as_upstream_writes_it(#[case] debian: &str, #[case] upstream: &str) {
        assert_eq!(upstream_version(debian), upstream);
    }

    #[test]
    fn every_tool_has_a_place_of_its_own_in_the_cache() {
        let keys: std::collections::BTreeSet<String> =
            Tool::ALL.iter().map(|tool| tool.source().key()).collect();
        assert_eq!(keys.len(), Tool::ALL.len());
    }
}
