//! SETS: the plan of a restore, by tables.

use rstest::rstest;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const TAKEN: &str = "2026-11-24T01:49:00Z";

fn set() -> SetFacts {
    SetFacts {
        id: "20261124T014900Z-ab12cd".into(),
        taken: at(TAKEN),
        release: "2.16.1".into(),
        verified: true,
        databases: vec![database("mlpipeline", 17, 1_200), database("metadb", 14, 90)],
        objects: [("ScheduledWorkflow".to_owned(), 2), ("ConfigMap".to_owned(), 3)].into(),
        schedules: Some(["nightly".to_owned(), "weekly".to_owned()].into()),
    }
}

fn database(name: &str, tables: u64, rows: u64) -> DatabaseFacts {
    DatabaseFacts {
        name: name.into(),
        tables,
        rows: Some(rows),
    }
}

fn workflow(name: &str, created: &str) -> WorkflowSeen {
    WorkflowSeen {
        name: name.into(),
        created: at(created),
        run: Some(format!("run-of-{name}")),
        schedule: None,
        finished: false,
        in_set: None,
    }
}

fn run(id: &str) -> RunSeen {
    RunSeen {
        id: id.into(),
        name: "train".into(),
        state: "RUNNING".into(),
    }
}

/// An installation that went on after the set was taken.
fn target() -> TargetSeen {
    TargetSeen {
        release: Some("2.16.1".into()),
        databases: Some(vec![
            database("mlpipeline", 17, 1_300),
            database("other", 1, 5),
            database("metadb", 0, 0),
        ]),
        workflows: vec![
            workflow("late", "2026-11-24T08:00:00Z"),
            workflow("early", "2026-11-23T08:00:00Z"),
        ],
        schedules: ["nightly".to_owned(), "hourly".to_owned()].into(),
        unfinished: Some(vec![run("run-of-early"), run("run-of-gone")]),
    }
}

#[test]
fn a_plan_says_what_goes_what_is_set_aside_and_what_is_closed() {
    let plan = plan(&set(), &target(), Wanted::All, true);
    insta::assert_yaml_snapshot!(plan);
}

#[test]
fn an_empty_target_loses_nothing() {
    let empty = TargetSeen {
        databases: Some(Vec::new()),
        unfinished: Some(Vec::new()),
        ..TargetSeen::default()
    };
    let plan = plan(&set(), &empty, Wanted::All, false);
    assert_eq!(plan.refused, []);
    assert!(!plan.safety_backup);
    assert!(
        plan.databases
            .iter()
            .all(|database| database.change == Change::Create)
    );
    assert_eq!(plan.close, Some(Vec::new()));
}

#[test]
fn rows_are_not_overwritten_without_leave() {
    let plan = plan(&set(), &target(), Wanted::Database, false);
    assert_eq!(
        plan.refused,
        [Refusal::NotEmpty {
            databases: vec!["mlpipeline".into()]
        }]
    );
    assert!(plan.safety_backup);
    assert_eq!(plan.objects, BTreeMap::new());
}

#[test]
fn what_was_not_looked_at_is_not_called_empty() {
    let unseen = TargetSeen {
        databases: None,
        unfinished: None,
        ..target()
    };
    let plan = plan(&set(), &unseen, Wanted::All, true);
    assert!(plan.safety_backup);
    assert!(
        plan.databases
            .iter()
            .all(|database| database.change == Change::Put && database.rows_now.is_none())
    );
    assert_eq!(plan.close, None);
}

#[test]
fn only_schedules_touch_no_workflow_and_close_nothing() {
    let plan = plan(&set(), &target(), Wanted::Schedules, false);
    assert_eq!(plan.refused, []);
    assert_eq!(plan.objects, [("ScheduledWorkflow".to_owned(), 2)].into());
    assert_eq!((plan.set_aside, plan.close), (Vec::new(), Some(Vec::new())));
    assert_eq!(plan.schedules_set_aside, ["hourly"]);
    assert!(plan.safety_backup);
}

#[rstest]
#[case::newer("2026-11-24T01:49:01Z", None, None, true)]
#[case::of_the_moment(TAKEN, None, None, false)]
#[case::older("2026-11-24T01:48:59Z", None, None, false)]
#[case::newer_but_its_row_is_there("2026-11-24T01:49:01Z", Some(true), None, false)]
#[case::older_and_its_row_was_not_written_yet("2026-11-24T01:48:59Z", Some(false), None, true)]
#[case::of_a_schedule("2026-11-24T08:00:00Z", None, Some("nightly"), false)]
fn a_workflow_goes_where_the_server_would_delete_it(
    #[case] created: &str,
    #[case] in_set: Option<bool>,
    #[case] schedule: Option<&str>,
    #[case] aside: bool,
) {
    let seen = WorkflowSeen {
        in_set,
        schedule: schedule.map(str::to_owned),
        ..workflow("one", created)
    };
    assert_eq!(!set_aside(&set(), &[seen]).is_empty(), aside);
}

#[test]
fn a_workflow_that_is_no_pipeline_run_is_not_touched() {
    let seen = WorkflowSeen {
        run: None,
        ..workflow("theirs", "2026-11-24T08:00:00Z")
    };
    assert_eq!(set_aside(&set(), &[seen]), []);
}

#[rstest]
#[case(Wanted::All, "a database")]
#[case(Wanted::Database, "a database")]
#[case(Wanted::Schedules, "a recurring run")]
fn what_the_set_does_not_hold_is_refused(#[case] wanted: Wanted, #[case] missing: &str) {
    let bare = SetFacts {
        databases: Vec::new(),
        objects: BTreeMap::new(),
        ..set()
    };
    let refused = plan(&bare, &TargetSeen::default(), wanted, false).refused;
    assert_eq!(
        refused,
        [Refusal::NothingWanted {
            missing: missing.into()
        }]
    );
}

#[test]
fn another_release_and_an_unproved_set_are_said() {
    let old = SetFacts {
        release: "2.14.4".into(),
        verified: false,
        ..set()
    };
    insta::assert_snapshot!(plan(&old, &target(), Wanted::All, true).notes.join("\n"));
}
