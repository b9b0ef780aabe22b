//! LOOP: Events about an installation, on changes of its conditions only. Writes Events and nothing else.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kfp_api::conditions::{ConditionType, Reason};
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

use crate::metrics::Metrics;

/// Longest note that the API server takes, in bytes.
const NOTE_LIMIT: usize = 1024;
/// Time limit of one Event; a lost one costs nothing but itself.
const LIMIT: Duration = Duration::from_secs(5);
/// The name under which Events are reported.
const CONTROLLER: &str = "kfp-operator";

/// Reasons of conditions that are not yet as they should be while nothing is wrong.
const ORDINARY: [Reason; 9] = [
    Reason::WaitingForTurn,
    Reason::VerificationPending,
    Reason::NamespaceTerminating,
    Reason::Restoring,
    Reason::Progressing,
    Reason::Starting,
    Reason::Paused,
    Reason::Deleting,
    Reason::NotProbed,
];

/// Publishes Events.
pub struct Events {
    recorder: Recorder,
    metrics: Arc<Metrics>,
}

/// What an Event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// Whether it is a warning.
    pub warning: bool,
    /// Stable reason.
    pub reason: String,
    /// The condition that changed, or the action that was taken.
    pub action: String,
    /// Words for a person.
    pub note: String,
}

impl Events {
    /// Events of this replica.
    #[must_use]
    pub fn new(client: Client, instance: &str, metrics: Arc<Metrics>) -> Self {
        let reporter = Reporter {
            controller: CONTROLLER.into(),
            instance: Some(instance.into()),
        };
        Self {
            recorder: Recorder::new(client, reporter),
            metrics,
        }
    }

    /// Publishes what is new. A refused Event is logged and not tried again.
    pub async fn publish(&self, about: &ObjectReference, news: &[News]) {
        for each in news {
            let event = Event {
                type_: if each.warning {
                    EventType::Warning
                } else {
                    EventType::Normal
                },
                reason: each.reason.clone(),
                note: Some(shortened(&each.note)),
                action: each.action.clone(),
                secondary: None,
            };
            match tokio::time::timeout(LIMIT, self.recorder.publish(&event, about)).await {
                Ok(Ok(())) => self.metrics.event(),
                Ok(Err(error)) => tracing::warn!(%error, reason = each.reason, "an Event was refused"),
                Err(_) => tracing::warn!(reason = each.reason, "an Event was not taken in time"),
            }
        }
    }
}

/// What changed from one status to the next, in the words of the conditions, each thing once: `Reconciling` says what
/// `Ready` says, and so does `Ready` of a `Stalled` installation, or whatever has the reason of `Stalled`. A condition that becomes `Unknown` is no news: it is a
/// look that failed, which the next one may mend.
#[must_use]
pub fn changes(old: &[Condition], new: &[Condition]) -> Vec<News> {
    let stalled = new
        .iter()
        .find(|condition| condition.type_ == ConditionType::Stalled.as_str());
    let repeats = |condition: &Condition| {
        condition.type_ == ConditionType::Reconciling.as_str()
            || stalled.is_some_and(|stalled| {
                condition.type_ == ConditionType::Ready.as_str()
                    || (condition.type_ != stalled.type_ && condition.reason == stalled.reason)
            })
    };
    let told = |condition: &&Condition| {
        let before = old.iter().find(|before| before.type_ == condition.type_);
        condition.status != "Unknown"
            && !repeats(condition)
            && before
                .is_none_or(|before| before.status != condition.status || before.reason != condition.reason)
    };
    new.iter().filter(told).map(news).collect()
}

fn news(condition: &Condition) -> News {
    News {
        warning: is_warning(condition),
        reason: condition.reason.clone(),
        action: condition.type_.clone(),
        note: if condition.message.is_empty() {
            format!("{} is {}", condition.type_, condition.status)
        } else {
            format!(
                "{} is {}: {}",
                condition.type_, condition.status, condition.message
            )
        },
    }
}

/// `Stalled` is there when something is wrong; the others hold when all is well.
fn is_warning(condition: &Condition) -> bool {
    let holds = condition.status == "True";
    let ordinary = ORDINARY.iter().any(|reason| reason.as_str() == condition.reason);
    match condition.type_.parse::<ConditionType>() {
        Ok(ConditionType::Stalled) => holds,
        _ => !holds && !ordinary,
    }
}

/// At most [`NOTE_LIMIT`] bytes, cut between characters.
fn shortened(note: &str) -> String {
    if note.len() <= NOTE_LIMIT {
        return note.to_owned();
    }
    let mark = "…";
    let end = (0..=NOTE_LIMIT - mark.len())
        .rev()
        .find(|end| note.is_char_boundary(*end))
        .unwrap_or(0);
    format!("{}{mark}", &note[..end])
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use k8s_openapi::jiff::Timestamp;
    use rstest::rstest;

    use super::*;

    fn condition(type_: &str, status: &str, reason: &str, message: &str) -> Condition {
        Condition {
            last_transition_time: Time(Timestamp::UNIX_EPOCH),
            message: message.into(),
            observed_generation: Some(1),
            reason: reason.into(),
            status: status.into(),
            type_: type_.into(),
        }
    }

    #[test]
    fn the_same_status_twice_tells_nothing() {
        let status = [condition("Ready", "False", "Progressing", "1 of 2")];
        assert_eq!(changes(&status, &status), vec![]);
    }

    #[test]
    fn a_message_that_moves_on_tells_nothing() {
        let old = [condition("Ready", "False", "Progressing", "1 of 2")];
        let new = [condition("Ready", "False", "Progressing", "2 of 2")];
        assert_eq!(changes(&old, &new), vec![]);
    }

    #[rstest]
    #[case::ready(condition("Ready", "True", "AllReady", ""), false)]
    #[case::broken(condition("DatabaseReady", "False", "AccessDenied", "x"), true)]
    #[case::starting(condition("DatabaseReady", "False", "Starting", "x"), false)]
    #[case::stalled(condition("Stalled", "True", "InvalidSpec", "x"), true)]
    fn a_change_is_told_once_with_its_weight(#[case] new: Condition, #[case] warning: bool) {
        let told = changes(&[], std::slice::from_ref(&new));
        assert_eq!(told.len(), 1);
        assert_eq!(
            (told[0].warning, told[0].reason.as_str()),
            (warning, new.reason.as_str())
        );
    }

    #[test]
    fn a_stalled_installation_tells_its_reason_once() {
        let stalled = [
            condition("Ready", "False", "InvalidSpec", "x"),
            condition("Reconciling", "True", "InvalidSpec", "x"),
            condition("Stalled", "True", "InvalidSpec", "x"),
        ];
        let told = changes(&[], &stalled);
        assert_eq!(
            told.iter().map(|news| news.action.as_str()).collect::<Vec<_>>(),
            ["Stalled"]
        );
    }

    #[test]
    fn what_could_not_be_told_is_no_news() {
        assert_eq!(
            changes(&[], &[condition("Ready", "Unknown", "NotProbed", "")]),
            vec![]
        );
    }

    #[test]
    fn a_long_note_is_cut_between_characters() {
        let note = shortened(&"ü".repeat(1000));
        assert!(note.len() <= NOTE_LIMIT && note.ends_with('…'));
        assert_eq!(shortened("short"), "short");
    }
}
