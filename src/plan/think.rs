//! THOUGHT: the order of thought of one pass. The thoughts themselves are in `steps`.

use kfp_api::conditions::Reason;
use kfp_api::installation::DeletionPolicy;
use kfp_releases::{Finding, ValidatedInstallation};

use crate::decision::{Action, Blocker, Decision, Next, Question};
use crate::desired::Desired;
use crate::observed::Observed;
use crate::steps::components::Waits;
use crate::steps::deletion::INSTALLATION;
use crate::steps::restore::Hold;
use crate::steps::{deletion, entry, foundations, kubernetes, paused, probes, prune, restore, workloads};

/// What a pass thinks about.
#[derive(Clone, Copy, Debug)]
pub struct PlanInput<'a> {
    /// The wanted installation.
    pub installation: &'a ValidatedInstallation,
    /// What was seen of the world.
    pub observed: &'a Observed,
}

/// Decides what to do now about a valid installation.
pub fn plan(input: &PlanInput) -> Decision {
    think(&Desired::of(input.installation), input.observed)
}

/// Decides for a resource with a deletion timestamp, whether or not its spec is valid. Of one whose policy cannot be
/// read, the data stays: call it with the default, `Retain`.
pub fn delete(policy: DeletionPolicy, observed: &Observed) -> Decision {
    deletion::decide(policy, observed)
}

/// Decides what to do now about the wanted installation, given what was seen.
///
/// Deletion comes first and stands alone. Else: whatever stands before the first apply; then everything that can be
/// done now, in one batch; a pause takes the actions out of it again.
pub(crate) fn think(desired: &Desired, seen: &Observed) -> Decision {
    if seen.deleting {
        return deletion::decide(desired.deletion_policy, seen);
    }
    let mut decision = entry::check(desired, seen).unwrap_or_else(|| build(desired, seen));
    decision.warnings.extend(kubernetes::warning(desired, seen));
    if desired.paused {
        paused::hold(decision)
    } else {
        decision
    }
}

/// Everything that can be done now: finalizer, Secrets, foundations, workloads, orphans.
fn build(desired: &Desired, seen: &Observed) -> Decision {
    let mut waits = Waits::default();
    let foundations = foundations::collect(desired, seen, &mut waits);
    let hold = restore::judge(desired, seen);
    let workloads = workloads::collect(desired, seen, &foundations.held, &hold, &mut waits);
    probes::collect(desired, seen, &hold, &mut waits);
    match &hold {
        Hold::Free => {}
        Hold::Wait { on } => waits.add(INSTALLATION, on.clone()),
        Hold::Ask(_) => waits.add(
            INSTALLATION,
            "your decision about the restore that gave up".to_owned(),
        ),
    }
    let orphans = prune::orphans(seen).unwrap_or_else(|on| {
        waits.add(INSTALLATION, on);
        std::collections::BTreeSet::new()
    });

    // On before there is something to remove, off after it is gone.
    let finalizer = entry::finalizer(desired, seen);
    let first = finalizer
        .iter()
        .filter(|action| **action == Action::SetFinalizer(true));
    let last = finalizer
        .iter()
        .filter(|action| **action == Action::SetFinalizer(false));
    let mut actions: Vec<Action> = first.cloned().collect();
    actions.extend((!foundations.secrets.is_empty()).then_some(Action::Generate(foundations.secrets)));
    actions.extend(foundations.applies);
    actions.extend(workloads.applies);
    actions.extend(restore::begin(desired, seen));
    actions.extend((!orphans.is_empty()).then_some(Action::Prune(orphans)));
    actions.extend(last.cloned());

    let stopped = match hold {
        Hold::Ask(question) => Some(question),
        Hold::Free | Hold::Wait { .. } => None,
    };
    let question = foundations.question.or(stopped).or(workloads.question);
    conclude(actions, question, waits.into_list(desired))
}

/// Actions first; what only a person can decide does not hold back the rest, and is a warning until the rest is done.
fn conclude(
    actions: Vec<Action>,
    question: Option<Question>,
    waiting: Vec<crate::decision::Wait>,
) -> Decision {
    match (actions.is_empty(), question) {
        (false, question) => Decision {
            next: Next::Do(actions),
            waiting,
            warnings: question.map(warn).into_iter().collect(),
        },
        (true, Some(question)) => Decision {
            next: Next::AskUser(question),
            waiting,
            warnings: Vec::new(),
        },
        (true, None) if waiting.is_empty() => Decision {
            next: Next::Settled,
            waiting,
            warnings: Vec::new(),
        },
        (true, None) => Decision {
            next: Next::Wait,
            waiting,
            warnings: Vec::new(),
        },
    }
}

fn warn(question: Question) -> Blocker {
    Blocker {
        reason: question.reason,
        message: question.message,
    }
}

/// `spec.version: …`, ended as a sentence.
fn sentence(path: &str, message: &str) -> String {
    let end = if message.ends_with(['.', '?', '!']) {
        ""
    } else {
        "."
    };
    format!("{path}: {message}{end}")
}

/// The decision about a spec that did not pass validation: nothing is touched, and every finding is said at once.
pub fn refuse(findings: &[Finding]) -> Decision {
    let said = findings.iter().map(|finding| Blocker {
        reason: finding.reason,
        message: sentence(&finding.path, &finding.message),
    });
    let mut blockers: Vec<Blocker> = said.collect();
    if blockers.is_empty() {
        let message =
            "The spec did not pass validation, which named nothing; report this as a defect.".to_owned();
        blockers.push(Blocker {
            reason: Reason::InvalidSpec,
            message,
        });
    }
    Decision {
        next: Next::Refuse(blockers),
        waiting: Vec::new(),
        warnings: Vec::new(),
    }
}
