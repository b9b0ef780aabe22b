//! THOUGHT: a resource that is being deleted.

use kfp_api::installation::DeletionPolicy;
use rstest::rstest;

use super::world::{desired, healthy, object, set, unknown};
use crate::decision::{Action, Next};
use crate::observed::{ObjectRef, Observed, Seen};
use crate::think::think;

fn claim() -> ObjectRef {
    object("PersistentVolumeClaim", "mysql-pv-claim")
}

#[rstest]
#[case::retain(DeletionPolicy::Retain, Seen::Known(vec![claim()]), false, Next::Do(vec![Action::SetFinalizer(false)]))]
#[case::delete(DeletionPolicy::Delete, Seen::Known(vec![claim()]), false, Next::Do(vec![Action::DeleteData(set([claim()]))]))]
#[case::deleted(DeletionPolicy::Delete, Seen::Known(vec![]), false, Next::Do(vec![Action::SetFinalizer(false)]))]
#[case::unknown(DeletionPolicy::Delete, unknown("timeout"), false, Next::Wait)]
#[case::unknown_for_too_long(DeletionPolicy::Delete, unknown("timeout"), true, Next::Do(vec![Action::SetFinalizer(false)]))]
#[case::too_long(DeletionPolicy::Delete, Seen::Known(vec![claim()]), true, Next::Do(vec![Action::SetFinalizer(false)]))]
fn data_goes_only_by_an_explicit_policy_and_never_holds_the_resource_for_ever(
    #[case] deletion_policy: DeletionPolicy,
    #[case] data_left: Seen<Vec<ObjectRef>>,
    #[case] deletion_overdue: bool,
    #[case] wanted: Next,
) {
    let desired = crate::Desired {
        deletion_policy,
        paused: true,
        ..desired()
    };
    let seen = Observed {
        deleting: true,
        finalizer: true,
        data_left,
        deletion_overdue,
        ..healthy()
    };
    let decision = think(&desired, &seen);
    assert_eq!(decision.next, wanted);
    assert_eq!(
        !decision.warnings.is_empty(),
        deletion_overdue,
        "what stays behind is named"
    );
}

#[rstest]
#[case::retain(DeletionPolicy::Retain)]
#[case::delete(DeletionPolicy::Delete)]
fn cluster_scoped_objects_go_before_the_resource(#[case] deletion_policy: DeletionPolicy) {
    let desired = crate::Desired {
        deletion_policy,
        ..desired()
    };
    let webhook = object("MutatingWebhookConfiguration", "cache-webhook-pipelines");
    let orphans = Seen::Known(vec![webhook.clone()]);
    let seen = Observed {
        deleting: true,
        finalizer: true,
        orphans,
        data_left: Seen::Absent,
        ..healthy()
    };
    assert_eq!(
        think(&desired, &seen).next,
        Next::Do(vec![Action::Prune(set([webhook]))])
    );
}

#[test]
fn who_may_not_list_cluster_scoped_objects_is_not_held_by_them() {
    let seen = Observed {
        deleting: true,
        finalizer: true,
        orphans: unknown("forbidden"),
        ..healthy()
    };
    assert_eq!(
        think(&desired(), &seen).next,
        Next::Do(vec![Action::SetFinalizer(false)])
    );
}

#[test]
fn without_our_finalizer_nothing_is_left_to_do_and_nothing_is_made_again() {
    let desired = crate::Desired {
        deletion_policy: DeletionPolicy::Delete,
        ..desired()
    };
    let seen = Observed {
        deleting: true,
        finalizer: false,
        data_left: Seen::Known(vec![claim()]),
        ..super::world::fresh()
    };
    assert_eq!(think(&desired, &seen).next, Next::Wait);
}
