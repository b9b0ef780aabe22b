//! THOUGHT, tests: while a restore's Job works, and when it is over.

use super::*;

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
fn a_restore_whose_installation_is_gone_is_given_up() {
    let mut case = Case::of(begun(&json!({})));
    case.installation = None;
    assert_eq!(case.reason(), "RestoreFailed");
    let mut case = Case::of(begun(&json!({}))).with_job(job(lost(), None));
    case.installation = None;
    case.database = Seen::Absent;
    assert_eq!(case.reason(), "RestoreFailed");
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
