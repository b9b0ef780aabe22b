//! THOUGHT, tests: the backups of an installation from the first to the last, on resources as the API server holds them.

mod goes;
mod rounds;
mod turns;
mod verdicts;

use std::collections::BTreeMap;

use jiff::Timestamp;
use kfp_api::KfpBackup;
use kfp_api::conditions::ConditionType;
use kfp_backup::progress::Report;
use serde_json::{Value, json};

use super::*;

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub const NOW: &str = "2026-11-24T12:00:00Z";

pub fn installation(spec: Value) -> Installation {
    let spec = serde_json::from_value(merged(
        json!({"destination": {"type": "S3", "s3": {"bucket": "backups"}, "credentials": {"name": "s3"}}}),
        spec,
    ))
    .unwrap();
    Installation {
        name: "kfp".to_owned(),
        created: at("2026-11-01T00:00:00Z"),
        deleting: false,
        paused: false,
        spec: Some(spec),
        unready: None,
        last_scheduled: None,
    }
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "values are written where they are handed over"
)]
pub fn merged(mut into: Value, from: Value) -> Value {
    for (key, value) in from.as_object().unwrap() {
        into[key] = value.clone();
    }
    into
}

/// A backup made at this time of the day; its name is its uid.
#[allow(
    clippy::needless_pass_by_value,
    reason = "values are written where they are handed over"
)]
pub fn backup(name: &str, hour: &str, more: Value) -> KfpBackup {
    let mut object = json!({
        "apiVersion": "kfpops.dev/v1alpha1", "kind": "KfpBackup",
        "metadata": {"name": name, "namespace": "team", "uid": name, "creationTimestamp": format!("2026-11-24T{hour}:00:00Z"), "generation": 1},
        "spec": {"installation": "kfp"},
    });
    for part in ["metadata", "spec", "status"] {
        if let Some(fields) = more.get(part) {
            let old = object.get(part).cloned().unwrap_or_else(|| json!({}));
            object[part] = merged(old, fields.clone());
        }
    }
    serde_json::from_value(object).unwrap()
}

pub fn condition(kind: &str, status: &str, reason: &str) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": "", "lastTransitionTime": NOW})
}

/// A status of a backup that ended.
pub fn over(hour: &str, complete: &str, verified: &str) -> Value {
    json!({"status": {
        "set": "20261124T010000Z-aaaaaa", "completedAt": format!("2026-11-24T{hour}:30:00Z"), "startedAt": format!("2026-11-24T{hour}:00:00Z"),
        "instant": format!("2026-11-24T{hour}:00:00Z"), "attempts": 1, "remainsRemoved": complete == "False",
        "verification": if verified == "True" { json!({"kind": "Restore", "completedAt": format!("2026-11-24T{hour}:45:00Z")}) } else { Value::Null },
        "conditions": [condition("Complete", complete, "SetComplete"), condition("Verified", verified, "RestoredEqual")],
    }})
}

pub fn job(work: &str, uid: &str, state: JobState, report: Option<Value>) -> JobSeen {
    JobSeen {
        work: work.to_owned(),
        purpose: format!("KfpBackup {uid}"),
        uid: uid.to_owned(),
        state,
        asleep: false,
        going: false,
        closed: true,
        created: at("2026-11-24T11:00:00Z"),
        starts: 1,
        progress: None,
        report: report.map(|report| serde_json::from_value(report).unwrap()),
        trouble: String::new(),
    }
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "values are written where they are handed over"
)]
pub fn report(outcome: &str, reason: &str, retry: bool, done: Value) -> Value {
    json!({
        "attempt": "x7k2ma", "outcome": outcome, "reason": reason, "message": "so it was", "retry": retry,
        "started": "2026-11-24T11:00:00Z", "finished": "2026-11-24T11:30:00Z", "done": done,
    })
}

pub fn took() -> Value {
    json!({
        "did": "took", "set": "20261124T110000Z-aaaaaa", "manifestSha256": "ab", "instant": "2026-11-24T11:01:00Z",
        "storedBytes": 10, "logicalBytes": 100, "tables": 20, "rows": 1000, "objects": 5, "objectsChanged": 0, "specs": 2,
        "specsMissing": 1, "artifacts": 9, "artifactsMissing": 2, "artifactsCopiedBytes": 0, "secretsKept": 0, "encrypted": false,
        "immutability": {"state": "Until", "mode": "COMPLIANCE", "until": "2027-01-01"}, "warnings": ["One thing."],
    })
}

pub fn verified() -> Value {
    json!({
        "did": "verified", "set": "20261124T110000Z-aaaaaa", "manifestSha256": "ab", "depth": "Restore", "parts": 30, "bytes": 100,
        "sealedParts": 0, "tables": 20, "rows": 1000, "databasesRestored": 3, "bucketSampled": 9, "checks": ["All is equal."],
    })
}

/// A world to think about.
pub struct World {
    pub installation: Option<Installation>,
    pub backups: Vec<KfpBackup>,
    pub jobs: BTreeMap<String, JobSeen>,
    pub held: BTreeMap<String, String>,
    pub restoring: Option<Restoring>,
    pub refused: BTreeMap<String, Waiting>,
    pub now: Timestamp,
    pub terminating: bool,
}

impl World {
    pub fn new(spec: Value, backups: Vec<KfpBackup>) -> Self {
        Self {
            installation: Some(installation(spec)),
            backups,
            jobs: BTreeMap::new(),
            held: BTreeMap::new(),
            restoring: None,
            refused: BTreeMap::new(),
            now: at(NOW),
            terminating: false,
        }
    }

    pub fn with(mut self, name: &str, job: JobSeen) -> Self {
        self.jobs.insert(name.to_owned(), job);
        self
    }

    pub fn look(&self) -> Look<'_> {
        Look {
            now: self.now,
            installation: self.installation.as_ref(),
            terminating: self.terminating,
            backups: &self.backups,
            held: &self.held,
            jobs: &self.jobs,
            restoring: self.restoring.as_ref(),
            refused: &self.refused,
        }
    }

    pub fn plan(&self) -> Plan {
        plan(&self.look())
    }

    pub fn status(&self) -> kfp_api::KfpBackupStatus {
        status(&self.look(), &self.backups[0], &Standing::default())
    }

    pub fn waits(&self, name: &str) -> Option<Reason> {
        self.plan().waiting.get(name).map(|waiting| waiting.reason)
    }
}

pub fn start(backup: &str, work: Work) -> Step {
    Step::Start {
        backup: backup.to_owned(),
        work,
    }
}

pub fn failed() -> JobState {
    JobState::Failed {
        reason: "BackoffLimitExceeded".into(),
        message: String::new(),
    }
}
