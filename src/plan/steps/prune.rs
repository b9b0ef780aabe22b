//! THOUGHT: objects of ours that are in no rendering any more go, except data.

use std::collections::BTreeSet;

use crate::observed::{ObjectRef, Observed, Seen};

/// Kinds that hold data or open it: never deleted because a rendering no longer holds them.
const KEPT: [&str; 2] = ["PersistentVolumeClaim", "Secret"];

/// Orphans to delete; or why they could not be listed. While the list is unknown nothing is deleted.
pub fn orphans(seen: &Observed) -> Result<BTreeSet<ObjectRef>, String> {
    match &seen.orphans {
        Seen::Known(found) => Ok(found
            .iter()
            .filter(|object| !KEPT.contains(&object.kind.as_str()))
            .cloned()
            .collect()),
        Seen::Absent => Ok(BTreeSet::new()),
        Seen::Unknown { why, .. } => Err(format!(
            "objects of its own that are no longer needed, which could not be listed: {why}"
        )),
    }
}
