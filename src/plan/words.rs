//! THOUGHT: how observations are put into words for a person. Nothing is decided here.

use std::collections::BTreeSet;
use std::fmt;

use kfp_api::status::{SchemaState, SchemaStatus};

use crate::decision::{Action, Wait};
use crate::desired::Desired;
use crate::observed::{DatabaseSeen, ObjectRef, WorkloadSeen};

/// Most characters of a message in the status: a line for `kubectl get`, not a log.
const MESSAGE_LIMIT: usize = 1024;

/// `0/1 ready; ImagePullBackOff: …`: how far a workload is and the newest reason why it is no further.
#[must_use]
pub fn progress(workload: &WorkloadSeen) -> String {
    let mut text = if workload.current {
        format!("{}/{} ready", workload.ready, workload.desired)
    } else {
        "its newest change has not been taken up yet".to_owned()
    };
    if let Some(trouble) = workload.trouble.first() {
        text.push_str("; ");
        text.push_str(trouble);
    }
    text
}

/// `Deployment mysql, Service mysql and 3 more`: at most three objects by name.
pub fn names<'a>(objects: impl IntoIterator<Item = &'a ObjectRef>) -> String {
    let all: Vec<String> = objects.into_iter().map(ToString::to_string).collect();
    list(&all, 3)
}

/// `PersistentVolumeClaim mysql-pv-claim`: the claims of the embedded database.
#[must_use]
pub fn claims(desired: &Desired) -> String {
    let claims: Vec<String> = desired
        .database_claims
        .iter()
        .map(|name| format!("PersistentVolumeClaim {name}"))
        .collect();
    list(&claims, 3)
}

/// `a, b and 2 more`: at most `limit` items by name.
#[must_use]
pub fn list(items: &[String], limit: usize) -> String {
    let shown = items
        .iter()
        .take(limit)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    match items.len().saturating_sub(limit) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// `2.5.0 and 2.16.1`.
#[must_use]
pub fn versions(versions: &BTreeSet<String>) -> String {
    versions
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(" and ")
}

/// `the schema of 2.5.0`, `a schema that no release explains (nearest: 2.16.1; …)`, and what is known of how it came about.
#[must_use]
pub fn content(database: &DatabaseSeen) -> String {
    if database.unfinished_install {
        return "some of KFP's tables, as a first start leaves them that is not through".to_owned();
    }
    let schema = schema(&database.schema);
    if database.causes.is_empty() {
        return schema;
    }
    format!("{schema} ({})", database.causes.join("; "))
}

fn schema(schema: &SchemaStatus) -> String {
    let releases = schema.matches.join(", ");
    let differences = if schema.differences.is_empty() {
        String::new()
    } else {
        format!("; {}", list(&schema.differences, 3))
    };
    match schema.state {
        SchemaState::Empty => "no tables".to_owned(),
        SchemaState::Exact | SchemaState::Tolerated => format!("the schema of {releases}"),
        SchemaState::HalfMigrated => {
            format!("a schema in the middle of an upgrade (nearest: {releases}{differences})")
        }
        SchemaState::Foreign if releases.is_empty() => {
            format!(
                "a schema that no release explains{}",
                differences.replacen("; ", ": ", 1)
            )
        }
        SchemaState::Foreign => {
            format!("a schema that no release explains (nearest: {releases}{differences})")
        }
    }
}

/// Cuts a message to what a status carries, at a character and with a mark.
#[must_use]
pub fn short(message: &str) -> String {
    if message.chars().count() <= MESSAGE_LIMIT {
        return message.to_owned();
    }
    let kept: String = message.chars().take(MESSAGE_LIMIT - 1).collect();
    format!("{kept}…")
}

impl fmt::Display for ObjectRef {
    /// `Deployment mysql`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.kind, self.name)
    }
}

impl fmt::Display for Wait {
    /// `ml-pipeline waits for mysql: 0/1 ready`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} waits for {}", self.component, self.on)
    }
}

impl fmt::Display for Action {
    /// Words that follow "to": `apply Deployment mysql of mysql`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BindRights => formatter.write_str("bind the operator's rights in this namespace"),
            Self::SetFinalizer(true) => formatter.write_str("put the finalizer on"),
            Self::SetFinalizer(false) => formatter.write_str("take the finalizer off"),
            Self::Generate(secrets) => write!(formatter, "generate {}", names(secrets)),
            Self::Apply { component, objects } => {
                write!(formatter, "apply {} of {component}", names(objects))
            }
            Self::Bootstrap(_) => formatter.write_str("make the KfpRestore that fills the empty databases"),
            Self::Prune(objects) => write!(formatter, "delete {}, which no rendering holds", names(objects)),
            Self::DeleteData(objects) => write!(formatter, "delete the data {}", names(objects)),
        }
    }
}

/// `ml-pipeline waits for mysql: 0/1 ready`: the first waits, which are the causes of the later ones.
#[must_use]
pub fn waits(waiting: &[Wait]) -> String {
    let all: Vec<String> = waiting.iter().map(ToString::to_string).collect();
    match all.len().saturating_sub(2) {
        0 => all.join(". "),
        more => format!("{}. {more} more wait", all[..2].join(". ")),
    }
}

#[cfg(test)]
mod tests {
    use super::{list, short};

    #[test]
    fn a_long_list_names_a_few_and_counts_the_rest() {
        let items: Vec<String> = ["a", "b", "c", "d"].iter().map(ToString::to_string).collect();
        assert_eq!(list(&items, 3), "a, b, c and 1 more");
        assert_eq!(list(&items, 4), "a, b, c, d");
    }

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        let cut = short(&"é".repeat(2000));
        assert_eq!(cut.chars().count(), 1024);
        assert!(cut.ends_with('…'));
    }
}
