//! LEDGER: one connection to a server, set up so that a look can neither write, nor wait on anybody's locks, nor outlive its
//! limits on the server. What is asked through it stands elsewhere.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use tokio::time::timeout;

use crate::error::{Context, Cut, ProbeError};
use crate::target::{CONNECT_LIMIT, Credentials, QUERY_LIMIT, Target};

/// How long a read may wait for one metadata lock, in seconds. MariaDB waits twice for a table that another session holds
/// (seen on 10.11), which stays below [`QUERY_LIMIT`]: the server gives up first, and no forgotten session of ours stands
/// in a queue of locks, where it would hold up those behind it.
const LOCK_WAIT_SECONDS: u64 = 1;

/// How long saying goodbye may take; past it the connection is dropped.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// Kind of database server, from what it says of itself. Compatible servers (Percona, Aurora) count as MySQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Engine {
    /// Oracle MySQL, and what calls itself so.
    MySql,
    /// MariaDB.
    MariaDb,
}

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFacts {
    /// Kind of server.
    pub engine: Engine,
    /// Version as the server writes it, for example `10.11.14-MariaDB-0+deb12u2` or `8.4.6`.
    pub server_version: String,
}

impl ServerFacts {
    /// Reads the value of `VERSION()`.
    pub(crate) fn from_version(server_version: String) -> Self {
        let engine = if server_version.to_ascii_lowercase().contains("mariadb") {
            Engine::MariaDb
        } else {
            Engine::MySql
        };
        Self {
            engine,
            server_version,
        }
    }
}

/// A read-only session with time limits on both sides.
#[derive(Debug)]
pub struct Session {
    target: Target,
    address: String,
    connection: MySqlConnection,
    facts: ServerFacts,
}

impl Session {
    /// Connects, logs in, and sets the session up, all within [`CONNECT_LIMIT`].
    pub async fn open(target: &Target) -> Result<Self, ProbeError> {
        let address = target.address();
        let context = context(target, &address, "connecting", CONNECT_LIMIT);
        match bounded(CONNECT_LIMIT, greet(&options(target))).await {
            Ok(Ok((connection, facts))) => Ok(Self {
                target: target.clone(),
                address,
                connection,
                facts,
            }),
            Ok(Err(error)) => Err(context.classify(&error)),
            Err(cut) => Err(context.cut(cut)),
        }
    }

    /// What the server says of itself.
    #[must_use]
    pub fn facts(&self) -> &ServerFacts {
        &self.facts
    }

    /// The connection itself, read-only, for queries of other rooms' making.
    pub fn connection(&mut self) -> &mut MySqlConnection {
        &mut self.connection
    }

    /// The connection, and the words for what goes wrong with it.
    pub(crate) fn parts<'a>(
        &'a mut self,
        doing: &'static str,
        database: &'a str,
    ) -> (&'a mut MySqlConnection, Context<'a>) {
        let context = Context {
            database,
            ..context(&self.target, &self.address, doing, QUERY_LIMIT)
        };
        (&mut self.connection, context)
    }

    /// Says goodbye. A server that does not take it in time is left as it is.
    pub async fn close(self) {
        // Nothing depends on the goodbye: without it the server notices the closed socket and counts an aborted client.
        drop(bounded(CLOSE_LIMIT, self.connection.close()).await);
    }
}

/// Waits for what a server has to say, but not longer than `limit`, and whatever it is: the driver (sqlx 0.9) panics at some
/// packets that no database server sends, such as a greeting of protocol 9.
pub(crate) async fn bounded<T>(limit: Duration, exchange: impl Future<Output = T>) -> Result<T, Cut> {
    match timeout(limit, AssertUnwindSafe(exchange).catch_unwind()).await {
        Ok(Ok(said)) => Ok(said),
        Ok(Err(_)) => Err(Cut::Gibberish),
        Err(_) => Err(Cut::Late),
    }
}

/// An identifier in backticks.
pub(crate) fn quoted(identifier: &str) -> String {
    format!("`{}`", identifier.replace('`', "``"))
}

pub(crate) fn context<'a>(
    target: &'a Target,
    address: &'a str,
    doing: &'static str,
    limit: Duration,
) -> Context<'a> {
    Context {
        address,
        username: &target.credentials.username,
        database: "",
        doing,
        limit,
    }
}

/// The server's SQL mode and time zone stay as they are: nothing that is asked depends on them.
pub(crate) fn options(target: &Target) -> MySqlConnectOptions {
    let Credentials { username, password } = &target.credentials;
    let options = MySqlConnectOptions::new()
        .host(&target.host)
        .port(target.port)
        .username(username);
    // The driver sends an empty password as one of no letters, which a server without a password refuses.
    let options = if password.is_empty() {
        options
    } else {
        options.password(password)
    };
    options
        .ssl_mode(MySqlSslMode::Disabled)
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .timezone(None)
        .statement_cache_capacity(0)
        .disable_statement_logging()
}

async fn greet(options: &MySqlConnectOptions) -> Result<(MySqlConnection, ServerFacts), sqlx::Error> {
    let mut connection = options.connect().await?;
    let version: String = sqlx::query_scalar("SELECT CAST(VERSION() AS CHAR)")
        .fetch_one(&mut connection)
        .await?;
    let facts = ServerFacts::from_version(version);
    let limit = match facts.engine {
        Engine::MySql => format!("max_execution_time = {}", QUERY_LIMIT.as_millis()),
        Engine::MariaDb => format!("max_statement_time = {}", QUERY_LIMIT.as_secs()),
    };
    let limits = format!("SET SESSION lock_wait_timeout = {LOCK_WAIT_SECONDS}, SESSION {limit}");
    connection.execute(AssertSqlSafe(limits)).await?;
    connection.execute("SET SESSION TRANSACTION READ ONLY").await?;
    Ok((connection, facts))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Engine, ServerFacts, quoted};

    #[rstest]
    #[case("10.11.14-MariaDB-0+deb12u2", Engine::MariaDb)]
    #[case("5.5.5-10.4.32-mariadb", Engine::MariaDb)]
    #[case("8.4.6", Engine::MySql)]
    #[case("9.7.4-2", Engine::MySql)]
    #[case("8.0.36-28", Engine::MySql)]
    #[case("", Engine::MySql)]
    fn the_engine_is_told_by_the_version(#[case] version: &str, #[case] engine: Engine) {
        assert_eq!(ServerFacts::from_version(version.to_owned()).engine, engine);
    }

    #[rstest]
    #[case("mlpipeline", "`mlpipeline`")]
    #[case("a`; DROP DATABASE b; --", "`a``; DROP DATABASE b; --`")]
    fn identifiers_can_not_leave_their_quotes(#[case] name: &str, #[case] sql: &str) {
        assert_eq!(quoted(name), sql);
    }
}
