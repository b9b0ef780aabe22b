//! FACTS: the allowed hops between releases, what each takes, and how each can be undone. No I/O.

use serde::{Deserialize, Serialize};

use crate::version::Version;

/// An allowed step from one release to a newer one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Edge {
    /// Release that runs.
    pub from: Version,
    /// Release that will run.
    pub to: Version,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// What can go wrong, each with what is done against it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hazards: Vec<Hazard>,
    /// How it is taken back after the new release has run.
    pub undo: Undo,
}

/// A step of a hop. What it means is one file in `plan/steps/`, how it is done its twin in `engine/act/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Step {
    /// Queries that say whether the hop can succeed, before anything changes.
    Preflight,
    /// A dump of the databases, restored once to prove it.
    Backup,
    /// The dump in a scratch database, migrated and timed.
    Rehearse,
    /// Schedules paused, running Workflows finished, servers stopped.
    Drain,
    /// The hop's SQL.
    MigrateSchema,
    /// The bucket copied from the old kind of object store to the new one.
    CopyBucket,
    /// The new release's CustomResourceDefinitions checked to be there.
    CheckCrds,
    /// Workloads replaced in dependency order.
    RollComponents,
    /// A pipeline run from submission to its artifact.
    SmokeRun,
}

/// Something that can go wrong in a hop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hazard {
    /// Which one.
    pub kind: HazardKind,
    /// What happens.
    pub what: String,
    /// What is done against it.
    pub guard: String,
    /// Where it is said or seen.
    pub source: String,
}

/// Kinds of hazard, for the code that guards against them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HazardKind {
    /// The object store of the new release is another program with another volume.
    ObjectStoreReplaced,
    /// Columns get shorter: long values stop the migration, tables are rebuilt, writes wait.
    ColumnsShrink,
    /// A server killed midway leaves a schema that it later takes for migrated.
    HalfMigration,
    /// Two servers migrate at once and one of them dies.
    ConcurrentMigration,
    /// Argo's controller changes its major or minor version under Workflows that exist.
    ArgoChanges,
    /// Object keys of archived logs or artifacts change; old ones stay under the old prefix.
    KeyFormatChanges,
    /// Finished Workflows are removed sooner or later than before.
    WorkflowLifetimeChanges,
    /// Names of configuration keys change under programs that read them.
    ConfigurationKeysChange,
    /// Database server changes its major version.
    DatabaseServerChanges,
}

/// How a hop is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Undo {
    /// The way.
    pub way: UndoWay,
    /// What was run, and seen, that shows it.
    pub proof: String,
}

/// Ways of taking a hop back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum UndoWay {
    /// The old workloads on the newer schema.
    RollBinaries,
    /// SQL that makes the old schema again, then the old workloads.
    DownSql,
    /// The backup restored; what was written since is lost.
    Restore,
}
