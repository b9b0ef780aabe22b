//! THOUGHT, tests: the backups of an installation from the first to the last, on resources as the API server holds them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kfp_api::KfpBackup;
use kfp_api::conditions::ConditionType;
use kfp_backup::progress::Report;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const NOW: &str = "2026-11-24T12:00:00Z";

fn installation(spec: Value) -> Installation {
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

fn merged(mut into: Value, from: Value) -> Value {
    for (key, value) in from.as_object().unwrap() {
        into[key] = value.clone();
    }
    into
}

/// A backup made at this time of the day; its name is its uid.
fn backup(name: &str, hour: &str, more: Value) -> KfpBackup {
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

fn condition(kind: &str, status: &str, reason: &str) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": "", "lastTransitionTime": NOW})
}

/// A status of a backup that ended.
fn over(hour: &str, complete: &str, verified: &str) -> Value {
    json!({"status": {
        "set": "20261124T010000Z-aaaaaa", "completedAt": format!("2026-11-24T{hour}:30:00Z"), "startedAt": format!("2026-11-24T{hour}:00:00Z"),
        "instant": format!("2026-11-24T{hour}:00:00Z"), "attempts": 1, "remainsRemoved": complete == "False",
        "verification": if verified == "True" { json!({"kind": "Restore", "completedAt": format!("2026-11-24T{hour}:45:00Z")}) } else { Value::Null },
        "conditions": [condition("Complete", complete, "SetComplete"), condition("Verified", verified, "RestoredEqual")],
    }})
}

fn job(work: &str, uid: &str, state: JobState, report: Option<Value>) -> JobSeen {
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

fn report(outcome: &str, reason: &str, retry: bool, done: Value) -> Value {
    json!({
        "attempt": "x7k2ma", "outcome": outcome, "reason": reason, "message": "so it was", "retry": retry,
        "started": "2026-11-24T11:00:00Z", "finished": "2026-11-24T11:30:00Z", "done": done,
    })
}

fn took() -> Value {
    json!({
        "did": "took", "set": "20261124T110000Z-aaaaaa", "manifestSha256": "ab", "instant": "2026-11-24T11:01:00Z",
        "storedBytes": 10, "logicalBytes": 100, "tables": 20, "rows": 1000, "objects": 5, "objectsChanged": 0, "specs": 2,
        "specsMissing": 1, "artifacts": 9, "artifactsMissing": 2, "artifactsCopiedBytes": 0, "secretsKept": 0, "encrypted": false,
        "immutability": {"state": "Until", "mode": "COMPLIANCE", "until": "2027-01-01"}, "warnings": ["One thing."],
    })
}

fn verified() -> Value {
    json!({
        "did": "verified", "set": "20261124T110000Z-aaaaaa", "manifestSha256": "ab", "depth": "Restore", "parts": 30, "bytes": 100,
        "sealedParts": 0, "tables": 20, "rows": 1000, "databasesRestored": 3, "bucketSampled": 9, "checks": ["All is equal."],
    })
}

/// A world to think about.
struct World {
    installation: Option<Installation>,
    backups: Vec<KfpBackup>,
    jobs: BTreeMap<String, JobSeen>,
    held: BTreeMap<String, String>,
    restoring: Option<Restoring>,
    refused: BTreeMap<String, Waiting>,
    now: Timestamp,
    terminating: bool,
}

impl World {
    fn new(spec: Value, backups: Vec<KfpBackup>) -> Self {
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

    fn with(mut self, name: &str, job: JobSeen) -> Self {
        self.jobs.insert(name.to_owned(), job);
        self
    }

    fn look(&self) -> Look<'_> {
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

    fn plan(&self) -> Plan {
        plan(&self.look())
    }

    fn status(&self) -> kfp_api::KfpBackupStatus {
        status(&self.look(), &self.backups[0], &Standing::default())
    }

    fn waits(&self, name: &str) -> Option<Reason> {
        self.plan().waiting.get(name).map(|waiting| waiting.reason)
    }
}

fn start(backup: &str, work: Work) -> Step {
    Step::Start {
        backup: backup.to_owned(),
        work,
    }
}

#[test]
fn the_oldest_backup_is_taken_first_and_the_others_wait_for_their_turn() {
    let world = World::new(
        json!({}),
        vec![backup("b", "11", json!({})), backup("a", "10", json!({}))],
    );
    assert_eq!(world.plan().steps, [start("a", Work::Take)]);
    assert_eq!(world.waits("b"), Some(Reason::WaitingForTurn));
}

#[test]
fn while_a_job_is_at_work_none_is_started() {
    let world = World::new(
        json!({}),
        vec![backup("a", "10", json!({})), backup("b", "11", json!({}))],
    )
    .with("kfp-take-a", job("take", "a", JobState::Active, None));
    assert_eq!(world.plan().steps, []);
    assert_eq!(world.waits("b"), Some(Reason::WaitingForTurn));
}

#[test]
fn a_backup_that_cannot_be_started_holds_up_no_other() {
    let mut world = World::new(
        json!({}),
        vec![backup("a", "10", json!({})), backup("b", "11", json!({}))],
    );
    let waiting = Waiting {
        reason: Reason::CredentialsRefused,
        message: String::new(),
    };
    world.refused.insert("a".into(), waiting);
    assert_eq!(world.plan().steps, [start("b", Work::Take)]);
    assert_eq!(world.waits("a"), Some(Reason::CredentialsRefused));
}

#[test]
fn a_job_that_was_made_and_not_let_go_is_started_again() {
    let asleep = JobSeen {
        asleep: true,
        ..job("take", "a", JobState::Active, None)
    };
    let world = World::new(json!({}), vec![backup("a", "10", json!({}))]).with("kfp-take-a", asleep);
    assert_eq!(world.plan().steps, [start("a", Work::Take)]);
}

#[rstest]
#[case::no_installation(|world: &mut World| world.installation = None, Reason::InstallationMissing)]
#[case::terminating(|world: &mut World| world.terminating = true, Reason::NamespaceTerminating)]
#[case::unready(|world: &mut World| world.installation.as_mut().unwrap().unready = Some("x".into()), Reason::InstallationNotReady)]
#[case::nowhere(|world: &mut World| world.installation.as_mut().unwrap().spec = None, Reason::DestinationMissing)]
#[case::deleting(|world: &mut World| world.installation.as_mut().unwrap().deleting = true, Reason::InstallationMissing)]
#[case::restoring(|world: &mut World| world.restoring = Some(Restoring { who: "KfpRestore x".into(), safety_backup: None }), Reason::WaitingForTurn)]
fn nothing_is_begun_where_something_stands_against_it(
    #[case] change: fn(&mut World),
    #[case] reason: Reason,
) {
    let mut world = World::new(json!({}), vec![backup("a", "10", json!({}))]);
    change(&mut world);
    assert_eq!(world.plan().steps, []);
    assert_eq!(world.waits("a"), Some(reason));
}

#[test]
fn a_restore_lets_its_own_safety_backup_go_first() {
    let mut world = World::new(
        json!({}),
        vec![backup("a", "10", json!({})), backup("safety", "11", json!({}))],
    );
    world.restoring = Some(Restoring {
        who: "KfpRestore x".into(),
        safety_backup: Some("safety".into()),
    });
    assert_eq!(world.plan().steps, [start("safety", Work::Take)]);
}

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

fn failed() -> JobState {
    JobState::Failed {
        reason: "BackoffLimitExceeded".into(),
        message: String::new(),
    }
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

#[rstest]
#[case::due("30 2 * * *", json!([]), Some("2026-11-24T02:30:00Z"))]
#[case::not_due("30 2 1 1 *", json!([]), None)]
#[case::made_already("30 2 * * *", json!([["2026-11-24T02:30:00Z", true]]), None)]
#[case::the_last_one_goes_on("30 2 * * *", json!([["2026-11-23T02:30:00Z", false]]), None)]
#[case::the_last_one_ended("30 2 * * *", json!([["2026-11-23T02:30:00Z", true]]), Some("2026-11-24T02:30:00Z"))]
fn a_schedule_makes_one_backup_for_its_newest_time(
    #[case] cron: &str,
    #[case] made: Value,
    #[case] wanted: Option<&str>,
) {
    let made = made.as_array().unwrap().iter().map(|made| {
        let status = if made[1] == true { over("10", "True", "True") } else { json!({"status": {}}) };
        let meta = json!({"labels": {"kfpops.dev/scheduled": "kfp"}, "annotations": {"kfpops.dev/scheduled-for": made[0]}});
        backup("old", "03", json!({"metadata": meta, "status": status["status"]}))
    });
    let mut world = World::new(json!({"schedule": cron}), made.collect());
    let created = |plan: Plan| {
        let times = plan.steps.into_iter().filter_map(|step| match step {
            Step::Create { time } => Some(time),
            _ => None,
        });
        times.collect::<Vec<_>>()
    };
    assert_eq!(
        created(world.plan()),
        wanted.map(at).into_iter().collect::<Vec<_>>()
    );
    world.installation.as_mut().unwrap().paused = true;
    assert_eq!(created(world.plan()), []);
}

#[test]
fn a_deleted_backup_of_the_schedule_is_not_made_again() {
    let mut world = World::new(json!({"schedule": "30 2 * * *"}), vec![]);
    world.installation.as_mut().unwrap().last_scheduled = Some(at("2026-11-24T02:30:00Z"));
    assert_eq!(world.plan().steps, []);
}

#[test]
fn a_scheduled_backup_is_named_by_installation_and_time_and_says_everything_itself() {
    let installation = installation(json!({"verify": "Checksums"}));
    let made = scheduled(
        "kfp",
        "team",
        installation.spec.as_ref().unwrap(),
        at("2026-11-24T02:30:00Z"),
    );
    assert_eq!(made.metadata.name.as_deref(), Some("kfp-202611240230"));
    assert!(is_scheduled(&made) && made.spec.destination.is_some());
    assert_eq!(made.spec.verify, kfp_api::backup::Verify::Checksums);
}

#[test]
fn a_drill_checks_the_newest_set_again_and_a_request_any() {
    let drilled = World::new(
        json!({"drills": {"schedule": "30 11 * * *"}}),
        vec![
            backup("a", "09", over("09", "True", "True")),
            backup("b", "10", over("10", "True", "True")),
        ],
    );
    let due = at("2026-11-24T11:30:00Z").as_second();
    assert_eq!(drilled.plan().steps, [start("b", Work::Verify(due))]);

    let asked =
        json!({"metadata": {"annotations": {"kfpops.dev/verify-requested-at": "2026-11-24T11:45:00.5Z"}}});
    let asked = merged(asked, over("09", "True", "True"));
    let world = World::new(
        json!({}),
        vec![
            backup("a", "09", asked),
            backup("b", "10", over("10", "True", "True")),
        ],
    );
    assert_eq!(
        world.plan().steps,
        [start("a", Work::Verify(at("2026-11-24T11:45:00Z").as_second()))]
    );
}

#[test]
fn a_set_goes_with_its_resource_only_where_the_policy_says_so() {
    let gone = json!({"deletionTimestamp": NOW, "finalizers": ["kfpops.dev/remove-set"]});
    let with = |policy: &str| {
        let more = merged(
            json!({"metadata": gone, "spec": {"deletionPolicy": policy}}),
            over("10", "True", "True"),
        );
        World::new(json!({}), vec![backup("a", "10", more)])
    };
    let off = Step::Finalizer {
        backup: "a".into(),
        held: false,
    };
    assert_eq!(with("Retain").plan().steps, [off.clone()]);
    assert_eq!(with("Delete").plan().steps, [start("a", Work::Remove)]);
    let removed = with("Delete").with("kfp-remove-a", job("remove", "a", JobState::Succeeded, None));
    assert_eq!(removed.plan().steps, [off]);
    // Half an hour ago: it is tried again.
    let told = report("Failed", "DestinationDenied", false, Value::Null);
    let failed = with("Delete").with("kfp-remove-a", job("remove", "a", failed(), Some(told)));
    assert_eq!(
        failed.plan().steps,
        [Step::Drop {
            job: "kfp-remove-a".into()
        }]
    );
}

#[test]
fn a_set_that_is_being_taken_is_left_when_its_resource_goes() {
    let more = json!({"metadata": {"deletionTimestamp": NOW, "finalizers": ["kfpops.dev/remove-set"]}, "spec": {"deletionPolicy": "Delete"}, "status": {"set": "20261124T010000Z-aaaaaa"}});
    let world = World::new(json!({}), vec![backup("a", "10", more)])
        .with("kfp-take-a", job("take", "a", JobState::Active, None));
    assert_eq!(
        world.plan().steps,
        [Step::Drop {
            job: "kfp-take-a".into()
        }]
    );
    let nobody = World::new(json!({}), vec![]).with("kfp-take-a", job("take", "a", JobState::Active, None));
    assert_eq!(
        nobody.plan().steps,
        [Step::Drop {
            job: "kfp-take-a".into()
        }]
    );
}

#[test]
fn retention_removes_the_set_and_then_the_resource_and_never_the_last_verified_one() {
    let labels = json!({"labels": {"kfpops.dev/scheduled": "kfp"}});
    let with = |name: &str, hour: &str, verified: &str| {
        backup(
            name,
            hour,
            merged(json!({"metadata": labels}), over(hour, "True", verified)),
        )
    };
    let policy = json!({"retention": {"last": 1}});
    let backups = || {
        vec![
            with("a", "08", "False"),
            with("b", "09", "True"),
            with("c", "10", "False"),
            backup("by-hand", "07", over("07", "True", "True")),
        ]
    };
    let world = World::new(policy.clone(), backups());
    assert_eq!(world.plan().steps, [start("a", Work::Remove)]);
    let world =
        World::new(policy, backups()).with("kfp-remove-a", job("remove", "a", JobState::Succeeded, None));
    assert_eq!(
        world.plan().steps,
        [Step::Delete {
            backup: "a".into(),
            why: world
                .plan()
                .steps
                .iter()
                .find_map(|step| match step {
                    Step::Delete { why, .. } => Some(why.clone()),
                    _ => None,
                })
                .unwrap()
        }]
    );
}

#[test]
fn a_backup_that_a_restore_reads_is_kept() {
    let labels = json!({"labels": {"kfpops.dev/scheduled": "kfp"}});
    let with = |name: &str, hour: &str| {
        backup(
            name,
            hour,
            merged(json!({"metadata": labels}), over(hour, "True", "True")),
        )
    };
    let mut world = World::new(
        json!({"retention": {"last": 1}}),
        vec![with("a", "08"), with("b", "09")],
    );
    world.held.insert("a".into(), "KfpRestore x".into());
    assert_eq!(world.plan().steps, []);
}

#[test]
fn credentials_of_a_job_that_ended_are_taken_away() {
    let open = JobSeen {
        closed: false,
        ..job(
            "verify",
            "a",
            JobState::Succeeded,
            Some(report("Succeeded", "Succeeded", false, verified())),
        )
    };
    let world =
        World::new(json!({}), vec![backup("a", "10", over("10", "True", "True"))]).with("kfp-verify-a", open);
    assert_eq!(
        world.plan().steps,
        [Step::Close {
            job: "kfp-verify-a".into()
        }]
    );
}

#[rstest]
#[case::fresh(json!({}), vec![("a", "10", "True")], Some((true, Reason::BackupRecent)))]
#[case::old(json!({"freshForHours": 1}), vec![("a", "10", "True")], Some((false, Reason::BackupOld)))]
#[case::not_verified(json!({}), vec![("a", "10", "False")], Some((false, Reason::BackupNone)))]
#[case::unreadable(json!({"schedule": "every night"}), vec![("a", "10", "True")], Some((false, Reason::InvalidSpec)))]
fn an_installation_says_whether_its_newest_verified_backup_is_fresh(
    #[case] spec: Value,
    #[case] backups: Vec<(&str, &str, &str)>,
    #[case] wanted: Option<(bool, Reason)>,
) {
    let resource = serde_json::from_value(json!({
        "metadata": {"name": "kfp", "namespace": "team", "creationTimestamp": "2026-11-01T00:00:00Z"},
        "spec": {"version": "2.16.1", "backup": serde_json::to_value(installation(spec).spec).unwrap()},
    }))
    .unwrap();
    let backups: Vec<KfpBackup> = backups
        .into_iter()
        .map(|(name, hour, verified)| backup(name, hour, over(hour, "True", verified)))
        .collect();
    let summary = summary(&resource, &backups, at(NOW));
    assert_eq!(summary.fresh.map(|fresh| (fresh.holds, fresh.reason)), wanted);
}

#[test]
fn an_installation_that_nobody_backs_up_says_nothing() {
    let resource =
        serde_json::from_value(json!({"metadata": {"name": "kfp"}, "spec": {"version": "2.16.1"}})).unwrap();
    assert_eq!(summary(&resource, &[], at(NOW)), Summary::default());
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
