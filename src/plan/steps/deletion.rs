//! THOUGHT: a resource that is being deleted: data goes only by an explicit policy, and the resource is never held for
//! ever. Workloads are not touched: they belong to the resource and go with it.

use std::collections::BTreeSet;

use kfp_api::conditions::Reason;
use kfp_api::installation::DeletionPolicy;

use crate::decision::{Action, Blocker, Decision, Next, Wait};
use crate::observed::{ObjectRef, Observed, Seen};
use crate::steps::prune;
use crate::words;

/// Name under which things of the whole installation are reported.
pub const INSTALLATION: &str = "installation";

/// Decides for a resource with a deletion timestamp.
///
/// Without our finalizer nothing is left to do. With it, cluster-scoped objects go first, and under `Delete` the data;
/// then the finalizer comes off. At the time limit it comes off in any case, and what stays is named.
pub fn decide(policy: DeletionPolicy, seen: &Observed) -> Decision {
    if !seen.finalizer {
        return waiting("the resource is being deleted; the operator holds nothing back");
    }
    let outside = prune::orphans(seen);
    let data = match policy {
        DeletionPolicy::Retain => Ok(BTreeSet::new()),
        DeletionPolicy::Delete => listed(&seen.data_left),
    };
    if seen.deletion_overdue {
        return release([outside, data].into_iter().filter_map(left_behind).collect());
    }
    match (outside, data) {
        (_, Err(unknown)) => waiting(&unknown),
        // Whoever may not list them never made any; data is what a resource is held for.
        (Err(_), Ok(data)) if data.is_empty() => release(Vec::new()),
        (outside, Ok(data)) => remove(outside.unwrap_or_default(), data),
    }
}

fn listed(look: &Seen<Vec<ObjectRef>>) -> Result<BTreeSet<ObjectRef>, String> {
    match look {
        Seen::Known(found) => Ok(found.iter().cloned().collect()),
        Seen::Absent => Ok(BTreeSet::new()),
        Seen::Unknown { why, .. } => Err(format!("the data to remove, which could not be listed: {why}")),
    }
}

fn remove(outside: BTreeSet<ObjectRef>, data: BTreeSet<ObjectRef>) -> Decision {
    let all = words::names(outside.iter().chain(&data));
    if all.is_empty() {
        return release(Vec::new());
    }
    let prune = (!outside.is_empty()).then_some(Action::Prune(outside));
    let delete = (!data.is_empty()).then_some(Action::DeleteData(data));
    Decision {
        next: Next::Do(prune.into_iter().chain(delete).collect()),
        waiting: vec![Wait {
            component: INSTALLATION.to_owned(),
            on: format!("the removal of {all}"),
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

/// A warning about what stays when the time limit is over; none when nothing does.
fn left_behind(left: Result<BTreeSet<ObjectRef>, String>) -> Option<Blocker> {
    let left = match left {
        Ok(objects) if objects.is_empty() => return None,
        Ok(objects) => words::names(&objects),
        Err(unknown) => unknown,
    };
    Some(Blocker {
        reason: Reason::Deleting,
        message: format!(
            "The time limit for removing data is over, and this may stay behind: {left}. Look for the label {} and delete what should go.",
            kfp_api::names::INSTALLATION_LABEL
        ),
    })
}
