//! SETS: what stands against a restore, and what a person should know beside. Pure.

use serde::Serialize;

use super::{Change, DatabaseChange, Held, Request, SetFacts, TargetSeen, Trust, Wanted, is_schedule};

/// Why nothing may be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Refusal {
    /// A verification found the set damaged.
    SetDamaged,
    /// The set is encrypted, and no key is named.
    KeyMissing,
    /// The target's release cannot start on the set's schema.
    ReleaseDiffers {
        /// The release of the set.
        of_set: String,
        /// The release of the target.
        of_target: String,
    },
    /// There are rows, and nobody allowed to overwrite them.
    NotEmpty {
        /// The databases that have them.
        databases: Vec<String>,
    },
    /// The set holds nothing of what is wanted.
    NothingWanted {
        /// In words: what it does not hold.
        missing: String,
    },
}

/// Everything that certainly stands against it.
pub(super) fn refusals(
    set: &SetFacts,
    target: &TargetSeen,
    request: Request,
    databases: &[DatabaseChange],
) -> Vec<Refusal> {
    let damaged = (set.trust == Trust::Damaged).then_some(Refusal::SetDamaged);
    let sealed = (set.encrypted == Some(true) && !request.key).then_some(Refusal::KeyMissing);
    let differs = match fit(set, target, request.wanted) {
        Fit::No { of_set, of_target } => Some(Refusal::ReleaseDiffers { of_set, of_target }),
        Fit::Yes | Fit::Unknown { .. } => None,
    };
    let lost: Vec<String> = databases
        .iter()
        .filter(|database| database.change == Change::Overwrite)
        .map(|database| database.name.clone())
        .collect();
    let not_empty = (!lost.is_empty() && !request.overwrite).then_some(Refusal::NotEmpty { databases: lost });
    let nothing = missing(set, request.wanted).map(|missing| Refusal::NothingWanted {
        missing: missing.to_owned(),
    });
    [damaged, sealed, differs, not_empty, nothing]
        .into_iter()
        .flatten()
        .collect()
}

/// Whether the target's release can start on what the set holds.
enum Fit {
    Yes,
    No { of_set: String, of_target: String },
    Unknown { of_set: String, of_target: String },
}

/// The operator's own rule: one release, or one schema. Schedules alone bring no schema along.
fn fit(set: &SetFacts, target: &TargetSeen, wanted: Wanted) -> Fit {
    let (Some(of_set), Some(of_target)) = (set.release.clone(), target.release.clone()) else {
        return Fit::Yes;
    };
    if !wanted.replaces_rows() || of_set == of_target {
        return Fit::Yes;
    }
    match &set.schema_of {
        Some(releases) if releases.contains(&of_target) => Fit::Yes,
        Some(_) => Fit::No { of_set, of_target },
        None => Fit::Unknown { of_set, of_target },
    }
}

/// What is wanted and certainly not in the set.
fn missing(set: &SetFacts, wanted: Wanted) -> Option<&'static str> {
    if wanted.replaces_rows() {
        return set.databases.is_empty().then_some("a database");
    }
    let none = match &set.objects {
        Held::Kinds(kinds) => !kinds
            .iter()
            .any(|(kind, number)| is_schedule(kind) && *number > 0),
        Held::Number(number) => *number == 0,
        Held::Unknown => false,
    };
    none.then_some("a recurring run")
}

/// What a person should know beside.
pub(super) fn notes(set: &SetFacts, target: &TargetSeen, wanted: Wanted) -> Vec<String> {
    let mut notes = Vec::new();
    if set.approximate {
        notes.push(
            "nothing but the name of the set is known from here: it says when the set was asked for, and the set holds a moment a \
             little later. Whether it was verified, its rows and its release are seen by the operator alone"
                .to_owned(),
        );
    }
    if set.trust == Trust::Unverified {
        notes.push("the set was never verified: whether it can be restored is not known".to_owned());
    }
    if let Fit::Unknown { of_set, of_target } = fit(set, target, wanted) {
        notes.push(format!(
            "the set is of KFP {of_set}, the target of {of_target}: a restore is refused unless both have one schema"
        ));
    }
    notes
}
