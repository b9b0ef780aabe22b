//! THOUGHT: observed world + validated installation -> one Decision, and Decision -> status. Pure, total, no clock.

pub mod decision;
pub mod observed;
pub mod outcome;

pub use decision::{Action, Blocker, Decision, Next, Question, Wait};
pub use observed::{ComponentSeen, DatabaseSeen, ObjectRef, Observed, Seen, WorkloadSeen};
pub use outcome::ActionOutcome;
