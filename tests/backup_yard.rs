//! PROOF (real stores, database and API server): the servers of the cases: a SeaweedFS that is the installation's own, another
//! one outside, MariaDB, and a control plane without nodes; and a stage for each case, with a bucket, databases and a namespace
//! of its own.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use kfp_backup::layout::{Attempt, Home, SetId};
use kfp_backup::manifest::{ArtifactsMode, Origin, Role};
use kfp_backup::order::{
    Bucket, DatabaseServer, Destination, Encryption, Order, Parts, Reading, Remove, Restore, Scratch, Store,
    Take, Task, Tell, Verify,
};
use kfp_backup::progress::{Done, Removed, Restored, Taken, Verified};
use kfp_database::{Credentials, Engine, Target, create_statements};
use kfp_e2e::cache::Cache;
use kfp_e2e::light::{ControlPlane, Options};
use kfp_e2e::progress::Progress;
use kfp_e2e::tools::{Tool, Tools};
use kfp_engine::backup::{Meter, Surroundings, Trouble, run, state};
use kfp_releases::Catalog;
use kfp_releases::schema::SchemaCatalog;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use rusty_s3::{Bucket as S3, Credentials as Keys, S3Action as _, UrlStyle};
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::database_start::Server;

/// Release whose schema the databases have.
pub const RELEASE: &str = "2.16.1";
/// Keys that may do everything, and keys that may only write.
pub const ADMIN: (&str, &str) = ("AKADMIN", "CANARY-admin-secret");
pub const WRITER: (&str, &str) = ("AKWRITER", "CANARY-writer-secret");
/// How long the tests try a request again.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long a server may take to start.
const START_LIMIT: Duration = Duration::from_secs(90);

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
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "--"])
            .arg(tools.program(Tool::SeaweedFs, "weed")?)
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
        let child = command
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(File::create(&log)?)
            .stderr(File::options().append(true).open(&log)?)
            .spawn()
            .context("cannot start setpriv; it is part of util-linux")?;
        let weed = Self {
            port: ports[0],
            child,
            ports,
            _folder: folder,
        };
        let start = Instant::now();
        while weed.make_bucket("probe").await.is_err() {
            let said = fs::read_to_string(&log).unwrap_or_default();
            ensure!(
                start.elapsed() < START_LIMIT,
                "the object store does not start:\n{said}"
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
        let url = s3.create_bucket(&keys).sign(Duration::from_secs(60));
        reqwest::Client::new().put(url).send().await?.error_for_status()?;
        self.put(bucket, "probe", b"probe".to_vec()).await
    }

    pub async fn put(&self, bucket: &str, key: &str, content: Vec<u8>) -> Result<()> {
        let (s3, keys) = self.s3(bucket)?;
        let url = s3.put_object(Some(&keys), key).sign(Duration::from_secs(60));
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
        let url = s3.get_object(Some(&keys), key).sign(Duration::from_secs(60));
        let answer = reqwest::Client::new().get(url).send().await?;
        if answer.status() == reqwest::StatusCode::NOT_FOUND {
            return Ok(None);
        }
        Ok(Some(answer.error_for_status()?.bytes().await?.to_vec()))
    }

    pub async fn delete(&self, bucket: &str, key: &str) -> Result<()> {
        let (s3, keys) = self.s3(bucket)?;
        let url = s3.delete_object(Some(&keys), key).sign(Duration::from_secs(60));
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
            let url = list.sign(Duration::from_secs(60));
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
        // Its data goes with it. One that has ended already is no matter.
        drop(self.child.kill());
        drop(self.child.wait());
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

fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let listeners: Vec<TcpListener> = (0..N)
        .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .collect::<std::io::Result<_>>()?;
    let mut ports = [0; N];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}

/// All servers.
pub struct Yard {
    pub own: Weed,
    pub outside: Weed,
    pub database: Server,
    pub cluster: ControlPlane,
    pub client: Client,
    pub tools: Tools,
    pub schemas: Arc<SchemaCatalog>,
}

impl Yard {
    pub async fn start() -> Result<Self> {
        let mut wanted = Tool::LIGHT.to_vec();
        wanted.extend([Tool::MariaDb, Tool::SeaweedFs]);
        let tools = Tools::ensure(&Cache::locate()?, &wanted, &Progress::new())?;
        let cluster = ControlPlane::start(&tools, Options::default())?;
        let (own, outside, database) = tokio::try_join!(
            Weed::start(&tools, &[]),
            Weed::start(&tools, &[]),
            Server::start(&tools, Engine::MariaDb)
        )?;
        for folder in [
            "config/operand-crds/kfp",
            "config/operand-crds/argo",
            "config/crd",
        ] {
            let path = kfp_e2e::lab::root().join(folder).display().to_string();
            kubectl(&cluster, &["apply", "--server-side", "-k", &path])?;
        }
        kubectl(
            &cluster,
            &[
                "wait",
                "--for=condition=Established",
                "--timeout=60s",
                "crd",
                "--all",
            ],
        )?;
        let kubeconfig = Kubeconfig::read_from(cluster.kubeconfig())?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        Ok(Self {
            client: Client::try_from(config)?,
            schemas: Arc::new(SchemaCatalog::load()?),
            own,
            outside,
            database,
            cluster,
            tools,
        })
    }

    /// A connection of the administrator.
    pub async fn connection(&self) -> Result<MySqlConnection> {
        let Target {
            host,
            port,
            credentials: Credentials { username, password },
        } = &self.database.target;
        let options = MySqlConnectOptions::new()
            .host(host)
            .port(*port)
            .username(username)
            .password(password);
        let mut connection = options.ssl_mode(MySqlSslMode::Disabled).connect().await?;
        connection.execute("SET SESSION sql_mode = ''").await?;
        Ok(connection)
    }

    pub async fn sql(&self, statements: &[&str]) -> Result<()> {
        let mut connection = self.connection().await?;
        for statement in statements {
            connection
                .execute(AssertSqlSafe((*statement).to_owned()))
                .await
                .with_context(|| (*statement).to_owned())?;
        }
        Ok(())
    }

    pub async fn one(&self, query: &str) -> Result<String> {
        let mut connection = self.connection().await?;
        let row = connection
            .fetch_one(AssertSqlSafe(query.to_owned()))
            .await
            .with_context(|| query.to_owned())?;
        let bytes: Option<Vec<u8>> = sqlx::Row::try_get_unchecked(&row, 0)?;
        Ok(String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned())
    }
}

pub fn kubectl(cluster: &ControlPlane, arguments: &[&str]) -> Result<String> {
    let output = cluster.kubectl()?.args(arguments).stdin(Stdio::null()).output()?;
    ensure!(
        output.status.success(),
        "kubectl {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What one case works with: everything named after it.
pub struct Stage {
    pub yard: Arc<Yard>,
    pub name: String,
    pub stop: CancellationToken,
    pub patience: Duration,
}

impl Stage {
    /// Buckets, an installation's databases with a few rows, and a namespace.
    pub async fn new(yard: Arc<Yard>, name: &str) -> Result<Self> {
        let stage = Self {
            yard,
            name: name.to_owned(),
            stop: CancellationToken::new(),
            patience: PATIENCE,
        };
        stage.yard.own.make_bucket(name).await?;
        stage.yard.outside.make_bucket(&stage.backups()).await?;
        kubectl(&stage.yard.cluster, &["create", "namespace", name])?;
        stage.fill().await?;
        Ok(stage)
    }

    pub fn backups(&self) -> String {
        format!("{}-backups", self.name)
    }

    pub fn database(&self, role: Role) -> String {
        let short = match role {
            Role::Pipelines => "mlpipeline",
            Role::Metadata => "metadb",
            Role::Cache => "cachedb",
        };
        format!("{}_{short}", self.name.replace('-', "_"))
    }

    pub fn databases(&self) -> BTreeMap<Role, String> {
        [Role::Pipelines, Role::Metadata, Role::Cache]
            .map(|role| (role, self.database(role)))
            .into()
    }

    async fn fill(&self) -> Result<()> {
        let (pipelines, metadata, cache) = (
            self.database(Role::Pipelines),
            self.database(Role::Metadata),
            self.database(Role::Cache),
        );
        let mut connection = self.yard.connection().await?;
        for name in [&pipelines, &metadata, &cache] {
            connection
                .execute(AssertSqlSafe(format!("CREATE DATABASE {name}")))
                .await?;
        }
        connection
            .execute(AssertSqlSafe(format!("USE {pipelines}")))
            .await?;
        let release = self
            .yard
            .schemas
            .of_release(RELEASE.parse()?)
            .context("no such release")?;
        for statement in create_statements(&release.schema) {
            connection.execute(AssertSqlSafe(statement)).await?;
        }
        let statements = [
            "INSERT INTO pipelines (UUID, Name, DisplayName) VALUES ('p1', 'one', 'One')".to_owned(),
            "INSERT INTO pipeline_versions (UUID, Name, PipelineId, PipelineSpec, PipelineSpecURI) VALUES \
             ('v1', 'text in the row', 'p1', 'a: b', ''), ('v2', 'text in the bucket', 'p1', '', 'pipelines/v2'), \
             ('v3', 'text nowhere', 'p1', '', 'pipelines/v3')"
                .to_owned(),
            format!(
                "INSERT INTO run_details (UUID, DisplayName, Name, Namespace, State, Conditions, JobUUID, WorkflowRuntimeManifest) \
                 SELECT CONCAT('run-', seq), CONCAT('Run ', seq, ' ü😀'), 'r', '{}', 'SUCCEEDED', 'Succeeded', '', REPEAT(MD5(seq), 64) \
                 FROM seq_1_to_3000",
                self.name
            ),
            format!(
                "CREATE TABLE {metadata}.Artifact (id int NOT NULL AUTO_INCREMENT, uri text, PRIMARY KEY (id), KEY idx (uri(255)))"
            ),
            format!(
                "INSERT INTO {metadata}.Artifact (uri) VALUES ('minio://{0}/v2/artifacts/model'), ('minio://{0}/v2/artifacts/data'), \
                 ('minio://{0}/v2/artifacts/gone'), ('gs://elsewhere/x'), (NULL)",
                self.name
            ),
            format!("CREATE TABLE {cache}.execution_caches (ID bigint PRIMARY KEY, Answer longblob)"),
            format!("INSERT INTO {cache}.execution_caches VALUES (1, x'00ff27220a5c'), (2, NULL), (3, '')"),
        ];
        for statement in statements {
            connection
                .execute(AssertSqlSafe(statement.clone()))
                .await
                .with_context(|| statement)?;
        }
        for (key, content) in [
            ("pipelines/v1", "the copy of a text that the row has too"),
            ("pipelines/v2", "the text of v2"),
            ("v2/artifacts/model", "a model"),
            ("v2/artifacts/data/1", "one"),
            ("v2/artifacts/data/2", "two"),
            ("v2/unreferenced", "nobody's"),
        ] {
            self.yard.own.put(&self.name, key, content.into()).await?;
        }
        Ok(())
    }

    pub fn server(&self) -> DatabaseServer {
        let target = &self.yard.database.target;
        DatabaseServer {
            host: target.host.clone(),
            port: target.port,
            username: target.credentials.username.clone(),
            password: target.credentials.password.clone().into(),
        }
    }

    pub fn bucket(&self) -> Bucket {
        Bucket {
            endpoint: self.yard.own.endpoint(),
            region: "us-east-1".into(),
            name: self.name.clone(),
            access_key_id: ADMIN.0.into(),
            secret_access_key: ADMIN.1.into(),
            certificates: None,
        }
    }

    pub fn destination(&self, keys: (&str, &str)) -> Destination {
        self.destination_at(&self.yard.outside.endpoint(), keys)
    }

    pub fn destination_at(&self, endpoint: &str, keys: (&str, &str)) -> Destination {
        Destination {
            store: Store::S3 {
                endpoint: Some(endpoint.to_owned()),
                region: "us-east-1".into(),
                bucket: self.backups(),
                path_style: true,
                access_key_id: Some(keys.0.into()),
                secret_access_key: Some(keys.1.into()),
                session_token: None,
                certificates: None,
            },
            home: self.home(),
        }
    }

    pub fn home(&self) -> Home {
        Home {
            prefix: "kfp".into(),
            namespace: self.name.clone(),
            installation: "kfp".into(),
        }
    }

    pub fn origin(&self, namespace: &str) -> Origin {
        Origin {
            namespace: namespace.to_owned(),
            installation: "kfp".into(),
            uid: "u".into(),
            release: RELEASE.into(),
            operator: String::new(),
        }
    }

    /// A set of this hour of a made-up day.
    pub fn set(hour: u8) -> SetId {
        let moment: Timestamp = format!("2026-11-24T{hour:02}:00:00Z").parse().expect("a moment");
        SetId::new(moment, "1a2b3c")
    }

    /// How a set is taken with everything in it.
    pub fn take_order(&self, hour: u8) -> Result<Take> {
        let catalog = Catalog::builtin()?;
        let release = catalog.release(RELEASE).context("no such release")?;
        let install = release.install.as_ref().context("not installable")?;
        Ok(Take {
            set: Self::set(hour),
            destination: self.destination(WRITER),
            source: self.origin(&self.name),
            server: self.server(),
            databases: self.databases(),
            reading: Reading::default(),
            objects: state::kinds(install, "kfp"),
            bucket: Some(self.bucket()),
            own_store: Vec::new(),
            artifacts: ArtifactsMode::IncrementalCopy,
            secrets: Vec::new(),
            encryption: None,
        })
    }

    pub fn encryption(recipient: &str) -> Encryption {
        Encryption {
            recipients: vec![recipient.to_owned()],
            scope: kfp_backup::manifest::EncryptionScope::All,
        }
    }

    pub fn verify_order(&self, hour: u8) -> Verify {
        Verify {
            set: Self::set(hour),
            destination: self.destination(ADMIN),
            identity: None,
            scratch: None,
            bucket: Some(self.bucket()),
            sample: 10,
        }
    }

    pub fn scratch(&self) -> Scratch {
        Scratch {
            server: self.server(),
            prefix: "scratch_".into(),
        }
    }

    /// How a set is restored into databases with `_2` behind their names, and the given namespace and bucket.
    pub fn restore_order(&self, hour: u8, namespace: &str, bucket: &str) -> Restore {
        let databases = self
            .databases()
            .into_iter()
            .map(|(role, name)| (role, format!("{name}_2")));
        Restore {
            set: Self::set(hour),
            destination: self.destination(ADMIN),
            identity: None,
            target: self.origin(namespace),
            parts: Parts::All,
            server: Some(self.server()),
            databases: databases.collect(),
            replace: false,
            bucket: Some(Bucket {
                name: bucket.to_owned(),
                ..self.bucket()
            }),
            reconcile_runs: false,
        }
    }

    pub async fn run(&self, task: Task) -> Result<Done, Trouble> {
        let order = Order {
            tell: Tell {
                namespace: "n".into(),
                name: "n".into(),
            },
            time_limit_seconds: 0,
            task,
        };
        self.run_order(&order).await
    }

    pub async fn run_order(&self, order: &Order) -> Result<Done, Trouble> {
        let random = Timestamp::now().as_nanosecond().unsigned_abs();
        let attempt = Attempt::of(u64::try_from(random % (1 << 60)).unwrap_or_default());
        let meter = Arc::new(Meter::new(attempt, Timestamp::now()));
        let surroundings = Surroundings {
            client: Some(self.yard.client.clone()),
            schemas: self.yard.schemas.clone(),
            stop: self.stop.clone(),
            patience: self.patience,
        };
        run(order, &surroundings, &meter).await
    }

    pub async fn take(&self, order: Take) -> Result<Taken, Trouble> {
        match self.run(Task::Take(Box::new(order))).await? {
            Done::Took(taken) => Ok(*taken),
            other => panic!("{other:?}"),
        }
    }

    pub async fn verify(&self, order: Verify) -> Result<Verified, Trouble> {
        match self.run(Task::Verify(Box::new(order))).await? {
            Done::Verified(verified) => Ok(*verified),
            other => panic!("{other:?}"),
        }
    }

    pub async fn restore(&self, order: Restore) -> Result<Restored, Trouble> {
        match self.run(Task::Restore(Box::new(order))).await? {
            Done::Restored(restored) => Ok(*restored),
            other => panic!("{other:?}"),
        }
    }

    pub async fn remove(&self, sets: &[u8], remains: &[u8]) -> Result<Removed, Trouble> {
        let names = |hours: &[u8]| hours.iter().map(|hour| Self::set(*hour)).collect();
        let order = Remove {
            destination: self.destination(ADMIN),
            sets: names(sets),
            remains: names(remains),
        };
        match self.run(Task::Remove(Box::new(order))).await? {
            Done::Removed(removed) => Ok(*removed),
            other => panic!("{other:?}"),
        }
    }

    /// Keys of the destination below the installation's home.
    pub async fn stored(&self) -> Result<Vec<String>> {
        let home = format!("{}/", self.home().folder());
        let keys = self.yard.outside.keys(&self.backups()).await?;
        Ok(keys
            .into_iter()
            .filter_map(|key| key.strip_prefix(&home).map(str::to_owned))
            .collect())
    }
}

/// Fails unless it failed with this reason.
pub fn failed<T: std::fmt::Debug>(done: Result<T, Trouble>, reason: &str) -> Result<Trouble> {
    match done {
        Ok(done) => anyhow::bail!("{done:?}, where {reason} was due"),
        Err(trouble) => {
            ensure!(
                trouble.reason == reason,
                "{} ({trouble}), where {reason} was due",
                trouble.reason
            );
            let said = format!("{trouble:?}");
            ensure!(!said.contains("CANARY"), "a secret in {said}");
            Ok(trouble)
        }
    }
}
