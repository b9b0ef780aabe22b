//! EYES: what is known of stored pipelines, counted for the status. Pure.

use std::collections::BTreeMap;

use kfp_api::sdk::{InventoryStatus, ReleaseTotals, SDK_VERSIONS_MAX, SdkVersionTotals, VerdictTotals};
use kfp_compat::inventory::{Kind, Row, cut};
use kfp_compat::{Outcome, Severity};
use kfp_plan::{InventoryExample, InventoryKind, InventoryTrouble};
use kfp_releases::Version;

/// Version of the SDK of a pipeline that names none.
pub const UNKNOWN_SDK: &str = "unknown";
/// All SDK versions that are not among the most frequent ones, in metrics.
pub const OTHER_SDKS: &str = "other";
/// Examples of what does not fit, at most.
const EXAMPLES: usize = 5;
/// Longest reason of an example, in characters.
const WHY_MAX: usize = 160;

/// Whether a row's SDK is outside the policy.
pub type Outside<'a> = &'a dyn Fn(&Row) -> bool;

/// How a row fares on a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lot {
    /// It runs as written.
    Runs,
    /// It runs, with warnings.
    Warnings,
    /// It is refused, or its runs fail.
    Refused,
    /// It could not be judged.
    Unreadable,
}

impl Lot {
    /// As a label of metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Warnings => "warnings",
            Self::Refused => "refused",
            Self::Unreadable => "unreadable",
        }
    }
}

/// How a row fares on a release.
#[must_use]
pub fn lot(row: &Row, release: Version) -> Lot {
    match row.outcome(release) {
        None => Lot::Unreadable,
        Some(Outcome::Runs) => Lot::Runs,
        Some(Outcome::RunsWithWarnings) => Lot::Warnings,
        Some(Outcome::Fails | Outcome::RefusedAtRun | Outcome::RefusedAtUpload) => Lot::Refused,
    }
}

/// What is wrong with a row on the running release, the worst.
#[must_use]
pub fn trouble(row: &Row, running: Version, outside: Outside<'_>) -> Option<InventoryTrouble> {
    match lot(row, running) {
        Lot::Refused => Some(InventoryTrouble::Refused),
        _ if outside(row) => Some(InventoryTrouble::OutsidePolicy),
        Lot::Unreadable => Some(InventoryTrouble::Unreadable),
        Lot::Warnings => Some(InventoryTrouble::Warnings),
        Lot::Runs => None,
    }
}

/// Counts for metrics, with a bounded number of keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// By kind, SDK version (the most frequent ones, [`OTHER_SDKS`] and [`UNKNOWN_SDK`]) and lot on the running release.
    pub sdks: BTreeMap<(String, String, Lot), i64>,
    /// By kind, release and lot.
    pub releases: BTreeMap<(String, Version, Lot), i64>,
}

/// Counts rows for metrics; `releases` begins with the one that runs.
#[must_use]
pub fn tally<'a>(
    rows: impl Iterator<Item = &'a Row>,
    releases: &[Version],
    status: &InventoryStatus,
) -> Tally {
    let frequent: Vec<&str> = status
        .sdk_versions
        .iter()
        .map(|sdk| sdk.version.as_str())
        .collect();
    let mut tally = Tally::default();
    for row in rows {
        let kind = format!("{:?}", row.kind);
        let sdk = row.sdk.as_deref().unwrap_or(UNKNOWN_SDK);
        let sdk = if frequent.contains(&sdk) { sdk } else { OTHER_SDKS };
        if let Some(running) = releases.first() {
            let key = (kind.clone(), sdk.to_owned(), lot(row, *running));
            *tally.sdks.entry(key).or_insert(0) += 1;
        }
        for release in releases {
            let key = (kind.clone(), *release, lot(row, *release));
            *tally.releases.entry(key).or_insert(0) += 1;
        }
    }
    tally
}

/// Counts rows, on each of these releases.
#[must_use]
pub fn count<'a>(
    rows: impl Iterator<Item = &'a Row>,
    releases: &[Version],
    outside: Outside<'_>,
) -> InventoryStatus {
    let mut status = InventoryStatus::default();
    let mut totals: Vec<ReleaseTotals> = releases
        .iter()
        .map(|release| ReleaseTotals {
            release: release.to_string(),
            ..ReleaseTotals::default()
        })
        .collect();
    let mut sdks: BTreeMap<String, SdkVersionTotals> = BTreeMap::new();
    for row in rows {
        let version = row.sdk.clone().unwrap_or_else(|| UNKNOWN_SDK.to_owned());
        let sdk = sdks.entry(version.clone()).or_insert_with(|| SdkVersionTotals {
            version,
            ..SdkVersionTotals::default()
        });
        let (all, own) = match row.kind {
            Kind::PipelineVersion => (&mut status.pipeline_versions, &mut sdk.pipeline_versions),
            Kind::RecurringRun => (&mut status.recurring_runs, &mut sdk.recurring_runs),
            Kind::Run => (&mut status.recent_runs, &mut sdk.recent_runs),
        };
        *all += 1;
        *own += 1;
        if row.kind != Kind::Run && outside(row) {
            status.outside_policy += 1;
        }
        for (release, totals) in releases.iter().zip(&mut totals) {
            add(of_kind(totals, row.kind), lot(row, *release));
        }
    }
    let mut sdks: Vec<SdkVersionTotals> = sdks.into_values().collect();
    sdks.sort_by_key(|sdk| std::cmp::Reverse(sdk.pipeline_versions + sdk.recurring_runs + sdk.recent_runs));
    status.more_sdk_versions = i64::try_from(sdks.len().saturating_sub(SDK_VERSIONS_MAX)).unwrap_or(i64::MAX);
    sdks.truncate(SDK_VERSIONS_MAX);
    status.sdk_versions = sdks;
    status.releases = totals;
    status
}

fn of_kind(totals: &mut ReleaseTotals, kind: Kind) -> &mut VerdictTotals {
    match kind {
        Kind::PipelineVersion => &mut totals.pipeline_versions,
        Kind::RecurringRun => &mut totals.recurring_runs,
        Kind::Run => &mut totals.recent_runs,
    }
}

fn add(totals: &mut VerdictTotals, lot: Lot) {
    let count = match lot {
        Lot::Runs => &mut totals.runs,
        Lot::Warnings => &mut totals.warnings,
        Lot::Refused => &mut totals.refused,
        Lot::Unreadable => &mut totals.unreadable,
    };
    *count += 1;
}

/// The worst among pipeline versions and recurring runs, worst first, newest first of those.
#[must_use]
pub fn examples<'a>(
    rows: impl Iterator<Item = &'a Row>,
    running: Version,
    outside: Outside<'_>,
) -> Vec<InventoryExample> {
    let mut worst: Vec<(InventoryTrouble, &Row)> = rows
        .filter(|row| row.kind != Kind::Run)
        .filter_map(|row| Some((trouble(row, running, outside)?, row)))
        .collect();
    worst.sort_by_key(|(trouble, row)| {
        (
            *trouble,
            std::cmp::Reverse(row.created),
            row.kind,
            row.id.as_str(),
        )
    });
    worst
        .into_iter()
        .take(EXAMPLES)
        .map(|(trouble, row)| InventoryExample {
            trouble,
            kind: match row.kind {
                Kind::PipelineVersion => InventoryKind::PipelineVersion,
                Kind::RecurringRun => InventoryKind::RecurringRun,
                Kind::Run => InventoryKind::Run,
            },
            name: row.title(),
            owner: row.owner().map(str::to_owned),
            sdk: row.sdk.clone(),
            why: cut(&why(row, running, trouble), WHY_MAX),
        })
        .collect()
}

fn why(row: &Row, running: Version, trouble: InventoryTrouble) -> String {
    if let Some(unread) = row
        .unread
        .as_ref()
        .filter(|_| trouble == InventoryTrouble::Unreadable)
    {
        return unread.clone();
    }
    if trouble == InventoryTrouble::OutsidePolicy {
        return match &row.sdk {
            Some(sdk) => format!("SDK {sdk} is outside the policy"),
            None => "it does not say which SDK compiled it".into(),
        };
    }
    let wanted = match trouble {
        InventoryTrouble::Refused => Severity::Error,
        _ => Severity::Warning,
    };
    let fare = row.fare(running);
    let worst = fare.and_then(|fare| fare.why.iter().find(|why| why.told.effect.severity() == wanted));
    match worst {
        Some(why) if why.path.is_empty() => format!("{} ({})", why.told.message, why.told.code.0),
        Some(why) => format!("{}: {} ({})", why.path, why.told.message, why.told.code.0),
        None => "it does not run as written".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fare, row};
    use super::*;

    fn release(text: &str) -> Version {
        text.parse().unwrap()
    }

    fn rows() -> Vec<Row> {
        let refused = Row {
            pipeline: "train".into(),
            name: "v2".into(),
            sdk: Some("2.17.0".into()),
            fares: vec![fare("2.16.1", Outcome::RefusedAtRun)],
            ..row(Kind::PipelineVersion, "a")
        };
        let warned = Row {
            fares: vec![fare("2.17.0", Outcome::RunsWithWarnings)],
            ..row(Kind::RecurringRun, "b")
        };
        let unread = Row {
            sdk: None,
            unread: Some("not YAML".into()),
            ..row(Kind::PipelineVersion, "c")
        };
        vec![refused, warned, unread, row(Kind::Run, "d")]
    }

    #[test]
    fn every_row_is_counted_once_on_every_release() {
        let (rows, releases) = (rows(), [release("2.16.1"), release("2.17.0")]);
        let status = count(rows.iter(), &releases, &|row| row.sdk.is_none());
        assert_eq!(
            (
                status.pipeline_versions,
                status.recurring_runs,
                status.recent_runs
            ),
            (2, 1, 1)
        );
        assert_eq!(status.outside_policy, 1);
        let [running, next] = status.releases.as_slice() else {
            panic!("{status:?}");
        };
        assert_eq!(
            (
                running.pipeline_versions.refused,
                running.pipeline_versions.unreadable
            ),
            (1, 1)
        );
        assert_eq!(
            (running.recurring_runs.runs, next.recurring_runs.warnings),
            (1, 1)
        );
        assert_eq!((next.pipeline_versions.runs, next.recent_runs.runs), (1, 1));
        let sdks: Vec<&str> = status
            .sdk_versions
            .iter()
            .map(|sdk| sdk.version.as_str())
            .collect();
        assert_eq!(sdks, ["2.16.1", "2.17.0", "unknown"]);
    }

    #[test]
    fn rare_sdk_versions_are_counted_together() {
        let rows: Vec<Row> = (0..40_u16)
            .map(|minor| Row {
                sdk: Some(format!("2.{minor}.0")),
                ..row(Kind::Run, &minor.to_string())
            })
            .collect();
        let status = count(rows.iter(), &[], &|_| false);
        assert_eq!((status.sdk_versions.len(), status.more_sdk_versions), (16, 24));
    }

    #[test]
    fn the_worst_is_named_first_with_its_reason() {
        let rows = rows();
        let found = examples(rows.iter(), release("2.16.1"), &|_| false);
        let told: Vec<(&str, &str)> = found
            .iter()
            .map(|example| (example.name.as_str(), example.why.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("train/v2", "platforms.x: it is not known (KFP020)"),
                ("pipeline/c", "not YAML"),
            ]
        );
        assert_eq!(found[0].owner.as_deref(), Some("team-a"));
    }
}
