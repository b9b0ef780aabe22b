//! THOUGHT, tests: schedules, drills, freshness.

use rstest::rstest;

use super::*;

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
fn a_scheduled_backup_is_named_by_installation_and_time_and_goes_where_its_installation_says_when_it_begins()
{
    let installation = installation(json!({"verify": "Checksums"}));
    let made = scheduled(
        "kfp",
        "team",
        installation.spec.as_ref().unwrap(),
        at("2026-11-24T02:30:00Z"),
    );
    assert_eq!(made.metadata.name.as_deref(), Some("kfp-202611240230"));
    assert!(is_scheduled(&made) && made.spec.destination.is_none());
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
