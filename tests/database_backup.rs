//! PROOF (real databases): what is dumped and loaded is the same, value by value, as the server itself compares it; for every
//! type and every byte.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use kfp_backup::database::DatabasesRecord;
use kfp_backup::manifest;
use kfp_database::dump::{self, dump};
use kfp_database::load::{self, Database, Loaded, load};
use kfp_database::{Engine, Target, Tell, TransferError, create_statements, probe};
use kfp_releases::schema::SchemaCatalog;
use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Executor, Row};
use tokio_util::sync::CancellationToken;

use crate::database_cases::{drop_database, fresh_database, run, writer};
use crate::database_hostile;
use crate::database_parts::{At, Shelf};

/// Nobody listens.
pub fn silent() -> Tell {
    Arc::new(|_| {})
}

/// Dumps databases onto a shelf.
pub async fn dumped(
    target: &Target,
    names: &[&str],
    shelf: &Arc<Shelf>,
) -> Result<DatabasesRecord, TransferError> {
    let options = dump::Options::of(names.iter().map(|name| (*name).to_owned()).collect());
    let sink = Arc::new(At(Arc::clone(shelf)));
    dump(target, &options, sink, silent(), &CancellationToken::new()).await
}

/// How to load databases under other names.
pub fn renamed(names: &[(&str, &str)]) -> load::Options {
    load::Options {
        id: "20261124T014900Z-1a2b3c/x7k2ma".to_owned(),
        databases: names
            .iter()
            .map(|(recorded, into)| Database {
                recorded: (*recorded).to_owned(),
                into: (*into).to_owned(),
            })
            .collect(),
        writers: 2,
        replace: false,
        patience: std::time::Duration::ZERO,
        keep_mark: false,
    }
}

/// Loads from a shelf.
pub async fn loaded(
    target: &Target,
    record: &DatabasesRecord,
    options: &load::Options,
    shelf: &Arc<Shelf>,
) -> Result<Loaded, TransferError> {
    let source = Arc::new(At(Arc::clone(shelf)));
    load(
        target,
        record,
        options,
        source,
        silent(),
        &CancellationToken::new(),
    )
    .await
}

/// Fails unless it failed with this reason, and named `names`.
pub fn failed<T: std::fmt::Debug>(result: Result<T, TransferError>, reason: &str, names: &str) -> Result<()> {
    match result {
        Ok(done) => anyhow::bail!("{done:?}, where {reason} was due"),
        Err(error) => {
            ensure!(
                error.reason() == reason && error.to_string().contains(names),
                "{error} ({}), where {reason} with `{names}` was due",
                error.reason()
            );
            Ok(())
        }
    }
}

/// The server's own checksums of all tables of a database.
pub async fn checksums(
    connection: &mut MySqlConnection,
    database: &str,
) -> Result<Vec<(String, Option<i64>)>> {
    let sql = format!(
        "SELECT CAST(TABLE_NAME AS CHAR) FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{database}' ORDER BY TABLE_NAME"
    );
    let mut all = Vec::new();
    for row in connection.fetch_all(AssertSqlSafe(sql)).await? {
        let table: String = row.try_get(0)?;
        let name = table.replace('`', "``");
        let sql = format!("CHECKSUM TABLE `{database}`.`{name}`");
        let sum = connection.fetch_one(AssertSqlSafe(sql)).await?;
        all.push((table, sum.try_get_unchecked(1)?));
    }
    Ok(all)
}

/// Tables of every type with every byte.
pub async fn hostile(target: Target) -> Result<()> {
    let engine = probe(&target).await?.engine;
    let mut connection = database_hostile::make(&target, engine, "kfp_bk_hostile").await?;
    let shelf = Shelf::new();
    let record = dumped(&target, &["kfp_bk_hostile"], &shelf).await?;
    // What the record says can be written down and read again.
    let json = serde_json::to_string(&record)?;
    ensure!(
        serde_json::from_str::<DatabasesRecord>(&json)? == record,
        "{json}"
    );
    let before = checksums(&mut connection, "kfp_bk_hostile").await?;
    run(&mut connection, "DROP DATABASE IF EXISTS kfp_bk_hostile_2").await?;
    let options = renamed(&[("kfp_bk_hostile", "kfp_bk_hostile_2")]);
    let done = loaded(&target, &record, &options, &shelf).await?;
    ensure!(
        done.verified.rows == record.rows() && done.chunks_before == 0,
        "{done:?}"
    );
    database_hostile::compare(&mut connection, engine, "kfp_bk_hostile", "kfp_bk_hostile_2").await?;
    let after = checksums(&mut connection, "kfp_bk_hostile_2").await?;
    ensure!(before == after, "{before:?}, and {after:?}");
    // Dumped again, the rows are the same and the definitions too.
    let again = dumped(&target, &["kfp_bk_hostile_2"], &Shelf::new()).await?;
    for (one, other) in record.databases[0].tables.iter().zip(&again.databases[0].tables) {
        ensure!(
            one.rows == other.rows && one.columns == other.columns,
            "{one:?}, and {other:?}"
        );
    }
    by_hand(&target, engine, &record, &shelf, &mut connection).await?;
    run(&mut connection, "DROP DATABASE kfp_bk_hostile_2").await?;
    drop_database(connection, "kfp_bk_hostile").await
}

/// The parts in their order through the server's own client, as a person does it.
async fn by_hand(
    target: &Target,
    engine: Engine,
    record: &DatabasesRecord,
    shelf: &Shelf,
    connection: &mut MySqlConnection,
) -> Result<()> {
    run(connection, "DROP DATABASE IF EXISTS kfp_bk_by_hand").await?;
    run(connection, "CREATE DATABASE kfp_bk_by_hand").await?;
    let database = &record.databases[0];
    let chunks = database.tables.iter().flat_map(|table| &table.chunks);
    let paths = [&database.schema]
        .into_iter()
        .chain(chunks.map(|chunk| &chunk.part))
        .chain([&database.indexes]);
    let stored: Vec<u8> = paths.flat_map(|path| shelf.bytes(path)).collect();
    crate::database_start::client(target, engine, "kfp_bk_by_hand", &stored)?;
    database_hostile::compare(connection, engine, "kfp_bk_hostile", "kfp_bk_by_hand").await?;
    run(connection, "DROP DATABASE kfp_bk_by_hand").await
}

/// Every schema of the catalog, with a few rows in every table.
pub async fn every_schema(target: Target) -> Result<()> {
    let catalog = SchemaCatalog::load()?;
    let mut names = Vec::new();
    let mut connection = writer(&target).await?;
    for (at, release) in catalog.schemas().iter().enumerate() {
        let name = format!("kfp_bk_schema_{at}");
        let mut own = fresh_database(&target, &name).await?;
        for statement in create_statements(&release.schema) {
            run(&mut own, &statement).await?;
        }
        database_hostile::fill(&mut own, &release.schema).await?;
        names.push(name);
    }
    let shelf = Shelf::new();
    let recorded: Vec<&str> = names.iter().map(String::as_str).collect();
    let record = dumped(&target, &recorded, &shelf).await?;
    ensure!(record.rows() > 0, "{record:?}");
    let others: Vec<String> = names.iter().map(|name| format!("{name}_2")).collect();
    let pairs: Vec<(&str, &str)> = recorded
        .iter()
        .copied()
        .zip(others.iter().map(String::as_str))
        .collect();
    for (_, other) in &pairs {
        run(&mut connection, &format!("DROP DATABASE IF EXISTS {other}")).await?;
    }
    loaded(&target, &record, &renamed(&pairs), &shelf).await?;
    for ((name, other), release) in pairs.iter().zip(catalog.schemas()) {
        let (before, after) = (
            checksums(&mut connection, name).await?,
            checksums(&mut connection, other).await?,
        );
        ensure!(before == after, "{name}: {before:?}, and {after:?}");
        let schema = kfp_database::read_schema(&target, other).await?;
        ensure!(schema == release.schema, "{other} is {schema:#?}");
        run(&mut connection, &format!("DROP DATABASE {name}")).await?;
        run(&mut connection, &format!("DROP DATABASE {other}")).await?;
    }
    ensure!(manifest::VERSION == 1, "the format has changed");
    Ok(())
}

/// Many rows, in chunks along keys of one and of several columns, and without a key.
pub async fn many_rows(target: Target) -> Result<()> {
    let mut connection = fresh_database(&target, "kfp_bk_many").await?;
    for statement in [
        "CREATE TABLE digits (d int NOT NULL)",
        "INSERT INTO digits VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)",
        "CREATE TABLE many (a varchar(40) NOT NULL, b int NOT NULL, c int NOT NULL, note varchar(700) NOT NULL, PRIMARY KEY (a, b), KEY (c))",
        "INSERT INTO many SELECT CONCAT('Straße ', f.d, e.d), 1000 * d.d + 100 * c.d + 10 * b.d + a.d, 100 * e.d + d.d, REPEAT(SHA2(CONCAT(a.d, b.d, c.d, d.d, e.d, f.d), 224), 1 + 10 * (c.d > 8)) \
         FROM digits a, digits b, digits c, digits d, digits e, digits f",
    ] {
        run(&mut connection, statement).await?;
    }
    let shelf = Shelf::new();
    let record = dumped(&target, &["kfp_bk_many"], &shelf).await?;
    let many = record.databases[0]
        .tables
        .iter()
        .find(|table| table.name == "many");
    let many = many.context("the table is not in the record")?;
    ensure!(many.rows.rows == 1_000_000 && many.chunks.len() >= 2, "{many:?}");
    run(&mut connection, "DROP DATABASE IF EXISTS kfp_bk_many_2").await?;
    let options = renamed(&[("kfp_bk_many", "kfp_bk_many_2")]);
    loaded(&target, &record, &options, &shelf).await?;
    let (before, after) = (
        checksums(&mut connection, "kfp_bk_many").await?,
        checksums(&mut connection, "kfp_bk_many_2").await?,
    );
    ensure!(before == after, "{before:?}, and {after:?}");
    run(&mut connection, "DROP DATABASE kfp_bk_many_2").await?;
    drop_database(connection, "kfp_bk_many").await
}
