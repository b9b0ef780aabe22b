//! TOOLS: rules about the text of files: first lines, lengths, blanks, words.

use super::{Report, Text};

/// Most lines of a file of Rust.
const LONGEST: usize = 400;
/// Where the operator's metrics are registered.
const METRICS: [&str; 4] = [
    "src/operator/metrics.rs",
    "src/operator/inventory_metrics.rs",
    "src/operator/backups/metrics.rs",
    "src/operator/restores/metrics.rs",
];
/// The page about them.
const METRICS_PAGE: &str = "docs/reference/metrics.md";

/// Words that tie the project to a machine or to where its packages come from, in halves, because this file is checked too.
const WORDS: [[&str; 2]; 12] = [
    ["/wo", "rk/"],
    ["/root/", "."],
    ["shared/", "facts"],
    ["shared/", "design"],
    ["pypi", ".org"],
    ["python", "hosted"],
    ["crates", ".io"],
    ["proxy.", "golang"],
    ["sum.", "golang"],
    ["debian", ".org"],
    ["npmjs", ".org"],
    ["maven", ".org"],
];
/// Written by package tools, which put their registries into it.
const OF_PACKAGE_TOOLS: [&str; 2] = ["Cargo.lock", "src/compat/fuzz/Cargo.lock"];

/// Every file of Rust begins with the words that say which room it is in.
pub fn rooms(tree: &[Text]) -> Report {
    let mut report = Report::default();
    for text in tree.iter().filter(|text| text.is("rs")) {
        let says = text
            .content
            .lines()
            .next()
            .is_some_and(|line| line.starts_with("//! "));
        report.look((!says).then(|| format!("{}: the first line names no room (`//! ROOM: …`)", text.path)));
    }
    report
}

/// No file of Rust is longer than a person reads at once.
pub fn lengths(tree: &[Text]) -> Report {
    let mut report = Report::default();
    for text in tree.iter().filter(|text| text.is("rs")) {
        let lines = text.content.lines().count();
        report.look(
            (lines > LONGEST).then(|| format!("{}: {lines} lines; split it below {LONGEST}", text.path)),
        );
    }
    report
}

/// What other projects' programs wrote, and what asks how a text is read: kept byte for byte.
pub const KEPT_AS_THEY_ARE: [&str; 2] = ["src/compat/corpus/compiled/", "src/compat/corpus/probes/"];

/// Written files have no blanks at the ends of lines and end in a new line. Goldens are as programs print them.
pub fn blanks(tree: &[Text]) -> Report {
    let mut report = Report::default();
    let written = |text: &&Text| {
        ["md", "py", "rs", "sh", "sql", "toml", "yaml"]
            .iter()
            .any(|ending| text.is(ending))
            && !KEPT_AS_THEY_ARE
                .iter()
                .any(|folder| text.path.starts_with(folder))
    };
    for text in tree.iter().filter(written) {
        let line = text.lines().find(|(_, line)| line.ends_with([' ', '\t', '\r']));
        let end = !text.content.is_empty() && !text.content.ends_with('\n');
        report.look(match line {
            Some((line, _)) => Some(format!("{}:{line}: ends in blanks", text.path)),
            None if end => Some(format!("{}: does not end in a new line", text.path)),
            None => None,
        });
    }
    report
}

/// No file names the machine it was written on or where packages come from.
pub fn words(tree: &[Text]) -> Report {
    let words = WORDS.map(|halves| halves.concat());
    let mut report = Report::default();
    for text in tree
        .iter()
        .filter(|text| !OF_PACKAGE_TOOLS.contains(&text.path.as_str()))
    {
        let found = text.lines().find_map(|(line, content)| {
            let word = words.iter().find(|word| content.contains(word.as_str()))?;
            Some(format!("{}:{line}: says {word}", text.path))
        });
        report.look(found);
    }
    report
}

/// Every metric that the operator registers stands in the page about them, and no other does.
pub fn metrics(tree: &[Text]) -> Report {
    let mut report = Report::default();
    let content = |path: &str| {
        let found = tree.iter().find(|text| text.path == path);
        found.map(|text| text.content.as_str())
    };
    let sources: Option<Vec<&str>> = METRICS.into_iter().map(content).collect();
    let (Some(sources), Some(page)) = (sources, content(METRICS_PAGE)) else {
        report
            .problems
            .push(format!("one of {METRICS:?} or {METRICS_PAGE} is not there"));
        return report;
    };
    let registered: Vec<String> = sources
        .iter()
        .flat_map(|source| source.split("registry.register(").skip(1))
        .filter_map(|rest| rest.split('"').nth(1))
        .map(|name| format!("kfp_operator_{name}"))
        .collect();
    for name in &registered {
        let said = page.contains(&format!("`{name}")) && !name.is_empty();
        report.look((!said).then(|| format!("{METRICS_PAGE} does not say what {name} is")));
    }
    let told = |word: &&str| word.len() > "kfp_operator_".len() && word.starts_with("kfp_operator_");
    for word in page.split('`').filter(told) {
        let known = registered
            .iter()
            .any(|name| word.strip_prefix(name.as_str()).is_some_and(is_suffix));
        report.look((!known).then(|| format!("{METRICS_PAGE} tells of {word}, which there is not")));
    }
    report
}

/// What OpenMetrics adds to a name, and labels.
fn is_suffix(rest: &str) -> bool {
    let rest = ["_total", "_info", "_bucket", "_count", "_sum"]
        .iter()
        .find_map(|suffix| rest.strip_prefix(suffix))
        .unwrap_or(rest);
    rest.is_empty() || rest.starts_with('{')
}

#[cfg(test)]
mod tests {
    use super::super::text;
    use super::*;

    type Check = fn(&[Text]) -> Report;

    fn problems(check: Check, path: &str, content: &str) -> usize {
        check(&[text(path, content)]).problems.len()
    }

    #[test]
    fn each_rule_finds_what_breaks_it_and_leaves_the_rest() {
        let long = "//! A\n".repeat(LONGEST + 1);
        let word = format!("from {}\n", WORDS[4].concat());
        let cases: [(Check, &str, &str, &str); 4] = [
            (rooms, "a.rs", "//! ROOM: words.\n", "use std::fs;\n"),
            (lengths, "a.rs", "//! A\n", &long),
            (blanks, "a.md", "a\n", "a \n"),
            (words, "a.md", "from a registry\n", &word),
        ];
        for (check, path, good, bad) in cases {
            assert_eq!((problems(check, path, good), problems(check, path, bad)), (0, 1));
        }
    }

    #[test]
    fn a_metric_without_words_and_words_without_a_metric_are_found() {
        let content = |path: &str| match path {
            path if path == METRICS[0] => {
                "registry.register(\n    \"a\", \"help\")\nregistry.register(\"b\", \"\")"
            }
            path if path == METRICS[1] => "registry.register(\"d\", \"\")",
            _ => "",
        };
        let page = text(
            METRICS_PAGE,
            "`kfp_operator_a_total{x}`, `kfp_operator_c` and `kfp_operator_d`",
        );
        let sources = METRICS.iter().map(|path| text(path, content(path)));
        let tree: Vec<Text> = sources.chain([page]).collect();
        assert_eq!(metrics(&tree).problems.len(), 2);
    }
}
