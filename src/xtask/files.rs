//! TOOLS: what must hold for committed files and needs no other program: links, manifests in pages, first lines, lengths,
//! words that may not stand anywhere. Reads the tree, writes nothing.

mod links;
mod manifests;
mod texts;

use std::fs;
use std::path::Path;

use anyhow::Context;
use kfp_e2e::lab::root;

use crate::stages::Counts;

/// Folders that nothing is committed in.
const SKIPPED: [&str; 2] = [".git", "target"];

/// A file of text, as it stands in the tree.
struct Text {
    /// Path from the root of the repository.
    path: String,
    /// Everything in it.
    content: String,
}

impl Text {
    fn is(&self, ending: &str) -> bool {
        self.path
            .rsplit_once('.')
            .is_some_and(|(_, found)| found == ending)
    }

    /// Every line with its number.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.content
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
    }
}

/// What a check saw.
#[derive(Default)]
struct Report {
    /// Things that were looked at; a check that saw nothing has failed.
    looked_at: usize,
    /// What is wrong, each with its place.
    problems: Vec<String>,
}

impl Report {
    /// One thing looked at, with what is wrong about it.
    fn look(&mut self, problem: Option<String>) {
        self.looked_at += 1;
        self.problems.extend(problem);
    }
}

/// What is checked, in words, and how.
type Check = (&'static str, fn(&[Text]) -> Report);

const CHECKS: &[Check] = &[
    ("links of pages lead somewhere", links::resolve),
    ("paths that pages name are there", links::paths),
    (
        "resources of ours in pages are valid, installations can be rendered",
        manifests::valid,
    ),
    ("YAML can be read", manifests::readable),
    ("first lines name the room", texts::rooms),
    ("files of Rust are short", texts::lengths),
    ("no line ends in blanks, every file in a new line", texts::blanks),
    ("no word names a machine or a package registry", texts::words),
    ("every metric is documented", texts::metrics),
];

/// Runs every check over the tree; one check each.
pub fn run() -> anyhow::Result<Counts> {
    let root = root();
    let mut tree = Vec::new();
    read(&root, "", &mut tree)?;
    tree.sort_by(|one: &Text, other| one.path.cmp(&other.path));
    let mut counts = Counts::default();
    for (what, check) in CHECKS {
        let report = check(&tree);
        let holds = report.problems.is_empty() && report.looked_at > 0;
        println!(
            "{} {what}: {} looked at",
            if holds { "✓" } else { "✗" },
            report.looked_at
        );
        for problem in &report.problems {
            println!("  {problem}");
        }
        counts.passed += u32::from(holds);
        counts.failed += u32::from(!holds);
    }
    Ok(counts)
}

/// Every file of text below a folder. Others (pictures, say) are passed over.
fn read(root: &Path, folder: &str, found: &mut Vec<Text>) -> anyhow::Result<()> {
    let path = root.join(folder);
    for entry in fs::read_dir(&path).with_context(|| format!("cannot list {}", path.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() {
            name.clone()
        } else {
            format!("{folder}/{name}")
        };
        if entry.file_type()?.is_dir() {
            if !SKIPPED.contains(&name.as_str()) {
                read(root, &path, found)?;
            }
        } else if let Ok(content) = fs::read_to_string(entry.path()) {
            found.push(Text { path, content });
        }
    }
    Ok(())
}

#[cfg(test)]
fn text(path: &str, content: &str) -> Text {
    Text {
        path: path.to_owned(),
        content: content.to_owned(),
    }
}
