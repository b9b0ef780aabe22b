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
        match &error {
            kube::Error::Api(status) if status.code == 404 => Self::NotFound(format!(
                "{}; if the whole kind is unknown, install the operator first: kubectl apply --server-side -k config/default",
                status.message
            )),
            kube::Error::Api(status) if matches!(status.code, 401 | 403) => Self::Forbidden(format!(
                "{}; ask for Kubernetes' role `view` in this namespace, which includes the operator's kinds",
                status.message
            )),
            _ => Self::Failed(format!("the Kubernetes API server could not be asked: {error}")),
        }
    }
}
