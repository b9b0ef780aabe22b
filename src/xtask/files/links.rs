//! TOOLS: links and paths in pages: a reader who follows one must arrive. Links to other sites are not followed.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::{Report, Text};

/// Folders whose paths are written out in pages.
const FOLDERS: [&str; 6] = ["config/", "crds/", "docs/", "e2e/", "src/", "tests/"];

/// Every link of a page that stays in the tree leads to a file and, if it names one, to a heading of it.
pub fn resolve(tree: &[Text]) -> Report {
    let mut report = Report::default();
    for page in tree.iter().filter(|text| text.is("md")) {
        let links = prose(page).flat_map(|(line, words)| {
            let found = targets(words).into_iter();
            found.map(move |link| (line, link))
        });
        for (line, link) in links {
            if !link.contains("://") && !link.starts_with("mailto:") {
                let problem = broken(tree, &page.path, &link);
                report.look(problem.map(|why| format!("{}:{line}: the link to {link} {why}", page.path)));
            }
        }
    }
    report
}

/// Every path in code font or in a block of code that begins with a folder of ours is there.
pub fn paths(tree: &[Text]) -> Report {
    let mut report = Report::default();
    for page in tree.iter().filter(|text| text.is("md")) {
        for (line, words) in page.lines() {
            let ends = |letter: char| letter.is_whitespace() || "`\"'(),;|".contains(letter);
            for word in words.split(ends) {
                let path = word.trim_end_matches(['.', ':', '/']);
                if FOLDERS.iter().any(|folder| path.starts_with(folder)) && is_plain(path) {
                    let there = is_there(tree, path);
                    report.look((!there).then(|| format!("{}:{line}: there is no {path}", page.path)));
                }
            }
        }
    }
    report
}

/// Letters of which a path is made that stands for itself.
fn is_plain(path: &str) -> bool {
    path.chars()
        .all(|letter| letter.is_ascii_alphanumeric() || "/._-".contains(letter))
}

fn is_there(tree: &[Text], path: &str) -> bool {
    let folder = format!("{path}/");
    tree.iter()
        .any(|text| text.path == path || text.path.starts_with(&folder))
}

/// Why a link leads nowhere.
fn broken(tree: &[Text], page: &str, link: &str) -> Option<String> {
    let (path, heading) = link
        .split_once('#')
        .map_or((link, None), |(path, heading)| (path, Some(heading)));
    let target = if path.is_empty() {
        page.to_owned()
    } else {
        normal(&Path::new(page).parent()?.join(path))
    };
    if !is_there(tree, &target) {
        return Some(format!("leads to {target}, which is not there"));
    }
    let heading = heading?;
    let page = tree.iter().find(|text| text.path == target)?;
    let missing = !headings(page).contains(heading);
    missing.then(|| format!("names a heading that {target} does not have"))
}

/// A path without `..`.
fn normal(path: &Path) -> String {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::Normal(name) => plain.push(name),
            _ => {}
        }
    }
    plain.to_string_lossy().into_owned()
}

/// Lines of a page outside of blocks of code.
fn prose(page: &Text) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    page.lines().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fence && !fenced
    })
}

/// What the links of a line lead to; what stands in code font is no link.
fn targets(line: &str) -> Vec<String> {
    let words: String = line.split('`').step_by(2).collect();
    words
        .split("](")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once(')')?.0.to_owned()))
        .collect()
}

/// The anchors of a page's headings, as GitHub makes them.
fn headings(page: &Text) -> BTreeSet<String> {
    prose(page)
        .filter(|(_, line)| line.starts_with('#'))
        .map(|(_, line)| {
            line.trim_start_matches('#')
                .trim()
                .chars()
                .filter_map(|letter| match letter {
                    ' ' => Some('-'),
                    '-' | '_' => Some(letter),
                    _ => letter.is_alphanumeric().then(|| letter.to_ascii_lowercase()),
                })
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::text;
    use super::*;

    fn tree(page: &str) -> Vec<Text> {
        vec![
            text("docs/how-to/page.md", page),
            text("docs/other.md", "# A `heading`, here\n"),
        ]
    }

    #[test]
    fn a_link_to_a_file_and_to_a_heading_of_it_resolves() {
        let report = resolve(&tree("[a](../other.md) [b](../other.md#a-heading-here)"));
        assert_eq!((report.looked_at, report.problems), (2, vec![]));
    }

    #[test]
    fn a_link_to_nothing_is_found_and_one_in_a_block_of_code_is_none() {
        let report = resolve(&tree(
            "[a](gone.md) `[d](gone.md)`\n```\n[b](gone.md)\n```\n[c](../other.md#gone)\n",
        ));
        assert_eq!((report.looked_at, report.problems.len()), (2, 2));
    }

    #[test]
    fn a_path_in_a_command_must_be_there() {
        let report = paths(&tree(
            "`kubectl apply -k config/gone` and `docs/other.md`, `src/*`",
        ));
        assert_eq!((report.looked_at, report.problems.len()), (2, 1));
    }
}
