//! TOOLS: `docs/reference/cli.md`: every command of kfpctl with what its own help says.

use std::fmt::Write as _;

use super::{File, markdown};

const INTRODUCTION: &str = "`kfpctl` asks the release catalog, a manifest or a running installation. Linked as \
    `kubectl-kfp_operator` somewhere on the path it is also the kubectl plugin `kubectl kfp-operator`.\n\nData goes to standard \
    output, everything else to standard error. `-o json` and `-o yaml` are for programs.";

/// The page about commands.
#[expect(clippy::unnecessary_wraps, reason = "the signature of every maker of files")]
pub fn files() -> anyhow::Result<Vec<File>> {
    let mut page = markdown::head("kfpctl", INTRODUCTION);
    let mut root = kfpctl::command().term_width(100);
    root.build();
    describe(&mut page, &mut root);
    Ok(vec![File {
        path: "docs/reference/cli.md".to_owned(),
        content: page,
    }])
}

/// One command and those below it.
fn describe(page: &mut String, command: &mut clap::Command) {
    let name = command
        .get_bin_name()
        .unwrap_or_else(|| command.get_name())
        .to_owned();
    let help = command.render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    let text = lines.join("\n");
    // Writing into a String cannot fail.
    let _ = write!(page, "\n## {name}\n\n```text\n{}\n```\n", text.trim_end());
    for below in command.get_subcommands_mut() {
        // clap's own command for what `--help` says, too.
        if below.get_name() != "help" {
            describe(page, below);
        }
    }
}
