//! LEDGER: why a dump, a load or a verification failed, in words and as a stable reason.

use std::fmt;
use std::time::Duration;

use crate::error::ProbeError;
use crate::parts::PartError;

/// Something that a loaded database has not as the set says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Database looked at.
    pub database: String,
    /// Table.
    pub table: String,
    /// What is not the same.
    pub what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}: {}", self.database, self.table, self.what)
    }
}

/// A dump, a load or a verification that failed. No text holds a password or a value of a row but its key.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The server could not be asked, or refused a statement.
    #[error("{}{error}", prefix(.doing))]
    Server {
        /// What was being done, with the table.
        doing: String,
        /// Number of the server's error.
        number: Option<u16>,
        /// What it was.
        error: ProbeError,
    },
    /// Other sessions held locks too long for all tables to be read as of one moment.
    #[error(
        "the tables at {address} could not be locked within {} s, since other sessions hold them; find long transactions with SHOW PROCESSLIST, or try again later",
        limit.as_secs()
    )]
    SnapshotLockTimeout {
        /// `host:port`.
        address: String,
        /// Limit that passed.
        limit: Duration,
    },
    /// Another session wants to change a table that was being read, and went first.
    #[error("gave way to a change of table {table} by another session ({statement}); begin anew")]
    GaveWay {
        /// Table.
        table: String,
        /// Beginning of the statement that waited.
        statement: String,
    },
    /// A table was changed after the moment that is read, so that its rows of then cannot be read any more.
    #[error("table {table} was changed while it was waiting to be read ({why}); begin anew")]
    SchemaChanged {
        /// Table.
        table: String,
        /// What the server said.
        why: String,
    },
    /// Something in the database is not carried by a set.
    #[error(
        "database `{database}` holds what a backup does not carry: {what}; remove it, or back it up by other means"
    )]
    Unsupported {
        /// Database.
        database: String,
        /// Everything of the kind, by name.
        what: String,
    },
    /// No server takes a statement that inserts this row.
    #[error(
        "table {table}: the row {key} needs a statement of {bytes} bytes, and no server takes more than {limit}; shorten the row"
    )]
    RowTooLarge {
        /// Table.
        table: String,
        /// Primary key of the row.
        key: String,
        /// Bytes of the statement.
        bytes: u64,
        /// Most that a server can be set to take.
        limit: u64,
    },
    /// The server that is loaded takes no statement as long as the largest row needs.
    #[error(
        "table {table} has a row that needs a statement of {needs} bytes, and the server at {address} takes {allows}; raise max_allowed_packet there"
    )]
    PacketTooSmall {
        /// `host:port`.
        address: String,
        /// Table.
        table: String,
        /// Bytes of the statement.
        needs: u64,
        /// Bytes that the server takes.
        allows: u64,
    },
    /// The server that is loaded has not what the tables are made of.
    #[error("the server at {address} ({server}) cannot hold these tables: it knows no collation {missing}")]
    CollationMissing {
        /// `host:port`.
        address: String,
        /// Kind and version.
        server: String,
        /// Collations.
        missing: String,
    },
    /// There is something where a database is to be loaded.
    #[error("database `{database}` is not empty ({holds}); say that it may be replaced, or name another")]
    NotEmpty {
        /// Database.
        database: String,
        /// What it holds.
        holds: String,
    },
    /// Another load works on the database right now.
    #[error("another load of database `{database}` is running; wait for its end")]
    Busy {
        /// Database.
        database: String,
    },
    /// A part could not be written or read.
    #[error(transparent)]
    Part(#[from] PartError),
    /// A part does not hold what the set says.
    #[error("part {part}: {why}; the set is damaged, take another one")]
    Content {
        /// Path of the part.
        part: String,
        /// What is wrong with it.
        why: String,
    },
    /// A loaded database is not what the set says.
    #[error("what was loaded differs from the set: {}", list(.0))]
    Differs(Vec<Difference>),
    /// Whoever asked for it does not want it any more.
    #[error("cancelled")]
    Cancelled,
}

fn prefix(doing: &str) -> String {
    if doing.is_empty() {
        String::new()
    } else {
        format!("{doing}: ")
    }
}

/// Differences that a message names.
const NAMED: usize = 10;

fn list(differences: &[Difference]) -> String {
    let mut texts: Vec<String> = differences.iter().take(NAMED).map(ToString::to_string).collect();
    if differences.len() > NAMED {
        texts.push(format!("and {} more", differences.len() - NAMED));
    }
    texts.join("; ")
}

impl TransferError {
    pub(crate) fn server(doing: &str, error: ProbeError) -> Self {
        Self::Server {
            doing: doing.to_owned(),
            number: None,
            error,
        }
    }

    /// Number of the server's error, when it was one.
    pub(crate) fn number(&self) -> Option<u16> {
        match self {
            Self::Server { number, .. } => *number,
            _ => None,
        }
    }

    /// The stable reason: CamelCase, for conditions, events and metric labels.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Server { error, .. } => error.reason().as_str(),
            Self::SnapshotLockTimeout { .. } => "SnapshotLockTimeout",
            Self::GaveWay { .. } => "GaveWay",
            Self::SchemaChanged { .. } => "SchemaChanged",
            Self::Unsupported { .. } => "Unsupported",
            Self::RowTooLarge { .. } => "RowTooLarge",
            Self::PacketTooSmall { .. } => "PacketTooSmall",
            Self::CollationMissing { .. } => "CollationMissing",
            Self::NotEmpty { .. } => "NotEmpty",
            Self::Busy { .. } => "Busy",
            Self::Part(error) => error.reason,
            Self::Content { .. } => "PartContent",
            Self::Differs(_) => "Differs",
            Self::Cancelled => "Cancelled",
        }
    }

    /// The same may succeed when it is begun anew, without anybody changing credentials, settings or data.
    #[must_use]
    pub fn retry(&self) -> bool {
        match self {
            Self::Server { error, .. } => error.retry(),
            Self::Part(error) => error.retry,
            Self::SnapshotLockTimeout { .. }
            | Self::GaveWay { .. }
            | Self::SchemaChanged { .. }
            | Self::Busy { .. } => true,
            Self::Unsupported { .. }
            | Self::RowTooLarge { .. }
            | Self::PacketTooSmall { .. }
            | Self::CollationMissing { .. }
            | Self::NotEmpty { .. }
            | Self::Content { .. }
            | Self::Differs(_)
            | Self::Cancelled => false,
        }
    }
}
