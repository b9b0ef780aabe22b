//! THOUGHT: the summary in kstatus' words: Ready always; Reconciling and Stalled only while they are true.

use kfp_api::conditions::{ConditionStatus, ConditionType, Reason};

use crate::conditions::Fact;
use crate::decision::{Action, Blocker, Next};
use crate::observed::Seen;
use crate::outcome::ActionOutcome;
use crate::project::View;
use crate::steps::components::is_healthy;
use crate::words;

/// Reasons of a part that say more than "progressing".
const TELLING: [Reason; 5] = [
    Reason::Restoring,
    Reason::AccessDenied,
    Reason::Unreachable,
    Reason::SchemaMismatch,
    Reason::ProbeFailed,
];

/// Ready, and Reconciling or Stalled where one of them is true.
pub(super) fn facts(input: &View, domain: &[Fact]) -> Vec<Fact> {
    let paused = input.desired.is_some_and(|desired| desired.paused);
    if input.observed.is_some_and(|seen| seen.deleting) {
        let message = deleting(input);
        return vec![
            unready(Reason::Deleting, message.clone()),
            reconciling(Reason::Deleting, message),
        ];
    }
    match &input.decision.next {
        Next::Refuse(blockers) => stalled(
            blockers.first().map_or(Reason::InvalidSpec, |first| first.reason),
            &all(blockers),
        ),
        Next::AskUser(question) => stalled(question.reason, &question.message),
        Next::Settled if paused => vec![ready(
            Reason::Paused,
            format!("{} spec.paused holds changes back.", serving(input)),
        )],
        Next::Settled => vec![ready(Reason::AllReady, serving(input))],
        Next::Do(actions) => doing(input, actions),
        Next::Wait if paused => vec![unready(Reason::Paused, waiting(input))],
        Next::Wait => {
            let reason = telling(domain).unwrap_or(Reason::Progressing);
            vec![
                unready(reason, waiting(input)),
                reconciling(reason, waiting(input)),
            ]
        }
    }
}

fn ready(reason: Reason, message: String) -> Fact {
    Fact::new(ConditionType::Ready, ConditionStatus::True, reason, message)
}

fn unready(reason: Reason, message: String) -> Fact {
    Fact::new(ConditionType::Ready, ConditionStatus::False, reason, message)
}

fn reconciling(reason: Reason, message: String) -> Fact {
    Fact::new(ConditionType::Reconciling, ConditionStatus::True, reason, message)
}

fn stalled(reason: Reason, message: &str) -> Vec<Fact> {
    vec![
        unready(reason, message.to_owned()),
        Fact::new(ConditionType::Stalled, ConditionStatus::True, reason, message),
    ]
}

/// While actions go on. What restarts no pod leaves a healthy installation Ready; anything else does not, so that a
/// waiting `kubectl wait` never meets a Ready from before the change.
fn doing(input: &View, actions: &[Action]) -> Vec<Fact> {
    if let Some((reason, message)) = failure(input, actions) {
        return vec![unready(reason, message.clone()), reconciling(reason, message)];
    }
    let todo: Vec<String> = actions.iter().map(ToString::to_string).collect();
    let message = format!("Under way: {}.", words::list(&todo, 3));
    let held = input.outcomes.len() == actions.len() && input.outcomes.iter().all(ActionOutcome::holds);
    let calm =
        input.decision.waiting.is_empty() && held && !actions.iter().any(|action| moves_pods(input, action));
    let summary = if calm {
        ready(Reason::AllReady, serving(input))
    } else {
        unready(Reason::Progressing, progress(input, actions, &message))
    };
    vec![summary, reconciling(Reason::Progressing, message)]
}

/// The first action that failed.
fn failure(input: &View, actions: &[Action]) -> Option<(Reason, String)> {
    let mut results = actions.iter().zip(input.outcomes);
    results.find_map(|(action, outcome)| match outcome {
        ActionOutcome::Failed { reason, message } => {
            Some((*reason, format!("Could not {action}: {message}")))
        }
        _ => None,
    })
}

/// What is under way, what could not be done yet and why, what is waited for.
fn progress(input: &View, actions: &[Action], doing: &str) -> String {
    let mut parts = vec![doing.to_owned()];
    let mut results = actions.iter().zip(input.outcomes);
    parts.extend(results.find_map(|(action, outcome)| match outcome {
        ActionOutcome::NotYet { why } => Some(format!("Not yet possible to {action}: {why}.")),
        _ => None,
    }));
    if !input.decision.waiting.is_empty() {
        parts.push(waiting(input));
    }
    parts.join(" ")
}

fn moves_pods(input: &View, action: &Action) -> bool {
    let Action::Apply { component, objects } = action else {
        return false;
    };
    let workload = input
        .desired
        .and_then(|desired| desired.component(component))
        .map(|component| &component.workload);
    workload.is_some_and(|workload| objects.contains(workload))
}

fn telling(domain: &[Fact]) -> Option<Reason> {
    domain
        .iter()
        .map(|fact| fact.reason)
        .find(|reason| TELLING.contains(reason))
}

fn waiting(input: &View) -> String {
    format!("{}.", words::waits(&input.decision.waiting))
}

fn all(blockers: &[Blocker]) -> String {
    blockers
        .iter()
        .map(|blocker| blocker.message.as_str())
        .collect::<Vec<_>>()
        .join(" ")
}

fn serving(input: &View) -> String {
    let Some(desired) = input.desired else {
        return String::new();
    };
    let count = desired.components.len();
    let healthy = input.observed.map_or(0, |seen| {
        let looks = desired
            .components
            .iter()
            .filter_map(|component| seen.components.get(&component.name));
        looks
            .filter(|look| matches!(&look.workload, Seen::Known(workload) if is_healthy(workload)))
            .count()
    });
    format!(
        "KFP {} serves; {healthy} of {count} components are ready.",
        desired.version
    )
}

fn deleting(input: &View) -> String {
    let warnings = all(&input.decision.warnings);
    if !warnings.is_empty() {
        return warnings;
    }
    if input.decision.waiting.is_empty() {
        "The resource is being deleted.".to_owned()
    } else {
        waiting(input)
    }
}
