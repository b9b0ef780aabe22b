//! LEDGER: why a look at a database server failed, in words and as a stable reason. No connection is made here.

use std::io;
use std::time::Duration;

use sqlx::mysql::MySqlDatabaseError;

/// Stable reason of a failed look: CamelCase, for conditions, events and metric labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProbeReason {
    /// No server answers at the address.
    Unreachable,
    /// The server refused the user, its password, or a right that the look needs.
    AccessDenied,
    /// The server has no such database.
    UnknownDatabase,
    /// The server took longer than the limit.
    Timeout,
    /// The server takes no more connections.
    TooManyConnections,
    /// The server wants an encrypted connection.
    Tls,
    /// Tables were being changed during the look.
    BeingAltered,
    /// The database holds far more than any release does.
    TooLarge,
    /// Anything else.
    Other,
}

impl ProbeReason {
    /// The reason as text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "Unreachable",
            Self::AccessDenied => "AccessDenied",
            Self::UnknownDatabase => "UnknownDatabase",
            Self::Timeout => "Timeout",
            Self::TooManyConnections => "TooManyConnections",
            Self::Tls => "Tls",
            Self::BeingAltered => "BeingAltered",
            Self::TooLarge => "TooLarge",
            Self::Other => "Other",
        }
    }
}

/// A look at a database server that failed. No text holds a password.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// No server answers at the address.
    #[error(
        "no database server answers at {address}: {why}; see that it runs and that its Service and network policies lead to it"
    )]
    Unreachable {
        /// `host:port`.
        address: String,
        /// What the system said.
        why: String,
    },
    /// The server refused the user, its password, or a right that the look needs.
    #[error(
        "the database server at {address} refuses user `{username}`: {why}; see that the Secret holds what the server was set up with"
    )]
    AccessDenied {
        /// `host:port`.
        address: String,
        /// User that logged in.
        username: String,
        /// What the server said.
        why: String,
    },
    /// The server has no such database.
    #[error("the database server at {address} has no database `{database}`")]
    UnknownDatabase {
        /// `host:port`.
        address: String,
        /// Name asked for.
        database: String,
    },
    /// The server took longer than the limit.
    #[error("{doing} at the database server {address} took longer than {} s; see whether it is overloaded or held by locks", limit.as_secs())]
    Timeout {
        /// `host:port`.
        address: String,
        /// What took so long.
        doing: &'static str,
        /// Limit that passed.
        limit: Duration,
    },
    /// The server takes no more connections.
    #[error(
        "the database server at {address} takes no more connections: {why}; raise max_connections or find who holds them"
    )]
    TooManyConnections {
        /// `host:port`.
        address: String,
        /// What the server said.
        why: String,
    },
    /// The server wants an encrypted connection.
    #[error("the database server at {address} wants an encrypted connection, which is not supported: {why}")]
    Tls {
        /// `host:port`.
        address: String,
        /// What the server said.
        why: String,
    },
    /// Tables were being changed during the look, so that what was read fits no moment.
    #[error(
        "tables of database `{database}` at {address} were being changed while they were read ({tables}); the next look will tell"
    )]
    BeingAltered {
        /// `host:port`.
        address: String,
        /// Database looked at.
        database: String,
        /// Tables concerned.
        tables: String,
    },
    /// The database holds far more than any release does.
    #[error(
        "database `{database}` at {address} has more than {limit} {what}: it is no pipelines database, or not one alone"
    )]
    TooLarge {
        /// `host:port`.
        address: String,
        /// Database looked at.
        database: String,
        /// What there is too much of.
        what: &'static str,
        /// How many would have been read.
        limit: usize,
    },
    /// Anything else.
    #[error("{doing} at the database server {address} failed: {why}")]
    Other {
        /// `host:port`.
        address: String,
        /// What was being done.
        doing: &'static str,
        /// What went wrong.
        why: String,
    },
}

impl ProbeError {
    /// The stable reason.
    #[must_use]
    pub fn reason(&self) -> ProbeReason {
        match self {
            Self::Unreachable { .. } => ProbeReason::Unreachable,
            Self::AccessDenied { .. } => ProbeReason::AccessDenied,
            Self::UnknownDatabase { .. } => ProbeReason::UnknownDatabase,
            Self::Timeout { .. } => ProbeReason::Timeout,
            Self::TooManyConnections { .. } => ProbeReason::TooManyConnections,
            Self::Tls { .. } => ProbeReason::Tls,
            Self::BeingAltered { .. } => ProbeReason::BeingAltered,
            Self::TooLarge { .. } => ProbeReason::TooLarge,
            Self::Other { .. } => ProbeReason::Other,
        }
    }

    /// The same look may succeed later without anybody changing credentials, settings or data.
    #[must_use]
    pub fn retry(&self) -> bool {
        !matches!(
            self.reason(),
            ProbeReason::AccessDenied
                | ProbeReason::Tls
                | ProbeReason::TooLarge
                | ProbeReason::UnknownDatabase
        )
    }
}

/// Why an exchange with a server ended without a result or an error of the driver.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    /// Its time was over.
    Late,
    /// The server broke its protocol in a way that the driver has no error for.
    Gibberish,
}

/// What was being done, and against what, when the driver reported an error.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub address: &'a str,
    pub username: &'a str,
    pub database: &'a str,
    pub doing: &'static str,
    pub limit: Duration,
}

impl Context<'_> {
    /// The driver's error in this room's words.
    pub(crate) fn classify(self, error: &sqlx::Error) -> ProbeError {
        match error {
            sqlx::Error::Io(error) => self.io(error),
            sqlx::Error::Database(error) => match error.try_downcast_ref::<MySqlDatabaseError>() {
                Some(error) => self.server(error.number(), error.message()),
                None => self.other(error.message()),
            },
            sqlx::Error::Tls(error) => ProbeError::Tls {
                address: self.address.to_owned(),
                why: error.to_string(),
            },
            error => self.other(&error.to_string()),
        }
    }

    /// The words for an exchange that was cut.
    pub(crate) fn cut(self, cut: Cut) -> ProbeError {
        match cut {
            Cut::Late => self.timeout(),
            Cut::Gibberish => self.other("the server answered with something that is not its protocol"),
        }
    }

    fn timeout(self) -> ProbeError {
        ProbeError::Timeout {
            address: self.address.to_owned(),
            doing: self.doing,
            limit: self.limit,
        }
    }

    fn other(self, why: &str) -> ProbeError {
        ProbeError::Other {
            address: self.address.to_owned(),
            doing: self.doing,
            why: why.to_owned(),
        }
    }

    fn io(self, error: &io::Error) -> ProbeError {
        match error.kind() {
            io::ErrorKind::TimedOut => self.timeout(),
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => self.other(&error.to_string()),
            _ => ProbeError::Unreachable {
                address: self.address.to_owned(),
                why: error.to_string(),
            },
        }
    }

    /// Server errors by number, the same on MySQL 8 and 9 and MariaDB 10 and 11 unless said otherwise.
    fn server(self, number: u16, message: &str) -> ProbeError {
        let address = self.address.to_owned();
        let why = format!("{message} (error {number})");
        match number {
            // Database, user or host, table, column or global right denied; account locked (MySQL, MariaDB); no login
            // without password; password expired; host blocked; login method unknown to this client.
            1044 | 1045 | 1129 | 1130 | 1142 | 1143 | 1227 | 1251 | 1370 | 1524 | 1698 | 1820 | 1862
            | 3118 | 4151 => ProbeError::AccessDenied {
                address,
                username: self.username.to_owned(),
                why,
            },
            1049 => ProbeError::UnknownDatabase {
                address,
                database: self.database.to_owned(),
            },
            // Too many connections: of all, of this user, of a user's resources.
            1040 | 1203 | 1226 => ProbeError::TooManyConnections { address, why },
            // Shutting down; killed in the middle of it.
            1053 | 1077 | 1079 => ProbeError::Unreachable { address, why },
            // A lock held too long; the session's own limits (MySQL, MariaDB).
            1205 | 1969 | 3024 => self.timeout(),
            3159 => ProbeError::Tls { address, why },
            _ => self.other(&why),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use rstest::rstest;

    use super::{Context, ProbeReason};
    use crate::target::CONNECT_LIMIT;

    const CONTEXT: Context<'_> = Context {
        address: "mysql:3306",
        username: "kfp",
        database: "mlpipeline",
        doing: "connecting",
        limit: CONNECT_LIMIT,
    };

    #[rstest]
    #[case(1045, ProbeReason::AccessDenied, false)]
    #[case(1044, ProbeReason::AccessDenied, false)]
    #[case(1049, ProbeReason::UnknownDatabase, false)]
    #[case(1040, ProbeReason::TooManyConnections, true)]
    #[case(1205, ProbeReason::Timeout, true)]
    #[case(3159, ProbeReason::Tls, false)]
    #[case(1053, ProbeReason::Unreachable, true)]
    #[case(1064, ProbeReason::Other, true)]
    fn server_errors_have_stable_reasons(
        #[case] number: u16,
        #[case] reason: ProbeReason,
        #[case] retry: bool,
    ) {
        let error = CONTEXT.server(number, "said so");
        assert_eq!((error.reason(), error.retry()), (reason, retry));
        assert!(error.to_string().contains("mysql:3306"), "{error}");
    }

    #[rstest]
    #[case(ErrorKind::ConnectionRefused, ProbeReason::Unreachable)]
    #[case(ErrorKind::ConnectionReset, ProbeReason::Unreachable)]
    #[case(ErrorKind::UnexpectedEof, ProbeReason::Unreachable)]
    #[case(ErrorKind::HostUnreachable, ProbeReason::Unreachable)]
    #[case(ErrorKind::TimedOut, ProbeReason::Timeout)]
    #[case(ErrorKind::InvalidData, ProbeReason::Other)]
    fn network_errors_have_stable_reasons(#[case] kind: ErrorKind, #[case] reason: ProbeReason) {
        assert_eq!(
            CONTEXT
                .classify(&sqlx::Error::Io(Error::new(kind, "said so")))
                .reason(),
            reason
        );
    }
}
