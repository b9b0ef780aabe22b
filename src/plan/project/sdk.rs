//! THOUGHT: what stored pipelines are, as status and condition. What could not be seen stays as it was last seen.

use kfp_api::conditions::{ConditionStatus, ConditionType, Reason};
use kfp_api::names::SDK_POLICY_CONFIG_MAP;
use kfp_api::sdk::{InventoryStatus, SdkPolicyMode, SdkStatus, VerdictTotals};

use crate::conditions::Fact;
use crate::desired::Desired;
use crate::observed::{InventoryExample, InventoryKind, InventorySeen, InventoryTrouble, Observed, Seen};
use crate::project::View;
use crate::words;

/// Examples named in the condition; the status and the shards have the rest.
const NAMED: usize = 3;

/// The policy in use and the inventory's totals.
pub(super) fn status(input: &View) -> Option<SdkStatus> {
    let old = input.old.sdk.clone();
    let (Some(desired), Some(seen)) = (input.desired, input.observed) else {
        return old;
    };
    let inventory = match &seen.inventory {
        Seen::Known(found) if desired.sdk.inventory => Some(found.status.clone()),
        Seen::Unknown { .. } if desired.sdk.inventory => old.and_then(|old| old.inventory),
        _ => None,
    };
    Some(SdkStatus {
        allowed: Some(desired.sdk.allowed.clone()),
        config_map: Some(SDK_POLICY_CONFIG_MAP.to_owned()),
        inventory,
    })
}

/// Whether stored pipelines fit. Never a reason for anything else: what does not fit was stored by people.
pub(super) fn fact(desired: &Desired, seen: &Observed) -> Fact {
    let unknown = |reason, message: &str| (ConditionStatus::Unknown, reason, message.to_owned());
    let (status, reason, message) = if desired.sdk.mode == SdkPolicyMode::Off {
        unknown(
            Reason::SdkPolicyOff,
            "spec.sdkPolicy.mode is Off; nothing is said about SDKs.",
        )
    } else if desired.sdk.inventory {
        match &seen.inventory {
            Seen::Known(found) => judge(desired, found),
            Seen::Absent => unknown(
                Reason::InventoryPending,
                "Stored pipelines were not looked at yet.",
            ),
            Seen::Unknown {
                reason: Reason::NotProbed,
                ..
            } => unknown(
                Reason::InventoryPending,
                "Stored pipelines were not looked at in this pass.",
            ),
            Seen::Unknown { why, .. } => {
                let why = why.trim_end_matches('.');
                unknown(
                    Reason::InventoryFailed,
                    &format!("Stored pipelines could not be read: {why}."),
                )
            }
        }
    } else {
        unknown(
            Reason::InventoryDisabled,
            "spec.sdkPolicy.inventory.enabled is false; stored pipelines are not read.",
        )
    };
    Fact::new(ConditionType::SdkAligned, status, reason, message)
}

/// The worst that was found. What is amiss is said before everything was read; that nothing is, only afterwards.
fn judge(desired: &Desired, found: &InventorySeen) -> (ConditionStatus, Reason, String) {
    let totals = lasting(&found.status, &desired.version);
    let all = found.status.pipeline_versions + found.status.recurring_runs;
    let release = &desired.version;
    if totals.refused > 0 {
        let message = format!(
            "{} of {all} stored pipeline versions and recurring runs do not run on KFP {release}{}. `kfpctl inventory` lists them.",
            totals.refused,
            examples(found, InventoryTrouble::Refused),
        );
        return (ConditionStatus::False, Reason::PipelinesTooNew, message);
    }
    if found.status.outside_policy > 0 {
        let message = format!(
            "{} of {all} stored pipeline versions and recurring runs were compiled by SDKs outside {}{}. `kfpctl inventory` lists them.",
            found.status.outside_policy,
            desired.sdk.allowed,
            examples(found, InventoryTrouble::OutsidePolicy),
        );
        return (ConditionStatus::False, Reason::SdkOutsidePolicy, message);
    }
    if !found.complete {
        let message = format!(
            "The first scan is under way; {all} stored pipeline versions and recurring runs were read, and fit."
        );
        return (ConditionStatus::Unknown, Reason::InventoryPending, message);
    }
    let also: Vec<String> = [
        (totals.warnings, "run with warnings"),
        (totals.unreadable, "could not be read"),
    ]
    .iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!(" {count} {what}."))
    .collect();
    let message = format!(
        "{all} stored pipeline versions and recurring runs fit KFP {release}, and their SDKs {}.{}",
        desired.sdk.allowed,
        also.concat()
    );
    (ConditionStatus::True, Reason::SdksAligned, message)
}

/// Totals of what can be run again: pipeline versions and recurring runs. A run that is over is history.
fn lasting(status: &InventoryStatus, release: &str) -> VerdictTotals {
    let totals = status.releases.iter().find(|totals| totals.release == release);
    totals.map_or_else(VerdictTotals::default, |totals| {
        let (versions, recurring) = (totals.pipeline_versions, totals.recurring_runs);
        VerdictTotals {
            runs: versions.runs + recurring.runs,
            warnings: versions.warnings + recurring.warnings,
            refused: versions.refused + recurring.refused,
            unreadable: versions.unreadable + recurring.unreadable,
        }
    })
}

/// `: pipeline version train/v2 (kfp 2.17.0, of team-a): unknown field optional; …`: the first examples of a trouble.
fn examples(found: &InventorySeen, trouble: InventoryTrouble) -> String {
    let named: Vec<String> = found
        .examples
        .iter()
        .filter(|example| example.trouble == trouble)
        .map(example)
        .collect();
    if named.is_empty() {
        return String::new();
    }
    format!(": {}", words::list(&named, NAMED))
}

fn example(example: &InventoryExample) -> String {
    let kind = match example.kind {
        InventoryKind::PipelineVersion => "pipeline version",
        InventoryKind::RecurringRun => "recurring run",
        InventoryKind::Run => "run",
    };
    let sdk = example.sdk.as_ref().map(|sdk| format!("kfp {sdk}"));
    let owner = example.owner.as_ref().map(|owner| format!("of {owner}"));
    let about: Vec<String> = sdk.into_iter().chain(owner).collect();
    let about = if about.is_empty() {
        String::new()
    } else {
        format!(" ({})", about.join(", "))
    };
    format!(
        "{kind} {}{about}: {}",
        example.name,
        example.why.trim_end_matches('.')
    )
}
