//! WORDS: the kinds of `kfpops.dev/v1alpha1`, their conditions and reasons. No I/O, no decisions.

pub mod conditions;
mod embedded;
pub mod guide;
pub mod installation;
pub mod names;
pub mod rules;
pub mod schema;
pub mod sdk;
pub mod status;

pub use conditions::{ConditionType, Reason};
pub use installation::{KfpInstallation, KfpInstallationSpec};
pub use status::KfpInstallationStatus;
