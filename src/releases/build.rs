//! FACTS: finds the data files, so that a new release is one new file and no line of Rust. What
//! every start of a program needs of each release is made JSON, which is read in a tenth of the time. Nothing else is generated.

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
    write_heads(&mut text, &root.join("releases")).map_err(io::Error::other)?;
    println!("cargo::rerun-if-changed=data");
    fs::write(out, text)
}

/// Appends a constant that holds, for every release, what stands before its line `install:`: (file name without its ending,
/// JSON). Nine tenths of the data stand behind that line.
fn write_heads(text: &mut String, folder: &Path) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    writeln!(text, "pub(crate) const HEADS: &[(&str, &str)] = &[")?;
    for path in yaml_files(folder)? {
        let whole = fs::read_to_string(&path)?;
        let head = whole.find("\ninstall:").map_or(&*whole, |end| &whole[..=end]);
        let value: serde_json::Value =
            serde_saphyr::from_str(head).map_err(|error| format!("{}: {error}", path.display()))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        writeln!(text, "    ({name:?}, {:?}),", value.to_string())?;
    }
    writeln!(text, "];")?;
    Ok(())
}

/// Sorted, so that builds are the same everywhere.
fn yaml_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    if folder.is_dir() {
        for entry in fs::read_dir(folder)? {
            paths.push(entry?.path());
        }
    }
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    paths.sort();
    Ok(paths)
}

/// Appends a constant that holds every YAML file of `folder`: (file name without its ending, text). Sorted, so that
/// builds are the same everywhere.
fn write_folder(
    text: &mut String,
    constant: &str,
    folder: &Path,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    writeln!(text, "pub(crate) const {constant}: &[(&str, &str)] = &[")?;
    for path in yaml_files(folder)? {
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
