//! THOUGHT: `spec.paused`: what would be done is reported and held back.

use crate::decision::{Decision, Next, Wait};
use crate::steps::deletion::INSTALLATION;
use crate::words;

/// Takes the actions out of a decision and says what they were.
pub fn hold(decision: Decision) -> Decision {
    let Next::Do(actions) = &decision.next else {
        return decision;
    };
    let held: Vec<String> = actions.iter().map(ToString::to_string).collect();
    let on = format!("spec.paused to become false, to {}", words::list(&held, 5));
    let mut waiting = vec![Wait {
        component: INSTALLATION.to_owned(),
        on,
    }];
    waiting.extend(decision.waiting);
    Decision {
        next: Next::Wait,
        waiting,
        warnings: decision.warnings,
    }
}
