//! JUDGEMENT: packages that a file asks for × one release -> findings. Pure.

use kfp_releases::Version;
use pep440_rs::VersionSpecifiers;

use super::{Packages, numbers, pep440, recommend};
use crate::finding::{Code, Effect, Finding};
use crate::requirements::{Ask, Package, Requirement};

/// The pinned version has a defect that shows on this backend.
const DEFECT_HERE: &str = "KFP080";
/// It can write more than the backend knows.
const TOO_NEW: &str = "KFP081";
/// The file does not say which version is installed.
pub const NOT_PINNED: &str = "KFP082";
/// Two packages that do not go with each other.
const PAIR: &str = "KFP083";
/// The version has a defect wherever it is used.
const DEFECT: &str = "KFP084";
/// The SDK is of the first generation.
const FIRST_GENERATION: &str = "KFP085";
/// The package is taken from somewhere else.
const ELSEWHERE: &str = "KFP086";

/// What is to be told about the packages that a file asks for, when what they compile is to run on `backend`.
#[must_use]
pub fn fit(asked: &[Requirement], backend: Version, packages: &Packages) -> Vec<Finding> {
    let judge = Judge { backend, packages };
    let mut findings: Vec<Finding> = asked
        .iter()
        .flat_map(|requirement| judge.one(requirement))
        .collect();
    findings.extend(judge.pairs(asked));
    findings
}

struct Judge<'a> {
    backend: Version,
    packages: &'a Packages,
}

impl Judge<'_> {
    fn one(&self, asked: &Requirement) -> Vec<Finding> {
        let package = asked.package;
        match &asked.ask {
            Ask::Exactly(version) => self.exactly(asked, version),
            Ask::Ranges(ranges) => self.open(asked, ranges),
            Ask::Anything => self.open(asked, &[]),
            Ask::Elsewhere(place) => vec![self.finding(
                asked,
                ELSEWHERE,
                Effect::Note,
                format!("{package} is taken from {place}; which version that is cannot be told from here"),
                "check the pipelines that it compiles".to_owned(),
            )],
        }
    }

    fn exactly(&self, asked: &Requirement, version: &pep440_rs::Version) -> Vec<Finding> {
        let package = asked.package;
        if package == Package::Kfp && numbers(version).major < 2 {
            return vec![self.finding(
                asked,
                FIRST_GENERATION,
                Effect::Discouraged,
                format!("kfp {version} compiles Argo Workflows, as the first generation of KFP had them"),
                self.pin(),
            )];
        }
        let mut findings = Vec::new();
        for defect in self.packages.defects(package, version, self.backend) {
            if defect
                .extra
                .as_ref()
                .is_some_and(|extra| !has_extra(asked, extra))
            {
                continue;
            }
            let code = if defect.backends.is_some() {
                DEFECT_HERE
            } else {
                DEFECT
            };
            let message = format!("{package} {version}: {}", defect.summary);
            findings.push(self.finding(asked, code, defect.effect, message, self.pin()));
        }
        if findings.iter().all(|finding| finding.code.0 != DEFECT_HERE) && !self.understood(package, version)
        {
            findings.push(self.too_new(asked, version));
        }
        findings
    }

    /// A development version counts as the release that it comes before.
    fn understood(&self, package: Package, version: &pep440_rs::Version) -> bool {
        self.packages
            .is_understood(package, numbers(version), self.backend)
    }

    fn too_new(&self, asked: &Requirement, version: &pep440_rs::Version) -> Finding {
        let package = asked.package;
        let (effect, message) = match package {
            Package::Kfp | Package::KfpKubernetes => (
                Effect::Discouraged,
                format!("{package} {version} can write fields that this backend does not know"),
            ),
            Package::KfpPipelineSpec => (
                Effect::Note,
                format!(
                    "{package} {version} has fields that this backend does not know; kfp decides whether they are written"
                ),
            ),
            Package::KfpServerApi => (
                Effect::Note,
                format!(
                    "{package} {version} is newer than this backend, which refuses calls with fields that it does not know"
                ),
            ),
        };
        let mut finding = self.finding(asked, TOO_NEW, effect, message, self.pin());
        finding.works_since = self.packages.understood_since(package, numbers(version));
        finding
    }

    /// No range: any version.
    fn open(&self, asked: &Requirement, ranges: &[VersionSpecifiers]) -> Vec<Finding> {
        let package = asked.package;
        if !matches!(package, Package::Kfp | Package::KfpKubernetes) {
            // kfp itself asks for the range of these that it works with.
            return Vec::new();
        }
        let holds = |version: &pep440_rs::Version| {
            ranges.is_empty() || ranges.iter().any(|range| range.contains(version))
        };
        let allowed: Vec<Version> = self
            .packages
            .published(package)
            .into_iter()
            .filter(|version| holds(&pep440(*version)))
            .collect();
        let unfit = allowed
            .iter()
            .rev()
            .find(|version| !self.is_fit(package, **version));
        let endless = holds(&pep440_rs::Version::new([u64::from(u16::MAX)]))
            || holds(&pep440_rs::Version::new([2, u64::from(u16::MAX)]));
        let (effect, message) = match (unfit, allowed.last()) {
            (Some(version), _) => (
                Effect::Discouraged,
                format!("{package} is not pinned: {version} is allowed, which does not go with this backend"),
            ),
            (None, _) if endless => (
                Effect::Discouraged,
                format!("{package} is not pinned: whatever is newest on the day is installed"),
            ),
            (None, Some(_)) => (
                Effect::Note,
                format!(
                    "{package} is not pinned; every version that is allowed today goes with this backend"
                ),
            ),
            (None, None) => (
                Effect::Note,
                format!("{package} is not pinned, and no version that is known here is allowed"),
            ),
        };
        vec![self.finding(asked, NOT_PINNED, effect, message, self.pin())]
    }

    fn is_fit(&self, package: Package, version: Version) -> bool {
        let standard = pep440(version);
        let mut defects = self.packages.defects(package, &standard, self.backend);
        version.major >= 1
            && !defects.any(|defect| defect.backends.is_some())
            && self.packages.is_understood(package, version, self.backend)
    }

    /// The two packages, where a file pins both.
    fn pairs(&self, asked: &[Requirement]) -> Vec<Finding> {
        let pinned = |package: Package| {
            asked
                .iter()
                .filter(move |one| one.package == package)
                .filter_map(|one| match &one.ask {
                    Ask::Exactly(version) => Some((one, version)),
                    _ => None,
                })
        };
        let mut findings = Vec::new();
        for (requirement, kubernetes) in pinned(Package::KfpKubernetes) {
            for (_, kfp) in pinned(Package::Kfp) {
                let rule = self.packages.pairs.iter().find(|pair| pair.kfp.0.contains(kfp));
                if rule.is_some_and(|rule| !rule.kubernetes.0.contains(kubernetes)) {
                    let message = format!("kfp-kubernetes {kubernetes} does not go with kfp {kfp}");
                    findings.push(self.finding(requirement, PAIR, Effect::Discouraged, message, self.pin()));
                }
            }
        }
        findings
    }

    fn pin(&self) -> String {
        recommend(self.backend, self.packages).map_or_else(String::new, |found| {
            format!(
                "for {} pin kfp=={} and kfp-kubernetes=={}",
                self.backend, found.kfp, found.kfp_kubernetes
            )
        })
    }

    fn finding(
        &self,
        asked: &Requirement,
        code: &str,
        effect: Effect,
        message: String,
        help: String,
    ) -> Finding {
        Finding {
            code: Code(code.to_owned()),
            effect,
            severity: effect.severity(),
            release: self.backend,
            path: asked.path.clone(),
            task: None,
            place: asked.place,
            message,
            works_since: None,
            works_until: None,
            help,
        }
    }
}

/// `all` holds every other extra.
fn has_extra(asked: &Requirement, extra: &str) -> bool {
    asked.extras.iter().any(|one| one == extra || one == "all")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::requirements::{Format, read};

    fn told(text: &str, backend: &str) -> Vec<String> {
        let asked = read(Format::Requirements, text).unwrap();
        let found = fit(
            &asked.packages,
            backend.parse().unwrap(),
            Packages::builtin().unwrap(),
        );
        found
            .iter()
            .map(|one| format!("{} {}", one.code.0, one.effect))
            .collect()
    }

    #[rstest]
    #[case("kfp==2.14.6\nkfp-kubernetes==2.14.6", "2.14.4", &[])]
    #[case("kfp==2.14.6", "2.17.0", &[])]
    #[case("kfp==2.0.1", "2.17.0", &[])]
    #[case("kfp==2.13.0", "2.5.0", &[])]
    #[case("kfp==2.15.2", "2.15.0", &[])]
    #[case("kfp==2.15.0", "2.15.0", &[])]
    #[case("kfp==2.15.1", "2.14.4", &["KFP080 FailsAtRun"])]
    #[case("kfp==2.15.2", "2.14.4", &["KFP081 Discouraged"])]
    #[case("kfp==2.99.0", "2.17.0", &["KFP081 Discouraged"])]
    #[case("kfp==2.17.0rc1", "2.5.0", &["KFP081 Discouraged"])]
    #[case("kfp-kubernetes==2.15.2", "2.14.4", &["KFP080 Discouraged"])]
    #[case("kfp-kubernetes==2.16.0", "2.15.0", &["KFP081 Discouraged"])]
    #[case("kfp==1.8.22", "2.14.4", &["KFP085 Discouraged"])]
    #[case("kfp[kubernetes]==2.14.3", "2.14.4", &["KFP084 Discouraged"])]
    #[case("kfp==2.14.3", "2.14.4", &[])]
    #[case("kfp", "2.17.0", &["KFP082 Discouraged"])]
    #[case("kfp>=2.14", "2.17.0", &["KFP082 Discouraged"])]
    #[case("kfp>=2.14,<2.16", "2.14.4", &["KFP082 Discouraged"])]
    #[case("kfp~=2.14.1", "2.14.4", &["KFP082 Note"])]
    #[case("kfp==2.14.*", "2.14.4", &["KFP082 Note"])]
    #[case("kfp>=2.14,<3", "2.17.0", &["KFP082 Discouraged"])]
    #[case("kfp @ git+https://example.com/x", "2.14.4", &["KFP086 Note"])]
    #[case("kfp==2.14.6\nkfp-kubernetes==1.5.0", "2.14.4", &["KFP083 Discouraged"])]
    #[case("kfp-server-api==2.16.0", "2.14.4", &["KFP081 Note"])]
    #[case("kfp-server-api", "2.14.4", &[])]
    #[case("numpy", "2.14.4", &[])]
    fn packages_are_judged_for_a_release(#[case] text: &str, #[case] backend: &str, #[case] wanted: &[&str]) {
        assert_eq!(told(text, backend), wanted);
    }

    #[test]
    fn what_is_too_new_says_since_when_it_works_and_what_to_pin() {
        let asked = read(Format::Requirements, "kfp==2.16.0").unwrap();
        let found = fit(
            &asked.packages,
            "2.14.4".parse().unwrap(),
            Packages::builtin().unwrap(),
        );
        assert_eq!(found[0].works_since, Some("2.16.0".parse().unwrap()));
        assert_eq!(
            found[0].help,
            "for 2.14.4 pin kfp==2.14.6 and kfp-kubernetes==2.14.6"
        );
    }
}
