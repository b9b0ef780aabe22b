//! PROOF: which images the releases of the catalog want, and what stands behind each name where upstream's cannot be had.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use kfp_releases::Catalog;
use kfp_releases::release::{Dependencies, ObjectStoreKind};

use super::programs::Programs;
use crate::images::{Component, Kind, Role, WantedImage};

/// Every image of these releases; a real component takes the place of the stand-in of its role and release.
pub fn of_releases(versions: &[&str], programs: &Programs, real: &[Component]) -> Result<Vec<WantedImage>> {
    let catalog = Catalog::builtin()?;
    let mut wanted = BTreeMap::new();
    let mut used = BTreeSet::new();
    for version in versions {
        let release = catalog
            .release(version)
            .with_context(|| format!("the catalog has no KFP {version}"))?;
        let install = release
            .installable()
            .with_context(|| format!("KFP {version} is not installable"))?;
        let needs = release
            .dependencies
            .as_ref()
            .with_context(|| format!("KFP {} has no dependencies", release.version))?;
        for (purpose, name) in &install.images {
            let kind = match role(purpose) {
                Some(role) => {
                    // ML Metadata has releases of its own.
                    let version = if role == Role::Mlmd {
                        needs.mlmd.clone()
                    } else {
                        release.version.to_string()
                    };
                    match real
                        .iter()
                        .find(|component| component.role == role && component.release == version)
                    {
                        Some(component) => {
                            used.insert(&component.program);
                            Kind::Real(component.clone())
                        }
                        None => Kind::StandIn {
                            program: programs.stand_in.clone(),
                            role,
                            release: version,
                        },
                    }
                }
                None => other(purpose, needs)
                    .with_context(|| format!("KFP {} wants the image {name}", release.version))?,
            };
            wanted.insert(name.clone(), kind);
        }
    }
    for component in real {
        // One for another release is no mistake: a folder may serve several runs.
        let known = component.role == Role::Mlmd || catalog.release(&component.release).is_some();
        anyhow::ensure!(
            known,
            "{}: the catalog has no KFP {}",
            component.program.display(),
            component.release
        );
    }
    anyhow::ensure!(
        real.is_empty() || !used.is_empty(),
        "none of the real components belongs to KFP {}",
        versions.join(", ")
    );
    Ok(wanted
        .into_iter()
        .map(|(name, kind)| WantedImage { name, kind })
        .collect())
}

/// The role of the KFP program in an image of this purpose; `None` for programs of others.
fn role(purpose: &str) -> Option<Role> {
    Some(match purpose {
        "api-server" => Role::ApiServer,
        "cache-server" => Role::CacheServer,
        "driver" => Role::Driver,
        "frontend" => Role::Frontend,
        "launcher" => Role::Launcher,
        "metadata-envoy" => Role::MetadataEnvoy,
        "metadata-grpc" => Role::Mlmd,
        "metadata-writer" => Role::MetadataWriter,
        "persistence-agent" => Role::PersistenceAgent,
        "scheduled-workflow" => Role::ScheduledWorkflow,
        "viewer" => Role::ViewerCrd,
        "visualization" => Role::VisualizationServer,
        _ => return None,
    })
}

/// Programs of others: real ones, in the versions that can be had.
fn other(purpose: &str, needs: &Dependencies) -> Result<Kind> {
    Ok(match (purpose, needs.object_store) {
        ("argo-executor", _) => Kind::ArgoExec,
        ("workflow-controller", _) => Kind::WorkflowController,
        ("mysql", _) => Kind::MySql,
        ("mariadb", _) => Kind::MariaDb,
        ("object-store", ObjectStoreKind::MinIO) => Kind::MinIo,
        ("object-store", ObjectStoreKind::SeaweedFS) => Kind::SeaweedFs,
        ("cached-step" | "wait", _) => Kind::Shell,
        _ => bail!("nobody knows what to put into an image for {purpose:?}; say so in e2e/lab/images.rs"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programs() -> Programs {
        Programs {
            operator: "operator".into(),
            kfpctl: "kfpctl".into(),
            stand_in: "stand-in".into(),
        }
    }

    fn component(role: Role, release: &str) -> Component {
        Component {
            role,
            release: release.into(),
            program: "real".into(),
            files: None,
        }
    }

    #[test]
    fn every_image_of_every_installable_release_has_something_behind_it() {
        for (release, install) in Catalog::builtin().unwrap().installable() {
            let wanted = of_releases(&[&release.version.to_string()], &programs(), &[]).unwrap();
            for name in install.images.values() {
                assert!(wanted.iter().any(|image| image.name == *name), "{name}");
            }
        }
    }

    #[test]
    fn a_real_component_takes_the_place_of_its_stand_in_only() {
        let real = component(Role::ApiServer, "2.16.1");
        let wanted = of_releases(&["2.16.1", "2.17.0"], &programs(), std::slice::from_ref(&real)).unwrap();
        let places: Vec<&str> = wanted
            .iter()
            .filter(|image| matches!(image.kind, Kind::Real(_)))
            .map(|image| image.name.as_str())
            .collect();
        assert_eq!(places, ["ghcr.io/kubeflow/kfp-api-server:2.16.1"]);
    }

    #[test]
    fn a_real_component_of_an_unknown_release_is_an_error() {
        let real = [
            component(Role::ApiServer, "2.16.1"),
            component(Role::ApiServer, "9.9.9"),
        ];
        assert!(of_releases(&["2.16.1"], &programs(), &real).is_err());
    }

    #[test]
    fn real_components_that_nobody_asks_for_are_an_error() {
        assert!(of_releases(&["2.16.1"], &programs(), &[component(Role::ApiServer, "2.17.0")]).is_err());
    }
}
