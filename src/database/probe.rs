//! LEDGER: the looks that the operator takes: is the server there, which is it, what stands in its database. Read-only;
//! what it means is not judged here.

use kfp_releases::schema::LogicalSchema;

use crate::error::{ProbeError, ProbeReason};
use crate::session::{ServerFacts, Session};
use crate::target::Target;

/// What one look found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The server.
    pub server: ServerFacts,
    /// The schema of the database; `None` where the server has no such database.
    pub schema: Option<LogicalSchema>,
}

/// Logs in and asks the server for its kind and version. Takes [`crate::CONNECT_LIMIT`] and a second at most.
pub async fn probe(target: &Target) -> Result<ServerFacts, ProbeError> {
    let session = Session::open(target).await?;
    let facts = session.facts().clone();
    session.close().await;
    Ok(facts)
}

/// Reads the schema of `database`. The account needs a right on the whole database (`GRANT … ON database.*`, as KFP's own
/// has): servers hide tables on which an account has none.
pub async fn read_schema(target: &Target, database: &str) -> Result<LogicalSchema, ProbeError> {
    let mut session = Session::open(target).await?;
    let schema = session.read_schema(database).await;
    session.close().await;
    schema
}

/// Both looks over one connection. A missing database is no error here.
pub async fn inspect(target: &Target, database: &str) -> Result<Inspection, ProbeError> {
    let mut session = Session::open(target).await?;
    let schema = session.read_schema(database).await;
    let server = session.facts().clone();
    session.close().await;
    match schema {
        Ok(schema) => Ok(Inspection {
            server,
            schema: Some(schema),
        }),
        Err(error) if error.reason() == ProbeReason::UnknownDatabase => {
            Ok(Inspection { server, schema: None })
        }
        Err(error) => Err(error),
    }
}
