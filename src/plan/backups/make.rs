//! THOUGHT: the resource that a schedule makes. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kfp_api::backup::{BackupSpec, KfpBackup};
use kfp_api::names::{SCHEDULED_FOR_ANNOTATION, SCHEDULED_LABEL};

/// The KfpBackup for a time of the schedule. Its name is the installation's and the time, so that two who make it make one.
/// It says everything itself: what the installation says may change, or go.
#[must_use]
pub fn scheduled(installation: &str, namespace: &str, spec: &BackupSpec, time: Timestamp) -> KfpBackup {
    let name = format!("{installation}-{}", time.strftime("%Y%m%d%H%M"));
    let mut backup = KfpBackup::new(
        &name,
        // The destination is that of the installation when the backup begins: one that is mended meanwhile counts.
        spec.backup(installation),
    );
    backup.metadata.namespace = Some(namespace.to_owned());
    backup.metadata.labels = Some(BTreeMap::from([(
        SCHEDULED_LABEL.to_owned(),
        installation.to_owned(),
    )]));
    backup.metadata.annotations = Some(BTreeMap::from([(
        SCHEDULED_FOR_ANNOTATION.to_owned(),
        time.to_string(),
    )]));
    backup
}
