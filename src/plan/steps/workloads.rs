//! THOUGHT: workloads. A missing one is made when everything it waits for is healthy; one that is there and differs is
//! repaired whatever the others do. Neither happens where the database's content forbids it.

use std::collections::BTreeSet;

use kfp_releases::Role;

use crate::decision::{Action, Question};
use crate::desired::{Desired, DesiredComponent};
use crate::observed::{ComponentSeen, Observed, Seen};
use crate::steps::components::{Waits, is_healthy, look, trouble};
use crate::steps::restore::Hold;
use crate::steps::schema::{self, Gate};
use crate::words;

/// What the workloads need.
#[derive(Clone, Debug, Default)]
pub struct Workloads {
    /// One apply for each workload that may be made or repaired now, in component order.
    pub applies: Vec<Action>,
    /// Set when a person must decide about the database's content.
    pub question: Option<Question>,
}

/// Goes through all components. What holds one back never holds back another, unless that one is `after` it.
///
/// `held` names the groups of objects that pods would miss.
pub fn collect(
    desired: &Desired,
    seen: &Observed,
    held: &BTreeSet<String>,
    restore: &Hold,
    waits: &mut Waits,
) -> Workloads {
    let mut pass = Pass {
        desired,
        seen,
        held,
        restore,
        gate: schema::gate(desired, seen),
        waits,
        question: None,
    };
    let applies = desired
        .components
        .iter()
        .filter(|component| look(seen, component).is_some_and(|look| pass.may_apply(component, look)))
        .map(|component| Action::Apply {
            component: component.name.clone(),
            objects: std::iter::once(component.workload.clone()).collect(),
        })
        .collect();
    Workloads {
        applies,
        question: pass.question,
    }
}

/// One walk over the components.
struct Pass<'a> {
    desired: &'a Desired,
    seen: &'a Observed,
    held: &'a BTreeSet<String>,
    restore: &'a Hold,
    gate: Gate,
    waits: &'a mut Waits,
    question: Option<Question>,
}

impl Pass<'_> {
    fn may_apply(&mut self, component: &DesiredComponent, look: &ComponentSeen) -> bool {
        match &look.workload {
            Seen::Unknown { why, .. } => {
                let workload = &component.workload;
                self.waits.add(
                    &component.name,
                    format!("its {workload}, which could not be looked at: {why}"),
                );
                false
            }
            Seen::Absent => self.may_make(component),
            Seen::Known(state) if state.drift => self.may_repair(component),
            Seen::Known(state) => {
                if !is_healthy(state) {
                    self.waits
                        .add(&component.name, format!("its pods: {}", words::progress(state)));
                }
                false
            }
        }
    }

    fn may_make(&mut self, component: &DesiredComponent) -> bool {
        if self.restore.holds(component) {
            self.waits.add(&component.name, "the restore".to_owned());
            return false;
        }
        let mut free = !self.held(component);
        if !free && !self.waits.has(&component.name) {
            self.waits
                .add(&component.name, "what its pods need to start".to_owned());
        }
        free &= self.volume_known(component);
        for name in &component.after {
            let Some(dependency) = self.desired.component(name) else {
                continue;
            };
            // What stands still looks healthy, and serves nobody.
            if self.restore.holds(dependency) {
                self.waits.add(
                    &component.name,
                    format!("{name}, which stands still for a restore"),
                );
                free = false;
            } else if let Some(trouble) = trouble(self.seen, dependency) {
                self.waits.add(&component.name, format!("{name}: {trouble}"));
                free = false;
            }
        }
        if opens_database(component.role) && !self.server_runs(component) {
            free &= self.schema_allows(component);
        }
        free
    }

    /// A server whose drift is repaired starts anew: the question about the schema comes up again. What is stopped does not.
    fn may_repair(&mut self, component: &DesiredComponent) -> bool {
        self.restore.holds(component) && component.replicas == 0
            || self.volume_known(component)
                && (component.role != Role::ApiServer || self.schema_allows(component))
    }

    /// What its pods mount and run as is not there: its own, or what belongs to no component.
    fn held(&self, component: &DesiredComponent) -> bool {
        let shared = |name: &String| self.desired.component(name).is_none();
        self.held
            .iter()
            .any(|name| *name == component.name || shared(name))
    }

    /// The API server is there, so that the question about the schema was answered when it was made.
    fn server_runs(&self, component: &DesiredComponent) -> bool {
        let server = self
            .desired
            .role(Role::ApiServer)
            .and_then(|server| look(self.seen, server));
        component.role != Role::ApiServer
            && server.is_some_and(|look| matches!(look.workload, Seen::Known(_)))
    }

    /// A database server is started or changed only when it is known who wrote its volume.
    fn volume_known(&mut self, component: &DesiredComponent) -> bool {
        match &self.seen.database_engine {
            Seen::Unknown { why, .. } if component.role == Role::Database => {
                let on = format!("a look at its volume, to start the engine that wrote it: {why}");
                self.waits.add(&component.name, on);
                false
            }
            _ => true,
        }
    }

    fn schema_allows(&mut self, component: &DesiredComponent) -> bool {
        match &self.gate {
            Gate::Open => true,
            // A database that is not up yet is said once, as what the component waits for anyway.
            Gate::Shut(on) => {
                if !self.waits.has(&component.name) {
                    self.waits.add(&component.name, on.clone());
                }
                false
            }
            Gate::Ask(question) => {
                self.waits.add(
                    &component.name,
                    "your decision about the database's content".to_owned(),
                );
                self.question = Some(question.clone());
                false
            }
        }
    }
}

/// Components that make or migrate tables by themselves when they start.
fn opens_database(role: Role) -> bool {
    matches!(role, Role::ApiServer | Role::MetadataGrpc | Role::CacheServer)
}
