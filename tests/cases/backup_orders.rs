//! PROOF (real API server): what a backup's Jobs are told and how they are shaped, looked at from outside.

use anyhow::{Context, Result, ensure};
use kfp_backup::order::{Order, Store, Task};
use kfp_tests::Site;
use kfp_tests::jobs::work;
use kfp_tests::operator::JOB_IMAGE;
use kfp_tests::world::eventually;

use super::backups::SECRET_KEY;

/// The order holds what the installation's own Secrets and Services say.
pub async fn told_to_take(site: &Site, order: &Order) -> Result<()> {
    let Task::Take(take) = &order.task else {
        anyhow::bail!("{}", work(order))
    };
    let Store::S3 {
        access_key_id,
        secret_access_key,
        path_style,
        ..
    } = &take.destination.store
    else {
        anyhow::bail!("another store")
    };
    ensure!(
        access_key_id
            .as_ref()
            .is_some_and(|key| key.reveal() == "AKIDWRITER"),
        "other credentials write"
    );
    ensure!(
        secret_access_key
            .as_ref()
            .is_some_and(|key| key.reveal() == SECRET_KEY)
            && *path_style
    );
    ensure!(
        take.destination.home.prefix == "prod" && take.source.release == "2.16.1",
        "{:?}",
        take.source
    );
    let service = site.await_object("Service", "mysql").await?;
    ensure!(service.data["spec"]["clusterIP"] == take.server.host.as_str() && take.server.username == "root");
    ensure!(!take.server.password.is_empty() && take.databases.len() == 3);
    ensure!(
        take.bucket
            .as_ref()
            .is_some_and(|bucket| bucket.name == "mlpipeline")
    );
    ensure!(
        take.own_store.iter().any(|host| host.starts_with("seaweedfs.")),
        "{:?}",
        take.own_store
    );
    ensure!(
        take.objects
            .iter()
            .any(|kind| kind.plural == "scheduledworkflows")
    );
    ensure!(
        take.secrets.iter().all(|secret| secret.values.is_none()),
        "values of Secrets were handed out"
    );
    ensure!(
        take.secrets
            .iter()
            .any(|secret| secret.name == "mysql-root-secret"),
        "{:?}",
        take.secrets
    );
    Ok(())
}

/// The order to check is given what may read, and a server to restore into.
pub fn told_to_verify(order: &Order) -> Result<()> {
    let Task::Verify(verify) = &order.task else {
        anyhow::bail!("{}", work(order))
    };
    let Store::S3 { access_key_id, .. } = &verify.destination.store else {
        anyhow::bail!("another store")
    };
    ensure!(
        access_key_id
            .as_ref()
            .is_some_and(|key| key.reveal() == "AKIDREMOVER"),
        "what may only put reads"
    );
    let scratch = verify.scratch.as_ref().context("no scratch server")?;
    ensure!(scratch.server.host == "127.0.0.1" && !scratch.server.password.is_empty());
    Ok(())
}

/// The Jobs run beside the operator, closed off, and their credentials are gone at the end.
pub async fn shaped(site: &Site, uid: &str) -> Result<()> {
    let own = site.lease_namespace();
    let job = site
        .world
        .objects(&own, "batch/v1", "Job")
        .get(&format!("kfp-verify-{uid}"))
        .await?;
    let pod = &job.data["spec"]["template"]["spec"];
    ensure!(
        pod["containers"][0]["image"] == JOB_IMAGE && pod["initContainers"][0]["restartPolicy"] == "Always",
        "{pod:#}"
    );
    ensure!(
        pod["serviceAccountName"] == "kfp-operator-jobs" && pod["securityContext"]["runAsNonRoot"] == true
    );
    ensure!(pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] == true);
    ensure!(
        job.data["spec"]["activeDeadlineSeconds"] == 86_460,
        "{}",
        job.data["spec"]
    );
    ensure!(
        job.metadata.owner_references.is_none(),
        "it would go with something"
    );
    for name in ["kfp-take", "kfp-verify"] {
        eventually("the credentials of Jobs are gone", || async {
            let secrets = site.world.objects(&own, "v1", "Secret");
            Ok(secrets
                .get_opt(&format!("{name}-{uid}"))
                .await?
                .is_none()
                .then_some(()))
        })
        .await?;
    }
    let map = site
        .world
        .objects(&own, "v1", "ConfigMap")
        .get(&format!("kfp-take-{uid}"))
        .await?;
    ensure!(
        map.metadata
            .owner_references
            .is_some_and(|owners| owners[0].kind == "Job")
    );
    Ok(())
}
