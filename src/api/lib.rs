//! WORDS: the kinds of `kfpops.dev/v1alpha1`, their conditions and reasons. No I/O, no decisions.

pub mod conditions;
pub mod installation;
pub mod names;
pub mod status;

pub use installation::{KfpInstallation, KfpInstallationSpec};
pub use status::KfpInstallationStatus;
