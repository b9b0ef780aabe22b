//! PEOPLE: the three shapes of output: a table for eyes, JSON and YAML for programs. Data goes to standard output.

use std::io::Write;

use comfy_table::{Table, presets};
use serde::Serialize;

use crate::failure::Failure;

/// How to print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For eyes.
    #[default]
    Table,
    /// For programs.
    Json,
    /// For programs and Git.
    Yaml,
}

/// Prints `data` as JSON or YAML, or what `table` draws.
pub fn print<T: Serialize>(
    format: Format,
    data: &T,
    table: impl FnOnce(&T) -> String,
) -> Result<(), Failure> {
    let text = match format {
        Format::Table => table(data),
        Format::Json => serde_json::to_string_pretty(data).map_err(unprintable)? + "\n",
        Format::Yaml => serde_saphyr::to_string(data).map_err(unprintable)?,
    };
    write(&text)
}

/// Writes to standard output; a reader that has gone (`| head`) is no failure.
pub fn write(text: &str) -> Result<(), Failure> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::Failed(format!(
            "standard output cannot be written: {error}"
        ))),
        _ => Ok(()),
    }
}

/// A table without lines, as kubectl draws them.
pub fn table<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let mut text: String = table
        .lines()
        .map(|line| line.trim_end().to_owned() + "\n")
        .collect();
    if text.is_empty() {
        text.push('\n');
    }
    text
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn unprintable(error: impl ToString) -> Failure {
    Failure::Failed(format!("the answer cannot be printed: {}", error.to_string()))
}
