//! THOUGHT: observed world + validated installation -> one Decision, and Decision -> status. Pure, total, no clock.

pub mod backups;
pub mod conditions;
pub mod decision;
pub mod desired;
pub mod observed;
pub mod outcome;
pub mod project;
pub mod requeue;
pub mod restores;
pub mod steps;
mod think;
mod words;

pub use decision::{Action, Blocker, Decision, Next, Question, Wait};
pub use desired::Desired;
pub use observed::{
    BootstrapSeen, BootstrapState, ComponentSeen, DatabaseSeen, InventoryExample, InventoryKind,
    InventorySeen, InventoryTrouble, ObjectRef, Observed, RestoreSeen, RestoreState, Seen, WorkloadSeen,
};
pub use outcome::ActionOutcome;
pub use project::{ProjectInput, project};
pub use requeue::requeue;
pub use steps::restore::targets;
pub use think::{PlanInput, delete, plan, refuse};

#[cfg(test)]
mod tests;
