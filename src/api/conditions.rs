//! WORDS: condition types and reasons, each with its meaning and next step. They are API: stable once released. No I/O.

use serde::{Deserialize, Serialize};

/// A condition type of KfpInstallation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ConditionType {
    /// Summary: the installation serves.
    Ready,
    /// Present and True only while work is under way.
    Reconciling,
    /// Present and True only while nothing will go on without a person.
    Stalled,
    /// The database answers and its schema is the release's.
    DatabaseReady,
    /// The object store takes, gives and deletes objects.
    ObjectStoreReady,
    /// The API server serves.
    ApiServerReady,
    /// The managed execution controller runs.
    ExecutionControllerReady,
    /// The Kubernetes version is one that the release was tested on (False is a warning).
    KubernetesVersionTested,
}

/// A stable reason: what it means and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// Everything wanted is there and healthy.
    AllReady,
    /// Objects are being made or are not healthy yet.
    Progressing,
    /// `spec.paused` is true.
    Paused,
    /// The spec has errors; see the message.
    InvalidSpec,
    /// The version is not in the catalog or not installable.
    UnknownVersion,
    /// `spec.version` differs from what runs; upgrades are not carried out by this version of the operator.
    UpgradeNotSupported,
    /// An older KfpInstallation holds this namespace.
    NamespaceOccupied,
    /// CustomResourceDefinitions that the release needs are missing or too narrow.
    CrdsMissing,
    /// The database holds a schema that no release, or another release, explains.
    ApprovalRequired,
    /// The probe succeeded.
    Healthy,
    /// Not looked at yet.
    NotProbed,
    /// Could not look; see the message.
    ProbeFailed,
    /// The server does not answer.
    Unreachable,
    /// The credentials were refused.
    AccessDenied,
    /// The schema is not the release's.
    SchemaMismatch,
    /// The server is being started.
    Starting,
    /// An object of ours could not be applied; see the message.
    ApplyFailed,
    /// Another field manager holds a field that the operator sets.
    Conflict,
    /// The resource is being deleted.
    Deleting,
    /// The Kubernetes version is within the tested range.
    Tested,
    /// The Kubernetes version is outside the tested range.
    NotTested,
}
