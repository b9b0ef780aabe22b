//! THOUGHT: what is said of stored pipelines and their SDKs.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use kfp_api::KfpInstallationStatus;
use kfp_api::conditions::{ConditionType, Reason, find};
use kfp_api::sdk::{InventoryStatus, ReleaseTotals, SdkPolicyMode, SdkStatus, VerdictTotals};
use rstest::rstest;

use super::world::{VERSION, desired, healthy};
use crate::desired::Desired;
use crate::observed::{InventoryExample, InventoryKind, InventorySeen, InventoryTrouble, Observed, Seen};
use crate::project::{View, view};
use crate::think::think;

fn read(desired: &Desired, seen: &Observed, old: &KfpInstallationStatus) -> KfpInstallationStatus {
    let decision = think(desired, seen);
    view(&View {
        desired: Some(desired),
        generation: desired.generation,
        observed: Some(seen),
        decision: &decision,
        outcomes: &[],
        old,
        now: &Time(Timestamp::from_second(1_000).unwrap()),
    })
}

fn condition(status: &KfpInstallationStatus) -> Condition {
    find(&status.conditions, ConditionType::SdkAligned)
        .unwrap()
        .clone()
}

fn with(inventory: Seen<InventorySeen>) -> Observed {
    Observed {
        inventory,
        ..healthy()
    }
}

fn found(refused: i64, outside_policy: i64, complete: bool) -> InventorySeen {
    let totals = VerdictTotals {
        runs: 7 - refused,
        refused,
        ..VerdictTotals::default()
    };
    let other = ReleaseTotals {
        release: "2.17.0".to_owned(),
        pipeline_versions: VerdictTotals {
            refused: 7,
            ..VerdictTotals::default()
        },
        ..ReleaseTotals::default()
    };
    let example = |trouble, name: &str, why: &str| InventoryExample {
        trouble,
        kind: InventoryKind::PipelineVersion,
        name: name.to_owned(),
        owner: Some("team-a".to_owned()),
        sdk: Some("2.17.0".to_owned()),
        why: why.to_owned(),
    };
    InventorySeen {
        status: InventoryStatus {
            pipeline_versions: 5,
            recurring_runs: 2,
            outside_policy,
            releases: vec![
                ReleaseTotals {
                    release: VERSION.to_owned(),
                    pipeline_versions: totals,
                    // A run that is over says nothing about what can be run.
                    recent_runs: VerdictTotals {
                        refused: 9,
                        ..VerdictTotals::default()
                    },
                    ..ReleaseTotals::default()
                },
                other,
            ],
            ..InventoryStatus::default()
        },
        complete,
        examples: vec![
            example(
                InventoryTrouble::Refused,
                "train/v2",
                "unknown field activeDeadlineSeconds",
            ),
            example(
                InventoryTrouble::OutsidePolicy,
                "score/v1",
                "kfp 2.17.0 is outside >=2.0.0,<2.17.0",
            ),
        ],
    }
}

#[rstest]
#[case::all_fit(Seen::Known(found(0, 0, true)), "True", Reason::SdksAligned)]
#[case::too_new(Seen::Known(found(1, 1, true)), "False", Reason::PipelinesTooNew)]
#[case::outside(Seen::Known(found(0, 1, true)), "False", Reason::SdkOutsidePolicy)]
#[case::half_read_and_fine(Seen::Known(found(0, 0, false)), "Unknown", Reason::InventoryPending)]
#[case::half_read_and_amiss(Seen::Known(found(1, 0, false)), "False", Reason::PipelinesTooNew)]
#[case::never_read(Seen::Absent, "Unknown", Reason::InventoryPending)]
#[case::unreadable(
    Seen::Unknown { reason: Reason::InventoryFailed, why: "Access denied".to_owned() },
    "Unknown",
    Reason::InventoryFailed
)]
fn the_condition_says_the_worst_that_was_found(
    #[case] inventory: Seen<InventorySeen>,
    #[case] status: &str,
    #[case] reason: Reason,
) {
    let read = read(&desired(), &with(inventory), &KfpInstallationStatus::default());
    let condition = condition(&read);
    assert_eq!(
        (condition.status.as_str(), condition.reason.as_str()),
        (status, reason.as_str())
    );
    // Whatever is stored, the installation serves.
    assert_eq!(
        find(&read.conditions, ConditionType::Ready).unwrap().status,
        "True"
    );
}

#[test]
fn what_does_not_run_is_named_with_its_owner_and_sdk() {
    let seen = with(Seen::Known(found(1, 1, true)));
    let condition = condition(&read(&desired(), &seen, &KfpInstallationStatus::default()));
    assert_eq!(
        condition.message,
        "1 of 7 stored pipeline versions and recurring runs do not run on KFP 2.16.1: pipeline version train/v2 \
         (kfp 2.17.0, of team-a): unknown field activeDeadlineSeconds. `kfpctl inventory` lists them."
    );
}

#[rstest]
#[case(SdkPolicyMode::Off, true, Reason::SdkPolicyOff)]
#[case(SdkPolicyMode::Warn, false, Reason::InventoryDisabled)]
fn what_is_switched_off_is_not_judged(
    #[case] mode: SdkPolicyMode,
    #[case] inventory: bool,
    #[case] reason: Reason,
) {
    let mut desired = desired();
    desired.sdk.mode = mode;
    desired.sdk.inventory = inventory;
    let seen = with(Seen::Known(found(1, 1, true)));
    let status = read(&desired, &seen, &KfpInstallationStatus::default());
    assert_eq!(condition(&status).reason, reason.as_str());
    assert_eq!(status.sdk.unwrap().inventory.is_some(), inventory);
}

#[test]
fn totals_of_a_scan_that_failed_are_those_of_the_last_one() {
    let totals = found(0, 0, true).status;
    let old = KfpInstallationStatus {
        sdk: Some(SdkStatus {
            inventory: Some(totals.clone()),
            ..SdkStatus::default()
        }),
        ..KfpInstallationStatus::default()
    };
    let failed = with(Seen::Unknown {
        reason: Reason::InventoryFailed,
        why: "no answer".to_owned(),
    });
    let sdk = read(&desired(), &failed, &old).sdk.unwrap();
    assert_eq!(sdk.inventory, Some(totals));
    assert_eq!(sdk.allowed.as_deref(), Some(">=2.0.0,<2.17.0"));
    assert_eq!(sdk.config_map.as_deref(), Some("kfp-sdk-policy"));
}
