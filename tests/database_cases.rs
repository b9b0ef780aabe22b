//! PROOF (real databases): what is asked of each server, and what must come of it.

use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use kfp_database::{
    Credentials, Engine, ProbeReason, State, Target, Verdict, create_statements, inspect, judge, probe,
    read_schema,
};
use kfp_e2e::told::told;
use kfp_releases::schema::{SchemaCatalog, SchemaDataError};
use libtest_mimic::{Failed, Trial};
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use tokio::runtime::Runtime;

use crate::database_changes::{CHANGES, Change};
use crate::{
    database_backup, database_damage, database_inventory, database_moment, database_scan, database_unsteady,
};

static CATALOG: LazyLock<Result<SchemaCatalog, SchemaDataError>> = LazyLock::new(SchemaCatalog::load);

fn catalog() -> Result<&'static SchemaCatalog> {
    CATALOG.as_ref().map_err(|error| error.clone().into())
}

/// What waits for nobody is done by then, on a slow machine too. Whoever did wait in these tests would wait for longer.
pub const SOON: Duration = Duration::from_secs(20);

type Run = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// What is asked, and how it is found out.
type Case = (&'static str, fn(Target) -> Run);

/// What is asked of every server.
const CASES: [Case; 27] = [
    ("it is told by its own name", |target| {
        Box::pin(told_by_name(target))
    }),
    ("every schema is read back as it was written", |target| {
        Box::pin(read_back(target))
    }),
    ("no tables are empty, no database is absent", |target| {
        Box::pin(empty_and_absent(target))
    }),
    ("rights on one database suffice, wrong ones are told", |target| {
        Box::pin(rights(target))
    }),
    ("a look can not write", |target| Box::pin(read_only(target))),
    ("a look waits for nobody for long", |target| {
        Box::pin(locks(target))
    }),
    ("stored pipelines are listed by keys, page by page", |target| {
        Box::pin(database_scan::pages(target))
    }),
    ("a stored row tells what it runs and whose it is", |target| {
        Box::pin(database_scan::rows(target))
    }),
    ("rows that no server writes are read all the same", |target| {
        Box::pin(database_scan::hostile(target))
    }),
    ("the account that reads is refused everything else", |target| {
        Box::pin(database_scan::reader(target))
    }),
    ("a scan holds nobody up and waits for nobody for long", |target| {
        Box::pin(database_scan::in_nobodys_way(target))
    }),
    ("stored pipelines are judged once", |target| {
        Box::pin(database_inventory::judged_once(target))
    }),
    (
        "pipelines that come are found, and what matters of those that go",
        |target| Box::pin(database_inventory::news(target)),
    ),
    ("rows that go while a look is under way stop nothing", |target| {
        Box::pin(database_inventory::under_way(target))
    }),
    ("many stored pipelines are looked through at a pace", |target| {
        Box::pin(database_inventory::large(target))
    }),
    ("every type and every byte is loaded as it was dumped", |target| {
        Box::pin(database_backup::hostile(target))
    }),
    ("every schema is loaded as it was dumped", |target| {
        Box::pin(database_backup::every_schema(target))
    }),
    ("many rows are dumped and loaded in chunks", |target| {
        Box::pin(database_backup::many_rows(target))
    }),
    (
        "a dump shows one moment of two databases while others write",
        |target| Box::pin(database_moment::one_moment(target)),
    ),
    (
        "a dump gives way to a change of a table that it reads",
        |target| Box::pin(database_moment::gives_way(target)),
    ),
    ("a table changed before its turn ends a dump", |target| {
        Box::pin(database_moment::changed_before_its_turn(target))
    }),
    ("the wait for locks has a limit", |target| {
        Box::pin(database_moment::lock_limit(target))
    }),
    ("each damaged part is named", |target| {
        Box::pin(database_damage::damaged(target))
    }),
    ("a load that is interrupted goes on", |target| {
        Box::pin(database_damage::interrupted(target))
    }),
    (
        "nothing is replaced that may not be, or by what does not fit",
        |target| Box::pin(database_damage::refused(target)),
    ),
    ("what a set does not carry is refused by name", |target| {
        Box::pin(database_damage::not_carried(target))
    }),
    (
        "a store that fails for a while stops no dump and no load",
        |target| Box::pin(database_unsteady::unsteady_store(target)),
    ),
];

/// Every case on every server.
pub fn all(runtime: &Arc<Runtime>, servers: &[(String, Target)]) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (server, target) in servers {
        let mut case = |name: &str, run: Box<dyn FnOnce(Target) -> Run + Send>| {
            let (runtime, target) = (Arc::clone(runtime), target.clone());
            let name = format!("{server}: {name}");
            trials.push(Trial::test(name.clone(), move || {
                runtime
                    .block_on(run(target))
                    .map_err(|error| Failed::from(told(&name, &error)))
            }));
        };
        for (name, run) in CASES {
            case(name, Box::new(run));
        }
        for (at, change) in CHANGES.iter().enumerate() {
            case(
                change.name,
                Box::new(move |target| Box::pin(changed(target, at, change))),
            );
        }
    }
    trials
}

/// A connection that may write, which no look has.
pub async fn writer(target: &Target) -> Result<MySqlConnection> {
    let Credentials { username, password } = &target.credentials;
    let options = MySqlConnectOptions::new()
        .host(&target.host)
        .port(target.port)
        .ssl_mode(MySqlSslMode::Disabled);
    options
        .username(username)
        .password(password)
        .connect()
        .await
        .context("cannot log in to write")
}

pub async fn run(connection: &mut MySqlConnection, statement: &str) -> Result<()> {
    connection
        .execute(AssertSqlSafe(statement.to_owned()))
        .await
        .with_context(|| statement.to_owned())?;
    Ok(())
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// An empty database of this name, and a connection that stands in it.
pub async fn fresh_database(target: &Target, name: &str) -> Result<MySqlConnection> {
    let mut connection = writer(target).await?;
    for statement in ["DROP DATABASE IF EXISTS", "CREATE DATABASE", "USE"] {
        run(&mut connection, &format!("{statement} {}", quoted(name))).await?;
    }
    Ok(connection)
}

pub async fn installed(target: &Target, name: &str, release: &str) -> Result<MySqlConnection> {
    let mut connection = fresh_database(target, name).await?;
    let release = catalog()?
        .of_release(release.parse()?)
        .context("no such release")?;
    for statement in create_statements(&release.schema) {
        run(&mut connection, &statement).await?;
    }
    Ok(connection)
}

pub async fn drop_database(mut connection: MySqlConnection, name: &str) -> Result<()> {
    run(&mut connection, &format!("DROP DATABASE {}", quoted(name))).await?;
    connection.close().await.context("cannot close the connection")
}

async fn verdict(target: &Target, name: &str) -> Result<Verdict> {
    let schema = inspect(target, name)
        .await?
        .schema
        .context("the database is not there")?;
    Ok(judge(&schema, catalog()?))
}

async fn told_by_name(target: Target) -> Result<()> {
    let mut connection = writer(&target).await?;
    // A variable that only MariaDB has.
    let query = "SHOW GLOBAL VARIABLES LIKE 'aria_block_size'";
    let engine = if connection.fetch_all(query).await?.is_empty() {
        Engine::MySql
    } else {
        Engine::MariaDb
    };
    let version: String = sqlx::query_scalar("SELECT CAST(@@version AS CHAR)")
        .fetch_one(&mut connection)
        .await?;
    let facts = probe(&target).await?;
    ensure!(
        facts.engine == engine && facts.server_version == version,
        "{facts:?}, not {engine:?} {version}"
    );
    Ok(())
}

async fn read_back(target: Target) -> Result<()> {
    for release in catalog()?.schemas() {
        let first = release
            .releases
            .keys()
            .next()
            .context("a schema without a release")?
            .to_string();
        let connection = installed(&target, "kfp_test_exact", &first).await?;
        let schema = read_schema(&target, "kfp_test_exact").await?;
        ensure!(schema == release.schema, "{first} is read back as {schema:#?}");
        let verdict = verdict(&target, "kfp_test_exact").await?;
        ensure!(
            verdict.state == State::Exact && release.releases.keys().eq(&verdict.matches),
            "{first}: {verdict:#?}"
        );
        drop_database(connection, "kfp_test_exact").await?;
    }
    Ok(())
}

async fn empty_and_absent(target: Target) -> Result<()> {
    for name in ["kfp_test_empty", "kfp_test_`'\"; DROP DATABASE mysql; --"] {
        let connection = fresh_database(&target, name).await?;
        let verdict = verdict(&target, name).await?;
        ensure!(verdict.state == State::Empty, "{verdict:#?}");
        drop_database(connection, name).await?;
        let absent = inspect(&target, name).await?.schema;
        ensure!(absent.is_none(), "{absent:#?}");
        refused(read_schema(&target, name).await, ProbeReason::UnknownDatabase)?;
    }
    Ok(())
}

async fn rights(target: Target) -> Result<()> {
    let mut connection = installed(&target, "kfp_test_rights", "2.16.1").await?;
    let mut run = async |statement: &str| run(&mut connection, statement).await;
    run("DROP USER IF EXISTS kfp_test_user").await?;
    // No method of login named: MySQL takes caching_sha2_password, whose first login over plain TCP needs the server's key.
    run("CREATE USER kfp_test_user IDENTIFIED BY 'right: #1\\'\"'").await?;
    let account = |password: &str| Target {
        credentials: Credentials {
            username: "kfp_test_user".to_owned(),
            password: password.to_owned(),
        },
        ..target.clone()
    };
    let right = account("right: #1'\"");
    refused(
        inspect(&right, "kfp_test_rights").await,
        ProbeReason::AccessDenied,
    )?;
    run("GRANT SELECT, INSERT ON kfp_test_rights.* TO kfp_test_user").await?;
    for _ in 0..2 {
        let verdict = verdict(&right, "kfp_test_rights").await?;
        ensure!(verdict.state == State::Exact, "{verdict:#?}");
    }
    refused(probe(&account("wrong")).await, ProbeReason::AccessDenied)?;
    refused(probe(&account("")).await, ProbeReason::AccessDenied)?;
    run("ALTER USER kfp_test_user WITH MAX_USER_CONNECTIONS 1").await?;
    let held = writer(&right).await?;
    refused(probe(&right).await, ProbeReason::TooManyConnections)?;
    held.close().await?;
    run("DROP USER kfp_test_user").await?;
    drop_database(connection, "kfp_test_rights").await
}

pub fn refused<T: std::fmt::Debug>(
    result: Result<T, kfp_database::ProbeError>,
    reason: ProbeReason,
) -> Result<()> {
    match result {
        Ok(result) => anyhow::bail!("{result:?}, where {reason:?} was due"),
        Err(error) => {
            ensure!(
                error.reason() == reason,
                "{error} ({:?}), where {reason:?} was due",
                error.reason()
            );
            ensure!(
                !error.to_string().contains("right: #1"),
                "the password stands in: {error}"
            );
            Ok(())
        }
    }
}

async fn read_only(target: Target) -> Result<()> {
    let connection = installed(&target, "kfp_test_read_only", "2.16.1").await?;
    let mut session = kfp_database::Session::open(&target).await?;
    session.read_schema("kfp_test_read_only").await?;
    let written = session
        .connection()
        .execute("INSERT INTO db_statuses VALUES (0)")
        .await;
    let number = written
        .err()
        .and_then(|error| error.as_database_error().map(ToString::to_string));
    ensure!(
        number.as_ref().is_some_and(|error| error.contains("READ ONLY")),
        "{number:?}"
    );
    session.close().await;
    drop_database(connection, "kfp_test_read_only").await
}

async fn locks(target: Target) -> Result<()> {
    let mut connection = installed(&target, "kfp_test_locks", "2.16.1").await?;
    run(&mut connection, "LOCK TABLES pipelines WRITE").await?;
    let start = Instant::now();
    let verdict = verdict(&target, "kfp_test_locks").await?;
    ensure!(
        verdict.state == State::Exact && start.elapsed() < SOON,
        "{:?}",
        start.elapsed()
    );
    run(&mut connection, "UNLOCK TABLES").await?;
    // The statement that makes a table and fills it holds it against everybody until it ends.
    let mut maker = writer(&target).await?;
    run(&mut maker, "USE kfp_test_locks").await?;
    let making =
        tokio::spawn(async move { run(&mut maker, "CREATE TABLE slow AS SELECT SLEEP(25) AS a").await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let start = Instant::now();
    let seen = inspect(&target, "kfp_test_locks").await;
    ensure!(start.elapsed() < SOON, "{:?}", start.elapsed());
    match seen {
        // MySQL keeps the unfinished table to itself; MariaDB leaves it out after a while, with a warning.
        Ok(seen) => {
            let verdict = judge(&seen.schema.context("the database is not there")?, catalog()?);
            ensure!(verdict.state == State::Exact, "{verdict:#?}");
        }
        Err(error) => refused(Err::<(), _>(error), ProbeReason::BeingAltered)?,
    }
    making.await??;
    drop_database(connection, "kfp_test_locks").await
}

async fn changed(target: Target, at: usize, change: &Change) -> Result<()> {
    let name = format!("kfp_test_change_{at}");
    let mut connection = installed(&target, &name, change.release).await?;
    for statement in change.statements {
        run(&mut connection, statement).await?;
    }
    let verdict = verdict(&target, &name).await?;
    drop_database(connection, &name).await?;
    ensure!(verdict.state == change.state, "{verdict:#?}");
    let named = verdict
        .differences
        .iter()
        .any(|text| text.starts_with(change.difference));
    ensure!(named, "`{}` is not among {verdict:#?}", change.difference);
    Ok(())
}
