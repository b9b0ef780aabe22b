//! THOUGHT: what must hold before anything is applied: whose namespace it is, our rights, the CRDs, the version, the
//! volume's engine and release. Whatever cannot be looked at here holds everything back.

use std::collections::BTreeSet;

use kfp_api::conditions::Reason;

use crate::decision::{Action, Blocker, Decision, Next, Question, Wait};
use crate::desired::Desired;
use crate::observed::{Observed, Seen};
use crate::steps::deletion::INSTALLATION;
use crate::words;

/// The command that installs the `CustomResourceDefinition`s of the operands, run in a checkout of kfp-operator.
pub const INSTALL_CRDS: &str = "kubectl apply --server-side -k config/operand-crds";

/// A decision when something stands before the first apply; none when the way is free.
#[must_use]
pub fn check(desired: &Desired, seen: &Observed) -> Option<Decision> {
    occupied(desired, seen)
        .or_else(|| rights(seen, finalizer(desired, seen)))
        .or_else(|| blocked(desired, seen))
}

/// The finalizer is held exactly while something must be removed that does not go with the resource: data, by policy,
/// and cluster-scoped objects.
#[must_use]
pub fn finalizer(desired: &Desired, seen: &Observed) -> Option<Action> {
    let wanted =
        desired.deletion_policy == kfp_api::installation::DeletionPolicy::Delete || desired.cluster_scoped;
    (wanted != seen.finalizer).then_some(Action::SetFinalizer(wanted))
}

fn occupied(desired: &Desired, seen: &Observed) -> Option<Decision> {
    match &seen.occupant {
        Seen::Absent => None,
        Seen::Unknown { why, .. } => Some(wait(&[format!(
            "whether this is the namespace's only KfpInstallation; it could not be looked at: {why}"
        )])),
        Seen::Known(other) => Some(refuse(vec![Blocker {
            reason: Reason::NamespaceOccupied,
            message: format!(
                "Namespace {} already holds the older KfpInstallation {other}, and KFP's object names allow one a namespace. Nothing was applied for {}. Move this resource to another namespace, or delete {other} first.",
                desired.namespace, desired.name
            ),
        }])),
    }
}

fn rights(seen: &Observed, finalizer: Option<Action>) -> Option<Decision> {
    match &seen.rights {
        Seen::Known(()) => None,
        Seen::Unknown { why, .. } => Some(wait(&[format!(
            "the operator's RoleBinding in this namespace, which could not be looked at: {why}"
        )])),
        Seen::Absent => Some(Decision {
            next: Next::Do(finalizer.into_iter().chain([Action::BindRights]).collect()),
            waiting: vec![installation("the operator's rights in this namespace")],
            warnings: Vec::new(),
        }),
    }
}

/// Everything that a person must change, at once; else whatever could not be looked at.
fn blocked(desired: &Desired, seen: &Observed) -> Option<Decision> {
    let checks = [
        leftovers(desired, seen),
        crds(desired, seen),
        version(desired, seen),
        engine(desired, seen),
        volume(desired, seen),
        restore(seen),
    ];
    let mut questions = Vec::new();
    let mut blockers = Vec::new();
    let mut unknown = Vec::new();
    for check in checks {
        match check {
            Check::Free => {}
            Check::Blocked(blocker) => blockers.push(blocker),
            Check::Ask(question) => questions.push(question),
            Check::Unknown(on) => unknown.push(on),
        }
    }
    match (blockers.is_empty(), unknown.is_empty()) {
        (false, _) => Some(refuse(blockers)),
        (true, false) => Some(wait(&unknown)),
        (true, true) => questions.pop().map(ask),
    }
}

enum Check {
    Free,
    Blocked(Blocker),
    Ask(Question),
    Unknown(String),
}

fn leftovers(desired: &Desired, seen: &Observed) -> Check {
    match &seen.data_of_others {
        Seen::Known(others) if !others.is_empty() => {
            let found: Vec<String> = others
                .iter()
                .map(|(owner, data)| format!("{} of {owner}", words::names(data)))
                .collect();
            let owner = others.keys().next().map_or("", String::as_str);
            Check::Blocked(Blocker {
                reason: Reason::NamespaceOccupied,
                message: format!(
                    "Namespace {} holds data of a deleted KfpInstallation: {}. Name this resource {owner} to take it up again, or delete those objects if their data may go.",
                    desired.namespace,
                    words::list(&found, 3)
                ),
            })
        }
        Seen::Known(_) | Seen::Absent => Check::Free,
        Seen::Unknown { why, .. } => Check::Unknown(format!(
            "whose data this namespace holds, which could not be looked at: {why}"
        )),
    }
}

fn crds(desired: &Desired, seen: &Observed) -> Check {
    match &seen.crd_problems {
        Seen::Known(problems) if !problems.is_empty() => {
            let found: Vec<String> = problems
                .iter()
                .map(|(name, problem)| format!("{name}: {problem}"))
                .collect();
            Check::Blocked(Blocker {
                reason: Reason::CrdsMissing,
                message: format!(
                    "KFP {} needs CustomResourceDefinitions that this cluster lacks: {}. A cluster administrator installs them with `{INSTALL_CRDS}`; the operator goes on by itself afterwards.",
                    desired.version,
                    words::list(&found, 10)
                ),
            })
        }
        Seen::Known(_) | Seen::Absent => Check::Free,
        Seen::Unknown { why, .. } => Check::Unknown(format!(
            "the CustomResourceDefinitions, which could not be looked at: {why}"
        )),
    }
}

fn version(desired: &Desired, seen: &Observed) -> Check {
    if let Seen::Unknown { why, .. } = &seen.installed {
        return Check::Unknown(format!(
            "which release is installed; the workloads could not be looked at: {why}"
        ));
    }
    let running = running(seen);
    if running.iter().all(|release| *release == desired.version) {
        return Check::Free;
    }
    let runs = words::versions(&running);
    let back = running
        .iter()
        .find(|release| **release != desired.version)
        .map_or("", String::as_str);
    Check::Blocked(Blocker {
        reason: Reason::UpgradeNotSupported,
        message: format!(
            "KFP {runs} is installed and spec.version asks for {}. This version of the operator does not carry out upgrades: new images alone would make the API server migrate the database by itself, without a backup. Nothing was touched. Set spec.version back to {back}.",
            desired.version
        ),
    })
}

fn engine(desired: &Desired, seen: &Observed) -> Check {
    match (desired.engine, &seen.database_engine) {
        (Some(wanted), Seen::Known(written)) if wanted != *written => Check::Blocked(Blocker {
            reason: Reason::InvalidSpec,
            message: format!(
                "The database's volume was written by {written:?} and spec.database.embedded.engine asks for {wanted:?}, which cannot read it. Nothing was touched. Set the engine to {written:?}."
            ),
        }),
        _ => Check::Free,
    }
}

/// Releases that workloads say they were rendered from.
fn running(seen: &Observed) -> BTreeSet<String> {
    let mut running = match &seen.installed {
        Seen::Known(labels) => labels.clone(),
        Seen::Absent | Seen::Unknown { .. } => BTreeSet::new(),
    };
    for component in seen.components.values() {
        if let Seen::Known(workload) = &component.workload {
            running.extend(workload.release.clone());
        }
    }
    running
}

/// A volume that outlived its installation says which release used it. Another release's database server would change
/// the files by itself, before anyone could look at the schema.
fn volume(desired: &Desired, seen: &Observed) -> Check {
    match &seen.volume_release {
        Seen::Known(release) if *release != desired.version && running(seen).is_empty() => {
            Check::Ask(Question {
                reason: Reason::ApprovalRequired,
                message: format!(
                    "The database's volume was last used by KFP {release}, and spec.version asks for {}. Nothing was started, because another release's servers would change the data by themselves. Set spec.version to {release}, or delete {} if the data may go.",
                    desired.version,
                    words::claims(desired)
                ),
            })
        }
        Seen::Known(_) | Seen::Absent => Check::Free,
        Seen::Unknown { why, .. } => Check::Unknown(format!(
            "which release the database's volume is of, which could not be looked at: {why}"
        )),
    }
}

/// What is stopped for a restore must not be started because nobody could look whether there is one.
fn restore(seen: &Observed) -> Check {
    match (&seen.restore, &seen.bootstrap) {
        (Seen::Unknown { why, .. }, _) | (_, Seen::Unknown { why, .. }) => Check::Unknown(format!(
            "whether a KfpRestore is under way, which could not be looked at: {why}"
        )),
        _ => Check::Free,
    }
}

fn ask(question: Question) -> Decision {
    Decision {
        next: Next::AskUser(question),
        waiting: Vec::new(),
        warnings: Vec::new(),
    }
}

fn refuse(blockers: Vec<Blocker>) -> Decision {
    Decision {
        next: Next::Refuse(blockers),
        waiting: Vec::new(),
        warnings: Vec::new(),
    }
}

fn wait(on: &[String]) -> Decision {
    let waiting = on.iter().map(|on| installation(on)).collect();
    Decision {
        next: Next::Wait,
        waiting,
        warnings: Vec::new(),
    }
}

fn installation(on: &str) -> Wait {
    Wait {
        component: INSTALLATION.to_owned(),
        on: on.to_owned(),
    }
}
