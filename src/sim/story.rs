//! PROOF: passes as a text for people: what was done, what is waited for, what the status says.

use std::fmt::Write as _;

use kfp_api::KfpInstallationStatus;
use kfp_plan::{ActionOutcome, Next};

use crate::error::SimError;
use crate::event::Event;
use crate::fault::Faults;
use crate::pass::{Report, pass};
use crate::world::World;

/// A text that grows with the passes of a world. Passes that say the same as the one before are counted, not told.
#[derive(Debug, Default)]
pub struct Story {
    text: String,
    told: String,
    same: usize,
    last: Option<Report>,
}

impl Story {
    /// Tells something in words of its own.
    pub fn say(&mut self, words: &str) {
        self.count();
        let _ = writeln!(self.text, "── {words}");
        self.told.clear();
    }

    /// Lets something happen and tells it.
    pub fn happen(&mut self, world: &mut World, event: &Event, words: &str) {
        self.say(words);
        world.happen(event);
    }

    /// Passes once, with faults.
    pub fn pass(&mut self, world: &mut World, faults: &Faults) -> Result<(), SimError> {
        let report = pass(world, faults, self.last.as_ref())?;
        let told = report
            .as_ref()
            .map_or_else(|| "  no resource is there\n".to_owned(), tell);
        if told == self.told {
            self.same += 1;
        } else {
            self.count();
            let _ = writeln!(self.text, "pass {}", world.tick);
            self.text.push_str(&told);
            self.told = told;
        }
        self.last = report;
        Ok(())
    }

    /// Passes without faults until nothing changes any more, at most `limit` times.
    pub fn settle(&mut self, world: &mut World, limit: usize) -> Result<(), SimError> {
        for _ in 0..limit {
            self.pass(world, &Faults::default())?;
            if self.same >= 4
                || self
                    .last
                    .as_ref()
                    .is_none_or(|report| report.decision.next == Next::Settled)
            {
                break;
            }
        }
        Ok(())
    }

    fn count(&mut self) {
        if self.same > 0 {
            let _ = writeln!(self.text, "  … the same in {} more", self.same);
        }
        self.same = 0;
    }

    /// The whole text.
    #[must_use]
    pub fn text(mut self) -> String {
        self.count();
        self.text
    }
}

fn tell(report: &Report) -> String {
    let mut text = String::new();
    match &report.decision.next {
        Next::Do(actions) => match &report.outcomes {
            None => {
                let _ = writeln!(text, "  dies on the way through {} actions", actions.len());
            }
            Some(outcomes) => {
                for (action, outcome) in actions.iter().zip(outcomes) {
                    let _ = writeln!(text, "  do    {action}: {}", became(outcome));
                }
            }
        },
        Next::Wait => text.push_str("  wait\n"),
        Next::Settled => text.push_str("  settled\n"),
        Next::AskUser(question) => {
            let _ = writeln!(text, "  ask   {:?}: {}", question.reason, question.message);
        }
        Next::Refuse(blockers) => {
            for blocker in blockers {
                let _ = writeln!(text, "  refuse {:?}: {}", blocker.reason, blocker.message);
            }
        }
    }
    for wait in &report.decision.waiting {
        let _ = writeln!(text, "  {wait}");
    }
    if report.outcomes.is_some() {
        let _ = writeln!(text, "  status {}", conditions(&report.status));
    }
    text
}

fn became(outcome: &ActionOutcome) -> &str {
    match outcome {
        ActionOutcome::AlreadyDone => "already done",
        ActionOutcome::Done => "done",
        ActionOutcome::NotYet { why } => why,
        ActionOutcome::Failed { message, .. } => message,
    }
}

/// `Ready=False (Progressing), DatabaseReady=Unknown (NotProbed), …; runs 2.16.1`.
fn conditions(status: &KfpInstallationStatus) -> String {
    let shown = status
        .conditions
        .iter()
        .filter(|condition| condition.reason != "Tested");
    let all: Vec<String> = shown
        .map(|condition| format!("{}={} ({})", condition.type_, condition.status, condition.reason))
        .collect();
    let runs = status
        .version
        .as_ref()
        .map_or_else(String::new, |version| format!("; runs {version}"));
    format!("{}{runs}", all.join(", "))
}
