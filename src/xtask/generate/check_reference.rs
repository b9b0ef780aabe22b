//! TOOLS: `docs/reference/findings.md` and `check-report.schema.json`: every code that `kfpctl check` tells, and the shape of its
//! JSON report.

use std::fmt::Write as _;

use anyhow::Context;
use kfp_compat::{Effect, Knowledge};

use super::{File, MARK, markdown};

const INTRODUCTION: &str = "What `kfpctl check` tells, by code. A code keeps its meaning for ever; what becomes of it on a release \
    is in the finding itself. `kfpctl explain CODE` prints what stands here. [check](check.md) says how to take a finding out of \
    the count.";

/// The page and the schema.
pub fn files() -> anyhow::Result<Vec<File>> {
    Ok(vec![findings()?, schema()?])
}

fn findings() -> anyhow::Result<File> {
    let knowledge = Knowledge::builtin()?;
    let mut page = markdown::head("Findings", INTRODUCTION);
    page += &markdown::table(
        ["Code", "What", "On a backend"],
        knowledge.codes().iter().map(|code| {
            [
                format!("[`{}`](#{})", code.code.0, code.code.0.to_lowercase()),
                code.title.clone(),
                effects(&code.effects),
            ]
        }),
    );
    for code in knowledge.codes() {
        // Writing into a String cannot fail.
        let _ = write!(
            page,
            "\n## {}\n\n{}: {}\n\n**What to do:** {}\n",
            code.code.0,
            capital(&code.title),
            code.meaning,
            code.help
        );
    }
    Ok(File {
        path: "docs/reference/findings.md".to_owned(),
        content: page,
    })
}

fn effects(effects: &[Effect]) -> String {
    let words: Vec<&str> = effects
        .iter()
        .map(|effect| kfpctl::check::effect_words(*effect))
        .collect();
    words.join("; ")
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn schema() -> anyhow::Result<File> {
    let schema = schemars::schema_for!(kfpctl::check::report::Report);
    let mut schema = serde_json::to_value(schema).context("the schema of the report cannot be written")?;
    let fields = schema
        .as_object_mut()
        .context("the schema of the report is no object")?;
    let note = format!(
        "{MARK}; do not edit. Version {} of the report.",
        kfpctl::check::report::SCHEMA_VERSION
    );
    fields.insert("$comment".to_owned(), note.into());
    fields.insert("title".to_owned(), "kfpctl check --output json".into());
    fields.sort_keys();
    Ok(File {
        path: "docs/reference/check-report.schema.json".to_owned(),
        content: serde_json::to_string_pretty(&schema)? + "\n",
    })
}
