//! THOUGHT: is this Kubernetes one that the release was tested on? Never a reason to stop.

use kfp_api::conditions::Reason;
use kfp_releases::version::KubernetesVersion;

use crate::decision::Blocker;
use crate::desired::Desired;
use crate::observed::{Observed, Seen};

/// What is known about the Kubernetes version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Within the tested range.
    Tested(String),
    /// Outside of it.
    NotTested(String),
    /// The version could not be seen or read.
    Unknown(String),
}

/// Compares the server's version with the range that the release was tested on.
#[must_use]
pub fn judge(desired: &Desired, seen: &Observed) -> Verdict {
    let text = match &seen.kubernetes {
        Seen::Known(text) => text,
        Seen::Absent => return Verdict::Unknown("The Kubernetes version is not known.".to_owned()),
        Seen::Unknown { why, .. } => {
            return Verdict::Unknown(format!("The Kubernetes version could not be looked at: {why}."));
        }
    };
    let release = &desired.version;
    let Some(range) = &desired.kubernetes else {
        return Verdict::Unknown(format!(
            "Upstream does not say on which Kubernetes KFP {release} was tested."
        ));
    };
    let (oldest, newest) = (range.oldest, range.newest);
    match text.parse::<KubernetesVersion>() {
        Err(error) => Verdict::Unknown(format!("The Kubernetes version could not be read: {error}.")),
        Ok(version) if range.contains(version) => Verdict::Tested(format!(
            "KFP {release} was tested on Kubernetes {oldest} to {newest}."
        )),
        Ok(version) => Verdict::NotTested(format!(
            "KFP {release} was tested on Kubernetes {oldest} to {newest}, and this is {version}. It may work; try it before relying on it."
        )),
    }
}

/// The warning, when there is one.
#[must_use]
pub fn warning(desired: &Desired, seen: &Observed) -> Option<Blocker> {
    match judge(desired, seen) {
        Verdict::NotTested(message) => Some(Blocker {
            reason: Reason::NotTested,
            message,
        }),
        Verdict::Tested(_) | Verdict::Unknown(_) => None,
    }
}
