//! FACTS: `spec.version` against the catalog. Pure.

use std::sync::Arc;

use kfp_api::conditions::Reason;

use super::{Findings, installable_versions};
use crate::catalog::Catalog;
use crate::release::{Release, SupportState};

/// The release that the spec asks for, if it can be installed.
pub(super) fn resolve(wanted: &str, catalog: &Catalog, findings: &mut Findings) -> Option<Arc<Release>> {
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
