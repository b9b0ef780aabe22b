//! TOOLS: `cargo xtask purity`: asks cargo about each room alone whether it depends on what its room forbids.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::Context;

use crate::stages::Counts;

/// Crates that do I/O. A pure room has none of them among its normal dependencies.
const IO: &[&str] = &[
    "tokio",
    "hyper",
    "kube-client",
    "sqlx",
    "sqlx-core",
    "reqwest",
    "object_store",
];
/// Rooms without I/O.
const PURE: &[&str] = &[
    "kfp-api",
    "kfp-releases",
    "kfp-compat",
    "kfp-backup",
    "kfp-plan",
    "kfp-render",
];
/// The only rooms that may hold a Kubernetes client. What only tests or builds uses does not count.
const CLIENTS: &[&str] = &["kfp-engine", "kfp-operator", "kfpctl"];
/// Product rooms that may not.
const CLIENTLESS: &[&str] = &[
    "kfp-api",
    "kfp-releases",
    "kfp-compat",
    "kfp-backup",
    "kfp-plan",
    "kfp-render",
    "kfp-database",
    "kfp-sim",
];
/// Our own crates that the stand-in may not know: it judges what they make.
const OURS: &[&str] = &[
    "kfp-api",
    "kfp-releases",
    "kfp-compat",
    "kfp-backup",
    "kfp-plan",
    "kfp-render",
    "kfp-database",
    "kfp-engine",
    "kfp-sim",
    "kfp-e2e",
];

/// Checks every room and prints a line for each.
pub fn run() -> anyhow::Result<Counts> {
    let mut counts = Counts::default();
    let mut rule = |room: &str, forbidden: &[&str], what: &str| -> anyhow::Result<()> {
        let found = forbidden_in(&dependencies(room)?, forbidden);
        if found.is_empty() {
            counts.passed += 1;
            println!("✔ {room} has no {what}");
        } else {
            counts.failed += 1;
            println!(
                "✘ {room} has {what}: {}; see `cargo tree -p {room} -e normal -i {}`",
                found.join(", "),
                found[0]
            );
        }
        Ok(())
    };
    for room in PURE {
        rule(room, IO, "I/O")?;
    }
    for room in CLIENTLESS {
        rule(room, &["kube-client"], "Kubernetes client")?;
    }
    rule("kfp-standin", OURS, "crate of ours")?;
    for room in CLIENTS {
        // A room that stopped using the client should leave the list, or the list says nothing.
        if !dependencies(room)?.contains("kube-client") {
            counts.failed += 1;
            println!(
                "✘ {room} may hold a Kubernetes client and does not; take it off the list in src/xtask/purity.rs"
            );
        }
    }
    Ok(counts)
}

/// Names of all normal dependencies of one crate, with the features that it alone asks for.
fn dependencies(room: &str) -> anyhow::Result<BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
            "--package",
            room,
        ])
        .output()
        .context("cannot start cargo tree")?;
    anyhow::ensure!(
        output.status.success(),
        "cargo tree -p {room}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(names(&String::from_utf8_lossy(&output.stdout), room))
}

fn names(tree: &str, room: &str) -> BTreeSet<String> {
    let name = |line: &str| line.split_whitespace().next().map(str::to_owned);
    tree.lines()
        .filter_map(name)
        .filter(|name| name != room)
        .collect()
}

fn forbidden_in<'a>(found: &BTreeSet<String>, forbidden: &[&'a str]) -> Vec<&'a str> {
    forbidden
        .iter()
        .copied()
        .filter(|name| found.contains(*name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forbidden_crate_deep_in_the_tree_is_found() {
        let tree = "kfp-plan v0.1.0 (/x)\nkfp-api v0.1.0 (/y)\nkube v5.0.0\ntokio v1.54.1 (*)\n";
        assert_eq!(forbidden_in(&names(tree, "kfp-plan"), IO), ["tokio"]);
    }

    #[test]
    fn a_crate_whose_name_only_begins_alike_is_not_forbidden() {
        assert!(forbidden_in(&names("tokio-stream v0.1.0\n", "kfp-plan"), IO).is_empty());
    }
}
