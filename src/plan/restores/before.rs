//! THOUGHT: everything before the Job: does it fit, is it allowed, whose turn is it; then stop what writes, back up what is
//! there, and only then begin.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kfp_api::backup::Verify;
use kfp_api::conditions::{ConditionStatus, ConditionType, Reason, find};
use kfp_api::installation::DeletionPolicy;
use kfp_api::names::JOB_FOR_LABEL;
use kfp_api::restore::{RestoreParts, SafetyBackup, SetChoiceType};
use kfp_api::scratch::Scratch;
use kfp_api::{KfpBackup, KfpBackupSpec, KfpInstallation, KfpRestore};

use super::{Beside, DatabaseNow, Look, Plan, SetFound, SetSeen, Standing, Step, facts, works};
use crate::backups;
use crate::observed::Seen;
use crate::words;

/// Longest name of a KfpBackup.
const NAME_MAX: usize = 63;

/// The Job was not started yet.
pub(super) fn plan(look: &Look) -> Plan {
    if facts::begun(look.restore) {
        begun(look)
    } else {
        Plan::only(validate(look))
    }
}

fn waits(reason: Reason, message: impl Into<String>) -> Standing {
    Standing::Waits {
        reason,
        message: message.into(),
    }
}

fn gave_up(reason: Reason, message: impl Into<String>) -> Standing {
    Standing::GaveUp {
        reason,
        message: message.into(),
    }
}

/// Nothing was touched yet. What can mend itself is waited for; what cannot is refused.
fn validate(look: &Look) -> Standing {
    let restore = look.restore;
    let name = &restore.spec.installation;
    if look.terminating {
        return waits(Reason::NamespaceTerminating, "The namespace is being deleted.");
    }
    let Some(installation) = look
        .installation
        .filter(|found| found.metadata.deletion_timestamp.is_none())
    else {
        return waits(
            Reason::InstallationMissing,
            format!("There is no KfpInstallation {name} in this namespace, or it is being deleted."),
        );
    };
    if installation.spec.paused {
        return waits(
            Reason::InstallationNotReady,
            format!("KfpInstallation {name} is paused (spec.paused), so nothing in it can be stopped."),
        );
    }
    if let Some(first) = first(look) {
        return waits(Reason::WaitingForTurn, format!("{first} goes first."));
    }
    let set = match look.set {
        SetSeen::Found(set) => set,
        SetSeen::Refused { reason, message } => return gave_up(*reason, message),
        SetSeen::Waits { reason, message } => return waits(*reason, message),
        SetSeen::NotLooked => return waits(Reason::Progressing, "The set was not looked at yet."),
    };
    let database = match look.database {
        Seen::Known(database) => database,
        Seen::Absent => {
            return waits(
                Reason::InstallationNotReady,
                format!("KfpInstallation {name} has no database yet."),
            );
        }
        Seen::Unknown { why, .. } => {
            return waits(
                Reason::InstallationNotReady,
                format!("The database does not answer: {why}."),
            );
        }
    };
    if let Some(standing) = refused(restore, installation, set, database) {
        return standing;
    }
    if let Some(unready) = unready(restore, installation) {
        return waits(Reason::InstallationNotReady, unready);
    }
    Standing::Begins(set.clone())
}

/// What will not mend itself, since a restore's spec never changes.
fn refused(
    restore: &KfpRestore,
    installation: &KfpInstallation,
    set: &SetFound,
    database: &DatabaseNow,
) -> Option<Standing> {
    let spec = &restore.spec;
    if set.encrypted && spec.source.key.is_none() {
        return Some(gave_up(
            Reason::RestoreFailed,
            format!(
                "Set {} is encrypted, and spec.source.key names no Secret with the key that opens it. Nothing was touched.",
                set.id
            ),
        ));
    }
    if spec.parts == RestoreParts::SchedulesOnly {
        return None;
    }
    let version = &installation.spec.version;
    let fits = set.release == *version || set.schema_of.contains(version);
    if !fits {
        return Some(gave_up(
            Reason::ReleaseDiffers,
            format!(
                "Set {} is of KFP {}, and KfpInstallation {} of {version}, whose API server could not be started on it. Nothing was touched.",
                set.id, set.release, spec.installation
            ),
        ));
    }
    if !database.is_empty() && !spec.overwrite && !database.loading {
        return Some(gave_up(
            Reason::NotEmpty,
            "The databases hold tables, and spec.overwrite is false. Nothing was touched.",
        ));
    }
    None
}

/// The stores must stand before anything is stopped for them.
fn unready(restore: &KfpRestore, installation: &KfpInstallation) -> Option<String> {
    if restore.spec.parts == RestoreParts::SchedulesOnly {
        return None;
    }
    let store = condition(installation, ConditionType::ObjectStoreReady)?;
    (store.status != "True").then(|| format!("The object store is not ready: {}", store.message))
}

fn condition(installation: &KfpInstallation, kind: ConditionType) -> Option<&Condition> {
    find(&installation.status.as_ref()?.conditions, kind)
}

/// Who goes first: an older restore of the same installation, or one that has begun, or a Job that is at work.
fn first(look: &Look) -> Option<String> {
    let restore = look.restore;
    let own = facts::uid(restore);
    let rivals = look.restores.iter().filter(|other| {
        other.spec.installation == restore.spec.installation
            && facts::uid(other) != own
            && !facts::over(other)
    });
    let earlier = rivals
        .filter(|other| {
            facts::begun(other) || (!facts::begun(restore) && facts::age(other) < facts::age(restore))
        })
        .min_by_key(|other| (!facts::begun(other), facts::age(other)));
    if let Some(earlier) = earlier {
        return Some(format!("KfpRestore {}", facts::name(earlier)));
    }
    busy(look)
}

/// A Job that is at work on the installation.
fn busy(look: &Look) -> Option<String> {
    let job = look.jobs.values().find(|job| job.active() || job.going)?;
    Some(format!("{} ({})", job.purpose, job.work))
}

/// The installation is being stopped, or is.
fn begun(look: &Look) -> Plan {
    let restore = look.restore;
    let goes = |found: &KfpInstallation| found.metadata.deletion_timestamp.is_some();
    if look.installation.is_none_or(goes) || look.terminating {
        return Plan::only(gave_up(
            Reason::RestoreFailed,
            format!("KfpInstallation {} is gone, or goes.", restore.spec.installation),
        ));
    }
    if late(look) {
        return Plan::only(too_late(look));
    }
    match look.writers {
        Seen::Known(there) if there.is_empty() => {}
        Seen::Known(there) => {
            return Plan::only(works(format!(
                "Waits for what writes to the databases to stop: {}.",
                words::list(there, 3)
            )));
        }
        Seen::Absent => return Plan::only(works("Waits for the installation to be looked at.")),
        Seen::Unknown { why, .. } => {
            return Plan::only(works(format!(
                "Waits for what writes to the databases to stop, which could not be looked at: {why}."
            )));
        }
    }
    let Seen::Known(database) = look.database else {
        return Plan::only(works("Waits for the database to answer."));
    };
    if needs_safety(look, database) {
        match safety(look) {
            Safety::Verified => {}
            Safety::Missing => {
                return Plan {
                    steps: vec![Step::SafetyBackup],
                    standing: works(format!(
                        "Backs up what is there as KfpBackup {}.",
                        safety_name(restore)
                    )),
                };
            }
            Safety::UnderWay(message) => return Plan::only(works(message)),
            Safety::Failed(message) => return Plan::only(gave_up(Reason::SafetyBackupFailed, message)),
        }
    }
    if let Some(busy) = busy(look) {
        return Plan::only(works(format!("{busy} goes first.")));
    }
    let mut steps = Vec::new();
    steps.extend((!facts::held(restore)).then_some(Step::Finalizer(true)));
    steps.push(Step::Start);
    Plan {
        steps,
        standing: works("The Job that puts the set back starts."),
    }
}

fn late(look: &Look) -> bool {
    let limit = SignedDuration::from_secs(i64::from(look.restore.spec.time_limit_seconds));
    facts::started(look.restore).is_some_and(|started| look.now.duration_since(started) > limit)
}

fn too_late(look: &Look) -> Standing {
    let what = facts::message(look.restore);
    match look.database {
        Seen::Known(database) if database.loading => gave_up(
            Reason::RestoreIncomplete,
            format!("The time limit of spec.timeLimitSeconds was over. The last word was: {what}"),
        ),
        _ => gave_up(
            Reason::TimeLimitExceeded,
            format!(
                "The time limit of spec.timeLimitSeconds was over before anything was replaced. The last word was: {what}"
            ),
        ),
    }
}

/// What an earlier restore left half done is not worth keeping.
fn needs_safety(look: &Look, database: &DatabaseNow) -> bool {
    let own = facts::uid(look.restore);
    let others = look.restores.iter().filter(|other| facts::uid(other) != own);
    let rubble = database.loading || facts::holding(others, &look.restore.spec.installation).is_some();
    look.restore.spec.safety_backup == SafetyBackup::Required && !database.is_empty() && !rubble
}

enum Safety {
    Missing,
    UnderWay(String),
    Verified,
    Failed(String),
}

fn safety(look: &Look) -> Safety {
    let Some(backup) = look.safety else {
        return Safety::Missing;
    };
    if backups::verified(backup) {
        return Safety::Verified;
    }
    let name = backup.metadata.name.as_deref().unwrap_or_default();
    let condition = |kind| find(&backup.status.as_ref()?.conditions, kind);
    if backups::complete(backup) {
        return match condition(ConditionType::Verified) {
            // A backup that nobody read back is no reason to overwrite what is there.
            Some(checked) if checked.status == ConditionStatus::False.as_str() => Safety::Failed(format!(
                "What is there was backed up (KfpBackup {name}), and that backup is not known to be whole: {} Nothing was \
                     replaced.",
                checked.message
            )),
            checked => Safety::UnderWay(format!(
                "Checks the backup of what is there (KfpBackup {name}): {}",
                checked.map_or("The set was not checked yet.", |checked| checked.message.as_str())
            )),
        };
    }
    let said = condition(ConditionType::Complete)
        .map_or("it was not begun yet.", |condition| condition.message.as_str());
    if backups::ended(backup) {
        Safety::Failed(format!(
            "What is there could not be backed up (KfpBackup {name}): {said} Nothing was replaced."
        ))
    } else {
        Safety::UnderWay(format!("Backs up what is there (KfpBackup {name}): {said}"))
    }
}

/// Name of the KfpBackup that is made of what is there: of this restore and no other of the same name.
#[must_use]
pub fn safety_name(restore: &KfpRestore) -> String {
    let own: String = facts::uid(restore)
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(6)
        .collect();
    let room = NAME_MAX - "before-".len() - 1 - own.len();
    let name: String = facts::name(restore).chars().take(room).collect();
    format!("before-{}-{own}", name.trim_end_matches('-'))
}

/// The KfpBackup of what is there: as the installation is backed up; where it says nothing of that, as `otherwise` says.
#[must_use]
pub fn safety_backup(
    restore: &KfpRestore,
    installation: &KfpInstallation,
    otherwise: Option<&Beside>,
) -> KfpBackup {
    let usual = installation.spec.backup.clone();
    let otherwise = otherwise.filter(|_| usual.is_none());
    let name = safety_name(restore);
    let spec = KfpBackupSpec {
        installation: restore.spec.installation.clone(),
        destination: otherwise.map(|otherwise| otherwise.destination.clone()),
        artifacts: usual.as_ref().map(|usual| usual.artifacts).unwrap_or_default(),
        secrets: usual.as_ref().map(|usual| usual.secrets).unwrap_or_default(),
        encryption: match otherwise {
            Some(otherwise) => otherwise.encryption.clone(),
            None => usual.as_ref().and_then(|usual| usual.encryption.clone()),
        },
        verify: Verify::Checksums,
        scratch: Scratch::default(),
        deletion_policy: DeletionPolicy::Retain,
        time_limit_seconds: restore.spec.time_limit_seconds,
        throttle: None,
    };
    let mut backup = KfpBackup::new(&name, spec);
    backup.metadata.namespace.clone_from(&restore.metadata.namespace);
    let label = (JOB_FOR_LABEL.to_owned(), facts::uid(restore).to_owned());
    backup.metadata.labels = Some([label].into());
    backup
}

/// Up to which moment a set may be chosen: what is backed up because of a restore is never what it restores.
#[must_use]
pub fn chosen_before(restore: &KfpRestore) -> Timestamp {
    let (made, _) = facts::age(restore);
    let set = restore.spec.source.destination.as_ref().map(|from| &from.set);
    match set {
        Some(set) if set.r#type == SetChoiceType::Before => {
            set.before.as_ref().map_or(made, |before| before.0.min(made))
        }
        _ => made,
    }
}
