//! Room e2e/standin: the programs of KFP that it can take the place of. Names only.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// A program of KFP that the stand-in can take the place of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The API server, `ml-pipeline`.
    ApiServer,
    /// The persistence agent.
    PersistenceAgent,
    /// The controller of recurring runs.
    ScheduledWorkflow,
    /// The controller of `TensorBoard` viewers.
    ViewerCrd,
    /// The server behind the page.
    Frontend,
    /// The server that draws v1 visualizations.
    VisualizationServer,
    /// The admission webhook of v1 caching.
    CacheServer,
    /// The writer of v1 metadata.
    MetadataWriter,
    /// Envoy before MLMD.
    MetadataEnvoy,
    /// The ml-metadata gRPC server.
    Mlmd,
    /// The driver of a run's steps.
    Driver,
    /// The launcher inside a run's steps.
    Launcher,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 12] = [
        Self::ApiServer,
        Self::PersistenceAgent,
        Self::ScheduledWorkflow,
        Self::ViewerCrd,
        Self::Frontend,
        Self::VisualizationServer,
        Self::CacheServer,
        Self::MetadataWriter,
        Self::MetadataEnvoy,
        Self::Mlmd,
        Self::Driver,
        Self::Launcher,
    ];

    /// The role's name in data files, images and `--components` folders.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ApiServer => "apiserver",
            Self::PersistenceAgent => "persistenceagent",
            Self::ScheduledWorkflow => "scheduledworkflow",
            Self::ViewerCrd => "viewercrd",
            Self::Frontend => "frontend",
            Self::VisualizationServer => "visualizationserver",
            Self::CacheServer => "cacheserver",
            Self::MetadataWriter => "metadatawriter",
            Self::MetadataEnvoy => "metadataenvoy",
            Self::Mlmd => "mlmd",
            Self::Driver => "driver",
            Self::Launcher => "launcher",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|role| role.name() == text)
            .ok_or_else(|| {
                let names: Vec<_> = Self::ALL.iter().map(|role| role.name()).collect();
                format!("unknown role {text:?}; the roles are {}", names.join(", "))
            })
    }
}
