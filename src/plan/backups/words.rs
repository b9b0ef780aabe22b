//! THOUGHT: what a Job told, in the words and numbers of a status; where a set lies. Pure.

use kfp_api::KfpBackup;
use kfp_api::backup_status::JobProgress;
use kfp_api::conditions::Reason;
use kfp_api::destination::Destination;
use kfp_backup::layout::{Home, SetId};
use kfp_backup::progress::{Immutability, Progress};

use super::{JobSeen, facts};

/// Reasons that only a person can end.
pub(super) fn person(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::InstallationMissing | Reason::DestinationMissing | Reason::CredentialsRefused
    )
}

/// Why a Job failed: its own words, else Kubernetes'.
pub(super) fn why(job: &JobSeen, kubernetes: &str, message: &str, otherwise: Reason) -> (Reason, String) {
    let late = kubernetes == "DeadlineExceeded";
    match &job.report {
        Some(report) if report.done.is_none() => {
            let late = late || report.reason == "TimeLimit";
            let reason = if late {
                Reason::TimeLimitExceeded
            } else {
                otherwise
            };
            (reason, format!("{}: {}", report.reason, report.message))
        }
        _ if late => (
            Reason::TimeLimitExceeded,
            "The time limit was over before the program could tell how far it was.".to_owned(),
        ),
        _ if job.trouble.is_empty() => (otherwise, format!("The Job failed: {message} ({kubernetes}).")),
        _ => (
            otherwise,
            format!("The Job failed: {} ({kubernetes}).", job.trouble),
        ),
    }
}

pub(crate) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A Job's progress as a status shows it.
pub(crate) fn shown(progress: &Progress) -> JobProgress {
    JobProgress {
        stage: format!("{:?}", progress.phase),
        bytes: number(progress.bytes),
        total_bytes: progress.bytes_total.map(number),
        rows: number(progress.rows),
        bytes_per_second: Some(number(progress.bytes_per_second)),
        seconds_left: progress.seconds_left.map(number),
    }
}

pub(super) fn immutability(told: &Immutability) -> Option<String> {
    match told {
        Immutability::Until { mode, until } => Some(format!("{mode} until {until}")),
        Immutability::None | Immutability::Unknown { .. } => None,
    }
}

/// Name of a backup's set: from when its resource was made, and its uid.
#[must_use]
pub fn set_id(backup: &KfpBackup) -> SetId {
    SetId::new(facts::created(backup), facts::uid(backup))
}

/// Where an installation's sets lie in a destination.
#[must_use]
pub fn home(destination: &Destination, namespace: &str, installation: &str) -> Home {
    Home {
        prefix: destination.prefix.clone().unwrap_or_default(),
        namespace: namespace.to_owned(),
        installation: installation.to_owned(),
    }
}

pub(super) fn location(destination: &Destination, backup: &KfpBackup, set: &SetId) -> String {
    let namespace = backup.metadata.namespace.as_deref().unwrap_or_default();
    format!(
        "{}/{namespace}/{}/{set}",
        destination.url(),
        backup.spec.installation
    )
}
