//! THOUGHT: a resource that is being deleted: data goes only by an explicit policy, and the resource is never held for
//! ever. Workloads are not touched: they belong to the resource and go with it.

use std::collections::BTreeSet;

use kfp_api::conditions::Reason;
use kfp_api::installation::DeletionPolicy;

use crate::decision::{Action, Blocker, Decision, Next, Wait};
use crate::observed::{ObjectRef, Observed, Seen};
use crate::words;

/// Name under which things of the whole installation are reported.
pub const INSTALLATION: &str = "installation";

/// Decides for a resource with a deletion timestamp.
///
/// Without our finalizer nothing is left to do. With it, `Retain` takes it off at once; `Delete` removes the data
/// first, and gives up at the time limit, naming what stays.
pub fn decide(policy: DeletionPolicy, seen: &Observed) -> Decision {
    if !seen.finalizer {
        return waiting("the resource is being deleted; the operator holds nothing back");
    }
    if policy == DeletionPolicy::Retain {
        return release(Vec::new());
    }
    match &seen.data_left {
        Seen::Known(left) if !left.is_empty() && !seen.deletion_overdue => remove(left),
        Seen::Known(left) if !left.is_empty() => release(vec![overdue(&words::names(left))]),
        Seen::Known(_) | Seen::Absent => release(Vec::new()),
        Seen::Unknown { why, .. } if seen.deletion_overdue => release(vec![overdue(why)]),
        Seen::Unknown { why, .. } => waiting(&format!("the data to remove could not be listed: {why}")),
    }
}

fn remove(left: &[ObjectRef]) -> Decision {
    let objects: BTreeSet<ObjectRef> = left.iter().cloned().collect();
    let on = format!(
        "the removal of {}, as spec.deletionPolicy says",
        words::names(&objects)
    );
    Decision {
        next: Next::Do(vec![Action::DeleteData(objects)]),
        waiting: vec![Wait {
            component: INSTALLATION.to_owned(),
            on,
        }],
        warnings: Vec::new(),
    }
}

fn release(warnings: Vec<Blocker>) -> Decision {
    Decision {
        next: Next::Do(vec![Action::SetFinalizer(false)]),
        waiting: Vec::new(),
        warnings,
    }
}

fn waiting(on: &str) -> Decision {
    let wait = Wait {
        component: INSTALLATION.to_owned(),
        on: on.to_owned(),
    };
    Decision {
        next: Next::Wait,
        waiting: vec![wait],
        warnings: Vec::new(),
    }
}

fn overdue(left: &str) -> Blocker {
    Blocker {
        reason: Reason::Deleting,
        message: format!(
            "Data was not removed within the time limit and may stay behind: {left}. Look for it by the label {} and delete what should go.",
            kfp_api::names::INSTALLATION_LABEL
        ),
    }
}
