//! THOUGHT: how a restore stands becomes its status. What is known once is kept.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kfp_api::KfpRestoreStatus;
use kfp_api::conditions::{ConditionStatus, ConditionType, Reason, clear, set};
use kfp_api::restore::Restored;

use super::{Look, Plan, Standing, Step, facts, job_name, safety_name};
use crate::backups::shown;

/// Reasons that only a person can end.
const FOR_A_PERSON: [Reason; 3] = [
    Reason::InstallationMissing,
    Reason::DestinationMissing,
    Reason::CredentialsRefused,
];

/// The status after a pass. `refused` is why a step was not carried out.
#[must_use]
pub fn status(look: &Look, plan: &Plan, refused: Option<(Reason, &str)>) -> KfpRestoreStatus {
    let old = look.restore.status.clone().unwrap_or_default();
    if plan.standing == Standing::Over {
        return lost(look, old).fitted();
    }
    let mut maker = Maker {
        generation: look.restore.metadata.generation,
        now: Time(look.now),
        status: KfpRestoreStatus {
            observed_generation: look.restore.metadata.generation,
            progress: None,
            ..old
        },
    };
    if plan.steps.contains(&Step::SafetyBackup) {
        maker.status.safety_backup = Some(safety_name(look.restore));
    }
    // A status that was lost while the Job works: the installation must not be started in the middle of it.
    let job = look.jobs.get(&job_name(facts::uid(look.restore)));
    if let Some(job) = job.filter(|job| !job.asleep) {
        maker.status.started_at.get_or_insert(Time(job.created));
    }
    maker.standing(&plan.standing, refused);
    maker.status.fitted()
}

/// A mark without a status: it was done elsewhere, or its status was lost.
fn lost(look: &Look, old: KfpRestoreStatus) -> KfpRestoreStatus {
    if old.completed_at.is_some() {
        return old;
    }
    let mut maker = Maker {
        generation: look.restore.metadata.generation,
        now: Time(look.now),
        status: old,
    };
    maker.status.completed_at = Some(Time(facts::ended(look.restore).unwrap_or(look.now)));
    maker.gave_up(
        Reason::RestoreFailed,
        "Its annotation says that it ended before; what it did is not known here. It is not done a second time: make another KfpRestore.",
    );
    maker.status
}

struct Maker {
    generation: Option<i64>,
    now: Time,
    status: KfpRestoreStatus,
}

impl Maker {
    fn say(&mut self, kind: ConditionType, status: ConditionStatus, reason: Reason, message: &str) {
        let conditions = &mut self.status.conditions;
        set(
            conditions,
            kind,
            status,
            reason,
            message,
            self.generation,
            &self.now,
        );
    }

    fn standing(&mut self, standing: &Standing, refused: Option<(Reason, &str)>) {
        match standing {
            Standing::Over => {}
            Standing::Waits { reason, message } => self.waits(*reason, message),
            Standing::Begins(set) => {
                self.status.started_at = Some(self.now.clone());
                self.status.set = Some(set.id.clone());
                self.status.location = Some(set.location.clone());
                self.status.instant = Some(Time(set.instant));
                self.works(Reason::Restoring, "The installation is being stopped.");
            }
            Standing::Works { message, progress } => {
                self.status.progress = progress.as_ref().map(shown);
                match refused {
                    Some((reason, why)) => self.works(reason, &format!("{message} It could not: {why}")),
                    None => self.works(Reason::Restoring, message),
                }
            }
            Standing::PutBack { restored, message } => {
                self.restored(restored);
                self.works(Reason::Progressing, message);
            }
            Standing::Done { restored, message } => {
                self.restored(restored);
                self.status.completed_at = Some(self.now.clone());
                self.say(
                    ConditionType::Complete,
                    ConditionStatus::True,
                    Reason::Restored,
                    message,
                );
                clear(&mut self.status.conditions, ConditionType::Reconciling);
                clear(&mut self.status.conditions, ConditionType::Stalled);
            }
            Standing::GaveUp { reason, message } => {
                self.status.completed_at = Some(self.now.clone());
                self.gave_up(*reason, message);
            }
        }
    }

    fn restored(&mut self, restored: &Restored) {
        self.status.restored = Some(restored.clone());
    }

    fn waits(&mut self, reason: Reason, message: &str) {
        if FOR_A_PERSON.contains(&reason) {
            self.gave_up(reason, message);
        } else {
            self.works(reason, message);
        }
    }

    fn works(&mut self, reason: Reason, message: &str) {
        clear(&mut self.status.conditions, ConditionType::Stalled);
        self.say(ConditionType::Complete, ConditionStatus::False, reason, message);
        self.say(ConditionType::Reconciling, ConditionStatus::True, reason, message);
    }

    /// Nothing goes on without a person.
    fn gave_up(&mut self, reason: Reason, message: &str) {
        clear(&mut self.status.conditions, ConditionType::Reconciling);
        self.say(ConditionType::Complete, ConditionStatus::False, reason, message);
        self.say(ConditionType::Stalled, ConditionStatus::True, reason, message);
    }
}
