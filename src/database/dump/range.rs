//! LEDGER: rows between two values of a primary key, as SQL. Pure.

use super::catalog::{Column, Table};
use super::literal::{Literal, append, hex};
use crate::session::quoted;

/// Values of a primary key, as literals that compare as the key's columns do.
pub(crate) type KeyValues = Vec<String>;

/// Rows of a table from one key on, up to, and without, another; unbounded where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) from: Option<KeyValues>,
    pub(crate) to: Option<KeyValues>,
}

/// A value of a key's column as a literal. A text carries the column's character set, so that the server compares by the
/// column's collation and uses the key.
pub(crate) fn key_literal(column: &Column, value: &[u8]) -> String {
    let mut out = Vec::new();
    match &column.character_set {
        _ if column.literal() == Literal::Number => append(&mut out, Literal::Number, Some(value)),
        Some(character_set) => {
            out.extend_from_slice(format!("_{character_set} x'").as_bytes());
            hex(&mut out, value);
            out.push(b'\'');
        }
        None => append(&mut out, Literal::Bytes, Some(value)),
    }
    String::from_utf8_lossy(&out).into_owned()
}

impl Range {
    /// The condition; empty for all rows.
    pub(crate) fn condition(&self, table: &Table) -> String {
        let Some(key) = &table.key else {
            return String::new();
        };
        let names: Vec<String> = key
            .iter()
            .map(|place| quoted(&table.columns[*place].name))
            .collect();
        let bounds = [
            self.from.as_ref().map(|values| beyond(&names, values, ">", ">=")),
            self.to.as_ref().map(|values| beyond(&names, values, "<", "<")),
        ];
        let bounds: Vec<String> = bounds.into_iter().flatten().collect();
        if bounds.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", bounds.join(" AND "))
        }
    }
}

/// The condition for the one row of a key.
pub(crate) fn exactly(table: &Table, values: &[String]) -> String {
    let names = table
        .key
        .iter()
        .flatten()
        .map(|place| &table.columns[*place].name);
    let equal: Vec<String> = names
        .zip(values)
        .map(|(name, value)| format!("{} = {value}", quoted(name)))
        .collect();
    format!(" WHERE {}", equal.join(" AND "))
}

/// Columns beyond values, in the order of the key. Written out column by column: servers find no range in a comparison of
/// whole rows.
fn beyond(names: &[String], values: &[String], strictly: &str, last: &str) -> String {
    let mut alternatives = Vec::new();
    for at in 0..names.len().min(values.len()) {
        let mut terms: Vec<String> = names
            .iter()
            .zip(values)
            .take(at)
            .map(|(name, value)| format!("{name} = {value}"))
            .collect();
        let operator = if at + 1 == names.len() { last } else { strictly };
        terms.push(format!("{} {operator} {}", names[at], values[at]));
        alternatives.push(terms.join(" AND "));
    }
    match alternatives.as_slice() {
        [one] => one.clone(),
        many => format!("({})", many.join(" OR ")),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Range, beyond, exactly, key_literal};
    use crate::definition::Definition;
    use crate::dump::catalog::{Column, Table};

    fn column(name: &str, data_type: &str, character_set: Option<&str>) -> Column {
        Column {
            name: name.to_owned(),
            data_type: data_type.to_owned(),
            full_type: data_type.to_owned(),
            character_set: character_set.map(str::to_owned),
            collation: None,
            wide: false,
        }
    }

    fn table(key: Option<Vec<usize>>) -> Table {
        Table {
            database: "d".to_owned(),
            name: "t".to_owned(),
            text: String::new(),
            definition: Definition::parse("CREATE TABLE `t` (`a` int)").unwrap(),
            columns: vec![column("a", "varchar", Some("latin1")), column("b`", "int", None)],
            key,
            data_bytes: 0,
            row_bytes: 0,
        }
    }

    #[test]
    fn a_range_over_two_columns_is_written_out() {
        let range = Range {
            from: Some(vec!["1".to_owned(), "2".to_owned()]),
            to: Some(vec!["3".to_owned(), "4".to_owned()]),
        };
        assert_eq!(
            range.condition(&table(Some(vec![0, 1]))),
            " WHERE (`a` > 1 OR `a` = 1 AND `b``` >= 2) AND (`a` < 3 OR `a` = 3 AND `b``` < 4)"
        );
        assert_eq!(range.condition(&table(None)), "");
        assert_eq!(Range::default().condition(&table(Some(vec![0]))), "");
    }

    #[test]
    fn one_row_is_found_by_its_whole_key() {
        let values = ["1".to_owned(), "2".to_owned()];
        assert_eq!(
            exactly(&table(Some(vec![1, 0])), &values),
            " WHERE `b``` = 1 AND `a` = 2"
        );
    }

    #[rstest]
    #[case("varchar", Some("latin1"), b"\xe9'".as_slice(), "_latin1 x'e927'")]
    #[case("varchar", Some("utf8mb4"), b"", "_utf8mb4 x''")]
    #[case("bigint", None, b"-3", "-3")]
    #[case("varbinary", None, b"\xff", "x'ff'")]
    #[case("datetime", None, b"0000-00-00 00:00:00", "'0000-00-00 00:00:00'")]
    fn values_of_keys_compare_as_their_columns_do(
        #[case] data_type: &str,
        #[case] character_set: Option<&str>,
        #[case] value: &[u8],
        #[case] sql: &str,
    ) {
        assert_eq!(key_literal(&column("k", data_type, character_set), value), sql);
    }

    #[test]
    fn three_columns_are_compared_one_after_the_other() {
        let names = ["a", "b", "c"].map(str::to_owned);
        let values = ["1", "2", "3"].map(str::to_owned);
        assert_eq!(
            beyond(&names, &values, ">", ">="),
            "(a > 1 OR a = 1 AND b > 2 OR a = 1 AND b = 2 AND c >= 3)"
        );
    }
}
