//! THOUGHT, tests: a restore from the first look to the last, on resources as the API server holds them.

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

#[test]
fn a_set_that_fits_is_pinned_and_the_installation_stops_from_then_on() {
    let (plan, status) = Case::of(restore(&json!({}))).think();
    assert!(matches!(plan.standing, Standing::Begins(_)), "{plan:?}");
    assert_eq!(status.set.as_deref(), Some("20261124T010000Z-aaaaaa"));
    assert_eq!(status.started_at.map(|time| time.0), Some(at(NOW)));
    let told =
        restore(&json!({"status": serde_json::to_value(Case::of(restore(&json!({}))).think().1).unwrap()}));
    let held = holding(std::slice::from_ref(&told), "kfp").unwrap();
    assert_eq!((held.name.as_str(), held.state), ("back", RestoreState::UnderWay));
}

#[rstest]
#[case::no_installation(|case: &mut Case| case.installation = None, "InstallationMissing", false)]
#[case::paused(|case: &mut Case| case.installation = Some(installation(&json!({"spec": {"paused": true}}))), "InstallationNotReady", false)]
#[case::terminating(|case: &mut Case| case.terminating = true, "NamespaceTerminating", false)]
#[case::no_such_set(|case: &mut Case| case.set = SetSeen::Refused { reason: Reason::SetNotFound, message: "none".into() }, "SetNotFound", true)]
#[case::credentials(|case: &mut Case| case.set = SetSeen::Waits { reason: Reason::CredentialsRefused, message: "none".into() }, "CredentialsRefused", false)]
#[case::database_down(|case: &mut Case| case.database = Seen::Unknown { reason: Reason::Unreachable, why: "down".into() }, "InstallationNotReady", false)]
#[case::store_down(
    |case: &mut Case| case.installation = Some(installation(&json!({"status": {"conditions": [
        {"type": "ObjectStoreReady", "status": "False", "reason": "Unreachable", "message": "down", "lastTransitionTime": NOW}]}}))),
    "InstallationNotReady", false
)]
#[case::rows_in_the_way(|case: &mut Case| case.restore = restore(&json!({"spec": {"overwrite": false}})), "NotEmpty", true)]
#[case::another_release(
    |case: &mut Case| case.set = SetSeen::Found(Box::new(SetFound { release: "2.5.0".into(), schema_of: ["2.5.0".to_owned()].into(), ..found() })),
    "ReleaseDiffers", true
)]
#[case::sealed(|case: &mut Case| case.set = SetSeen::Found(Box::new(SetFound { encrypted: true, ..found() })), "RestoreFailed", true)]
#[case::a_job_at_work(|case: &mut Case| { case.jobs.insert("kfp-take-x".into(), job(JobState::Active, None)); }, "WaitingForTurn", false)]
#[case::an_older_restore(
    |case: &mut Case| case.restores = vec![restore(&json!({"metadata": {"name": "first", "uid": "f", "creationTimestamp": "2026-11-24T10:00:00Z"}}))],
    "WaitingForTurn", false
)]
fn nothing_begins_that_does_not_fit(
    #[case] change: fn(&mut Case),
    #[case] reason: &str,
    #[case] is_final: bool,
) {
    let mut case = Case::of(restore(&json!({})));
    change(&mut case);
    let (plan, status) = case.think();
    assert_eq!(case.reason(), reason);
    assert_eq!(plan.steps, Vec::new());
    assert_eq!(status.started_at, None);
    assert_eq!(status.completed_at.is_some(), is_final);
    let told = restore(&json!({"status": serde_json::to_value(&status).unwrap()}));
    assert_eq!(holding(&[told], "kfp"), None, "what did not begin holds nothing");
}

#[test]
fn a_set_of_a_release_with_the_same_schema_fits() {
    let mut case = Case::of(restore(&json!({})));
    case.set = SetSeen::Found(Box::new(SetFound {
        release: "2.16.0".into(),
        ..found()
    }));
    assert!(matches!(case.think().0.standing, Standing::Begins(_)));
}

#[test]
fn empty_databases_need_no_leave_and_no_safety_backup() {
    let mut case = Case::of(restore(&json!({"spec": {"overwrite": false}})));
    case.database = holds(SchemaState::Empty, false);
    assert!(matches!(case.think().0.standing, Standing::Begins(_)));
    let mut case = Case::of(begun(&json!({"spec": {"overwrite": false}})));
    case.database = holds(SchemaState::Empty, false);
    assert_eq!(case.think().0.steps, [Step::Finalizer(true), Step::Start]);
}

#[test]
fn nothing_is_backed_up_or_replaced_while_something_still_writes() {
    let mut case = Case::of(begun(&json!({})));
    case.writers = Seen::Known(vec!["pod ml-pipeline-1".into()]);
    assert_eq!(case.think().0.steps, Vec::new());
    case.writers = Seen::Unknown {
        reason: Reason::ProbeFailed,
        why: "forbidden".into(),
    };
    assert_eq!(case.think().0.steps, Vec::new());
}

#[rstest]
#[case::missing(None, vec![Step::SafetyBackup], "Restoring")]
#[case::under_way(Some(json!({})), vec![], "Restoring")]
#[case::complete(Some(taken("Unknown", "VerificationPending")), vec![], "Restoring")]
#[case::verified(Some(taken("True", "ChecksumsEqual")), vec![Step::Finalizer(true), Step::Start], "Restoring")]
#[case::damaged(Some(taken("False", "SetDamaged")), vec![], "SafetyBackupFailed")]
#[case::not_readable(Some(taken("False", "VerificationFailed")), vec![], "SafetyBackupFailed")]
#[case::failed(
    Some(json!({"completedAt": NOW, "conditions": [{"type": "Complete", "status": "False", "reason": "BackupFailed", "message": "m", "lastTransitionTime": NOW}]})),
    vec![], "SafetyBackupFailed"
)]
fn what_is_there_is_backed_up_before_it_goes(
    #[case] there: Option<Value>,
    #[case] steps: Vec<Step>,
    #[case] reason: &str,
) {
    let mut case = Case::of(begun(&json!({})));
    case.safety = there.as_ref().map(safety);
    let (plan, status) = case.think();
    assert_eq!(plan.steps, steps);
    assert_eq!(case.reason(), reason);
    let named = steps
        .contains(&Step::SafetyBackup)
        .then_some("before-back-0a1b2c");
    assert_eq!(status.safety_backup.as_deref(), named);
}

#[test]
fn what_another_restore_left_half_done_is_not_backed_up() {
    let mut case = Case::of(begun(&json!({})));
    case.database = holds(SchemaState::Foreign, true);
    assert_eq!(case.think().0.steps, [Step::Finalizer(true), Step::Start]);
    let mut case = Case::of(begun(&json!({})));
    let mut other = given_up("RestoreIncomplete");
    merged(&mut other, &json!({"metadata": {"name": "first", "uid": "f"}}));
    case.restores = vec![restore(&other)];
    assert_eq!(case.think().0.steps, [Step::Finalizer(true), Step::Start]);
}

#[test]
fn a_safety_backup_is_the_usual_one_or_lies_beside_the_set() {
    let own = restore(&json!({}));
    let elsewhere = Destination::default();
    let made = safety_backup(&own, &installation(&json!({})), Some(&elsewhere));
    assert_eq!(made.spec.destination, Some(elsewhere.clone()));
    let usual = json!({"spec": {"backup": {"destination": {"type": "S3", "s3": {"bucket": "backups"}, "credentials": {"name": "s3"}}}}});
    let made = safety_backup(&own, &installation(&usual), Some(&elsewhere));
    assert_eq!(made.spec.destination, None);
    let long = restore(&json!({"metadata": {"name": "x".repeat(63)}}));
    assert_eq!(safety_name(&long).len(), 63);
}

#[test]
fn a_job_that_ended_well_lets_the_installation_start_and_is_complete_when_it_serves() {
    let done = json!({"reason": "Succeeded", "done": {"did": "restored", "databases": 3, "tables": 40, "rows": 1234, "bytes": 99, "objects": 5,
        "specs": 2, "artifacts": 1, "secrets": 0, "runsClosed": 1, "workflowsSetAside": 0}});
    let told = report("Succeeded", &done);
    let mut case = Case::of(begun(&json!({}))).with_job(job(JobState::Succeeded, Some(told)));
    case.installation = Some(unready());
    let (_, status) = case.think();
    assert_eq!(status.completed_at, None);
    assert_eq!(
        status
            .restored
            .as_ref()
            .map(|restored| (restored.rows, restored.bucket_objects)),
        Some((1234, 3))
    );
    let waiting = restore(&json!({"status": serde_json::to_value(&status).unwrap()}));
    assert_eq!(holding(&[waiting], "kfp"), None);
    case.installation = Some(installation(&json!({})));
    let (_, status) = case.think();
    assert_eq!(case.reason(), "Restored");
    assert!(status.completed_at.is_some());
    insta::assert_snapshot!(find(&status.conditions, ConditionType::Complete).unwrap().message);
}

#[test]
fn an_installation_that_does_not_come_up_does_not_hide_that_its_rows_are_back() {
    let told = report(
        "Succeeded",
        &json!({"reason": "Succeeded", "finished": "2026-11-24T11:00:00Z"}),
    );
    let mut case = Case::of(begun(&json!({}))).with_job(job(JobState::Succeeded, Some(told)));
    case.installation = Some(unready());
    assert_eq!(case.reason(), "Restored");
}

#[rstest]
#[case::untouched(holds(SchemaState::Exact, false), "RestoreFailed", false)]
#[case::in_the_middle(holds(SchemaState::Foreign, true), "RestoreIncomplete", true)]
#[case::rows_loaded_and_not_settled(holds(SchemaState::Exact, true), "RestoreIncomplete", true)]
#[case::emptied(holds(SchemaState::Empty, false), "RestoreIncomplete", true)]
#[case::not_known(Seen::Unknown { reason: Reason::Unreachable, why: "down".into() }, "Restoring", true)]
fn a_restore_that_failed_holds_the_installation_while_its_databases_are_not_whole(
    #[case] database: Seen<DatabaseNow>,
    #[case] reason: &str,
    #[case] holds: bool,
) {
    let mut case = Case::of(begun(&json!({}))).with_job(job(lost(), Some(report("Failed", &json!({})))));
    case.database = database;
    let (_, status) = case.think();
    assert_eq!(case.reason(), reason);
    assert_eq!(status.completed_at.is_some(), reason != "Restoring");
    let told = restore(&json!({"status": serde_json::to_value(&status).unwrap()}));
    assert_eq!(holding(&[told], "kfp").is_some(), holds);
}

#[rstest]
#[case::before_the_load("Starting", "RestoreFailed")]
#[case::at_the_bucket("Bucket", "RestoreIncomplete")]
#[case::at_the_runs("Runs", "RestoreIncomplete")]
fn rows_that_are_loaded_and_not_settled_are_not_served(#[case] phase: &str, #[case] reason: &str) {
    let mut failed = job(lost(), Some(report("Failed", &json!({}))));
    failed.progress = serde_json::from_value(json!({
        "attempt": "x7k2ma", "phase": phase, "started": NOW, "updated": NOW, "bytes": 0, "rows": 0, "bytesPerSecond": 0,
    }))
    .unwrap();
    assert_eq!(Case::of(begun(&json!({}))).with_job(failed).reason(), reason);
}

#[test]
fn an_installation_that_was_empty_and_still_is_was_not_touched() {
    let mut case = Case::of(begun(&json!({"spec": {"overwrite": false}})))
        .with_job(job(lost(), Some(report("Failed", &json!({})))));
    case.database = holds(SchemaState::Empty, false);
    assert_eq!(case.reason(), "RestoreFailed");
}

#[test]
fn a_restore_that_succeeds_ends_what_an_incomplete_one_holds() {
    let mut first = given_up("RestoreIncomplete");
    merged(
        &mut first,
        &json!({"metadata": {"name": "first", "creationTimestamp": "2026-11-24T10:00:00Z"}}),
    );
    let first = restore(&first);
    assert_eq!(
        holding(std::slice::from_ref(&first), "kfp").map(|held| held.state),
        Some(RestoreState::Incomplete)
    );
    let second = begun(&json!({"status": {"restored": {"tables": 1}}}));
    assert_eq!(holding(&[first, second], "kfp"), None);
}

#[test]
fn a_status_that_is_lost_while_the_job_works_still_holds_the_installation() {
    let case = Case::of(restore(&json!({}))).with_job(job(JobState::Active, None));
    let (_, status) = case.think();
    assert_eq!(
        status.started_at.map(|time| time.0),
        Some(at("2026-11-24T11:40:00Z"))
    );
}

#[test]
fn a_restore_that_is_marked_as_over_is_not_done_again_without_its_status() {
    let case = Case::of(restore(
        &json!({"metadata": {"annotations": {"kfpops.dev/ended": "2026-11-20T00:00:00Z"}}}),
    ));
    let (plan, status) = case.think();
    assert_eq!((plan.steps, plan.standing), (Vec::new(), Standing::Over));
    assert_eq!(
        status.completed_at.map(|time| time.0),
        Some(at("2026-11-20T00:00:00Z"))
    );
}

#[test]
fn a_restore_that_is_over_is_marked_and_let_go() {
    let mut over = given_up("RestoreFailed");
    merged(
        &mut over,
        &json!({"metadata": {"finalizers": ["kfpops.dev/end-restore"]}}),
    );
    let (plan, _) = Case::of(restore(&over)).think();
    assert_eq!(plan.steps, [Step::Finalizer(false), Step::Mark]);
}

#[test]
fn the_job_ends_before_its_restore_goes() {
    let going = json!({"metadata": {"deletionTimestamp": NOW, "finalizers": ["kfpops.dev/end-restore"]}});
    let mut case = Case::of(begun(&going)).with_job(job(JobState::Active, None));
    assert_eq!(case.think().0.steps, [Step::Drop]);
    case.jobs.get_mut(&job_name(UID)).unwrap().going = true;
    assert_eq!(case.think().0.steps, Vec::new());
    case.jobs.clear();
    assert_eq!(case.think().0.steps, [Step::Finalizer(false)]);
}

#[test]
fn past_its_time_a_restore_is_given_up_and_not_begun() {
    let case = Case::of(begun(&json!({"spec": {"timeLimitSeconds": 60}})));
    assert_eq!(case.reason(), "TimeLimitExceeded");
    let mut case = Case::of(begun(&json!({"spec": {"timeLimitSeconds": 60}})));
    case.database = holds(SchemaState::Foreign, true);
    assert_eq!(case.reason(), "RestoreIncomplete");
}

#[test]
fn the_newest_set_is_never_one_that_the_restore_itself_brought_about() {
    assert_eq!(chosen_before(&restore(&json!({}))), at("2026-11-24T11:00:00Z"));
    let source = json!({"type": "Destination", "destination": {
        "location": {"type": "S3", "s3": {"bucket": "backups"}, "credentials": {"name": "s3"}},
        "set": {"type": "Before", "before": "2026-11-20T00:00:00Z"},
    }});
    let mut asked = restore(&json!({}));
    asked.spec.source = serde_json::from_value(source).unwrap();
    assert_eq!(chosen_before(&asked), at("2026-11-20T00:00:00Z"));
}

#[test]
fn the_restore_of_a_bootstrap_is_known_by_the_installation_that_it_was_made_for() {
    let made = |more: &Value| {
        let mut all = json!({"metadata": {"labels": {"kfpops.dev/bootstrap": "i"}}});
        merged(&mut all, more);
        restore(&all)
    };
    assert_eq!(bootstrap(&[made(&json!({}))], "another"), None);
    let state = |restore: KfpRestore| bootstrap(&[restore], "i").map(|found| found.state);
    assert_eq!(state(made(&json!({}))), Some(BootstrapState::UnderWay));
    assert_eq!(
        state(made(&given_up("RestoreFailed"))),
        Some(BootstrapState::Failed)
    );
    assert_eq!(
        state(made(&json!({"status": {"restored": {"tables": 1}}}))),
        Some(BootstrapState::Done)
    );
}
