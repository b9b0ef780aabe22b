//! FACTS: sizes and classes of volumes: the spec's, else the preset's, never smaller than what is there. Pure.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kfp_api::installation::Storage;

use super::{Check, Findings};
use crate::component::{Role, VolumeClaim};
use crate::quantity::bytes;
use crate::validated::{ComponentSettings, VolumeSettings};

/// Every volume claim of the components that run.
pub(super) fn resolve(
    check: &Check<'_>,
    running: &BTreeMap<String, ComponentSettings>,
    findings: &mut Findings,
) -> BTreeMap<String, VolumeSettings> {
    let mut volumes = BTreeMap::new();
    for component in check
        .install
        .components
        .iter()
        .filter(|component| running.contains_key(&component.name))
    {
        let (path, storage) = match component.role {
            Role::Database => ("spec.database.embedded.storage", database(check)),
            Role::ObjectStore => ("spec.objectStore.embedded.storage", object_store(check)),
            _ => ("", None),
        };
        for claim in &component.volume_claims {
            let volume = volume(check, claim, path, storage, findings);
            volumes.insert(claim.name.clone(), volume);
        }
    }
    volumes
}

fn database<'a>(check: &Check<'a>) -> Option<&'a Storage> {
    check
        .spec
        .database
        .embedded
        .as_ref()
        .map(|embedded| &embedded.storage)
}

fn object_store<'a>(check: &Check<'a>) -> Option<&'a Storage> {
    check
        .spec
        .object_store
        .embedded
        .as_ref()
        .map(|embedded| &embedded.storage)
}

fn volume(
    check: &Check<'_>,
    claim: &VolumeClaim,
    path: &str,
    storage: Option<&Storage>,
    findings: &mut Findings,
) -> VolumeSettings {
    let present = check.references.volume_claim_bytes.get(&claim.name).copied();
    let of_preset = check
        .preset
        .and_then(|preset| preset.storage.get(&claim.name))
        .unwrap_or(&claim.size);
    let size = match storage.and_then(|storage| storage.size.as_ref()) {
        Some(wanted) => {
            explicit(wanted, present, &claim.name, path, findings);
            wanted.clone()
        }
        // A smaller preset leaves a volume as large as it is: volumes never shrink.
        None => match (present, bytes(of_preset)) {
            (Some(present), Some(wanted)) if present > wanted => Quantity(present.to_string()),
            _ => of_preset.clone(),
        },
    };
    VolumeSettings {
        size,
        storage_class: storage.and_then(|storage| storage.class_name.clone()),
    }
}

/// A size that the spec names.
fn explicit(wanted: &Quantity, present: Option<u128>, claim: &str, path: &str, findings: &mut Findings) {
    let path = format!("{path}.size");
    match (bytes(wanted), present) {
        (None, _) => {
            findings.add(
                path,
                format!(
                    "`{}` is no whole number of bytes above zero: write one such as 50Gi",
                    wanted.0
                ),
            );
        }
        (Some(wanted_bytes), Some(present)) if wanted_bytes < present => {
            let message = format!(
                "is {} ({wanted_bytes} bytes), but the claim {claim} asks for {present} bytes already, and a volume cannot shrink: set at least that, or leave it out",
                wanted.0
            );
            findings.add(path, message);
        }
        _ => {}
    }
}
