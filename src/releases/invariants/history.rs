//! FACTS: dates, advisories and hops agree with the releases that there are. Pure.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::Problems;
use crate::catalog::Catalog;
use crate::edge::{Edge, HazardKind, Step};
use crate::release::{Release, SupportState};
use crate::version::Version;

/// The release that made SeaweedFS the object store and shrank the key columns.
const TURNING_POINT: Version = Version {
    major: 2,
    minor: 15,
    patch: 0,
};
/// Hazards of every hop across it.
const HAZARDS_THERE: [HazardKind; 3] = [
    HazardKind::ObjectStoreReplaced,
    HazardKind::ColumnsShrink,
    HazardKind::HalfMigration,
];
/// Steps of every hop.
const STEPS_ALWAYS: [Step; 6] = [
    Step::Preflight,
    Step::Backup,
    Step::CheckCrds,
    Step::Drain,
    Step::RollComponents,
    Step::SmokeRun,
];

pub(super) fn check(catalog: &Catalog, problems: &mut Problems) {
    dates(catalog, problems);
    advisories(catalog, problems);
    problems.in_file("edges.yaml");
    let names: Vec<String> = catalog
        .edges()
        .iter()
        .map(|edge| format!("{} to {}", edge.from, edge.to))
        .collect();
    problems.twice("edges", names.iter().map(String::as_str));
    for (edge, name) in catalog.edges().iter().zip(&names) {
        of_edge(catalog, edge, &format!("edge {name}"), problems);
    }
    let installable: Vec<Version> = catalog
        .installable()
        .map(|(release, _)| release.version)
        .collect();
    for pair in installable.windows(2) {
        if let [from, to] = pair
            && catalog.edge(*from, *to).is_none()
        {
            problems.add(
                "edges",
                &format!("there is none from {from} to {to}, two releases that follow each other"),
            );
        }
    }
}

/// Days are days, and a backend with a higher number is not older.
fn dates(catalog: &Catalog, problems: &mut Problems) {
    let mut before: Option<&Release> = None;
    for release in catalog.releases() {
        problems.in_file(&format!("releases/{}.yaml", release.version));
        if release.released.parse::<Date>().is_err() {
            problems.add("released", "is no day: write YYYY-MM-DD");
        }
        if release.support.state == SupportState::SdkOnly {
            continue;
        }
        if let Some(before) = before
            && before.released > release.released
        {
            problems.add(
                "released",
                &format!("is before {}, the day of {}", before.released, before.version),
            );
        }
        before = Some(release);
    }
}

fn advisories(catalog: &Catalog, problems: &mut Problems) {
    problems.in_file("advisories.yaml");
    problems.twice(
        "advisories",
        catalog.advisories().iter().map(|advisory| advisory.id.as_str()),
    );
    for advisory in catalog.advisories() {
        let path = format!("advisory {}", advisory.id);
        for version in [Some(advisory.since), advisory.fixed_in].into_iter().flatten() {
            if catalog.release(&version.to_string()).is_none() {
                problems.add(&path, &format!("{version} is no release of the catalog"));
            }
        }
        if advisory.fixed_in.is_some_and(|fixed| fixed <= advisory.since) {
            problems.add(&path, "is mended before it begins");
        }
        if advisory.summary.is_empty() || advisory.source.is_empty() {
            problems.add(&path, "needs a summary and a source");
        }
    }
}

fn of_edge(catalog: &Catalog, edge: &Edge, path: &str, problems: &mut Problems) {
    for version in [edge.from, edge.to] {
        let release = catalog.release(&version.to_string());
        if release.is_none_or(|release| release.installable().is_none()) {
            problems.add(path, &format!("{version} is no release that can be installed"));
        }
    }
    if edge.from >= edge.to {
        problems.add(path, "does not lead to a newer release");
    }
    let steps: BTreeSet<Step> = edge.steps.iter().copied().collect();
    for step in STEPS_ALWAYS.into_iter().filter(|step| !steps.contains(step)) {
        problems.add(path, &format!("lacks the step {step:?}"));
    }
    let at = |step: Step| edge.steps.iter().position(|other| *other == step);
    for (first, second) in [
        (Step::Preflight, Step::Backup),
        (Step::Backup, Step::Drain),
        (Step::CheckCrds, Step::RollComponents),
        (Step::Drain, Step::MigrateSchema),
        (Step::Drain, Step::CopyBucket),
        (Step::Drain, Step::RollComponents),
        (Step::MigrateSchema, Step::RollComponents),
        (Step::CopyBucket, Step::RollComponents),
        (Step::RollComponents, Step::SmokeRun),
    ] {
        if let (Some(before), Some(after)) = (at(first), at(second))
            && before > after
        {
            problems.add(path, &format!("{first:?} comes after {second:?}"));
        }
    }
    if edge.from < TURNING_POINT && edge.to >= TURNING_POINT {
        for kind in HAZARDS_THERE
            .into_iter()
            .filter(|kind| !edge.hazards.iter().any(|hazard| hazard.kind == *kind))
        {
            problems.add(
                path,
                &format!("crosses {TURNING_POINT} and does not name the hazard {kind:?}"),
            );
        }
        if !steps.contains(&Step::CopyBucket) {
            problems.add(
                path,
                &format!("crosses {TURNING_POINT} without the step CopyBucket"),
            );
        }
    }
    let words = edge
        .hazards
        .iter()
        .flat_map(|hazard| [&hazard.what, &hazard.guard, &hazard.source]);
    if edge.undo.proof.is_empty() || words.into_iter().any(String::is_empty) {
        problems.add(
            path,
            "has an empty text: hazards need what, guard and source, an undo needs its proof",
        );
    }
}
