//! TOOLS: `docs/reference/deviations.md`: where an installation differs from upstream's manifests, with the reasons.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use anyhow::Context;
use kfp_e2e::lab::root;
use serde::Deserialize;
use serde_json::Value;

use super::{File, markdown};

/// The list that the parity test holds renderings against.
const SOURCE: &str = "tests/parity/deviations.yaml";

const INTRODUCTION: &str = "Names, selectors, ports and settings of an installation are upstream's; each difference stands here with \
    its reason. The list is complete: a test compares the rendering of every supported release with upstream's own manifests, and \
    fails on a difference that is not here, as on an entry that is no difference any more.\n\n`*` stands for any text, and an entry \
    without a place is about the object as a whole. Every object also carries the labels `app.kubernetes.io/*` and `kfpops.dev/*` \
    on its metadata.";

/// One entry of the list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deviation {
    releases: Vec<String>,
    object: String,
    path: String,
    upstream: Value,
    ours: Value,
    reason: String,
}

/// The page about differences.
pub fn files() -> anyhow::Result<Vec<File>> {
    let text = fs::read_to_string(root().join(SOURCE)).with_context(|| format!("cannot read {SOURCE}"))?;
    let deviations: Vec<Deviation> = serde_saphyr::from_str(&text).with_context(|| SOURCE.to_owned())?;
    let headings = headings(&text);
    anyhow::ensure!(
        headings.len() == deviations.len(),
        "{SOURCE} was read as {} entries by its lines and {} by its YAML",
        headings.len(),
        deviations.len()
    );
    let mut page = markdown::head("Differences from upstream", INTRODUCTION);
    // The same heading may stand twice in the list; on the page it stands once, where it stood first.
    let mut order: Vec<&str> = Vec::new();
    let mut sections: BTreeMap<&str, Vec<&Deviation>> = BTreeMap::new();
    for (heading, deviation) in headings.iter().zip(&deviations) {
        if !order.contains(heading) {
            order.push(heading);
        }
        sections.entry(heading).or_default().push(deviation);
    }
    for heading in order {
        // Writing into a String cannot fail.
        let _ = write!(page, "\n## {heading}\n");
        let entries = sections.get(heading).into_iter().flatten();
        page += &markdown::table(
            ["Object", "Place", "Upstream", "Here", "Releases", "Reason"],
            entries.map(|entry| entry.row()),
        );
    }
    Ok(vec![File {
        path: "docs/reference/deviations.md".to_owned(),
        content: page,
    }])
}

impl Deviation {
    fn row(&self) -> [String; 6] {
        let place = if self.path.is_empty() {
            String::new()
        } else {
            format!("`{}`", self.path)
        };
        [
            format!("`{}`", self.object),
            place,
            value(&self.upstream),
            value(&self.ours),
            self.releases.join(", "),
            self.reason.clone(),
        ]
    }
}

/// A value in code font; the two words for "anything" and "nothing" as words.
fn value(value: &Value) -> String {
    match value.as_str() {
        Some("<present>") => "present".to_owned(),
        Some("<absent>") => "absent".to_owned(),
        Some(text) => format!("`{text}`"),
        None => format!("`{value}`"),
    }
}

/// The heading (`# --- …`) above each entry, in order.
fn headings(text: &str) -> Vec<&str> {
    let mut current = "General";
    let mut found = Vec::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("# --- ") {
            current = heading.trim();
        } else if line.starts_with("- ") {
            found.push(current);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_belongs_to_the_heading_above_it() {
        assert_eq!(
            headings("- a: 1\n# --- One\n\n- a: 1\n  b: 2\n- a: 1\n# --- Two\n- a: 1\n"),
            ["General", "One", "One", "Two"]
        );
    }
}
