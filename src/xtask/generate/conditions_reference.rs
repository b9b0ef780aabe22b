//! TOOLS: `docs/reference/conditions.md`: what each condition type and reason means and what to do next.

use std::fmt::{self, Write as _};

use anyhow::Context;
use kfp_api::conditions::{ConditionType, Reason};

use super::{File, MARK};

/// The page about conditions and reasons.
pub fn files() -> anyhow::Result<Vec<File>> {
    let mut page = String::new();
    write(&mut page).context("the page cannot be written")?;
    Ok(vec![File {
        path: "docs/reference/conditions.md".to_owned(),
        content: page,
    }])
}

fn write(page: &mut String) -> fmt::Result {
    writeln!(page, "<!-- {MARK}; do not edit. -->")?;
    writeln!(page, "# Conditions and reasons\n")?;
    writeln!(
        page,
        "Conditions tell how an installation is; the reason of a condition tells why, as one stable word. Types and reasons \
         are API: once released they are never renamed and never change their meaning. Events and the label `reason` of \
         metrics use the same words. `kfpctl explain REASON` prints what stands here.\n"
    )?;
    writeln!(page, "## Condition types\n")?;
    writeln!(page, "| Type | What it tells |\n| --- | --- |")?;
    for condition_type in ConditionType::ALL {
        writeln!(page, "| `{condition_type}` | {} |", condition_type.meaning())?;
    }
    writeln!(page, "\n## Reasons\n")?;
    writeln!(page, "| Reason | Who ends it |\n| --- | --- |")?;
    for reason in Reason::ALL {
        writeln!(
            page,
            "| [`{reason}`](#{}) | {} |",
            reason.as_str().to_lowercase(),
            reason.recovery().as_str()
        )?;
    }
    for reason in Reason::ALL {
        writeln!(page, "\n### {reason}\n")?;
        writeln!(page, "{}\n", reason.meaning())?;
        writeln!(page, "**What to do:** {}", reason.next_step())?;
    }
    Ok(())
}
