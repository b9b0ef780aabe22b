//! THOUGHT: pods that are ready are not yet a service that answers: what the operator's own probes still wait for.

use kfp_releases::Role;

use crate::desired::Desired;
use crate::observed::{Observed, Seen};
use crate::steps::components::{Waits, trouble};
use crate::steps::restore::Hold;
use crate::steps::schema;
use crate::words;

/// Adds a wait for each probe that fails although the component's own pods are ready. What is held is not asked.
pub fn collect(desired: &Desired, seen: &Observed, hold: &Hold, waits: &mut Waits) {
    database(desired, seen, hold, waits);
    probe(
        desired,
        seen,
        Role::ObjectStore,
        &seen.object_store,
        "a put, get and delete in the bucket",
        waits,
    );
    if hold.stops(Role::ApiServer) {
        return;
    }
    probe(
        desired,
        seen,
        Role::ApiServer,
        &seen.api_server,
        "its own answer",
        waits,
    );
}

fn database(desired: &Desired, seen: &Observed, hold: &Hold, waits: &mut Waits) {
    probe(
        desired,
        seen,
        Role::Database,
        &seen.database,
        "an answer of the database",
        waits,
    );
    let (Seen::Known(found), Some(server)) = (&seen.database, desired.role(Role::ApiServer)) else {
        return;
    };
    if hold.stops(Role::ApiServer) {
        return;
    }
    // Before the server runs the gate speaks for the schema; while its pods start they are waited for anyway.
    if trouble(seen, server).is_none() && !schema::is_of(&found.schema, &desired.version) {
        waits.add(
            &server.name,
            format!(
                "the schema of {} in the database, which holds {}",
                desired.version,
                words::content(found)
            ),
        );
    }
}

fn probe<T>(desired: &Desired, seen: &Observed, role: Role, result: &Seen<T>, what: &str, waits: &mut Waits) {
    let Some(component) = desired.role(role) else {
        return;
    };
    if trouble(seen, component).is_some() {
        return;
    }
    match result {
        Seen::Known(_) => {}
        Seen::Absent => waits.add(&component.name, format!("{what}, which was not tried yet")),
        Seen::Unknown { why, .. } => waits.add(&component.name, format!("{what}: {why}")),
    }
}
