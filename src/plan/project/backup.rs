//! THOUGHT: the backups of an installation, as status and condition. What could not be seen stays as it was last seen.

use kfp_api::backup_status::BackupsStatus;
use kfp_api::conditions::ConditionType;

use crate::conditions::Fact;
use crate::observed::{Observed, Seen};
use crate::project::View;

/// The newest backups and what comes next.
pub(super) fn status(input: &View) -> Option<BackupsStatus> {
    match input.observed.map(|seen| &seen.backups) {
        Some(Seen::Known(summary)) => summary.status.clone(),
        Some(Seen::Absent) => None,
        Some(Seen::Unknown { .. }) | None => input.old.backup.clone(),
    }
}

/// Whether the newest verified backup is young enough; none where nobody asked.
pub(super) fn fact(seen: &Observed) -> Option<Fact> {
    let Seen::Known(summary) = &seen.backups else {
        return None;
    };
    let fresh = summary.fresh.as_ref()?;
    Some(Fact::new(
        ConditionType::BackupFresh,
        fresh.holds.into(),
        fresh.reason,
        fresh.message.clone(),
    ))
}

/// Whether what the old status says of it stays.
pub(super) fn kept(seen: &Observed) -> bool {
    matches!(seen.backups, Seen::Unknown { .. })
}
