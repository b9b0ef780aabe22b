//! THOUGHT: the conditions of single parts: database, object store, API server, execution controller, Kubernetes, SDKs.

use kfp_api::conditions::{ConditionStatus, ConditionType, Reason, find};
use kfp_api::status::SchemaState;
use kfp_releases::Role;

use crate::conditions::Fact;
use crate::desired::{Desired, DesiredComponent};
use crate::observed::{DatabaseSeen, Observed, Seen};
use crate::project::{View, backup, sdk, table};
use crate::steps::components::trouble;
use crate::steps::kubernetes::{Verdict, judge};
use crate::steps::restore::{self, Hold};
use crate::steps::schema;
use crate::words;

/// Conditions that a part has, in the order in which they are reported.
const PARTS: [(ConditionType, Role); 4] = [
    (ConditionType::DatabaseReady, Role::Database),
    (ConditionType::ObjectStoreReady, Role::ObjectStore),
    (ConditionType::ApiServerReady, Role::ApiServer),
    (ConditionType::ExecutionControllerReady, Role::WorkflowController),
];

/// What this pass knows of the parts. Without a look, or without a valid spec, that is: nothing yet.
pub(super) fn facts(input: &View) -> Vec<Fact> {
    let (Some(desired), Some(seen)) = (input.desired, input.observed) else {
        let unseen = kinds().filter(|kind| find(&input.old.conditions, *kind).is_none());
        return unseen.map(unprobed).collect();
    };
    let hold = restore::judge(desired, seen);
    let parts = PARTS.iter().filter_map(|(kind, role)| {
        let component = desired.role(*role)?;
        Some(held(*kind, &hold, component).unwrap_or_else(|| part(*kind, desired, seen, &hold, component)))
    });
    parts
        .chain([kubernetes(desired, seen), sdk::fact(desired, seen)])
        .chain(backup::fact(seen))
        .collect()
}

/// Conditions of parts that this pass says nothing about and that stay as they were.
pub(super) fn kept(input: &View) -> Vec<ConditionType> {
    match (input.desired, input.observed) {
        (Some(_), Some(seen)) if backup::kept(seen) => vec![ConditionType::BackupFresh],
        (Some(_), Some(_)) => Vec::new(),
        _ => kinds().chain([ConditionType::BackupFresh]).collect(),
    }
}

fn kinds() -> impl Iterator<Item = ConditionType> {
    PARTS
        .iter()
        .map(|(kind, _)| *kind)
        .chain([ConditionType::KubernetesVersionTested, ConditionType::SdkAligned])
}

fn unprobed(kind: ConditionType) -> Fact {
    Fact::new(
        kind,
        ConditionStatus::Unknown,
        Reason::NotProbed,
        "Not looked at yet.",
    )
}

/// What stands still for a restore is not asked.
fn held(kind: ConditionType, hold: &Hold, component: &DesiredComponent) -> Option<Fact> {
    let fact = || Fact::new(kind, ConditionStatus::False, reason(hold), hold.message());
    hold.holds(component).then(fact)
}

fn reason(hold: &Hold) -> Reason {
    match hold {
        Hold::Free | Hold::Wait { .. } => Reason::Restoring,
        Hold::Ask(question) => question.reason,
    }
}

fn part(
    kind: ConditionType,
    desired: &Desired,
    seen: &Observed,
    hold: &Hold,
    component: &DesiredComponent,
) -> Fact {
    let name = &component.name;
    match kind {
        ConditionType::DatabaseReady => match &seen.database {
            Seen::Known(found) => database(desired, seen, hold, found),
            other => probe(kind, seen, component, other, ""),
        },
        ConditionType::ObjectStoreReady => {
            let healthy = format!("{name} takes, gives and deletes objects.");
            probe(kind, seen, component, &seen.object_store, &healthy)
        }
        ConditionType::ApiServerReady => probe(
            kind,
            seen,
            component,
            &seen.api_server,
            &format!("{name} serves."),
        ),
        _ => match (
            trouble(seen, component),
            seen.components.get(name).map(|look| &look.workload),
        ) {
            (None, _) => Fact::new(
                kind,
                ConditionStatus::True,
                Reason::Healthy,
                format!("{name} runs."),
            ),
            (Some(_), Some(Seen::Absent) | None) => unmade(kind, name),
            (Some(trouble), Some(Seen::Known(_))) => starting(kind, name, &trouble),
            (Some(trouble), Some(Seen::Unknown { reason, .. })) => Fact::new(
                kind,
                ConditionStatus::Unknown,
                *reason,
                format!("{name}: {trouble}."),
            ),
        },
    }
}

fn probe<T>(
    kind: ConditionType,
    seen: &Observed,
    component: &DesiredComponent,
    result: &Seen<T>,
    healthy: &str,
) -> Fact {
    let name = &component.name;
    let workload = seen.components.get(name).map(|look| &look.workload);
    match (result, trouble(seen, component), workload) {
        (Seen::Known(_), ..) => Fact::new(kind, ConditionStatus::True, Reason::Healthy, healthy),
        (Seen::Absent, ..) | (_, _, Some(Seen::Absent)) => unmade(kind, name),
        (Seen::Unknown { .. }, Some(trouble), Some(Seen::Known(_))) => starting(kind, name, &trouble),
        (Seen::Unknown { reason, why }, ..) => {
            let status = match reason {
                Reason::Unreachable | Reason::AccessDenied | Reason::Starting => ConditionStatus::False,
                _ => ConditionStatus::Unknown,
            };
            Fact::new(kind, status, *reason, format!("{}.", why.trim_end_matches('.')))
        }
    }
}

fn unmade(kind: ConditionType, name: &str) -> Fact {
    Fact::new(
        kind,
        ConditionStatus::Unknown,
        Reason::NotProbed,
        format!("{name} is not there yet."),
    )
}

fn starting(kind: ConditionType, name: &str, trouble: &str) -> Fact {
    Fact::new(
        kind,
        ConditionStatus::False,
        Reason::Starting,
        format!("{name}: {trouble}."),
    )
}

fn database(desired: &Desired, seen: &Observed, hold: &Hold, found: &DatabaseSeen) -> Fact {
    let kind = ConditionType::DatabaseReady;
    let holds = words::content(found);
    let server = format!("{:?} {}", found.engine, found.server_version);
    // While spec.version names another release, the database is judged for the one that runs.
    let release = table::only_label(seen).unwrap_or(&desired.version);
    if schema::is_of(&found.schema, release) {
        return Fact::new(
            kind,
            ConditionStatus::True,
            Reason::Healthy,
            format!("{server} answers and holds {holds}."),
        );
    }
    if *hold != Hold::Free {
        let message = format!("{server} answers and holds {holds}. {}", hold.message());
        return Fact::new(kind, ConditionStatus::False, reason(hold), message);
    }
    let (made, answers) = api_server(desired, seen);
    let starts = match found.schema.state {
        SchemaState::Empty => !answers,
        SchemaState::Foreign | SchemaState::HalfMigrated => made && !answers,
        SchemaState::Exact | SchemaState::Tolerated => false,
    };
    if starts {
        let message = format!(
            "{server} answers and holds {holds}; the API server makes its tables at its first start."
        );
        return Fact::new(kind, ConditionStatus::False, Reason::Starting, message);
    }
    let message = format!(
        "{server} answers and holds {holds}, not the schema of {release}. The operator changes nothing in it; restore a backup of {release}."
    );
    Fact::new(kind, ConditionStatus::False, Reason::SchemaMismatch, message)
}

/// Whether the API server's workload is there, and whether it serves.
fn api_server(desired: &Desired, seen: &Observed) -> (bool, bool) {
    let Some(component) = desired.role(Role::ApiServer) else {
        return (false, false);
    };
    let made = seen
        .components
        .get(&component.name)
        .is_some_and(|look| matches!(look.workload, Seen::Known(_)));
    (
        made,
        trouble(seen, component).is_none() && matches!(seen.api_server, Seen::Known(())),
    )
}

fn kubernetes(desired: &Desired, seen: &Observed) -> Fact {
    let kind = ConditionType::KubernetesVersionTested;
    match judge(desired, seen) {
        Verdict::Tested(message) => Fact::new(kind, ConditionStatus::True, Reason::Tested, message),
        Verdict::NotTested(message) => Fact::new(kind, ConditionStatus::False, Reason::NotTested, message),
        Verdict::Unknown(message) => Fact::new(kind, ConditionStatus::Unknown, Reason::NotProbed, message),
    }
}
