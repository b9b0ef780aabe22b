//! THOUGHT: what stored pipelines are, as status and condition. What could not be seen stays as it was last seen.

use kfp_api::sdk::SdkStatus;

use crate::observed::Seen;
use crate::project::View;

/// The policy in use and the inventory's totals.
pub(super) fn status(input: &View) -> Option<SdkStatus> {
    let Some(seen) = input.observed else {
        return input.old.sdk.clone();
    };
    let old = input.old.sdk.clone().unwrap_or_default();
    let inventory = match &seen.inventory {
        Seen::Known(found) => Some(found.status.clone()),
        Seen::Absent => None,
        Seen::Unknown { .. } => old.inventory,
    };
    let now = SdkStatus { inventory, ..old };
    (now != SdkStatus::default()).then_some(now)
}
