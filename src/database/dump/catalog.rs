//! LEDGER: what there is to dump: tables, their columns and keys; and what a set does not carry, which is refused by name.
//! Rows are read elsewhere.

use kfp_backup::database::ColumnRecord;

use super::literal::Literal;
use crate::bulk::{Bulk, TransferError};
use crate::definition::Definition;
use crate::error::ProbeError;
use crate::reader::text;
use crate::session::quoted;

/// Bytes from which on a column can make a row large.
const WIDE: u64 = 1024;

/// One database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Database {
    pub(crate) name: String,
    pub(crate) character_set: String,
    pub(crate) collation: String,
    pub(crate) tables: Vec<Table>,
}

/// One table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) database: String,
    pub(crate) name: String,
    /// As the server writes it.
    pub(crate) text: String,
    pub(crate) definition: Definition,
    pub(crate) columns: Vec<Column>,
    /// Places, among the columns, of those of the primary key, when rows can be asked for between two of its values.
    pub(crate) key: Option<Vec<usize>>,
    /// Bytes that its rows take on the server, as it estimates.
    pub(crate) data_bytes: u64,
    /// Bytes of a row, as the server estimates.
    pub(crate) row_bytes: u64,
}

/// One column that rows hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// Type without its arguments.
    pub(crate) data_type: String,
    /// Type with its arguments.
    pub(crate) full_type: String,
    pub(crate) character_set: Option<String>,
    pub(crate) collation: Option<String>,
    /// A value can be large.
    pub(crate) wide: bool,
}

impl Table {
    /// `database.table` as SQL.
    pub(crate) fn path(&self) -> String {
        format!("{}.{}", quoted(&self.database), quoted(&self.name))
    }

    /// `database.table` for people.
    pub(crate) fn shown(&self) -> String {
        format!("{}.{}", self.database, self.name)
    }
}

impl Column {
    /// How its values are written.
    pub(crate) fn literal(&self) -> Literal {
        Literal::of(&self.data_type)
    }

    /// What asks for its value with all its digits.
    pub(crate) fn expression(&self) -> String {
        let name = quoted(&self.name);
        // As text, servers round a FLOAT to six digits; as DOUBLE they write as many as tell it from its neighbours.
        if matches!(self.data_type.as_str(), "float" | "double") {
            format!("{name} * 1E0")
        } else {
            name
        }
    }

    pub(crate) fn record(&self) -> ColumnRecord {
        ColumnRecord {
            name: self.name.clone(),
            data_type: self.full_type.clone(),
            collation: self.collation.clone(),
        }
    }
}

/// Names of the tables of a database, in the order of names. Refuses what is not carried.
pub(crate) async fn tables(bulk: &mut Bulk, database: &str) -> Result<Vec<String>, TransferError> {
    let doing = format!("listing the tables of `{database}`");
    let of = text(database);
    let answers = bulk
        .query(
            &doing,
            format!(
                "SELECT TABLE_NAME, TABLE_TYPE, ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA = {of} ORDER BY TABLE_NAME"
            ),
        )
        .await?;
    let mut names = Vec::new();
    let mut refused = Vec::new();
    for answer in answers {
        let (name, kind, engine) = (answer.text(0), answer.text(1), answer.text(2));
        match kind.as_str() {
            "BASE TABLE" if engine.eq_ignore_ascii_case("innodb") => names.push(name),
            // Other engines have no snapshots.
            "BASE TABLE" => refused.push(format!("table {name} of engine {engine}")),
            kind => refused.push(format!("{} {name}", kind.to_lowercase())),
        }
    }
    refused.extend(beside(bulk, &doing, &of).await?);
    names.sort();
    if refused.is_empty() {
        Ok(names)
    } else {
        Err(TransferError::Unsupported {
            database: database.to_owned(),
            what: refused.join(", "),
        })
    }
}

/// Triggers, routines, events and foreign keys to elsewhere.
async fn beside(bulk: &mut Bulk, doing: &str, of: &str) -> Result<Vec<String>, TransferError> {
    let kinds = [
        (
            "trigger",
            format!("SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = {of}"),
        ),
        (
            "routine",
            format!("SELECT ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = {of}"),
        ),
        (
            "event",
            format!("SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = {of}"),
        ),
        (
            "foreign key to another database",
            format!(
                "SELECT DISTINCT CONSTRAINT_NAME FROM information_schema.KEY_COLUMN_USAGE \
                 WHERE TABLE_SCHEMA = {of} AND REFERENCED_TABLE_SCHEMA <> TABLE_SCHEMA"
            ),
        ),
    ];
    let mut found = Vec::new();
    for (kind, sql) in kinds {
        for answer in bulk.query(doing, sql).await? {
            found.push(format!("{kind} {}", answer.text(0)));
        }
    }
    Ok(found)
}

/// A database with these tables.
pub(crate) async fn database(
    bulk: &mut Bulk,
    name: &str,
    tables: &[String],
) -> Result<Database, TransferError> {
    let doing = format!("reading the definition of `{name}`");
    let sql = format!(
        "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {}",
        text(name)
    );
    let answers = bulk.query(&doing, sql).await?;
    let Some(answer) = answers.first() else {
        return Err(TransferError::server(
            &doing,
            ProbeError::UnknownDatabase {
                address: bulk.address().to_owned(),
                database: name.to_owned(),
            },
        ));
    };
    let (character_set, collation) = (answer.text(0), answer.text(1));
    let mut read = Vec::with_capacity(tables.len());
    for table in tables {
        read.push(self::table(bulk, name, table).await?);
    }
    Ok(Database {
        name: name.to_owned(),
        character_set,
        collation,
        tables: read,
    })
}

/// A table.
pub(crate) async fn table(bulk: &mut Bulk, database: &str, name: &str) -> Result<Table, TransferError> {
    let doing = format!("reading the definition of {database}.{name}");
    let path = format!("{}.{}", quoted(database), quoted(name));
    let answers = bulk.query(&doing, format!("SHOW CREATE TABLE {path}")).await?;
    let text_of = answers.first().map(|answer| answer.text(1)).unwrap_or_default();
    let Some(definition) = Definition::parse(&text_of) else {
        return Err(TransferError::Unsupported {
            database: database.to_owned(),
            what: format!("table {name}, whose definition is not understood"),
        });
    };
    let of = format!(
        "TABLE_SCHEMA = {} AND TABLE_NAME = {}",
        text(database),
        text(name)
    );
    let columns = columns(bulk, &doing, &of).await?;
    let key = key(bulk, &doing, &of, &columns).await?;
    let sql = format!("SELECT DATA_LENGTH, AVG_ROW_LENGTH FROM information_schema.TABLES WHERE {of}");
    let answers = bulk.query(&doing, sql).await?;
    let size = |column| answers.first().map_or(0, |answer| answer.number(column));
    Ok(Table {
        database: database.to_owned(),
        name: name.to_owned(),
        text: text_of,
        definition,
        columns,
        key,
        data_bytes: size(0),
        row_bytes: size(1),
    })
}

/// The columns that rows hold: all but those that the server computes.
async fn columns(bulk: &mut Bulk, doing: &str, of: &str) -> Result<Vec<Column>, TransferError> {
    let sql = format!(
        "SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, CHARACTER_SET_NAME, COLLATION_NAME, CHARACTER_OCTET_LENGTH, EXTRA, \
         GENERATION_EXPRESSION FROM information_schema.COLUMNS WHERE {of} ORDER BY ORDINAL_POSITION"
    );
    let answers = bulk.query(doing, sql).await?;
    let kept = answers.iter().filter(|answer| {
        // `DEFAULT_GENERATED` of MySQL is a default that is computed once.
        let extra = answer
            .text(6)
            .to_ascii_uppercase()
            .replace("DEFAULT_GENERATED", "");
        !extra.contains("GENERATED") && answer.text(7).is_empty()
    });
    Ok(kept
        .map(|answer| {
            let data_type = answer.text(1).to_ascii_lowercase();
            // JSON of MySQL and geometries have no length.
            let endless = matches!(data_type.as_str(), "json" | "vector")
                || (data_type.contains("geom"))
                || matches!(
                    data_type.as_str(),
                    "linestring" | "polygon" | "multipoint" | "multilinestring" | "multipolygon"
                );
            Column {
                name: answer.text(0),
                full_type: answer.text(2),
                character_set: answer.optional(3),
                collation: answer.optional(4),
                wide: endless || answer.number(5) > WIDE,
                data_type,
            }
        })
        .collect())
}

/// Places of the primary key's columns, when the server compares each as we write it, with the key's own order: whole columns
/// of numbers, times, texts and bytes.
async fn key(
    bulk: &mut Bulk,
    doing: &str,
    of: &str,
    columns: &[Column],
) -> Result<Option<Vec<usize>>, TransferError> {
    let sql = format!(
        "SELECT COLUMN_NAME, SUB_PART FROM information_schema.STATISTICS WHERE {of} AND INDEX_NAME = 'PRIMARY' ORDER BY SEQ_IN_INDEX"
    );
    let answers = bulk.query(doing, sql).await?;
    let place = |name: &str| {
        columns.iter().position(|column| {
            column.name == name
                && matches!(
                    column.data_type.as_str(),
                    "tinyint"
                        | "smallint"
                        | "mediumint"
                        | "int"
                        | "bigint"
                        | "decimal"
                        | "year"
                        | "date"
                        | "datetime"
                        | "timestamp"
                        | "char"
                        | "varchar"
                        | "binary"
                        | "varbinary"
                )
        })
    };
    let key: Option<Vec<usize>> = answers
        .iter()
        .map(|answer| {
            answer
                .optional(1)
                .is_none()
                .then(|| place(&answer.text(0)))
                .flatten()
        })
        .collect();
    Ok(key.filter(|key| !key.is_empty()))
}
