//! THOUGHT: generated Secrets, then everything of a component except its workload.

use std::collections::BTreeSet;

use kfp_api::conditions::Reason;
use kfp_releases::Role;

use crate::decision::{Action, Question};
use crate::desired::Desired;
use crate::observed::{ComponentSeen, ObjectRef, Observed, Seen};
use crate::steps::components::Waits;
use crate::words;

/// What the foundations need.
#[derive(Clone, Debug, Default)]
pub struct Foundations {
    /// Generated Secrets that are due.
    pub secrets: BTreeSet<ObjectRef>,
    /// One apply for each component that differs: objects of no component first, then components in their order.
    pub applies: Vec<Action>,
    /// Groups whose Secrets are not all there, or whose objects are not all there or applied in this pass: no pod that
    /// mounts them is started.
    pub held: BTreeSet<String>,
    /// Set when a lost password must not be replaced by a new one.
    pub question: Option<Question>,
}

/// Collects what is due. The database's other objects come a pass after its Secrets, so that no volume is there before
/// the credentials that it is first opened with.
pub fn collect(desired: &Desired, seen: &Observed, waits: &mut Waits) -> Foundations {
    let mut found = Foundations::default();
    let mut passwords_safe = true;
    for (name, look) in in_order(desired, seen, waits) {
        if !secrets(desired, seen, name, look, &mut found, waits) {
            found.held.insert(name.to_owned());
            passwords_safe &= !concerns_database(desired, look);
        }
    }
    for (name, look) in in_order(desired, seen, waits) {
        let database = desired
            .role(Role::Database)
            .is_some_and(|component| component.name == name);
        let whole = match &seen.database_engine {
            // Applying the volume claim writes down which engine the volume is of; that must not be a guess.
            Seen::Unknown { why, .. } if database && differs(look) => {
                let on = format!("a look at its volume, to learn which engine wrote it: {why}");
                waits.add(name, on);
                false
            }
            _ if database && !passwords_safe => false,
            _ => base(name, look, &mut found, waits),
        };
        if !whole {
            found.held.insert(name.to_owned());
        }
    }
    found
}

/// Groups of objects that belong to no component, then the components, as far as they were looked at.
fn in_order<'a>(
    desired: &'a Desired,
    seen: &'a Observed,
    waits: &mut Waits,
) -> Vec<(&'a str, &'a ComponentSeen)> {
    let shared = seen
        .components
        .iter()
        .filter(|(name, _)| desired.component(name).is_none());
    let mut groups: Vec<(&str, &ComponentSeen)> = shared.map(|(name, look)| (name.as_str(), look)).collect();
    for component in &desired.components {
        match seen.components.get(&component.name) {
            Some(look) => groups.push((&component.name, look)),
            None => waits.add(&component.name, "a look at it".to_owned()),
        }
    }
    groups
}

fn differs(look: &ComponentSeen) -> bool {
    matches!(&look.base_drift, Seen::Known(drift) if !drift.is_empty())
}

/// True when the group may hold a Secret that opens the database's volume.
fn concerns_database(desired: &Desired, look: &ComponentSeen) -> bool {
    match &look.secrets_due {
        Seen::Known(due) => due
            .iter()
            .any(|secret| desired.database_secrets.contains(&secret.name)),
        Seen::Absent => false,
        Seen::Unknown { .. } => true,
    }
}

/// Collects the Secrets of one group that may be generated; true when none is due.
fn secrets(
    desired: &Desired,
    seen: &Observed,
    name: &str,
    look: &ComponentSeen,
    found: &mut Foundations,
    waits: &mut Waits,
) -> bool {
    let due = match &look.secrets_due {
        Seen::Known(due) => due,
        Seen::Absent => return true,
        Seen::Unknown { why, .. } => {
            waits.add(
                name,
                format!("its generated Secrets, which could not be looked at: {why}"),
            );
            return false;
        }
    };
    let (opening, other): (BTreeSet<&ObjectRef>, BTreeSet<&ObjectRef>) = due
        .iter()
        .partition(|secret| desired.database_secrets.contains(&secret.name));
    found.secrets.extend(other.into_iter().cloned());
    match &seen.database_engine {
        _ if opening.is_empty() => {}
        Seen::Absent => found.secrets.extend(opening.into_iter().cloned()),
        Seen::Unknown { why, .. } => {
            waits.add(
                name,
                format!("a look at the database's volume, before a password is made for it: {why}"),
            );
        }
        Seen::Known(_) => {
            let lost = words::names(opening);
            waits.add(
                name,
                format!("{lost}, which opens the data on the database's volume"),
            );
            found.question = Some(lost_password(&lost, desired));
        }
    }
    due.is_empty()
}

fn lost_password(secrets: &str, desired: &Desired) -> Question {
    Question {
        reason: Reason::ApprovalRequired,
        message: format!(
            "The database's volume is there, and what opens it is missing or lacks a key: {secrets}. A newly made password would not open the data. Restore the Secret from a backup, or delete {} if the data may go.",
            words::claims(desired)
        ),
    }
}

/// Adds what differs of one group; false when that is not known.
fn base(name: &str, look: &ComponentSeen, found: &mut Foundations, waits: &mut Waits) -> bool {
    match &look.base_drift {
        Seen::Unknown { why, .. } => {
            waits.add(name, format!("its objects, which could not be looked at: {why}"));
            return false;
        }
        Seen::Known(drift) if !drift.is_empty() => {
            found.applies.push(Action::Apply {
                component: name.to_owned(),
                objects: drift.clone(),
            });
        }
        Seen::Known(_) | Seen::Absent => {}
    }
    true
}
