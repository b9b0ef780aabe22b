//! PROOF (real databases): a dump shows one moment while others write, goes out of the way of those that change tables, and
//! leaves nothing behind on the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use kfp_backup::database::{DatabasesRecord, SnapshotMethod};
use kfp_database::dump::{self, dump};
use kfp_database::{Credentials, Engine, Target, TransferError, probe};
use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Connection, Executor, Row};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::database_backup::{failed, loaded, renamed, silent};
use crate::database_cases::{SOON, drop_database, fresh_database, run, writer};
use crate::database_parts::{At, Shelf};

/// Money that moves between two databases; their sum never changes.
const ALL: i64 = 2_000;

async fn number(connection: &mut MySqlConnection, sql: &str) -> Result<i64> {
    let row = connection.fetch_one(AssertSqlSafe(sql.to_owned())).await?;
    Ok(row.try_get_unchecked(0)?)
}

/// Two databases with accounts, and enough beside them that a dump takes a while.
async fn accounts(target: &Target, names: [&str; 2]) -> Result<()> {
    for name in names {
        let mut connection = fresh_database(target, name).await?;
        for statement in [
            "CREATE TABLE accounts (id int PRIMARY KEY, money bigint NOT NULL)",
            "INSERT INTO accounts VALUES (1, 500), (2, 500)",
            "CREATE TABLE moves (id int AUTO_INCREMENT PRIMARY KEY, note longtext)",
            "CREATE TABLE bulk (id int AUTO_INCREMENT PRIMARY KEY, text longtext)",
            "INSERT INTO bulk (text) VALUES (REPEAT('x', 5000))",
        ] {
            run(&mut connection, statement).await?;
        }
        for _ in 0..10 {
            run(&mut connection, "INSERT INTO bulk (text) SELECT text FROM bulk").await?;
        }
        connection.close().await?;
    }
    Ok(())
}

/// Moves money back and forth, and notes each move in both databases.
fn mover(
    target: &Target,
    names: [&'static str; 2],
    stop: &Arc<AtomicBool>,
    number: i64,
    allowed: u64,
) -> JoinHandle<Result<u64>> {
    let (target, stop) = (target.clone(), Arc::clone(stop));
    tokio::spawn(async move {
        let mut connection = writer(&target).await?;
        let (mut moves, mut losses) = (0_u64, 0_u64);
        while !stop.load(Ordering::Relaxed) {
            let (from, to) = if moves.is_multiple_of(2) { (0, 1) } else { (1, 0) };
            let statements = [
                "START TRANSACTION".to_owned(),
                format!(
                    "UPDATE {}.accounts SET money = money - 7 WHERE id = {number}",
                    names[from]
                ),
                format!(
                    "INSERT INTO {}.moves (note) VALUES (REPEAT('from', 100))",
                    names[from]
                ),
                format!(
                    "INSERT INTO {}.moves (note) VALUES (REPEAT('to', 100))",
                    names[to]
                ),
                format!(
                    "UPDATE {}.accounts SET money = money + 7 WHERE id = {number}",
                    names[to]
                ),
                "COMMIT".to_owned(),
            ];
            for statement in statements {
                let Err(error) = run(&mut connection, &statement).await else {
                    continue;
                };
                // On MySQL a transaction over several tables may lose against the locks that begin a snapshot.
                ensure!(format!("{error:#}").contains("1213"), "{error:#}");
                losses += 1;
                run(&mut connection, "ROLLBACK").await?;
                break;
            }
            moves += 1;
        }
        ensure!(losses <= allowed, "{losses} transactions were lost");
        Ok(moves)
    })
}

/// Writers that keep an invariant over two databases, with and without the right to lock.
pub async fn one_moment(target: Target) -> Result<()> {
    const NAMES: [&str; 2] = ["kfp_bk_moment_a", "kfp_bk_moment_b"];
    accounts(&target, NAMES).await?;
    let mut connection = writer(&target).await?;
    for statement in [
        "DROP USER IF EXISTS kfp_bk_reader",
        "CREATE USER kfp_bk_reader IDENTIFIED BY 'reads only'",
        "GRANT SELECT ON kfp_bk_moment_a.* TO kfp_bk_reader",
        "GRANT SELECT ON kfp_bk_moment_b.* TO kfp_bk_reader",
    ] {
        run(&mut connection, statement).await?;
    }
    let reader = Target {
        credentials: Credentials {
            username: "kfp_bk_reader".to_owned(),
            password: "reads only".to_owned(),
        },
        ..target.clone()
    };
    let stop = Arc::new(AtomicBool::new(false));
    let allowed = match probe(&target).await?.engine {
        Engine::MariaDb => 0,
        Engine::MySql => 2,
    };
    let movers = [
        mover(&target, NAMES, &stop, 1, allowed),
        mover(&target, NAMES, &stop, 2, allowed),
    ];
    let mut dumps = Vec::new();
    for (who, method) in [
        (&target, SnapshotMethod::LockedTables),
        (&reader, SnapshotMethod::SingleReader),
    ] {
        let mut options = dump::Options::of(NAMES.map(str::to_owned).to_vec());
        options.bytes_per_second = Some(5_000_000);
        let shelf = Shelf::new();
        let before = number(&mut connection, "SELECT COUNT(*) FROM kfp_bk_moment_a.moves").await?;
        let sink = Arc::new(At(Arc::clone(&shelf)));
        let record = dump(who, &options, sink, silent(), &CancellationToken::new()).await?;
        let after = number(&mut connection, "SELECT COUNT(*) FROM kfp_bk_moment_a.moves").await?;
        ensure!(after > before + 5, "hardly anybody wrote: {before}, {after}");
        ensure!(record.snapshot.method == method, "{:?}", record.snapshot);
        ensure!(record.snapshot.taken_at.ends_with('Z'), "{:?}", record.snapshot);
        dumps.push((record, shelf));
    }
    stop.store(true, Ordering::Relaxed);
    for mover in movers {
        ensure!(mover.await?? > 10, "a writer stood still");
    }
    for (record, shelf) in dumps {
        holds(&target, &mut connection, &record, &shelf).await?;
    }
    run(&mut connection, "DROP USER kfp_bk_reader").await?;
    run(&mut connection, "DROP DATABASE kfp_bk_moment_a").await?;
    drop_database(connection, "kfp_bk_moment_b").await
}

/// Loads a dump and looks whether its databases fit each other.
async fn holds(
    target: &Target,
    connection: &mut MySqlConnection,
    record: &DatabasesRecord,
    shelf: &Arc<Shelf>,
) -> Result<()> {
    let pairs = [
        ("kfp_bk_moment_a", "kfp_bk_then_a"),
        ("kfp_bk_moment_b", "kfp_bk_then_b"),
    ];
    for (_, name) in pairs {
        run(connection, &format!("DROP DATABASE IF EXISTS {name}")).await?;
    }
    loaded(target, record, &renamed(&pairs), shelf).await?;
    let sum = "SELECT CAST((SELECT SUM(money) FROM kfp_bk_then_a.accounts) + (SELECT SUM(money) FROM kfp_bk_then_b.accounts) AS SIGNED)";
    let rows = "SELECT CAST((SELECT COUNT(*) FROM kfp_bk_then_a.moves) AS SIGNED) - CAST((SELECT COUNT(*) FROM kfp_bk_then_b.moves) AS SIGNED)";
    let odd = "SELECT COUNT(*) FROM kfp_bk_then_a.accounts a JOIN kfp_bk_then_b.accounts b USING (id) WHERE a.money + b.money <> 1000";
    let (sum, rows, odd) = (
        number(connection, sum).await?,
        number(connection, rows).await?,
        number(connection, odd).await?,
    );
    ensure!(
        (sum, rows, odd) == (ALL, 0, 0),
        "by {:?}: {sum} of {ALL}, {rows} rows apart, {odd} accounts odd",
        record.snapshot.method
    );
    for (_, name) in pairs {
        run(connection, &format!("DROP DATABASE {name}")).await?;
    }
    Ok(())
}

/// A dump so slow that it is under way for a minute.
fn slow(
    target: &Target,
    names: &[&str],
    cancel: &CancellationToken,
) -> JoinHandle<Result<DatabasesRecord, TransferError>> {
    let mut options = dump::Options::of(names.iter().map(|name| (*name).to_owned()).collect());
    options.bytes_per_second = Some(100_000);
    let (target, cancel) = (target.clone(), cancel.clone());
    tokio::spawn(async move {
        let sink = Arc::new(At(Shelf::new()));
        dump(&target, &options, sink, silent(), &cancel).await
    })
}

/// Fails unless this many sessions, and no more, are in a database or on its tables before long.
async fn nobody_left(connection: &mut MySqlConnection, pattern: &str) -> Result<()> {
    let sql = format!(
        "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() AND INFO LIKE '%{pattern}%'"
    );
    let start = Instant::now();
    while number(connection, &sql).await? > 0 {
        ensure!(start.elapsed() < SOON, "a session is left on {pattern}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Somebody wants to change a table that is being read, and one that is not read yet.
pub async fn gives_way(target: Target) -> Result<()> {
    let mut connection = fresh_database(&target, "kfp_bk_way").await?;
    for statement in [
        "CREATE TABLE bulk (id int AUTO_INCREMENT PRIMARY KEY, text longtext)",
        "INSERT INTO bulk (text) VALUES (REPEAT('x', 50000))",
        "INSERT INTO bulk (text) SELECT text FROM bulk",
        "INSERT INTO bulk (text) SELECT text FROM bulk",
        "INSERT INTO bulk (text) SELECT text FROM bulk",
        "INSERT INTO bulk (text) SELECT text FROM bulk",
        "INSERT INTO bulk (text) SELECT text FROM bulk",
        "INSERT INTO bulk (text) SELECT text FROM bulk",
        "CREATE TABLE small (id int PRIMARY KEY)",
        "ANALYZE TABLE bulk, small",
    ] {
        run(&mut connection, statement).await?;
    }
    let cancel = CancellationToken::new();
    let dumping = slow(&target, &["kfp_bk_way"], &cancel);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    ensure!(
        !dumping.is_finished(),
        "the dump is no slow one: {:?}",
        dumping.await
    );
    let start = Instant::now();
    let altering = tokio::spawn({
        let target = target.clone();
        async move {
            let mut other = writer(&target).await?;
            run(
                &mut other,
                "ALTER TABLE kfp_bk_way.bulk ADD COLUMN more varchar(9), ALGORITHM = COPY",
            )
            .await
        }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    // Behind it waits whoever only reads.
    let rows = number(&mut connection, "SELECT COUNT(*) FROM bulk").await?;
    let waited = start.elapsed();
    altering.await??;
    ensure!(rows == 64 && waited < SOON, "{rows} rows after {waited:?}");
    failed(dumping.await?, "GaveWay", "kfp_bk_way.bulk")?;
    nobody_left(&mut connection, "kfp_bk_way`.").await?;

    // Each reader is within the large table when the small one goes.
    let dumping = slow(&target, &["kfp_bk_way"], &cancel);
    tokio::time::sleep(Duration::from_secs(1)).await;
    run(&mut connection, "DROP TABLE IF EXISTS kfp_bk_way.small").await?;
    // The second reader may have read it by then; then all goes on, until it is cancelled.
    tokio::time::sleep(Duration::from_millis(500)).await;
    cancel.cancel();
    match dumping.await? {
        Err(TransferError::Cancelled | TransferError::SchemaChanged { .. }) => {}
        other => anyhow::bail!("{other:?}"),
    }
    nobody_left(&mut connection, "kfp_bk_way`.").await?;
    drop_database(connection, "kfp_bk_way").await
}

/// A table that goes between the snapshot and its turn; only one reader, so that its turn is late.
pub async fn changed_before_its_turn(target: Target) -> Result<()> {
    let mut connection = fresh_database(&target, "kfp_bk_turn").await?;
    for statement in [
        "CREATE TABLE first (id int AUTO_INCREMENT PRIMARY KEY, text longtext)",
        "INSERT INTO first (text) VALUES (REPEAT('x', 200000)), (REPEAT('x', 200000)), (REPEAT('x', 200000))",
        "CREATE TABLE last (id int PRIMARY KEY, a int)",
        "INSERT INTO last VALUES (1, 1)",
        "ANALYZE TABLE first, last",
    ] {
        run(&mut connection, statement).await?;
    }
    for change in [
        "TRUNCATE TABLE last",
        "ALTER TABLE last DROP COLUMN a",
        "DROP TABLE last",
    ] {
        let mut options = dump::Options::of(vec!["kfp_bk_turn".to_owned()]);
        options.readers = 1;
        options.bytes_per_second = Some(300_000);
        let sink = Arc::new(At(Shelf::new()));
        let dumping = tokio::spawn({
            let target = target.clone();
            async move { dump(&target, &options, sink, silent(), &CancellationToken::new()).await }
        });
        tokio::time::sleep(Duration::from_millis(900)).await;
        run(&mut connection, change).await?;
        failed(dumping.await?, "SchemaChanged", "kfp_bk_turn.last").with_context(|| change.to_owned())?;
    }
    drop_database(connection, "kfp_bk_turn").await
}

/// A transaction of somebody else that does not end.
pub async fn lock_limit(target: Target) -> Result<()> {
    let mut connection = fresh_database(&target, "kfp_bk_lock").await?;
    run(&mut connection, "CREATE TABLE t (id int PRIMARY KEY)").await?;
    run(&mut connection, "CREATE TABLE u (id int PRIMARY KEY)").await?;
    let mut other = writer(&target).await?;
    run(&mut other, "START TRANSACTION").await?;
    run(&mut other, "INSERT INTO kfp_bk_lock.t VALUES (1)").await?;
    let mut options = dump::Options::of(vec!["kfp_bk_lock".to_owned()]);
    options.lock_limit = Duration::from_secs(2);
    let start = Instant::now();
    let sink = Arc::new(At(Shelf::new()));
    let done = dump(&target, &options, sink, silent(), &CancellationToken::new()).await;
    failed(done, "SnapshotLockTimeout", "2 s")?;
    ensure!(start.elapsed() < SOON, "{:?}", start.elapsed());
    nobody_left(&mut connection, "LOCK TABLES").await?;
    // Nobody waits behind it any more.
    let start = Instant::now();
    run(&mut connection, "INSERT INTO u VALUES (1)").await?;
    run(&mut connection, "INSERT INTO t VALUES (2)").await?;
    // Whoever waited would wait for as long as that transaction goes on.
    ensure!(start.elapsed() < SOON, "{:?}", start.elapsed());
    run(&mut other, "ROLLBACK").await?;
    drop_database(connection, "kfp_bk_lock").await
}
