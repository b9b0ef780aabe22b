//! WORDS, tests: whatever was seen, the status that is written is one that the API server takes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use kfp_api::backup_status::{BackupSummary, BackupsStatus, JobProgress, KfpBackupStatus};
use kfp_api::installation::DatabaseEngine;
use kfp_api::restore::KfpRestoreStatus;
use kfp_api::sdk::{InventoryStatus, ReleaseTotals, ScanProgress, SdkStatus, SdkVersionTotals};
use kfp_api::status::{
    ComponentStatus, DatabaseStatus, Endpoints, KfpInstallationStatus, SchemaState, SchemaStatus,
};
use proptest::prelude::*;
use serde_json::Value;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z0-9 .:/äß✓]{0,40}",
        1 => (1usize..40_000).prop_map(|length| "é".repeat(length)),
    ]
}

fn status() -> impl Strategy<Value = KfpInstallationStatus> {
    let component =
        (text(), text(), text(), 0..9i32).prop_map(|(version, image, message, ready)| ComponentStatus {
            version: Some(version),
            image: Some(image),
            message,
            ready,
            ..ComponentStatus::default()
        });
    let components = prop::collection::vec(component, 0..80).prop_map(|mut components| {
        for (position, component) in components.iter_mut().enumerate() {
            component.name = format!("component-{position}");
        }
        components
    });
    let lists = (
        prop::collection::vec(text(), 0..80),
        prop::collection::vec(text(), 0..40),
    );
    (components, lists, text(), text(), text()).prop_map(
        |(components, (matches, differences), server, address, message)| KfpInstallationStatus {
            observed_generation: Some(1),
            sdk: Some(sdk(&server, 2 * matches.len())),
            backup: Some(BackupsStatus {
                last_verified: Some(BackupSummary {
                    name: server.clone(),
                    instant: Time(Timestamp::UNIX_EPOCH),
                    stored_bytes: 7,
                }),
                ..BackupsStatus::default()
            }),
            version: Some(server.clone()),
            components,
            database: Some(DatabaseStatus {
                engine: Some(DatabaseEngine::MySQL),
                server_version: Some(server),
                schema: Some(SchemaStatus {
                    state: SchemaState::Foreign,
                    matches,
                    differences,
                }),
            }),
            endpoints: Some(Endpoints {
                ui: Some(address.clone()),
                grpc: Some(address),
                ..Endpoints::default()
            }),
            conditions: vec![Condition {
                type_: "Ready".to_owned(),
                status: "False".to_owned(),
                reason: "Progressing".to_owned(),
                message,
                observed_generation: Some(1),
                last_transition_time: Time(Timestamp::UNIX_EPOCH),
            }],
        },
    )
}

/// An SDK status in which every text and list comes from elsewhere, too long ones included.
fn sdk(text: &str, count: usize) -> SdkStatus {
    // One long name is as good as many.
    let named = |position| {
        if position == 0 {
            text.to_owned()
        } else {
            format!("{position}")
        }
    };
    let shards: Vec<String> = (0..count).map(named).collect();
    let releases = shards.iter().map(|name| ReleaseTotals {
        release: name.clone(),
        ..ReleaseTotals::default()
    });
    let versions = shards.iter().map(|name| SdkVersionTotals {
        version: name.clone(),
        ..SdkVersionTotals::default()
    });
    SdkStatus {
        allowed: Some(text.to_owned()),
        config_map: Some(text.to_owned()),
        inventory: Some(InventoryStatus {
            releases: releases.collect(),
            sdk_versions: versions.collect(),
            shards: shards.clone(),
            last_full_scan: Some(Time(Timestamp::UNIX_EPOCH)),
            progress: Some(ScanProgress {
                started: Time(Timestamp::UNIX_EPOCH),
                scanned: 7,
            }),
            ..InventoryStatus::default()
        }),
    }
}

/// Statuses of a backup and of a restore in which every text is this one.
fn work(text: &str) -> (KfpBackupStatus, KfpRestoreStatus) {
    let some = || Some(text.to_owned());
    let progress = Some(JobProgress {
        stage: text.to_owned(),
        ..JobProgress::default()
    });
    let conditions = vec![Condition {
        type_: "Complete".to_owned(),
        status: "False".to_owned(),
        reason: "Progressing".to_owned(),
        message: text.to_owned(),
        observed_generation: Some(1),
        last_transition_time: Time(Timestamp::UNIX_EPOCH),
    }];
    let backup = KfpBackupStatus {
        version: some(),
        set: some(),
        location: some(),
        manifest_sha256: some(),
        immutability: some(),
        progress: progress.clone(),
        conditions: conditions.clone(),
        ..KfpBackupStatus::default()
    };
    let restore = KfpRestoreStatus {
        set: some(),
        location: some(),
        safety_backup: some(),
        progress,
        conditions,
        ..KfpRestoreStatus::default()
    };
    (backup, restore)
}

fn schema() -> Value {
    schema_of(&kfp_api::schema::installation_crd())
}

fn schema_of(crd: &CustomResourceDefinition) -> Value {
    let root = serde_json::to_value(&crd.spec.versions[0].schema).unwrap();
    root["openAPIV3Schema"]["properties"]["status"].clone()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_fitted_status_is_always_accepted(status in status()) {
        let validator = jsonschema::validator_for(&schema()).unwrap();
        let written = serde_json::to_value(status.fitted()).unwrap();
        let errors: Vec<String> = validator.iter_errors(&written).map(|error| error.instance_path().to_string()).collect();
        prop_assert_eq!(errors, Vec::<String>::new());
    }

    #[test]
    fn a_fitted_status_of_a_backup_or_a_restore_is_always_accepted(text in text()) {
        let (backup, restore) = work(&text);
        let written = [
            (kfp_api::schema::backup_crd(), serde_json::to_value(backup.fitted()).unwrap()),
            (kfp_api::schema::restore_crd(), serde_json::to_value(restore.fitted()).unwrap()),
        ];
        for (crd, status) in written {
            let validator = jsonschema::validator_for(&schema_of(&crd)).unwrap();
            let errors: Vec<String> = validator.iter_errors(&status).map(|error| error.instance_path().to_string()).collect();
            prop_assert_eq!(errors, Vec::<String>::new());
        }
    }

    #[test]
    fn fitting_twice_changes_nothing_more(status in status()) {
        let once = status.fitted();
        prop_assert_eq!(once.clone().fitted(), once);
    }
}

#[test]
fn a_status_that_fits_is_left_alone() {
    let status = KfpInstallationStatus {
        version: Some("2.16.1".to_owned()),
        components: vec![ComponentStatus {
            message: "waits for é".to_owned(),
            ..ComponentStatus::default()
        }],
        ..KfpInstallationStatus::default()
    };
    assert_eq!(status.clone().fitted(), status);
}

#[test]
fn a_text_that_was_cut_says_so() {
    let status = KfpInstallationStatus {
        version: Some("v".repeat(33)),
        ..KfpInstallationStatus::default()
    };
    assert_eq!(status.fitted().version, Some(format!("{}…", "v".repeat(31))));
}
