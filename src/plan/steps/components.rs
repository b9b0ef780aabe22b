//! THOUGHT: health of components, and the reasons why each of them waits. Nothing is decided about actions here.

use std::collections::BTreeMap;

use crate::decision::Wait;
use crate::desired::{Desired, DesiredComponent};
use crate::observed::{ComponentSeen, Observed, Seen, WorkloadSeen};
use crate::words;

/// What every component waits for, by component, in the order in which it was found.
#[derive(Clone, Debug, Default)]
pub struct Waits(BTreeMap<String, Vec<String>>);

impl Waits {
    /// Notes that `component` waits for something.
    pub fn add(&mut self, component: &str, on: String) {
        let reasons = self.0.entry(component.to_owned()).or_default();
        if !reasons.contains(&on) {
            reasons.push(on);
        }
    }

    /// True when `component` waits for something.
    #[must_use]
    pub fn has(&self, component: &str) -> bool {
        self.0.contains_key(component)
    }

    /// One wait a component: the installation and objects of no component first, then components in their order.
    #[must_use]
    pub fn into_list(mut self, desired: &Desired) -> Vec<Wait> {
        let wait = |(component, reasons): (String, Vec<String>)| Wait {
            component,
            on: reasons.join("; "),
        };
        let own: Vec<Wait> = desired
            .components
            .iter()
            .filter_map(|component| self.0.remove_entry(&component.name))
            .map(wait)
            .collect();
        self.0.into_iter().map(wait).chain(own).collect()
    }
}

/// What was seen of a component; none when the look left it out.
#[must_use]
pub fn look<'a>(seen: &'a Observed, component: &DesiredComponent) -> Option<&'a ComponentSeen> {
    seen.components.get(&component.name)
}

/// A workload that the controller has taken up and whose wanted pods are all ready. One that somebody else scaled to
/// zero wants none and serves nobody.
#[must_use]
pub fn is_healthy(workload: &WorkloadSeen) -> bool {
    workload.current && workload.ready >= workload.desired && (workload.desired > 0 || !workload.drift)
}

/// None when the component is healthy, else what is wrong with it, in words that follow its name.
#[must_use]
pub fn trouble(seen: &Observed, component: &DesiredComponent) -> Option<String> {
    let Some(look) = look(seen, component) else {
        return Some("not looked at yet".to_owned());
    };
    match &look.workload {
        Seen::Known(workload) if is_healthy(workload) => None,
        Seen::Known(workload) => Some(words::progress(workload)),
        Seen::Absent => Some("not there yet".to_owned()),
        Seen::Unknown { why, .. } => Some(format!("it could not be looked at: {why}")),
    }
}
