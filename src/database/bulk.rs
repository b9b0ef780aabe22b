//! LEDGER: a session for bulk work: no limit on how long a statement runs, but on how long either side is silent; what it
//! leaves behind on the server is killed. What is said through it stands elsewhere; looks never use it.

mod error;
mod leash;

use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Either, Executor, Row};
use tokio::time::timeout;

use crate::error::{Cut, ProbeError};
use crate::session::{Engine, ServerFacts, bounded, context, options};
use crate::target::{CONNECT_LIMIT, Target};

pub use self::error::{Difference, TransferError};
pub(crate) use self::leash::Leash;

/// How long the server may be silent while it is being read from or written to. A boundary of a chunk or a statement of a
/// megabyte takes milliseconds; five minutes bear a disk that hangs.
pub(crate) const SILENCE: Duration = Duration::from_mins(5);
/// How long a statement may take that works on whole tables: an index of a large table takes minutes.
pub(crate) const WHOLE_TABLE: Duration = Duration::from_hours(12);
/// How long the server bears a client that takes or sends a part of something slowly, in seconds: a store, or a throttle.
const SLOWNESS_SECONDS: u64 = 900;
/// How long the server bears a client that asks nothing, in seconds. That long it keeps the locks of one whose node died.
pub(crate) const SILENCE_SECONDS: u64 = 300;
/// How long a statement waits for a metadata lock, in seconds; then whoever changes tables goes first.
const LOCK_WAIT_SECONDS: u64 = 10;

/// A session for bulk work.
#[derive(Debug)]
pub(crate) struct Bulk {
    target: Target,
    address: String,
    connection: MySqlConnection,
    facts: ServerFacts,
    id: u64,
    max_packet: u64,
    leash: Leash,
}

impl Bulk {
    /// Connects, logs in, and sets the session up.
    pub(crate) async fn open(target: &Target, leash: &Leash) -> Result<Self, TransferError> {
        let address = target.address();
        let context = context(target, &address, "connecting", CONNECT_LIMIT);
        let (connection, facts, id, max_packet) = match bounded(CONNECT_LIMIT, greet(target)).await {
            Ok(Ok(greeted)) => greeted,
            Ok(Err(error)) => return Err(context.classify(&error).into()),
            Err(cut) => return Err(context.cut(cut).into()),
        };
        leash.hold(id);
        Ok(Self {
            target: target.clone(),
            address,
            connection,
            facts,
            id,
            max_packet,
            leash: leash.clone(),
        })
    }

    /// What the server says of itself.
    pub(crate) fn facts(&self) -> &ServerFacts {
        &self.facts
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The longest statement that the server takes, in bytes.
    pub(crate) fn max_packet(&self) -> u64 {
        self.max_packet
    }

    /// Runs a statement. How many rows it changed. `doing` is told when it fails.
    pub(crate) async fn run(&mut self, doing: &str, sql: impl Into<String>) -> Result<u64, TransferError> {
        self.run_for(SILENCE, doing, sql.into()).await
    }

    /// Runs a statement that may take so long.
    pub(crate) async fn run_for(
        &mut self,
        limit: Duration,
        doing: &str,
        sql: String,
    ) -> Result<u64, TransferError> {
        let done = bounded(limit, self.connection.execute(AssertSqlSafe(sql))).await;
        match done {
            Ok(Ok(done)) => Ok(done.rows_affected()),
            Ok(Err(error)) => Err(self.failed(doing, &error)),
            Err(cut) => Err(self.cut(doing, cut, limit)),
        }
    }

    /// All rows of a query, as texts.
    pub(crate) async fn query(
        &mut self,
        doing: &str,
        sql: impl Into<String>,
    ) -> Result<Vec<Answer>, TransferError> {
        let fetched = bounded(SILENCE, self.connection.fetch_all(AssertSqlSafe(sql.into()))).await;
        match fetched {
            Ok(Ok(rows)) => Ok(rows.into_iter().map(Answer).collect()),
            Ok(Err(error)) => Err(self.failed(doing, &error)),
            Err(cut) => Err(self.cut(doing, cut, SILENCE)),
        }
    }

    /// The rows of a query, one by one.
    ///
    /// The first column must be short: the driver (sqlx 0.9) takes a row whose first value has 16 MiB or more for the end.
    pub(crate) fn stream(&mut self, sql: String) -> Rows<'_> {
        let Self {
            target,
            address,
            connection,
            ..
        } = self;
        Rows {
            target,
            address,
            stream: connection.fetch_many(AssertSqlSafe(sql)),
        }
    }

    /// Gives back what one large packet took.
    pub(crate) fn shrink(&mut self) {
        self.connection.shrink_buffers();
    }

    /// Says goodbye.
    pub(crate) async fn close(self) {
        // Past the goodbye the server closes by itself; one that does not take it is killed with the rest of the leash.
        if let Ok(Ok(())) = bounded(CONNECT_LIMIT, self.connection.close()).await {
            self.leash.release(self.id);
        }
    }

    fn failed(&self, doing: &str, error: &sqlx::Error) -> TransferError {
        classified(&self.target, &self.address, doing, error)
    }

    fn cut(&self, doing: &str, cut: Cut, limit: Duration) -> TransferError {
        TransferError::server(
            doing,
            context(&self.target, &self.address, "a statement", limit).cut(cut),
        )
    }
}

fn classified(target: &Target, address: &str, doing: &str, error: &sqlx::Error) -> TransferError {
    let number = error
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>())
        .map(sqlx::mysql::MySqlDatabaseError::number);
    let error = context(target, address, "a statement", SILENCE).classify(error);
    TransferError::Server {
        doing: doing.to_owned(),
        number,
        error,
    }
}

/// Rows as they come.
pub(crate) struct Rows<'a> {
    target: &'a Target,
    address: &'a str,
    stream: BoxStream<'a, Result<Either<sqlx::mysql::MySqlQueryResult, MySqlRow>, sqlx::Error>>,
}

impl Rows<'_> {
    /// The next row.
    pub(crate) async fn next(&mut self, doing: &str) -> Result<Option<Answer>, TransferError> {
        loop {
            match timeout(SILENCE, self.stream.next()).await {
                Ok(None) => return Ok(None),
                Ok(Some(Ok(Either::Left(_)))) => {}
                Ok(Some(Ok(Either::Right(row)))) => return Ok(Some(Answer(row))),
                Ok(Some(Err(error))) => return Err(classified(self.target, self.address, doing, &error)),
                Err(_) => {
                    let late = context(self.target, self.address, "reading rows", SILENCE).cut(Cut::Late);
                    return Err(TransferError::server(doing, late));
                }
            }
        }
    }
}

/// A row whose values came as texts.
#[derive(Debug)]
pub(crate) struct Answer(MySqlRow);

impl Answer {
    /// The bytes of a column; `None` is NULL, or a column that there is not.
    pub(crate) fn bytes(&self, column: usize) -> Option<&[u8]> {
        self.0
            .try_get_unchecked::<Option<&[u8]>, _>(column)
            .ok()
            .flatten()
    }

    /// A column as text; empty when it is NULL.
    pub(crate) fn text(&self, column: usize) -> String {
        self.optional(column).unwrap_or_default()
    }

    /// A column as text.
    pub(crate) fn optional(&self, column: usize) -> Option<String> {
        self.bytes(column)
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// A column as a number; 0 when it is none.
    pub(crate) fn number(&self, column: usize) -> u64 {
        self.text(column).parse().unwrap_or_default()
    }
}

type Greeted = (MySqlConnection, ServerFacts, u64, u64);

async fn greet(target: &Target) -> Result<Greeted, sqlx::Error> {
    let mut connection = options(target).connect().await?;
    let row = connection
        .fetch_one("SELECT CAST(VERSION() AS CHAR), CONNECTION_ID(), @@max_allowed_packet")
        .await?;
    let answer = Answer(row);
    let facts = ServerFacts::from_version(answer.text(0));
    let unlimited = match facts.engine {
        Engine::MySql => "max_execution_time = 0",
        Engine::MariaDb => "max_statement_time = 0",
    };
    connection
        .execute(AssertSqlSafe(format!(
            "SET SESSION {unlimited}, SESSION lock_wait_timeout = {LOCK_WAIT_SECONDS}, SESSION wait_timeout = {SILENCE_SECONDS}, \
             SESSION net_write_timeout = {SLOWNESS_SECONDS}, SESSION net_read_timeout = {SLOWNESS_SECONDS}, \
             SESSION sql_mode = '{SQL_MODE}', SESSION time_zone = '+00:00'"
        )))
        .await?;
    if facts.engine == Engine::MySql {
        // Sizes of tables as they are now; before 8.0 they always were.
        let _ = connection
            .execute("SET SESSION information_schema_stats_expiry = 0")
            .await;
    }
    Ok((connection, facts, answer.number(1), answer.number(2)))
}

/// How bulk sessions read and write: backslashes escape, zero dates and dates that there are not are kept, and a number 0 is no
/// request for the next one.
pub(crate) const SQL_MODE: &str = "ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO";

impl From<ProbeError> for TransferError {
    fn from(error: ProbeError) -> Self {
        Self::server("", error)
    }
}
