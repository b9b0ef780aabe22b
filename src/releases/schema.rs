//! FACTS: the pipelines database as each release leaves it, and the states that are known beside it. No SQL, no I/O.

mod logical;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::files::SCHEMAS;
use crate::version::Version;

pub use logical::{Column, Definition, ForeignKey, Index, LogicalSchema, ObjectKey, Part, Table};

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
