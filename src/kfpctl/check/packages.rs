//! PEOPLE: what a file or a Python environment asks for, as a report. No I/O.

use kfp_compat::requirements::Requirements;
use kfp_compat::{Finding, Outcome};

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
