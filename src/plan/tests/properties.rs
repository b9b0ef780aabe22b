//! THOUGHT: what holds whatever is seen. The worlds here need not make sense: thinking is total.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kfp_api::KfpInstallationStatus;
use kfp_api::conditions::Reason;
use kfp_api::installation::{DatabaseEngine, DeletionPolicy};
use kfp_api::status::SchemaState;
use proptest::prelude::*;

use super::world::{VERSION, database, desired, object, schema, set, unknown};
use crate::decision::{Action, Decision, Next};
use crate::desired::Desired;
use crate::observed::{
    BootstrapSeen, BootstrapState, ComponentSeen, DatabaseSeen, ObjectRef, Observed, RestoreSeen,
    RestoreState, Seen, WorkloadSeen,
};
use crate::outcome::ActionOutcome;
use crate::project::{View, view};
use crate::steps::components::trouble;
use crate::think::think;

fn seen<T: Clone + std::fmt::Debug + 'static>(
    known: impl Strategy<Value = T> + 'static,
) -> BoxedStrategy<Seen<T>> {
    let reasons = prop_oneof![
        Just(Reason::ProbeFailed),
        Just(Reason::Unreachable),
        Just(Reason::AccessDenied)
    ];
    prop_oneof![
        6 => known.prop_map(Seen::Known),
        2 => Just(Seen::Absent),
        1 => reasons.prop_map(|reason| Seen::Unknown { reason, why: "no answer".to_owned() }),
    ]
    .boxed()
}

fn releases() -> BoxedStrategy<String> {
    prop_oneof![9 => Just(VERSION.to_owned()), 1 => Just("2.5.0".to_owned())].boxed()
}

fn objects() -> BoxedStrategy<BTreeSet<ObjectRef>> {
    let kinds = prop_oneof![
        Just("Service"),
        Just("PersistentVolumeClaim"),
        Just("Secret"),
        Just("Deployment")
    ];
    let names = prop_oneof![Just("mysql"), Just("mysql-secret"), Just("minio-pvc")];
    proptest::collection::btree_set((kinds, names).prop_map(|(kind, name)| object(kind, name)), 0..3).boxed()
}

fn workload() -> BoxedStrategy<WorkloadSeen> {
    let release = prop_oneof![9 => releases().prop_map(Some), 1 => Just(None)];
    (any::<bool>(), release, 0..3_i32, 0..3_i32, any::<bool>())
        .prop_map(|(drift, release, desired, ready, current)| WorkloadSeen {
            drift,
            release,
            image: None,
            desired,
            ready,
            current,
            trouble: vec!["CrashLoopBackOff".to_owned()],
        })
        .boxed()
}

fn component() -> BoxedStrategy<ComponentSeen> {
    (seen(objects()), seen(objects()), seen(workload()))
        .prop_map(|(base_drift, secrets_due, workload)| ComponentSeen {
            base_drift,
            secrets_due,
            workload,
        })
        .boxed()
}

fn components() -> BoxedStrategy<BTreeMap<String, ComponentSeen>> {
    let mut names: Vec<String> = desired()
        .components
        .into_iter()
        .map(|component| component.name)
        .collect();
    names.push("shared".to_owned());
    let count = names.len();
    (
        proptest::collection::vec(component(), count),
        proptest::collection::vec(0..20_u8, count),
    )
        .prop_map(move |(looks, keep)| {
            let pairs = names.iter().cloned().zip(looks).zip(keep);
            pairs
                .filter(|(_, keep)| *keep > 0)
                .map(|(pair, _)| pair)
                .collect()
        })
        .boxed()
}

fn databases() -> BoxedStrategy<Seen<DatabaseSeen>> {
    use SchemaState::{Empty, Exact, Foreign, HalfMigrated, Tolerated};
    let states = prop_oneof![3 => Just(Exact), 1 => Just(Tolerated), 1 => Just(HalfMigrated), 1 => Just(Foreign), 2 => Just(Empty)];
    let known =
        (states, releases()).prop_map(|(state, release)| match database(schema(state, &[&release])) {
            Seen::Known(found) => found,
            _ => unreachable!(),
        });
    seen(known)
}

/// Mostly none: what holds everything back would hide the rest.
fn restores() -> BoxedStrategy<Seen<RestoreSeen>> {
    let states = prop_oneof![Just(RestoreState::UnderWay), Just(RestoreState::Incomplete)];
    let known = states.prop_map(|state| RestoreSeen {
        name: "back-to-monday".to_owned(),
        state,
        message: "Loading.".to_owned(),
        safety_backup: None,
    });
    prop_oneof![9 => Just(Seen::Absent), 2 => known.prop_map(Seen::Known), 1 => Just(unknown("no answer"))]
        .boxed()
}

fn bootstraps() -> BoxedStrategy<Seen<BootstrapSeen>> {
    let states = prop_oneof![
        Just(BootstrapState::UnderWay),
        Just(BootstrapState::Done),
        Just(BootstrapState::Failed)
    ];
    let known = states.prop_map(|state| BootstrapSeen {
        name: "team-a-bootstrap".to_owned(),
        state,
        message: "Loading.".to_owned(),
    });
    prop_oneof![9 => Just(Seen::Absent), 3 => known.prop_map(Seen::Known), 1 => Just(unknown("no answer"))]
        .boxed()
}

prop_compose! {
    fn observed()(
        (occupied, deleting, finalizer, deletion_overdue, versions) in
            (0..20_u8, 0..8_u8, any::<bool>(), any::<bool>(), seen(Just("1.34".to_owned()))),
        (entry_unknown, rights_absent, crds) in (0..20_u8, 0..10_u8, 0..10_u8),
        installed in seen(proptest::collection::btree_set(releases(), 0..2)),
        database_engine in seen(prop_oneof![9 => Just(DatabaseEngine::MySQL), 1 => Just(DatabaseEngine::MariaDB)]),
        volume_release in seen(releases()),
        components in components(),
        orphans in seen(objects()),
        data_left in seen(objects()),
        database in databases(),
        object_store in seen(Just(())),
        api_server in seen(Just(())),
        (restore, bootstrap) in (restores(), bootstraps()),
    ) -> Observed {
        let lists = |objects: Seen<BTreeSet<ObjectRef>>| match objects {
            Seen::Known(objects) => Seen::Known(objects.into_iter().collect::<Vec<_>>()),
            Seen::Absent => Seen::Absent,
            Seen::Unknown { reason, why } => Seen::Unknown { reason, why },
        };
        Observed {
            occupant: if occupied == 0 { Seen::Known("team-b".to_owned()) } else { Seen::Absent },
            deleting: deleting == 0,
            finalizer,
            kubernetes: versions,
            rights: if rights_absent == 0 { Seen::Absent } else { Seen::Known(()) },
            crd_problems: match crds {
                0 => Seen::Known(BTreeMap::from([("workflows.argoproj.io".to_owned(), "missing".to_owned())])),
                1 => Seen::Unknown { reason: Reason::ProbeFailed, why: "no answer".to_owned() },
                _ => Seen::Known(BTreeMap::new()),
            },
            installed: if entry_unknown == 0 {
                Seen::Unknown { reason: Reason::ProbeFailed, why: "no answer".to_owned() }
            } else {
                match installed { Seen::Unknown { .. } => Seen::Absent, known => known }
            },
            database_engine,
            volume_release,
            components,
            orphans: lists(orphans),
            database,
            object_store,
            api_server,
            data_left: lists(data_left),
            data_of_others: Seen::Absent,
            inventory: Seen::Absent,
            restore,
            bootstrap,
            backups: Seen::Absent,
            deletion_overdue,
        }
    }
}

fn wishes() -> BoxedStrategy<Desired> {
    let policies = prop_oneof![Just(DeletionPolicy::Retain), Just(DeletionPolicy::Delete)];
    (0..5_u8, policies, any::<bool>())
        .prop_map(|(paused, deletion_policy, bootstrap)| Desired {
            paused: paused == 0,
            deletion_policy,
            bootstrap: bootstrap.then(kfp_api::restore::RestoreSource::default),
            ..desired()
        })
        .boxed()
}

fn actions(decision: &Decision) -> &[Action] {
    if let Next::Do(actions) = &decision.next {
        actions
    } else {
        &[]
    }
}

fn at(seconds: i64) -> Time {
    Time(Timestamp::from_second(seconds).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn nothing_is_done_while_paused_occupied_or_between_versions(desired in wishes(), seen in observed()) {
        let decision = think(&desired, &seen);
        let labels = seen.components.values().filter_map(|look| match &look.workload {
            Seen::Known(workload) => workload.release.as_deref(),
            _ => None,
        });
        let other = labels.into_iter().any(|label| label != VERSION);
        let held = desired.paused || matches!(seen.occupant, Seen::Known(_)) || (other && seen.rights == Seen::Known(()));
        if held && !seen.deleting {
            prop_assert_eq!(actions(&decision), &[] as &[Action]);
        }
    }

    #[test]
    fn a_workload_is_first_made_only_behind_its_gates(desired in wishes(), seen in observed()) {
        for action in actions(&think(&desired, &seen)) {
            let Action::Apply { component, objects } = action else { continue };
            let Some(component) = desired.component(component) else { continue };
            let look = &seen.components[&component.name];
            if !objects.contains(&component.workload) || look.workload != Seen::Absent || look.base_drift == Seen::Known(objects.clone()) {
                continue;
            }
            for name in &component.after {
                prop_assert_eq!(trouble(&seen, desired.component(name).unwrap()), None);
            }
            prop_assert!(matches!(&look.secrets_due, Seen::Absent) || look.secrets_due == Seen::Known(set([])));
        }
    }

    #[test]
    fn the_api_server_never_meets_a_schema_that_is_not_its_own(desired in wishes(), seen in observed()) {
        let server = object("Deployment", "ml-pipeline");
        let touched = actions(&think(&desired, &seen)).iter().any(
            |action| matches!(action, Action::Apply { objects, .. } if objects.contains(&server)),
        );
        if touched {
            let Seen::Known(found) = &seen.database else { return Err(TestCaseError::fail("unseen database")) };
            let own = found.schema.matches.contains(&VERSION.to_owned())
                && matches!(found.schema.state, SchemaState::Exact | SchemaState::Tolerated);
            prop_assert!(own || found.schema.state == SchemaState::Empty);
        }
    }

    #[test]
    fn data_is_deleted_only_on_deletion_by_policy(desired in wishes(), seen in observed()) {
        for action in actions(&think(&desired, &seen)) {
            match action {
                Action::DeleteData(_) => {
                    prop_assert!(seen.deleting && desired.deletion_policy == DeletionPolicy::Delete);
                }
                Action::Prune(objects) => {
                    prop_assert!(objects.iter().all(|object| object.kind != "PersistentVolumeClaim" && object.kind != "Secret"));
                }
                _ => {}
            }
        }
    }

    #[test]
    fn settled_means_that_nothing_is_waited_for_and_everything_answers(desired in wishes(), seen in observed()) {
        let decision = think(&desired, &seen);
        if decision.next == Next::Settled {
            prop_assert_eq!(&decision.waiting, &vec![]);
            prop_assert!(desired.components.iter().all(|component| trouble(&seen, component).is_none()));
            prop_assert_eq!(&seen.api_server, &Seen::Known(()));
        } else if decision.next == Next::Wait {
            prop_assert!(!decision.waiting.is_empty(), "a wait says on what");
        }
    }

    #[test]
    fn the_same_pass_gives_the_same_status_at_any_time(desired in wishes(), seen in observed(), failed in any::<bool>(), looked in any::<bool>()) {
        let decision = think(&desired, &seen);
        let outcome = if failed {
            ActionOutcome::Failed { reason: Reason::ApplyFailed, message: "no".to_owned() }
        } else {
            ActionOutcome::Done
        };
        let outcomes = vec![outcome; actions(&decision).len()];
        let status = |old: &KfpInstallationStatus, now: &Time| {
            view(&View {
                desired: Some(&desired),
                generation: desired.generation,
                observed: looked.then_some(&seen),
                decision: &decision,
                outcomes: &outcomes,
                old,
                now,
            })
        };
        let first = status(&KfpInstallationStatus::default(), &at(1_000));
        let second = status(&first, &at(2_000));
        prop_assert_eq!(serde_json::to_string(&first).unwrap(), serde_json::to_string(&second).unwrap());
        let ready = first.conditions.iter().filter(|condition| condition.type_ == "Ready").count();
        prop_assert_eq!(ready, 1);
        for condition in &first.conditions {
            let abnormal = condition.type_ == "Reconciling" || condition.type_ == "Stalled";
            prop_assert!(!abnormal || condition.status == "True");
        }
    }
}
