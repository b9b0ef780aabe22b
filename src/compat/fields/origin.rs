//! JUDGEMENT: how far what a release parses is from what a published package knows.

use kfp_releases::Version;
use strum::{Display, VariantArray};

use super::tables::{KUBERNETES_VERSIONS, PIPELINE_SPEC_VERSIONS, ReleaseRow};

/// A published Python package whose descriptor says which fields there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Display, VariantArray)]
pub enum Package {
    /// The pipeline spec and the frame of the platform spec.
    #[strum(serialize = "kfp-pipeline-spec")]
    KfpPipelineSpec,
    /// The configuration of executors on Kubernetes.
    #[strum(serialize = "kfp-kubernetes")]
    KfpKubernetes,
}

/// How near a package is to what a release parses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exactness {
    /// The release parses just what the package knows.
    Exact {
        /// Version of the package.
        package: Version,
    },
    /// No package knows just what the release parses; this one comes nearest.
    Nearest {
        /// Version of the package.
        package: Version,
        /// Fields (`message.field`) that the release parses beside it, or as another type than it.
        plus: &'static [&'static str],
        /// Messages and fields (`message.field`) that the release does not parse.
        minus: &'static [&'static str],
    },
}

/// What was read of a release.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) package: Version,
    pub(super) plus: &'static [&'static str],
    pub(super) minus: &'static [&'static str],
    pub(super) source: &'static str,
}

impl Package {
    /// Its versions in the tables, oldest first.
    #[must_use]
    pub fn versions(self) -> &'static [Version] {
        match self {
            Self::KfpPipelineSpec => PIPELINE_SPEC_VERSIONS,
            Self::KfpKubernetes => KUBERNETES_VERSIONS,
        }
    }
}

impl Origin {
    pub(super) fn exactness(&self) -> Exactness {
        let package = self.package;
        if self.plus.is_empty() && self.minus.is_empty() {
            return Exactness::Exact { package };
        }
        Exactness::Nearest {
            package,
            plus: self.plus,
            minus: self.minus,
        }
    }
}

impl ReleaseRow {
    pub(super) fn origin(&self, package: Package) -> &Origin {
        let [pipeline_spec, kubernetes] = &self.origins;
        match package {
            Package::KfpPipelineSpec => pipeline_spec,
            Package::KfpKubernetes => kubernetes,
        }
    }
}
