//! JUDGEMENT: compiled pipelines × KFP releases -> findings. No I/O, no clock, no environment.
//!
//! A text becomes a [`text::Tree`] that knows where each word stands; the tree becomes a [`Document`]; the [`judge`]
//! holds it against the [`fields`] that a release's servers parse and against the [`rules`] that no field table shows.

pub mod document;
pub mod feature;
pub mod fields;
pub mod finding;
pub mod inventory;
pub mod judge;
pub mod knowledge;
pub mod packages;
pub mod policy;
pub mod requirements;
mod rules;
pub mod text;

pub use document::{Document, Unreadable};
pub use feature::{Feature, KnownFeature, features};
pub use finding::{Code, Effect, Finding, Severity};
pub use judge::{Outcome, Verdict, judge};
pub use kfp_releases::sdk::{self, SdkVersion};
pub use knowledge::{CodeMeaning, Knowledge, KnowledgeError};
pub use packages::Packages;
pub use policy::Policy;
