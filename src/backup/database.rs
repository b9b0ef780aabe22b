//! SETS: what a manifest tells of the databases in a set: as they were at one moment, table by table, and which parts hold
//! them. Pure: dumping and loading are done elsewhere. No value of a row stands here.

use serde::{Deserialize, Serialize};

use crate::rows::Rows;

/// All databases of a set at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabasesRecord {
    /// The server that they were read from.
    pub server: ServerRecord,
    /// How one moment was made sure of.
    pub snapshot: SnapshotRecord,
    /// The databases, in the order in which they were asked for.
    pub databases: Vec<DatabaseRecord>,
}

impl DatabasesRecord {
    /// Rows of all tables, without their checksum.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.tables().map(|table| table.rows.rows).sum()
    }

    /// Bytes of all values of all tables.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.tables().map(|table| table.rows.bytes).sum()
    }

    /// The database of this name.
    #[must_use]
    pub fn database(&self, name: &str) -> Option<&DatabaseRecord> {
        self.databases.iter().find(|database| database.name == name)
    }

    fn tables(&self) -> impl Iterator<Item = &TableRecord> {
        self.databases.iter().flat_map(|database| &database.tables)
    }
}

/// Kind of database server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServerKind {
    /// Oracle MySQL, and what calls itself so.
    #[serde(rename = "MySQL")]
    MySql,
    /// MariaDB.
    #[serde(rename = "MariaDB")]
    MariaDb,
}

impl ServerKind {
    /// The name that people know it by.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MySql => "MySQL",
            Self::MariaDb => "MariaDB",
        }
    }
}

/// The server that databases were read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerRecord {
    /// Kind of server.
    pub kind: ServerKind,
    /// Version as the server writes it, for example `10.11.14-MariaDB-0+deb12u2`.
    pub version: String,
}

/// How all rows came to be of one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotRecord {
    /// The way.
    pub method: SnapshotMethod,
    /// Connections that read.
    pub readers: u32,
    /// The moment by the server's clock, in UTC: `2026-11-24T01:49:00.123456Z`.
    pub taken_at: String,
}

/// A way to read many tables as they were at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SnapshotMethod {
    /// All tables were locked against writing while every reader began its snapshot.
    LockedTables,
    /// The account may not lock tables: a single reader, whose one snapshot covers all databases.
    SingleReader,
}

/// One database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseRecord {
    /// Name that it had.
    pub name: String,
    /// Default character set.
    pub character_set: String,
    /// Default collation.
    pub collation: String,
    /// Path of the part with the statements that make its tables.
    pub schema: String,
    /// Path of the part with the statements that make secondary indexes and foreign keys.
    pub indexes: String,
    /// Its tables, in the order of their names.
    pub tables: Vec<TableRecord>,
}

/// One table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TableRecord {
    /// Name.
    pub name: String,
    /// `SHOW CREATE TABLE` as the server wrote it.
    pub definition: String,
    /// The columns that rows hold, in order. Generated columns are left out.
    pub columns: Vec<ColumnRecord>,
    /// All its rows.
    #[serde(flatten)]
    pub rows: Rows,
    /// Bytes of the largest row's values.
    pub largest_row: u64,
    /// Bytes of the longest statement that inserts its rows; `max_allowed_packet` must be larger where it is loaded.
    pub largest_statement: u64,
    /// The parts that hold its rows.
    pub chunks: Vec<ChunkRecord>,
}

/// One column whose values were read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ColumnRecord {
    /// Name.
    pub name: String,
    /// Type as the server writes it, for example `varchar(255)`.
    #[serde(rename = "type")]
    pub data_type: String,
    /// Collation of a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<String>,
}

/// Rows of a table that one part holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChunkRecord {
    /// Path of the part.
    pub part: String,
    /// Its rows.
    #[serde(flatten)]
    pub rows: Rows,
}
