//! FACTS: `spec.version` and `spec.pipelineStore` against the catalog. Pure.

use std::sync::Arc;

use kfp_api::KfpInstallationSpec;
use kfp_api::conditions::Reason;
use kfp_api::installation::PipelineStoreType;

use super::{Findings, installable_versions, list};
use crate::catalog::Catalog;
use crate::release::{Release, SupportState};

/// The release that the spec asks for, with the store of pipelines that it asks for, if it can be installed so.
pub(super) fn resolve(
    spec: &KfpInstallationSpec,
    catalog: &Catalog,
    findings: &mut Findings,
) -> Option<Arc<Release>> {
    let release = named(&spec.version, catalog, findings)?;
    if spec.pipeline_store.r#type == PipelineStoreType::Database {
        return Some(release);
    }
    let variant = catalog.with_kubernetes_pipelines(release.version);
    if variant.is_none() {
        let able = list(
            catalog
                .installable()
                .filter(|(release, _)| catalog.with_kubernetes_pipelines(release.version).is_some())
                .map(|(release, _)| release.version.to_string()),
        );
        let message = format!(
            "is Kubernetes, but KFP {} keeps pipelines in the database only: leave the field out, or choose {able}",
            release.version
        );
        findings.add("spec.pipelineStore.type", message);
    }
    variant.map(Arc::clone)
}

/// The release of this name, if it can be installed.
fn named(wanted: &str, catalog: &Catalog, findings: &mut Findings) -> Option<Arc<Release>> {
    let choice = installable_versions(catalog);
    let message = match catalog.release(wanted) {
        Some(release) if release.installable().is_some() => return Some(Arc::clone(release)),
        Some(release) => {
            let state = match release.support.state {
                SupportState::SdkOnly => "is the number of an SDK, no backend has it",
                SupportState::Withdrawn => "was replaced",
                SupportState::Listed | SupportState::Supported => {
                    "is known, but this operator cannot install it"
                }
            };
            format!("{wanted} {state}. {} Choose {choice}", release.support.reason)
        }
        None => format!(
            "{wanted} is not in the release catalog of this operator. Choose {choice}, or use an operator that knows it"
        ),
    };
    findings.because(Reason::UnknownVersion, "spec.version", message);
    None
}
