//! LEDGER: reads a database's schema from `information_schema`: no table of the database itself is opened for its rows, and
//! everything read is bounded in time and number.

use std::collections::{BTreeMap, BTreeSet};

use kfp_releases::schema::{ForeignKey, Index, LogicalSchema, Table};
use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::{AssertSqlSafe, Executor, FromRow, Row};

use crate::error::ProbeError;
use crate::session::{Engine, Session, bounded, quoted};
use crate::spelling;
use crate::target::QUERY_LIMIT;

/// How many tables are read: twenty times what the largest release has.
const MAX_TABLES: usize = 250;
/// How many columns, columns of indexes or columns of foreign keys are read: ten times what the largest release has.
const MAX_ROWS: usize = 2_000;

// Every text is CAST, since servers return some columns of information_schema with a binary character set. Names are
// compared again by the caller's own rules: information_schema may compare them without regard to case.
const CURRENT: &str = "SELECT CAST(DATABASE() AS CHAR)";
const TABLES: &str = "SELECT CAST(TABLE_SCHEMA AS CHAR) AS s, CAST(TABLE_NAME AS CHAR) AS t, \
     CAST(TABLE_TYPE AS CHAR) AS type FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()";
const COLUMNS: &str = "SELECT CAST(TABLE_SCHEMA AS CHAR) AS s, CAST(TABLE_NAME AS CHAR) AS t, CAST(COLUMN_NAME AS CHAR) AS c, \
     CAST(COLUMN_TYPE AS CHAR) AS type, CAST(IS_NULLABLE AS CHAR) AS nullable, CAST(COLUMN_DEFAULT AS CHAR) AS dflt, \
     CAST(EXTRA AS CHAR) AS extra FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() \
     ORDER BY TABLE_NAME, ORDINAL_POSITION";
const INDEXES: &str = "SELECT CAST(TABLE_SCHEMA AS CHAR) AS s, CAST(TABLE_NAME AS CHAR) AS t, CAST(INDEX_NAME AS CHAR) AS i, \
     CAST(NON_UNIQUE AS SIGNED) AS several, CAST(COLUMN_NAME AS CHAR) AS c, CAST(SUB_PART AS SIGNED) AS prefix, \
     CAST(COLLATION AS CHAR) AS direction FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() \
     ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX";
const KEYS: &str = "SELECT CAST(TABLE_SCHEMA AS CHAR) AS s, CAST(TABLE_NAME AS CHAR) AS t, CAST(CONSTRAINT_NAME AS CHAR) AS f, \
     CAST(COLUMN_NAME AS CHAR) AS c, CAST(REFERENCED_TABLE_SCHEMA AS CHAR) AS rs, CAST(REFERENCED_TABLE_NAME AS CHAR) AS rt, \
     CAST(REFERENCED_COLUMN_NAME AS CHAR) AS rc FROM information_schema.KEY_COLUMN_USAGE \
     WHERE TABLE_SCHEMA = DATABASE() AND REFERENCED_TABLE_NAME IS NOT NULL \
     ORDER BY TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION";
const RULES: &str = "SELECT CAST(CONSTRAINT_SCHEMA AS CHAR) AS s, CAST(TABLE_NAME AS CHAR) AS t, CAST(CONSTRAINT_NAME AS CHAR) AS f, \
     CAST(DELETE_RULE AS CHAR) AS deletes, CAST(UPDATE_RULE AS CHAR) AS updates \
     FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = DATABASE()";

/// Warnings with which MariaDB leaves a table out of what it returns: a lock waited for too long, and a definition that is
/// being changed. MySQL from 8.0 on reads its dictionary and skips nothing.
const SKIPPED: [i64; 2] = [1205, 1684];

/// Why a schema could not be put together.
enum Failure {
    Query(sqlx::Error),
    TooLarge { what: &'static str, limit: usize },
    BeingAltered { tables: String },
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Query(error)
    }
}

impl Session {
    /// The schema of `database`, read within [`QUERY_LIMIT`].
    pub async fn read_schema(&mut self, database: &str) -> Result<LogicalSchema, ProbeError> {
        let engine = self.facts().engine;
        let (connection, context) = self.parts("reading the schema", database);
        let read = bounded(QUERY_LIMIT, read(connection, engine, database)).await;
        let (address, database) = (context.address.to_owned(), database.to_owned());
        match read {
            Err(cut) => Err(context.cut(cut)),
            Ok(Ok(schema)) => Ok(schema),
            Ok(Err(Failure::Query(error))) => Err(context.classify(&error)),
            Ok(Err(Failure::TooLarge { what, limit })) => Err(ProbeError::TooLarge {
                address,
                database,
                what,
                limit,
            }),
            Ok(Err(Failure::BeingAltered { tables })) => Err(ProbeError::BeingAltered {
                address,
                database,
                tables,
            }),
        }
    }
}

async fn read(
    connection: &mut MySqlConnection,
    engine: Engine,
    database: &str,
) -> Result<LogicalSchema, Failure> {
    connection
        .execute(AssertSqlSafe(format!("USE {}", quoted(database))))
        .await?;
    // The name in the server's own spelling, which differs from ours where table names are kept in small letters.
    let schema: String = connection.fetch_one(CURRENT).await?.try_get(0)?;
    let listed: Vec<TableRow> = rows(connection, TABLES, "tables", MAX_TABLES).await?;
    let columns: Vec<ColumnRow> = rows(connection, COLUMNS, "columns", MAX_ROWS).await?;
    let indexes: Vec<IndexRow> = rows(connection, INDEXES, "columns of indexes", MAX_ROWS).await?;
    let rules: Vec<RuleRow> = rows(connection, RULES, "foreign keys", MAX_ROWS).await?;
    let keys: Vec<KeyRow> = rows(connection, KEYS, "columns of foreign keys", MAX_ROWS).await?;
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    for row in columns.into_iter().filter(|row| row.schema == schema) {
        let column = row.column(engine);
        tables
            .entry(row.table)
            .or_default()
            .columns
            .insert(row.name, column);
    }
    agree(listed.into_iter().filter(|row| row.schema == schema), &mut tables)?;
    for row in indexes.into_iter().filter(|row| row.schema == schema) {
        let Some(table) = tables.get_mut(&row.table) else {
            continue;
        };
        let index = table.indexes.entry(row.name).or_insert_with(|| Index {
            unique: !row.several,
            columns: Vec::new(),
        });
        index.columns.push(row.column);
    }
    add_foreign_keys(
        &mut tables,
        keys.into_iter().filter(|row| row.schema == schema),
        rules.into_iter().filter(|row| row.schema == schema),
    )?;
    Ok(LogicalSchema { tables })
}

/// Each listed table has columns, and each that has columns is listed; otherwise one came or went between the queries. A
/// view whose tables are gone has no columns on MariaDB: it stays, as a table without columns.
fn agree(
    listed: impl Iterator<Item = TableRow>,
    tables: &mut BTreeMap<String, Table>,
) -> Result<(), Failure> {
    let mut unlisted: BTreeSet<String> = tables.keys().cloned().collect();
    let mut odd = Vec::new();
    for row in listed {
        unlisted.remove(&row.name);
        if row.kind.contains("VIEW") {
            tables.entry(row.name).or_default();
        } else if !tables.contains_key(&row.name) {
            odd.push(row.name);
        }
    }
    odd.extend(unlisted);
    odd.truncate(5);
    if odd.is_empty() {
        Ok(())
    } else {
        Err(Failure::BeingAltered {
            tables: odd.join(", "),
        })
    }
}

fn add_foreign_keys(
    tables: &mut BTreeMap<String, Table>,
    keys: impl Iterator<Item = KeyRow>,
    rules: impl Iterator<Item = RuleRow>,
) -> Result<(), Failure> {
    let rules: BTreeMap<(String, String), (String, String)> = rules
        .map(|row| ((row.table, row.name), (row.deletes, row.updates)))
        .collect();
    for row in keys {
        let Some(table) = tables.get_mut(&row.table) else {
            continue;
        };
        let Some((deletes, updates)) = rules.get(&(row.table.clone(), row.name.clone())) else {
            return Err(Failure::BeingAltered { tables: row.table });
        };
        let key = table.foreign_keys.entry(row.name).or_insert_with(|| ForeignKey {
            columns: Vec::new(),
            table: row.target,
            references: Vec::new(),
            on_delete: spelling::rule(deletes),
            on_update: spelling::rule(updates),
        });
        key.columns.push(row.column);
        key.references.push(row.referenced);
    }
    Ok(())
}

/// The rows of a query, and an error if there are more than `limit`. Sent as text: a prepared statement takes three trips,
/// each of which may wait for a delayed acknowledgement.
async fn rows<T>(
    connection: &mut MySqlConnection,
    query: &'static str,
    what: &'static str,
    limit: usize,
) -> Result<Vec<T>, Failure>
where
    T: for<'r> FromRow<'r, MySqlRow>,
{
    let bounded = AssertSqlSafe(format!("{query} LIMIT {}", limit.saturating_add(1)));
    let rows = connection.fetch_all(bounded).await?;
    if rows.len() > limit {
        return Err(Failure::TooLarge { what, limit });
    }
    for warning in connection.fetch_all("SHOW WARNINGS").await? {
        if SKIPPED.contains(&warning.try_get_unchecked::<i64, _>("Code")?) {
            return Err(Failure::BeingAltered {
                tables: "one that another session holds".to_owned(),
            });
        }
    }
    Ok(rows.iter().map(T::from_row).collect::<Result<_, _>>()?)
}

struct TableRow {
    schema: String,
    name: String,
    kind: String,
}

impl FromRow<'_, MySqlRow> for TableRow {
    fn from_row(row: &MySqlRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            schema: row.try_get("s")?,
            name: row.try_get("t")?,
            kind: row.try_get("type")?,
        })
    }
}

struct ColumnRow {
    schema: String,
    table: String,
    name: String,
    data_type: String,
    nullable: String,
    default: Option<String>,
    extra: String,
}

impl FromRow<'_, MySqlRow> for ColumnRow {
    fn from_row(row: &MySqlRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            schema: row.try_get("s")?,
            table: row.try_get("t")?,
            name: row.try_get("c")?,
            data_type: row.try_get("type")?,
            nullable: row.try_get("nullable")?,
            default: row.try_get("dflt")?,
            extra: row.try_get::<Option<String>, _>("extra")?.unwrap_or_default(),
        })
    }
}

impl ColumnRow {
    fn column(&self, engine: Engine) -> kfp_releases::schema::Column {
        let default = self.default.as_deref();
        kfp_releases::schema::Column {
            data_type: spelling::data_type(&self.data_type),
            nullable: self.nullable == "YES",
            default: match engine {
                Engine::MySql => spelling::mysql_default(default, &self.extra),
                Engine::MariaDb => spelling::mariadb_default(default),
            },
            extra: spelling::extra(&self.extra),
        }
    }
}

struct IndexRow {
    schema: String,
    table: String,
    name: String,
    several: bool,
    column: String,
}

impl FromRow<'_, MySqlRow> for IndexRow {
    fn from_row(row: &MySqlRow) -> Result<Self, sqlx::Error> {
        let column: Option<String> = row.try_get("c")?;
        let direction: Option<String> = row.try_get("direction")?;
        Ok(Self {
            schema: row.try_get("s")?,
            table: row.try_get("t")?,
            name: row.try_get("i")?,
            several: row.try_get::<i64, _>("several")? != 0,
            column: spelling::index_column(column.as_deref(), row.try_get("prefix")?, direction.as_deref()),
        })
    }
}

struct KeyRow {
    schema: String,
    table: String,
    name: String,
    column: String,
    target: String,
    referenced: String,
}

impl FromRow<'_, MySqlRow> for KeyRow {
    fn from_row(row: &MySqlRow) -> Result<Self, sqlx::Error> {
        let schema: String = row.try_get("s")?;
        let target_schema: String = row.try_get("rs")?;
        let target: String = row.try_get("rt")?;
        Ok(Self {
            table: row.try_get("t")?,
            name: row.try_get("f")?,
            column: row.try_get("c")?,
            target: if target_schema == schema {
                target
            } else {
                format!("{target_schema}.{target}")
            },
            referenced: row.try_get("rc")?,
            schema,
        })
    }
}

struct RuleRow {
    schema: String,
    table: String,
    name: String,
    deletes: String,
    updates: String,
}

impl FromRow<'_, MySqlRow> for RuleRow {
    fn from_row(row: &MySqlRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            schema: row.try_get("s")?,
            table: row.try_get("t")?,
            name: row.try_get("f")?,
            deletes: row.try_get("deletes")?,
            updates: row.try_get("updates")?,
        })
    }
}
