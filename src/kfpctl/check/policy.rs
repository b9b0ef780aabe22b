//! PEOPLE: finds the policy file and lays it over a report. What a policy says is read in the judgement's room.

use std::path::{Path, PathBuf};

use jiff::civil::Date;
use kfp_compat::Policy;
use kfp_compat::policy::Ruling;

use super::report::{Ignored, Report};
use crate::failure::Failure;

/// Name of the file that is looked for.
const NAME: &str = ".kfpctl.yaml";

/// A policy and where it was found.
#[derive(Debug)]
pub struct Found {
    /// Path, as shown.
    pub name: String,
    /// What it says.
    pub policy: Policy,
}

/// The file named, or the nearest `.kfpctl.yaml` from the current folder up to the root of its repository.
pub fn find(named: Option<&Path>) -> Result<Option<Found>, Failure> {
    let Some(path) = named.map(Path::to_owned).or_else(nearest) else {
        return Ok(None);
    };
    let name = super::excerpt::plain(&path.display().to_string());
    let text = std::fs::read_to_string(&path)
        .map_err(|error| Failure::Usage(format!("the policy {name} cannot be read: {error}")))?;
    let policy = Policy::read(&text).map_err(|error| {
        Failure::Usage(format!(
            "the policy {name} cannot be used: {error}; docs/reference/check.md has every field"
        ))
    })?;
    Ok(Some(Found { name, policy }))
}

fn nearest() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    for folder in here.ancestors() {
        let path = folder.join(NAME);
        if path.is_file() {
            return Some(
                path.strip_prefix(&here)
                    .map_or_else(|_| path.clone(), Path::to_owned),
            );
        }
        if folder.join(".git").exists() {
            break;
        }
    }
    None
}

/// Today, in the time zone of this machine.
#[must_use]
pub fn today() -> Date {
    jiff::Zoned::now().date()
}

/// Ignores and raises what the policy says.
pub fn apply(found: &Found, today: Date, report: &mut Report) {
    report.policy = Some(found.name.clone());
    for file in &mut report.files {
        for finding in &mut file.findings {
            match found
                .policy
                .ruling(&finding.code, &file.path, finding.task.as_deref(), today)
            {
                Ruling::None => {}
                Ruling::Counts(severity) => finding.severity = severity,
                Ruling::Ignored(rule) => {
                    finding.ignored = Some(Ignored {
                        reason: rule.reason.clone(),
                        until: rule.until.map(|until| until.to_string()),
                    });
                }
            }
        }
    }
    for rule in found.policy.over(today) {
        let until = rule.until.map(|until| until.to_string()).unwrap_or_default();
        report.notices.push(format!(
            "{}: the decision about {} ({}) held until {until} and holds no more",
            found.name, rule.code.0, rule.reason
        ));
    }
}
