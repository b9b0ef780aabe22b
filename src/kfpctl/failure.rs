//! PEOPLE: how a command ends when it does not end well: one message for a person, one exit code for a script.

use std::process::ExitCode;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub enum Failure {
    /// It was tried and failed, or found something wrong. Exit code 1.
    Failed(String),
    /// The input cannot be used. Exit code 2.
    Usage(String),
    /// Not ready (yet); what was seen is printed already. Exit code 3.
    NotReady(String),
    /// There is no such thing. Exit code 4.
    NotFound(String),
    /// The cluster refuses. Exit code 5.
    Forbidden(String),
    /// The report, printed already, holds what was not to be. Exit code 1.
    Findings,
    /// The report, printed already, says what could not be read. Exit code 2.
    Unreadable,
    /// Ctrl-C. Exit code 130.
    Interrupted,
}

impl Failure {
    /// The exit code, as documented in `kfpctl --help`.
    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) | Self::Findings => 1,
            Self::Usage(_) | Self::Unreadable => 2,
            Self::NotReady(_) => 3,
            Self::NotFound(_) => 4,
            Self::Forbidden(_) => 5,
            Self::Interrupted => 130,
        })
    }

    /// Tells the person, on standard error.
    pub fn print(&self) {
        match self {
            Self::Failed(message)
            | Self::Usage(message)
            | Self::NotReady(message)
            | Self::NotFound(message)
            | Self::Forbidden(message) => eprintln!("kfpctl: {message}"),
            Self::Findings | Self::Unreadable | Self::Interrupted => {}
        }
    }
}

impl From<kube::Error> for Failure {
    fn from(error: kube::Error) -> Self {
        let kube::Error::Api(status) = &error else {
            return Self::Failed(format!("the Kubernetes API server could not be asked: {error}"));
        };
        let message = &status.message;
        match (status.code, status.reason.as_str()) {
            (404, _) => Self::NotFound(format!(
                "{message}; if the whole kind is unknown, install the operator first: kubectl apply --server-side -k config/default"
            )),
            (401, _) => Self::Forbidden(format!(
                "{message}; the API server does not know you: log in again, or name another --context or --kubeconfig"
            )),
            (403, _) => Self::Forbidden(match lacking(message) {
                Some(advice) => format!("{message}; {advice}"),
                None => message.clone(),
            }),
            (409, "AlreadyExists") => Self::Usage(format!("{message}; give another --name")),
            (409, _) => Self::Failed(format!(
                "{message}; somebody else changed it meanwhile: try again"
            )),
            (400 | 422, _) => Self::Usage(format!("the API server does not accept it: {message}")),
            _ => Self::Failed(format!("the Kubernetes API server could not do it: {error}")),
        }
    }
}

/// What to ask for, from the API server's own words: `… cannot create resource "kfpbackups" in API group "kfpops.dev" in the
/// namespace "team"`. None where it is not a right that is lacking, such as in a namespace that is being deleted.
fn lacking(message: &str) -> Option<String> {
    let between = |before: &str, after: &str| {
        let (_, rest) = message.split_once(before)?;
        Some(rest.split_once(after)?.0)
    };
    let verb = between(" cannot ", " ")?;
    let resource = between(" resource \"", "\"")?;
    let place = if message.contains("at the cluster scope") {
        "in all namespaces"
    } else {
        "in this namespace"
    };
    let right = format!("ask for the right to {verb} {resource} {place}");
    if between(" API group \"", "\"") != Some(kfp_api::names::GROUP) {
        return Some(right);
    }
    let role = if matches!(verb, "get" | "list" | "watch") {
        "view"
    } else {
        "edit"
    };
    Some(format!("{right}, which Kubernetes' role `{role}` includes"))
}

#[cfg(test)]
mod tests {
    use kube::core::Status;
    use rstest::rstest;

    use super::*;

    fn told(code: u16, reason: &str, message: &str) -> (ExitCode, String) {
        let failure = Failure::from(kube::Error::Api(Box::new(
            Status::failure(message, reason).with_code(code),
        )));
        let code = failure.code();
        match failure {
            Failure::Failed(said)
            | Failure::Usage(said)
            | Failure::NotFound(said)
            | Failure::Forbidden(said) => (code, said),
            other => panic!("{other:?}"),
        }
    }

    #[rstest]
    #[case::list(
        "list",
        "kfpbackups",
        "kfpops.dev",
        "ask for the right to list kfpbackups in this namespace, which Kubernetes' role `view` includes"
    )]
    #[case::create(
        "create",
        "kfprestores",
        "kfpops.dev",
        "ask for the right to create kfprestores in this namespace, which Kubernetes' role `edit` includes"
    )]
    #[case::delete(
        "delete",
        "kfpbackups",
        "kfpops.dev",
        "ask for the right to delete kfpbackups in this namespace, which Kubernetes' role `edit` includes"
    )]
    #[case::of_others(
        "list",
        "workflows",
        "argoproj.io",
        "ask for the right to list workflows in this namespace"
    )]
    fn a_right_that_is_lacking_is_named(
        #[case] verb: &str,
        #[case] resource: &str,
        #[case] group: &str,
        #[case] advice: &str,
    ) {
        let message = format!(
            "{resource}.{group} is forbidden: User \"jane\" cannot {verb} resource \"{resource}\" in API group \"{group}\" in the namespace \"team\""
        );
        assert_eq!(
            told(403, "Forbidden", &message),
            (ExitCode::from(5), format!("{message}; {advice}"))
        );
    }

    #[test]
    fn a_right_in_every_namespace_is_asked_for_as_such() {
        let message = "kfpbackups.kfpops.dev is forbidden: User \"jane\" cannot list resource \"kfpbackups\" in API group \"kfpops.dev\" at the cluster scope";
        assert_eq!(
            lacking(message).as_deref(),
            Some(
                "ask for the right to list kfpbackups in all namespaces, which Kubernetes' role `view` includes"
            )
        );
    }

    #[rstest]
    #[case::policy(403, "Forbidden", "denied by a policy", 5, "denied by a policy")]
    #[case::name_taken(
        409,
        "AlreadyExists",
        "\"monday\" already exists",
        2,
        "\"monday\" already exists; give another --name"
    )]
    #[case::changed(
        409,
        "Conflict",
        "it was modified",
        1,
        "it was modified; somebody else changed it meanwhile: try again"
    )]
    #[case::invalid(
        422,
        "Invalid",
        "spec.name: too long",
        2,
        "the API server does not accept it: spec.name: too long"
    )]
    fn each_refusal_has_words_and_a_code_of_its_own(
        #[case] status: u16,
        #[case] reason: &str,
        #[case] message: &str,
        #[case] code: u8,
        #[case] said: &str,
    ) {
        assert_eq!(
            told(status, reason, message),
            (ExitCode::from(code), said.to_owned())
        );
    }
}
