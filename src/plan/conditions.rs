//! THOUGHT: facts become conditions: a transition time moves only when the status does. No clock: the time is given.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kfp_api::conditions::{ConditionStatus, ConditionType, Reason, find, set};

use crate::words;

/// What is known about one condition in this pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Which condition.
    pub kind: ConditionType,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// Stable reason.
    pub reason: Reason,
    /// What was seen and what to do, in words for a person.
    pub message: String,
}

impl Fact {
    /// A fact.
    #[must_use]
    pub fn new(
        kind: ConditionType,
        status: ConditionStatus,
        reason: Reason,
        message: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            status,
            reason,
            message: message.into(),
        }
    }
}

/// The conditions that the facts and the kept ones of `old` stand for; a condition that is in neither is gone. One whose
/// status is that of `old` keeps its time.
#[must_use]
pub fn stamp(
    facts: &[Fact],
    kept: &[ConditionType],
    old: &[Condition],
    generation: i64,
    now: &Time,
) -> Vec<Condition> {
    let known = facts.iter().map(|fact| fact.kind).chain(kept.iter().copied());
    let mut conditions: Vec<Condition> = known.filter_map(|kind| find(old, kind).cloned()).collect();
    for fact in facts {
        let message = words::short(&fact.message);
        set(
            &mut conditions,
            fact.kind,
            fact.status,
            fact.reason,
            &message,
            Some(generation),
            now,
        );
    }
    conditions
}
