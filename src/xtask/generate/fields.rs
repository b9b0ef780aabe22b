//! TOOLS: `cargo xtask gen fields` and `cargo xtask gen proofs`: which fields each published package and each backend
//! release knows, out of the descriptors they carry. Both need what a plain build has not: the network, a clone.

mod descriptor;
mod literal;
mod packages;
mod proofs;
mod table;

use std::fs;

use anyhow::Context;
use kfp_e2e::lab::root;

pub use packages::Arguments as FieldsArguments;
pub use packages::run as fields;
pub use proofs::Arguments as ProofsArguments;
pub use proofs::run as proofs;

/// Writes a file below the crate that reads it.
fn write(path: &str, text: &str) -> anyhow::Result<()> {
    let path = format!("src/compat/data/{path}");
    fs::write(root().join(&path), text).with_context(|| format!("cannot write {path}"))?;
    println!("wrote {path}");
    Ok(())
}
