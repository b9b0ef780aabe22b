//! HANDS: deletes objects that carry our label and are in no rendering. Never data.

use std::collections::BTreeSet;

use kfp_api::names::INSTALLATION_LABEL;
use kfp_plan::{ActionOutcome, ObjectRef};
use serde_json::Value;

use super::{Doing, Tally};
use crate::cluster::Cluster;
use crate::error::Error;
use crate::live::{deleting, label};
use crate::observe::data::is_data;

/// Deletes these objects, if they are still ours.
pub async fn act(
    cluster: &Cluster,
    doing: Doing<'_>,
    objects: &BTreeSet<ObjectRef>,
) -> Result<ActionOutcome, Error> {
    let mut tally = Tally::default();
    for object in objects {
        tally.add(object, one(cluster, doing, object).await);
    }
    Ok(tally.outcome())
}

async fn one(cluster: &Cluster, doing: Doing<'_>, object: &ObjectRef) -> Result<ActionOutcome, Error> {
    if is_data(object) {
        return Ok(ActionOutcome::NotYet {
            why: format!("{object} holds data, which goes only by spec.deletionPolicy"),
        });
    }
    let Some(found) = cluster.get(object, doing.namespace()).await? else {
        return Ok(ActionOutcome::AlreadyDone);
    };
    if label(&found, INSTALLATION_LABEL) != Some(doing.name()) || deleting(&found) {
        return Ok(ActionOutcome::AlreadyDone);
    }
    delete(cluster, doing, object, &found).await
}

/// Deletes the very object that was looked at, not one that took its name since.
pub(super) async fn delete(
    cluster: &Cluster,
    doing: Doing<'_>,
    object: &ObjectRef,
    found: &Value,
) -> Result<ActionOutcome, Error> {
    let uid = found
        .pointer("/metadata/uid")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let deleted = cluster.delete(object, doing.namespace(), uid).await?;
    Ok(if deleted {
        ActionOutcome::Done
    } else {
        ActionOutcome::AlreadyDone
    })
}
