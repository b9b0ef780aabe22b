//! PEOPLE: everything that was named, looked at and put into one report. Decides nothing.

use std::collections::BTreeSet;

use super::examine::{self, Bench, What};
use super::report::{Backend, FileReport, Kind, Report, SCHEMA_VERSION, Summary};
use super::{Arguments, environment, excerpt, inputs, packages};
use crate::failure::Failure;

/// Looks at everything that was named.
pub fn report(arguments: &Arguments, backends: Vec<Backend>, bench: Bench<'_>) -> Result<Report, Failure> {
    let gathered = inputs::gather(&arguments.paths);
    let mut report = Report {
        schema_version: SCHEMA_VERSION,
        kfpctl_version: env!("CARGO_PKG_VERSION"),
        backends,
        policy: None,
        files: Vec::new(),
        unreadable: gathered.unreadable,
        passed_over: gathered.passed_over,
        notices: Vec::new(),
        summary: Summary::default(),
    };
    let mut inputs = gathered.inputs;
    let mut seen: BTreeSet<String> = inputs.iter().map(|input| input.name.clone()).collect();
    while !inputs.is_empty() {
        let mut named = Vec::new();
        for examined in examine::all(&inputs, bench) {
            named.extend(examined.includes);
            match examined.what {
                What::Judged(file) => report.files.push(*file),
                What::Other => report.passed_over += 1,
                What::Unreadable(file) => report.unreadable.push(*file),
            }
        }
        named.retain(|input| seen.insert(input.name.clone()));
        inputs = named;
    }
    if arguments.installed_sdk {
        report.files.push(installed(bench)?);
    }
    if report.files.is_empty() && report.unreadable.is_empty() {
        let places: Vec<String> = arguments
            .paths
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        return Err(Failure::Usage(format!(
            "no compiled pipeline and no file that pins kfp in {} ({} other files passed over)",
            excerpt::plain(&places.join(", ")),
            report.passed_over
        )));
    }
    report.notices.extend(notes(&report));
    Ok(report)
}

/// The Python environment of this folder, as a report.
fn installed(bench: Bench<'_>) -> Result<FileReport, Failure> {
    let here = std::env::current_dir()
        .map_err(|error| Failure::Usage(format!("the current folder cannot be read: {error}")))?;
    let found = environment::find(|name| std::env::var_os(name), &here)?;
    let name = format!("{} ({})", found.folder.display(), found.found_by);
    Ok(packages::report(
        &name,
        Kind::Environment,
        &found.packages,
        &[],
        bench,
    ))
}

/// What limits the verdicts, each said once.
fn notes(report: &Report) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    for verdict in report.files.iter().flat_map(|file| &file.verdicts) {
        if let Some(note) = verdict.note.as_ref().filter(|note| !notes.contains(note)) {
            notes.push(note.clone());
        }
    }
    notes
}
