//! PROOF (stand-ins of stores): what speaks like Google Cloud Storage and like Azure Blob Storage, on loopback. Neither is the
//! real one. Of Google's, checking who asks and uploads in parts are our own additions to an emulator that has neither; of
//! Azure's, everything is Azurite's, which checks signatures as Azure does. Neither of them keeps what it was told to retain.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use kfp_backup::order::Store;
use kfp_e2e::child::{Child, bound, free_ports};
use kfp_e2e::tools::node::AZURITE_BLOB;
use kfp_e2e::tools::{Tool, Tools};
use reqwest::{Client, Url};
use serde_json::{Value, json};
use sha2::Sha256;
use tempfile::TempDir;
use tokio::net::TcpStream;

/// How long a server may take to start.
const START_LIMIT: Duration = Duration::from_mins(1);
/// The account, its key, and the key of nobody.
const ACCOUNT: &str = "kfptests";
const ACCOUNT_KEY: &str = "CANARYazureAccountKeyOfTests0123456789ab";
const STRANGERS_KEY: &str = "CANARYstrangersKeyOfTests0123456789abcde";
/// The version of Azure's protocol that signatures are made for, and when they end.
const VERSION: &str = "2023-11-03";
const EXPIRY: &str = "2099-01-01T00:00:00Z";

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub enum Who {
    /// Somebody who may do everything.
    Owner,
    /// Somebody with credentials of the right form, whom the store does not know.
    Stranger,
}

/// What the tests ask of a stand-in themselves, and how orders name it.
pub trait Cloud {
    /// The store of an order.
    fn store(&self, bucket: &str, who: Who) -> Result<Store>;
    /// Makes a bucket or container.
    async fn make(&self, bucket: &str) -> Result<()>;
    /// All keys of a bucket with their sizes, in order.
    async fn keys(&self, bucket: &str) -> Result<Vec<(String, u64)>>;
}

/// A server on loopback; killed when dropped.
struct Server {
    port: u16,
    child: Child,
    folder: TempDir,
}

impl Server {
    async fn start(program: &Path, arguments: impl FnOnce(u16, &Path) -> Vec<String>) -> Result<Self> {
        let folder = TempDir::new()?;
        let [port] = free_ports()?;
        let mut command = bound(program);
        command
            .args(arguments(port, folder.path()))
            .env("AZURITE_ACCOUNTS", format!("{ACCOUNT}:{ACCOUNT_KEY}"))
            .current_dir(folder.path());
        let child = Child::start(&mut command, folder.path().join("server.log"))?;
        let mut server = Self { port, child, folder };
        let start = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
            let ended = server.child.ended()?;
            ensure!(
                ended.is_none() && start.elapsed() < START_LIMIT,
                "{} does not start ({ended:?}):\n{}",
                program.display(),
                server.child.said()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(server)
    }
}

/// The stand-in for Google Cloud Storage.
pub struct Gcs(Server);

impl Gcs {
    pub async fn start(tools: &Tools) -> Result<Self> {
        let program = tools.program(Tool::FakeGcs, "fakegcs")?;
        let arguments = |port: u16, folder: &Path| {
            let listen = format!("-listen=127.0.0.1:{port}");
            vec![listen, format!("-keys={}", folder.display())]
        };
        Ok(Self(Server::start(&program, arguments).await?))
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.0.port)
    }
}

impl Cloud for Gcs {
    fn store(&self, bucket: &str, who: Who) -> Result<Store> {
        let file = match who {
            Who::Owner => "known.json",
            Who::Stranger => "stranger.json",
        };
        let key = fs::read_to_string(self.0.folder.path().join(file))?;
        Ok(Store::Gcs {
            bucket: bucket.to_owned(),
            service_account: Some(key.as_str().into()),
            endpoint: Some(self.url("")),
        })
    }

    async fn make(&self, bucket: &str) -> Result<()> {
        let asked = Client::new().post(self.url("/storage/v1/b?project=tests"));
        asked
            .json(&json!({"name": bucket}))
            .send()
            .await?
            .error_for_status()?;
        Ok(())
    }

    async fn keys(&self, bucket: &str) -> Result<Vec<(String, u64)>> {
        let url = self.url(&format!("/storage/v1/b/{bucket}/o"));
        let answer = Client::new().get(url).send().await?.error_for_status()?;
        let found: Value = answer.json().await?;
        let mut keys = Vec::new();
        for object in found["items"].as_array().into_iter().flatten() {
            let name = object["name"].as_str().context("an object without a name")?;
            let size = object["size"].as_str().context("an object without a size")?;
            keys.push((name.to_owned(), size.parse()?));
        }
        keys.sort();
        Ok(keys)
    }
}

fn account_key(who: Who) -> &'static str {
    match who {
        Who::Owner => ACCOUNT_KEY,
        Who::Stranger => STRANGERS_KEY,
    }
}

/// A shared access signature over these fields.
fn signature(key: &str, signed: &[&str], pairs: &[(&str, &str)]) -> Result<String> {
    let mut hmac = Hmac::<Sha256>::new_from_slice(&BASE64_STANDARD.decode(key)?)?;
    hmac.update(signed.join("\n").as_bytes());
    let signature = BASE64_STANDARD.encode(hmac.finalize().into_bytes());
    let mut url = Url::parse("http://127.0.0.1")?;
    url.query_pairs_mut().extend_pairs(pairs).extend_pairs([
        ("sv", VERSION),
        ("se", EXPIRY),
        ("sig", &signature),
    ]);
    Ok(url.query().unwrap_or_default().to_owned())
}

/// The stand-in for Azure Blob Storage.
pub struct Azure(Server);

impl Azure {
    pub async fn start(tools: &Tools) -> Result<Self> {
        let node = tools.program(Tool::Azurite, "node")?;
        let program = tools.get(Tool::Azurite)?.folder.join(AZURITE_BLOB);
        let arguments = |port: u16, _: &Path| {
            let options = [
                &program.display().to_string(),
                "--inMemoryPersistence",
                "--disableTelemetry",
                "--silent",
                "--blobHost",
                "127.0.0.1",
                "--blobPort",
                &port.to_string(),
            ];
            options.map(str::to_owned).to_vec()
        };
        Ok(Self(Server::start(&node, arguments).await?))
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/{ACCOUNT}", self.0.port)
    }

    /// A shared access signature of the account, which makes containers: Azure's page create-account-sas. Start, addresses,
    /// protocol and encryption scope are left open.
    fn of_account() -> Result<String> {
        let signed = [ACCOUNT, "rwdlac", "b", "sco", "", EXPIRY, "", "", VERSION, "", ""];
        let pairs = [("ss", "b"), ("srt", "sco"), ("sp", "rwdlac")];
        signature(ACCOUNT_KEY, &signed, &pairs)
    }

    /// One of a container, as an administrator would give it away: Azure's page create-service-sas.
    fn of_container(container: &str, who: Who) -> Result<String> {
        let resource = format!("/blob/{ACCOUNT}/{container}");
        let mut signed = vec!["rwdlac", "", EXPIRY, &resource, "", "", "", VERSION, "c"];
        // A snapshot, an encryption scope and headers of answers.
        signed.extend([""; 7]);
        signature(account_key(who), &signed, &[("sr", "c"), ("sp", "rwdlac")])
    }

    /// The store of an order that has a shared access signature and no key.
    pub fn shared(&self, container: &str, who: Who) -> Result<Store> {
        Ok(Store::Azure {
            account: ACCOUNT.into(),
            container: container.to_owned(),
            account_key: None,
            sas_token: Some(Self::of_container(container, who)?.as_str().into()),
            endpoint: Some(self.endpoint()),
        })
    }
}

impl Cloud for Azure {
    fn store(&self, bucket: &str, who: Who) -> Result<Store> {
        Ok(Store::Azure {
            account: ACCOUNT.into(),
            container: bucket.to_owned(),
            account_key: Some(account_key(who).into()),
            sas_token: None,
            endpoint: Some(self.endpoint()),
        })
    }

    async fn make(&self, bucket: &str) -> Result<()> {
        let signature = Self::of_account()?;
        let url = format!("{}/{bucket}?restype=container&{signature}", self.endpoint());
        let asked = Client::new().put(url).header("content-length", 0);
        asked.send().await?.error_for_status()?;
        Ok(())
    }

    async fn keys(&self, bucket: &str) -> Result<Vec<(String, u64)>> {
        let signature = Self::of_account()?;
        let list = "restype=container&comp=list";
        let url = format!("{}/{bucket}?{list}&{signature}", self.endpoint());
        let text = Client::new()
            .get(url)
            .send()
            .await?
            .error_for_status()?
            .text()
            .await?;
        let between = |text: &str, tag: &str| {
            let (_, rest) = text.split_once(&format!("<{tag}>"))?;
            Some(rest.split_once(&format!("</{tag}>"))?.0.to_owned())
        };
        let mut keys = Vec::new();
        for blob in text.split("<Blob>").skip(1) {
            let name = between(blob, "Name").context("a blob without a name")?;
            let size = between(blob, "Content-Length").context("a blob without a size")?;
            keys.push((name, size.parse()?));
        }
        keys.sort();
        Ok(keys)
    }
}
