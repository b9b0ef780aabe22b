//! WORDS: what each condition type and reason means and what to do next, for a tired human. No I/O.
//!
//! `kfpctl explain`, the conditions page of the reference and the notes of events print these texts.

mod backups;

use crate::conditions::{ConditionType, Reason};

/// Who brings a situation to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// There is nothing to end.
    NotNeeded,
    /// The operator looks again by itself, less and less often.
    ByItself,
    /// A person has to change something; the operator goes on as soon as it sees the change.
    ByPerson,
}

impl Recovery {
    /// In words for a table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotNeeded => "nothing to end",
            Self::ByItself => "the operator",
            Self::ByPerson => "you",
        }
    }
}

/// What a reason means and what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guide {
    /// What is the case.
    pub meaning: &'static str,
    /// What the reader does now.
    pub next_step: &'static str,
    /// Who ends it.
    pub recovery: Recovery,
}

impl ConditionType {
    /// What the condition tells.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Ready => {
                "The summary: every component wanted runs, the database and the object store answer, and the API server \
                 serves. Always present. `kubectl wait --for=condition=Ready kfpi/NAME` waits for it."
            }
            Self::Reconciling => {
                "The operator is making or changing something. Present, and True, only while that lasts; tools that follow \
                 kstatus show the installation as in progress."
            }
            Self::Stalled => {
                "Nothing will go on until a person changes something; the reason says what. Present, and True, only while \
                 that lasts; tools that follow kstatus show the installation as failed."
            }
            Self::DatabaseReady => {
                "The operator's own connection to the database works, and the schema found there is the release's."
            }
            Self::ObjectStoreReady => "The operator could write, read and delete an object in the bucket.",
            Self::ApiServerReady => {
                "The KFP API server answers. It says of itself that it is healthy even when the object store or the \
                 Kubernetes API is not, so read this one together with the others."
            }
            Self::ExecutionControllerReady => "The Argo Workflows controller of this namespace runs.",
            Self::KubernetesVersionTested => {
                "This cluster's Kubernetes version is one that the release was tested on. False is a warning: nothing is held back."
            }
            Self::SdkAligned => {
                "Stored pipelines, recurring runs and recent runs fit the release that runs, and their SDKs fit \
                 `spec.sdkPolicy`. False is a warning: the installation stays Ready. `kfpctl inventory` lists what does not fit."
            }
            Self::BackupFresh => {
                "The newest verified backup is younger than `spec.backup.freshForHours`. False is a warning: the installation \
                 stays Ready. With `deletionPolicy: Delete` it cannot be deleted unless this is True. Absent where \
                 `spec.backup` is unset and there is no backup."
            }
            Self::Complete => {
                "Of a KfpBackup: the set lies in its destination with its manifest. Of a KfpRestore: everything was restored. \
                 `kubectl wait --for=condition=Complete kfpb/NAME` waits for it."
            }
            Self::Verified => {
                "Of a KfpBackup: its set was checked as deep as `spec.verify` asks, and found whole. `status.verification` says \
                 what was checked, and when."
            }
        }
    }
}

impl Reason {
    /// What is the case when this reason is given.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        self.guide().meaning
    }

    /// What the reader does now.
    #[must_use]
    pub const fn next_step(self) -> &'static str {
        self.guide().next_step
    }

    /// Who ends it.
    #[must_use]
    pub const fn recovery(self) -> Recovery {
        self.guide().recovery
    }

    /// Everything about this reason.
    #[must_use]
    pub const fn guide(self) -> Guide {
        match self {
            Self::AllReady => ALL_READY,
            Self::Progressing => PROGRESSING,
            Self::Paused => PAUSED,
            Self::InvalidSpec => INVALID_SPEC,
            Self::UnknownVersion => UNKNOWN_VERSION,
            Self::UpgradeNotSupported => UPGRADE_NOT_SUPPORTED,
            Self::NamespaceOccupied => NAMESPACE_OCCUPIED,
            Self::CrdsMissing => CRDS_MISSING,
            Self::ApprovalRequired => APPROVAL_REQUIRED,
            Self::Healthy => HEALTHY,
            Self::NotProbed => NOT_PROBED,
            Self::ProbeFailed => PROBE_FAILED,
            Self::Unreachable => UNREACHABLE,
            Self::AccessDenied => ACCESS_DENIED,
            Self::SchemaMismatch => SCHEMA_MISMATCH,
            Self::Starting => STARTING,
            Self::ApplyFailed => APPLY_FAILED,
            Self::Conflict => CONFLICT,
            Self::Deleting => DELETING,
            Self::Tested => TESTED,
            Self::NotTested => NOT_TESTED,
            Self::SdksAligned => SDKS_ALIGNED,
            Self::PipelinesTooNew => PIPELINES_TOO_NEW,
            Self::SdkOutsidePolicy => SDK_OUTSIDE_POLICY,
            Self::InventoryPending => INVENTORY_PENDING,
            Self::InventoryFailed => INVENTORY_FAILED,
            Self::InventoryDisabled => INVENTORY_DISABLED,
            Self::SdkPolicyOff => SDK_POLICY_OFF,
            Self::SdkPolicyNotEnforceable => SDK_POLICY_NOT_ENFORCEABLE,
            Self::BackupRecent => backups::BACKUP_RECENT,
            Self::BackupOld => backups::BACKUP_OLD,
            Self::BackupNone => backups::BACKUP_NONE,
            Self::SetComplete => backups::SET_COMPLETE,
            Self::WaitingForTurn => backups::WAITING_FOR_TURN,
            Self::InstallationMissing => backups::INSTALLATION_MISSING,
            Self::InstallationNotReady => backups::INSTALLATION_NOT_READY,
            Self::DestinationMissing => backups::DESTINATION_MISSING,
            Self::CredentialsRefused => backups::CREDENTIALS_REFUSED,
            Self::NamespaceTerminating => backups::NAMESPACE_TERMINATING,
            Self::TimeLimitExceeded => backups::TIME_LIMIT_EXCEEDED,
            Self::BackupFailed => backups::BACKUP_FAILED,
            Self::VerificationPending => backups::VERIFICATION_PENDING,
            Self::ChecksumsEqual => backups::CHECKSUMS_EQUAL,
            Self::RestoredEqual => backups::RESTORED_EQUAL,
            Self::SetDamaged => backups::SET_DAMAGED,
            Self::VerificationFailed => backups::VERIFICATION_FAILED,
            Self::RemovalFailed => backups::REMOVAL_FAILED,
            Self::Restoring => backups::RESTORING,
            Self::Restored => backups::RESTORED,
            Self::NotEmpty => backups::NOT_EMPTY,
            Self::SetNotFound => backups::SET_NOT_FOUND,
            Self::ReleaseDiffers => backups::RELEASE_DIFFERS,
            Self::SafetyBackupFailed => backups::SAFETY_BACKUP_FAILED,
            Self::RestoreFailed => backups::RESTORE_FAILED,
            Self::RestoreIncomplete => backups::RESTORE_INCOMPLETE,
        }
    }
}

const ALL_READY: Guide = quiet("Everything that the manifest asks for is there and healthy.");

const PROGRESSING: Guide = waiting(
    "Objects are being made, or are there and not healthy yet.",
    "Wait. `kfpctl status --watch` shows each component and what it waits for.",
);

const PAUSED: Guide = person(
    "`spec.paused` is true: the operator looks and reports, and changes nothing.",
    "Set `spec.paused` to false when the operator shall go on.",
);

const INVALID_SPEC: Guide = person(
    "The spec asks for something that cannot be; the message lists every error with its field.",
    "Correct the fields that the message names and apply the manifest again. `kfpctl render FILE` checks a \
     manifest without a cluster.",
);

const UNKNOWN_VERSION: Guide = person(
    "`spec.version` is not in this operator's release catalog, or is there without being installable.",
    "Choose a version that `kfpctl releases` shows as installable, or upgrade the operator.",
);

const UPGRADE_NOT_SUPPORTED: Guide = person(
    "`spec.version` is not the release that runs. This version of the operator does not carry out upgrades, and \
     changing images alone would let the API server alter the database by itself. Nothing was touched.",
    "Set `spec.version` back to the version shown in `status.version`.",
);

const NAMESPACE_OCCUPIED: Guide = person(
    "An older KfpInstallation holds this namespace. KFP's object names are fixed, so a namespace holds one \
     installation. Nothing was touched.",
    "Delete this resource, or make it in another namespace.",
);

const CRDS_MISSING: Guide = person(
    "CustomResourceDefinitions that the release needs are missing, or lack a version or subresource; the message \
     names them.",
    "Apply them: `config/operand-crds/kfp` for KFP's kinds, `config/operand-crds/argo` for Argo's where no \
     other Argo Workflows is installed.",
);

const APPROVAL_REQUIRED: Guide = person(
    "The database holds data that the operator cannot explain as this installation's: no release, or another \
     release, made its schema. Nothing was touched.",
    "Read the message. Set `spec.version` to the release that wrote the data, or move the data away.",
);

const HEALTHY: Guide = quiet("The last probe succeeded.");

const NOT_PROBED: Guide = waiting(
    "Not looked at yet: what comes before it is not ready.",
    "Wait. If it lasts, read the other conditions: one of them names what is waited for.",
);

const PROBE_FAILED: Guide = waiting(
    "The operator could not look, so it does not know; the message has the error.",
    "Read the message. A refused right or a broken network between the operator and this namespace are the \
     usual causes.",
);

const UNREACHABLE: Guide = waiting(
    "The server does not answer within the time limit.",
    "Look at its pod (`kfpctl status`) and, if that runs, at the NetworkPolicies between the operator's \
     namespace and this one.",
);

const ACCESS_DENIED: Guide = person(
    "The server answers and refuses the credentials.",
    "Put the right credentials back into the Secret that the message names. The operator never overwrites a \
     Secret that has values, and it does not change passwords inside the server.",
);

const SCHEMA_MISMATCH: Guide = person(
    "The database answers, and its schema is not the one of the release.",
    "Read `status.database.schema`: it names the release that comes nearest and what differs. Restore a backup, \
     or set `spec.version` to the release that the schema belongs to.",
);

const STARTING: Guide = waiting(
    "The server has been asked for and does not serve yet.",
    "Wait. If it lasts more than a few minutes, `kfpctl status` shows what its pod is waiting for.",
);

const APPLY_FAILED: Guide = waiting(
    "The Kubernetes API server did not take an object; the message has its answer.",
    "Read the message. An admission policy, a quota, or a field that cannot change are the usual causes.",
);

const CONFLICT: Guide = person(
    "Another field manager holds a field that the operator sets, and two writers would undo each other.",
    "Stop the other writer that the message names, or make it leave that field alone \
     (`kubectl get … --show-managed-fields` shows who holds what).",
);

const DELETING: Guide = waiting(
    "The resource is being deleted; with `deletionPolicy: Delete` its data goes first.",
    "Wait. If it lasts, the message names the objects that are still there; another finalizer or a pod that \
     uses a volume may hold them.",
);

const TESTED: Guide = quiet("The Kubernetes version lies in the range that the release was tested on.");

const NOT_TESTED: Guide = person(
    "The cluster's Kubernetes version lies outside the range that the release was tested on. Nothing is held back.",
    "Read the release notes of both, or run a release whose range holds this Kubernetes version \
     (`kfpctl releases show VERSION`).",
);

const SDKS_ALIGNED: Guide = quiet(
    "Every stored pipeline that was judged runs on this release, and was compiled by an SDK that the policy allows.",
);

const PIPELINES_TOO_NEW: Guide = person(
    "Stored pipelines or recurring runs would be refused, or their runs would fail, on the release that runs: they \
     need what it does not have. The message names some.",
    "`kfpctl inventory` lists them with their owners and what each needs. Compile them again with the SDK that \
     ConfigMap `kfp-sdk-policy` recommends, or delete them, or move to a release that has what they need.",
);

const SDK_OUTSIDE_POLICY: Guide = person(
    "Stored pipelines or recurring runs were compiled by SDKs outside `spec.sdkPolicy.allowed`, without an exception. \
     What was judged runs all the same. The message names some.",
    "Compile them again with an allowed SDK (`kfpctl inventory` lists them), widen `spec.sdkPolicy.allowed`, or add an \
     exception with its reason.",
);

const INVENTORY_PENDING: Guide = waiting(
    "Stored pipelines are being read for the first time; nothing was found amiss so far.",
    "Wait. `status.sdk.inventory.progress` shows how far the scan is.",
);

const INVENTORY_FAILED: Guide = waiting(
    "Stored pipelines could not be read, so it is not known whether they fit; the message has the error. Totals in \
     status are those of the last scan.",
    "Read the message. The installation itself is not affected; the scan uses a database user of its own that may \
     only read.",
);

const INVENTORY_DISABLED: Guide = quiet(
    "`spec.sdkPolicy.inventory.enabled` is false: stored pipelines are not read, so nothing is known about them.",
);

const SDK_POLICY_OFF: Guide = quiet("`spec.sdkPolicy.mode` is `Off`: no SDK is advised against or refused.");

const SDK_POLICY_NOT_ENFORCEABLE: Guide = person(
    "`spec.sdkPolicy.mode` is `Enforce`, and pipelines are kept in the database: KFP's own server accepts uploads \
     without asking anybody, so nothing could refuse one. Nothing was touched.",
    "Set `spec.sdkPolicy.mode` to `Warn`. Refusing needs an installation with `spec.pipelineStore.type: Kubernetes`, \
     which is chosen when it is made.",
);

const fn quiet(meaning: &'static str) -> Guide {
    Guide {
        meaning,
        next_step: "Nothing.",
        recovery: Recovery::NotNeeded,
    }
}

const fn waiting(meaning: &'static str, next_step: &'static str) -> Guide {
    Guide {
        meaning,
        next_step,
        recovery: Recovery::ByItself,
    }
}

const fn person(meaning: &'static str, next_step: &'static str) -> Guide {
    Guide {
        meaning,
        next_step,
        recovery: Recovery::ByPerson,
    }
}
