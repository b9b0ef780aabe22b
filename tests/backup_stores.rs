//! PROOF (real stores): a SeaweedFS on loopback, with keys that may do everything, only write, or only read.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use kfp_e2e::child::{Child, bound, free_ports};
use kfp_e2e::tools::{Tool, Tools};
use rusty_s3::{Bucket as S3, Credentials as Keys, S3Action as _, UrlStyle};
use tempfile::TempDir;

/// Keys that may do everything, keys that may only write, and keys that may only read.
pub const ADMIN: (&str, &str) = ("AKADMIN", "CANARY-admin-secret");
pub const WRITER: (&str, &str) = ("AKWRITER", "CANARY-writer-secret");
pub const READER: (&str, &str) = ("AKREADER", "CANARY-reader-secret");
/// How long a server may take to start.
const START_LIMIT: Duration = Duration::from_secs(90);
/// How long a signature holds.
const SIGNED: Duration = Duration::from_mins(1);

/// A SeaweedFS on loopback; killed when dropped.
pub struct Weed {
    pub port: u16,
    child: Child,
    ports: [u16; 8],
    _folder: TempDir,
}

impl Weed {
    pub async fn start(tools: &Tools, further: &[&str]) -> Result<Self> {
        let folder = TempDir::new()?;
        let identity = |name: &str, (id, key): (&str, &str), actions: &[&str]| serde_json::json!({"name": name, "credentials": [{"accessKey": id, "secretKey": key}], "actions": actions});
        let identities = serde_json::json!({"identities": [
            identity("admin", ADMIN, &["Admin", "Read", "List", "Tagging", "Write"]),
            identity("writer", WRITER, &["Write"]),
            identity("reader", READER, &["Read", "List"]),
        ]});
        fs::write(folder.path().join("s3.json"), identities.to_string())?;
        let ports = free_ports::<8>()?;
        let names = [
            "s3.port",
            "s3.port.grpc",
            "master.port",
            "master.port.grpc",
            "volume.port",
            "volume.port.grpc",
            "filer.port",
            "filer.port.grpc",
        ];
        let mut command = bound(tools.program(Tool::SeaweedFs, "weed")?);
        command
            .args([
                "-logtostderr=true",
                "server",
                "-ip=127.0.0.1",
                "-ip.bind=127.0.0.1",
                "-s3",
                "-filer",
            ])
            .arg(format!("-dir={}", folder.path().display()))
            .arg(format!("-s3.config={}", folder.path().join("s3.json").display()))
            .arg(format!(
                "-s3.localSocket={}",
                folder.path().join("s3.sock").display()
            ))
            .arg(format!(
                "-filer.localSocket={}",
                folder.path().join("filer.sock").display()
            ))
            .args([
                "-s3.port.iceberg=0",
                "-s3.port.lance=0",
                "-master.volumeSizeLimitMB=64",
                "-master.volumePreallocate=false",
            ])
            .args(
                names
                    .iter()
                    .zip(ports)
                    .map(|(name, port)| format!("-{name}={port}")),
            );
        if further.is_empty() {
            command.arg("-volume.max=2000");
        } else {
            command.args(further);
        }
        let log = folder.path().join("weed.log");
        let child = Child::start(command.current_dir(folder.path()), log)?;
        let weed = Self {
            port: ports[0],
            child,
            ports,
            _folder: folder,
        };
        let start = Instant::now();
        while weed.make_bucket("probe").await.is_err() {
            ensure!(
                start.elapsed() < START_LIMIT,
                "the object store does not start:\n{}",
                weed.child.said()
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(weed)
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn s3(&self, bucket: &str) -> Result<(S3, Keys)> {
        let s3 = S3::new(
            self.endpoint().parse()?,
            UrlStyle::Path,
            bucket.to_owned(),
            "us-east-1",
        )?;
        Ok((s3, Keys::new(ADMIN.0, ADMIN.1)))
    }

    pub async fn make_bucket(&self, bucket: &str) -> Result<()> {
        let (s3, keys) = self.s3(bucket)?;
        let url = s3.create_bucket(&keys).sign(SIGNED);
        reqwest::Client::new().put(url).send().await?.error_for_status()?;
        self.put(bucket, "probe", b"probe".to_vec()).await
    }

    pub async fn put(&self, bucket: &str, key: &str, content: Vec<u8>) -> Result<()> {
        let (s3, keys) = self.s3(bucket)?;
        let url = s3.put_object(Some(&keys), key).sign(SIGNED);
        reqwest::Client::new()
            .put(url)
            .body(content)
            .send()
            .await?
            .error_for_status()?;
        Ok(())
    }

    pub async fn get(&self, bucket: &str, key: &str) -> Result<Option<Vec<u8>>> {
        let (s3, keys) = self.s3(bucket)?;
        let url = s3.get_object(Some(&keys), key).sign(SIGNED);
        let answer = reqwest::Client::new().get(url).send().await?;
        if answer.status() == reqwest::StatusCode::NOT_FOUND {
            return Ok(None);
        }
        Ok(Some(answer.error_for_status()?.bytes().await?.to_vec()))
    }

    pub async fn delete(&self, bucket: &str, key: &str) -> Result<()> {
        let (s3, keys) = self.s3(bucket)?;
        let url = s3.delete_object(Some(&keys), key).sign(SIGNED);
        reqwest::Client::new()
            .delete(url)
            .send()
            .await?
            .error_for_status()?;
        Ok(())
    }

    /// All keys of a bucket, in order.
    pub async fn keys(&self, bucket: &str) -> Result<Vec<String>> {
        let (s3, keys) = self.s3(bucket)?;
        let mut found = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let mut list = s3.list_objects_v2(Some(&keys));
            if let Some(token) = &token {
                list.with_continuation_token(token.clone());
            }
            let url = list.sign(SIGNED);
            let text = reqwest::Client::new()
                .get(url)
                .send()
                .await?
                .error_for_status()?
                .text()
                .await?;
            let page = rusty_s3::actions::ListObjectsV2::parse_response(&text)?;
            found.extend(page.contents.into_iter().map(|object| object.key));
            token = page.next_continuation_token;
            if token.is_none() {
                found.sort();
                return Ok(found);
            }
        }
    }
}

impl Drop for Weed {
    fn drop(&mut self) {
        for part in ["master", "volume", "filer", "s3"] {
            for port in self.ports {
                for middle in ["", "-grpc"] {
                    drop(fs::remove_file(format!(
                        "/tmp/seaweedfs-{part}{middle}-{port}.sock"
                    )));
                }
            }
        }
    }
}
