//! FACTS: a database schema as a value, free of engines' spelling, and its parts by name. No SQL, no I/O.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// A database schema without what engines say differently about the same thing: no collations, no display widths, one
/// spelling of types and defaults. Two databases of different engines made by the same server have equal ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogicalSchema {
    /// Tables by name. Views count as tables without indexes.
    pub tables: BTreeMap<String, Table>,
}

/// One table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Table {
    /// Columns by name, in their order; equality does not look at the order, since upgraded databases have another.
    pub columns: IndexMap<String, Column>,
    /// Indexes by name; the primary key is called `PRIMARY`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub indexes: BTreeMap<String, Index>,
    /// Foreign keys by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub foreign_keys: BTreeMap<String, ForeignKey>,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Column {
    /// Type as SQL writes it, in small letters; integers without display width, except `tinyint(1)`.
    #[serde(rename = "type")]
    pub data_type: String,
    /// Takes NULL.
    #[serde(default)]
    pub nullable: bool,
    /// Default: the text of a literal, or an expression in parentheses. Unset where there is none, or where it is NULL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// What else the server does with it, in small letters, such as `auto_increment`; mostly empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub extra: String,
}

/// One index.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Index {
    /// Refuses a second row of equal values.
    #[serde(default)]
    pub unique: bool,
    /// Columns in order; `name(10)` for a prefix, `name desc` for a descending one, `(expression)` for a computed one.
    pub columns: Vec<String>,
}

/// One foreign key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ForeignKey {
    /// Columns in order.
    pub columns: Vec<String>,
    /// Table referred to; `schema.table` for one in another schema.
    pub table: String,
    /// Columns referred to, in order.
    pub references: Vec<String>,
    /// What a deletion of the row referred to does: `CASCADE`, `SET NULL`, `SET DEFAULT` or `NO ACTION` (also for `RESTRICT`).
    pub on_delete: String,
    /// What a change of the key referred to does; values as above.
    pub on_update: String,
}

/// A part of a schema that can be there or not. Ordered by table, then as listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// Table it belongs to, or is.
    pub table: String,
    /// What it is, with its own name.
    pub part: Part,
}

/// What a part of a schema is, with its own name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The table itself.
    Table,
    /// A column.
    Column(String),
    /// An index.
    Index(String),
    /// A foreign key.
    ForeignKey(String),
}

/// What a part of a schema is like.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Definition {
    /// A table.
    Table,
    /// A column.
    Column(Column),
    /// An index.
    Index(Index),
    /// A foreign key.
    ForeignKey(ForeignKey),
}

impl LogicalSchema {
    /// Every part of the schema by its key: what schemas are compared by.
    #[must_use]
    pub fn objects(&self) -> BTreeMap<ObjectKey, Definition> {
        let mut objects = BTreeMap::new();
        for (name, table) in &self.tables {
            let mut put = |part, definition| {
                objects.insert(
                    ObjectKey {
                        table: name.clone(),
                        part,
                    },
                    definition,
                )
            };
            put(Part::Table, Definition::Table);
            for (name, column) in &table.columns {
                put(Part::Column(name.clone()), Definition::Column(column.clone()));
            }
            for (name, index) in &table.indexes {
                put(Part::Index(name.clone()), Definition::Index(index.clone()));
            }
            for (name, key) in &table.foreign_keys {
                put(
                    Part::ForeignKey(name.clone()),
                    Definition::ForeignKey(key.clone()),
                );
            }
        }
        objects
    }
}

impl fmt::Display for ObjectKey {
    /// `table.column`, `table NAME`, `index table.name` or `foreign key table.name`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = &self.table;
        match &self.part {
            Part::Table => write!(formatter, "table {table}"),
            Part::Column(name) => write!(formatter, "{table}.{name}"),
            Part::Index(name) => write!(formatter, "index {table}.{name}"),
            Part::ForeignKey(name) => write!(formatter, "foreign key {table}.{name}"),
        }
    }
}

impl fmt::Display for Definition {
    /// The definition in SQL's words, without the name.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table => formatter.write_str("a table"),
            Self::Column(column) => {
                let null = if column.nullable { "null" } else { "not null" };
                write!(formatter, "{} {null}", column.data_type)?;
                if let Some(default) = &column.default {
                    let quote = if default.starts_with('(') { "" } else { "'" };
                    write!(formatter, " default {quote}{default}{quote}")?;
                }
                if column.extra.is_empty() {
                    Ok(())
                } else {
                    write!(formatter, " {}", column.extra)
                }
            }
            Self::Index(index) => {
                let kind = if index.unique { "unique " } else { "" };
                write!(formatter, "{kind}({})", index.columns.join(", "))
            }
            Self::ForeignKey(key) => write!(
                formatter,
                "({}) references {}({}) on delete {} on update {}",
                key.columns.join(", "),
                key.table,
                key.references.join(", "),
                key.on_delete.to_lowercase(),
                key.on_update.to_lowercase(),
            ),
        }
    }
}

impl FromStr for ObjectKey {
    type Err = String;

    /// Reads what `Display` writes, as far as names of KFP go: without dots and spaces.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (part, path): (fn(String) -> Part, &str) = match text {
            _ if text.starts_with("index ") => (Part::Index, &text["index ".len()..]),
            _ if text.starts_with("foreign key ") => (Part::ForeignKey, &text["foreign key ".len()..]),
            _ => (Part::Column, text),
        };
        match path.split_once('.') {
            Some((table, name)) if !table.is_empty() && !name.is_empty() && !path.contains(' ') => Ok(Self {
                table: table.to_owned(),
                part: part(name.to_owned()),
            }),
            _ => Err(format!(
                "`{text}` names no part of a schema: write `table.column`, `index table.name` or `foreign key table.name`"
            )),
        }
    }
}

impl<'de> Deserialize<'de> for ObjectKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}
