//! THOUGHT, tests: a restore from the first look to the last, on resources as the API server holds them.

mod after;
mod before;

use kfp_api::KfpRestoreStatus;
use kfp_api::conditions::{ConditionType, find};
use kfp_api::destination::Destination;
use kfp_api::status::SchemaState;
use kfp_backup::progress::Report;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::backups::JobState;
use crate::observed::{BootstrapState, RestoreState};

const NOW: &str = "2026-11-24T12:00:00Z";
const UID: &str = "0a1b2c3d-0000";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn merged(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merged(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

fn restore(more: &Value) -> KfpRestore {
    let mut object = json!({
        "apiVersion": "kfpops.dev/v1alpha1", "kind": "KfpRestore",
        "metadata": {"name": "back", "namespace": "team", "uid": UID, "creationTimestamp": "2026-11-24T11:00:00Z", "generation": 1},
        "spec": {"installation": "kfp", "source": {"type": "BackupRef", "backupRef": {"name": "nightly"}}, "overwrite": true},
    });
    merged(&mut object, more);
    serde_json::from_value(object).unwrap()
}

fn begun(more: &Value) -> KfpRestore {
    let mut all = json!({"status": {"startedAt": "2026-11-24T11:30:00Z", "set": "20261124T010000Z-aaaaaa"}});
    merged(&mut all, more);
    restore(&all)
}

fn given_up(reason: &str) -> Value {
    json!({"status": {
        "startedAt": "2026-11-24T10:30:00Z", "completedAt": "2026-11-24T11:45:00Z",
        "conditions": [{"type": "Complete", "status": "False", "reason": reason, "message": "Broke.", "lastTransitionTime": NOW}],
    }})
}

fn installation(more: &Value) -> KfpInstallation {
    let mut object = json!({
        "apiVersion": "kfpops.dev/v1alpha1", "kind": "KfpInstallation",
        "metadata": {"name": "kfp", "namespace": "team", "uid": "i"},
        "spec": {"version": "2.16.1"},
        "status": {"conditions": [
            {"type": "Ready", "status": "True", "reason": "AllReady", "message": "Serves.", "lastTransitionTime": NOW},
            {"type": "ObjectStoreReady", "status": "True", "reason": "Healthy", "message": "", "lastTransitionTime": NOW},
        ]},
    });
    merged(&mut object, more);
    serde_json::from_value(object).unwrap()
}

fn unready() -> KfpInstallation {
    installation(&json!({"status": {"conditions": [
        {"type": "Ready", "status": "False", "reason": "Progressing", "message": "ml-pipeline: 0/1 ready.", "lastTransitionTime": NOW},
    ]}}))
}

fn found() -> SetFound {
    SetFound {
        id: "20261124T010000Z-aaaaaa".to_owned(),
        location: "s3://b/team/kfp/20261124T010000Z-aaaaaa".to_owned(),
        instant: at("2026-11-24T01:00:05Z"),
        release: "2.16.1".to_owned(),
        schema_of: ["2.16.0".to_owned(), "2.16.1".to_owned()].into(),
        encrypted: false,
        encryption: None,
    }
}

fn holds(state: SchemaState, loading: bool) -> Seen<DatabaseNow> {
    let matches = match state {
        SchemaState::Exact => vec!["2.16.1".to_owned()],
        _ => Vec::new(),
    };
    Seen::Known(DatabaseNow {
        schema: SchemaStatus {
            state,
            matches,
            differences: Vec::new(),
        },
        loading,
        others: false,
    })
}

fn safety(status: &Value) -> KfpBackup {
    serde_json::from_value(json!({
        "apiVersion": "kfpops.dev/v1alpha1", "kind": "KfpBackup",
        "metadata": {"name": "before-back-0a1b2c", "namespace": "team", "uid": "s"},
        "spec": {"installation": "kfp"}, "status": status,
    }))
    .unwrap()
}

/// The status of a backup whose set is complete.
fn taken(verified: &str, reason: &str) -> Value {
    let condition = |kind: &str, status: &str, reason: &str| json!({"type": kind, "status": status, "reason": reason, "message": "m", "lastTransitionTime": NOW});
    let conditions = [
        condition("Complete", "True", "SetComplete"),
        condition("Verified", verified, reason),
    ];
    json!({"completedAt": NOW, "conditions": conditions})
}

fn job(state: JobState, report: Option<Value>) -> JobSeen {
    JobSeen {
        work: WORK.to_owned(),
        purpose: "KfpRestore back".to_owned(),
        uid: UID.to_owned(),
        state,
        asleep: false,
        going: false,
        closed: false,
        created: at("2026-11-24T11:40:00Z"),
        starts: 1,
        progress: None,
        report: report.map(|report| serde_json::from_value::<Report>(report).unwrap()),
        trouble: String::new(),
    }
}

fn report(outcome: &str, more: &Value) -> Value {
    let mut report = json!({
        "attempt": "x7k2ma", "outcome": outcome, "reason": "PartMissing", "message": "a part is not there", "retry": false,
        "started": "2026-11-24T11:40:00Z", "finished": "2026-11-24T11:58:00Z",
    });
    merged(&mut report, more);
    report
}

fn lost() -> JobState {
    JobState::Failed {
        reason: "PodFailurePolicy".to_owned(),
        message: "exit code 2".to_owned(),
    }
}

/// Everything of a look, with what most cases have in common.
struct Case {
    restore: KfpRestore,
    restores: Vec<KfpRestore>,
    installation: Option<KfpInstallation>,
    set: SetSeen,
    database: Seen<DatabaseNow>,
    writers: Seen<Vec<String>>,
    safety: Option<KfpBackup>,
    jobs: BTreeMap<String, JobSeen>,
    terminating: bool,
}

impl Case {
    fn of(restore: KfpRestore) -> Self {
        Self {
            restore,
            restores: Vec::new(),
            installation: Some(installation(&json!({}))),
            set: SetSeen::Found(Box::new(found())),
            database: holds(SchemaState::Exact, false),
            writers: Seen::Known(Vec::new()),
            safety: None,
            jobs: BTreeMap::new(),
            terminating: false,
        }
    }

    fn with_job(mut self, job: JobSeen) -> Self {
        self.jobs.insert(job_name(UID), job);
        self
    }

    fn think(&self) -> (Plan, KfpRestoreStatus) {
        let mut restores = self.restores.clone();
        restores.push(self.restore.clone());
        let look = Look {
            now: at(NOW),
            restore: &self.restore,
            restores: &restores,
            terminating: self.terminating,
            installation: self.installation.as_ref(),
            set: &self.set,
            database: &self.database,
            writers: &self.writers,
            safety: self.safety.as_ref(),
            jobs: &self.jobs,
        };
        let plan = plan(&look);
        let status = status(&look, &plan, None);
        (plan, status)
    }

    fn reason(&self) -> String {
        let (_, status) = self.think();
        find(&status.conditions, ConditionType::Complete)
            .map(|condition| condition.reason.clone())
            .unwrap_or_default()
    }
}
