//! LEDGER: looks at real MySQL and MariaDB servers. Needs servers, given as `user:password@host:port`, separated by spaces,
//! in `KFP_TEST_DATABASE_SERVERS`; the user must be allowed everything. Ignored unless asked for.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::sync::LazyLock;
use std::time::Duration;

use kfp_database::{
    Credentials, Engine, ProbeReason, State, Target, Verdict, create_statements, inspect, judge, probe,
    read_schema,
};
use kfp_releases::schema::SchemaCatalog;
use rstest::rstest;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

static CATALOG: LazyLock<SchemaCatalog> = LazyLock::new(|| SchemaCatalog::load().unwrap());

fn servers() -> Vec<Target> {
    let list =
        std::env::var("KFP_TEST_DATABASE_SERVERS").expect("KFP_TEST_DATABASE_SERVERS names the servers");
    let servers: Vec<Target> = list.split_whitespace().map(parse).collect();
    assert!(!servers.is_empty(), "KFP_TEST_DATABASE_SERVERS is empty");
    servers
}

fn parse(text: &str) -> Target {
    let (login, address) = text.rsplit_once('@').expect("user:password@host:port");
    let (username, password) = login.split_once(':').expect("user:password@host:port");
    let (host, port) = address.rsplit_once(':').expect("user:password@host:port");
    let credentials = Credentials {
        username: username.to_owned(),
        password: password.to_owned(),
    };
    Target {
        host: host.to_owned(),
        port: port.parse().expect("a port"),
        credentials,
    }
}

/// A connection that may write, which no look has.
async fn writer(target: &Target) -> MySqlConnection {
    let options = MySqlConnectOptions::new()
        .host(&target.host)
        .port(target.port)
        .ssl_mode(MySqlSslMode::Disabled);
    let Credentials { username, password } = &target.credentials;
    options
        .username(username)
        .password(password)
        .connect()
        .await
        .unwrap()
}

async fn run(connection: &mut MySqlConnection, statement: &str) {
    let done = connection.execute(AssertSqlSafe(statement.to_owned())).await;
    done.unwrap_or_else(|error| panic!("{statement}: {error}"));
}

/// An empty database of this name, and a connection that stands in it.
async fn fresh_database(target: &Target, name: &str) -> MySqlConnection {
    let mut connection = writer(target).await;
    let quoted = name.replace('`', "``");
    for statement in ["DROP DATABASE IF EXISTS", "CREATE DATABASE", "USE"] {
        run(&mut connection, &format!("{statement} `{quoted}`")).await;
    }
    connection
}

async fn installed(target: &Target, name: &str, release: &str) -> MySqlConnection {
    let mut connection = fresh_database(target, name).await;
    let release = CATALOG.of_release(release.parse().unwrap()).unwrap();
    for statement in create_statements(&release.schema) {
        run(&mut connection, &statement).await;
    }
    connection
}

async fn verdict(target: &Target, name: &str) -> Verdict {
    let inspection = inspect(target, name).await.unwrap();
    judge(&inspection.schema.expect("the database is there"), &CATALOG)
}

async fn drop_database(mut connection: MySqlConnection, name: &str) {
    run(
        &mut connection,
        &format!("DROP DATABASE `{}`", name.replace('`', "``")),
    )
    .await;
    connection.close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs real database servers"]
async fn every_schema_of_the_catalog_is_read_back_as_it_was_written() {
    for target in servers() {
        for release in CATALOG.schemas() {
            let first = release.releases.keys().next().unwrap().to_string();
            let connection = installed(&target, "kfp_test_exact", &first).await;
            assert_eq!(
                read_schema(&target, "kfp_test_exact").await.unwrap(),
                release.schema,
                "{first} on {target:?}"
            );
            let verdict = verdict(&target, "kfp_test_exact").await;
            assert_eq!(verdict.state, State::Exact);
            assert!(release.releases.keys().eq(&verdict.matches));
            drop_database(connection, "kfp_test_exact").await;
        }
    }
}

#[rstest]
#[case::leftover("2.14.4", &["ALTER TABLE run_details MODIFY WorkflowSpecManifest longtext NOT NULL"], State::Tolerated,
    "run_details.WorkflowSpecManifest: found longtext not null, 2.14.0 has longtext null")]
#[case::rollback("2.16.1", &["CREATE UNIQUE INDEX name_namespace_index ON pipelines (Name, Namespace)"], State::Tolerated,
    "index pipelines.name_namespace_index: found unique (Name, Namespace), not in 2.15.0")]
#[case::default("2.14.4", &["ALTER TABLE pipelines MODIFY DisplayName varchar(255) NOT NULL DEFAULT ''"], State::Tolerated,
    "pipelines.DisplayName: found varchar(255) not null default '', 2.14.0 has varchar(255) not null")]
#[case::unfinished("2.16.1", &["ALTER TABLE tasks MODIFY UUID varchar(255) NOT NULL"], State::HalfMigrated,
    "tasks.UUID: found varchar(255), 2.15.0 has varchar(191)")]
#[case::key_gone("2.16.1", &["ALTER TABLE tasks DROP FOREIGN KEY tasks_RunUUID_run_details_UUID_foreign"], State::HalfMigrated,
    "foreign key tasks.tasks_RunUUID_run_details_UUID_foreign: missing, 2.15.0 has (RunUUID) references run_details(UUID) on delete cascade on update cascade")]
#[case::interrupted_install("2.16.1", &["DROP TABLE tasks"], State::HalfMigrated, "table tasks: missing")]
#[case::other_rule("2.16.1", &["ALTER TABLE tasks DROP FOREIGN KEY tasks_RunUUID_run_details_UUID_foreign",
    "ALTER TABLE tasks ADD CONSTRAINT tasks_RunUUID_run_details_UUID_foreign FOREIGN KEY (RunUUID) REFERENCES run_details (UUID)"],
    State::Foreign,
    "foreign key tasks.tasks_RunUUID_run_details_UUID_foreign: found (RunUUID) references run_details(UUID) on delete no action \
     on update no action, 2.15.0 has (RunUUID) references run_details(UUID) on delete cascade on update cascade")]
#[case::column("2.17.0", &["ALTER TABLE jobs ADD Colour int unsigned DEFAULT 7"], State::Foreign,
    "jobs.Colour: found int unsigned null default '7', not in 2.17.0")]
#[case::moment("2.17.0", &["ALTER TABLE jobs ADD At timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP"],
    State::Foreign, "jobs.At: found timestamp not null default (current_timestamp) on update current_timestamp, not in 2.17.0")]
#[case::text("2.17.0", &["ALTER TABLE jobs ADD Words varchar(20) DEFAULT 'it''s \\\\ it'"], State::Foreign,
    "jobs.Words: found varchar(20) null default 'it's \\ it', not in 2.17.0")]
#[case::counter("2.17.0", &["ALTER TABLE jobs ADD Nr bigint AUTO_INCREMENT UNIQUE"], State::Foreign,
    "jobs.Nr: found bigint not null auto_increment, not in 2.17.0")]
#[case::prefix_index("2.17.0", &["CREATE INDEX words ON jobs (PipelineSpecManifest(20), Name DESC)"], State::Foreign,
    "index jobs.words: found (PipelineSpecManifest(20), Name")]
#[case::table("2.17.0", &["CREATE TABLE `a``b '\"; --` (`c d` enum('x','y,z') PRIMARY KEY)"], State::Foreign,
    "table a`b '\"; --: not in 2.17.0")]
#[case::view("2.17.0", &["CREATE VIEW runs AS SELECT UUID FROM run_details"], State::Foreign, "table runs: not in 2.17.0")]
#[case::broken_view("2.17.0", &["CREATE TABLE gone (a int)", "CREATE VIEW runs AS SELECT a FROM gone", "DROP TABLE gone"],
    State::Foreign, "table runs: not in 2.17.0")]
#[tokio::test]
#[ignore = "needs real database servers"]
async fn what_was_changed_on_a_server_is_judged_and_named(
    #[case] release: &str,
    #[case] statements: &[&str],
    #[case] state: State,
    #[case] difference: &str,
) {
    for target in servers() {
        let name = format!(
            "kfp_test_{}",
            std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos()
        );
        let mut connection = installed(&target, &name, release).await;
        for statement in statements {
            run(&mut connection, statement).await;
        }
        let verdict = verdict(&target, &name).await;
        drop_database(connection, &name).await;
        assert_eq!(verdict.state, state, "{verdict:#?} on {target:?}");
        let named = verdict
            .differences
            .iter()
            .any(|text| text.starts_with(&difference.replace('\n', "\u{fffd}")));
        assert!(named, "{verdict:#?} on {target:?}");
    }
}

#[tokio::test]
#[ignore = "needs real database servers"]
async fn a_database_without_tables_is_empty_and_one_that_is_not_there_is_absent() {
    for target in servers() {
        for name in ["kfp_test_empty", "kfp_test_`'\"; DROP DATABASE mysql; --"] {
            let connection = fresh_database(&target, name).await;
            assert_eq!(verdict(&target, name).await.state, State::Empty);
            drop_database(connection, name).await;
            assert_eq!(inspect(&target, name).await.unwrap().schema, None);
            let error = read_schema(&target, name).await.unwrap_err();
            assert_eq!(error.reason(), ProbeReason::UnknownDatabase, "{error}");
        }
    }
}

#[tokio::test]
#[ignore = "needs real database servers"]
async fn each_server_is_told_by_its_own_name() {
    for target in servers() {
        let mut connection = writer(&target).await;
        let comment: String = sqlx::query_scalar("SELECT CAST(@@version_comment AS CHAR)")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        let facts = probe(&target).await.unwrap();
        let version: String = sqlx::query_scalar("SELECT CAST(@@version AS CHAR)")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(facts.server_version, version);
        let maria =
            comment.contains("MariaDB") || version.contains("MariaDB") || comment.contains("Debian 12");
        assert_eq!(facts.engine == Engine::MariaDb, maria, "{comment}, {version}");
    }
}

#[tokio::test]
#[ignore = "needs real database servers"]
async fn an_account_with_rights_on_its_database_alone_can_look_and_a_wrong_one_is_denied() {
    for target in servers() {
        let mut connection = installed(&target, "kfp_test_rights", "2.16.1").await;
        run(&mut connection, "DROP USER IF EXISTS kfp_test_user").await;
        run(
            &mut connection,
            "CREATE USER kfp_test_user IDENTIFIED BY 'right: #1\\'\"'",
        )
        .await;
        let no_rights = with(&target, "right: #1'\"");
        let error = inspect(&no_rights, "kfp_test_rights").await.unwrap_err();
        assert_eq!(error.reason(), ProbeReason::AccessDenied, "{error}");
        run(
            &mut connection,
            "GRANT SELECT, INSERT ON kfp_test_rights.* TO kfp_test_user",
        )
        .await;
        for _ in 0..2 {
            assert_eq!(verdict(&no_rights, "kfp_test_rights").await.state, State::Exact);
        }
        let error = probe(&with(&target, "wrong")).await.unwrap_err();
        assert_eq!(
            (error.reason(), error.retry()),
            (ProbeReason::AccessDenied, false)
        );
        assert!(error.to_string().contains("kfp_test_user"), "{error}");
        run(
            &mut connection,
            "ALTER USER kfp_test_user WITH MAX_USER_CONNECTIONS 1",
        )
        .await;
        let held = writer(&no_rights).await;
        let error = probe(&no_rights).await.unwrap_err();
        assert_eq!(error.reason(), ProbeReason::TooManyConnections, "{error}");
        held.close().await.unwrap();
        run(&mut connection, "DROP USER kfp_test_user").await;
        drop_database(connection, "kfp_test_rights").await;
    }
}

fn with(target: &Target, password: &str) -> Target {
    let credentials = Credentials {
        username: "kfp_test_user".to_owned(),
        password: password.to_owned(),
    };
    Target {
        credentials,
        ..target.clone()
    }
}

#[tokio::test]
#[ignore = "needs real database servers"]
async fn a_look_waits_for_no_reader_and_no_change_for_long() {
    for target in servers() {
        let mut connection = installed(&target, "kfp_test_locks", "2.16.1").await;
        run(&mut connection, "LOCK TABLES pipelines WRITE").await;
        let start = std::time::Instant::now();
        assert_eq!(verdict(&target, "kfp_test_locks").await.state, State::Exact);
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
        run(&mut connection, "UNLOCK TABLES").await;
        // A table that is being filled by the statement that makes it is locked against everybody until that ends.
        let mut maker = writer(&target).await;
        run(&mut maker, "USE kfp_test_locks").await;
        let making =
            tokio::spawn(async move { run(&mut maker, "CREATE TABLE slow AS SELECT SLEEP(8) AS a").await });
        tokio::time::sleep(Duration::from_secs(1)).await;
        let start = std::time::Instant::now();
        let seen = inspect(&target, "kfp_test_locks").await;
        assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
        match seen {
            // MySQL keeps the unfinished table to itself; MariaDB leaves it out after a while, with a warning.
            Ok(seen) => assert_eq!(judge(&seen.schema.unwrap(), &CATALOG).state, State::Exact),
            Err(error) => {
                assert!(
                    matches!(error.reason(), ProbeReason::Timeout | ProbeReason::BeingAltered),
                    "{error}"
                );
                assert!(error.retry());
            }
        }
        making.await.unwrap();
        drop_database(connection, "kfp_test_locks").await;
    }
}
