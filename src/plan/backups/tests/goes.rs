//! THOUGHT, tests: what goes, and when.

use super::*;

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
    assert_eq!(with("Retain").plan().steps, std::slice::from_ref(&off));
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
