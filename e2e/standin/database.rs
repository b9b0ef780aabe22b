//! Room e2e/standin: the database, treated as the real program treats it: made, brought to its release's schema out
//! of recordings, and used with every right that the program needs. It runs no statement that no real server ran,
//! but for a probe that is rolled back.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, MySqlConnection};

use crate::breach::{Breach, StandinError};
use crate::contract::{CreateDatabase, DatabaseContract};
use crate::data;
use crate::facts::Facts;
use crate::schema::{self, Verdict};
use crate::template::go_duration;
use crate::voice::Voice;

/// Time for one connection.
const LIMIT: Duration = Duration::from_secs(10);
/// First and longest pause between two tries, and their growth, as in github.com/cenkalti/backoff, which KFP uses.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// "Database exists", "table exists", "duplicate column name", "duplicate key name", "duplicate foreign key".
const EXISTS: [u16; 6] = [1007, 1050, 1060, 1061, 1826, 1062];
/// "Can't drop: no such index".
const NO_SUCH_INDEX: u16 = 1091;
/// MariaDB's "can't create table", which it says for a duplicate foreign key with this text.
const CANNOT_CREATE: (u16, &str) = (1005, "errno: 121");

/// Where the database is and who logs in.
struct Target {
    options: MySqlConnectOptions,
    name: String,
    place: String,
}

/// Checks the database, and makes its schema if there is none. `patience` bounds the contract's own time.
pub async fn check(
    contract: &DatabaseContract,
    facts: &Facts,
    patience: Duration,
    voice: &Voice,
) -> Option<Breach> {
    let target = match Target::new(contract, facts) {
        Ok(target) => target,
        Err(problem) => return Some(Breach::new("database", problem, &facts.place, &contract.why)),
    };
    let own = go_duration(&contract.retry_for.expand(facts).text).unwrap_or_default();
    let outcome = match connect(contract, &target, own.min(patience), voice).await {
        Ok(mut connection) => {
            let outcome = use_it(contract, &mut connection, voice).await;
            // The work is done; a server that has gone away since changes nothing of it.
            let _ = connection.close().await;
            outcome
        }
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok(()) => None,
        Err(problem) => Some(Breach::new(
            format!("database {}", target.name),
            problem,
            target.place,
            &contract.why,
        )),
    }
}

impl Target {
    fn new(contract: &DatabaseContract, facts: &Facts) -> Result<Self, String> {
        let [host, port, user, password, name] = [
            &contract.host,
            &contract.port,
            &contract.user,
            &contract.password,
            &contract.name,
        ]
        .map(|template| template.expand(facts).text);
        if host.is_empty() || name.is_empty() {
            return Err("no host or no name of a database is given".to_owned());
        }
        let number = port.parse().map_err(|_| format!("{port:?} is no port"))?;
        let options = MySqlConnectOptions::new()
            .host(&host)
            .port(number)
            .username(&user)
            .password(&password)
            // Real servers log in over plain TCP and leave the session as it is.
            .ssl_mode(MySqlSslMode::Disabled)
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .timezone(None)
            .set_names(true)
            .disable_statement_logging();
        Ok(Self {
            options,
            name,
            place: format!("{host}:{port} as user {user:?}"),
        })
    }
}

/// Logs in, makes the database and selects it; says every failed try and its reason.
async fn connect(
    contract: &DatabaseContract,
    target: &Target,
    patience: Duration,
    voice: &Voice,
) -> Result<MySqlConnection, String> {
    let start = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let attempt = tokio::time::timeout(LIMIT, open(contract, target)).await;
        let reason = match attempt {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) => error,
            Err(_) => format!("no answer within {} s", LIMIT.as_secs()),
        };
        if start.elapsed() + pause > patience {
            return Err(format!("{reason} (tried for {} s)", start.elapsed().as_secs()));
        }
        voice.say(&format!(
            "database {} at {}: {reason}; trying again",
            target.name, target.place
        ));
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

async fn open(contract: &DatabaseContract, target: &Target) -> Result<MySqlConnection, String> {
    let mut connection = target.options.connect().await.map_err(|error| plain(&error))?;
    let create = match contract.create {
        CreateDatabase::Always => format!("CREATE DATABASE {}", target.name),
        CreateDatabase::IfMissing => format!("CREATE DATABASE IF NOT EXISTS {}", target.name),
    };
    run(&mut connection, &create, Tolerance::Existing).await?;
    run(&mut connection, &format!("USE {}", target.name), Tolerance::None).await?;
    Ok(connection)
}

/// Brings the schema to this release's own, and tries every right.
async fn use_it(
    contract: &DatabaseContract,
    connection: &mut MySqlConnection,
    voice: &Voice,
) -> Result<(), String> {
    let shape = schema::read(connection).await.map_err(|error| plain(&error))?;
    let own = &contract.schema;
    match schema::judge(own, &shape).map_err(words)? {
        Verdict::Own => voice.say(&format!("the schema is that of {own}; leaving it alone")),
        Verdict::Empty | Verdict::Begun => {
            voice.say(&format!("making the schema of {own}"));
            apply(connection, own, Tolerance::Existing).await?;
            verify(connection, own).await?;
        }
        Verdict::Other(newer) if contract.leaves_alone.contains(&newer) => voice.say(&format!(
            "the schema is that of {newer}, newer than {own}; the real one was seen to start on it and leave it alone"
        )),
        Verdict::Other(older) if contract.migrates_from.contains(&older) => {
            voice.say(&format!(
                "WOULD HAVE MIGRATED: the schema is that of {older}, and a real {own} migrates it by itself, with no \
                 backup and no way back; running the recorded statements"
            ));
            apply(connection, &format!("{older}-to-{own}"), Tolerance::None).await?;
            verify(connection, own).await?;
        }
        Verdict::Other(other) => {
            return Err(format!(
                "its schema is that of {other}; a real {own} would alter it, and there is no record of what it would do"
            ));
        }
        Verdict::Unknown { extra, missing } => {
            return Err(format!(
                "its schema is that of no recorded release (beside {own}: {} lines more, such as {:?}; {} fewer, such \
                 as {:?}); a real server would alter it, and there is no record of what it would do",
                extra.len(),
                extra.first().map_or("none", String::as_str),
                missing.len(),
                missing.first().map_or("none", String::as_str)
            ));
        }
    }
    if let Some(name) = &contract.every_start {
        apply(connection, name, Tolerance::MissingIndex).await?;
    }
    if let Some(name) = &contract.seed {
        seed(connection, name, voice).await?;
    }
    probe(connection, &contract.probe).await?;
    voice.say("the database can be read and written");
    Ok(())
}

/// Whether the schema is now this release's own.
async fn verify(connection: &mut MySqlConnection, own: &str) -> Result<(), String> {
    let shape = schema::read(connection).await.map_err(|error| plain(&error))?;
    match schema::judge(own, &shape).map_err(words)? {
        Verdict::Own => Ok(()),
        other => Err(format!(
            "its schema is not that of {own} after the recorded statements: {other:?}"
        )),
    }
}

async fn apply(connection: &mut MySqlConnection, name: &str, tolerance: Tolerance) -> Result<(), String> {
    for statement in data::statements(name).map_err(words)? {
        run(connection, &statement, tolerance).await?;
    }
    Ok(())
}

async fn seed(connection: &mut MySqlConnection, name: &str, voice: &Voice) -> Result<(), String> {
    let (rows,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM default_experiments")
        .fetch_one(&mut *connection)
        .await
        .map_err(|error| plain(&error))?;
    if rows > 0 {
        return Ok(());
    }
    voice.say("writing the first rows, as the real one does");
    for statement in filled(name)? {
        run(connection, &statement, Tolerance::Existing).await?;
    }
    Ok(())
}

/// Runs the probe in a transaction that is rolled back, whatever comes of it.
async fn probe(connection: &mut MySqlConnection, name: &str) -> Result<(), String> {
    run(connection, "START TRANSACTION", Tolerance::None).await?;
    let mut outcome = Ok(());
    for statement in filled(name)? {
        outcome = run(connection, &statement, Tolerance::None).await;
        if outcome.is_err() {
            break;
        }
    }
    run(connection, "ROLLBACK", Tolerance::None).await?;
    outcome
}

/// Statements with `{uuid}` and `{now}` filled.
fn filled(name: &str) -> Result<Vec<String>, String> {
    let uuid = uuid::Uuid::new_v4().to_string();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
        .to_string();
    let statements = data::statements(name).map_err(words)?;
    Ok(statements
        .iter()
        .map(|text| text.replace("{uuid}", &uuid).replace("{now}", &now))
        .collect())
}

/// Which refusals are no failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tolerance {
    None,
    /// What is to be made is there already, or what is to be dropped is not.
    Existing,
    /// An index to be dropped is not there.
    MissingIndex,
}

async fn run(connection: &mut MySqlConnection, statement: &str, tolerance: Tolerance) -> Result<(), String> {
    match sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(&mut *connection)
        .await
    {
        Ok(_) => Ok(()),
        Err(error) if tolerated(&error, tolerance) => Ok(()),
        Err(error) => Err(format!("{}, at {:?}", plain(&error), shortened(statement))),
    }
}

fn tolerated(error: &sqlx::Error, tolerance: Tolerance) -> bool {
    let Some((number, message)) = server_error(error) else {
        return false;
    };
    let missing_index = number == NO_SUCH_INDEX;
    match tolerance {
        Tolerance::None => false,
        Tolerance::MissingIndex => missing_index,
        Tolerance::Existing => {
            missing_index
                || EXISTS.contains(&number)
                || (number == CANNOT_CREATE.0 && message.contains(CANNOT_CREATE.1))
        }
    }
}

fn server_error(error: &sqlx::Error) -> Option<(u16, &str)> {
    let database = error.as_database_error()?;
    let own = database.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()?;
    Some((own.number(), own.message()))
}

/// An error as the server words it, with its number.
fn plain(error: &sqlx::Error) -> String {
    match server_error(error) {
        Some((number, message)) => format!("error {number}: {message}"),
        None => crate::http::chain(error),
    }
}

fn shortened(statement: &str) -> String {
    const LONGEST: usize = 120;
    let mut text: String = statement.chars().take(LONGEST).collect();
    if text.len() < statement.len() {
        text.push_str("...");
    }
    text
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn words(error: StandinError) -> String {
    error.to_string()
}
