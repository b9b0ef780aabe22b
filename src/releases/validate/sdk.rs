//! FACTS: the SDK policy of the spec, its defaults taken from the release. Pure.

use kfp_api::conditions::Reason;
use kfp_api::installation::PipelineStoreType;
use kfp_api::sdk::{SdkException, SdkPolicyMode};

use super::{Check, Findings};
use crate::release::Release;
use crate::sdk::{Exception, SdkPolicy, SdkRange, SdkVersion, Stage};
use crate::version::Version;

/// The oldest SDK that compiles to the schema version which every backend of the catalog takes, 2.1.0 (kubeflow/pipelines,
/// `backend/src/apiserver/template/v2_template.go`; pipelines of SDK 2.0.1 and their clients were run against 2.3.0 to 2.16.1).
const OLDEST: SdkVersion = SdkVersion {
    release: Version {
        major: 2,
        minor: 0,
        patch: 0,
    },
    stage: Stage::Final,
};

/// The policy, with its defaults, without what has expired.
pub(super) fn resolve(check: &Check<'_>, release: &Release, findings: &mut Findings) -> SdkPolicy {
    let spec = &check.spec.sdk_policy;
    let store = check.install.pipeline_store;
    if spec.mode == SdkPolicyMode::Enforce && store == PipelineStoreType::Database {
        findings.because(
            Reason::SdkPolicyNotEnforceable,
            "spec.sdkPolicy.mode",
            "is Enforce, but pipelines are kept in the database, where KFP takes every upload without asking anybody: set \
             Warn. Refusing needs an installation that was made with spec.pipelineStore.type: Kubernetes",
        );
    }
    let exceptions = spec
        .exceptions
        .iter()
        .enumerate()
        .filter_map(|(index, given)| exception(check, index, given, findings));
    SdkPolicy {
        mode: spec.mode,
        exceptions: exceptions.collect(),
        allowed: allowed(check, release, findings),
    }
}

/// The spec's range, else from the oldest SDK up to the last patch of the minor that the release was published with, or of a
/// later one that compiles to the same fields: patches mend, and a newer minor may write fields that this backend refuses.
fn allowed(check: &Check<'_>, release: &Release, findings: &mut Findings) -> SdkRange {
    let published = release
        .dependencies
        .as_ref()
        .and_then(|with| with.sdk.newest_kfp.as_ref().unwrap_or(&with.sdk.kfp).parse().ok())
        .unwrap_or(OLDEST);
    let default = SdkRange::up_to_minor(&OLDEST, &published);
    let Some(wanted) = &check.spec.sdk_policy.allowed else {
        return default;
    };
    wanted.parse().unwrap_or_else(|error| {
        findings.add("spec.sdkPolicy.allowed", format!("{error}"));
        default
    })
}

/// One exception, unless it has expired.
fn exception(
    check: &Check<'_>,
    index: usize,
    given: &SdkException,
    findings: &mut Findings,
) -> Option<Exception> {
    let path = format!("spec.sdkPolicy.exceptions[{index}]");
    if given.pipeline.is_none() && given.sdk_version.is_none() {
        findings.add(
            &path,
            "names neither a pipeline nor an SDK version, and would let everything through: name one, or set mode: Off",
        );
    }
    let sdk_version = given.sdk_version.as_deref().and_then(|text| {
        let parsed = text.parse();
        if let Err(error) = &parsed {
            findings.add(format!("{path}.sdkVersion"), format!("{error}"));
        }
        parsed.ok()
    });
    let over = given.expires.as_ref().zip(check.references.now);
    if over.is_some_and(|(end, now)| end.0 <= now) {
        return None;
    }
    Some(Exception {
        pipeline: given.pipeline.clone(),
        sdk_version,
        reason: given.reason.clone(),
        expires: given.expires.as_ref().map(|time| time.0.to_string()),
    })
}
