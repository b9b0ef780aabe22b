//! SETS: the plan of a restore, by tables.

use rstest::rstest;

use super::*;
use crate::order::Parts;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const TAKEN: &str = "2026-11-24T01:49:00Z";

fn set() -> SetFacts {
    SetFacts {
        id: "20261124T014900Z-ab12cd".into(),
        taken: at(TAKEN),
        approximate: false,
        release: Some("2.16.1".into()),
        schema_of: None,
        encrypted: Some(false),
        trust: Trust::Verified,
        databases: vec![database("mlpipeline", 17, 1_200), database("metadb", 14, 90)],
        objects: Held::Kinds([("ScheduledWorkflow".to_owned(), 2), ("ConfigMap".to_owned(), 3)].into()),
        schedules: Some(["nightly".to_owned(), "weekly".to_owned()].into()),
    }
}

/// The plan of these parts, with or without leave to overwrite.
fn planned(set: &SetFacts, target: &TargetSeen, wanted: Wanted, overwrite: bool) -> RestorePlan {
    let request = Request {
        wanted,
        overwrite,
        key: false,
    };
    plan(set, target, request)
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
    let plan = planned(&set(), &target(), Wanted::All, true);
    insta::assert_yaml_snapshot!(plan);
}

#[test]
fn an_empty_target_loses_nothing() {
    let empty = TargetSeen {
        databases: Some(Vec::new()),
        unfinished: Some(Vec::new()),
        ..TargetSeen::default()
    };
    let plan = planned(&set(), &empty, Wanted::All, false);
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
    let plan = planned(&set(), &target(), Wanted::Database, false);
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
    let plan = planned(&set(), &unseen, Wanted::All, true);
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
    let plan = planned(&set(), &target(), Wanted::Schedules, false);
    assert_eq!(plan.refused, []);
    assert_eq!(plan.objects, [("ScheduledWorkflow".to_owned(), Some(2))].into());
    assert_eq!((plan.set_aside, plan.close), (Vec::new(), Some(Vec::new())));
    assert_eq!(plan.schedules_set_aside, Vec::<String>::new());
    assert!(plan.safety_backup);
}

#[rstest]
#[case(Parts::All, &["late"], &["hourly"])]
#[case(Parts::Database, &["late"], &[])]
#[case(Parts::Schedules, &[], &[])]
fn what_is_set_aside_follows_from_what_comes_back(
    #[case] parts: Parts,
    #[case] workflows: &[&str],
    #[case] schedules: &[&str],
) {
    let plan = planned(&set(), &target(), parts.into(), true);
    let aside: Vec<&str> = plan
        .set_aside
        .iter()
        .map(|aside| aside.workflow.as_str())
        .collect();
    assert_eq!(
        (aside.as_slice(), plan.schedules_set_aside),
        (workflows, schedules.iter().map(ToString::to_string).collect())
    );
}

#[rstest]
#[case::together(Held::Number(5), Wanted::All, &[("of every kind", Some(5))])]
#[case::not_even_how_many(Held::Unknown, Wanted::All, &[("of every kind", None)])]
#[case::none_at_all(Held::Number(0), Wanted::All, &[])]
#[case::schedules_of_some(Held::Number(5), Wanted::Schedules, &[("ScheduledWorkflow", None)])]
#[case::schedules_of_who_knows(Held::Unknown, Wanted::Schedules, &[("ScheduledWorkflow", None)])]
#[case::rows_alone(Held::Unknown, Wanted::Database, &[])]
fn kinds_that_are_not_known_are_not_called_missing(
    #[case] held: Held,
    #[case] wanted: Wanted,
    #[case] objects: &[(&str, Option<u64>)],
) {
    let vague = SetFacts {
        objects: held,
        ..set()
    };
    let plan = planned(&vague, &target(), wanted, true);
    assert_eq!(plan.refused, []);
    let expected = objects.iter().map(|(kind, number)| ((*kind).to_owned(), *number));
    assert_eq!(plan.objects, expected.collect());
}

#[rstest]
#[case::all(Wanted::All)]
#[case::rows(Wanted::Database)]
#[case::schedules(Wanted::Schedules)]
fn a_damaged_set_is_refused_by_name(#[case] wanted: Wanted) {
    let damaged = SetFacts {
        trust: Trust::Damaged,
        ..set()
    };
    assert_eq!(
        planned(&damaged, &target(), wanted, true).refused,
        [Refusal::SetDamaged]
    );
}

#[rstest]
#[case::without_a_key(Some(true), false, true)]
#[case::with_a_key(Some(true), true, false)]
#[case::open(Some(false), false, false)]
#[case::not_known(None, false, false)]
fn an_encrypted_set_needs_a_key(#[case] encrypted: Option<bool>, #[case] key: bool, #[case] refused: bool) {
    let sealed = SetFacts { encrypted, ..set() };
    let request = Request {
        wanted: Wanted::All,
        overwrite: true,
        key,
    };
    let plan = plan(&sealed, &target(), request);
    assert_eq!(plan.refused == [Refusal::KeyMissing], refused);
}

#[rstest]
#[case::one_schema(Some(&["2.16.0", "2.16.1"][..]), Wanted::All, false, false)]
#[case::another_schema(Some(&["2.14.4"][..]), Wanted::All, true, false)]
#[case::not_known(None, Wanted::Database, false, true)]
#[case::no_schema_comes_along(Some(&["2.14.4"][..]), Wanted::Schedules, false, false)]
fn another_release_is_refused_where_that_is_certain(
    #[case] schema_of: Option<&[&str]>,
    #[case] wanted: Wanted,
    #[case] refused: bool,
    #[case] noted: bool,
) {
    let old = SetFacts {
        release: Some("2.16.0".into()),
        schema_of: schema_of.map(|releases| releases.iter().map(ToString::to_string).collect()),
        ..set()
    };
    let plan = planned(&old, &target(), wanted, true);
    let differs = Refusal::ReleaseDiffers {
        of_set: "2.16.0".into(),
        of_target: "2.16.1".into(),
    };
    assert_eq!(plan.refused == [differs], refused);
    assert_eq!(!plan.notes.is_empty(), noted, "{:?}", plan.notes);
}

#[test]
fn a_set_of_which_only_the_name_is_known_is_planned_about() {
    let named = SetFacts {
        id: set().id,
        taken: at(TAKEN),
        approximate: true,
        databases: vec![DatabaseFacts {
            rows: None,
            ..database("all", 1, 0)
        }],
        ..SetFacts::default()
    };
    let plan = planned(&named, &target(), Wanted::All, true);
    assert_eq!((plan.refused, plan.approximate), (Vec::new(), true));
    assert_eq!(plan.set_aside.len(), 1);
    assert_eq!(plan.notes.len(), 1, "{:?}", plan.notes);
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
    assert_eq!(!set_aside(&set(), &[seen], &[]).is_empty(), aside);
}

#[test]
fn a_workflow_that_is_no_pipeline_run_is_not_touched() {
    let seen = WorkflowSeen {
        run: None,
        ..workflow("theirs", "2026-11-24T08:00:00Z")
    };
    assert_eq!(set_aside(&set(), &[seen], &[]), []);
}

#[rstest]
#[case(Wanted::All, "a database")]
#[case(Wanted::Database, "a database")]
#[case(Wanted::Schedules, "a recurring run")]
fn what_the_set_does_not_hold_is_refused(#[case] wanted: Wanted, #[case] missing: &str) {
    let bare = SetFacts {
        databases: Vec::new(),
        objects: Held::Kinds(BTreeMap::new()),
        ..set()
    };
    let refused = planned(&bare, &TargetSeen::default(), wanted, false).refused;
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
        release: Some("2.14.4".into()),
        trust: Trust::Unverified,
        ..set()
    };
    insta::assert_snapshot!(planned(&old, &target(), Wanted::All, true).notes.join("\n"));
}

#[test]
fn workflows_of_a_schedule_that_goes_are_set_aside_with_it_and_those_of_one_that_stays_are_not() {
    let of = |name: &str, schedule: &str| WorkflowSeen {
        schedule: Some(schedule.to_owned()),
        finished: true,
        ..workflow(name, "2026-11-24T08:00:00Z")
    };
    let target = TargetSeen {
        workflows: vec![of("goes", "hourly"), of("stays", "nightly")],
        ..target()
    };
    for (wanted, aside) in [
        (Wanted::All, vec!["goes".to_owned()]),
        (Wanted::Database, Vec::new()),
        (Wanted::Schedules, Vec::new()),
    ] {
        let plan = planned(&set(), &target, wanted, true);
        let names: Vec<String> = plan.set_aside.into_iter().map(|aside| aside.workflow).collect();
        assert_eq!(names, aside, "{wanted:?}");
    }
}
