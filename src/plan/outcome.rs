//! THOUGHT: what became of each action that was decided. Written by the hands, read by `project` and `requeue`.

use kfp_api::conditions::Reason;
use serde::{Deserialize, Serialize};

/// What became of one action. A pass hands back one for each action it tried, in the order of `Next::Do`; a pass that
/// stopped early hands back fewer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[must_use]
pub enum ActionOutcome {
    /// The world was already as wanted; nothing was written.
    AlreadyDone,
    /// Something was written, and the write was seen to hold.
    Done,
    /// It could not be done yet, and nothing is wrong.
    NotYet {
        /// What is missing, in words for a person.
        why: String,
    },
    /// It was tried and refused.
    Failed {
        /// Stable reason, the same in condition, event and metric.
        reason: Reason,
        /// What, where, why, what to do next.
        message: String,
    },
}

impl ActionOutcome {
    /// True when the world is now as the action wanted it.
    #[must_use]
    pub fn holds(&self) -> bool {
        matches!(self, Self::AlreadyDone | Self::Done)
    }
}
