//! LEDGER: a schema written out as SQL that MySQL and MariaDB both take. Pure.

use kfp_releases::schema::{Column, LogicalSchema, Table};

use crate::session::quoted;

/// Statements that make `schema` in an empty database, tables before the tables that refer to them. Tables that refer to
/// each other in a circle come last, and need `foreign_key_checks = 0`.
#[must_use]
pub fn create_statements(schema: &LogicalSchema) -> Vec<String> {
    let mut left: Vec<(&String, &Table)> = schema.tables.iter().collect();
    let mut ordered: Vec<(&String, &Table)> = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let free = |(name, table): &(&String, &Table)| {
            let mut targets = table.foreign_keys.values().map(|key| &key.table);
            targets.all(|target| target == *name || !left.iter().any(|(waiting, _)| *waiting == target))
        };
        let at = left.iter().position(free).unwrap_or(0);
        ordered.push(left.remove(at));
    }
    ordered
        .into_iter()
        .map(|(name, table)| create_table(name, table))
        .collect()
}

fn create_table(name: &str, table: &Table) -> String {
    let mut parts: Vec<String> = table
        .columns
        .iter()
        .map(|(name, column)| column_clause(name, column))
        .collect();
    for (name, index) in &table.indexes {
        let columns = index
            .columns
            .iter()
            .map(|column| index_column(column))
            .collect::<Vec<_>>()
            .join(", ");
        parts.push(match (name.as_str(), index.unique) {
            ("PRIMARY", _) => format!("PRIMARY KEY ({columns})"),
            (_, true) => format!("UNIQUE INDEX {} ({columns})", quoted(name)),
            (_, false) => format!("INDEX {} ({columns})", quoted(name)),
        });
    }
    for (name, key) in &table.foreign_keys {
        let list = |columns: &[String]| {
            columns
                .iter()
                .map(|column| quoted(column))
                .collect::<Vec<_>>()
                .join(", ")
        };
        parts.push(format!(
            "CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({}) ON DELETE {} ON UPDATE {}",
            quoted(name),
            list(&key.columns),
            quoted(&key.table),
            list(&key.references),
            key.on_delete,
            key.on_update,
        ));
    }
    format!("CREATE TABLE {} (\n  {}\n)", quoted(name), parts.join(",\n  "))
}

fn column_clause(name: &str, column: &Column) -> String {
    let null = if column.nullable { "NULL" } else { "NOT NULL" };
    let default = match &column.default {
        Some(expression) if expression.starts_with('(') => format!(" DEFAULT {expression}"),
        Some(text) => format!(" DEFAULT '{}'", text.replace('\\', "\\\\").replace('\'', "''")),
        None => String::new(),
    };
    let extra = if column.extra.is_empty() {
        String::new()
    } else {
        format!(" {}", column.extra)
    };
    format!("{} {} {null}{default}{extra}", quoted(name), column.data_type)
}

/// `name`, `name(10)` or `name desc`, with the name in backticks. A computed column has lost its expression and is refused
/// by the server.
fn index_column(column: &str) -> String {
    let (column, direction) = column
        .strip_suffix(" desc")
        .map_or((column, ""), |column| (column, " DESC"));
    match column.rsplit_once('(') {
        Some((name, length)) if !name.is_empty() => format!("{}({length}{direction}", quoted(name)),
        _ => format!("{}{direction}", quoted(column)),
    }
}

#[cfg(test)]
mod tests {
    use kfp_releases::schema::SchemaCatalog;

    use super::create_statements;

    fn statements(release: &str) -> Vec<String> {
        let catalog = SchemaCatalog::load().unwrap();
        create_statements(&catalog.of_release(release.parse().unwrap()).unwrap().schema)
    }

    #[test]
    fn a_table_comes_after_those_that_it_refers_to() {
        let statements = statements("2.17.0");
        let at = |table: &str| {
            statements
                .iter()
                .position(|sql| sql.starts_with(&format!("CREATE TABLE `{table}`")))
                .unwrap()
        };
        assert_eq!(statements.len(), 12);
        assert!(at("pipelines") < at("pipeline_versions"));
        assert!(at("pipelines") < at("pipeline_tags"));
        assert!(at("pipeline_versions") < at("pipeline_version_tags"));
        assert!(at("run_details") < at("run_metrics") && at("run_details") < at("tasks"));
    }

    #[test]
    fn a_table_is_written_as_servers_take_it() {
        let sql = statements("2.16.1")
            .into_iter()
            .find(|sql| sql.starts_with("CREATE TABLE `run_metrics`"))
            .unwrap();
        insta::assert_snapshot!(sql, @r"
        CREATE TABLE `run_metrics` (
          `RunUUID` varchar(191) NOT NULL,
          `NodeID` varchar(191) NOT NULL,
          `Name` varchar(191) NOT NULL,
          `NumberValue` double NULL,
          `Format` varchar(255) NULL,
          `Payload` longtext NOT NULL,
          PRIMARY KEY (`RunUUID`, `NodeID`, `Name`),
          CONSTRAINT `run_metrics_RunUUID_run_details_UUID_foreign` FOREIGN KEY (`RunUUID`) REFERENCES `run_details` (`UUID`) ON DELETE CASCADE ON UPDATE CASCADE
        )
        ");
    }
}
