//! PROOF: the namespaces that a cluster lives in. Network, mounts, processes: all are its own, so that the kernel takes
//! everything away when their process 1 is killed, whatever state the cluster is in.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

use super::state::State;
use super::subnets::Subnets;
use crate::elf::Roots;
use crate::process::{ProcessId, run, wait_for};
use crate::tools::debian::MULTIARCH;
use crate::tools::{Tool, Tools};

/// Prepares the namespaces from inside, then becomes their process 1. `$1` is the cluster's folder, `$2` the pause program.
const SETUP: &str = include_str!("namespace.sh");

/// Writes down its own process id and start time before it becomes the program that follows, so that not even a crash
/// right after the start leaves a process that nobody knows. `$0` is the file.
const RECORD: &str = r#"read -r stat < /proc/$$/stat && echo "$stat" > "$0" && exec "$@""#;

/// The file about the program that made the namespaces and waits for their end.
const KEEPER: &str = "keeper";

/// Folders of the host that the cluster sees empty; the cache must not lie in one.
pub const HIDDEN: [&str; 4] = ["/run", "/var/run", "/var/lib", "/var/log"];

/// The unpacked programs of the node, callable by name.
pub struct Programs {
    /// Holds links to the programs.
    bin: PathBuf,
    /// Holds links to their libraries, the C library left out: that is the host's.
    lib: PathBuf,
    root: PathBuf,
}

impl Programs {
    /// Lays the links out in the cluster's folder.
    pub fn lay_out(tools: &Tools, folder: &Path) -> Result<Self> {
        let root = tools.root(Tool::Node)?;
        let programs = Self {
            bin: folder.join("bin"),
            lib: folder.join("lib"),
            root,
        };
        for made in [&programs.bin, &programs.lib] {
            fs::create_dir_all(made)?;
        }
        let nft = "usr/sbin/xtables-nft-multi";
        for (name, program) in [
            ("conntrack", "usr/sbin/conntrack"),
            ("containerd", "usr/bin/containerd"),
            ("containerd-shim-runc-v2", "usr/bin/containerd-shim-runc-v2"),
            ("ctr", "usr/bin/ctr"),
            ("ip", "usr/bin/ip"),
            ("ip6tables", nft),
            ("ip6tables-restore", nft),
            ("ip6tables-save", nft),
            ("iptables", nft),
            ("iptables-restore", nft),
            ("iptables-save", nft),
            ("nft", "usr/sbin/nft"),
            ("runc", "usr/sbin/runc"),
        ] {
            programs.add(name, program)?;
        }
        Ok(programs)
    }

    fn add(&self, name: &str, program: &str) -> Result<()> {
        let program = self.root.join(program);
        let root = [self.root.as_path()];
        for (path, library) in Roots(&root).closure(&program, "/usr/bin")? {
            let file = path.rsplit('/').next().unwrap_or_default().to_owned();
            // These belong to the loader that starts the program, which is the host's.
            let of_c = [
                "ld-linux",
                "libc.so",
                "libm.so",
                "libdl.so",
                "libpthread.so",
                "librt.so",
                "libresolv.so",
            ];
            if !of_c.iter().any(|prefix| file.starts_with(prefix)) {
                link(&library, &self.lib.join(file))?;
            }
        }
        link(&program, &self.bin.join(name))
    }

    /// The folder of the CNI plugins.
    pub fn cni(&self) -> PathBuf {
        self.root.join("usr/lib/cni")
    }

    /// A command that finds the node's programs and libraries, and nothing else of the caller's environment.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let path = format!(
            "{}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            self.bin.display()
        );
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", path)
            .env("LD_LIBRARY_PATH", &self.lib)
            .env(
                "XTABLES_LIBDIR",
                self.root.join("usr/lib").join(MULTIARCH).join("xtables"),
            )
            .env("LC_ALL", "C");
        command
    }

    fn ip(&self, arguments: &str) -> Result<()> {
        run(self.command(self.bin.join("ip")).args(arguments.split(' '))).map(drop)
    }
}

fn link(target: &Path, link: &Path) -> Result<()> {
    match fs::remove_file(link) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error)?,
        _ => Ok(symlink(target, link)?),
    }
}

/// Namespaces with a process 1.
pub struct Namespaces<'a> {
    programs: &'a Programs,
    first: ProcessId,
    folder: PathBuf,
}

impl<'a> Namespaces<'a> {
    /// Makes them, joins them to the host and records their processes.
    pub fn create(tools: &Tools, programs: &'a Programs, folder: &Path, state: &mut State) -> Result<Self> {
        for made in ["logs", "sysctl"] {
            fs::create_dir_all(folder.join(made))?;
        }
        let log = File::create(folder.join("logs/namespaces.log"))?;
        let pause = tools.program(Tool::Pause, "pause")?;
        let mut child = programs
            .command("/bin/sh")
            .args(["-c", RECORD])
            .arg(folder.join(KEEPER))
            .arg("unshare")
            .args([
                "--net",
                "--mount",
                "--pid",
                "--ipc",
                "--uts",
                "--fork",
                "--kill-child",
                "--propagation",
                "private",
            ])
            .args(["/bin/sh", "-ec", SETUP, "setup"])
            .arg(folder)
            .arg(pause)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .context("cannot start unshare; it is in the package util-linux")?;
        let ready = folder.join("namespaces-ready");
        wait_for("the cluster's namespaces", Duration::from_secs(20), || {
            if let Some(status) = child.try_wait()? {
                let log = fs::read_to_string(folder.join("logs/namespaces.log"))?;
                bail!("they could not be made ({status}): {log}");
            }
            Ok(ready.exists())
        })?;
        let keeper = i32::try_from(child.id()).context("a process id out of range")?;
        let first = child_of(keeper).context("the namespaces have no process 1")?;
        state.first = Some(first);
        state.write(folder)?;
        let namespaces = Self {
            programs,
            first,
            folder: folder.to_owned(),
        };
        namespaces.join(state.subnets())?;
        Ok(namespaces)
    }

    /// Those that are there already.
    pub fn existing(programs: &'a Programs, folder: &Path, first: ProcessId) -> Self {
        Self {
            programs,
            first,
            folder: folder.to_owned(),
        }
    }

    /// Lays the link to the host, and routes to pods and Services over it.
    fn join(&self, subnets: Subnets) -> Result<()> {
        let (link, host, node) = (subnets.link(), subnets.host(), subnets.node());
        let ip = |arguments: String| self.programs.ip(&arguments);
        ip(format!(
            "link add {link} type veth peer name node0 netns {}",
            self.first.pid
        ))?;
        ip(format!("address add {host}/30 dev {link}"))?;
        ip(format!("link set {link} up"))?;
        let inside = |arguments: String| run(self.command("ip").args(arguments.split(' '))).map(drop);
        inside(format!("address add {node}/30 dev node0"))?;
        inside("link set node0 up".into())?;
        // Services need some route before their addresses are translated; where it leads does not matter.
        inside(format!("route add {} dev node0 src {node}", subnets.services()))?;
        // What is neither host, pod nor Service fails at once instead of timing out.
        inside("route add unreachable default".into())?;
        ip(format!("route add {} via {node} dev {link}", subnets.pods()))?;
        ip(format!("route add {} via {node} dev {link}", subnets.services()))
    }

    /// A command that runs inside, with the node's programs on its path.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.programs.command("nsenter");
        command
            .args(["--target", &self.first.pid.to_string()])
            .args(["--net", "--mount", "--pid", "--ipc", "--uts", "--"])
            .arg(program);
        command
    }

    /// Starts a process that stays; it writes to `logs/NAME.log` and ends with the namespaces. Its parent is process 1 of
    /// the namespaces, which reaps it: nothing of it is left outside.
    pub fn start(&self, name: &str, program: impl AsRef<OsStr>, arguments: &[String]) -> Result<()> {
        let log = File::create(self.folder.join(format!("logs/{name}.log")))?;
        let status = self
            .command("/bin/sh")
            .args(["-c", "\"$@\" &", name])
            .arg(program)
            .args(arguments)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .status()
            .with_context(|| format!("cannot start {name}"))?;
        if !status.success() {
            bail!("cannot start {name}: {status}");
        }
        Ok(())
    }
}

/// Ends everything in a cluster's namespaces and removes the link to them.
pub fn end(folder: &Path, state: &State) -> Result<()> {
    let keeper = fs::read_to_string(folder.join(KEEPER))
        .ok()
        .and_then(|stat| ProcessId::from_stat(&stat));
    let processes = [state.first, keeper];
    for process in processes.into_iter().flatten() {
        process.signal(Signal::SIGKILL)?;
    }
    // A process 1 that was not recorded yet dies with its keeper (unshare --kill-child).
    for process in processes.into_iter().flatten() {
        if !process.wait_gone(Duration::from_secs(30)) {
            bail!("process {} does not end", process.pid);
        }
    }
    // A network namespace lives on, unseen, while a connection in it still waits for an answer: so the link, which has
    // both its ends removed at once, is not left to the kernel.
    let link = state.subnets().link();
    let gone = || !Path::new("/sys/class/net").join(&link).exists();
    if gone() {
        return Ok(());
    }
    let own = folder.join("bin/ip");
    let ip = if own.exists() { own } else { PathBuf::from("ip") };
    let removed = run(Command::new(ip)
        .env("LD_LIBRARY_PATH", folder.join("lib"))
        .args(["link", "delete", &link]));
    // The kernel may have been quicker after all.
    if gone() { Ok(()) } else { removed.map(drop) }
}

/// The only child of a process.
fn child_of(parent: i32) -> Result<ProcessId> {
    for entry in fs::read_dir("/proc")?.flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        let fields = stat
            .rsplit_once(')')
            .map(|(_, rest)| rest.split_ascii_whitespace().collect::<Vec<_>>());
        if fields.and_then(|fields| fields.get(1).and_then(|field| field.parse::<i32>().ok())) == Some(parent)
        {
            return ProcessId::of(pid).with_context(|| format!("process {pid} ended"));
        }
    }
    bail!("process {parent} has no child")
}
