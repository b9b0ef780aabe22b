//! THOUGHT: what must hold before the first apply.

use std::collections::BTreeMap;

use kfp_api::conditions::Reason;
use kfp_api::installation::{DatabaseEngine, DeletionPolicy};
use rstest::rstest;

use super::world::{change_workload, decide, desired, fresh, healthy, object, set, unknown, with_workload};
use crate::decision::{Action, Next};
use crate::observed::{Observed, Seen};
use crate::think::think;

fn occupied() -> Observed {
    Observed {
        occupant: Seen::Known("team-b".to_owned()),
        rights: Seen::Absent,
        ..fresh()
    }
}

fn leftovers() -> Observed {
    let data = vec![object("PersistentVolumeClaim", "mysql-pv-claim")];
    Observed {
        data_of_others: Seen::Known(BTreeMap::from([("team-z".to_owned(), data)])),
        ..fresh()
    }
}

fn no_crds() -> Observed {
    let missing = BTreeMap::from([("workflows.argoproj.io".to_owned(), "it is missing".to_owned())]);
    Observed {
        crd_problems: Seen::Known(missing),
        ..fresh()
    }
}

fn older_release() -> Observed {
    let mut seen = Observed {
        installed: Seen::Known(set(["2.5.0".to_owned()])),
        ..healthy()
    };
    let names: Vec<String> = seen.components.keys().cloned().collect();
    for name in names {
        change_workload(&mut seen, &name, |workload| {
            workload.release = Some("2.5.0".to_owned());
            workload.drift = true;
        });
    }
    seen
}

fn mixed_releases() -> Observed {
    with_workload("ml-pipeline-ui", |workload| {
        workload.release = Some("2.5.0".to_owned());
    })
}

fn other_engine() -> Observed {
    Observed {
        database_engine: Seen::Known(DatabaseEngine::MariaDB),
        ..fresh()
    }
}

#[rstest]
#[case::occupied(occupied(), Reason::NamespaceOccupied, &["team-b", "pipelines", "delete team-b"])]
#[case::leftovers(leftovers(), Reason::NamespaceOccupied, &["team-z", "PersistentVolumeClaim mysql-pv-claim"])]
#[case::no_crds(no_crds(), Reason::CrdsMissing, &["workflows.argoproj.io: it is missing", "kubectl apply --server-side -k config/operand-crds"])]
#[case::older_release(older_release(), Reason::UpgradeNotSupported, &["KFP 2.5.0 is installed", "asks for 2.16.1", "migrate the database by itself", "Set spec.version back to 2.5.0"])]
#[case::mixed_releases(mixed_releases(), Reason::UpgradeNotSupported, &["2.16.1 and 2.5.0", "back to 2.5.0"])]
#[case::other_engine(other_engine(), Reason::InvalidSpec, &["written by MariaDB", "Set the engine to MariaDB"])]
fn what_a_person_must_change_is_refused_and_named(
    #[case] seen: Observed,
    #[case] reason: Reason,
    #[case] said: &[&str],
) {
    let Next::Refuse(blockers) = decide(&seen).next else {
        panic!("not refused")
    };
    assert_eq!(blockers[0].reason, reason);
    for part in said {
        assert!(
            blockers[0].message.contains(part),
            "{part:?} is not in {:?}",
            blockers[0].message
        );
    }
}

#[test]
fn everything_that_a_person_must_change_is_said_at_once() {
    let seen = Observed {
        crd_problems: no_crds().crd_problems,
        ..leftovers()
    };
    let Next::Refuse(blockers) = decide(&seen).next else {
        panic!("not refused")
    };
    let reasons: Vec<Reason> = blockers.iter().map(|blocker| blocker.reason).collect();
    assert_eq!(reasons, [Reason::NamespaceOccupied, Reason::CrdsMissing]);
}

#[rstest]
#[case::occupant(Observed { occupant: unknown("timeout"), ..fresh() })]
#[case::rights(Observed { rights: unknown("timeout"), ..fresh() })]
#[case::crds(Observed { crd_problems: unknown("timeout"), ..fresh() })]
#[case::installed(Observed { installed: unknown("timeout"), ..fresh() })]
#[case::volume_release(Observed { volume_release: unknown("timeout"), ..fresh() })]
#[case::data_of_others(Observed { data_of_others: unknown("timeout"), ..fresh() })]
fn nothing_is_applied_while_the_entry_cannot_be_looked_at(#[case] seen: Observed) {
    let decision = decide(&seen);
    assert_eq!(decision.next, Next::Wait);
    assert!(decision.waiting[0].on.ends_with("timeout"), "{decision:?}");
}

#[test]
fn a_volume_of_another_release_is_asked_about_before_any_server_opens_it() {
    let seen = Observed {
        volume_release: Seen::Known("2.5.0".to_owned()),
        ..fresh()
    };
    let Next::AskUser(question) = decide(&seen).next else {
        panic!("not asked")
    };
    assert_eq!(question.reason, Reason::ApprovalRequired);
    assert!(
        question
            .message
            .contains("Set spec.version to 2.5.0, or delete PersistentVolumeClaim mysql-pv-claim")
    );
}

#[test]
fn a_wrong_label_on_the_volume_of_a_running_installation_is_drift() {
    let seen = Observed {
        volume_release: Seen::Known("2.5.0".to_owned()),
        ..healthy()
    };
    assert_eq!(decide(&seen).next, Next::Settled);
}

#[test]
fn cluster_scoped_objects_hold_the_finalizer_too() {
    let desired = crate::Desired {
        cluster_scoped: true,
        ..desired()
    };
    assert_eq!(
        think(&desired, &healthy()).next,
        Next::Do(vec![Action::SetFinalizer(true)])
    );
}

#[test]
fn the_finalizer_comes_off_after_what_it_was_held_for() {
    let webhook = object("MutatingWebhookConfiguration", "cache-webhook-pipelines");
    let seen = Observed {
        finalizer: true,
        orphans: Seen::Known(vec![webhook.clone()]),
        ..healthy()
    };
    let wanted = vec![Action::Prune(set([webhook])), Action::SetFinalizer(false)];
    assert_eq!(decide(&seen).next, Next::Do(wanted));
}

#[test]
fn missing_rights_are_bound_before_anything_else() {
    let decision = decide(&Observed {
        rights: Seen::Absent,
        ..fresh()
    });
    assert_eq!(decision.next, Next::Do(vec![Action::BindRights]));
}

#[rstest]
#[case::held_for_delete(DeletionPolicy::Delete, false, Some(true))]
#[case::already_held(DeletionPolicy::Delete, true, None)]
#[case::let_go_for_retain(DeletionPolicy::Retain, true, Some(false))]
#[case::never_held_for_retain(DeletionPolicy::Retain, false, None)]
fn the_finalizer_follows_the_deletion_policy(
    #[case] deletion_policy: DeletionPolicy,
    #[case] finalizer: bool,
    #[case] wanted: Option<bool>,
) {
    let desired = crate::Desired {
        deletion_policy,
        ..desired()
    };
    let next = think(
        &desired,
        &Observed {
            finalizer,
            ..healthy()
        },
    )
    .next;
    assert_eq!(
        next,
        wanted.map_or(Next::Settled, |on| Next::Do(vec![Action::SetFinalizer(on)]))
    );
}

#[rstest]
#[case("1.33", 0)]
#[case("1.35", 0)]
#[case("1.36", 1)]
#[case("1.32", 1)]
fn kubernetes_outside_the_tested_range_is_a_warning_and_no_more(
    #[case] version: &str,
    #[case] warnings: usize,
) {
    let decision = decide(&Observed {
        kubernetes: Seen::Known(version.to_owned()),
        ..healthy()
    });
    assert_eq!(decision.next, Next::Settled);
    assert_eq!(decision.warnings.len(), warnings);
}
