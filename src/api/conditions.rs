//! WORDS: condition types and reasons. They are API: stable once released, never renamed. No I/O, no clock.
//!
//! What each one means to a person stands in [`crate::guide`].

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

/// A condition type of our kinds.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
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
    /// Stored pipelines fit the release that runs, and their SDKs the policy (False is a warning).
    SdkAligned,
    /// A verified backup is young enough (False is a warning, and holds a deletion that would take the data along).
    BackupFresh,
    /// Of a backup: its set is complete. Of a restore: everything was restored.
    Complete,
    /// Of a backup: its set was checked, as deep as the spec asks.
    Verified,
}

/// A stable reason: what it means and what to do.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
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
    /// Every stored pipeline that was judged runs on this release and was compiled by an allowed SDK.
    SdksAligned,
    /// Stored pipelines need what the running release does not have; see the message.
    PipelinesTooNew,
    /// Stored pipelines were compiled by SDKs that the policy does not allow; see the message.
    SdkOutsidePolicy,
    /// The first scan is not through yet.
    InventoryPending,
    /// Stored pipelines could not be read; see the message.
    InventoryFailed,
    /// `spec.sdkPolicy.inventory.enabled` is false.
    InventoryDisabled,
    /// `spec.sdkPolicy.mode` is `Off`.
    SdkPolicyOff,
    /// `spec.sdkPolicy.mode` is `Enforce`, and nothing can refuse a pipeline here.
    SdkPolicyNotEnforceable,
    /// A verified backup is young enough.
    BackupRecent,
    /// The newest verified backup is older than `spec.backup.freshForHours`.
    BackupOld,
    /// There is no verified backup.
    BackupNone,
    /// The set is complete.
    SetComplete,
    /// Other work on the same installation goes first.
    WaitingForTurn,
    /// There is no KfpInstallation of that name in this namespace.
    InstallationMissing,
    /// The installation does not serve yet, or is in the middle of a change.
    InstallationNotReady,
    /// Neither the backup nor the installation names a destination.
    DestinationMissing,
    /// The Secret with credentials is missing, incomplete, or not open to this namespace.
    CredentialsRefused,
    /// The namespace is being deleted.
    NamespaceTerminating,
    /// The time limit of the work was over.
    TimeLimitExceeded,
    /// The backup failed; see the message.
    BackupFailed,
    /// The set was not checked yet.
    VerificationPending,
    /// Every part has the digest that the manifest names.
    ChecksumsEqual,
    /// The set was restored into a scratch database and came out equal.
    RestoredEqual,
    /// The set is damaged, or what it restores to differs; see the message.
    SetDamaged,
    /// The set could not be checked; see the message.
    VerificationFailed,
    /// The set could not be removed from its destination; see the message.
    RemovalFailed,
    /// A backup is put back; what writes to the databases stands still.
    Restoring,
    /// Everything was put back.
    Restored,
    /// There are rows, and the restore may not replace them.
    NotEmpty,
    /// The destination holds no such set.
    SetNotFound,
    /// The set is of another release than the installation.
    ReleaseDiffers,
    /// What was to be replaced could not be backed up before.
    SafetyBackupFailed,
    /// The restore ended before it replaced anything; see the message.
    RestoreFailed,
    /// The restore ended while it replaced things; see the message.
    RestoreIncomplete,
}

/// Whether a condition holds.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It could not be told.
    Unknown,
}

impl ConditionType {
    /// Every condition type, in the order in which people should read them.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The `type` of the condition.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl Reason {
    /// Every reason.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The `reason` of the condition, the event and the metric label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl ConditionStatus {
    /// The `status` of the condition.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl From<bool> for ConditionStatus {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// Sets the condition of this type. `lastTransitionTime` becomes `now` only when the status changes, so that a condition
/// that stays as it is compares equal and costs no write.
///
/// `generation` is the `metadata.generation` that was judged. Conditions stay in the order of [`ConditionType::ALL`];
/// conditions of other writers stay behind them.
pub fn set(
    conditions: &mut Vec<Condition>,
    condition_type: ConditionType,
    status: ConditionStatus,
    reason: Reason,
    message: &str,
    generation: Option<i64>,
    now: &Time,
) {
    let since = find(conditions, condition_type)
        .filter(|old| old.status == status.as_str())
        .map_or_else(|| now.clone(), |old| old.last_transition_time.clone());
    clear(conditions, condition_type);
    conditions.push(Condition {
        type_: condition_type.as_str().to_owned(),
        status: status.as_str().to_owned(),
        reason: reason.as_str().to_owned(),
        message: message.to_owned(),
        observed_generation: generation,
        last_transition_time: since,
    });
    conditions.sort_by_key(|condition| {
        ConditionType::ALL
            .iter()
            .position(|known| known.as_str() == condition.type_)
            .unwrap_or(usize::MAX)
    });
}

/// Removes the condition of this type: for those that are present only while they are True.
pub fn clear(conditions: &mut Vec<Condition>, condition_type: ConditionType) {
    conditions.retain(|condition| condition.type_ != condition_type.as_str());
}

/// The condition of this type.
#[must_use]
pub fn find(conditions: &[Condition], condition_type: ConditionType) -> Option<&Condition> {
    conditions
        .iter()
        .find(|condition| condition.type_ == condition_type.as_str())
}
