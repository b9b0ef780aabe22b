//! THOUGHT, tests: whose turn it is.

use rstest::rstest;

use super::*;

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
