//! LOOP: one pass over the backups of one installation: look, think, do, say.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Namespace;
use kfp_api::backup_status::KfpBackupStatus;
use kfp_api::conditions::{ConditionType, Reason, find};
use kfp_api::destination::Destination;
use kfp_api::{KfpBackup, KfpInstallation, KfpRestore};
use kfp_engine::Error;
use kfp_engine::cluster::limited;
use kfp_plan::backups::{self, Installation, JobSeen, Look, Restoring, Standing, Step, Waiting, Work};
use kube::Api;
use kube::api::{ApiResource, DynamicObject, ListParams};
use serde::de::DeserializeOwned;

use super::held::{held, readers, under_way};
use super::steps;
use crate::context::{Context, Key};
use crate::resources::tell;

/// While a Job is at work: what it tells comes as news; its pod's troubles do not.
const WORKING: Duration = Duration::from_secs(10);
/// While something is waited for.
const WAITING: Duration = Duration::from_secs(20);
/// Longest time without a look: a schedule that changed comes as news.
const AT_REST: Duration = Duration::from_mins(5);
/// Shortest time to the next time of a schedule.
const SOON: Duration = Duration::from_secs(1);

/// What was read.
pub(super) struct Seen {
    pub resource: Option<KfpInstallation>,
    installation: Option<Installation>,
    pub backups: Vec<KfpBackup>,
    held: BTreeMap<String, String>,
    restoring: Option<Restoring>,
    jobs: BTreeMap<String, JobSeen>,
    terminating: bool,
}

impl Seen {
    fn look<'a>(&'a self, now: Timestamp, refused: &'a BTreeMap<String, Waiting>) -> Look<'a> {
        Look {
            now,
            installation: self.installation.as_ref(),
            terminating: self.terminating,
            backups: &self.backups,
            held: &self.held,
            jobs: &self.jobs,
            refused,
            restoring: self.restoring.as_ref(),
        }
    }
}

/// What became of the steps, by the backup's name.
#[derive(Default)]
pub struct Done {
    /// Jobs that were started.
    pub started: BTreeMap<String, Work>,
    /// Why a Job was not started.
    pub refused: BTreeMap<String, Waiting>,
    /// Backups whose resource is gone now.
    pub gone: Vec<String>,
}

/// One pass; how long to wait for the next one, and nothing where there is nothing to look after.
pub async fn run(context: &Context, key: &Key) -> Result<Option<Duration>, Error> {
    let now = Timestamp::now();
    let Some(seen) = look(context, key).await? else {
        context.metrics.backups.forget(&key.0, &key.1);
        return Ok(None);
    };
    let mut done = Done::default();
    let mut plan = backups::plan(&seen.look(now, &done.refused));
    steps::act(context, key, &seen, &plan, &mut done).await?;
    // Whoever could not be started holds up no other: the next one gets the turn.
    for _ in 0..seen.backups.len() {
        if !done.started.is_empty() {
            break;
        }
        let again = backups::plan(&seen.look(now, &done.refused));
        let starts: Vec<_> = again
            .steps
            .iter()
            .filter(|step| matches!(step, Step::Start { .. }))
            .cloned()
            .collect();
        plan.waiting = again.waiting;
        if starts.is_empty() {
            break;
        }
        plan.steps = starts;
        steps::act(context, key, &seen, &plan, &mut done).await?;
    }
    let look = seen.look(now, &done.refused);
    for backup in &seen.backups {
        let name = backup.metadata.name.as_deref().unwrap_or_default();
        if !done.gone.iter().any(|gone| gone == name) {
            say(context, &look, &seen, backup, &plan, &done).await?;
        }
    }
    if let Some(resource) = &seen.resource {
        let summary = backups::summary(resource, &seen.backups, now);
        context
            .metrics
            .backups
            .show(&key.0, &key.1, &summary, &seen.backups);
    }
    Ok(Some(next(&seen, &plan, &done, now)))
}

async fn look(context: &Context, key: &Key) -> Result<Option<Seen>, Error> {
    let (namespace, name) = key;
    let installations: Api<DynamicObject> = api::<KfpInstallation>(context, namespace);
    let of = ListParams::default().fields(&format!("spec.installation={name}"));
    let (backups, restores) = (
        api::<KfpBackup>(context, namespace),
        api::<KfpRestore>(context, namespace),
    );
    let (resource, backups, restores) = tokio::join!(
        limited(
            format!("read KfpInstallation {name} in namespace {namespace}"),
            installations.get_opt(name)
        ),
        limited(
            format!("list KfpBackups in namespace {namespace}"),
            backups.list(&of)
        ),
        limited(
            format!("list KfpRestores in namespace {namespace}"),
            restores.list(&of)
        ),
    );
    let resource = resource?.as_ref().and_then(parsed::<KfpInstallation>);
    let backups: Vec<KfpBackup> = backups?.items.iter().filter_map(parsed).collect();
    let readers = if backups.is_empty() {
        Vec::new()
    } else {
        readers(context).await?
    };
    let restores: Vec<KfpRestore> = restores?.items.iter().filter_map(parsed).collect();
    let asked = resource
        .as_ref()
        .is_some_and(|resource| resource.spec.backup.is_some());
    let jobs = context.jobs.look(namespace, name).await?;
    if backups.is_empty() && !asked && jobs.is_empty() {
        return Ok(None);
    }
    Ok(Some(Seen {
        installation: resource.as_ref().map(Installation::of),
        held: held(&readers, namespace, &backups),
        restoring: restoring(&restores),
        terminating: terminating(context, namespace).await,
        resource,
        backups,
        jobs,
    }))
}

fn api<K>(context: &Context, namespace: &str) -> Api<DynamicObject>
where
    K: kube::Resource<DynamicType = ()>,
{
    Api::namespaced_with(context.client.clone(), namespace, &ApiResource::erase::<K>(&()))
}

/// A resource that its kind's schema let pass; one that does not parse is left alone, without its status first.
pub(super) fn parsed<K: DeserializeOwned>(object: &DynamicObject) -> Option<K> {
    let mut raw = serde_json::to_value(object).ok()?;
    if let Ok(found) = serde_json::from_value(raw.clone()) {
        return Some(found);
    }
    raw.as_object_mut()?.remove("status");
    serde_json::from_value(raw)
        .inspect_err(|error| tracing::warn!(name = object.metadata.name, %error, "a resource cannot be read"))
        .ok()
}

/// Whether the namespace is being deleted. Where that may not be looked at, the API server refuses what is made there anyway.
pub async fn terminating(context: &Context, namespace: &str) -> bool {
    let api: Api<Namespace> = Api::all(context.client.clone());
    match limited(format!("read namespace {namespace}"), api.get_opt(namespace)).await {
        Ok(found) => found.is_none_or(|found| found.metadata.deletion_timestamp.is_some()),
        Err(error) => {
            tracing::debug!(namespace, %error, "whether it is being deleted is not known");
            false
        }
    }
}

/// The restore for which the installation stands still.
fn restoring(restores: &[KfpRestore]) -> Option<Restoring> {
    let begun = |restore: &&KfpRestore| {
        let status = restore.status.as_ref();
        under_way(restore) && status.is_some_and(|status| status.started_at.is_some())
    };
    let restore = restores.iter().find(begun)?;
    Some(Restoring {
        who: format!(
            "KfpRestore {}",
            restore.metadata.name.as_deref().unwrap_or_default()
        ),
        safety_backup: restore
            .status
            .as_ref()
            .and_then(|status| status.safety_backup.clone()),
    })
}

/// Where a backup's set goes, or went.
pub(super) fn destination<'a>(
    backup: &'a KfpBackup,
    resource: Option<&'a KfpInstallation>,
) -> Option<&'a Destination> {
    let begun = backup
        .status
        .as_ref()
        .and_then(|status| status.destination.as_ref());
    let spec = resource.and_then(|resource| resource.spec.backup.as_ref());
    begun
        .or(backup.spec.destination.as_ref())
        .or(spec.map(|spec| &spec.destination))
}

/// Writes a backup's status if it changed, and tells the changes.
async fn say(
    context: &Context,
    look: &Look<'_>,
    seen: &Seen,
    backup: &KfpBackup,
    plan: &backups::Plan,
    done: &Done,
) -> Result<(), Error> {
    let name = backup.metadata.name.as_deref().unwrap_or_default();
    let version = seen
        .resource
        .as_ref()
        .and_then(|resource| resource.status.as_ref())
        .and_then(|status| status.version.as_deref());
    let new = backups::status(
        look,
        backup,
        &Standing {
            destination: destination(backup, seen.resource.as_ref()),
            version,
            waiting: done.refused.get(name).or_else(|| plan.waiting.get(name)),
            started: done.started.get(name).copied(),
        },
    );
    let old = backup.status.clone().unwrap_or_default();
    if old == new {
        return Ok(());
    }
    tell(context, backup, &new, (&old.conditions, &new.conditions)).await?;
    count(context, backup, &old, &new);
    Ok(())
}

/// Counts what came to its end in this pass.
fn count(context: &Context, backup: &KfpBackup, old: &KfpBackupStatus, new: &KfpBackupStatus) {
    let namespace = backup.metadata.namespace.as_deref().unwrap_or_default();
    let installation = &backup.spec.installation;
    let holds = |kind| find(&new.conditions, kind).is_some_and(|condition| condition.status == "True");
    let metrics = &context.metrics.backups;
    if old.completed_at.is_none() && new.completed_at.is_some() {
        let good = holds(ConditionType::Complete);
        metrics.taken(namespace, installation, good);
        tracing::info!(
            namespace,
            name = backup.metadata.name,
            installation,
            good,
            set = new.set,
            "a backup ended"
        );
    }
    let no_verdict = |status: &KfpBackupStatus| {
        find(&status.conditions, ConditionType::Stalled)
            .is_some_and(|stalled| stalled.reason == Reason::VerificationFailed.as_str())
    };
    if old.verification != new.verification && new.verification.is_some() {
        let result = if holds(ConditionType::Verified) {
            "Equal"
        } else {
            "Damaged"
        };
        metrics.checked(namespace, installation, result);
    } else if no_verdict(new) && !no_verdict(old) {
        metrics.checked(namespace, installation, "NoVerdict");
    }
}

/// When to look again, unless something changes before.
fn next(seen: &Seen, plan: &backups::Plan, done: &Done, now: Timestamp) -> Duration {
    if !plan.steps.is_empty() || seen.jobs.values().any(JobSeen::active) {
        return WORKING;
    }
    if !plan.waiting.is_empty() || !done.refused.is_empty() {
        return WAITING;
    }
    let summary = seen
        .resource
        .as_ref()
        .and_then(|resource| backups::summary(resource, &seen.backups, now).status);
    let times = summary
        .into_iter()
        .flat_map(|status| [status.next, status.next_drill]);
    let soonest = times.flatten().map(|time| time.0).min();
    let until = soonest.and_then(|time| Duration::try_from(time.duration_since(now)).ok());
    // A time that has come and was not heeded (something else is at work) is looked at again at the ordinary interval.
    until.map_or(AT_REST, |until| until.clamp(SOON, AT_REST))
}
