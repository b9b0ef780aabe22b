//! THOUGHT: what a person and a program read in the status.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use kfp_api::KfpInstallationStatus;
use kfp_api::conditions::{ConditionType, Reason, find};
use kfp_api::status::SchemaState;
use rstest::rstest;

use super::world::{
    VERSION, database, decide, desired, fresh, healthy, object, schema, set, unknown, with_workload, without,
};
use crate::decision::{Decision, Next};
use crate::desired::Desired;
use crate::observed::{Observed, Seen};
use crate::outcome::ActionOutcome;
use crate::project::{View, view};
use crate::think::{refuse, think};

fn at(seconds: i64) -> Time {
    Time(Timestamp::from_second(seconds).unwrap())
}

struct Pass {
    desired: Desired,
    decision: Decision,
    outcome: ActionOutcome,
    old: KfpInstallationStatus,
    now: i64,
}

impl Pass {
    fn over(seen: &Observed) -> Self {
        let old = KfpInstallationStatus::default();
        Self {
            desired: desired(),
            decision: decide(seen),
            outcome: ActionOutcome::Done,
            old,
            now: 1_000,
        }
    }

    fn status(&self, seen: Option<&Observed>) -> KfpInstallationStatus {
        let count = if let Next::Do(actions) = &self.decision.next {
            actions.len()
        } else {
            0
        };
        view(&View {
            desired: Some(&self.desired),
            generation: self.desired.generation,
            observed: seen,
            decision: &self.decision,
            outcomes: &vec![self.outcome.clone(); count],
            old: &self.old,
            now: &at(self.now),
        })
    }
}

fn status(seen: &Observed) -> KfpInstallationStatus {
    Pass::over(seen).status(Some(seen))
}

fn condition(status: &KfpInstallationStatus, kind: ConditionType) -> &Condition {
    find(&status.conditions, kind).unwrap()
}

/// `Ready=False Progressing Reconciling=True …`, without messages.
fn summary(status: &KfpInstallationStatus) -> String {
    let line =
        |condition: &Condition| format!("{}={} {}", condition.type_, condition.status, condition.reason);
    let shown = status
        .conditions
        .iter()
        .filter(|condition| !condition.type_.starts_with("Kubernetes") && condition.type_ != "SdkAligned");
    shown.map(line).collect::<Vec<_>>().join("; ")
}

#[test]
fn a_healthy_installation_reads_so() {
    insta::assert_yaml_snapshot!(status(&healthy()));
}

#[test]
fn an_installation_under_way_reads_so() {
    let mut seen = without(&["ml-pipeline", "ml-pipeline-ui"]);
    super::world::change_workload(&mut seen, "mysql", |workload| {
        workload.ready = 0;
        workload.trouble = vec!["ImagePullBackOff: example.org/mysql:1 not found".to_owned()];
    });
    seen.database = unknown("connection refused");
    insta::assert_yaml_snapshot!(status(&seen));
}

#[rstest]
#[case::fresh(
    fresh(),
    "Ready=False Progressing; Reconciling=True Progressing; DatabaseReady=Unknown NotProbed; ObjectStoreReady=Unknown NotProbed; ApiServerReady=Unknown NotProbed; ExecutionControllerReady=Unknown NotProbed"
)]
#[case::wrong_password(Observed { database: Seen::Unknown { reason: Reason::AccessDenied, why: "Access denied for user".to_owned() }, ..healthy() }, "Ready=False AccessDenied; Reconciling=True AccessDenied; DatabaseReady=False AccessDenied; ObjectStoreReady=True Healthy; ApiServerReady=True Healthy; ExecutionControllerReady=True Healthy")]
#[case::store_down(Observed { object_store: Seen::Unknown { reason: Reason::Unreachable, why: "connection refused".to_owned() }, ..healthy() }, "Ready=False Unreachable; Reconciling=True Unreachable; DatabaseReady=True Healthy; ObjectStoreReady=False Unreachable; ApiServerReady=True Healthy; ExecutionControllerReady=True Healthy")]
#[case::foreign_at_first(Observed { database: database(schema(SchemaState::Foreign, &[])), ..without(&["ml-pipeline"]) }, "Ready=False ApprovalRequired; Stalled=True ApprovalRequired; DatabaseReady=False SchemaMismatch; ObjectStoreReady=True Healthy; ApiServerReady=True Healthy; ExecutionControllerReady=True Healthy")]
#[case::foreign_later(Observed { database: database(schema(SchemaState::Foreign, &[])), ..healthy() }, "Ready=False SchemaMismatch; Reconciling=True SchemaMismatch; DatabaseReady=False SchemaMismatch; ObjectStoreReady=True Healthy; ApiServerReady=True Healthy; ExecutionControllerReady=True Healthy")]
#[case::version_changed(Observed { installed: Seen::Known(set(["2.5.0".to_owned()])), database: database(schema(SchemaState::Exact, &["2.5.0"])), ..healthy() }, "Ready=False UpgradeNotSupported; Stalled=True UpgradeNotSupported; DatabaseReady=True Healthy; ObjectStoreReady=True Healthy; ApiServerReady=True Healthy; ExecutionControllerReady=True Healthy")]
#[case::controller_ill(with_workload("workflow-controller", |workload| workload.ready = 0), "Ready=False Progressing; Reconciling=True Progressing; DatabaseReady=True Healthy; ObjectStoreReady=True Healthy; ApiServerReady=True Healthy; ExecutionControllerReady=False Starting")]
#[case::deleting(Observed { deleting: true, ..healthy() }, "Ready=False Deleting; Reconciling=True Deleting; DatabaseReady=True Healthy; ObjectStoreReady=True Healthy; ApiServerReady=True Healthy; ExecutionControllerReady=True Healthy")]
fn conditions_say_in_which_state_it_is(#[case] seen: Observed, #[case] wanted: &str) {
    assert_eq!(summary(&status(&seen)), wanted);
}

#[test]
fn while_a_server_makes_its_schema_the_database_is_starting_and_not_foreign() {
    let mut seen = with_workload("ml-pipeline", |workload| workload.ready = 0);
    seen.database = database(schema(SchemaState::Foreign, &[VERSION]));
    seen.api_server = unknown("connection refused");
    assert_eq!(
        condition(&status(&seen), ConditionType::DatabaseReady).reason,
        "Starting"
    );
}

#[test]
fn a_time_moves_only_when_its_condition_does() {
    let first = status(&healthy());
    let ill = with_workload("ml-pipeline-ui", |workload| workload.ready = 0);
    let second = Pass {
        old: first,
        now: 2_000,
        ..Pass::over(&ill)
    }
    .status(Some(&ill));
    assert_eq!(
        condition(&second, ConditionType::Ready).last_transition_time,
        at(2_000)
    );
    assert_eq!(
        condition(&second, ConditionType::DatabaseReady).last_transition_time,
        at(1_000)
    );
}

#[test]
fn what_cannot_be_looked_at_stays_as_it_was_last_seen() {
    let old = status(&healthy());
    let pass = Pass {
        old: old.clone(),
        now: 2_000,
        ..Pass::over(&healthy())
    };
    let blind = pass.status(None);
    assert_eq!(
        (&blind.components, &blind.database, &blind.endpoints),
        (&old.components, &old.database, &old.endpoints)
    );
    assert_eq!(
        condition(&blind, ConditionType::DatabaseReady),
        condition(&old, ConditionType::DatabaseReady)
    );

    let mut seen = healthy();
    seen.database = unknown("no route");
    seen.components.get_mut("mysql").unwrap().workload = unknown("timeout");
    let partly = Pass {
        old: old.clone(),
        ..Pass::over(&seen)
    }
    .status(Some(&seen));
    assert_eq!(partly.version, old.version);
    assert_eq!(partly.database, old.database);
    let line = partly
        .components
        .iter()
        .find(|line| line.name == "mysql")
        .unwrap();
    assert_eq!(
        (line.ready, line.message.as_str()),
        (1, "Could not be looked at: timeout.")
    );
}

#[test]
fn a_spec_with_errors_stalls_at_once_and_is_never_taken_for_current() {
    let finding = kfp_releases::Finding {
        path: "spec.version".to_owned(),
        reason: Reason::UnknownVersion,
        message: "9.9.9 is not in the catalog.".to_owned(),
    };
    let decision = refuse(&[finding]);
    let old = KfpInstallationStatus::default();
    let pass = View {
        desired: None,
        generation: 7,
        observed: None,
        decision: &decision,
        outcomes: &[],
        old: &old,
        now: &at(5),
    };
    let status = view(&pass);
    assert_eq!(status.observed_generation, Some(7));
    assert!(summary(&status).starts_with(
        "Ready=False UnknownVersion; Stalled=True UnknownVersion; DatabaseReady=Unknown NotProbed"
    ));
    assert_eq!(
        condition(&status, ConditionType::Stalled).message,
        "spec.version: 9.9.9 is not in the catalog."
    );
}

#[test]
fn a_failed_action_is_the_summary() {
    let seen = with_workload("ml-pipeline-ui", |workload| workload.drift = true);
    let outcome = ActionOutcome::Failed {
        reason: Reason::Conflict,
        message: "hpa holds .spec.replicas".to_owned(),
    };
    let status = Pass {
        outcome,
        ..Pass::over(&seen)
    }
    .status(Some(&seen));
    assert!(
        summary(&status).starts_with("Ready=False Conflict; Reconciling=True Conflict"),
        "{}",
        summary(&status)
    );
    let message = &condition(&status, ConditionType::Ready).message;
    assert_eq!(
        message,
        "Could not apply Deployment ml-pipeline-ui of ml-pipeline-ui: hpa holds .spec.replicas"
    );
}

#[rstest]
#[case::a_service("Service", "Ready=True AllReady; Reconciling=True Progressing")]
#[case::a_workload("Deployment", "Ready=False Progressing; Reconciling=True Progressing")]
fn only_what_moves_pods_makes_a_healthy_installation_unready(#[case] kind: &str, #[case] wanted: &str) {
    let mut seen = healthy();
    if kind == "Deployment" {
        super::world::change_workload(&mut seen, "ml-pipeline-ui", |workload| workload.drift = true);
    } else {
        let drift = Seen::Known(set([object(kind, "ml-pipeline-ui")]));
        seen.components.get_mut("ml-pipeline-ui").unwrap().base_drift = drift;
    }
    assert!(
        summary(&status(&seen)).starts_with(wanted),
        "{}",
        summary(&status(&seen))
    );
}

#[test]
fn a_paused_installation_reports_its_health_under_the_reason_paused() {
    let desired = Desired {
        paused: true,
        ..desired()
    };
    for (seen, ready) in [(healthy(), "True"), (fresh(), "False")] {
        let pass = Pass {
            decision: think(&desired, &seen),
            desired: desired.clone(),
            ..Pass::over(&seen)
        };
        let status = pass.status(Some(&seen));
        let found = condition(&status, ConditionType::Ready);
        assert_eq!((found.status.as_str(), found.reason.as_str()), (ready, "Paused"));
        assert_eq!(find(&status.conditions, ConditionType::Reconciling), None);
    }
}

#[rstest]
#[case::labels_and_schema(healthy(), Some(VERSION))]
#[case::two_releases(Observed { installed: Seen::Known(set([VERSION.to_owned(), "2.5.0".to_owned()])), ..healthy() }, None)]
#[case::no_api_server(without(&["ml-pipeline"]), None)]
#[case::another_schema(Observed { database: database(schema(SchemaState::Exact, &["2.5.0"])), ..healthy() }, None)]
#[case::nothing_yet(fresh(), None)]
fn the_version_is_what_labels_and_schema_agree_on(#[case] seen: Observed, #[case] wanted: Option<&str>) {
    assert_eq!(status(&seen).version.as_deref(), wanted);
}
