//! PEOPLE: what a file or a Python environment asks for, as a report. No I/O.

use kfp_compat::packages::NOT_PINNED;
use kfp_compat::requirements::Requirements;
use kfp_compat::{Effect, Finding, Outcome};

use super::examine::Bench;
use super::findings::merge;
use super::report::{FileReport, Kind, ReleaseVerdict};

/// The report of one file.
#[must_use]
pub fn report(path: &str, kind: Kind, asked: &Requirements, text: &[u8], bench: Bench<'_>) -> FileReport {
    let mut all: Vec<Finding> = Vec::new();
    let mut verdicts = Vec::new();
    for release in bench.releases {
        let mut findings = kfp_compat::packages::fit(&asked.packages, *release, bench.packages);
        verdicts.push(ReleaseVerdict {
            release: *release,
            outcome: Outcome::of(&findings),
            note: None,
        });
        if let Some(policy) = bench.policy {
            findings.extend(
                asked
                    .packages
                    .iter()
                    .filter_map(|one| policy.requirement(one, *release)),
            );
        }
        if let Some(policy) = bench.installed {
            findings.extend(
                asked
                    .packages
                    .iter()
                    .filter_map(|one| policy.requirement(one, *release)),
            );
        }
        all.extend(findings);
    }
    FileReport {
        path: path.to_owned(),
        kind,
        sdk: None,
        verdicts,
        findings: merge(all.into_iter(), text),
    }
}

/// What a project leaves open its lock file decides: the findings about that become notes.
pub fn leave_to_lock(report: &mut FileReport, lock: &str) {
    for finding in report
        .findings
        .iter_mut()
        .filter(|finding| finding.code == NOT_PINNED)
    {
        finding.effect = Effect::Note;
        finding.severity = finding.effect.severity();
        finding.help = format!("{lock} beside it pins the version: check that file");
    }
    for verdict in &mut report.verdicts {
        let here = report
            .findings
            .iter()
            .filter(|finding| finding.releases.contains(&verdict.release));
        verdict.outcome = Outcome::of_effects(here.map(|finding| finding.effect));
    }
}
