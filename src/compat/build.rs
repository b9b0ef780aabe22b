//! JUDGEMENT: makes Rust tables of the committed field tables, so that nothing is parsed at run time and a mistake in the
//! data stops the build.

#[path = "fields/build.rs"]
mod build;
#[expect(dead_code, reason = "tests read more of it than the build does")]
#[path = "fields/table.rs"]
mod table;

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let data = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("data");
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
    fs::write(out, text)
}
