//! HANDS: deletes claims and generated Secrets of an installation that is being deleted with `deletionPolicy: Delete`.

use std::collections::BTreeSet;

use kfp_api::conditions::Reason;
use kfp_plan::{ActionOutcome, ObjectRef};

use super::prune::delete;
use super::{Doing, Tally};
use crate::cluster::Cluster;
use crate::error::Error;
use crate::live::deleting;
use crate::observe::data::check;

/// Deletes these data objects, if they are this installation's and it is really being deleted.
pub async fn act(
    cluster: &Cluster,
    doing: Doing<'_>,
    objects: &BTreeSet<ObjectRef>,
) -> Result<ActionOutcome, Error> {
    if doing.resource.deletion_timestamp.is_none() {
        return Ok(ActionOutcome::Failed {
            reason: Reason::ApplyFailed,
            message: format!(
                "KfpInstallation {} is not being deleted, so its data stays",
                doing.name()
            ),
        });
    }
    let mut tally = Tally::default();
    for object in objects {
        tally.add(object, one(cluster, doing, object).await);
    }
    Ok(tally.outcome())
}

async fn one(cluster: &Cluster, doing: Doing<'_>, object: &ObjectRef) -> Result<ActionOutcome, Error> {
    let Some(found) = cluster.get(object, doing.namespace()).await? else {
        return Ok(ActionOutcome::AlreadyDone);
    };
    if deleting(&found) {
        return Ok(ActionOutcome::AlreadyDone);
    }
    match check(object, &found, doing.name()) {
        Ok(()) => delete(cluster, doing, object, &found).await,
        Err(message) => Ok(ActionOutcome::Failed {
            reason: Reason::ApplyFailed,
            message: format!("{message}; it stays"),
        }),
    }
}
