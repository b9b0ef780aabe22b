//! THOUGHT: the first installation: order, gates, the database's content.

use kfp_api::conditions::Reason;
use kfp_api::status::{SchemaState, SchemaStatus};
use rstest::rstest;

use super::world::{
    VERSION, change_workload, database, decide, desired, fresh, healthy, object, schema, set, unknown,
    waits_for, with_workload, without, workloads,
};
use crate::decision::{Action, Next};
use crate::observed::{ComponentSeen, Observed, Seen};
use crate::steps::paused;
use crate::think::think;

#[test]
fn secrets_come_first_and_the_database_a_pass_after_its_secret() {
    let Next::Do(actions) = decide(&fresh()).next else {
        panic!("nothing to do")
    };
    assert_eq!(
        actions[0],
        Action::Generate(set([object("Secret", "mysql-secret")]))
    );
    let applied: Vec<&str> = actions[1..]
        .iter()
        .map(|action| match action {
            Action::Apply { component, .. } => component.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    let services = [
        "seaweedfs",
        "metadata-grpc",
        "ml-pipeline",
        "ml-pipeline-ui",
        "workflow-controller",
    ];
    assert_eq!(applied[..5], services);
    assert_eq!(
        applied[5..],
        ["seaweedfs"],
        "the one workload that waits for nothing"
    );
}

#[test]
fn a_volume_that_does_not_say_who_wrote_it_is_not_labelled_by_a_guess() {
    let mut seen = Observed {
        database_engine: unknown("no annotation"),
        ..healthy()
    };
    let claim = set([object("PersistentVolumeClaim", "mysql-pv-claim")]);
    if let Some(look) = seen.components.get_mut("mysql") {
        look.base_drift = Seen::Known(claim);
    }
    let decision = decide(&seen);
    assert_eq!(decision.next, Next::Wait);
    assert!(waits_for(&decision, "mysql").contains("no annotation"));
}

#[test]
fn objects_of_no_component_come_before_those_of_components() {
    let mut seen = fresh();
    let shared = ComponentSeen {
        base_drift: Seen::Known(set([object("ConfigMap", "pipeline-install-config")])),
        secrets_due: Seen::Known(set([])),
        workload: Seen::Absent,
    };
    seen.components.insert("shared".to_owned(), shared);
    let Next::Do(actions) = decide(&seen).next else {
        panic!("nothing to do")
    };
    assert!(
        matches!(&actions[1], Action::Apply { component, .. } if component == "shared"),
        "{actions:?}"
    );
}

#[test]
fn a_database_password_among_shared_secrets_also_holds_the_volume_back() {
    let mut seen = fresh();
    let secrets = std::mem::replace(
        &mut seen.components.get_mut("mysql").unwrap().secrets_due,
        Seen::Absent,
    );
    let shared = ComponentSeen {
        base_drift: Seen::Absent,
        secrets_due: secrets,
        workload: Seen::Absent,
    };
    seen.components.insert("shared".to_owned(), shared);
    let Next::Do(actions) = decide(&seen).next else {
        panic!("nothing to do")
    };
    let early = actions.iter().any(
        |action| matches!(action, Action::Apply { component, objects } if component == "mysql" && !objects.contains(&object("Deployment", "mysql"))),
    );
    assert!(!early, "{actions:?}");
}

#[test]
fn a_lost_database_password_is_never_replaced_while_its_volume_is_there() {
    let mut seen = healthy();
    seen.components.get_mut("mysql").unwrap().secrets_due =
        Seen::Known(set([object("Secret", "mysql-secret")]));
    let Next::AskUser(question) = decide(&seen).next else {
        panic!("not asked")
    };
    assert!(
        question.message.contains("Restore the Secret"),
        "{}",
        question.message
    );
}

#[rstest]
#[case::nothing_there(&["mysql", "seaweedfs", "metadata-grpc", "ml-pipeline", "ml-pipeline-ui", "workflow-controller"], &["mysql", "seaweedfs"])]
#[case::stores_there(&["metadata-grpc", "ml-pipeline", "ml-pipeline-ui", "workflow-controller"], &["metadata-grpc", "workflow-controller"])]
#[case::server_free(&["ml-pipeline", "ml-pipeline-ui"], &["ml-pipeline"])]
#[case::last(&["ml-pipeline-ui"], &["ml-pipeline-ui"])]
fn a_workload_is_made_when_all_that_it_waits_for_is_healthy(#[case] missing: &[&str], #[case] made: &[&str]) {
    assert_eq!(workloads(&decide(&without(missing))), made);
}

#[test]
fn a_waiting_component_says_for_whom_and_why() {
    let mut seen = without(&["metadata-grpc", "ml-pipeline", "ml-pipeline-ui"]);
    change_workload(&mut seen, "mysql", |workload| {
        workload.ready = 0;
        workload.trouble = vec!["ImagePullBackOff: not found".to_owned()];
    });
    seen.database = unknown("connection refused");
    let decision = decide(&seen);
    assert_eq!(decision.next, Next::Wait);
    assert_eq!(
        waits_for(&decision, "mysql"),
        "its pods: 0/1 ready; ImagePullBackOff: not found"
    );
    assert!(
        waits_for(&decision, "ml-pipeline")
            .starts_with("metadata-grpc: not there yet; mysql: 0/1 ready; ImagePullBackOff: not found")
    );
    assert_eq!(
        waits_for(&decision, "ml-pipeline-ui"),
        "ml-pipeline: not there yet"
    );
}

#[rstest]
#[case::empty(schema(SchemaState::Empty, &[]))]
#[case::own(schema(SchemaState::Exact, &["2.16.0", VERSION]))]
#[case::own_with_traces(schema(SchemaState::Tolerated, &[VERSION]))]
fn the_api_server_is_started_on_an_empty_database_and_on_its_own_schema(#[case] found: SchemaStatus) {
    let seen = Observed {
        database: database(found),
        ..without(&["ml-pipeline"])
    };
    assert_eq!(workloads(&decide(&seen)), ["ml-pipeline"]);
}

#[rstest]
#[case::another_release(schema(SchemaState::Exact, &["2.5.0"]), "create the resource again with spec.version 2.5.0")]
#[case::another_with_traces(schema(SchemaState::Tolerated, &["2.14.4"]), "app.kubernetes.io/version=2.14.4 on PersistentVolumeClaim mysql-pv-claim")]
#[case::foreign(schema(SchemaState::Foreign, &[]), "Restore a backup")]
#[case::half_migrated(schema(SchemaState::HalfMigrated, &["2.15.0"]), "Finish or undo that upgrade")]
fn nothing_that_writes_a_schema_is_started_on_another_one(
    #[case] found: SchemaStatus,
    #[case] way_out: &str,
) {
    let seen = Observed {
        database: database(found),
        ..without(&["ml-pipeline", "metadata-grpc"])
    };
    let decision = decide(&seen);
    let Next::AskUser(question) = &decision.next else {
        panic!("not asked: {decision:?}")
    };
    assert_eq!(question.reason, Reason::ApprovalRequired);
    assert!(question.message.contains(way_out), "{}", question.message);
    assert!(waits_for(&decision, "metadata-grpc").contains("your decision"));
}

#[test]
fn a_question_holds_back_nothing_else() {
    let found = schema(SchemaState::Foreign, &[]);
    let seen = Observed {
        database: database(found),
        ..without(&["ml-pipeline", "workflow-controller"])
    };
    let decision = decide(&seen);
    assert_eq!(workloads(&decision), ["workflow-controller"]);
    assert_eq!(decision.warnings[0].reason, Reason::ApprovalRequired);
}

#[rstest]
#[case::unknown(unknown("no route"))]
#[case::absent(Seen::Absent)]
fn the_api_server_waits_while_the_database_cannot_be_looked_at(#[case] found: Seen<crate::DatabaseSeen>) {
    let decision = decide(&Observed {
        database: found,
        ..without(&["ml-pipeline"])
    });
    assert_eq!(decision.next, Next::Wait);
    assert!(
        waits_for(&decision, "ml-pipeline").contains("the database"),
        "{decision:?}"
    );
}

#[test]
fn a_half_made_schema_under_a_starting_server_is_waited_out() {
    let mut seen = with_workload("ml-pipeline", |workload| workload.ready = 0);
    seen.database = database(schema(SchemaState::Foreign, &[VERSION]));
    seen.components.get_mut("metadata-grpc").unwrap().workload = Seen::Absent;
    seen.api_server = unknown("connection refused");
    let decision = decide(&seen);
    assert_eq!(workloads(&decision), ["metadata-grpc"]);
    assert_eq!(decision.warnings, []);
}

#[test]
fn a_pause_holds_actions_back_and_says_which() {
    let desired = crate::Desired {
        paused: true,
        ..desired()
    };
    let decision = think(&desired, &fresh());
    assert_eq!(decision.next, Next::Wait);
    assert!(
        decision.waiting[0].on.contains("generate Secret mysql-secret"),
        "{decision:?}"
    );
    assert_eq!(think(&desired, &healthy()).next, Next::Settled);
    assert_eq!(paused::hold(decide(&healthy())), decide(&healthy()));
}
