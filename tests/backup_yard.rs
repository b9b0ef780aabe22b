//! PROOF (real stores, databases and API server): the servers of the cases: a SeaweedFS that is the installation's own, another
//! one outside, MariaDB, MySQL, and a control plane without nodes; and a stage for each case, with a bucket, databases and a
//! namespace of its own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use kfp_backup::layout::Attempt;
use kfp_backup::manifest::Role;
use kfp_backup::order::{Order, Remove, Restore, Take, Task, Tell, Verify};
use kfp_backup::progress::{Done, Removed, Restored, Taken, Verified};
use kfp_database::{Engine, create_statements};
use kfp_e2e::cache::Cache;
use kfp_e2e::light::{ControlPlane, Options};
use kfp_e2e::progress::Progress;
use kfp_e2e::tools::{Tool, Tools};
use kfp_engine::backup::{Meter, Surroundings, Trouble, run};
use kfp_releases::schema::SchemaCatalog;
use kfp_tests::programs::operator;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Executor};
use tokio_util::sync::CancellationToken;

use crate::backup_stores::{ADMIN, Weed};
use crate::database_start::Server;

/// Release whose schema the databases have.
pub const RELEASE: &str = "2.16.1";
/// How long the tests try a request again.
const PATIENCE: Duration = Duration::from_secs(3);

/// All servers.
pub struct Yard {
    pub own: Weed,
    pub outside: Weed,
    /// By engine; without MySQL where it cannot be had.
    pub databases: BTreeMap<Engine, Server>,
    pub cluster: ControlPlane,
    pub client: Client,
    pub tools: Tools,
    pub schemas: Arc<SchemaCatalog>,
    /// The program of Jobs, built before any case measures time.
    pub program: PathBuf,
}

impl Yard {
    pub async fn start() -> Result<Self> {
        let mut wanted = Tool::LIGHT.to_vec();
        wanted.extend([
            Tool::MariaDb,
            Tool::MySql,
            Tool::SeaweedFs,
            Tool::FakeGcs,
            Tool::Azurite,
        ]);
        let tools = Tools::ensure(&Cache::locate()?, &wanted, &Progress::new())?;
        let cluster = ControlPlane::start(&tools, Options::default())?;
        let mysql = async {
            Ok(match tools.missing(Tool::MySql) {
                None => Some(Server::start(&tools, Engine::MySql).await?),
                Some(_) => None,
            })
        };
        let (own, outside, mariadb, mysql) = tokio::try_join!(
            Weed::start(&tools, &[]),
            Weed::start(&tools, &[]),
            Server::start(&tools, Engine::MariaDb),
            mysql,
        )?;
        let mysql = mysql.map(|server| (Engine::MySql, server));
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
            databases: mysql.into_iter().chain([(Engine::MariaDb, mariadb)]).collect(),
            cluster,
            tools,
            program: operator()?,
        })
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
    /// The server that its databases are on.
    pub engine: Engine,
    pub stop: CancellationToken,
    pub patience: Duration,
}

impl Stage {
    /// Buckets, an installation's databases with a few rows, and a namespace.
    pub async fn new(yard: Arc<Yard>, name: &str, engine: Engine) -> Result<Self> {
        let stage = Self {
            yard,
            name: name.to_owned(),
            engine,
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
        let mut connection = self.connection().await?;
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
                 SELECT CONCAT('run-', seq), CONCAT('Run ', seq, ' ü😀'), 'r', '{}', 'SUCCEEDED', 'Succeeded', '', REPEAT(SHA2(seq, 224), 36) \
                 FROM {}",
                self.name,
                self.numbers(3_000)
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
            other => Err(another(&other)),
        }
    }

    pub async fn verify(&self, order: Verify) -> Result<Verified, Trouble> {
        match self.run(Task::Verify(Box::new(order))).await? {
            Done::Verified(verified) => Ok(*verified),
            other => Err(another(&other)),
        }
    }

    pub async fn restore(&self, order: Restore) -> Result<Restored, Trouble> {
        match self.run(Task::Restore(Box::new(order))).await? {
            Done::Restored(restored) => Ok(*restored),
            other => Err(another(&other)),
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
            other => Err(another(&other)),
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

    /// Fails where a set is complete.
    pub async fn has_no_set(&self) -> Result<()> {
        let stored = self.stored().await?;
        ensure!(
            !stored.iter().any(|key| key.ends_with("manifest.json")),
            "{stored:?}"
        );
        Ok(())
    }

    /// Fails where a session of what was ended holds a table: it could not be changed at once.
    pub async fn holds_no_table(&self) -> Result<()> {
        let alter = format!(
            "ALTER TABLE {}.execution_caches ADD COLUMN x int",
            self.database(Role::Cache)
        );
        self.sql(&["SET SESSION lock_wait_timeout = 1", &alter]).await
    }
}

/// What was not asked for was done.
fn another(done: &Done) -> Trouble {
    Trouble::lasting("AnotherThing", format!("{done:?}"))
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

pub fn apply(stage: &Stage, object: &Value) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("object.json");
    std::fs::write(&path, object.to_string())?;
    let path = path.display().to_string();
    kubectl(
        &stage.yard.cluster,
        &[
            "apply",
            "--server-side",
            "--force-conflicts",
            "-o",
            "json",
            "-f",
            &path,
        ],
    )
}

pub fn get(stage: &Stage, namespace: &str, what: &str) -> Result<Value> {
    let text = kubectl(&stage.yard.cluster, &["get", what, "-n", namespace, "-o", "json"])?;
    Ok(serde_json::from_str(&text)?)
}

pub fn uid(object: &Value) -> String {
    object["metadata"]["uid"].as_str().unwrap_or_default().to_owned()
}
