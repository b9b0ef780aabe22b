//! LOOP: carries out what was decided about a restore, step by step. What is refused becomes words for the restore.

use jiff::Timestamp;
use kfp_api::conditions::Reason;
use kfp_api::names::{ENDED_ANNOTATION, RESTORE_FINALIZER};
use kfp_api::{KfpBackup, KfpInstallation, KfpRestore};
use kfp_engine::Error;
use kfp_engine::backup_jobs::Refusal;
use kfp_engine::backup_jobs::resolve::Source;
use kfp_engine::cluster::limited;
use kfp_plan::restores::{self, Beside, Plan, SetSeen, Step};
use kube::Api;
use serde_json::json;

use crate::context::Context;
use crate::resources::{change, finalizer, make};

/// Whom it is done for.
pub struct Acting<'a> {
    /// The restore.
    pub restore: &'a KfpRestore,
    /// Its installation.
    pub installation: Option<&'a KfpInstallation>,
    /// What a Job needs to know of it.
    pub source: Option<&'a Source>,
}

/// What became of the steps.
#[derive(Debug, Default)]
pub struct Done {
    /// Why a step was refused; those behind it were not tried.
    pub why: Option<(Reason, String)>,
    /// The resource is gone now.
    pub gone: bool,
}

impl Acting<'_> {
    fn namespace(&self) -> &str {
        self.restore.metadata.namespace.as_deref().unwrap_or_default()
    }

    fn name(&self) -> &str {
        self.restore.metadata.name.as_deref().unwrap_or_default()
    }
}

/// Carries out every step. A step that could not be carried out for a cause that passes ends the pass.
pub async fn act(context: &Context, acting: &Acting<'_>, plan: &Plan) -> Result<Done, Error> {
    let mut done = Done::default();
    for step in &plan.steps {
        match step {
            Step::Finalizer(held) => {
                if !held {
                    context.jobs.unbind_restore(acting.namespace()).await?;
                }
                finalizer(&context.client, acting.restore, RESTORE_FINALIZER, *held).await?;
                done.gone |= !held && acting.restore.metadata.deletion_timestamp.is_some();
            }
            Step::Mark => {
                context.jobs.unbind_restore(acting.namespace()).await?;
                mark(context, acting).await?;
            }
            Step::Drop => {
                let uid = acting.restore.metadata.uid.as_deref().unwrap_or_default();
                context.jobs.remove(&restores::job_name(uid)).await?;
            }
            Step::SafetyBackup => {
                if let Err(refusal) = safety_backup(context, acting).await {
                    done.why = Some((refusal.reason, refusal.message));
                    return Ok(done);
                }
            }
            Step::Start => {
                if let Err(refusal) = start(context, acting).await {
                    tracing::warn!(namespace = acting.namespace(), restore = acting.name(), error = %refusal, "a Job was not started");
                    context.metrics.error(refusal.reason.as_str());
                    done.why = Some((refusal.reason, refusal.message));
                    return Ok(done);
                }
                tracing::info!(
                    namespace = acting.namespace(),
                    restore = acting.name(),
                    "started a Job"
                );
            }
        }
    }
    Ok(done)
}

fn missing() -> Refusal {
    Refusal::new(
        Reason::InstallationMissing,
        "There is no such KfpInstallation any more.",
    )
}

async fn start(context: &Context, acting: &Acting<'_>) -> Result<(), Refusal> {
    let jobs = &context.jobs;
    let source = acting.source.ok_or_else(missing)?;
    let told = jobs.told_restore(acting.restore, source).await?;
    jobs.bind_restore(source).await?;
    jobs.start(&told.purpose, &told.order, told.scratch.as_ref())
        .await
}

/// Makes the backup of what is there; one that another leader made is as good.
async fn safety_backup(context: &Context, acting: &Acting<'_>) -> Result<(), Refusal> {
    let installation = acting.installation.ok_or_else(missing)?;
    let otherwise = match installation.spec.backup {
        Some(_) => None,
        None => otherwise(context, acting).await?,
    };
    let backup = restores::safety_backup(acting.restore, installation, otherwise.as_ref());
    if backup.spec.destination.is_none() && installation.spec.backup.is_none() {
        return Err(Refusal::new(
            Reason::DestinationMissing,
            "Nothing says where what is there is to be backed up: set spec.backup.destination of the installation.",
        ));
    }
    match make(&context.client, &backup).await {
        Err(error) => Err(Refusal::new(Reason::ApplyFailed, error.to_string())),
        Ok(made) => {
            if made {
                tracing::info!(
                    namespace = acting.namespace(),
                    backup = backup.metadata.name,
                    restore = acting.name(),
                    "backs up what a restore replaces"
                );
            }
            Ok(())
        }
    }
}

/// Where and how what is there is backed up when the installation does not say: beside the set that is restored, and encrypted to
/// whoever can read that.
async fn otherwise(context: &Context, acting: &Acting<'_>) -> Result<Option<Beside>, Refusal> {
    let encryption = match context.jobs.set(acting.restore).await {
        SetSeen::Found(set) => set.encryption,
        SetSeen::Refused { reason, message } | SetSeen::Waits { reason, message } => {
            return Err(Refusal::new(reason, message));
        }
        SetSeen::NotLooked => None,
    };
    let source = &acting.restore.spec.source;
    if let Some(named) = &source.destination {
        return Ok(Some(Beside {
            destination: named.location.clone(),
            encryption,
        }));
    }
    let Some(named) = &source.backup_ref else {
        return Ok(None);
    };
    let namespace = named.namespace.as_deref().unwrap_or_else(|| acting.namespace());
    let api: Api<KfpBackup> = Api::namespaced(context.client.clone(), namespace);
    let what = format!("read KfpBackup {} in namespace {namespace}", named.name);
    let found = limited(what, api.get_opt(&named.name)).await?;
    let destination = found
        .and_then(|backup| backup.status)
        .and_then(|status| status.destination);
    Ok(destination.map(|destination| Beside {
        destination,
        encryption,
    }))
}

/// Marks it as over, for whoever meets it without its status.
async fn mark(context: &Context, acting: &Acting<'_>) -> Result<(), Error> {
    let status = acting.restore.status.as_ref();
    let ended = status.and_then(|status| status.completed_at.as_ref());
    let at = ended.map_or_else(Timestamp::now, |time| time.0);
    let patch = json!({"metadata": {"annotations": {ENDED_ANNOTATION: at.to_string()}}});
    change(&context.client, acting.restore, "mark", patch).await
}
