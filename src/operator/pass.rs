//! LOOP: one pass over one installation: look, validate, plan, render, act, say. The order stands here; every thought and
//! every deed is another room's.

use std::time::{Duration, Instant};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kfp_api::conditions::Reason;
use kfp_api::installation::DeletionPolicy;
use kfp_api::sdk::SdkPolicyMode;
use kfp_api::{KfpBackup, KfpInstallation, KfpInstallationStatus};
use kfp_engine::act::{Doing, action_name, outcome_name};
use kfp_engine::cluster::{limited, unknown};
use kfp_engine::{Surroundings, Wanted};
use kfp_plan::{
    Action, ActionOutcome, Decision, InventorySeen, Next, Observed, PlanInput, ProjectInput, Seen,
};
use kfp_releases::{Finding, ValidatedInstallation};
use kfp_render::Rendered;
use kube::api::{ApiResource, DynamicObject, ListParams, ObjectMeta};
use kube::{Api, Resource as _};
use serde_json::Value;

use crate::backoff;
use crate::context::{Context, Key};
use crate::events::{News, changes};
use crate::inventories;
use crate::status::{self, StatusError, Written};
use crate::watches::Watches;

/// A pass that could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// The resource could not be read.
    #[error(transparent)]
    Read(#[from] kfp_engine::Error),
    /// Its status could not be written.
    #[error(transparent)]
    Status(#[from] StatusError),
}

impl PassError {
    /// The stable reason, for the metric.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Read(error) => error.reason().as_str(),
            Self::Status(_) => "StatusNotWritten",
        }
    }
}

/// An installation that can be rendered, with its rendering.
struct Valid {
    installation: ValidatedInstallation,
    rendered: Rendered,
}

/// What was seen and decided, before it is said.
struct Thought {
    valid: Option<Valid>,
    observed: Option<Observed>,
    decision: Decision,
}

/// One pass; `None` when there is no such resource any more, else how long to wait for the next one.
pub async fn run(context: &Context, watches: &Watches, key: &Key) -> Result<Option<Duration>, PassError> {
    let started = Instant::now();
    let (namespace, name) = key;
    let resource = ApiResource::erase::<KfpInstallation>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(context.client.clone(), namespace, &resource);
    let what = format!("read KfpInstallation {name} in namespace {namespace}");
    let Some(object) = limited(what, api.get_opt(name)).await? else {
        return Ok(None);
    };
    let now = Timestamp::now();
    let around = context
        .engine
        .surroundings(namespace, &object.metadata, now)
        .await;
    if matches!(around.rights, Seen::Known(())) {
        watches.ensure(key);
    }
    let thought = Box::pin(think(context, watches, key, &object, around, now)).await;
    let outcomes = act(context, &object.metadata, &thought, now).await;
    say(context, &object, &thought, &outcomes, now).await?;

    let next = next_pass(context, key, &thought.decision, &outcomes);
    let result = result(&thought.decision, &outcomes);
    context.metrics.pass(result, started.elapsed());
    let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    // At rest a pass a minute says nothing new.
    if thought.decision.next == Next::Settled {
        tracing::debug!(
            namespace,
            name,
            result,
            milliseconds,
            next_seconds = next.as_secs(),
            "pass"
        );
    } else {
        tracing::info!(
            namespace,
            name,
            result,
            milliseconds,
            next_seconds = next.as_secs(),
            "pass"
        );
    }
    Ok(Some(next))
}

/// Looks and decides.
async fn think(
    context: &Context,
    watches: &Watches,
    key: &Key,
    object: &DynamicObject,
    around: Surroundings,
    now: Timestamp,
) -> Thought {
    let engine = &context.engine;
    let findings = match valid(context, object, &around) {
        Ok(valid) => {
            if let Some(install) = valid.installation.install() {
                let wanted = Wanted {
                    resource: &object.metadata,
                    install,
                    rendered: &valid.rendered,
                };
                let mut observed = engine.observe(around, wanted, now).await;
                observed.inventory = inventory(
                    context,
                    watches,
                    key,
                    &object.metadata,
                    &valid.installation,
                    &observed,
                );
                observed.backups = backups(context, object, now).await;
                let input = PlanInput {
                    installation: &valid.installation,
                    observed: &observed,
                };
                let decision = kfp_plan::plan(&input);
                return Thought {
                    valid: Some(valid),
                    observed: Some(observed),
                    decision,
                };
            }
            Vec::new()
        }
        Err(findings) => findings,
    };
    if object.metadata.deletion_timestamp.is_none() {
        return Thought {
            valid: None,
            observed: None,
            decision: kfp_plan::refuse(&findings),
        };
    }
    let observed = engine.observe_deletion(around, &object.metadata, now).await;
    Thought {
        valid: None,
        decision: kfp_plan::delete(policy(object), &observed),
        observed: Some(observed),
    }
}

/// Says what is to be looked through, and takes what is known by now.
fn inventory(
    context: &Context,
    watches: &Watches,
    key: &Key,
    resource: &ObjectMeta,
    installation: &ValidatedInstallation,
    observed: &Observed,
) -> Seen<InventorySeen> {
    let wanted = installation.inventory.enabled && installation.sdk_policy.mode != SdkPolicyMode::Off;
    // A reader's snapshot would hold up whoever replaces tables.
    let held = observed.restore != Seen::Absent;
    if !wanted || held || observed.deleting {
        context.inventories.end(key);
        return Seen::Absent;
    }
    let order = inventories::order(&context.catalog, resource, installation, observed);
    context.inventories.want(key, order, watches.news());
    context.inventories.seen(key)
}

/// What the installation tells of its backups.
async fn backups(
    context: &Context,
    object: &DynamicObject,
    now: Timestamp,
) -> Seen<kfp_plan::backups::Summary> {
    let Ok(resource) = serde_json::to_value(object).and_then(serde_json::from_value::<KfpInstallation>)
    else {
        return Seen::Absent;
    };
    let namespace = object.metadata.namespace.as_deref().unwrap_or_default();
    let name = object.metadata.name.as_deref().unwrap_or_default();
    let api: Api<KfpBackup> = Api::namespaced(context.client.clone(), namespace);
    let of = ListParams::default().fields(&format!("spec.installation={name}"));
    let what = format!("list KfpBackups in namespace {namespace}");
    match limited(what, api.list(&of)).await {
        Ok(found) => Seen::Known(kfp_plan::backups::summary(&resource, &found.items, now)),
        Err(error) => unknown(&error),
    }
}

/// The installation validated and rendered, or everything that is wrong with it.
fn valid(context: &Context, object: &DynamicObject, around: &Surroundings) -> Result<Valid, Vec<Finding>> {
    let found = |path: &str, message: String| {
        vec![Finding {
            path: path.into(),
            reason: Reason::InvalidSpec,
            message,
        }]
    };
    let resource = read(object).map_err(|error| {
        found(
            &error.path().to_string(),
            format!(
                "cannot be read: {}; compare it with `kubectl explain kfpi.spec`",
                error.inner()
            ),
        )
    })?;
    let installation = kfp_releases::validate(&resource, &around.references, &context.catalog)?;
    let installation = kfp_plan::targets(&installation, &around.restore);
    let rendered = kfp_render::render(&installation).map_err(|error| {
        found(
            "spec.version",
            format!("cannot be rendered: {error}; this is a defect of the operator"),
        )
    })?;
    Ok(Valid {
        installation,
        rendered,
    })
}

/// The resource without its status, which is a mirror: one that cannot be read is written anew.
fn read(object: &DynamicObject) -> Result<KfpInstallation, serde_path_to_error::Error<serde_json::Error>> {
    let mut raw = serde_json::to_value(object).unwrap_or_default();
    if let Some(fields) = raw.as_object_mut() {
        fields.remove("status");
    }
    serde_path_to_error::deserialize(raw)
}

/// The deletion policy of a spec that cannot be used; data stays where it cannot be read.
fn policy(object: &DynamicObject) -> DeletionPolicy {
    let written = object
        .data
        .pointer("/spec/deletionPolicy")
        .cloned()
        .unwrap_or(Value::Null);
    serde_json::from_value(written).unwrap_or_default()
}

/// Carries out what was decided, in order.
async fn act(
    context: &Context,
    resource: &ObjectMeta,
    thought: &Thought,
    now: Timestamp,
) -> Vec<ActionOutcome> {
    let Next::Do(actions) = &thought.decision.next else {
        return Vec::new();
    };
    let doing = Doing {
        resource,
        rendered: thought.valid.as_ref().map(|valid| &valid.rendered),
        now,
    };
    let mut outcomes = Vec::with_capacity(actions.len());
    for action in actions {
        let outcome = context.engine.act(action, doing).await;
        let (action, result) = (action_name(action), outcome_name(&outcome));
        context.metrics.action(action, result);
        if let ActionOutcome::Failed { reason, message } = &outcome {
            context.metrics.error(reason.as_str());
            tracing::warn!(
                namespace = doing.resource.namespace,
                name = doing.resource.name,
                action,
                message,
                "refused"
            );
        }
        outcomes.push(outcome);
    }
    outcomes
}

/// Writes the status if it changed, and tells the changes.
async fn say(
    context: &Context,
    object: &DynamicObject,
    thought: &Thought,
    outcomes: &[ActionOutcome],
    now: Timestamp,
) -> Result<(), PassError> {
    let raw = object.data.get("status");
    let old = status::read(raw);
    let new = kfp_plan::project(&ProjectInput {
        installation: thought.valid.as_ref().map(|valid| &valid.installation),
        generation: object.metadata.generation.unwrap_or_default(),
        observed: thought.observed.as_ref(),
        decision: &thought.decision,
        outcomes,
        old_status: &old,
        now: &Time(now),
    })
    .fitted();
    let mut news = changes(&old.conditions, &new.conditions);
    let deleting = object.metadata.deletion_timestamp.is_some();
    if deleting && lets_go(&thought.decision, outcomes) {
        // The resource is gone, and its status with it; what stays behind is told as an Event.
        news = thought.decision.warnings.iter().map(warning).collect();
    } else if status::write(&context.client, &object.metadata, raw, &new).await? == Written::Changed {
        context.metrics.status_write();
    }
    show(context, object, &new);
    let about = object.object_ref(&ApiResource::erase::<KfpInstallation>(&()));
    context.events.publish(&about, &news).await;
    Ok(())
}

/// True when this pass took the finalizer off.
fn lets_go(decision: &Decision, outcomes: &[ActionOutcome]) -> bool {
    let Next::Do(actions) = &decision.next else {
        return false;
    };
    let mut each = actions.iter().zip(outcomes);
    each.any(|(action, outcome)| *action == Action::SetFinalizer(false) && *outcome == ActionOutcome::Done)
}

fn warning(blocker: &kfp_plan::Blocker) -> News {
    News {
        warning: true,
        reason: blocker.reason.as_str().into(),
        action: "Delete".into(),
        note: blocker.message.clone(),
    }
}

fn show(context: &Context, object: &DynamicObject, status: &KfpInstallationStatus) {
    let namespace = object.metadata.namespace.as_deref().unwrap_or_default();
    let name = object.metadata.name.as_deref().unwrap_or_default();
    context.metrics.conditions(namespace, name, &status.conditions);
}

/// The plan's own interval, or the growing pause after refused actions, spread a little.
fn next_pass(context: &Context, key: &Key, decision: &Decision, outcomes: &[ActionOutcome]) -> Duration {
    let planned = kfp_plan::requeue(decision, outcomes);
    if outcomes
        .iter()
        .any(|outcome| matches!(outcome, ActionOutcome::Failed { .. }))
    {
        let failures = context.failures.add(key);
        return planned.max(backoff::pause(failures, backoff::random()));
    }
    context.failures.clear(key);
    backoff::spread(planned, backoff::random())
}

/// The pass in one word, for the metric and the log.
fn result(decision: &Decision, outcomes: &[ActionOutcome]) -> &'static str {
    match &decision.next {
        Next::Settled => "settled",
        Next::Wait => "waiting",
        Next::AskUser(_) => "asking",
        Next::Refuse(_) => "refused",
        Next::Do(_)
            if outcomes
                .iter()
                .any(|outcome| matches!(outcome, ActionOutcome::Failed { .. })) =>
        {
            "failed"
        }
        Next::Do(_) => "acted",
    }
}
