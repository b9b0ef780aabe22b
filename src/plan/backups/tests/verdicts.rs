//! THOUGHT, tests: what a Job told becomes a status.

use rstest::rstest;

use super::*;

#[test]
fn a_set_that_was_taken_is_told_with_its_figures_and_checked_next() {
    let done = job(
        "take",
        "a",
        JobState::Succeeded,
        Some(report("Succeeded", "Succeeded", false, took())),
    );
    let mut world = World::new(json!({}), vec![backup("a", "10", json!({}))]).with("kfp-take-a", done);
    let status = world.status();
    assert_eq!(
        (
            status.rows,
            status.bytes,
            status.stored_bytes,
            status.objects,
            status.missing_objects
        ),
        (Some(1000), Some(100), Some(10), Some(5), Some(3))
    );
    assert_eq!(
        status.immutability.as_deref(),
        Some("COMPLIANCE until 2027-01-01")
    );
    let complete = kfp_api::conditions::find(&status.conditions, ConditionType::Complete).unwrap();
    assert_eq!(
        (complete.status.as_str(), complete.reason.as_str()),
        ("True", "SetComplete")
    );
    assert!(complete.message.ends_with("One thing."), "{}", complete.message);
    let pending = kfp_api::conditions::find(&status.conditions, ConditionType::Verified).unwrap();
    assert_eq!(
        (pending.status.as_str(), pending.reason.as_str()),
        ("Unknown", "VerificationPending")
    );
    world.backups[0].status = Some(status);
    assert_eq!(world.plan().steps, [start("a", Work::Verify(0))]);
}

#[test]
fn a_backup_that_failed_is_told_why_and_what_it_left_is_removed() {
    let failed = JobState::Failed {
        reason: "BackoffLimitExceeded".into(),
        message: "four times".into(),
    };
    let told = report("Failed", "DestinationFull", true, Value::Null);
    let mut world = World::new(json!({}), vec![backup("a", "10", json!({}))])
        .with("kfp-take-a", job("take", "a", failed, Some(told)));
    let status = world.status();
    let stalled = kfp_api::conditions::find(&status.conditions, ConditionType::Stalled).unwrap();
    assert_eq!(
        (stalled.reason.as_str(), stalled.message.as_str()),
        ("BackupFailed", "DestinationFull: so it was")
    );
    assert!(status.completed_at.is_some());
    world.backups[0].status = Some(status);
    assert_eq!(world.plan().steps, [start("a", Work::Clean)]);
    world
        .jobs
        .insert("kfp-clean-a".into(), job("clean", "a", JobState::Succeeded, None));
    assert!(world.status().remains_removed);
}

#[test]
fn a_backup_that_took_too_long_says_so() {
    let late = JobState::Failed {
        reason: "DeadlineExceeded".into(),
        message: "was active".into(),
    };
    let world = World::new(json!({}), vec![backup("a", "10", json!({}))])
        .with("kfp-take-a", job("take", "a", late, None));
    let status = world.status();
    let stalled = kfp_api::conditions::find(&status.conditions, ConditionType::Stalled).unwrap();
    assert_eq!(stalled.reason, "TimeLimitExceeded");
}

#[rstest]
#[case::equal(
    JobState::Succeeded,
    report("Succeeded", "Succeeded", false, verified()),
    "True",
    "RestoredEqual",
    None
)]
#[case::damaged(
    failed(),
    report("Failed", "PartDamaged", false, Value::Null),
    "False",
    "SetDamaged",
    Some("SetDamaged")
)]
#[case::out_of_reach(
    failed(),
    report("Failed", "DestinationDenied", false, Value::Null),
    "False",
    "VerificationFailed",
    Some("VerificationFailed")
)]
#[case::interrupted(
    failed(),
    report("Stopped", "Stopped", true, Value::Null),
    "False",
    "VerificationFailed",
    Some("VerificationFailed")
)]
fn a_check_ends_with_a_verdict_or_says_why_there_is_none(
    #[case] state: JobState,
    #[case] told: Value,
    #[case] holds: &str,
    #[case] reason: &str,
    #[case] stalled: Option<&str>,
) {
    let world = World::new(json!({}), vec![backup("a", "10", over("10", "True", "Unknown"))])
        .with("kfp-verify-a", job("verify", "a", state, Some(told)));
    let status = world.status();
    let found = kfp_api::conditions::find(&status.conditions, ConditionType::Verified).unwrap();
    assert_eq!((found.status.as_str(), found.reason.as_str()), (holds, reason));
    let stands = kfp_api::conditions::find(&status.conditions, ConditionType::Stalled);
    assert_eq!(stands.map(|found| found.reason.as_str()), stalled);
}

#[test]
fn a_check_without_a_verdict_takes_back_nothing_that_was_found() {
    let told = report("Failed", "DestinationUnreachable", true, Value::Null);
    let world = World::new(json!({}), vec![backup("a", "10", over("10", "True", "True"))])
        .with("kfp-verify-a-7", job("verify", "a", failed(), Some(told)));
    let status = world.status();
    let found = kfp_api::conditions::find(&status.conditions, ConditionType::Verified).unwrap();
    assert_eq!(found.status, "True");
}

#[test]
fn a_status_that_says_all_is_the_same_after_the_next_pass() {
    let done = job(
        "take",
        "a",
        JobState::Succeeded,
        Some(report("Succeeded", "Succeeded", false, took())),
    );
    let told = report("Succeeded", "Succeeded", false, verified());
    let mut world = World::new(json!({}), vec![backup("a", "10", json!({}))])
        .with("kfp-take-a", done)
        .with(
            "kfp-verify-a",
            job("verify", "a", JobState::Succeeded, Some(told)),
        );
    let first = world.status();
    world.backups[0].status = Some(first.clone());
    world.now = at("2026-11-24T13:00:00Z");
    assert_eq!(world.status(), first);
    world.jobs.clear();
    assert_eq!(world.status(), first);
    assert_eq!(world.plan().steps, []);
    let _: Report = serde_json::from_value(report("Succeeded", "Succeeded", false, took())).unwrap();
}
