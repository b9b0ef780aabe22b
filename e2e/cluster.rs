//! PROOF: a whole Kubernetes with one node, in namespaces of its own, joined to the host by one link: pods, Services and
//! the API server are reached from the user's shell, and taking it away leaves nothing behind. Root is required.

mod audit;
mod cgroup;
mod diagnostics;
mod namespace;
mod node;
mod prerequisites;
mod start;
mod state;
mod subnets;

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::cache::{Cache, digest, remove};
use crate::images::{BuiltImage, WantedImage, build, full_name, write_archive};
use crate::kubernetes::{is_ready, kubectl};
use crate::process::{run, wait_for};
use crate::progress::Progress;
use crate::tools::Tools;
pub use audit::Refusal;
use namespace::{Namespaces, Programs};
use state::State;

/// A cluster that runs. Dropping the value leaves it running; [`Cluster::down`] takes it away.
pub struct Cluster {
    name: String,
    folder: PathBuf,
    kubeconfig: PathBuf,
    state: State,
    programs: Programs,
    tools: Tools,
    progress: Progress,
}

/// What is known of a cluster from outside.
#[derive(Debug, Clone)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// Whether its processes run.
    pub running: bool,
    /// Address of the node.
    pub node: Ipv4Addr,
    /// The kubeconfig of its administrator.
    pub kubeconfig: PathBuf,
    /// Imported images.
    pub images: usize,
}

impl Cluster {
    /// Starts the cluster of that name, or takes the one that runs and is healthy. The tools of [`crate::tools::Tool::CLUSTER`] must
    /// have been asked for. What is left of a broken or half-made cluster of that name is taken away first.
    pub fn up(name: &str, tools: &Tools, progress: &Progress) -> Result<Self> {
        let folder = state::folder(tools.cache(), name)?;
        prerequisites::check(tools.cache())?;
        let _lock = tools.cache().lock(&format!("cluster-{name}"))?;
        let made_of = recipe(tools)?;
        if let Some(state) = State::read(&folder)? {
            if state.ready
                && state.made_of == made_of
                && state.first.is_some_and(crate::process::ProcessId::is_alive)
            {
                let cluster = Self::open(name, folder.clone(), state, tools, progress)?;
                if is_ready(tools, &cluster.kubeconfig) {
                    progress.line(&format!("the cluster {name} runs already"));
                    return Ok(cluster);
                }
            }
            progress.stage(&format!("take away what is left of {name}"), |_| {
                clear(tools.cache(), name)
            })?;
        }
        let state = state::begin(tools.cache(), name, made_of)?;
        let mut cluster = Self::open(name, folder, state, tools, progress)?;
        progress.stage(&format!("start the cluster {name}"), |stage| {
            start::start(&mut cluster, stage).with_context(|| {
                format!(
                    "cannot start the cluster {name}; the logs are in {}",
                    cluster.folder.join("logs").display()
                )
            })
        })?;
        let own = build(&WantedImage::of_cluster(), tools, progress)?;
        cluster.import(&own)?;
        progress.stage("start DNS and storage", |_| start::addons(&cluster))?;
        cluster.state.ready = true;
        cluster.state.write(&cluster.folder)?;
        Ok(cluster)
    }

    /// A cluster that runs, or an error that says how to start it.
    pub fn find(name: &str, tools: &Tools, progress: &Progress) -> Result<Self> {
        let folder = state::folder(tools.cache(), name)?;
        match State::read(&folder)? {
            Some(state) if state.ready && state.first.is_some_and(crate::process::ProcessId::is_alive) => {
                Self::open(name, folder, state, tools, progress)
            }
            _ => bail!("no cluster called {name} runs: start it first"),
        }
    }

    fn open(name: &str, folder: PathBuf, state: State, tools: &Tools, progress: &Progress) -> Result<Self> {
        let programs = Programs::lay_out(tools, &folder)?;
        let kubeconfig = folder.join("kubeconfig");
        Ok(Self {
            name: name.into(),
            folder,
            kubeconfig,
            state,
            programs,
            tools: tools.clone(),
            progress: progress.clone(),
        })
    }

    /// Takes a cluster away, whatever state it is in: its processes, its link to the host, its control groups, its folder
    /// with all volumes. Needs none of its tools. Says whether there was anything.
    pub fn down(cache: &Cache, name: &str, progress: &Progress) -> Result<bool> {
        let folder = state::folder(cache, name)?;
        let _lock = cache.lock(&format!("cluster-{name}"))?;
        if !folder.exists() {
            return Ok(false);
        }
        prerequisites::check_root()?;
        progress.stage(&format!("take the cluster {name} away"), |_| clear(cache, name))?;
        Ok(true)
    }

    /// Every cluster that there is.
    pub fn list(cache: &Cache) -> Result<Vec<Status>> {
        let status = |(name, state): (String, State)| -> Result<Status> {
            Ok(Status {
                kubeconfig: state::folder(cache, &name)?.join("kubeconfig"),
                name,
                running: state.first.is_some_and(crate::process::ProcessId::is_alive),
                node: state.subnets().node(),
                images: state.images.len(),
            })
        };
        state::all(cache)?.into_iter().map(status).collect()
    }

    /// Puts images into the node's store; those that are there already are passed over. Pods that run another image of the
    /// same name are deleted, so that their controllers start them anew: a tag that stays restarts nothing by itself.
    pub fn import(&mut self, images: &[BuiltImage]) -> Result<()> {
        let new: Vec<BuiltImage> = images
            .iter()
            .filter(|image| self.state.images.get(&image.name) != Some(&image.id))
            .cloned()
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let progress = self.progress.clone();
        progress.stage(&format!("import {} images", new.len()), |_| {
            let socket = self.folder.join("containerd/containerd.sock");
            let mut ctr = self
                .namespaces()?
                .command("ctr")
                .arg("--address")
                .arg(socket)
                .args(["--namespace", "k8s.io", "images", "import", "-"])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()?;
            let input = ctr.stdin.take().context("ctr has no input")?;
            let written = write_archive(&new, std::io::BufWriter::with_capacity(1 << 20, input));
            let output = ctr.wait_with_output()?;
            if !output.status.success() {
                bail!(
                    "the import ended with {}: {}",
                    output.status,
                    String::from_utf8_lossy(&output.stderr).trim()
                );
            }
            written
        })?;
        let replaced: Vec<String> = new
            .into_iter()
            .filter_map(|image| {
                let before = self.state.images.insert(image.name.clone(), image.id);
                before.map(|_| image.name)
            })
            .collect();
        self.state.write(&self.folder)?;
        self.restart_pods_of(&replaced)
    }

    /// Deletes every pod that runs one of these images.
    fn restart_pods_of(&self, images: &[String]) -> Result<()> {
        if images.is_empty() {
            return Ok(());
        }
        let columns = "{range .items[*]}{.metadata.namespace}{\" \"}{.metadata.name}{range .spec['initContainers','containers'][*]}{\" \"}{.image}{end}{\"\\n\"}{end}";
        let pods = run(self.kubectl()?.args([
            "get",
            "pods",
            "--all-namespaces",
            "--output",
            &format!("jsonpath={columns}"),
        ]))?;
        for line in pods.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [namespace, pod, used @ ..] = words.as_slice() else {
                continue;
            };
            let outdated = used
                .iter()
                .any(|name| full_name(name).is_ok_and(|name| images.contains(&name)));
            if outdated {
                run(self
                    .kubectl()?
                    .args(["delete", "pod", pod, "--namespace", namespace, "--wait=false"]))?;
            }
        }
        Ok(())
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The kubeconfig of its administrator; it works from the host's shell.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The address of the API server (port 6443) and of node ports, reachable from the host like every Service and pod.
    #[must_use]
    pub fn node_address(&self) -> Ipv4Addr {
        self.state.subnets().node()
    }

    /// kubectl for this cluster.
    pub fn kubectl(&self) -> Result<Command> {
        kubectl(&self.tools, &self.kubeconfig)
    }

    /// The folder of the logs of the cluster's own processes.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.folder.join("logs")
    }

    /// What the API server refused to programs in pods since the cluster started, oldest first.
    pub fn refusals(&self) -> Result<Vec<Refusal>> {
        audit::refusals(&self.folder)
    }

    /// Writes what helps to understand a failure into a folder: objects, events, logs of pods and of the cluster.
    pub fn diagnose(&self, folder: &Path) -> Result<()> {
        diagnostics::collect(self, folder)
    }

    fn namespaces(&self) -> Result<Namespaces<'_>> {
        let first = self.state.first.context("the cluster has no processes")?;
        Ok(Namespaces::existing(&self.programs, &self.folder, first))
    }
}

/// Changes with the tools a cluster runs on.
fn recipe(tools: &Tools) -> Result<String> {
    let mut parts = Vec::new();
    for tool in crate::tools::Tool::CLUSTER {
        parts.push(tools.get(*tool)?.folder.display().to_string());
    }
    let parts: Vec<&[u8]> = parts.iter().map(String::as_bytes).collect();
    Ok(digest(&parts))
}

/// Ends and removes everything that the record and the name stand for. Doing it twice is fine.
fn clear(cache: &Cache, name: &str) -> Result<()> {
    let folder = state::folder(cache, name)?;
    if let Some(state) = State::read(&folder)? {
        namespace::end(&folder, &state)?;
    }
    cgroup::remove(name)?;
    // The namespaces' mounts vanish with their last process, which the kernel does a moment after its end.
    wait_for("the cluster's mounts to go", Duration::from_secs(30), || {
        remove(&folder).map(|()| true)
    })?;
    // The folder above is removed only when no other cluster is left.
    if let Some(parent) = folder.parent() {
        let _ = fs::remove_dir(parent);
    }
    Ok(())
}
