//! JUDGEMENT: the SDK policy of an installation, as its ConfigMap tells clients, on pipelines and pinned packages. Pure.

use kfp_releases::sdk::{SdkPolicy, Standing};
use kfp_releases::{SdkVersion, Version};

use super::NOT_ALLOWED;
use crate::finding::{Code, Effect, Finding, Severity};
use crate::requirements::{Ask, Package, Requirement};
use crate::text::Place;

/// An installation's policy, and whose it is.
#[derive(Clone, Debug)]
pub struct InstalledPolicy {
    /// `NAMESPACE/NAME` of the installation.
    pub name: String,
    /// How bad an SDK outside it is: an error where it is enforced.
    pub severity: Severity,
    /// What it says.
    pub policy: SdkPolicy,
}

impl InstalledPolicy {
    /// What is to be told about a pipeline of this name that this SDK compiled.
    #[must_use]
    pub fn pipeline(
        &self,
        name: Option<&str>,
        sdk: Option<&str>,
        place: Option<Place>,
        release: Version,
    ) -> Option<Finding> {
        let version: Option<SdkVersion> = sdk.and_then(|text| text.parse().ok());
        let standing = self.policy.standing(name.unwrap_or_default(), version.as_ref());
        (standing == Standing::Outside).then(|| {
            let compiled = match &version {
                Some(version) => format!("it was compiled by kfp {version}"),
                None => "it does not say which SDK compiled it".to_owned(),
            };
            self.finding(&compiled, "sdkVersion", place, release)
        })
    }

    /// The same for an SDK that a file pins.
    #[must_use]
    pub fn requirement(&self, asked: &Requirement, release: Version) -> Option<Finding> {
        let Ask::Exactly(pinned) = &asked.ask else {
            return None;
        };
        let version: SdkVersion = pinned.to_string().parse().ok()?;
        let is_outside = asked.package == Package::Kfp && !self.policy.allowed.contains(&version);
        is_outside.then(|| {
            self.finding(
                &format!("kfp {pinned} is pinned"),
                &asked.path,
                asked.place,
                release,
            )
        })
    }

    fn finding(&self, what: &str, path: &str, place: Option<Place>, release: Version) -> Finding {
        Finding {
            code: Code(NOT_ALLOWED.to_owned()),
            effect: Effect::Discouraged,
            severity: self.severity,
            release,
            path: path.to_owned(),
            task: None,
            place,
            message: format!("{what}, and the installation {} does not allow that", self.name),
            works_since: None,
            works_until: None,
            help: format!("use kfp {}", self.policy.allowed),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn policy() -> InstalledPolicy {
        InstalledPolicy {
            name: "team/demo".to_owned(),
            severity: Severity::Error,
            policy: serde_json::from_str(
                r#"{"mode": "Enforce", "allowed": ">=2.0,<2.17", "exceptions": [{"pipeline": "old", "reason": "it goes"}]}"#,
            )
            .unwrap(),
        }
    }

    #[rstest]
    #[case(Some("new"), Some("kfp-2.16.1"), false)]
    #[case(Some("new"), Some("kfp-2.17.0"), true)]
    #[case(Some("old"), Some("kfp-2.17.0"), false)]
    #[case(Some("new"), None, true)]
    fn pipelines_outside_the_policy_are_told(
        #[case] name: Option<&str>,
        #[case] sdk: Option<&str>,
        #[case] wanted: bool,
    ) {
        let found = policy().pipeline(name, sdk, None, "2.16.1".parse().unwrap());
        assert_eq!(found.is_some(), wanted);
        assert!(found.is_none_or(|one| one.message.contains("team/demo")));
    }
}
