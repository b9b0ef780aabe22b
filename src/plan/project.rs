//! THOUGHT: a pass becomes a status. Pure: the same pass and the same old status give the same bytes, whatever the time.

mod backup;
mod domain;
mod sdk;
mod summary;
mod table;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kfp_api::KfpInstallationStatus;
use kfp_releases::ValidatedInstallation;

use crate::conditions::stamp;
use crate::decision::Decision;
use crate::desired::Desired;
use crate::observed::Observed;
use crate::outcome::ActionOutcome;

/// Everything that a status is made of.
#[derive(Clone, Debug)]
pub struct ProjectInput<'a> {
    /// The wanted installation; none when its spec did not pass validation.
    pub installation: Option<&'a ValidatedInstallation>,
    /// `metadata.generation` of the spec that this pass read.
    pub generation: i64,
    /// What was seen; none when nothing was looked at. What is not seen keeps what the old status says of it.
    pub observed: Option<&'a Observed>,
    /// What was decided.
    pub decision: &'a Decision,
    /// What became of the decision's actions, in their order.
    pub outcomes: &'a [ActionOutcome],
    /// The status before this pass.
    pub old_status: &'a KfpInstallationStatus,
    /// The time, for conditions whose status changes.
    pub now: &'a Time,
}

/// The status after a pass.
#[must_use]
pub fn project(input: &ProjectInput) -> KfpInstallationStatus {
    let desired = input.installation.map(Desired::of);
    view(&View {
        desired: desired.as_ref(),
        generation: input.generation,
        observed: input.observed,
        decision: input.decision,
        outcomes: input.outcomes,
        old: input.old_status,
        now: input.now,
    })
}

/// What [`ProjectInput`] holds, with the wanted installation as far as thinking needs it.
#[derive(Clone, Debug)]
pub(crate) struct View<'a> {
    pub(crate) desired: Option<&'a Desired>,
    pub(crate) generation: i64,
    pub(crate) observed: Option<&'a Observed>,
    pub(crate) decision: &'a Decision,
    pub(crate) outcomes: &'a [ActionOutcome],
    pub(crate) old: &'a KfpInstallationStatus,
    pub(crate) now: &'a Time,
}

/// The status after a pass.
pub(crate) fn view(input: &View) -> KfpInstallationStatus {
    let domain = domain::facts(input);
    let mut facts = summary::facts(input, &domain);
    facts.extend(domain);
    let kept = domain::kept(input);
    let conditions = stamp(&facts, &kept, &input.old.conditions, input.generation, input.now);
    KfpInstallationStatus {
        observed_generation: Some(input.generation),
        version: table::version(input),
        components: table::components(input),
        database: table::database(input),
        endpoints: table::endpoints(input),
        sdk: sdk::status(input),
        backup: backup::status(input),
        conditions,
    }
}
