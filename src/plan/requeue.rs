//! THOUGHT: when to look again. No clock: a length of time; jitter and backoff an object are the loop's.

use std::time::Duration;

use crate::decision::{Decision, Next};
use crate::outcome::ActionOutcome;

/// After actions that held: the next ones may be possible at once. Not zero, so that caches see what was written.
pub const AFTER_DOING: Duration = Duration::from_secs(1);
/// While pods start and probes fail: changes of objects come as watch events, answers of servers do not.
pub const WHILE_WAITING: Duration = Duration::from_secs(5);
/// After a refused action, before the loop's backoff.
pub const AFTER_FAILURE: Duration = Duration::from_secs(10);
/// While a person must act: most changes come as watch events; the database's content does not.
pub const FOR_A_PERSON: Duration = Duration::from_secs(30);
/// At rest: a database or store that stopped answering is told within a minute, the loop's jitter of a fifth and the time of
/// the pass itself included.
pub const AT_REST: Duration = Duration::from_secs(45);

/// How long to wait before the next pass, unless a watch event comes first.
#[must_use]
pub fn requeue(decision: &Decision, outcomes: &[ActionOutcome]) -> Duration {
    match &decision.next {
        Next::Settled => AT_REST,
        Next::Wait => WHILE_WAITING,
        Next::AskUser(_) | Next::Refuse(_) => FOR_A_PERSON,
        Next::Do(_)
            if outcomes
                .iter()
                .any(|outcome| matches!(outcome, ActionOutcome::Failed { .. })) =>
        {
            AFTER_FAILURE
        }
        Next::Do(_)
            if outcomes
                .iter()
                .any(|outcome| matches!(outcome, ActionOutcome::NotYet { .. })) =>
        {
            WHILE_WAITING
        }
        Next::Do(_) => AFTER_DOING,
    }
}

#[cfg(test)]
mod tests {
    use kfp_api::conditions::Reason;
    use rstest::rstest;

    use super::{AFTER_DOING, AFTER_FAILURE, AT_REST, FOR_A_PERSON, WHILE_WAITING, requeue};
    use crate::decision::{Action, Decision, Next, Question};
    use crate::outcome::ActionOutcome;

    fn not_yet() -> ActionOutcome {
        ActionOutcome::NotYet { why: "no".to_owned() }
    }

    fn failed() -> ActionOutcome {
        ActionOutcome::Failed {
            reason: Reason::ApplyFailed,
            message: "no".to_owned(),
        }
    }

    fn question() -> Next {
        Next::AskUser(Question {
            reason: Reason::ApprovalRequired,
            message: "?".to_owned(),
        })
    }

    #[rstest]
    #[case::at_rest(Next::Settled, vec![], AT_REST)]
    #[case::waiting(Next::Wait, vec![], WHILE_WAITING)]
    #[case::a_question(question(), vec![], FOR_A_PERSON)]
    #[case::a_refusal(Next::Refuse(vec![]), vec![], FOR_A_PERSON)]
    #[case::done(Next::Do(vec![Action::BindRights]), vec![ActionOutcome::Done], AFTER_DOING)]
    #[case::not_yet(Next::Do(vec![Action::BindRights]), vec![ActionOutcome::Done, not_yet()], WHILE_WAITING)]
    #[case::failed(Next::Do(vec![Action::BindRights]), vec![not_yet(), failed()], AFTER_FAILURE)]
    fn the_next_look_comes_when_something_can_have_changed(
        #[case] next: Next,
        #[case] outcomes: Vec<ActionOutcome>,
        #[case] wanted: std::time::Duration,
    ) {
        let decision = Decision {
            next,
            waiting: Vec::new(),
            warnings: Vec::new(),
        };
        assert_eq!(requeue(&decision, &outcomes), wanted);
    }
}
