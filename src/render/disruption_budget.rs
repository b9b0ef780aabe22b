//! SHAPES: disruption budgets of replicated components. One replica has none: a budget would only block node drains.

use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kfp_releases::Component;
use kfp_releases::validated::ComponentSettings;

use crate::context::Context;
use crate::labels::{Labels, Life, metadata};

/// Pods of a component that may be evicted at once.
const EVICTED_AT_ONCE: i32 = 1;

/// The budget of `component`, for more than one replica. Pods that are not ready can always be evicted: they serve
/// nobody, and a broken component must not block a node drain.
pub(crate) fn disruption_budget(
    context: &Context<'_>,
    component: &Component,
    settings: &ComponentSettings,
) -> Option<PodDisruptionBudget> {
    if settings.replicas <= 1 {
        return None;
    }
    Some(PodDisruptionBudget {
        metadata: metadata(
            context,
            &component.name,
            &component.name,
            &Labels::new(),
            Life::Owned,
        ),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(EVICTED_AT_ONCE)),
            selector: Some(LabelSelector {
                match_labels: Some(component.selector.clone()),
                match_expressions: None,
            }),
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
            min_available: None,
        }),
        status: None,
    })
}
