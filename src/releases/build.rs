//! FACTS: finds the data files, so that a new release is one new file and no line of Rust. Nothing else is generated here.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("data");
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?).join("files.rs");
    let mut text = String::new();
    for (constant, folder) in [("RELEASES", "releases"), ("SCHEMAS", "schemas")] {
        write_folder(&mut text, constant, &root.join(folder)).map_err(io::Error::other)?;
    }
    println!("cargo::rerun-if-changed=data");
    fs::write(out, text)
}

/// Appends a constant that holds every YAML file of `folder`: (file name without its ending, text). Sorted, so that
/// builds are the same everywhere.
fn write_folder(
    text: &mut String,
    constant: &str,
    folder: &Path,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut paths = Vec::new();
    if folder.is_dir() {
        for entry in fs::read_dir(folder)? {
            paths.push(entry?.path());
        }
    }
    paths.sort();
    writeln!(text, "pub(crate) const {constant}: &[(&str, &str)] = &[")?;
    for path in paths
        .iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
    {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        writeln!(
            text,
            "    ({name:?}, include_str!({:?})),",
            path.to_string_lossy()
        )?;
    }
    writeln!(text, "];")?;
    Ok(())
}
