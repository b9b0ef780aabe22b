//! PROOF (real databases): what a damaged set, an interrupted load and a full database come to.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kfp_backup::database::DatabasesRecord;
use kfp_database::Target;
use kfp_database::load::{load, verify};
use sqlx::Connection;
use sqlx::mysql::MySqlConnection;
use tokio_util::sync::CancellationToken;

use crate::database_backup::{checksums, dumped, failed, loaded, renamed, silent};
use crate::database_cases::{drop_database, fresh_database, run};
use crate::database_parts::{At, Shelf};

/// A database whose large table makes several chunks.
pub async fn several_chunks(target: &Target, name: &str) -> Result<MySqlConnection> {
    let mut connection = fresh_database(target, name).await?;
    for statement in [
        "CREATE TABLE rows_of_it (id int AUTO_INCREMENT PRIMARY KEY, text longtext, n int, KEY n (n))",
        "INSERT INTO rows_of_it (text, n) VALUES (REPEAT('a text; ', 25), 1), (REPEAT('b', 200), 2), (REPEAT('c', 200), 3)",
    ] {
        run(&mut connection, statement).await?;
    }
    for _ in 0..10 {
        run(
            &mut connection,
            "INSERT INTO rows_of_it (text, n) SELECT text, n + 1 FROM rows_of_it",
        )
        .await?;
    }
    run(&mut connection, "CREATE TABLE other (id int PRIMARY KEY, of_it int, CONSTRAINT of_it FOREIGN KEY (of_it) REFERENCES rows_of_it (id))").await?;
    run(&mut connection, "INSERT INTO other VALUES (1, 1), (2, NULL)").await?;
    Ok(connection)
}

/// The paths of the parts that hold the large table's rows.
fn parts_of(record: &DatabasesRecord) -> Result<Vec<String>> {
    let table = record.databases[0]
        .tables
        .iter()
        .find(|table| table.name == "rows_of_it");
    let parts = table.map(|table| {
        table
            .chunks
            .iter()
            .map(|chunk| chunk.part.clone())
            .collect::<Vec<_>>()
    });
    parts
        .filter(|parts| parts.len() >= 2)
        .context("there are no two parts")
}

/// Truncated, flipped, swapped, missing and forged parts, each named; then the whole set.
pub async fn damaged(target: Target) -> Result<()> {
    let mut connection = several_chunks(&target, "kfp_bk_damage").await?;
    let shelf = Shelf::new();
    let record = dumped(&target, &["kfp_bk_damage"], &shelf).await?;
    let parts = parts_of(&record)?;
    let options = renamed(&[("kfp_bk_damage", "kfp_bk_damage_2")]);
    run(&mut connection, "DROP DATABASE IF EXISTS kfp_bk_damage_2").await?;
    let (first, second) = (shelf.bytes(&parts[0]), shelf.bytes(&parts[1]));
    for (name, path) in [
        ("schema", &record.databases[0].schema),
        ("rows", &parts[1]),
        ("indexes", &record.databases[0].indexes),
    ] {
        let whole = shelf.bytes(path);
        shelf.damage(path, |bytes| bytes.truncate(bytes.len() - 7));
        failed_by_name(&loaded(&target, &record, &options, &shelf).await, path).context(name)?;
        shelf.damage(path, |bytes| bytes.clone_from(&whole));
        shelf.damage(path, |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        });
        failed_by_name(&loaded(&target, &record, &options, &shelf).await, path).context(name)?;
        shelf.damage(path, |bytes| bytes.clone_from(&whole));
    }
    // All rows are there, and are not loaded again.
    let done = loaded(&target, &record, &options, &shelf).await?;
    let chunks = record.databases[0]
        .tables
        .iter()
        .map(|table| table.chunks.len() as u64);
    ensure!(done.chunks_before == chunks.sum::<u64>(), "{done:?}");
    run(&mut connection, "DROP DATABASE kfp_bk_damage_2").await?;
    // Swapped: each has a digest, but that of the other.
    shelf.damage(&parts[0], |bytes| bytes.clone_from(&second));
    shelf.damage(&parts[1], |bytes| bytes.clone_from(&first));
    failed(
        loaded(&target, &record, &options, &shelf).await,
        "PartDigest",
        "rows_of_it",
    )?;
    shelf.damage(&parts[0], |bytes| bytes.clone_from(&first));
    // Made so: the digest fits, and the rows do not.
    let text = String::from_utf8(zstd::decode_all(second.as_slice())?)?;
    let (header, _) = text.split_at(text.find("INSERT").context("there are no rows")?);
    shelf.forge(&parts[1], zstd::encode_all(header.as_bytes(), 1)?);
    failed(
        loaded(&target, &record, &options, &shelf).await,
        "PartContent",
        &parts[1],
    )?;
    let strange = zstd::encode_all(b"SET NAMES binary;\nDROP DATABASE mysql;\n".as_slice(), 1)?;
    shelf.forge(&parts[1], strange);
    failed(
        loaded(&target, &record, &options, &shelf).await,
        "PartContent",
        &parts[1],
    )?;
    shelf.forge(&parts[1], second);
    let done = loaded(&target, &record, &options, &shelf).await?;
    ensure!(done.verified.rows == record.rows(), "{done:?}");
    same(&mut connection, "kfp_bk_damage", "kfp_bk_damage_2").await?;
    // Once more: it is there already, and found to be the same.
    let again = loaded(&target, &record, &options, &shelf).await?;
    ensure!(
        again.chunks_before == 0 && again.verified == done.verified,
        "{again:?}"
    );
    run(
        &mut connection,
        "UPDATE kfp_bk_damage_2.rows_of_it SET n = 77 WHERE id = 5",
    )
    .await?;
    failed(
        loaded(&target, &record, &options, &shelf).await,
        "NotEmpty",
        "other, rows_of_it",
    )?;
    run(&mut connection, "DROP DATABASE kfp_bk_damage_2").await?;
    drop_database(connection, "kfp_bk_damage").await
}

fn failed_by_name<T: std::fmt::Debug>(
    result: &Result<T, kfp_database::TransferError>,
    path: &str,
) -> Result<()> {
    let error = result.as_ref().err().context("nothing was found")?;
    ensure!(
        ["PartDigest", "PartContent"].contains(&error.reason()) && error.to_string().contains(path),
        "{error} ({})",
        error.reason()
    );
    Ok(())
}

pub async fn same(connection: &mut MySqlConnection, one: &str, other: &str) -> Result<()> {
    let (before, after) = (
        checksums(connection, one).await?,
        checksums(connection, other).await?,
    );
    ensure!(before == after, "{before:?}, and {after:?}");
    Ok(())
}

/// Interrupted again and again, each time a little later.
pub async fn interrupted(target: Target) -> Result<()> {
    let mut connection = several_chunks(&target, "kfp_bk_halt").await?;
    let shelf = Shelf::new();
    let record = dumped(&target, &["kfp_bk_halt"], &shelf).await?;
    let options = renamed(&[("kfp_bk_halt", "kfp_bk_halt_2")]);
    run(&mut connection, "DROP DATABASE IF EXISTS kfp_bk_halt_2").await?;
    let mut done = None;
    for round in 0..60_u64 {
        let source = Arc::new(At(Arc::clone(&shelf)));
        let (target, record, options) = (target.clone(), record.clone(), options.clone());
        let mut loading = tokio::spawn(async move {
            load(
                &target,
                &record,
                &options,
                source,
                silent(),
                &CancellationToken::new(),
            )
            .await
        });
        let limit = Duration::from_millis(5 + 7 * round);
        match tokio::time::timeout(limit, &mut loading).await {
            // Dropped in the middle, as a process that is killed.
            Err(_) => {
                loading.abort();
                // Whoever begins at once may meet what is left of the last one.
                let _ = loading.await;
            }
            Ok(ended) => match ended? {
                Ok(loaded) => {
                    done = Some((round, loaded));
                    break;
                }
                Err(error) => ensure!(error.reason() == "Busy", "{error} in round {round}"),
            },
        }
    }
    let (round, loaded) = done.context("it never came to its end")?;
    ensure!(round > 1, "it was hardly interrupted: {round}, {loaded:?}");
    same(&mut connection, "kfp_bk_halt", "kfp_bk_halt_2").await?;
    run(&mut connection, "DROP DATABASE kfp_bk_halt_2").await?;
    drop_database(connection, "kfp_bk_halt").await
}

/// What is refused before anything happens, and what may be replaced.
pub async fn refused(target: Target) -> Result<()> {
    let mut connection = several_chunks(&target, "kfp_bk_refuse").await?;
    let shelf = Shelf::new();
    let record = dumped(&target, &["kfp_bk_refuse"], &shelf).await?;
    let mut options = renamed(&[("kfp_bk_refuse", "kfp_bk_refuse_2")]);
    let mut there = fresh_database(&target, "kfp_bk_refuse_2").await?;
    run(&mut there, "CREATE VIEW precious AS SELECT 1").await?;
    run(&mut there, "CREATE TABLE old (a int)").await?;
    failed(
        loaded(&target, &record, &options, &shelf).await,
        "NotEmpty",
        "old, precious",
    )?;
    options.replace = true;
    // Nothing that does not fit costs anything.
    let mut other = record.clone();
    other.databases[0].tables[1].largest_statement = 1 << 40;
    failed(
        loaded(&target, &other, &options, &shelf).await,
        "PacketTooSmall",
        "rows_of_it",
    )?;
    let mut other = record.clone();
    other.databases[0].collation = String::from("utf8mb4_klingon_ci");
    failed(
        loaded(&target, &other, &options, &shelf).await,
        "CollationMissing",
        "klingon",
    )?;
    let whole = shelf.bytes(&record.databases[0].schema);
    let text = String::from_utf8(zstd::decode_all(whole.as_slice())?)?;
    shelf.forge(
        &record.databases[0].schema,
        zstd::encode_all(text.replace(" longtext", " klingontext").as_bytes(), 1)?,
    );
    let error = loaded(&target, &record, &options, &shelf)
        .await
        .err()
        .context("it fits")?;
    ensure!(
        error
            .to_string()
            .contains("trying whether the tables of kfp_bk_refuse fit"),
        "{error}"
    );
    shelf.forge(&record.databases[0].schema, whole);
    run(&mut there, "SELECT * FROM precious")
        .await
        .context("something was removed")?;
    loaded(&target, &record, &options, &shelf).await?;
    same(&mut connection, "kfp_bk_refuse", "kfp_bk_refuse_2").await?;
    there.close().await?;

    // Another load holds the database.
    let mut holder = crate::database_cases::writer(&target).await?;
    run(
        &mut holder,
        "SELECT GET_LOCK(CONCAT('kfp.', SHA2('kfp_bk_refuse_2', 224)), 1)",
    )
    .await?;
    failed(
        loaded(&target, &record, &options, &shelf).await,
        "Busy",
        "kfp_bk_refuse_2",
    )?;
    holder.close().await?;

    // One changed value is found, and no other table is named.
    run(
        &mut connection,
        "UPDATE kfp_bk_refuse_2.rows_of_it SET text = CONCAT(text, ' ') WHERE id = 7",
    )
    .await?;
    run(&mut connection, "DELETE FROM kfp_bk_refuse_2.other WHERE id = 2").await?;
    run(
        &mut connection,
        "ALTER TABLE kfp_bk_refuse_2.other ADD KEY extra (id)",
    )
    .await?;
    run(&mut connection, "CREATE TABLE kfp_bk_refuse_2.extra (a int)").await?;
    let none = CancellationToken::new();
    let seen = verify(&target, &record, &options.databases, silent(), &none).await;
    let error = seen.err().context("nothing was found")?;
    let text = error.to_string();
    let kfp_database::TransferError::Differs(differences) = error else {
        anyhow::bail!("{text}");
    };
    ensure!(differences.len() == 4, "{text}");
    for part in [
        "extra: not in the set",
        "rows_of_it: its rows have checksum",
        "other: 1 rows, the set has 2",
        "other: `KEY `extra` (`id`)`",
    ] {
        ensure!(text.contains(part), "{text} does not tell: {part}");
    }
    run(&mut connection, "DROP DATABASE kfp_bk_refuse_2").await?;
    drop_database(connection, "kfp_bk_refuse").await
}

/// What a set does not carry.
pub async fn not_carried(target: Target) -> Result<()> {
    let mut connection = fresh_database(&target, "kfp_bk_odd").await?;
    for statement in [
        "CREATE TABLE t (a int PRIMARY KEY)",
        "CREATE TABLE m (a int) ENGINE = MyISAM",
        "CREATE VIEW v AS SELECT a FROM t",
        "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1",
        "CREATE PROCEDURE pr () SELECT 1",
        "CREATE EVENT ev ON SCHEDULE EVERY 1 DAY DO SELECT 1",
    ] {
        run(&mut connection, statement).await?;
    }
    let done = dumped(&target, &["kfp_bk_odd"], &Shelf::new()).await;
    let text = done.as_ref().err().map(ToString::to_string).unwrap_or_default();
    for part in [
        "table m of engine MyISAM",
        "view v",
        "trigger tr",
        "routine pr",
        "event ev",
    ] {
        ensure!(text.contains(part), "{text} does not tell: {part}");
    }
    failed(done, "Unsupported", "kfp_bk_odd")?;
    failed(
        dumped(&target, &["kfp_bk_nowhere"], &Shelf::new()).await,
        "UnknownDatabase",
        "kfp_bk_nowhere",
    )?;
    drop_database(connection, "kfp_bk_odd").await
}
