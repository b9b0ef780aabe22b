//! FACTS: the pipelines database as each release leaves it, and the states that are known beside it. No SQL, no I/O.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::files::SCHEMAS;
use crate::version::Version;

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

/// How it is known that a release leaves this schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Evidence {
    /// The release was run and its database read.
    Run,
    /// The release's source has the same models as one that was run.
    Source,
}

/// One part of a schema in a state other than a fresh install's, and why it is known to be met.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KnownState {
    /// The part.
    pub object: ObjectKey,
    /// Its definition in the words of [`Definition`]'s `Display`. Unset where the part is missing.
    #[serde(default)]
    pub found: Option<String>,
    /// What brings it about, and what becomes of it.
    pub because: String,
}

impl KnownState {
    /// The part stands in this known state.
    #[must_use]
    pub fn explains(&self, object: &ObjectKey, found: Option<&Definition>) -> bool {
        self.object == *object && self.found == found.map(ToString::to_string)
    }
}

/// The schema that one or more releases leave after a fresh install.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReleaseSchema {
    /// The releases, ascending.
    pub releases: BTreeMap<Version, Evidence>,
    /// An install makes tables first and their further indexes and foreign keys after them. Unset: each table with all
    /// its parts in one statement.
    #[serde(default)]
    pub stepwise: bool,
    /// States met in the middle of a fresh install.
    #[serde(default)]
    pub installing: Vec<KnownState>,
    /// States met while a database is brought from an older schema to this one, or through this one to a newer one.
    #[serde(default)]
    pub upgrading: Vec<KnownState>,
    /// States that servers of these releases are known to leave or to bear.
    #[serde(default)]
    pub tolerated: Vec<KnownState>,
    /// The schema.
    #[serde(rename = "tables")]
    pub schema: LogicalSchema,
}

/// The schemas of all releases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaCatalog {
    schemas: Vec<ReleaseSchema>,
}

/// A data file of this crate that can't be used. It is compiled in, so this is a defect of the build.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("data/schemas/{file}.yaml: {why}")]
pub struct SchemaDataError {
    file: String,
    why: String,
}

impl SchemaCatalog {
    /// Reads the data files that are compiled in.
    pub fn load() -> Result<Self, SchemaDataError> {
        let mut schemas = Vec::with_capacity(SCHEMAS.len());
        for (file, text) in SCHEMAS {
            let read: Result<ReleaseSchema, _> = serde_saphyr::from_str(text);
            schemas.push(read.map_err(|error| SchemaDataError {
                file: (*file).to_owned(),
                why: error.to_string(),
            })?);
        }
        Ok(Self::new(schemas))
    }

    /// A catalog of the given schemas, in whatever order they come.
    #[must_use]
    pub fn new(mut schemas: Vec<ReleaseSchema>) -> Self {
        schemas.sort_by(|one, other| one.releases.keys().cmp(other.releases.keys()));
        Self { schemas }
    }

    /// The schemas, from the oldest release to the newest.
    #[must_use]
    pub fn schemas(&self) -> &[ReleaseSchema] {
        &self.schemas
    }

    /// The schema that this release leaves.
    #[must_use]
    pub fn of_release(&self, release: Version) -> Option<&ReleaseSchema> {
        self.schemas
            .iter()
            .find(|schema| schema.releases.contains_key(&release))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rstest::rstest;

    use super::{Definition, ObjectKey, SchemaCatalog};
    use crate::files::SCHEMAS;

    fn catalog() -> SchemaCatalog {
        SchemaCatalog::load().unwrap()
    }

    #[test]
    fn no_release_has_two_schemas_and_no_schema_comes_twice() {
        let catalog = catalog();
        let mut releases = BTreeSet::new();
        for (at, schema) in catalog.schemas().iter().enumerate() {
            for release in schema.releases.keys() {
                assert!(releases.insert(*release), "{release} has two schemas");
            }
            for other in &catalog.schemas()[at + 1..] {
                assert_ne!(
                    schema.schema, other.schema,
                    "{:?} and {:?}",
                    schema.releases, other.releases
                );
            }
        }
    }

    #[test]
    fn each_file_is_named_after_a_release_of_its_own() {
        let catalog = catalog();
        for (file, _) in SCHEMAS {
            assert!(catalog.of_release(file.parse().unwrap()).is_some(), "{file}");
        }
    }

    #[rstest]
    #[case("2.15.0", "2.16.1", true)]
    #[case("2.14.4", "2.15.0", false)]
    #[case("2.16.1", "2.17.0", false)]
    #[case("2.3.0", "2.5.0", false)]
    fn releases_with_the_same_schema_share_it(#[case] one: &str, #[case] other: &str, #[case] same: bool) {
        let catalog = catalog();
        let schema = |release: &str| &catalog.of_release(release.parse().unwrap()).unwrap().schema;
        assert_eq!(schema(one) == schema(other), same);
    }

    #[test]
    fn keys_name_columns_of_their_table_and_foreign_keys_point_at_a_unique_key() {
        for release in catalog().schemas() {
            let tables = &release.schema.tables;
            for (name, table) in tables {
                assert!(table.indexes.contains_key("PRIMARY"), "{name} has no primary key");
                let indexed = table.indexes.values().flat_map(|index| &index.columns);
                let keyed = table.foreign_keys.values().flat_map(|key| &key.columns);
                for column in indexed.chain(keyed) {
                    assert!(
                        table.columns.contains_key(column),
                        "{name} has no column {column}"
                    );
                }
                for key in table.foreign_keys.values() {
                    let target = &tables[&key.table];
                    assert!(
                        target
                            .indexes
                            .values()
                            .any(|index| index.unique && index.columns == key.references)
                    );
                    for (from, to) in key.columns.iter().zip(&key.references) {
                        assert_eq!(
                            table.columns[from].data_type, target.columns[to].data_type,
                            "{name}.{from}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn known_states_differ_from_the_fresh_schema_and_name_its_tables() {
        for release in catalog().schemas() {
            let objects = release.schema.objects();
            for state in release
                .tolerated
                .iter()
                .chain(&release.installing)
                .chain(&release.upgrading)
            {
                assert!(
                    release.schema.tables.contains_key(&state.object.table),
                    "{}",
                    state.object
                );
                assert!(
                    !state.explains(&state.object, objects.get(&state.object)),
                    "{} is no deviation",
                    state.object
                );
                assert!(!state.because.is_empty());
            }
        }
    }

    #[rstest]
    #[case("tasks.UUID", "varchar(191) not null")]
    #[case("jobs.UpdatedAtInSec", "bigint null default '0'")]
    #[case("index run_metrics.PRIMARY", "unique (RunUUID, NodeID, Name)")]
    #[case(
        "foreign key tasks.tasks_RunUUID_run_details_UUID_foreign",
        "(RunUUID) references run_details(UUID) on delete cascade on update cascade"
    )]
    fn parts_are_named_and_described_in_words_of_sql(#[case] object: &str, #[case] description: &str) {
        let catalog = catalog();
        let key: ObjectKey = object.parse().unwrap();
        let objects = catalog
            .of_release("2.16.1".parse().unwrap())
            .unwrap()
            .schema
            .objects();
        assert_eq!(key.to_string(), object);
        assert_eq!(
            objects.get(&key).map(Definition::to_string).as_deref(),
            Some(description)
        );
    }

    #[rstest]
    #[case("tasks")]
    #[case("index tasks")]
    #[case("column tasks.UUID")]
    #[case(".UUID")]
    fn what_names_no_part_is_refused(#[case] text: &str) {
        assert!(text.parse::<ObjectKey>().is_err());
    }
}
