//! LOOP: carries out what was decided about backups, step by step. What is refused becomes words for the backup that asked.

use jiff::Timestamp;
use kfp_api::conditions::Reason;
use kfp_api::names::BACKUP_FINALIZER;
use kfp_api::{KfpBackup, KfpInstallation};
use kfp_engine::Error;
use kfp_engine::backup_jobs::Refusal;
use kfp_engine::cluster::limited;
use kfp_plan::backups::{Plan, Step, Waiting, Work, scheduled};
use kube::Api;
use kube::api::{DeleteParams, Preconditions};

use super::pass::{Done, Seen, destination};
use crate::context::{Context, Key};
use crate::events::News;
use crate::resources::{finalizer, make};

/// Carries out every step. A step that could not be carried out for a cause that passes ends the pass.
pub async fn act(
    context: &Context,
    key: &Key,
    seen: &Seen,
    plan: &Plan,
    done: &mut Done,
) -> Result<(), Error> {
    let resource = seen.resource.as_ref();
    let named = |name: &str| {
        let is_it = |backup: &&KfpBackup| backup.metadata.name.as_deref() == Some(name);
        seen.backups.iter().find(is_it)
    };
    for step in &plan.steps {
        match step {
            Step::Create { time } => create(context, key, resource, *time).await?,
            Step::Finalizer { backup, held } => {
                if let Some(found) = named(backup) {
                    finalizer(&context.client, found, BACKUP_FINALIZER, *held).await?;
                    // Without its finalizer a resource that is being deleted goes.
                    if !held && found.metadata.deletion_timestamp.is_some() {
                        done.gone.push(backup.clone());
                    }
                }
            }
            Step::Start { backup, work } => {
                let Some(found) = named(backup) else { continue };
                match start(context, found, *work, resource).await {
                    Ok(()) => {
                        tracing::info!(namespace = key.0, backup, work = work.label(), "started a Job");
                        done.started.insert(backup.clone(), *work);
                    }
                    Err(refusal) => {
                        tracing::warn!(namespace = key.0, backup, work = work.label(), error = %refusal, "a Job was not started");
                        context.metrics.error(refusal.reason.as_str());
                        let waiting = Waiting {
                            reason: refusal.reason,
                            message: refusal.message,
                        };
                        done.refused.insert(backup.clone(), waiting);
                    }
                }
            }
            Step::Close { job } => context.jobs.close(job).await?,
            Step::Drop { job } => context.jobs.remove(job).await?,
            Step::Delete { backup, why } => {
                if let Some(found) = named(backup) {
                    delete(context, key, found, why).await?;
                    done.gone.push(backup.clone());
                }
            }
        }
    }
    Ok(())
}

async fn start(
    context: &Context,
    backup: &KfpBackup,
    work: Work,
    resource: Option<&KfpInstallation>,
) -> Result<(), Refusal> {
    let jobs = &context.jobs;
    let destination = destination(backup, resource).ok_or_else(|| {
        Refusal::new(
            Reason::DestinationMissing,
            "Neither the backup nor its installation names a destination.",
        )
    })?;
    let source = match (resource, work) {
        (Some(resource), Work::Take | Work::Verify(_)) => Some(jobs.source(resource).await?),
        _ => None,
    };
    if let (Some(source), Work::Take) = (&source, work) {
        jobs.bind(source).await?;
    }
    let told = jobs.told(backup, work, destination, source.as_ref()).await?;
    jobs.start(&told.purpose, &told.order, told.scratch.as_ref())
        .await
}

fn api(context: &Context, key: &Key) -> Api<KfpBackup> {
    Api::namespaced(context.client.clone(), &key.0)
}

/// Makes the backup of a schedule's time; one that another leader made is as good.
async fn create(
    context: &Context,
    key: &Key,
    resource: Option<&KfpInstallation>,
    time: Timestamp,
) -> Result<(), Error> {
    let Some(spec) = resource.and_then(|resource| resource.spec.backup.as_ref()) else {
        return Ok(());
    };
    let backup = scheduled(&key.1, &key.0, spec, time);
    if make(&context.client, &backup).await? {
        tracing::info!(
            namespace = key.0,
            backup = backup.metadata.name,
            "made a backup by schedule"
        );
    }
    Ok(())
}

/// Deletes a backup whose set is gone, and says why.
async fn delete(context: &Context, key: &Key, backup: &KfpBackup, why: &str) -> Result<(), Error> {
    let name = backup.metadata.name.as_deref().unwrap_or_default();
    let params = DeleteParams {
        preconditions: Some(Preconditions {
            uid: backup.metadata.uid.clone(),
            resource_version: None,
        }),
        ..DeleteParams::background()
    };
    let what = format!("delete KfpBackup {name} in namespace {}", key.0);
    match limited(what, api(context, key).delete(name, &params)).await {
        Err(error) if matches!(error.status(), Some(404 | 409)) => return Ok(()),
        deleted => deleted.map(drop)?,
    }
    tracing::info!(
        namespace = key.0,
        backup = name,
        why,
        "removed a backup by retention"
    );
    let news = News {
        warning: false,
        reason: "Expired".into(),
        action: "Delete".into(),
        note: format!("The set was removed, and KfpBackup {name} with it: {why}."),
    };
    let about = kube::Resource::object_ref(backup, &());
    context.events.publish(&about, &[news]).await;
    Ok(())
}
