//! TOOLS: what is measured beside our own: pipes of a shell, their words, and the files that they leave. Judges nothing.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

use super::super::measure::{Measured, measure};

/// Measures what others do. A program of theirs that does not get along with the server is left out, aloud: the clients of
/// MariaDB cannot log in to a MySQL of today.
pub fn rival(name: &str, measure: impl FnOnce() -> anyhow::Result<Measured>) -> Option<Measured> {
    match measure() {
        Ok(measured) => Some(measured),
        Err(error) => {
            println!("{name} IS LEFT OUT: {:#}", error.root_cause());
            None
        }
    }
}

/// A pipe of a shell, so often.
pub fn pipe(script: &str, runs: usize) -> anyhow::Result<Measured> {
    let words = ["bash", "-o", "pipefail", "-c", script].map(OsString::from);
    measure(runs, &[0], &words).with_context(|| script.to_owned())
}

pub fn words(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| quoted(&word.to_string_lossy()))
        .collect::<Vec<_>>()
        .join(" ")
}

pub fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Bytes of a file, or of all files of a folder.
pub fn size(path: &Path) -> anyhow::Result<u64> {
    let metadata = fs::metadata(path).with_context(|| format!("{} is not there", path.display()))?;
    if metadata.is_file() {
        return Ok(metadata.len());
    }
    let mut bytes = 0;
    for entry in fs::read_dir(path)? {
        bytes += size(&entry?.path())?;
    }
    Ok(bytes)
}
