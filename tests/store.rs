//! PROOF (real API server): one real SeaweedFS for all installations of a run. It listens on every address, so each
//! installation reaches it at its own Service's.

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kfp_e2e::tools::Tool;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

use crate::isolation::port;
use crate::world::{World, eventually};

/// The port that each release's object store Service has for S3. The kube-proxy that would map it is not here.
pub const PORT: u16 = 9000;
/// The bucket of each release.
const BUCKET: &str = "mlpipeline";

/// A running SeaweedFS; killed when dropped.
pub struct Store {
    program: PathBuf,
    master: String,
    // Two shells at once would wait for each other's lock.
    shell: Mutex<()>,
    sockets: Vec<u16>,
    _child: Child,
}

impl Store {
    /// Starts one and makes the bucket, as the release's own start script does.
    pub async fn start(world: &World) -> Result<Self> {
        let folder = world.control_plane.folder().join("store");
        fs::create_dir_all(&folder)?;
        let program = world.tools.program(Tool::SeaweedFs, "weed")?;
        // The program leaves sockets in /tmp that are named by these; others of it may run on this host.
        let ports: [u16; 7] = std::array::from_fn(|_| port());
        let child = command(&program, &folder, ports)
            .stdout(File::create(folder.join("weed.log"))?)
            .stderr(File::options().append(true).open(folder.join("weed.log"))?)
            .spawn()
            .context("cannot start weed")?;
        world.control_plane.adopt(child.id().unwrap_or_default())?;
        let master = format!("127.0.0.1:{}.{}", ports[0], ports[1]);
        let store = Self {
            program,
            master,
            shell: Mutex::default(),
            sockets: ports.to_vec(),
            _child: child,
        };
        eventually("the object store listens", || async {
            Ok(TcpStream::connect((Ipv4Addr::LOCALHOST, PORT))
                .await
                .is_ok()
                .then_some(()))
        })
        .await?;
        eventually("the object store has a bucket", || async {
            store.shell(&format!("s3.bucket.create --name {BUCKET}")).await?;
            let buckets = store.shell("s3.bucket.list").await?;
            Ok(buckets.contains(BUCKET).then_some(()))
        })
        .await?;
        Ok(store)
    }

    /// Lets somebody in with these keys, as the release's own start script does.
    pub async fn admit(&self, user: &str, access_key: &str, secret_key: &str) -> Result<()> {
        let configure = format!(
            "s3.configure -user {user} -access_key {access_key} -secret_key {secret_key} -actions Admin -apply"
        );
        self.shell(&configure).await?;
        let known = self.shell("s3.configure").await?;
        ensure!(
            known.contains(access_key),
            "the object store does not know the key it was given:\n{known}"
        );
        Ok(())
    }

    /// Makes another bucket, beside the one of the releases; one that is there stays.
    pub async fn bucket(&self, name: &str) -> Result<()> {
        let _ = self.shell(&format!("s3.bucket.create --name {name}")).await;
        let buckets = self.shell("s3.bucket.list").await?;
        ensure!(buckets.contains(name), "{buckets}");
        Ok(())
    }

    async fn shell(&self, line: &str) -> Result<String> {
        let _alone = self.shell.lock().await;
        let mut child = Command::new(&self.program)
            .args(["shell", &format!("-master={}", self.master)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut input = child.stdin.take().context("no way to talk to the shell")?;
        input.write_all(format!("{line}\n").as_bytes()).await?;
        drop(input);
        let output = tokio::time::timeout(Duration::from_secs(20), child.wait_with_output()).await;
        let output = output.context("the object store's shell does not end")??;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{line}: {}: {error}", output.status);
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        for (part, port) in ["master", "volume", "filer", "s3"]
            .iter()
            .flat_map(|part| self.sockets.iter().map(move |port| (part, port)))
        {
            for middle in ["", "-grpc"] {
                let _ = fs::remove_file(format!("/tmp/seaweedfs-{part}{middle}-{port}.sock"));
            }
        }
    }
}

fn command(program: &Path, folder: &Path, ports: [u16; 7]) -> Command {
    let names = [
        "master.port",
        "master.port.grpc",
        "volume.port",
        "volume.port.grpc",
        "filer.port",
        "filer.port.grpc",
        "s3.port.grpc",
    ];
    let mut command = Command::new(program);
    command
        .args([
            "-logtostderr=true",
            "server",
            "-ip=127.0.0.1",
            "-ip.bind=0.0.0.0",
            "-s3",
            "-filer",
        ])
        .arg(format!("-dir={}", folder.display()))
        .arg(format!("-s3.port={PORT}"))
        .arg(format!("-s3.localSocket={}", folder.join("s3.sock").display()))
        .arg(format!(
            "-filer.localSocket={}",
            folder.join("filer.sock").display()
        ))
        .args([
            "-volume.max=60",
            "-master.volumeSizeLimitMB=64",
            "-master.volumePreallocate=false",
        ])
        .args(
            names
                .iter()
                .zip(ports)
                .map(|(name, port)| format!("-{name}={port}")),
        )
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}
