//! JUDGEMENT: which SDK to pin for a release, and why. Pure.

use kfp_releases::Version;
use serde::{Deserialize, Serialize};

use super::{Packages, pep440};
use crate::finding::Effect;
use crate::requirements::Package;

/// What to pin for a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recommendation {
    /// The release.
    pub backend: Version,
    /// Version of `kfp`.
    pub kfp: Version,
    /// Version of `kfp-kubernetes`.
    pub kfp_kubernetes: Version,
    /// Newest version of `kfp` all of whose fields the release knows and that has no known defect there.
    pub newest_kfp: Version,
    /// Reasons, one sentence each.
    pub why: Vec<String>,
    /// What not to install beside this release.
    pub avoid: Vec<Avoid>,
    /// Command for pip.
    pub pip: String,
    /// Command for uv.
    pub uv: String,
}

/// Versions not to install.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Avoid {
    /// The package.
    pub package: Package,
    /// The versions, as PEP 440 writes ranges.
    pub versions: String,
    /// What happens with them.
    pub why: String,
    /// Where that is said or was seen.
    pub source: String,
}

/// What to pin for `backend`; a release that is not in the catalog is taken for the nearest older one. Nothing when the
/// catalog is empty.
#[must_use]
pub fn recommend(backend: Version, packages: &Packages) -> Option<Recommendation> {
    let known = packages.nearest(backend)?;
    let tree = &known.dependencies.as_ref()?.sdk;
    let own: Version = tree.kfp.parse().ok()?;
    let own_kubernetes: Version = tree.kfp_kubernetes.parse().ok()?;
    let is_sound = |version: Version| {
        packages.is_understood(Package::Kfp, version, known.version)
            && packages
                .defects(Package::Kfp, &pep440(version), known.version)
                .next()
                .is_none()
    };
    let sound = || packages.sdks.iter().rev().filter(|sdk| is_sound(sdk.kfp));
    let line = |version: Version| (version.major, version.minor);
    let chosen = sound().find(|sdk| line(sdk.kfp) == line(own) && sdk.kfp >= own);
    let kfp = chosen.map_or(own, |sdk| sdk.kfp);
    let kfp_kubernetes = chosen
        .filter(|sdk| sdk.kfp != own)
        .map_or(own_kubernetes, |sdk| sdk.kubernetes);
    let newest_kfp = sound().next().map_or(kfp, |sdk| sdk.kfp);
    let mut why = Vec::new();
    if known.version != backend {
        why.push(format!(
            "KFP {backend} is not in the catalog; this is what goes with {}.",
            known.version
        ));
    }
    if kfp == own {
        why.push(format!(
            "kfp {own} and kfp-kubernetes {own_kubernetes} are in the source tree of KFP {}.",
            known.version
        ));
    } else {
        why.push(format!(
            "KFP {}'s own tree has kfp {own}; {kfp} is the last patch of that line, and writes nothing that the release does not know.",
            known.version
        ));
    }
    if newest_kfp > kfp {
        why.push(format!("Up to kfp {newest_kfp} everything that an SDK writes is known to this release; newer ones can write more than it takes."));
    } else {
        why.push("Newer SDKs can write more than this release takes.".to_owned());
    }
    Some(Recommendation {
        backend,
        kfp,
        kfp_kubernetes,
        newest_kfp,
        why,
        avoid: avoid(packages, known.version),
        pip: format!("pip install 'kfp=={kfp}' 'kfp-kubernetes=={kfp_kubernetes}'"),
        uv: format!("uv add 'kfp=={kfp}' 'kfp-kubernetes=={kfp_kubernetes}'"),
    })
}

fn avoid(packages: &Packages, backend: Version) -> Vec<Avoid> {
    let here = pep440(backend);
    let shows = packages.defects.iter().filter(|defect| {
        defect.effect > Effect::Note
            && defect
                .backends
                .as_ref()
                .is_none_or(|range| range.0.contains(&here))
    });
    shows
        .map(|defect| Avoid {
            package: defect.package,
            versions: defect.versions.0.to_string(),
            why: defect.summary.clone(),
            source: defect.source.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("2.0.5", "2.4.0", "1.0.0")]
    #[case("2.3.0", "2.8.0", "1.2.0")]
    #[case("2.5.0", "2.12.2", "1.4.0")]
    #[case("2.14.0", "2.14.6", "2.14.6")]
    #[case("2.14.4", "2.14.6", "2.14.6")]
    #[case("2.15.0", "2.15.2", "2.15.2")]
    #[case("2.16.0", "2.16.1", "2.16.1")]
    #[case("2.17.0", "2.17.0", "2.17.0")]
    #[case("2.99.0", "2.17.0", "2.17.0")]
    fn the_last_sound_patch_of_the_releases_own_line_is_recommended(
        #[case] backend: &str,
        #[case] kfp: &str,
        #[case] kubernetes: &str,
    ) {
        let packages = Packages::builtin().unwrap();
        let found = recommend(backend.parse().unwrap(), packages).unwrap();
        assert_eq!(
            (
                found.kfp.to_string().as_str(),
                found.kfp_kubernetes.to_string().as_str()
            ),
            (kfp, kubernetes)
        );
        assert!(found.newest_kfp >= found.kfp);
    }

    #[test]
    fn what_fails_on_an_older_backend_is_to_be_avoided_there_alone() {
        let packages = Packages::builtin().unwrap();
        let avoided = |backend: &str| {
            let found = recommend(backend.parse().unwrap(), packages).unwrap();
            found.avoid.iter().any(|avoid| avoid.why.contains("custom_path"))
        };
        assert!(avoided("2.14.4") && !avoided("2.15.0"));
    }
}
