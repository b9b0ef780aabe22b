//! THOUGHT: while rows are put back, what writes rows stands still: it is scaled to zero, or not made yet. What holds it is
//! derived from the world: a KfpRestore that has begun, or databases that are to begin with a backup and are still empty.

use std::sync::Arc;

use kfp_api::conditions::Reason;
use kfp_api::names::bootstrap_name;
use kfp_api::sdk::SdkPolicyMode;
use kfp_api::status::SchemaState;
use kfp_releases::component::FailurePolicy;
use kfp_releases::{Role, ValidatedInstallation};

use crate::decision::{Action, Question};
use crate::desired::{Desired, DesiredComponent};
use crate::observed::{BootstrapState, Observed, RestoreSeen, RestoreState, Seen};

/// What holds the writers of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Nothing.
    Free,
    /// A restore is under way, or must be before they start.
    Wait {
        /// What is waited for, in words.
        on: String,
    },
    /// A restore gave up; a person must decide.
    Ask(Question),
}

impl Hold {
    /// True while components of this role stand still.
    #[must_use]
    pub fn stops(&self, role: Role) -> bool {
        *self != Self::Free && role.stands_still()
    }

    /// True while this component stands still.
    #[must_use]
    pub fn holds(&self, component: &DesiredComponent) -> bool {
        self.stops(component.role)
    }

    /// Why it stands still, as a sentence; empty where nothing is held.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Free => String::new(),
            Self::Wait { on } => format!("Stands still and waits for {on}."),
            Self::Ask(question) => question.message.clone(),
        }
    }
}

/// The installation as it is to stand now: what a restore that has begun stops has no replicas. Webhooks of what is stopped
/// let requests pass, and the SDK policy refuses nothing, since pipelines that are kept as Kubernetes objects are put back
/// meanwhile.
#[must_use]
pub fn targets(installation: &ValidatedInstallation, restore: &Seen<RestoreSeen>) -> ValidatedInstallation {
    let mut standing = installation.clone();
    if !matches!(restore, Seen::Known(_)) {
        return standing;
    }
    // Pipelines that were stored before come back as they were, whatever is wanted of new ones.
    if standing.sdk_policy.mode == SdkPolicyMode::Enforce {
        standing.sdk_policy.mode = SdkPolicyMode::Warn;
    }
    let release = Arc::make_mut(&mut standing.release);
    let components = release
        .install
        .iter_mut()
        .flat_map(|install| &mut install.components);
    for component in components.filter(|component| component.role.stands_still()) {
        if let Some(settings) = standing.components.get_mut(&component.name) {
            settings.replicas = 0;
        }
        for webhook in &mut component.webhooks {
            webhook.failure_policy = FailurePolicy::Ignore;
        }
    }
    standing
}

/// What holds the writers of rows now.
#[must_use]
pub fn judge(desired: &Desired, seen: &Observed) -> Hold {
    match &seen.restore {
        Seen::Known(restore) => of_restore(desired, restore),
        // The way in is shut while this is unknown; see `entry`.
        Seen::Absent | Seen::Unknown { .. } => of_bootstrap(desired, seen),
    }
}

fn of_restore(desired: &Desired, restore: &RestoreSeen) -> Hold {
    match restore.state {
        RestoreState::UnderWay => Hold::Wait {
            on: format!(
                "KfpRestore {}: {}",
                restore.name,
                restore.message.trim_end_matches('.')
            ),
        },
        RestoreState::Incomplete => Hold::Ask(Question {
            reason: Reason::RestoreIncomplete,
            message: format!(
                "KfpRestore {} gave up before the databases were whole: {} What writes to them stays stopped. Make another KfpRestore of {} with overwrite: true{}; or delete {0}, and the API server is started on what is there if its schema is that of {}.",
                restore.name,
                sentence(&restore.message),
                desired.name,
                restore
                    .safety_backup
                    .as_ref()
                    .map_or_else(String::new, |backup| format!(
                        " (KfpBackup {backup} holds what was there before)"
                    )),
                desired.version,
            ),
        }),
    }
}

fn sentence(text: &str) -> String {
    format!("{}.", text.trim_end_matches('.'))
}

/// Databases that are to begin with a backup, before they hold any table. A server that was made once answered this question.
fn of_bootstrap(desired: &Desired, seen: &Observed) -> Hold {
    if desired.bootstrap.is_none() || server_made(desired, seen) {
        return Hold::Free;
    }
    if let Seen::Known(found) = &seen.bootstrap
        && found.state == BootstrapState::Done
    {
        return Hold::Free;
    }
    let name = bootstrap_name(&desired.name);
    match (&seen.database, &seen.bootstrap) {
        (Seen::Known(database), _) if database.schema.state != SchemaState::Empty => Hold::Free,
        (_, Seen::Known(found)) if found.state == BootstrapState::Failed => Hold::Ask(Question {
            reason: Reason::RestoreFailed,
            message: format!(
                "The databases are to begin with a backup, and KfpRestore {} failed: {} Nothing was started. Mend what it names, and delete {0}: it is made again. To begin with empty databases instead, take spec.bootstrap out.",
                found.name,
                sentence(&found.message),
            ),
        }),
        (_, Seen::Known(found)) => Hold::Wait {
            on: format!(
                "KfpRestore {}: {}",
                found.name,
                found.message.trim_end_matches('.')
            ),
        },
        (Seen::Known(_), _) => Hold::Wait {
            on: format!("KfpRestore {name}, which fills the empty databases before anything else does"),
        },
        _ => Hold::Wait {
            on: format!("the database, which KfpRestore {name} fills before anything else does"),
        },
    }
}

fn server_made(desired: &Desired, seen: &Observed) -> bool {
    let server = desired.role(Role::ApiServer);
    let look = server.and_then(|server| seen.components.get(&server.name));
    look.is_some_and(|look| matches!(look.workload, Seen::Known(_)))
}

/// The KfpRestore that fills empty databases is made once they are certainly there, empty, and nobody made it before.
#[must_use]
pub fn begin(desired: &Desired, seen: &Observed) -> Option<Action> {
    let source = desired.bootstrap.as_ref()?;
    let empty =
        matches!(&seen.database, Seen::Known(database) if database.schema.state == SchemaState::Empty);
    let due = empty
        && seen.restore == Seen::Absent
        && seen.bootstrap == Seen::Absent
        && !server_made(desired, seen);
    due.then(|| Action::Bootstrap(Box::new(source.clone())))
}
