//! HANDS: server-side apply of rendered objects of one component.

use std::collections::BTreeSet;

use kfp_api::conditions::Reason;
use kfp_plan::{ActionOutcome, ObjectRef};
use kfp_render::{Object, RenderedComponent};

use super::{Doing, Tally};
use crate::cluster::Cluster;
use crate::desired::{authorities, drift, prepare, reference, secret_reference};
use crate::error::Error;
use crate::live::Live;

/// Applies these objects of the component, in the rendering's order.
pub async fn act(
    cluster: &Cluster,
    doing: Doing<'_>,
    component: &str,
    objects: &BTreeSet<ObjectRef>,
) -> Result<ActionOutcome, Error> {
    let rendered = doing.rendered.and_then(|rendered| rendered.component(component));
    let Some(rendered) = rendered else {
        return Ok(ActionOutcome::NotYet {
            why: format!("component {component} is in no rendering any more"),
        });
    };
    let secrets = rendered.secrets.iter().map(secret_reference).collect();
    let trusted = if rendered.trusts.is_empty() {
        Vec::new()
    } else {
        secrets
    };
    let secrets = Live::read_each(cluster, doing.namespace(), trusted).await;
    let mut tally = Tally::default();
    for object in rendered.base.iter().chain(&rendered.workload) {
        let reference = reference(object);
        if objects.contains(&reference) {
            let outcome = one(cluster, doing, rendered, object, &reference, &secrets).await;
            tally.add(&reference, outcome);
        }
    }
    Ok(tally.outcome())
}

async fn one(
    cluster: &Cluster,
    doing: Doing<'_>,
    component: &RenderedComponent,
    object: &Object,
    reference: &ObjectRef,
    secrets: &Live,
) -> Result<ActionOutcome, Error> {
    let authorities = authorities(component, secrets);
    let must_trust = component
        .trusts
        .iter()
        .any(|trust| trust.configuration == reference.name);
    if must_trust && !object.namespaced() && !authorities.contains_key(&reference.name) {
        return Ok(ActionOutcome::NotYet {
            why: format!("{reference} waits for the certificate that it must trust"),
        });
    }
    let body = prepare(object, &authorities);
    let found = cluster.get(reference, doing.namespace()).await?;
    if found.as_ref().is_some_and(|found| drift(&body, found).is_none()) {
        return Ok(ActionOutcome::AlreadyDone);
    }
    let mut applied = cluster.apply(reference, doing.namespace(), &body).await;
    // Apply merges lists by key. What somebody else put into one of ours may clash with it (a Service's port under another
    // number keeps our port's name): then our fields are set whole once, which ends the clash, and applied again.
    if let Err(error) = &applied
        && error.status() == Some(422)
        && found.is_some()
        && cluster.merge(reference, doing.namespace(), &body).await.is_ok()
    {
        applied = cluster.apply(reference, doing.namespace(), &body).await;
    }
    let kept = applied.map_err(|error| advise(error, reference))?;
    Ok(match drift(&body, &kept) {
        None => ActionOutcome::Done,
        Some(field) => ActionOutcome::Failed {
            reason: Reason::Conflict,
            message: format!(
                "{reference} was applied, but {field} is not what was applied: an admission webhook or a controller changes it; \
                 make it leave objects with label {} alone",
                kfp_api::names::INSTALLATION_LABEL,
            ),
        },
    })
}

/// Says what to do about a field that cannot be changed in place. Claims hold data and are never proposed for deletion.
fn advise(error: Error, object: &ObjectRef) -> Error {
    let changeable = object.kind != "PersistentVolumeClaim";
    match error {
        Error::Kube { what, source } if changeable && source.to_string().contains("immutable") => {
            Error::Kube {
                what: format!(
                    "{what} (delete it, with --cascade=orphan for a workload, and it is made again)"
                ),
                source,
            }
        }
        other => other,
    }
}
