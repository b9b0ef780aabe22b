//! JUDGEMENT: makes Rust tables of the committed field tables, so that nothing is parsed at run time and a mistake in the
//! data stops the build.

#[path = "fields/build.rs"]
mod build;
#[expect(dead_code, reason = "tests read more of it than the build does")]
#[path = "fields/table.rs"]
mod table;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?);
    println!("cargo::rustc-env=KFP_COMPAT_DIGEST={:016x}", digest(&root)?);
    let data = root.join("data");
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?).join("fields.rs");
    let read = |path: &str| {
        println!("cargo::rerun-if-changed=data/{path}");
        fs::read_to_string(data.join(path))
    };
    let text = build::tables(
        &read("packages/kfp-pipeline-spec.yaml")?,
        &read("packages/kfp-kubernetes.yaml")?,
        &read("backends.yaml")?,
    )
    .map_err(io::Error::other)?;
    fs::write(&out, text)?;
    for file in ["codes", "features", "parsers", "rules", "sdks"] {
        let text = json(&read(&format!("{file}.yaml"))?);
        let text = text.map_err(|error| io::Error::other(format!("data/{file}.yaml: {error}")))?;
        fs::write(out.with_file_name(format!("{file}.json")), text)?;
    }
    Ok(())
}

/// The same data as JSON, which takes a tenth of the time to read: `kfpctl check` runs for milliseconds.
fn json(yaml: &str) -> Result<String, Box<dyn Error + Send + Sync>> {
    let value: serde_json::Value = serde_saphyr::from_str(yaml)?;
    Ok(serde_json::to_string(&value)?)
}

/// Digest (FNV-1a) of everything that a verdict depends on: this room's code and data.
fn digest(root: &Path) -> io::Result<u64> {
    let mut files = Vec::new();
    let mut left = vec![root.to_path_buf()];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            // Pipelines to be judged, and what was judged of them, decide nothing.
            let proof = path.ends_with("corpus") || path.ends_with("data/proved");
            match (path.is_dir(), proof) {
                (_, true) => {}
                (true, false) => left.push(path),
                (false, false) => files.push(path),
            }
        }
    }
    files.sort();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for file in files {
        println!("cargo::rerun-if-changed={}", file.display());
        for byte in fs::read(&file)? {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    Ok(hash)
}
