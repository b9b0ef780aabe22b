//! LEDGER: how servers spell types, defaults and rules, brought to the one spelling of `LogicalSchema`. Pure.

/// Integer types whose display width MariaDB writes and MySQL from 8.0.19 on does not. `tinyint(1)` is how both write a
/// boolean, and MySQL keeps that width alone.
const INTEGERS: [&str; 5] = ["bigint", "int", "mediumint", "smallint", "tinyint"];

/// A type as `information_schema` writes it, in the one spelling.
pub(crate) fn data_type(raw: &str) -> String {
    let (name, rest) = match raw.split_once('(') {
        Some((name, rest)) => (name.to_ascii_lowercase(), Some(rest)),
        None => (raw.to_ascii_lowercase(), None),
    };
    let Some(rest) = rest else { return name };
    let (arguments, after) = rest.rsplit_once(')').unwrap_or((rest, ""));
    let drops_width = INTEGERS.contains(&name.as_str()) && !(name == "tinyint" && arguments == "1");
    if drops_width {
        format!("{name}{}", after.to_ascii_lowercase())
    } else {
        format!("{name}({arguments}){}", after.to_ascii_lowercase())
    }
}

/// A default as MySQL writes it: the bare text of a literal, or an expression if `extra` says so.
pub(crate) fn mysql_default(raw: Option<&str>, extra: &str) -> Option<String> {
    let raw = raw?;
    Some(if extra.to_ascii_uppercase().contains("DEFAULT_GENERATED") {
        expression(raw)
    } else {
        raw.to_owned()
    })
}

/// A default as MariaDB writes it: an SQL expression, so that texts are quoted and a default of NULL is `NULL`.
pub(crate) fn mariadb_default(raw: Option<&str>) -> Option<String> {
    let raw = raw?;
    if raw.eq_ignore_ascii_case("null") {
        return None;
    }
    if let Some(inner) = raw.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return Some(inner.replace("''", "'").replace("\\'", "'").replace("\\\\", "\\"));
    }
    let number = raw
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_digit() || byte == b'-' || byte == b'.');
    Some(if number { raw.to_owned() } else { expression(raw) })
}

/// `CURRENT_TIMESTAMP`, `current_timestamp()` and `now()` are the same expression; so is anything in further parentheses.
fn expression(raw: &str) -> String {
    let mut text = raw.trim().to_ascii_lowercase();
    while let Some(inner) = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        text = inner.to_owned();
    }
    let text = text.strip_suffix("()").unwrap_or(&text);
    let text = if text == "now" { "current_timestamp" } else { text };
    format!("({text})")
}

/// What else the server does with a column, without what only repeats its default.
pub(crate) fn extra(raw: &str) -> String {
    let lower = raw
        .to_ascii_lowercase()
        .replace("default_generated", "")
        .replace("current_timestamp()", "current_timestamp");
    lower.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What happens to a referring row. `InnoDB` has no deferred checks, so that `RESTRICT`, which MariaDB writes where nothing
/// was said, is `NO ACTION`, which MySQL writes there.
pub(crate) fn rule(raw: &str) -> String {
    let upper = raw.to_ascii_uppercase();
    if upper == "RESTRICT" {
        "NO ACTION".to_owned()
    } else {
        upper
    }
}

/// One column of an index.
pub(crate) fn index_column(name: Option<&str>, prefix: Option<i64>, collation: Option<&str>) -> String {
    let mut text = name.unwrap_or("(expression)").to_owned();
    if let Some(length) = prefix {
        text = format!("{text}({length})");
    }
    if collation == Some("D") {
        text.push_str(" desc");
    }
    text
}

#[cfg(test)]
mod tests {
    use kfp_releases::schema::SchemaCatalog;
    use proptest::prelude::*;
    use rstest::rstest;

    use super::{data_type, extra, index_column, mariadb_default, mysql_default, rule};

    #[rstest]
    #[case("bigint(20)", "bigint")]
    #[case("BIGINT(20) UNSIGNED", "bigint unsigned")]
    #[case("int(11)", "int")]
    #[case("tinyint(1)", "tinyint(1)")]
    #[case("tinyint(4)", "tinyint")]
    #[case("varchar(255)", "varchar(255)")]
    #[case("decimal(10,0)", "decimal(10,0)")]
    #[case("longtext", "longtext")]
    #[case("enum('A','b)')", "enum('A','b)')")]
    #[case("int(", "int")]
    #[case("", "")]
    fn types_have_one_spelling(#[case] raw: &str, #[case] spelling: &str) {
        assert_eq!(data_type(raw), spelling);
    }

    #[rstest]
    #[case(None, None)]
    #[case(Some("NULL"), None)]
    #[case(Some("0"), Some("0"))]
    #[case(Some("-1.5"), Some("-1.5"))]
    #[case(Some("''"), Some(""))]
    #[case(Some("'it''s'"), Some("it's"))]
    #[case(Some("'NULL'"), Some("NULL"))]
    #[case(Some("current_timestamp()"), Some("(current_timestamp)"))]
    #[case(Some("'"), Some("(')"))]
    fn defaults_of_mariadb_lose_their_quotes(#[case] raw: Option<&str>, #[case] default: Option<&str>) {
        assert_eq!(mariadb_default(raw).as_deref(), default);
    }

    #[rstest]
    #[case(None, "", None)]
    #[case(Some("0"), "", Some("0"))]
    #[case(Some(""), "", Some(""))]
    #[case(Some("NULL"), "", Some("NULL"))]
    #[case(Some("CURRENT_TIMESTAMP"), "DEFAULT_GENERATED", Some("(current_timestamp)"))]
    #[case(
        Some("now()"),
        "DEFAULT_GENERATED on update CURRENT_TIMESTAMP",
        Some("(current_timestamp)")
    )]
    fn defaults_of_mysql_are_literals_unless_it_says_otherwise(
        #[case] raw: Option<&str>,
        #[case] extra: &str,
        #[case] default: Option<&str>,
    ) {
        assert_eq!(mysql_default(raw, extra).as_deref(), default);
    }

    #[rstest]
    #[case("", "")]
    #[case("auto_increment", "auto_increment")]
    #[case(
        "DEFAULT_GENERATED on update CURRENT_TIMESTAMP",
        "on update current_timestamp"
    )]
    #[case("on update current_timestamp()", "on update current_timestamp")]
    #[case("STORED GENERATED", "stored generated")]
    fn extras_have_one_spelling(#[case] raw: &str, #[case] spelling: &str) {
        assert_eq!(extra(raw), spelling);
    }

    #[rstest]
    #[case(Some("uri"), None, Some("A"), "uri")]
    #[case(Some("uri"), Some(255), Some("A"), "uri(255)")]
    #[case(Some("uri"), None, Some("D"), "uri desc")]
    #[case(None, None, None, "(expression)")]
    fn index_columns_say_prefix_and_order(
        #[case] name: Option<&str>,
        #[case] prefix: Option<i64>,
        #[case] collation: Option<&str>,
        #[case] text: &str,
    ) {
        assert_eq!(index_column(name, prefix, collation), text);
    }

    #[test]
    fn the_catalog_is_written_in_the_one_spelling() {
        for release in SchemaCatalog::load().unwrap().schemas() {
            for table in release.schema.tables.values() {
                for column in table.columns.values() {
                    assert_eq!(data_type(&column.data_type), column.data_type);
                    assert_eq!(extra(&column.extra), column.extra);
                }
                for key in table.foreign_keys.values() {
                    assert_eq!(
                        (rule(&key.on_delete), rule(&key.on_update)),
                        (key.on_delete.clone(), key.on_update.clone())
                    );
                }
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_of_a_server_stops_the_reading(raw in ".*", more in ".*") {
            data_type(&raw);
            mysql_default(Some(&raw), &more);
            mariadb_default(Some(&raw));
            extra(&raw);
            rule(&raw);
        }

        #[test]
        fn a_type_spelt_twice_is_spelt_the_same(raw in "(bigint|int|tinyint|varchar|decimal|enum)(\\([0-9,')a-z]{0,6}\\))?( unsigned)?") {
            let once = data_type(&raw);
            prop_assert_eq!(data_type(&once), once);
        }
    }
}
