//! HANDS: one file for each action. Each looks first (is it done already? can it be done?), does, and sees whether it
//! holds. Nothing is decided here; what is refused becomes an outcome and the next action goes on.

mod apply;
mod bind_rights;
mod bootstrap;
mod delete_data;
mod finalizer;
mod generate;
mod prune;

use k8s_openapi::jiff::Timestamp;
use kfp_api::conditions::Reason;
use kfp_plan::{Action, ActionOutcome, ObjectRef};
use kfp_render::Rendered;
use kube::api::ObjectMeta;

use crate::Engine;
use crate::error::Error;

/// What acting needs to know.
#[derive(Clone, Copy, Debug)]
pub struct Doing<'a> {
    /// Metadata of the installation's resource.
    pub resource: &'a ObjectMeta,
    /// Everything that it stands for; `None` where its spec cannot be used, which allows no more than letting go.
    pub rendered: Option<&'a Rendered>,
    /// The time, for certificates.
    pub now: Timestamp,
}

impl<'a> Doing<'a> {
    pub(crate) fn namespace(&self) -> &'a str {
        self.resource.namespace.as_deref().unwrap_or_default()
    }

    pub(crate) fn name(&self) -> &'a str {
        self.resource.name.as_deref().unwrap_or_default()
    }
}

/// The stable name of an action, for metrics and logs.
#[must_use]
pub fn action_name(action: &Action) -> &'static str {
    match action {
        Action::BindRights => "BindRights",
        Action::SetFinalizer(_) => "SetFinalizer",
        Action::Generate(_) => "Generate",
        Action::Apply { .. } => "Apply",
        Action::Bootstrap(_) => "Bootstrap",
        Action::Prune(_) => "Prune",
        Action::DeleteData(_) => "DeleteData",
    }
}

/// The stable name of an outcome, for metrics and logs.
#[must_use]
pub fn outcome_name(outcome: &ActionOutcome) -> &'static str {
    match outcome {
        ActionOutcome::AlreadyDone => "AlreadyDone",
        ActionOutcome::Done => "Done",
        ActionOutcome::NotYet { .. } => "NotYet",
        ActionOutcome::Failed { .. } => "Failed",
    }
}

impl Engine {
    /// Carries out one action. Carried out twice, it changes nothing the second time.
    pub async fn act(&self, action: &Action, doing: Doing<'_>) -> ActionOutcome {
        let cluster = &self.cluster;
        let result = match action {
            Action::BindRights => bind_rights::act(cluster, doing).await,
            Action::SetFinalizer(held) => finalizer::act(cluster, doing, *held).await,
            Action::Generate(objects) => generate::act(cluster, doing, objects).await,
            Action::Apply { component, objects } => apply::act(cluster, doing, component, objects).await,
            Action::Bootstrap(source) => bootstrap::act(cluster, doing, source).await,
            Action::Prune(objects) => prune::act(cluster, doing, objects).await,
            Action::DeleteData(objects) => delete_data::act(cluster, doing, objects).await,
        };
        result.unwrap_or_else(|error| failed(&error))
    }
}

/// A refusal as an outcome.
fn failed(error: &Error) -> ActionOutcome {
    ActionOutcome::Failed {
        reason: reason(error),
        message: error.to_string(),
    }
}

/// A write is refused for more causes than missing rights (quota, admission), so the server's message tells them.
fn reason(error: &Error) -> Reason {
    match error.status() {
        Some(409) => Reason::Conflict,
        Some(_) => Reason::ApplyFailed,
        None => error.reason(),
    }
}

/// What became of several objects, as one outcome: every object is tried, and the first reason stands for all.
#[derive(Debug, Default)]
struct Tally {
    done: bool,
    not_yet: Vec<String>,
    failed: Vec<(Reason, String)>,
}

impl Tally {
    fn add(&mut self, object: &ObjectRef, outcome: Result<ActionOutcome, Error>) {
        match outcome.unwrap_or_else(|error| failed(&error)) {
            ActionOutcome::AlreadyDone => {}
            ActionOutcome::Done => self.done = true,
            ActionOutcome::NotYet { why } => self.not_yet.push(why),
            ActionOutcome::Failed { reason, message } => {
                tracing::warn!(
                    kind = object.kind,
                    object = object.name,
                    reason = reason.as_str(),
                    message,
                    "refused"
                );
                self.failed.push((reason, message));
            }
        }
    }

    fn outcome(self) -> ActionOutcome {
        if let Some((reason, _)) = self.failed.first() {
            let messages: Vec<String> = self.failed.iter().map(|(_, message)| message.clone()).collect();
            return ActionOutcome::Failed {
                reason: *reason,
                message: messages.join("; "),
            };
        }
        if !self.not_yet.is_empty() {
            return ActionOutcome::NotYet {
                why: self.not_yet.join("; "),
            };
        }
        if self.done {
            ActionOutcome::Done
        } else {
            ActionOutcome::AlreadyDone
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn tally(outcomes: Vec<ActionOutcome>) -> ActionOutcome {
        let object = ObjectRef {
            kind: "ConfigMap".into(),
            name: "x".into(),
        };
        let mut tally = Tally::default();
        for outcome in outcomes {
            tally.add(&object, Ok(outcome));
        }
        tally.outcome()
    }

    fn refused(message: &str) -> ActionOutcome {
        ActionOutcome::Failed {
            reason: Reason::Conflict,
            message: message.into(),
        }
    }

    fn not_yet(why: &str) -> ActionOutcome {
        ActionOutcome::NotYet { why: why.into() }
    }

    #[rstest]
    #[case::nothing(vec![], ActionOutcome::AlreadyDone)]
    #[case::some_were_done(vec![ActionOutcome::AlreadyDone, ActionOutcome::Done], ActionOutcome::Done)]
    #[case::some_wait(vec![ActionOutcome::Done, not_yet("a")], not_yet("a"))]
    #[case::some_failed(vec![refused("a"), not_yet("b"), ActionOutcome::Done, refused("c")], refused("a; c"))]
    fn the_worst_of_several_objects_stands_for_all(
        #[case] each: Vec<ActionOutcome>,
        #[case] all: ActionOutcome,
    ) {
        assert_eq!(tally(each), all);
    }
}
