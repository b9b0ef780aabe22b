//! LOOP: what a pass over the restores of one installation does: look, decide the next step of each, do it, say so. Every step is
//! derived again from the world, so that whoever comes after a crash goes on. Rows and objects are put back by the Job's
//! program alone; workloads are stopped and started by the installation's own passes.

pub mod metrics;
mod steps;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use kfp_api::conditions::{ConditionType, Reason, find};
use kfp_api::{KfpBackup, KfpInstallation, KfpRestore, KfpRestoreStatus};
use kfp_engine::Error;
use kfp_engine::backup_jobs::resolve::Source;
use kfp_engine::cluster::limited;
use kfp_engine::observe::{restores as resources, writers};
use kfp_plan::Seen;
use kfp_plan::backups::JobSeen;
use kfp_plan::restores::{self, DatabaseNow, Look, Needs, Plan, SetSeen, Standing};
use kube::Api;

use crate::backups::terminating;
use crate::context::{Context, Key};
use crate::resources::tell;

/// While something goes on: what Jobs tell comes as news; pods that end and databases that answer do not.
const WORKING: Duration = Duration::from_secs(3);
/// While something is waited for.
const WAITING: Duration = Duration::from_secs(15);

/// One pass over the restores of an installation; how long to wait for the next one, and nothing where there is nothing to look
/// after.
pub async fn run(context: &Context, key: &Key) -> Result<Option<Duration>, Error> {
    let (namespace, name) = key;
    let all = resources::list(context.engine.cluster(), namespace).await?;
    let own: Vec<&KfpRestore> = all
        .iter()
        .filter(|restore| restore.spec.installation == *name)
        .collect();
    context.metrics.restores.show(namespace, name, &own);
    if own.is_empty() {
        return Ok(None);
    }
    let installations: Api<KfpInstallation> = Api::namespaced(context.client.clone(), namespace);
    let what = format!("read KfpInstallation {name} in namespace {namespace}");
    let around = Around {
        installation: limited(what, installations.get_opt(name)).await?,
        jobs: context.jobs.look(namespace, name).await?,
        terminating: terminating(context, namespace).await,
        all: &all,
    };
    let mut next: Option<Duration> = None;
    for restore in own {
        let soon = Box::pin(one(context, &around, restore)).await?;
        next = next.into_iter().chain(soon).min();
    }
    Ok(next)
}

/// What the restores of an installation share.
struct Around<'a> {
    installation: Option<KfpInstallation>,
    jobs: BTreeMap<String, JobSeen>,
    terminating: bool,
    all: &'a [KfpRestore],
}

/// What was looked at for one restore.
struct Looked {
    set: SetSeen,
    database: Seen<DatabaseNow>,
    writers: Seen<Vec<String>>,
    safety: Option<KfpBackup>,
    source: Option<Source>,
}

async fn one(
    context: &Context,
    around: &Around<'_>,
    restore: &KfpRestore,
) -> Result<Option<Duration>, Error> {
    let needs = restores::needs(restore, &around.jobs);
    let looked = Box::pin(look(context, around, restore, needs)).await?;
    let look = Look {
        now: Timestamp::now(),
        restore,
        restores: around.all,
        terminating: around.terminating,
        installation: around.installation.as_ref(),
        set: &looked.set,
        database: &looked.database,
        writers: &looked.writers,
        safety: looked.safety.as_ref(),
        jobs: &around.jobs,
    };
    let plan = restores::plan(&look);
    let acting = steps::Acting {
        restore,
        installation: around.installation.as_ref(),
        source: looked.source.as_ref(),
    };
    let refused = steps::act(context, &acting, &plan).await?;
    if refused.gone {
        return Ok(None);
    }
    let why = refused.why.as_ref().map(|(reason, why)| (*reason, why.as_str()));
    say(context, &look, &plan, why).await?;
    Ok(next(&plan))
}

/// Looks at what the next thought needs, and at nothing else.
async fn look(
    context: &Context,
    around: &Around<'_>,
    restore: &KfpRestore,
    needs: Needs,
) -> Result<Looked, Error> {
    let jobs = &context.jobs;
    let mut looked = Looked {
        set: SetSeen::NotLooked,
        database: Seen::Absent,
        writers: Seen::Absent,
        safety: None,
        source: None,
    };
    if needs == Needs::default() {
        return Ok(looked);
    }
    if needs.set {
        looked.set = jobs.set(restore).await;
    }
    let Some(installation) = &around.installation else {
        return Ok(looked);
    };
    match jobs.source(installation).await {
        Ok(source) => {
            if needs.database {
                looked.database = jobs.database(&source).await;
            }
            if needs.writers {
                looked.writers = writers::look(context.engine.cluster(), &source.installation).await;
            }
            looked.source = Some(source);
        }
        Err(refusal) => {
            let why = refusal.message.trim_end_matches('.').to_owned();
            looked.database = Seen::Unknown {
                reason: refusal.reason,
                why: why.clone(),
            };
            looked.writers = Seen::Unknown {
                reason: refusal.reason,
                why,
            };
        }
    }
    if needs.writers {
        let namespace = restore.metadata.namespace.as_deref().unwrap_or_default();
        let name = restores::safety_name(restore);
        let api: Api<KfpBackup> = Api::namespaced(context.client.clone(), namespace);
        let what = format!("read KfpBackup {name} in namespace {namespace}");
        looked.safety = limited(what, api.get_opt(&name)).await?;
    }
    Ok(looked)
}

/// Writes the status if it changed, and tells the changes.
async fn say(
    context: &Context,
    look: &Look<'_>,
    plan: &Plan,
    refused: Option<(Reason, &str)>,
) -> Result<(), Error> {
    let restore = look.restore;
    let old = restore.status.clone().unwrap_or_default();
    let new = restores::status(look, plan, refused);
    if old == new {
        return Ok(());
    }
    tell(context, restore, &new, (&old.conditions, &new.conditions)).await?;
    ended(context, restore, &old, &new);
    Ok(())
}

/// Counts a restore that came to its end in this pass.
fn ended(context: &Context, restore: &KfpRestore, old: &KfpRestoreStatus, new: &KfpRestoreStatus) {
    if old.completed_at.is_some() || new.completed_at.is_none() {
        return;
    }
    let complete = find(&new.conditions, ConditionType::Complete);
    let reason = complete.map_or("", |condition| condition.reason.as_str());
    let good = complete.is_some_and(|condition| condition.status == "True");
    let namespace = restore.metadata.namespace.as_deref().unwrap_or_default();
    let installation = &restore.spec.installation;
    context.metrics.restores.ended(namespace, installation, good);
    let (name, set) = (&restore.metadata.name, &new.set);
    tracing::info!(
        namespace,
        name,
        installation,
        good,
        reason,
        set,
        "a restore ended"
    );
}

/// When to look again, unless something changes before.
fn next(plan: &Plan) -> Option<Duration> {
    match &plan.standing {
        Standing::Over => (!plan.steps.is_empty()).then_some(WORKING),
        Standing::Waits { .. } => Some(WAITING),
        Standing::Begins(_)
        | Standing::Works { .. }
        | Standing::PutBack { .. }
        | Standing::Done { .. }
        | Standing::GaveUp { .. } => Some(WORKING),
    }
}
