//! THOUGHT: what runs: version, components, database, addresses. What could not be seen stays as it was last seen.

use kfp_api::status::{ComponentStatus, DatabaseStatus, Endpoints};
use kfp_releases::Role;

use crate::desired::{AddressKind, Desired, DesiredComponent};
use crate::observed::{Observed, Seen};
use crate::project::View;
use crate::steps::components::is_healthy;
use crate::steps::schema;
use crate::words;

/// The release that runs: the one label on all workloads, where the database's schema is that release's.
pub(super) fn version(input: &View) -> Option<String> {
    let Some(seen) = input.observed else {
        return input.old.version.clone();
    };
    if matches!(seen.installed, Seen::Unknown { .. }) {
        return input.old.version.clone();
    }
    let only = only_label(seen).filter(|_| server_made(input, seen))?.clone();
    match &seen.database {
        Seen::Known(database) => schema::is_of(&database.schema, &only).then_some(only),
        Seen::Absent => None,
        Seen::Unknown { .. } => input.old.version.clone().filter(|old| *old == only),
    }
}

/// The release that all workloads say they were rendered from; none where there are two, or no workload.
pub(super) fn only_label(seen: &Observed) -> Option<&String> {
    let Seen::Known(labels) = &seen.installed else {
        return None;
    };
    labels.first().filter(|_| labels.len() == 1)
}

/// Before the API server's workload is there, no release runs, whatever the database holds.
fn server_made(input: &View, seen: &Observed) -> bool {
    let server = input.desired.and_then(|desired| desired.role(Role::ApiServer));
    let look = server.and_then(|server| seen.components.get(&server.name));
    look.is_none_or(|look| look.workload != Seen::Absent)
}

/// One line a component that runs, in component order.
pub(super) fn components(input: &View) -> Vec<ComponentStatus> {
    match (input.desired, input.observed) {
        (Some(desired), Some(seen)) => desired
            .components
            .iter()
            .map(|component| line(input, seen, component))
            .collect(),
        _ => input.old.components.clone(),
    }
}

fn line(input: &View, seen: &Observed, component: &DesiredComponent) -> ComponentStatus {
    let name = component.name.clone();
    let wait = input.decision.waiting.iter().find(|wait| wait.component == name);
    let message = wait
        .map(|wait| words::short(&format!("Waits for {}.", wait.on)))
        .unwrap_or_default();
    match seen.components.get(&name).map(|look| &look.workload) {
        Some(Seen::Known(workload)) => ComponentStatus {
            name,
            version: workload.release.clone(),
            image: workload.image.clone(),
            ready: workload.ready,
            desired: workload.desired,
            message: if message.is_empty() && !is_healthy(workload) {
                words::short(&format!("{}.", words::progress(workload)))
            } else {
                message
            },
        },
        Some(Seen::Absent) => ComponentStatus {
            name,
            message,
            ..ComponentStatus::default()
        },
        Some(Seen::Unknown { why, .. }) => as_before(input, name, &format!("Could not be looked at: {why}.")),
        None => as_before(input, name, "Not looked at yet."),
    }
}

fn as_before(input: &View, name: String, message: &str) -> ComponentStatus {
    let before = input
        .old
        .components
        .iter()
        .find(|line| line.name == name)
        .cloned();
    ComponentStatus {
        name,
        message: words::short(message),
        ..before.unwrap_or_default()
    }
}

/// The database as it was last seen; its engine also before the server answers.
pub(super) fn database(input: &View) -> Option<DatabaseStatus> {
    let Some(seen) = input.observed else {
        return input.old.database.clone();
    };
    if let Seen::Known(found) = &seen.database {
        return Some(DatabaseStatus {
            engine: Some(found.engine),
            server_version: Some(found.server_version.clone()),
            schema: Some(found.schema.clone()),
        });
    }
    let engine = match &seen.database_engine {
        Seen::Known(engine) => Some(*engine),
        Seen::Absent => None,
        Seen::Unknown { .. } => input.old.database.as_ref().and_then(|old| old.engine),
    };
    match (&seen.database, engine) {
        (Seen::Unknown { .. }, _) => {
            let old = input.old.database.clone().unwrap_or_default();
            let now = DatabaseStatus { engine, ..old };
            (now != DatabaseStatus::default()).then_some(now)
        }
        (_, None) => None,
        (_, Some(engine)) => Some(DatabaseStatus {
            engine: Some(engine),
            ..DatabaseStatus::default()
        }),
    }
}

/// Addresses of components whose workload is there.
pub(super) fn endpoints(input: &View) -> Option<Endpoints> {
    let (Some(desired), Some(seen)) = (input.desired, input.observed) else {
        return input.old.endpoints.clone();
    };
    let mut found = Endpoints::default();
    for address in &desired.endpoints {
        let value = match seen.components.get(&address.component).map(|look| &look.workload) {
            Some(Seen::Known(_)) => Some(address.address.clone()),
            Some(Seen::Absent) => None,
            Some(Seen::Unknown { .. }) | None => as_known_before(input, desired, address.kind),
        };
        *slot(&mut found, address.kind) = value;
    }
    (found != Endpoints::default()).then_some(found)
}

fn as_known_before(input: &View, desired: &Desired, kind: AddressKind) -> Option<String> {
    let mut old = input.old.endpoints.clone().unwrap_or_default();
    let address = desired.endpoints.iter().find(|address| address.kind == kind)?;
    slot(&mut old, kind).take().filter(|old| *old == address.address)
}

fn slot(endpoints: &mut Endpoints, kind: AddressKind) -> &mut Option<String> {
    match kind {
        AddressKind::Ui => &mut endpoints.ui,
        AddressKind::Api => &mut endpoints.api,
        AddressKind::Grpc => &mut endpoints.grpc,
        AddressKind::ObjectStore => &mut endpoints.object_store,
    }
}
