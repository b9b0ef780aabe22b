//! PROOF: a control plane without nodes, for tests that need a real API server and no pods. Needs no root and starts in
//! seconds; everything it started ends when it is dropped.

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

use crate::cache::{Cache, remove};
use crate::child::free_ports;
use crate::kubernetes::{self, ApiServer, kubectl};
use crate::pki::Pki;
use crate::process::ProcessId;
use crate::tools::{Tool, Tools};

/// How often a start is tried anew because somebody else took a port in between.
const TRIES: u32 = 3;
/// Range of the addresses of Services. Nothing listens there unless a test makes it.
pub const SERVICES: &str = "10.243.0.0/16";

/// What a control plane has beside etcd and the API server.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Start the controller-manager too: garbage collection, service account tokens, namespace deletion, Deployments.
    pub controller_manager: bool,
    /// The controllers that run in it, by their names there; empty for all.
    pub controllers: &'static [&'static str],
    /// Users whose requests are written to `audit.log`, one JSON object a line, without bodies.
    pub audited: &'static [&'static str],
}

/// A running etcd and API server on free ports of the loopback address.
pub struct ControlPlane {
    folder: PathBuf,
    server: String,
    kubeconfig: PathBuf,
    etcd_url: String,
    children: Vec<(ProcessId, Child)>,
    adopted: Mutex<Vec<ProcessId>>,
    tools: Tools,
}

/// Lies in a control plane's folder, so that a later program can clear up after one that was killed.
#[derive(Serialize, Deserialize)]
struct Record {
    owner: ProcessId,
    processes: Vec<ProcessId>,
}

impl ControlPlane {
    /// Starts one and waits until it is ready. The tools of [`Tool::LIGHT`] must have been asked for.
    pub fn start(tools: &Tools, options: Options) -> Result<Self> {
        let root = tools.cache().root().join("light");
        fs::create_dir_all(&root).with_context(|| format!("cannot make {}", root.display()))?;
        sweep(tools.cache(), &root)?;
        let mut tries = 1;
        loop {
            match Self::try_start(tools, options, &root) {
                Ok(control_plane) => return Ok(control_plane),
                Err(error) if tries == TRIES => return Err(error).context("cannot start a control plane"),
                Err(_) => tries += 1,
            }
        }
    }

    fn try_start(tools: &Tools, options: Options, root: &Path) -> Result<Self> {
        let ports = free_ports::<4>()?;
        let folder = root.join(format!("{}-{}", std::process::id(), ports[2]));
        let server = format!("https://127.0.0.1:{}", ports[2]);
        let pki = Pki::create(&folder.join("pki"))?;
        pki.server(
            "apiserver",
            &kubernetes::API_SERVER_NAMES,
            &[Ipv4Addr::LOCALHOST.into(), Ipv4Addr::new(10, 243, 0, 1).into()],
        )?;
        pki.client("admin", "admin", Some("system:masters"))?;
        let kubeconfig = pki.write_kubeconfig("admin", &server, folder.join("kubeconfig"))?;
        let etcd_url = format!("http://127.0.0.1:{}", ports[0]);
        let mut plane = Self {
            folder,
            server,
            kubeconfig,
            etcd_url,
            children: Vec::new(),
            adopted: Mutex::default(),
            tools: tools.clone(),
        };
        let etcd = tools.program(Tool::Etcd, "etcd")?;
        plane.spawn(
            "etcd",
            &etcd,
            kubernetes::etcd(&plane.folder.join("etcd"), ports[0], ports[1]),
        )?;
        let api_server = ApiServer {
            pki: &pki,
            etcd_port: ports[0],
            address: Ipv4Addr::LOCALHOST.into(),
            port: ports[2],
            services: SERVICES.into(),
            folder: &plane.folder.join("apiserver"),
            nodes: false,
        };
        let mut arguments = api_server.options();
        arguments.extend(plane.audit(options.audited)?);
        plane.spawn(
            "kube-apiserver",
            &tools.program(Tool::Kubernetes, "kube-apiserver")?,
            arguments,
        )?;
        plane.wait_ready()?;
        if options.controller_manager {
            pki.client("controller-manager", "system:kube-controller-manager", None)?;
            let file = plane.folder.join("controller-manager.kubeconfig");
            let own = pki.write_kubeconfig("controller-manager", &plane.server, file)?;
            let program = tools.program(Tool::Kubernetes, "kube-controller-manager")?;
            let mut arguments = kubernetes::controller_manager(
                &pki,
                &own,
                ports[3],
                &plane.folder.join("controller-manager"),
            );
            if !options.controllers.is_empty() {
                arguments.push(format!("--controllers={}", options.controllers.join(",")));
            }
            plane.spawn("kube-controller-manager", &program, arguments)?;
            kubernetes::wait_service_account(tools, &plane.kubeconfig)?;
        }
        Ok(plane)
    }

    /// Options of the API server that write the requests of these users to a log.
    fn audit(&self, users: &[&str]) -> Result<Vec<String>> {
        if users.is_empty() {
            return Ok(Vec::new());
        }
        let policy = serde_json::json!({
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived"],
            "rules": [{"level": "Metadata", "users": users}, {"level": "None"}],
        });
        let file = self.folder.join("audit-policy.json");
        fs::write(&file, policy.to_string()).with_context(|| format!("cannot write {}", file.display()))?;
        Ok(vec![
            format!("--audit-policy-file={}", file.display()),
            format!("--audit-log-path={}", self.audit_log().display()),
            // One file however long it gets, and each line is there by the time of the answer.
            "--audit-log-maxsize=0".into(),
            "--audit-log-mode=blocking".into(),
        ])
    }

    /// Starts a process that belongs to this control plane; its output goes to `NAME.log`.
    fn spawn(&mut self, name: &str, program: &Path, arguments: Vec<String>) -> Result<()> {
        let log = File::create(self.folder.join(format!("{name}.log")))?;
        let child = Command::new(program)
            .args(arguments)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Not in the terminal's group: an interrupt there ends the program, which then ends these.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let pid = i32::try_from(child.id()).context("a process id out of range")?;
        let id = ProcessId::of(pid).with_context(|| format!("{name} ended at once"))?;
        self.children.push((id, child));
        self.record(&[])
    }

    fn wait_ready(&mut self) -> Result<()> {
        let start = std::time::Instant::now();
        while !kubernetes::is_ready(&self.tools, &self.kubeconfig) {
            for (id, child) in &mut self.children {
                if let Some(status) = child.try_wait()? {
                    bail!(
                        "process {} ended with {status} while starting:\n{}",
                        id.pid,
                        last_lines(&self.folder)
                    );
                }
            }
            if start.elapsed() > kubernetes::PATIENCE {
                bail!(
                    "the API server did not become ready:\n{}",
                    last_lines(&self.folder)
                );
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// URL of the API server.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// A kubeconfig for a cluster administrator; good as long as the control plane is there.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// URL of etcd, for tests that look underneath.
    #[must_use]
    pub fn etcd_url(&self) -> &str {
        &self.etcd_url
    }

    /// Where logs lie, as `etcd.log`, `kube-apiserver.log` and `kube-controller-manager.log`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the audited users asked for.
    #[must_use]
    pub fn audit_log(&self) -> PathBuf {
        self.folder.join("audit.log")
    }

    /// Notes a process of the caller's, so that it ends with the next start if this program is killed before it ends it.
    pub fn adopt(&self, pid: u32) -> Result<()> {
        let pid = i32::try_from(pid).context("a process id out of range")?;
        if let Some(id) = ProcessId::of(pid) {
            let mut adopted = self.adopted.lock().unwrap_or_else(PoisonError::into_inner);
            adopted.retain(|process| process.is_alive());
            adopted.push(id);
            self.record(&adopted)?;
        }
        Ok(())
    }

    fn record(&self, adopted: &[ProcessId]) -> Result<()> {
        let own = i32::try_from(std::process::id()).ok().and_then(ProcessId::of);
        let own_children = self.children.iter().map(|(id, _)| *id);
        let record = Record {
            owner: own.context("this process has no id")?,
            processes: own_children.chain(adopted.iter().copied()).collect(),
        };
        Ok(fs::write(
            self.folder.join("record.json"),
            serde_json::to_vec(&record)?,
        )?)
    }

    /// kubectl for this control plane.
    pub fn kubectl(&self) -> Result<Command> {
        kubectl(&self.tools, &self.kubeconfig)
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        for (id, child) in self.children.iter_mut().rev() {
            // The data is thrown away, so nothing needs to be drained. What fails here is swept by the next start.
            let _ = id.signal(Signal::SIGKILL);
            let _ = child.wait();
        }
        let _ = remove(&self.folder);
    }
}

/// Ends what the control planes of killed programs left running, and removes their folders.
fn sweep(cache: &Cache, root: &Path) -> Result<()> {
    let Some(_lock) = cache.try_lock("light-sweep")? else {
        return Ok(());
    };
    for entry in fs::read_dir(root)?.flatten() {
        let Ok(text) = fs::read(entry.path().join("record.json")) else {
            continue;
        };
        let Ok(record) = serde_json::from_slice::<Record>(&text) else {
            continue;
        };
        if record.owner.is_alive() {
            continue;
        }
        for process in record.processes {
            process.signal(Signal::SIGKILL)?;
        }
        remove(&entry.path())?;
    }
    Ok(())
}

fn last_lines(folder: &Path) -> String {
    let mut text = String::new();
    for name in ["etcd", "kube-apiserver"] {
        let log = fs::read_to_string(folder.join(format!("{name}.log"))).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(5).collect();
        for line in lines.into_iter().rev() {
            text.extend([name, ": ", line, "\n"]);
        }
    }
    text
}
