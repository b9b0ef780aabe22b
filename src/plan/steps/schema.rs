//! THOUGHT: may the API server be started on what the database holds? It makes and migrates its schema by itself, so
//! this is decided before it runs, never after.

use kfp_api::conditions::Reason;
use kfp_api::status::{SchemaState, SchemaStatus};

use crate::decision::Question;
use crate::desired::Desired;
use crate::observed::{Observed, Seen};
use crate::words;

/// Label of volumes: the release that they were last applied from.
const VOLUME_RELEASE_LABEL: &str = "app.kubernetes.io/version";

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// The database is empty, or holds the schema of the wanted release.
    Open,
    /// Not known yet, and what is missing.
    Shut(String),
    /// The database holds something else: a person must decide.
    Ask(Question),
}

/// True when the schema is that of `release`, exactly or with differences it is known to bear.
#[must_use]
pub fn is_of(schema: &SchemaStatus, release: &str) -> bool {
    matches!(schema.state, SchemaState::Exact | SchemaState::Tolerated)
        && schema.matches.iter().any(|name| name == release)
}

/// Judges the database's content for the wanted release.
#[must_use]
pub fn gate(desired: &Desired, seen: &Observed) -> Gate {
    match &seen.database {
        Seen::Absent => Gate::Shut("the database, which is not there yet".to_owned()),
        Seen::Unknown { why, .. } => Gate::Shut(format!(
            "a look at the database, so that foreign data is never migrated: {why}"
        )),
        Seen::Known(database) if database.schema.state == SchemaState::Empty => Gate::Open,
        Seen::Known(database) if is_of(&database.schema, &desired.version) => Gate::Open,
        Seen::Known(database) => Gate::Ask(Question {
            reason: Reason::ApprovalRequired,
            message: format!(
                "The database holds {}, and spec.version asks for {}. The API server was not started or changed, because it would migrate this data by itself. {}, or delete {} if the data may go.",
                words::content(database),
                desired.version,
                way_out(&database.schema, desired),
                words::claims(desired)
            ),
        }),
    }
}

/// What a person can do. By now the database server and others of the wanted release run, so that a changed
/// spec.version alone would be refused.
fn way_out(schema: &SchemaStatus, desired: &Desired) -> String {
    match (schema.state, schema.matches.first()) {
        (SchemaState::Exact | SchemaState::Tolerated, Some(release)) => format!(
            "To run KFP {release} on it, delete this resource with spec.deletionPolicy Retain, put the label {VOLUME_RELEASE_LABEL}={release} on {}, and create the resource again with spec.version {release}",
            words::claims(desired)
        ),
        (SchemaState::HalfMigrated, _) => "Finish or undo that upgrade, or restore a backup".to_owned(),
        _ => "Restore a backup whose schema matches a release".to_owned(),
    }
}
