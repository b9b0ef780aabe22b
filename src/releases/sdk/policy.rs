//! FACTS: an SDK policy with its defaults applied, and what it says of one pipeline. No I/O; the time is given.

use kfp_api::sdk::SdkPolicyMode;
use serde::{Deserialize, Serialize};

use super::{SdkRange, SdkVersion};

/// An SDK policy, its defaults taken from the release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SdkPolicy {
    /// What is done about a pipeline outside the policy.
    pub mode: SdkPolicyMode,
    /// Versions that are allowed.
    pub allowed: SdkRange,
    /// What the policy does not apply to; those that have expired are left out.
    pub exceptions: Vec<Exception>,
}

/// Something that the policy does not apply to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exception {
    /// Name of a pipeline. Unset: every pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<String>,
    /// A version of the SDK. Unset: every version, and none that can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sdk_version: Option<SdkVersion>,
    /// Why.
    pub reason: String,
    /// Time from which on it does not count any more, RFC 3339. Unset: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// Where a pipeline stands with a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing<'a> {
    /// Its SDK is allowed.
    Inside,
    /// Its SDK is not allowed, and this exception lets it through.
    Excepted(&'a Exception),
    /// Its SDK is not allowed, or it does not say which one compiled it.
    Outside,
}

impl SdkPolicy {
    /// Where a pipeline stands, by its name and the version of the SDK that it names, if it names one that can be read.
    /// Whether anything is done about it is a matter of `mode`.
    #[must_use]
    pub fn standing(&self, pipeline: &str, sdk: Option<&SdkVersion>) -> Standing<'_> {
        if sdk.is_some_and(|sdk| self.allowed.contains(sdk)) {
            return Standing::Inside;
        }
        let mut exceptions = self.exceptions.iter();
        exceptions
            .find(|exception| exception.fits(pipeline, sdk))
            .map_or(Standing::Outside, Standing::Excepted)
    }
}

impl Exception {
    fn fits(&self, pipeline: &str, sdk: Option<&SdkVersion>) -> bool {
        let named = self.pipeline.as_deref().is_none_or(|name| name == pipeline);
        let compiled = self.sdk_version.as_ref().is_none_or(|wanted| sdk == Some(wanted));
        named && compiled
    }
}
