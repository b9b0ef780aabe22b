//! THOUGHT: one Job at a time for an installation: who goes next, and what the others wait for.

use std::collections::BTreeMap;

use kfp_api::KfpBackup;
use kfp_api::conditions::Reason;

use super::{Look, Plan, Restoring, Step, Waiting, Work, facts};

/// The one place for work on an installation.
pub(super) struct Turn<'a> {
    /// Who has it, in words.
    taken: Option<String>,
    /// A restore lets one backup be taken and checked before it.
    restoring: Option<&'a Restoring>,
    /// Who could not be started just now.
    refused: &'a BTreeMap<String, Waiting>,
}

impl<'a> Turn<'a> {
    /// Who has it now: a Job that is active, or a restore.
    pub fn new(look: &Look<'a>) -> Self {
        let job = look.jobs.values().find(|job| job.active());
        let job = job.map(|job| format!("{} ({})", job.purpose, job.work));
        Self {
            taken: job,
            restoring: look.restoring,
            refused: look.refused,
        }
    }

    /// Starts the work where nobody is at work; else notes what it waits for. True where it starts.
    pub fn start(&mut self, backup: &KfpBackup, work: Work, plan: &mut Plan) -> bool {
        let name = facts::name(backup);
        if let Some(waiting) = self.refused.get(name) {
            plan.waiting.insert(name.to_owned(), waiting.clone());
            return false;
        }
        let needed = matches!(work, Work::Take | Work::Verify(0));
        let first = |restoring: &&Restoring| !needed || restoring.safety_backup.as_deref() != Some(name);
        let restore = self.restoring.filter(first).map(|restoring| &restoring.who);
        if let Some(who) = self.taken.as_ref().or(restore) {
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
