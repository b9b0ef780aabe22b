//! TOOLS: the parts that generated pages are made of: a head, tables, text that may stand in a cell.

/// The beginning of a generated page.
pub fn head(title: &str, introduction: &str) -> String {
    format!(
        "<!-- {}; do not edit. -->\n# {title}\n\n{introduction}\n",
        super::MARK
    )
}

/// A table; nothing where there are no rows.
pub fn table<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    wide_table(header.map(str::to_owned).into(), rows.into_iter().map(Vec::from))
}

/// A table whose columns are data themselves.
pub fn wide_table(header: Vec<String>, rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let rows: Vec<String> = rows
        .into_iter()
        .map(|row| line(row.iter().map(|text| cell(text)).collect()))
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let rule = line(vec!["---".to_owned(); header.len()]);
    format!("\n{}{rule}{}", line(header), rows.concat())
}

/// Text that may stand in a cell of a table.
pub fn cell(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

/// `one`, `two`: each in code font.
pub fn codes<Item: AsRef<str>>(items: impl IntoIterator<Item = Item>) -> String {
    items
        .into_iter()
        .map(|item| format!("`{}`", item.as_ref()))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_keeps_the_table_whole() {
        assert_eq!(
            table(["A", "B"], [["x\n y".to_owned(), "a|b".to_owned()]]),
            "\n| A | B |\n| --- | --- |\n| x y | a\\|b |\n"
        );
    }

    #[test]
    fn a_table_without_rows_is_not_drawn() {
        assert_eq!(table(["A"], []), "");
    }
}
