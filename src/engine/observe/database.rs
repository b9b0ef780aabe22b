//! EYES: the database as the operator's own connection sees it, with the credentials that the components use. Read-only.

use kfp_api::conditions::Reason;
use kfp_api::installation::DatabaseEngine;
use kfp_api::status::{SchemaState, SchemaStatus};
use kfp_database::{Credentials, Engine, Inspection, ProbeError, ProbeReason, State, Target, Verdict, judge};
use kfp_plan::{DatabaseSeen, Seen};
use kfp_releases::Role;
use kfp_releases::release::Install;
use kfp_releases::schema::SchemaCatalog;

use super::secrets;
use super::service::{Address, address};
use crate::desired::secret_named;
use crate::live::Live;

/// Differences shown in a status; more would not be read.
const DIFFERENCES: usize = 20;

/// Logs in to the database and judges its schema against every release.
pub async fn look(
    install: &Install,
    schemas: &SchemaCatalog,
    namespace: &str,
    live: &Live,
) -> Seen<DatabaseSeen> {
    let service = install
        .role(Role::Database)
        .and_then(|component| component.services.first());
    let Some(service) = service else {
        return Seen::Absent;
    };
    let address = match address(live, namespace, &service.name, None) {
        Seen::Known(address) => address,
        Seen::Absent => return Seen::Absent,
        Seen::Unknown { reason, why } => return Seen::Unknown { reason, why },
    };
    let databases = &install.databases;
    match credentials(live, &databases.user_secret) {
        Seen::Known(credentials) => ask(address, credentials, &databases.pipelines, schemas).await,
        Seen::Absent => Seen::Unknown {
            reason: Reason::AccessDenied,
            why: format!(
                "Secret {} in namespace {namespace} has no username or no password, so the operator cannot log in to the database",
                databases.user_secret
            ),
        },
        Seen::Unknown { reason, why } => Seen::Unknown { reason, why },
    }
}

fn credentials(live: &Live, secret: &str) -> Seen<Credentials> {
    let found = match live.seen(&secret_named(secret)) {
        Seen::Known(found) => found,
        Seen::Absent => return Seen::Absent,
        Seen::Unknown { reason, why } => return Seen::Unknown { reason, why },
    };
    match (secrets::text(found, "username"), secrets::text(found, "password")) {
        (Some(username), Some(password)) => Seen::Known(Credentials { username, password }),
        _ => Seen::Absent,
    }
}

async fn ask(
    address: Address,
    credentials: Credentials,
    database: &str,
    schemas: &SchemaCatalog,
) -> Seen<DatabaseSeen> {
    let target = Target {
        host: address.host,
        port: address.port,
        credentials,
    };
    match kfp_database::inspect(&target, database).await {
        Ok(inspection) => Seen::Known(seen(inspection, schemas)),
        Err(error) => Seen::Unknown {
            reason: reason(&error),
            why: error.to_string(),
        },
    }
}

pub(crate) fn seen(inspection: Inspection, schemas: &SchemaCatalog) -> DatabaseSeen {
    let verdict = inspection.schema.as_ref().map(|schema| judge(schema, schemas));
    let midway = verdict.as_ref().and_then(|verdict| verdict.midway.as_ref());
    DatabaseSeen {
        engine: match inspection.server.engine {
            Engine::MySql => DatabaseEngine::MySQL,
            Engine::MariaDb => DatabaseEngine::MariaDB,
        },
        server_version: inspection.server.server_version,
        unfinished_install: midway.is_some_and(|midway| midway.from.is_none()),
        causes: verdict
            .as_ref()
            .map(|verdict| verdict.causes.clone())
            .unwrap_or_default(),
        schema: verdict.map_or_else(empty, status),
    }
}

/// A database that is not there holds no tables.
fn empty() -> SchemaStatus {
    SchemaStatus {
        state: SchemaState::Empty,
        matches: Vec::new(),
        differences: Vec::new(),
    }
}

fn status(verdict: Verdict) -> SchemaStatus {
    SchemaStatus {
        state: match verdict.state {
            State::Empty => SchemaState::Empty,
            State::Exact => SchemaState::Exact,
            State::Tolerated => SchemaState::Tolerated,
            State::HalfMigrated => SchemaState::HalfMigrated,
            State::Foreign => SchemaState::Foreign,
        },
        matches: verdict.matches.iter().map(ToString::to_string).collect(),
        differences: verdict.differences.into_iter().take(DIFFERENCES).collect(),
    }
}

/// The probe's own reasons in the words of conditions.
pub(crate) fn reason(error: &ProbeError) -> Reason {
    match error.reason() {
        ProbeReason::AccessDenied => Reason::AccessDenied,
        ProbeReason::Unreachable | ProbeReason::Timeout => Reason::Unreachable,
        ProbeReason::UnknownDatabase => Reason::SchemaMismatch,
        ProbeReason::TooManyConnections
        | ProbeReason::Tls
        | ProbeReason::BeingAltered
        | ProbeReason::TooLarge
        | ProbeReason::Other => Reason::ProbeFailed,
    }
}
