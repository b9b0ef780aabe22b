//! THOUGHT: what a restore stops, what it leaves alone, and what a new installation waits for that begins with a backup.

use kfp_api::conditions::Reason;
use kfp_api::restore::RestoreSource;
use kfp_api::sdk::SdkPolicyMode;
use kfp_api::status::SchemaState;
use kfp_releases::Role;
use kfp_releases::component::FailurePolicy;
use rstest::rstest;

use super::world::{
    VERSION, change_workload, database, decide, desired, fresh, healthy, object, schema, set, unknown,
    waits_for, without, workloads,
};
use crate::decision::{Action, Decision, Next};
use crate::desired::Desired;
use crate::observed::{BootstrapSeen, BootstrapState, Observed, RestoreSeen, RestoreState, Seen};
use crate::project::{View, view};
use crate::steps::deletion::INSTALLATION;
use crate::steps::restore::targets;
use crate::think::think;

const WRITERS: [&str; 3] = ["metadata-grpc", "ml-pipeline", "workflow-controller"];

fn restore(state: RestoreState) -> Seen<RestoreSeen> {
    Seen::Known(RestoreSeen {
        name: "back-to-monday".to_owned(),
        state,
        message: "Loading.".to_owned(),
        safety_backup: Some("before-back-to-monday".to_owned()),
    })
}

fn bootstrap(state: BootstrapState) -> Seen<BootstrapSeen> {
    Seen::Known(BootstrapSeen {
        name: "team-a-bootstrap".to_owned(),
        state,
        message: "No such set.".to_owned(),
    })
}

/// As rendered for a restore: writers have no replicas.
fn stopped() -> Desired {
    let mut desired = desired();
    for component in &mut desired.components {
        if component.role.stands_still() {
            component.replicas = 0;
        }
    }
    desired
}

/// Everything runs, and differs from the rendering where that has no replicas.
fn to_be_stopped(state: RestoreState) -> Observed {
    let mut seen = healthy();
    seen.restore = restore(state);
    for name in WRITERS {
        change_workload(&mut seen, name, |workload| workload.drift = true);
    }
    seen
}

fn at_zero(state: RestoreState) -> Observed {
    let mut seen = healthy();
    seen.restore = restore(state);
    seen.api_server = unknown("no replica is ready yet (0 of 0)");
    for name in WRITERS {
        change_workload(&mut seen, name, |workload| {
            (workload.desired, workload.ready) = (0, 0);
        });
    }
    seen
}

fn ready(desired: &Desired, seen: &Observed) -> (Decision, Vec<(String, String)>) {
    let decision = think(desired, seen);
    let status = view(&View {
        desired: Some(desired),
        generation: 3,
        observed: Some(seen),
        decision: &decision,
        outcomes: &[],
        old: &kfp_api::KfpInstallationStatus::default(),
        now: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(k8s_openapi::jiff::Timestamp::UNIX_EPOCH),
    });
    let shown = status.conditions.into_iter().map(|condition| {
        (
            format!("{}={}", condition.type_, condition.status),
            condition.reason,
        )
    });
    (decision, shown.collect())
}

#[test]
fn every_role_that_writes_rows_or_starts_runs_stands_still() {
    let still: Vec<Role> = [
        Role::ApiServer,
        Role::PersistenceAgent,
        Role::ScheduledWorkflow,
        Role::CacheServer,
        Role::MetadataGrpc,
        Role::MetadataWriter,
        Role::WorkflowController,
    ]
    .into();
    assert!(still.iter().all(|role| role.stands_still()));
    assert!(
        !Role::Database.stands_still() && !Role::ObjectStore.stands_still() && !Role::Frontend.stands_still()
    );
}

#[test]
fn a_restore_scales_the_writers_to_zero_and_leaves_the_stores_running() {
    let decision = think(&stopped(), &to_be_stopped(RestoreState::UnderWay));
    assert_eq!(workloads(&decision), WRITERS.map(str::to_owned).to_vec());
}

#[rstest]
#[case::empty(SchemaState::Empty)]
#[case::half_loaded(SchemaState::Foreign)]
#[case::in_the_middle(SchemaState::HalfMigrated)]
fn what_the_database_holds_does_not_keep_the_server_from_being_stopped(#[case] state: SchemaState) {
    let mut seen = to_be_stopped(RestoreState::UnderWay);
    seen.database = database(schema(state, &[]));
    let decision = think(&stopped(), &seen);
    assert!(workloads(&decision).contains(&"ml-pipeline".to_owned()));
}

#[test]
fn a_stopped_installation_waits_for_the_restore_and_says_so() {
    let (decision, conditions) = ready(&stopped(), &at_zero(RestoreState::UnderWay));
    assert_eq!(decision.next, Next::Wait);
    assert_eq!(
        waits_for(&decision, INSTALLATION),
        "KfpRestore back-to-monday: Loading"
    );
    for shown in ["Ready=False", "Reconciling=True", "ApiServerReady=False"] {
        assert!(
            conditions.contains(&(shown.to_owned(), "Restoring".to_owned())),
            "{conditions:?}"
        );
    }
    assert!(conditions.contains(&("DatabaseReady=True".to_owned(), "Healthy".to_owned())));
}

#[test]
fn a_restore_that_gave_up_is_told_with_the_way_out() {
    let (decision, conditions) = ready(&stopped(), &at_zero(RestoreState::Incomplete));
    let Next::AskUser(question) = &decision.next else {
        panic!("{decision:?}");
    };
    assert_eq!(question.reason, Reason::RestoreIncomplete);
    insta::assert_snapshot!(question.message);
    assert!(
        conditions.contains(&("Stalled=True".to_owned(), "RestoreIncomplete".to_owned())),
        "{conditions:?}"
    );
}

#[test]
fn an_installation_that_a_restore_left_stopped_is_not_ready_while_something_is_repaired() {
    let mut seen = at_zero(RestoreState::Incomplete);
    seen.components.get_mut("mysql").unwrap().base_drift = Seen::Known(set([object("Service", "mysql")]));
    let decision = think(&stopped(), &seen);
    let status = view(&View {
        desired: Some(&stopped()),
        generation: 3,
        observed: Some(&seen),
        decision: &decision,
        outcomes: &[crate::outcome::ActionOutcome::Done],
        old: &kfp_api::KfpInstallationStatus::default(),
        now: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(k8s_openapi::jiff::Timestamp::UNIX_EPOCH),
    });
    let ready = status
        .conditions
        .iter()
        .find(|condition| condition.type_ == "Ready")
        .unwrap();
    assert_eq!(ready.status, "False", "{}", ready.message);
}

#[test]
fn when_the_restore_is_through_what_was_stopped_is_repaired() {
    let mut seen = at_zero(RestoreState::UnderWay);
    seen.restore = Seen::Absent;
    for name in WRITERS {
        change_workload(&mut seen, name, |workload| workload.drift = true);
    }
    assert_eq!(workloads(&decide(&seen)), WRITERS.map(str::to_owned).to_vec());
}

#[test]
fn nothing_is_started_while_nobody_can_tell_whether_there_is_a_restore() {
    let mut seen = at_zero(RestoreState::UnderWay);
    seen.restore = unknown("no answer");
    for name in WRITERS {
        change_workload(&mut seen, name, |workload| workload.drift = true);
    }
    let decision = decide(&seen);
    assert_eq!(decision.next, Next::Wait);
    assert!(waits_for(&decision, INSTALLATION).contains("no answer"));
}

fn beginning() -> Desired {
    Desired {
        bootstrap: Some(RestoreSource::default()),
        ..desired()
    }
}

/// Stores run; nothing that writes was made.
fn new(state: SchemaState) -> Observed {
    let mut seen = without(&[
        "metadata-grpc",
        "ml-pipeline",
        "ml-pipeline-ui",
        "workflow-controller",
    ]);
    seen.api_server = Seen::Absent;
    seen.database = database(schema(state, &[VERSION]));
    seen
}

fn begins(decision: &Decision) -> bool {
    matches!(&decision.next, Next::Do(actions) if actions.iter().any(|action| matches!(action, Action::Bootstrap(_))))
}

#[test]
fn empty_databases_that_are_to_begin_with_a_backup_get_a_restore_and_no_server() {
    let decision = think(&beginning(), &new(SchemaState::Empty));
    assert!(begins(&decision));
    assert_eq!(workloads(&decision), Vec::<String>::new());
}

#[test]
fn before_the_database_is_there_nothing_that_writes_to_it_is_made() {
    let mut seen = fresh();
    seen.database = Seen::Absent;
    let decision = think(&beginning(), &seen);
    assert!(!begins(&decision));
    assert!(
        waits_for(&decision, INSTALLATION).contains("team-a-bootstrap"),
        "{decision:?}"
    );
}

#[rstest]
#[case::of_the_release(SchemaState::Exact)]
#[case::of_nobody(SchemaState::Foreign)]
fn databases_with_tables_never_begin_with_a_backup(#[case] state: SchemaState) {
    let decision = think(&beginning(), &new(state));
    assert!(!begins(&decision));
    assert!(!workloads(&decision).contains(&"ml-pipeline".to_owned()));
    let free = think(&beginning(), &{
        let mut seen = new(state);
        seen.components = healthy().components;
        seen
    });
    assert!(!begins(&free));
}

#[rstest]
#[case::under_way(BootstrapState::UnderWay, false, false)]
#[case::done(BootstrapState::Done, true, false)]
#[case::failed(BootstrapState::Failed, false, true)]
fn the_restore_of_a_bootstrap_decides_when_the_server_is_first_made(
    #[case] state: BootstrapState,
    #[case] made: bool,
    #[case] asks: bool,
) {
    let mut seen = new(SchemaState::Empty);
    seen.bootstrap = bootstrap(state);
    // So that only the hold can keep it from being made.
    seen.components.insert(
        "metadata-grpc".into(),
        healthy().components["metadata-grpc"].clone(),
    );
    let decision = think(&beginning(), &seen);
    assert!(!begins(&decision));
    assert_eq!(
        workloads(&decision).contains(&"ml-pipeline".to_owned()),
        made,
        "{decision:?}"
    );
    assert_eq!(
        matches!(&decision.next, Next::AskUser(question) if question.reason == Reason::RestoreFailed),
        asks,
        "{decision:?}"
    );
}

#[test]
fn a_server_that_was_made_once_is_not_held_by_what_the_installation_began_with() {
    let mut seen = healthy();
    seen.database = database(schema(SchemaState::Empty, &[]));
    let decision = think(&beginning(), &seen);
    assert!(!begins(&decision));
}

#[test]
fn a_base_object_is_repaired_during_a_restore() {
    let mut seen = at_zero(RestoreState::UnderWay);
    seen.components.get_mut("mysql").unwrap().base_drift = Seen::Known(set([object("Service", "mysql")]));
    let decision = think(&stopped(), &seen);
    assert!(
        matches!(&decision.next, Next::Do(actions) if matches!(&actions[..], [Action::Apply { component, .. }] if component == "mysql"))
    );
}

#[rstest]
#[case::in_the_database("Database", "Warn")]
#[case::as_objects("Kubernetes", "Enforce")]
fn a_restore_takes_replicas_away_and_lets_pipelines_pass_the_stopped_servers_webhooks(
    #[case] store: &str,
    #[case] mode: &str,
) {
    let manifest = serde_json::json!({
        "apiVersion": "kfpops.dev/v1alpha1", "kind": "KfpInstallation",
        "metadata": {"name": "kfp", "namespace": "team-a"},
        "spec": {"version": VERSION, "pipelineStore": {"type": store}, "sdkPolicy": {"mode": mode}},
    });
    let resource = serde_json::from_value(manifest).unwrap();
    let references = kfp_releases::validated::References::default();
    let catalog = kfp_releases::Catalog::builtin().unwrap();
    let installation = kfp_releases::validate(&resource, &references, catalog).unwrap();
    assert_eq!(targets(&installation, &Seen::Absent), installation);
    let held = targets(&installation, &restore(RestoreState::UnderWay));
    assert_eq!(held.sdk_policy.mode, SdkPolicyMode::Warn);
    for (component, settings) in held.running() {
        let still = component.role.stands_still();
        assert_eq!(settings.replicas == 0, still, "{}", component.name);
        let strict =
            |webhook: &kfp_releases::component::Webhook| webhook.failure_policy == FailurePolicy::Fail;
        assert!(
            !still || !component.webhooks.iter().any(strict),
            "{}",
            component.name
        );
    }
}
