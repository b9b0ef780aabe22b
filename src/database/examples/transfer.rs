//! LEDGER: dumps, loads and verifies by hand, with a folder for a destination; `cargo xtask bench backup` measures it.
//!
//! ```text
//! transfer dump   HOST PORT USER FOLDER DATABASE…     (password in MYSQL_PWD)
//! transfer load   HOST PORT USER FOLDER RECORDED=INTO…
//! transfer verify HOST PORT USER FOLDER RECORDED=INTO…
//! ```

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use kfp_backup::database::DatabasesRecord;
use kfp_backup::part::Part;
use kfp_database::dump::{self, dump};
use kfp_database::load::{self, Database, load, verify};
use kfp_database::parts::{PartError, PartReader, PartWriter, Sink, Source};
use kfp_database::{Credentials, Target, Tell};
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    match run().await {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

type Failure = Box<dyn std::error::Error>;

async fn run() -> Result<String, Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [what, host, port, username, folder, names @ ..] = words.as_slice() else {
        return Err("usage: transfer dump|load|verify HOST PORT USER FOLDER DATABASE…".into());
    };
    let target = Target {
        host: host.clone(),
        port: port.parse()?,
        credentials: Credentials {
            username: username.clone(),
            password: std::env::var("MYSQL_PWD").unwrap_or_default(),
        },
    };
    let folder = PathBuf::from(folder);
    let manifest = folder.join("manifest.json");
    let sessions = std::env::var("SESSIONS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(2);
    let quiet: Tell = Arc::new(|_| {});
    let cancel = CancellationToken::new();
    let place = Arc::new(Folder(folder));
    match what.as_str() {
        "dump" => {
            let mut options = dump::Options::of(names.to_vec());
            options.readers = sessions;
            if let Some(level) = std::env::var("LEVEL").ok().and_then(|text| text.parse().ok()) {
                options.level = level;
            }
            let record = dump(&target, &options, place, quiet, &cancel).await?;
            fs::write(manifest, serde_json::to_string_pretty(&record)?)?;
            Ok(format!("{} rows, {} bytes", record.rows(), record.bytes()))
        }
        "load" | "verify" => {
            let record: DatabasesRecord = serde_json::from_slice(&fs::read(manifest)?)?;
            let databases: Vec<Database> = names.iter().map(|name| database(name)).collect();
            let verified = if what == "verify" {
                verify(&target, &record, &databases, quiet, &cancel).await?
            } else {
                let options = load::Options {
                    id: "by hand".to_owned(),
                    databases,
                    writers: sessions,
                    replace: false,
                    patience: std::time::Duration::ZERO,
                    keep_mark: false,
                };
                load(&target, &record, &options, place, quiet, &cancel)
                    .await?
                    .verified
            };
            Ok(format!("{} rows, {} bytes", verified.rows, verified.bytes))
        }
        other => Err(format!("`{other}` is neither dump, load nor verify").into()),
    }
}

fn database(name: &str) -> Database {
    let (recorded, into) = name.split_once('=').unwrap_or((name, name));
    Database {
        recorded: recorded.to_owned(),
        into: into.to_owned(),
    }
}

/// Parts as files below a folder. Their digests stand beside them.
struct Folder(PathBuf);

fn failed(path: &Path, error: &std::io::Error) -> PartError {
    PartError {
        path: path.display().to_string(),
        reason: "File",
        why: error.to_string(),
        retry: false,
    }
}

fn hex(digest: &[u8]) -> String {
    digest.iter().fold(String::new(), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Sink for Folder {
    fn begin(&self, path: &str) -> BoxFuture<'_, Result<Box<dyn PartWriter>, PartError>> {
        let (file, path) = (self.0.join(path), path.to_owned());
        async move {
            let making = async {
                if let Some(parent) = file.parent() {
                    tokio::fs::create_dir_all(parent).await?;
                }
                File::create(&file).await
            };
            let open = making.await.map_err(|error| failed(&file, &error))?;
            let writer = Writer {
                path,
                file,
                open,
                bytes: 0,
                digest: Sha256::new(),
            };
            Ok(Box::new(writer) as Box<dyn PartWriter>)
        }
        .boxed()
    }
}

struct Writer {
    path: String,
    file: PathBuf,
    open: File,
    bytes: u64,
    digest: Sha256,
}

impl PartWriter for Writer {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), PartError>> {
        async move {
            self.bytes += bytes.len() as u64;
            self.digest.update(&bytes);
            let written = self.open.write_all(&bytes).await;
            written.map_err(|error| failed(&self.file, &error))
        }
        .boxed()
    }

    fn finish(self: Box<Self>, plain_bytes: u64) -> BoxFuture<'static, Result<Part, PartError>> {
        async move {
            let sha256 = hex(&self.digest.finalize());
            let ending = async {
                self.open.sync_all().await?;
                tokio::fs::write(self.file.with_extension("zst.sha256"), &sha256).await
            };
            ending.await.map_err(|error| failed(&self.file, &error))?;
            Ok(Part {
                path: self.path,
                bytes: self.bytes,
                sha256,
                plain_bytes,
            })
        }
        .boxed()
    }
}

impl Source for Folder {
    fn open(&self, path: &str) -> BoxFuture<'_, Result<Box<dyn PartReader>, PartError>> {
        let path = self.0.join(path);
        async move {
            let opening = async {
                let sha256 = tokio::fs::read_to_string(path.with_extension("zst.sha256")).await?;
                Ok((File::open(&path).await?, sha256))
            };
            let (file, sha256) = opening.await.map_err(|error| failed(&path, &error))?;
            Ok(Box::new(Reader {
                path,
                file,
                sha256,
                digest: Sha256::new(),
            }) as Box<dyn PartReader>)
        }
        .boxed()
    }
}

struct Reader {
    path: PathBuf,
    file: File,
    sha256: String,
    digest: Sha256,
}

impl PartReader for Reader {
    fn read(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, PartError>> {
        async move {
            let mut piece = vec![0; 256 * 1024];
            let read = self.file.read(&mut piece).await;
            let read = read.map_err(|error| failed(&self.path, &error))?;
            if read > 0 {
                piece.truncate(read);
                self.digest.update(&piece);
                return Ok(Some(piece.into()));
            }
            if hex(&self.digest.clone().finalize()) == self.sha256 {
                return Ok(None);
            }
            Err(PartError {
                path: self.path.display().to_string(),
                reason: "PartDigest",
                why: "its SHA-256 is not the one beside it".to_owned(),
                retry: false,
            })
        }
        .boxed()
    }
}
