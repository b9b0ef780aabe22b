//! THOUGHT: what the restores of an installation say of themselves: which of them holds it, and which one it began with.
//! Decides nothing.

use jiff::Timestamp;
use kfp_api::conditions::{ConditionType, Reason, find};
use kfp_api::names::{BOOTSTRAP_LABEL, ENDED_ANNOTATION, RESTORE_FINALIZER};
use kfp_api::restore::RestoreParts;
use kfp_api::{KfpRestore, KfpRestoreStatus};

use crate::observed::{BootstrapSeen, BootstrapState, RestoreSeen, RestoreState};

/// Its name.
pub(super) fn name(restore: &KfpRestore) -> &str {
    restore.metadata.name.as_deref().unwrap_or_default()
}

/// When it was made; of two of the same second, the names tell which goes first.
pub(super) fn age(restore: &KfpRestore) -> (Timestamp, &str) {
    let made = restore.metadata.creation_timestamp.as_ref();
    (made.map(|time| time.0).unwrap_or_default(), name(restore))
}

fn status(restore: &KfpRestore) -> KfpRestoreStatus {
    restore.status.clone().unwrap_or_default()
}

/// What it says of itself.
#[must_use]
pub fn message(restore: &KfpRestore) -> String {
    let status = status(restore);
    find(&status.conditions, ConditionType::Complete).map_or_else(
        || "it has not begun yet".to_owned(),
        |condition| condition.message.clone(),
    )
}

/// The installation is being stopped for it, or was.
#[must_use]
pub fn begun(restore: &KfpRestore) -> bool {
    status(restore).started_at.is_some()
}

/// Everything was put back; what was stopped may run again.
#[must_use]
pub fn put_back(restore: &KfpRestore) -> bool {
    status(restore).restored.is_some()
}

/// It is complete or was given up. The mark stays where a status is lost, so that a restore is never done twice.
#[must_use]
pub fn over(restore: &KfpRestore) -> bool {
    status(restore).completed_at.is_some() || marked(restore)
}

/// It gave up while it replaced things.
#[must_use]
pub fn incomplete(restore: &KfpRestore) -> bool {
    let status = status(restore);
    over(restore)
        && find(&status.conditions, ConditionType::Complete)
            .is_some_and(|condition| condition.reason == Reason::RestoreIncomplete.as_str())
}

fn replaces_rows(restore: &KfpRestore) -> bool {
    restore.spec.parts != RestoreParts::SchedulesOnly
}

/// The restore that holds the installation of this name, among those of its namespace. One that gave up holds it until
/// another one put everything back.
#[must_use]
pub fn holding<'a>(
    restores: impl IntoIterator<Item = &'a KfpRestore>,
    installation: &str,
) -> Option<RestoreSeen> {
    let mut own: Vec<&KfpRestore> = restores
        .into_iter()
        .filter(|restore| restore.spec.installation == installation)
        .collect();
    own.sort_by_key(|restore| age(restore));
    let goes_on = |restore: &&&KfpRestore| begun(restore) && !put_back(restore) && !over(restore);
    if let Some(restore) = own.iter().find(goes_on) {
        return Some(seen(restore, RestoreState::UnderWay));
    }
    let last = own
        .iter()
        .rfind(|restore| replaces_rows(restore) && (put_back(restore) || incomplete(restore)))?;
    incomplete(last).then(|| seen(last, RestoreState::Incomplete))
}

fn seen(restore: &KfpRestore, state: RestoreState) -> RestoreSeen {
    RestoreSeen {
        name: name(restore).to_owned(),
        state,
        message: message(restore),
        safety_backup: status(restore).safety_backup,
    }
}

/// The restore that `spec.bootstrap` of the installation of this uid called for.
#[must_use]
pub fn bootstrap(restores: &[KfpRestore], installation_uid: &str) -> Option<BootstrapSeen> {
    let called_for = |restore: &&KfpRestore| {
        let labels = restore.metadata.labels.as_ref();
        labels
            .and_then(|labels| labels.get(BOOTSTRAP_LABEL))
            .map(String::as_str)
            == Some(installation_uid)
    };
    let found = restores
        .iter()
        .filter(called_for)
        .max_by_key(|restore| age(restore))?;
    Some(BootstrapSeen {
        name: name(found).to_owned(),
        state: match (put_back(found), over(found)) {
            (true, _) => BootstrapState::Done,
            (false, true) => BootstrapState::Failed,
            (false, false) => BootstrapState::UnderWay,
        },
        message: message(found),
    })
}

/// Its uid.
pub(super) fn uid(restore: &KfpRestore) -> &str {
    restore.metadata.uid.as_deref().unwrap_or_default()
}

/// When the installation began to be stopped.
pub(super) fn started(restore: &KfpRestore) -> Option<Timestamp> {
    status(restore).started_at.map(|time| time.0)
}

/// It is being deleted.
pub(super) fn deleting(restore: &KfpRestore) -> bool {
    restore.metadata.deletion_timestamp.is_some()
}

/// Our finalizer is on it.
pub(super) fn held(restore: &KfpRestore) -> bool {
    let mut finalizers = restore.metadata.finalizers.iter().flatten();
    finalizers.any(|finalizer| finalizer == RESTORE_FINALIZER)
}

/// It carries the mark of one that is over.
pub(super) fn marked(restore: &KfpRestore) -> bool {
    let annotations = restore.metadata.annotations.as_ref();
    annotations.is_some_and(|annotations| annotations.contains_key(ENDED_ANNOTATION))
}

/// When it ended, as its mark says.
pub(super) fn ended(restore: &KfpRestore) -> Option<Timestamp> {
    restore
        .metadata
        .annotations
        .as_ref()?
        .get(ENDED_ANNOTATION)?
        .parse()
        .ok()
}
