//! THOUGHT: what a backup's own resource says of it, and what of an installation matters to backups. Decides nothing.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kfp_api::backup::BackupSpec;
use kfp_api::conditions::{ConditionType, Reason, find};
use kfp_api::names::{
    BACKUP_FINALIZER, JOB_FOR_LABEL, SCHEDULED_FOR_ANNOTATION, SCHEDULED_LABEL, VERIFY_REQUESTED_ANNOTATION,
};
use kfp_api::{KfpBackup, KfpInstallation};
use kfp_backup::retention::{SetSeen, SetState};

/// What of an installation matters to its backups.
#[derive(Clone, Debug, PartialEq)]
pub struct Installation {
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// It is being deleted.
    pub deleting: bool,
    /// It is paused.
    pub paused: bool,
    /// How it is backed up.
    pub spec: Option<BackupSpec>,
    /// What it waits for before it can be read; none when it can.
    pub unready: Option<String>,
    /// The newest time of the schedule that was heeded, as its status says.
    pub last_scheduled: Option<Timestamp>,
}

impl Installation {
    /// What matters of this resource.
    #[must_use]
    pub fn of(resource: &KfpInstallation) -> Self {
        let status = resource.status.clone().unwrap_or_default();
        let database = find(&status.conditions, ConditionType::DatabaseReady);
        let wanted = &resource.spec.version;
        let unready = match (&status.version, database) {
            (Some(version), _) if version != wanted => Some(format!("{wanted} to run: {version} does")),
            (Some(_), Some(database)) if database.status == "True" => None,
            (_, Some(database)) if database.status != "True" => Some(format!(
                "its database: {}",
                database.message.trim_end_matches('.')
            )),
            _ => Some("its release to run".to_owned()),
        };
        let metadata = &resource.metadata;
        Self {
            name: metadata.name.clone().unwrap_or_default(),
            created: time(metadata.creation_timestamp.as_ref()).unwrap_or_default(),
            deleting: metadata.deletion_timestamp.is_some(),
            paused: resource.spec.paused,
            spec: resource.spec.backup.clone(),
            unready,
            last_scheduled: status
                .backup
                .and_then(|backup| time(backup.last_scheduled.as_ref())),
        }
    }
}

/// A Kubernetes time.
pub(super) fn time(time: Option<&k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>) -> Option<Timestamp> {
    time.map(|time| time.0)
}

/// Its name.
pub(super) fn name(backup: &KfpBackup) -> &str {
    backup.metadata.name.as_deref().unwrap_or_default()
}

/// Its uid.
pub(super) fn uid(backup: &KfpBackup) -> &str {
    backup.metadata.uid.as_deref().unwrap_or_default()
}

/// When it was made.
pub(super) fn created(backup: &KfpBackup) -> Timestamp {
    time(backup.metadata.creation_timestamp.as_ref()).unwrap_or_default()
}

/// It is being deleted.
pub(super) fn deleting(backup: &KfpBackup) -> bool {
    backup.metadata.deletion_timestamp.is_some()
}

/// Our finalizer is on it.
pub(super) fn held(backup: &KfpBackup) -> bool {
    let finalizers = backup.metadata.finalizers.iter().flatten();
    finalizers
        .into_iter()
        .any(|finalizer| finalizer == BACKUP_FINALIZER)
}

/// A schedule made it.
#[must_use]
pub fn is_scheduled(backup: &KfpBackup) -> bool {
    labelled(backup, SCHEDULED_LABEL)
}

/// It was made before a restore, of what the restore replaces.
#[must_use]
pub fn is_safety(backup: &KfpBackup) -> bool {
    labelled(backup, JOB_FOR_LABEL)
}

fn labelled(backup: &KfpBackup, label: &str) -> bool {
    let labels = backup.metadata.labels.as_ref();
    labels.is_some_and(|labels| labels.contains_key(label))
}

/// The time of the schedule that it was made for.
pub(super) fn scheduled_for(backup: &KfpBackup) -> Option<Timestamp> {
    annotation(backup, SCHEDULED_FOR_ANNOTATION)?.parse().ok()
}

/// When somebody asked that it be checked once more.
pub(super) fn asked(backup: &KfpBackup) -> Option<Timestamp> {
    annotation(backup, VERIFY_REQUESTED_ANNOTATION)?.parse().ok()
}

fn annotation<'a>(backup: &'a KfpBackup, key: &str) -> Option<&'a str> {
    backup.metadata.annotations.as_ref()?.get(key).map(String::as_str)
}

/// A condition of it.
pub(super) fn condition(backup: &KfpBackup, kind: ConditionType) -> Option<&Condition> {
    find(&backup.status.as_ref()?.conditions, kind)
}

/// Its set is complete.
#[must_use]
pub fn complete(backup: &KfpBackup) -> bool {
    condition(backup, ConditionType::Complete).is_some_and(|condition| condition.status == "True")
}

/// Its set was checked and is whole.
#[must_use]
pub fn verified(backup: &KfpBackup) -> bool {
    complete(backup)
        && condition(backup, ConditionType::Verified).is_some_and(|condition| condition.status == "True")
}

/// The condition that says that its set cannot be trusted.
#[must_use]
pub fn damage(backup: &KfpBackup) -> Option<&Condition> {
    condition(backup, ConditionType::Verified)
        .filter(|verified| verified.status == "False" && verified.reason == Reason::SetDamaged.as_str())
}

/// It is complete or was given up.
#[must_use]
pub fn ended(backup: &KfpBackup) -> bool {
    backup
        .status
        .as_ref()
        .is_some_and(|status| status.completed_at.is_some())
}

/// What retention judges, as far as the resource alone tells it.
#[must_use]
pub fn judged(backup: &KfpBackup) -> SetSeen {
    let state = match complete(backup) {
        true if verified(backup) => SetState::Verified,
        true if damage(backup).is_some() => SetState::Damaged,
        true => SetState::Complete,
        false if ended(backup) => SetState::Failed,
        false => SetState::InProgress,
    };
    SetSeen {
        id: name(backup).to_owned(),
        taken: moment(backup),
        state,
        held: None,
    }
}

/// It is complete, and was not checked yet.
#[must_use]
pub fn wants_check(backup: &KfpBackup) -> bool {
    complete(backup)
        && condition(backup, ConditionType::Verified).is_none_or(|condition| condition.status == "Unknown")
}

/// When it was last checked.
pub(super) fn checked(backup: &KfpBackup) -> Option<Timestamp> {
    let verification = backup.status.as_ref()?.verification.as_ref()?;
    Some(verification.completed_at.0)
}

/// The moment that its set holds; of one without, when it was made.
pub(super) fn moment(backup: &KfpBackup) -> Timestamp {
    let instant = backup
        .status
        .as_ref()
        .and_then(|status| time(status.instant.as_ref()));
    instant.unwrap_or_else(|| created(backup))
}
