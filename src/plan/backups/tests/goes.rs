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

/// A backup that a schedule made, and that is verified.
fn scheduled(name: &str, hour: &str) -> kfp_api::KfpBackup {
    let labels = json!({"labels": {"kfpops.dev/scheduled": "kfp"}});
    backup(
        name,
        hour,
        merged(json!({"metadata": labels}), over(hour, "True", "True")),
    )
}

#[test]
fn a_set_whose_removal_was_begun_goes_whatever_the_rules_say_later_and_is_called_none_meanwhile() {
    let world = World::new(json!({}), vec![scheduled("a", "08"), scheduled("b", "09")])
        .with("kfp-remove-a", job("remove", "a", failed(), None));
    let status = world.status();
    for kind in [ConditionType::Complete, ConditionType::Verified] {
        let said = kfp_api::conditions::find(&status.conditions, kind).unwrap();
        assert_eq!(
            (said.status.as_str(), said.reason.as_str()),
            ("False", "Deleting")
        );
    }
    let mut later = World::new(json!({"suspend": true}), world.backups.clone());
    later.backups[0].status = Some(status);
    assert_eq!(later.plan().steps, [start("a", Work::Remove)]);
}

#[test]
fn a_set_that_the_destination_holds_on_to_keeps_its_resource_and_is_tried_again() {
    let done =
        json!({"did": "removed", "sets": [], "files": 0, "bytes": 0, "held": ["p/team/kfp/x/manifest.json"]});
    let told = report("Succeeded", "Succeeded", false, done);
    let policy = json!({"retention": {"last": 1}});
    let mut world = World::new(policy, vec![scheduled("a", "08"), scheduled("b", "09")]).with(
        "kfp-remove-a",
        job("remove", "a", JobState::Succeeded, Some(told)),
    );
    assert_eq!(
        world.plan().steps,
        [Step::Drop {
            job: "kfp-remove-a".into()
        }]
    );
    assert_eq!(
        kfp_api::conditions::find(&world.status().conditions, ConditionType::Reconciling)
            .unwrap()
            .reason,
        "RemovalFailed"
    );
    world.now = at("2026-11-24T11:35:00Z");
    assert_eq!(world.plan().steps, []);
}

#[test]
fn nothing_goes_by_rule_while_the_installation_is_paused() {
    let mut world = World::new(
        json!({"retention": {"last": 1}}),
        vec![scheduled("a", "08"), scheduled("b", "09")],
    );
    assert_eq!(world.plan().steps, [start("a", Work::Remove)]);
    world.installation.as_mut().unwrap().paused = true;
    assert_eq!(world.plan().steps, []);
}

#[test]
fn a_deletion_that_waits_says_for_what() {
    let more = merged(
        json!({
            "metadata": {"deletionTimestamp": NOW, "finalizers": ["kfpops.dev/remove-set"]},
            "spec": {"deletionPolicy": "Delete"},
        }),
        over("10", "True", "True"),
    );
    let mut world = World::new(json!({}), vec![backup("a", "10", more)]);
    world
        .held
        .insert("a".into(), "KfpRestore x in namespace y".into());
    let plan = world.plan();
    assert_eq!(plan.steps, []);
    let standing = Standing {
        waiting: plan.waiting.get("a"),
        ..Standing::default()
    };
    let said = status(&world.look(), &world.backups[0], &standing);
    let said = kfp_api::conditions::find(&said.conditions, ConditionType::Reconciling).unwrap();
    assert!(
        said.message.contains("KfpRestore x in namespace y") && said.message.contains("Retain"),
        "{}",
        said.message
    );
}

#[test]
fn a_backup_that_a_restore_reads_is_kept() {
    let mut world = World::new(
        json!({"retention": {"last": 1}}),
        vec![scheduled("a", "08"), scheduled("b", "09")],
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
