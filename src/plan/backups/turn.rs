//! THOUGHT: one Job at a time for an installation: who goes next, and what the others wait for.

use kfp_api::KfpBackup;
use kfp_api::conditions::Reason;

use super::{Look, Plan, Step, Waiting, Work, facts};

/// The one place for work on an installation.
pub(super) struct Turn {
    /// Who has it, in words.
    taken: Option<String>,
}

impl Turn {
    /// Who has it now: a Job that is active, or a restore.
    pub fn new(look: &Look) -> Self {
        let job = look.jobs.values().find(|job| job.active());
        let job = job.map(|job| format!("{} ({})", job.purpose, job.work));
        Self {
            taken: job.or_else(|| look.restoring.map(str::to_owned)),
        }
    }

    /// Starts the work where nobody is at work; else notes what it waits for. True where it starts.
    pub fn start(&mut self, look: &Look, backup: &KfpBackup, work: Work, plan: &mut Plan) -> bool {
        let name = facts::name(backup);
        let job = work.job(facts::uid(backup));
        if look.jobs.get(&job).is_some_and(super::JobSeen::active) {
            return false;
        }
        if let Some(who) = &self.taken {
            let waiting = Waiting {
                reason: Reason::WaitingForTurn,
                message: format!("{who} goes first."),
            };
            plan.waiting.entry(name.to_owned()).or_insert(waiting);
            return false;
        }
        self.taken = Some(format!("KfpBackup {name} ({})", work.label()));
        plan.steps.push(Step::Start {
            backup: name.to_owned(),
            work,
        });
        true
    }
}
