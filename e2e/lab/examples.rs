//! PROOF: examples in pages, so that what a reader copies is what is linted and run.

use std::fs;

use anyhow::{Context, Result};

/// The block of `page` (a path from the root of the repository) whose first line is a comment that names `file`.
pub fn example(page: &str, file: &str) -> Result<String> {
    let text = fs::read_to_string(super::root().join(page)).with_context(|| format!("cannot read {page}"))?;
    text.split("\n```")
        .filter_map(|block| block.split_once('\n').map(|(_, content)| content))
        .find(|content| {
            let first = content.lines().next().unwrap_or_default();
            first
                .strip_prefix("# ")
                .or_else(|| first.strip_prefix("// "))
                .is_some_and(|name| name == file)
        })
        .map(|content| format!("{}\n", content.trim_end()))
        .with_context(|| format!("{page} has no block whose first line names {file}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_found_by_the_file_that_its_first_line_names() {
        let block = example("docs/how-to/check-in-ci.md", ".pre-commit-config.yaml").unwrap();
        assert!(
            block.starts_with("# .pre-commit-config.yaml\nrepos:\n"),
            "{block}"
        );
        assert!(block.ends_with("requirements.txt]\n"), "{block}");
    }

    #[test]
    fn a_block_that_is_not_there_is_told() {
        let error = example("docs/how-to/check-in-ci.md", "Makefile").unwrap_err();
        assert!(error.to_string().contains("Makefile"), "{error}");
    }
}
