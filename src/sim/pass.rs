//! PROOF: one pass of the operator in a simulated world: look, validate, plan, act, project, under faults.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kfp_api::KfpInstallationStatus;
use kfp_api::conditions::{ConditionType, Reason, find};
use kfp_plan::{Action, ActionOutcome, Decision, Next, Observed, PlanInput, ProjectInput, plan, project};

use crate::act::act;
use crate::error::SimError;
use crate::fault::Faults;
use crate::look::{look, looked_for};
use crate::wanted::Wanted;
use crate::world::World;

/// What a pass was.
#[derive(Clone, Debug)]
pub struct Report {
    /// Identity and generation of the resource that it was for.
    pub of: (u32, i64),
    /// What it saw.
    pub observed: Observed,
    /// What it decided.
    pub decision: Decision,
    /// What became of its actions; none when the operator died.
    pub outcomes: Option<Vec<ActionOutcome>>,
    /// The status that it wrote, or would have written.
    pub status: KfpInstallationStatus,
}

/// Lets the world turn once and the operator pass once; none when there is no resource.
///
/// `before` is the report of the pass before, for a cache that lags.
pub fn pass(world: &mut World, faults: &Faults, before: Option<&Report>) -> Result<Option<Report>, SimError> {
    world.turn();
    let Some(resource) = world.resource.clone() else {
        return Ok(None);
    };
    // Restores are read before everything else, and never from a cache.
    let restore = looked_for(world, faults);
    let wanted = Wanted::of(&resource, &restore)?;
    let of = (resource.uid, resource.generation);
    let stale = before
        .filter(|report| faults.stale && report.of == of)
        .map(|report| report.observed.clone());
    let mut observed = stale.unwrap_or_else(|| look(world, &wanted, faults));
    observed.restore = restore;
    let decision = plan(&PlanInput {
        installation: &wanted.installation,
        observed: &observed,
    });
    let outcomes = carry_out(world, &wanted, &decision, faults);

    let status = project(&ProjectInput {
        installation: Some(&wanted.installation),
        generation: resource.generation,
        observed: Some(&observed),
        decision: &decision,
        outcomes: outcomes.as_deref().unwrap_or_default(),
        old_status: &resource.status,
        now: &Time(Timestamp::from_second(i64::from(world.tick)).unwrap_or_default()),
    });
    if outcomes.is_some() {
        check_ready(world, &wanted, faults, &status);
        if let Some(resource) = &mut world.resource {
            resource.status = status.clone();
        }
    }
    Ok(Some(Report {
        of,
        observed,
        decision,
        outcomes,
        status,
    }))
}

/// Carries out the actions; none when the operator dies on the way.
fn carry_out(
    world: &mut World,
    wanted: &Wanted,
    decision: &Decision,
    faults: &Faults,
) -> Option<Vec<ActionOutcome>> {
    let Next::Do(actions) = &decision.next else {
        return Some(Vec::new());
    };
    let mut outcomes = Vec::new();
    for (number, action) in actions.iter().enumerate() {
        if faults.crash == Some(number) {
            let _ = act(world, wanted, action, faults.crash_after);
            return None;
        }
        outcomes.push(one(world, wanted, action, number, faults));
    }
    Some(outcomes)
}

fn one(world: &mut World, wanted: &Wanted, action: &Action, number: usize, faults: &Faults) -> ActionOutcome {
    let failed = |message: &str| ActionOutcome::Failed {
        reason: Reason::ApplyFailed,
        message: message.to_owned(),
    };
    if Faults::hits(faults.refused, number) {
        return failed("the API server refused it");
    }
    let outcome = act(world, wanted, action, usize::MAX);
    let mut again = world.clone();
    if act(&mut again, wanted, action, usize::MAX) != ActionOutcome::AlreadyDone {
        world.violation(format!("{action:?} changed something the second time"));
    }
    if Faults::hits(faults.lost, number) {
        failed("the connection was lost")
    } else {
        outcome
    }
}

/// An honest look never calls an installation ready that is not.
fn check_ready(world: &mut World, wanted: &Wanted, faults: &Faults, status: &KfpInstallationStatus) {
    let ready =
        find(&status.conditions, ConditionType::Ready).is_some_and(|condition| condition.status == "True");
    if !ready || faults.stale {
        return;
    }
    let mut workloads = wanted.groups.iter().filter_map(|group| group.workload.as_ref());
    if let Some((object, _)) = workloads.find(|(object, _)| !world.is_ready(&object.name)) {
        let what = format!("Ready was True while {object} was not");
        world.violation(what);
    }
}

/// Passes without faults until the operator has nothing to do, at most `limit` of them; the reports, the last one last.
pub fn settle(world: &mut World, limit: usize) -> Result<Vec<Report>, SimError> {
    let mut reports: Vec<Report> = Vec::new();
    for _ in 0..limit {
        match pass(world, &Faults::default(), reports.last())? {
            Some(report) => {
                let settled = report.decision.next == Next::Settled;
                reports.push(report);
                if settled {
                    break;
                }
            }
            None => break,
        }
    }
    Ok(reports)
}
