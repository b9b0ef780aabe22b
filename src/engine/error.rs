//! EYES AND HANDS: what can go wrong while looking or doing. No decisions: a reason and whether to try again.

use std::time::Duration;

use kfp_api::conditions::Reason;
use thiserror::Error;

/// A look or an act that failed. "Not ready yet" is never one of these.
#[derive(Debug, Error)]
pub enum Error {
    /// The Kubernetes API server refused or did not answer.
    #[error("cannot {what}: {}", explain(source))]
    Kube {
        /// What was tried, as a verb phrase, for example `read Deployment ml-pipeline in namespace kubeflow`.
        what: String,
        /// What the client said.
        #[source]
        source: Box<kube::Error>,
    },
    /// No answer within the time limit.
    #[error("cannot {what}: no answer within {} s", limit.as_secs_f32())]
    TimedOut {
        /// What was tried.
        what: String,
        /// The limit.
        limit: Duration,
    },
    /// The rendering holds an object that the operator has no rights for; a mistake in the rendering.
    #[error("cannot handle kind {kind}: it is not among the kinds this operator manages")]
    UnknownKind {
        /// The kind.
        kind: String,
    },
    /// An object of a name that is ours to use belongs to somebody else.
    #[error("cannot write {what}: it is there and is not the operator's; rename or delete it")]
    Occupied {
        /// Kind, name and namespace.
        what: String,
    },
    /// The operating system gave no random bytes, or a certificate could not be made.
    #[error("cannot make {what}: {why}")]
    Generate {
        /// What was to be made.
        what: String,
        /// What failed.
        why: String,
    },
}

/// Whether trying the same again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The cause passes by itself: try again with growing pauses.
    Backoff,
    /// Nothing changes until an object or a right changes; look again at the ordinary interval.
    OnChange,
}

impl Error {
    /// Wraps a client error with what was tried.
    pub fn kube(what: impl Into<String>, source: kube::Error) -> Self {
        Self::Kube {
            what: what.into(),
            source: Box::new(source),
        }
    }

    /// HTTP status of the API server's answer, when it gave one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Kube { source, .. } => match source.as_ref() {
                kube::Error::Api(status) => Some(status.code),
                _ => None,
            },
            _ => None,
        }
    }

    /// The stable reason, the same in condition, event and metric.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::TimedOut { .. } => Reason::Unreachable,
            Self::UnknownKind { .. } | Self::Generate { .. } => Reason::ApplyFailed,
            Self::Occupied { .. } => Reason::Conflict,
            Self::Kube { .. } => match self.status() {
                Some(401 | 403) => Reason::AccessDenied,
                Some(409) => Reason::Conflict,
                Some(400 | 404 | 405 | 413 | 415 | 422) => Reason::ApplyFailed,
                Some(_) => Reason::ProbeFailed,
                None => Reason::Unreachable,
            },
        }
    }

    /// Whether trying the same again can help.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::TimedOut { .. } | Self::Generate { .. } => Retry::Backoff,
            Self::UnknownKind { .. } | Self::Occupied { .. } => Retry::OnChange,
            Self::Kube { .. } => match self.status() {
                Some(400 | 401 | 403 | 404 | 405 | 413 | 415 | 422) => Retry::OnChange,
                _ => Retry::Backoff,
            },
        }
    }
}

/// A client error without the client's own wrapping: the server's message, or the chain of causes.
fn explain(error: &kube::Error) -> String {
    if let kube::Error::Api(status) = error {
        let code = status.code;
        return if status.message.is_empty() {
            format!("the Kubernetes API server answered {code} {}", status.reason)
        } else {
            format!("{} (HTTP {code})", status.message)
        };
    }
    chain(error)
}

/// An error and its causes, each once, joined by colons.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;
    use rstest::rstest;

    fn answered(code: u16) -> Error {
        let status = Status {
            code,
            message: "because".into(),
            ..Status::default()
        };
        Error::kube("read Secret mysql-secret", kube::Error::Api(Box::new(status)))
    }

    #[rstest]
    #[case(403, Reason::AccessDenied, Retry::OnChange)]
    #[case(401, Reason::AccessDenied, Retry::OnChange)]
    #[case(409, Reason::Conflict, Retry::Backoff)]
    #[case(422, Reason::ApplyFailed, Retry::OnChange)]
    #[case(429, Reason::ProbeFailed, Retry::Backoff)]
    #[case(503, Reason::ProbeFailed, Retry::Backoff)]
    fn an_answer_of_the_api_server_maps_to_one_reason(
        #[case] code: u16,
        #[case] reason: Reason,
        #[case] retry: Retry,
    ) {
        let error = answered(code);
        assert_eq!((error.reason(), error.retry()), (reason, retry));
        assert_eq!(
            error.to_string(),
            format!("cannot read Secret mysql-secret: because (HTTP {code})")
        );
    }

    #[test]
    fn no_answer_at_all_is_unreachable_and_is_tried_again() {
        let error = Error::TimedOut {
            what: "list Services".into(),
            limit: Duration::from_secs(5),
        };
        assert_eq!(
            (error.reason(), error.retry()),
            (Reason::Unreachable, Retry::Backoff)
        );
        assert_eq!(error.to_string(), "cannot list Services: no answer within 5 s");
    }
}
