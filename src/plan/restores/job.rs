//! THOUGHT: what a restore's Job makes of it: how far it is, what it did, and, where it failed, what is left of the databases.

use jiff::SignedDuration;
use kfp_api::conditions::{ConditionType, Reason, find};
use kfp_api::restore::{RestoreParts, Restored};
use kfp_api::status::SchemaState;
use kfp_backup::progress::{Done, Phase, Restored as Told};

use super::{Look, Standing, works};
use crate::backups::{JobSeen, JobState, number};
use crate::observed::Seen;
use crate::steps::schema;

/// How long what was stopped may take to serve again before the restore is called complete all the same: the rows are back, and
/// the installation's own conditions tell the rest.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);

/// How a restore stands whose Job was let go.
pub(super) fn standing(look: &Look, job: &JobSeen) -> Standing {
    match &job.state {
        JobState::Active => Standing::Works {
            message: doing(job),
            progress: job.progress.clone(),
        },
        JobState::Succeeded => succeeded(look, job),
        JobState::Failed { reason, message } => failed(look, job, reason, message),
    }
}

fn doing(job: &JobSeen) -> String {
    match &job.progress {
        Some(progress) => format!("The set is put back: {:?}.", progress.phase),
        None if !job.trouble.is_empty() => {
            format!("The Job's pod does not run: {}.", job.trouble)
        }
        None => "The Job's pod is starting.".to_owned(),
    }
}

fn succeeded(look: &Look, job: &JobSeen) -> Standing {
    let report = job.report.as_ref();
    let told = match report.and_then(|report| report.done.as_ref()) {
        Some(Done::Restored(told)) => told.as_ref().clone(),
        _ => Told::default(),
    };
    let restored = counts(&told);
    let since = report.map_or(job.created, |report| report.finished);
    let waited = look.now.duration_since(since) > PATIENCE;
    match unready(look) {
        Some(unready) if !waited => Standing::PutBack {
            restored,
            message: format!("Everything was put back. Waits for the installation: {unready}"),
        },
        unready => Standing::Done {
            restored,
            message: summary(&told, unready.as_deref()),
        },
    }
}

/// What the installation says while it is not ready.
fn unready(look: &Look) -> Option<String> {
    let status = look.installation?.status.as_ref()?;
    let ready = find(&status.conditions, ConditionType::Ready)?;
    (ready.status != "True").then(|| ready.message.clone())
}

fn counts(told: &Told) -> Restored {
    Restored {
        tables: number(told.tables),
        rows: number(told.rows),
        bytes: number(told.bytes),
        objects: number(told.objects),
        bucket_objects: number(told.specs.saturating_add(told.artifacts)),
        workflows_set_aside: number(told.workflows_set_aside),
        runs_closed: number(told.runs_closed),
    }
}

/// What was done, in words.
fn summary(told: &Told, unready: Option<&str>) -> String {
    let mut said = vec![format!(
        "{} rows of {} tables, {} Kubernetes objects and {} objects of the bucket were put back.",
        told.rows,
        told.tables,
        told.objects,
        told.specs.saturating_add(told.artifacts)
    )];
    if told.runs_closed > 0 {
        said.push(format!(
            "{} runs without a Workflow were closed as failed.",
            told.runs_closed
        ));
    }
    if let Some(place) = &told.workflows_export {
        said.push(format!(
            "{} newer Workflows were set aside into {place}.",
            told.workflows_set_aside
        ));
    }
    if !told.secrets_missing.is_empty() {
        said.push(format!(
            "Secrets of the set that were not made: {}.",
            told.secrets_missing.join(", ")
        ));
    }
    said.extend(told.warnings.iter().cloned());
    if let Some(unready) = unready {
        said.push(format!("The installation is not ready yet: {unready}"));
    }
    said.join(" ")
}

/// The Job gave up. What became of the databases is asked of the databases.
fn failed(look: &Look, job: &JobSeen, kubernetes: &str, message: &str) -> Standing {
    let why = match &job.report {
        Some(report) if report.done.is_none() => format!("{}: {}", report.reason, report.message),
        _ if !job.trouble.is_empty() => format!("The Job failed: {} ({kubernetes}).", job.trouble),
        _ => format!("The Job failed: {message} ({kubernetes})."),
    };
    let late = kubernetes == "DeadlineExceeded"
        || job
            .report
            .as_ref()
            .is_some_and(|report| report.reason == "TimeLimit");
    let unscathed = if late {
        Reason::TimeLimitExceeded
    } else {
        Reason::RestoreFailed
    };
    if look.installation.is_none() {
        return Standing::GaveUp {
            reason: unscathed,
            message: format!("{why} Its installation is gone."),
        };
    }
    if look.restore.spec.parts == RestoreParts::SchedulesOnly {
        return Standing::GaveUp {
            reason: unscathed,
            message: format!("{why} The databases were not touched."),
        };
    }
    match whole(look).map(|whole| whole && !unsettled(job)) {
        Some(true) => Standing::GaveUp {
            reason: unscathed,
            message: format!("{why} The databases are whole."),
        },
        Some(false) => Standing::GaveUp {
            reason: Reason::RestoreIncomplete,
            message: format!("{why} The databases are not whole."),
        },
        None => works(format!(
            "{why} Whether the databases are whole is not known yet: the database does not answer."
        )),
    }
}

/// The rows are those of the set already, and what must agree with them was not settled: an API server that starts now would
/// delete the Workflows of newer runs.
fn unsettled(job: &JobSeen) -> bool {
    let phase = job.progress.as_ref().map(|progress| progress.phase);
    matches!(phase, Some(Phase::Bucket | Phase::Objects | Phase::Runs))
}

/// Whether the databases can be served: no load was left in its middle, and the schema is the release's; or they are as empty as
/// they must have been. None while they cannot be looked at.
fn whole(look: &Look) -> Option<bool> {
    let Seen::Known(database) = look.database else {
        return None;
    };
    let version = &look.installation?.spec.version;
    let untouched = database.schema.state == SchemaState::Empty && !look.restore.spec.overwrite;
    Some(!database.loading && (untouched || schema::is_of(&database.schema, version)))
}
