//! THOUGHT, tests: until a restore's Job starts.

use super::*;

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
fn a_lost_pipelines_database_does_not_make_the_others_worthless() {
    let mut case = Case::of(begun(&json!({})));
    case.database = match holds(SchemaState::Empty, false) {
        Seen::Known(database) => Seen::Known(DatabaseNow {
            others: true,
            ..database
        }),
        unseen => unseen,
    };
    assert_eq!(case.think().0.steps, [Step::SafetyBackup]);
    let mut case = Case {
        restore: restore(&json!({"spec": {"overwrite": false}})),
        ..case
    };
    case.restores.clear();
    assert_eq!(case.reason(), "NotEmpty");
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
    let beside = Beside {
        destination: Destination::default(),
        encryption: Some(Encryption::default()),
    };
    let made = safety_backup(&own, &installation(&json!({})), Some(&beside));
    assert_eq!(made.spec.destination, Some(beside.destination.clone()));
    assert_eq!(
        made.spec.encryption, beside.encryption,
        "what was encrypted is not kept in the clear beside it"
    );
    let usual = json!({"spec": {"backup": {"destination": {"type": "S3", "s3": {"bucket": "backups"}, "credentials": {"name": "s3"}}}}});
    let made = safety_backup(&own, &installation(&usual), Some(&beside));
    assert_eq!((made.spec.destination, made.spec.encryption), (None, None));
    let long = restore(&json!({"metadata": {"name": "x".repeat(63)}}));
    assert_eq!(safety_name(&long).len(), 63);
}
