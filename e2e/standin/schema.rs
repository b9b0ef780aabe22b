//! Room e2e/standin: what a database looks like, and which recorded schema that is. Reads `information_schema`
//! and changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{MySqlConnection, Row};

use crate::breach::StandinError;
use crate::data;

/// Columns, indexes and foreign keys, one line each, as in `data/schema/*.shape`.
pub type Shape = BTreeSet<String>;

const COLUMNS: &str = "SELECT CAST(TABLE_NAME AS CHAR), CAST(COLUMN_NAME AS CHAR), CAST(COLUMN_TYPE AS CHAR), \
     CAST(IS_NULLABLE AS CHAR), CAST(COLUMN_DEFAULT AS CHAR), CAST(EXTRA AS CHAR) \
     FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()";
const INDEXES: &str = "SELECT CAST(TABLE_NAME AS CHAR), CAST(INDEX_NAME AS CHAR), CAST(NON_UNIQUE AS CHAR), \
     CAST(COLUMN_NAME AS CHAR), CAST(SUB_PART AS CHAR) \
     FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() \
     ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX";
const FOREIGN_KEYS: &str = "SELECT CAST(k.TABLE_NAME AS CHAR), CAST(k.CONSTRAINT_NAME AS CHAR), \
     CAST(k.COLUMN_NAME AS CHAR), CAST(k.REFERENCED_TABLE_NAME AS CHAR), CAST(k.REFERENCED_COLUMN_NAME AS CHAR), \
     CAST(r.DELETE_RULE AS CHAR), CAST(r.UPDATE_RULE AS CHAR) \
     FROM information_schema.KEY_COLUMN_USAGE k JOIN information_schema.REFERENTIAL_CONSTRAINTS r \
     ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME \
     AND r.TABLE_NAME = k.TABLE_NAME \
     WHERE k.TABLE_SCHEMA = DATABASE() AND k.REFERENCED_TABLE_NAME IS NOT NULL";

/// What a database is, seen from one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds no table.
    Empty,
    /// It is this release's own.
    Own,
    /// It is this release's own, not finished: nothing in it is foreign, and each table that is there is whole, so
    /// that running the statements for an empty database finishes it.
    Begun,
    /// It is that of another release that there is a record of.
    Other(String),
    /// Nothing explains it.
    Unknown {
        /// Lines that it has and this release has not.
        extra: Vec<String>,
        /// Lines that this release has and it has not.
        missing: Vec<String>,
    },
}

/// Judges what was read.
pub fn judge(own: &str, actual: &Shape) -> Result<Verdict, StandinError> {
    if actual.is_empty() {
        return Ok(Verdict::Empty);
    }
    let expected: Shape = data::shape(own)?.into_iter().collect();
    if *actual == expected {
        return Ok(Verdict::Own);
    }
    for name in data::shape_names() {
        if *actual == data::shape(name)?.into_iter().collect::<Shape>() {
            return Ok(Verdict::Other(name.to_owned()));
        }
    }
    let extra: Vec<_> = actual.difference(&expected).cloned().collect();
    let missing: Vec<_> = expected.difference(actual).cloned().collect();
    let known: BTreeSet<_> = expected.iter().map(|line| without_nullability(line)).collect();
    let met: BTreeSet<_> = actual.iter().map(|line| without_nullability(line)).collect();
    let tables: BTreeSet<_> = actual.iter().map(|line| table_of(line)).collect();
    let explained = extra
        .iter()
        .all(|line| known.contains(&without_nullability(line)));
    let whole_tables = missing.iter().all(|line| {
        !line.contains(" column ")
            || !tables.contains(table_of(line))
            || met.contains(&without_nullability(line))
    });
    Ok(if explained && whole_tables {
        Verdict::Begun
    } else {
        Verdict::Unknown { extra, missing }
    })
}

fn table_of(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}

/// A column's line without the word on NULL: 2.5.0 makes some columns first and forbids NULL in them last.
fn without_nullability(line: &str) -> String {
    line.replace(" not null", "").replace(" null", "")
}

/// Reads the selected database.
pub async fn read(connection: &mut MySqlConnection) -> Result<Shape, sqlx::Error> {
    let mut shape = Shape::new();
    for row in sqlx::query(COLUMNS).fetch_all(&mut *connection).await? {
        let (table, column): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let (kind, nullable): (String, String) = (row.try_get(2)?, row.try_get(3)?);
        let (default, extra): (Option<String>, Option<String>) = (row.try_get(4)?, row.try_get(5)?);
        shape.insert(column_line(
            &table,
            &column,
            &kind,
            &nullable,
            default,
            extra.as_deref().unwrap_or_default(),
        ));
    }
    let mut indexes: BTreeMap<(String, String, bool), Vec<String>> = BTreeMap::new();
    for row in sqlx::query(INDEXES).fetch_all(&mut *connection).await? {
        let unique = row.try_get::<String, _>(2)? == "0";
        let column: String = row.try_get(3)?;
        let part: Option<String> = row.try_get(4)?;
        let column = part.map_or_else(|| column.clone(), |part| format!("{column}({part})"));
        indexes
            .entry((row.try_get(0)?, row.try_get(1)?, unique))
            .or_default()
            .push(column);
    }
    for ((table, index, unique), columns) in indexes {
        let unique = if unique { " unique" } else { "" };
        shape.insert(format!("{table} index {index}{unique} ({})", columns.join(", ")));
    }
    for row in sqlx::query(FOREIGN_KEYS).fetch_all(&mut *connection).await? {
        let word = |index: usize| row.try_get::<String, _>(index);
        shape.insert(format!(
            "{} foreign key {} ({}) references {}.{} on delete {} on update {}",
            word(0)?,
            word(1)?,
            word(2)?,
            word(3)?,
            word(4)?,
            word(5)?.to_lowercase(),
            word(6)?.to_lowercase()
        ));
    }
    Ok(shape)
}

fn column_line(
    table: &str,
    column: &str,
    kind: &str,
    nullable: &str,
    default: Option<String>,
    extra: &str,
) -> String {
    let nullable = if nullable == "YES" { "null" } else { "not null" };
    let mut line = format!("{table} column {column} {} {nullable}", plain_type(kind));
    // MariaDB writes the default NULL as a word and quotes texts; MySQL does neither.
    if let Some(default) = default.filter(|default| default != "NULL") {
        line.push_str(" default ");
        line.push_str(default.trim_matches('\''));
    }
    if extra.contains("auto_increment") {
        line.push_str(" auto_increment");
    }
    line
}

/// A type without the display width of integers, which MySQL has given up; `tinyint(1)` keeps it on both.
fn plain_type(kind: &str) -> &str {
    match kind.split_once('(') {
        Some((name @ ("bigint" | "int" | "smallint" | "mediumint"), _)) => name,
        _ => kind,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn recorded(name: &str) -> Shape {
        data::shape(name).unwrap().into_iter().collect()
    }

    #[rstest]
    #[case("2.5.0")]
    #[case("2.16.1")]
    #[case("2.17.0")]
    #[case("mlmd-10")]
    fn each_recorded_schema_is_its_own_releases(#[case] name: &str) {
        assert_eq!(judge(name, &recorded(name)).unwrap(), Verdict::Own);
    }

    #[test]
    fn an_older_schema_is_known_by_its_release() {
        assert_eq!(
            judge("2.17.0", &recorded("2.16.1")).unwrap(),
            Verdict::Other("2.16.1".to_owned())
        );
    }

    #[test]
    fn a_database_without_tables_is_empty() {
        assert_eq!(judge("2.17.0", &Shape::new()).unwrap(), Verdict::Empty);
    }

    #[test]
    fn a_schema_that_lacks_a_table_is_begun_and_one_that_has_a_strange_one_is_unknown() {
        let mut shape = recorded("2.16.1");
        shape.retain(|line| !line.starts_with("tasks "));
        assert_eq!(judge("2.16.1", &shape).unwrap(), Verdict::Begun);
        shape.insert("orders column id int not null".to_owned());
        assert!(matches!(
            judge("2.16.1", &shape).unwrap(),
            Verdict::Unknown { extra, .. } if extra == ["orders column id int not null"]
        ));
    }

    #[test]
    fn a_table_that_lacks_a_column_is_not_taken_for_one_that_will_still_be_made() {
        let mut shape = recorded("2.17.0");
        shape.retain(|line| !line.starts_with("jobs column PluginsInput"));
        assert!(
            matches!(judge("2.17.0", &shape).unwrap(), Verdict::Unknown { missing, .. } if missing.len() == 1)
        );
    }

    #[rstest]
    #[case::mariadb("bigint(20)", Some("NULL"), "t column c bigint null")]
    #[case::mysql("bigint", None, "t column c bigint null")]
    #[case::boolean("tinyint(1)", Some("0"), "t column c tinyint(1) null default 0")]
    #[case::text("varchar(64)", Some("'a'"), "t column c varchar(64) null default a")]
    fn both_engines_are_read_the_same(#[case] kind: &str, #[case] default: Option<&str>, #[case] line: &str) {
        assert_eq!(
            column_line("t", "c", kind, "YES", default.map(str::to_owned), ""),
            line
        );
    }
}
