//! THOUGHT: an installation that runs: drift, orphans, looks that fail.

use kfp_api::status::SchemaState;
use rstest::rstest;

use super::world::{
    VERSION, change_workload, database, decide, healthy, object, schema, set, unknown, waits_for,
    with_workload, workloads,
};
use crate::decision::{Action, Next};
use crate::observed::{Observed, Seen};

#[test]
fn at_rest_there_is_nothing_to_do() {
    let decision = decide(&healthy());
    assert_eq!(
        (decision.next, decision.waiting, decision.warnings),
        (Next::Settled, vec![], vec![])
    );
}

#[test]
fn a_workload_that_differs_is_repaired_while_its_dependency_is_ill() {
    let mut seen = with_workload("ml-pipeline-ui", |workload| workload.drift = true);
    change_workload(&mut seen, "ml-pipeline", |workload| workload.ready = 0);
    assert_eq!(workloads(&decide(&seen)), ["ml-pipeline-ui"]);
}

#[test]
fn a_dependency_that_somebody_scaled_to_zero_is_not_healthy() {
    let mut seen = super::world::without(&["workflow-controller"]);
    change_workload(&mut seen, "seaweedfs", |workload| {
        workload.drift = true;
        workload.desired = 0;
        workload.ready = 0;
    });
    assert_eq!(workloads(&decide(&seen)), ["seaweedfs"]);
}

#[test]
fn an_api_server_that_differs_is_repaired_on_its_own_schema() {
    assert_eq!(
        workloads(&decide(&with_workload("ml-pipeline", |workload| workload
            .drift =
            true))),
        ["ml-pipeline"]
    );
}

#[rstest]
#[case::serving_on_a_foreign_schema(database(schema(SchemaState::Foreign, &[])), 1, true)]
#[case::not_serving_on_a_foreign_schema(database(schema(SchemaState::Foreign, &[])), 0, true)]
#[case::database_unknown(unknown("no route"), 1, false)]
fn an_api_server_that_differs_is_left_alone_on_any_other_database(
    #[case] found: Seen<crate::DatabaseSeen>,
    #[case] ready: i32,
    #[case] asked: bool,
) {
    let mut seen = with_workload("ml-pipeline", |workload| {
        workload.drift = true;
        workload.ready = ready;
    });
    seen.database = found;
    let decision = decide(&seen);
    assert_eq!(workloads(&decision), [""; 0]);
    assert_eq!(matches!(decision.next, Next::AskUser(_)), asked, "{decision:?}");
    assert_ne!(waits_for(&decision, "ml-pipeline"), "");
}

#[test]
fn a_running_server_on_a_foreign_schema_is_reported_and_left_alone() {
    let decision = decide(&Observed {
        database: database(schema(SchemaState::Foreign, &["2.5.0"])),
        ..healthy()
    });
    assert_eq!(decision.next, Next::Wait);
    assert!(
        waits_for(&decision, "ml-pipeline").contains("the schema of 2.16.1"),
        "{decision:?}"
    );
}

#[test]
fn a_component_that_cannot_be_looked_at_holds_back_no_other() {
    let mut seen = with_workload("workflow-controller", |workload| workload.drift = true);
    seen.components.get_mut("seaweedfs").unwrap().workload = unknown("timeout");
    seen.components.remove("ml-pipeline-ui");
    let decision = decide(&seen);
    assert_eq!(workloads(&decision), ["workflow-controller"]);
    assert!(waits_for(&decision, "seaweedfs").contains("timeout"));
    assert_eq!(waits_for(&decision, "ml-pipeline-ui"), "a look at it");
}

#[test]
fn orphans_go_and_data_stays() {
    let claim = object("PersistentVolumeClaim", "minio-pvc");
    let orphans = vec![
        object("Deployment", "cache-server"),
        claim,
        object("Secret", "webhook-server-tls"),
    ];
    let decision = decide(&Observed {
        orphans: Seen::Known(orphans),
        ..healthy()
    });
    assert_eq!(
        decision.next,
        Next::Do(vec![Action::Prune(set([object("Deployment", "cache-server")]))])
    );
}

#[test]
fn kept_data_without_a_rendering_does_not_disturb_the_rest() {
    let orphans = vec![object("PersistentVolumeClaim", "minio-pvc")];
    assert_eq!(
        decide(&Observed {
            orphans: Seen::Known(orphans),
            ..healthy()
        })
        .next,
        Next::Settled
    );
}

#[test]
fn nothing_is_pruned_while_the_list_is_unknown() {
    let decision = decide(&Observed {
        orphans: unknown("timeout"),
        ..healthy()
    });
    assert_eq!(decision.next, Next::Wait);
}

#[rstest]
#[case::store(Observed { object_store: unknown("403 Forbidden"), ..healthy() }, "seaweedfs", "403 Forbidden")]
#[case::server(Observed { api_server: unknown("503"), ..healthy() }, "ml-pipeline", "503")]
#[case::database(Observed { database: unknown("Access denied"), ..healthy() }, "mysql", "Access denied")]
fn ready_pods_that_do_not_answer_are_waited_for(
    #[case] seen: Observed,
    #[case] component: &str,
    #[case] why: &str,
) {
    let decision = decide(&seen);
    assert_eq!(decision.next, Next::Wait);
    assert!(waits_for(&decision, component).contains(why), "{decision:?}");
}

#[test]
fn a_volume_of_unknown_engine_is_opened_by_nobody() {
    let mut seen = with_workload("mysql", |workload| workload.drift = true);
    seen.database_engine = unknown("timeout");
    assert_eq!(workloads(&decide(&seen)), [""; 0]);
    assert_eq!(
        decide(&Observed {
            database_engine: unknown("timeout"),
            ..healthy()
        })
        .next,
        Next::Settled
    );
}

#[test]
fn a_workload_without_a_release_label_is_one_that_differs() {
    let seen = with_workload("ml-pipeline-ui", |workload| {
        workload.release = None;
        workload.drift = true;
    });
    let seen = Observed {
        installed: Seen::Known(set([VERSION.to_owned()])),
        ..seen
    };
    assert_eq!(workloads(&decide(&seen)), ["ml-pipeline-ui"]);
}
