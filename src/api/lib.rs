//! WORDS: the kinds of `kfpops.dev/v1alpha1`, their conditions and reasons. No I/O, no decisions.

pub mod backup;
pub mod backup_status;
pub mod conditions;
pub mod destination;
mod embedded;
pub mod guide;
pub mod installation;
pub mod names;
pub mod restore;
pub mod rules;
pub mod schema;
pub mod scratch;
pub mod sdk;
pub mod status;

pub use backup::{KfpBackup, KfpBackupSpec};
pub use backup_status::KfpBackupStatus;
pub use conditions::{ConditionType, Reason};
pub use installation::{KfpInstallation, KfpInstallationSpec};
pub use restore::{KfpRestore, KfpRestoreSpec, KfpRestoreStatus};
pub use status::KfpInstallationStatus;
