//! EYES: the objects of a component against its rendering. Changes nothing.

use std::collections::BTreeSet;

use kfp_plan::{ComponentSeen, ObjectRef, Seen};
use kfp_render::RenderedComponent;
use time::OffsetDateTime;

use super::{secrets, workloads};
use crate::cluster::Cluster;
use crate::desired::{authorities, drift, prepare, reference};
use crate::live::Live;

/// Everything that was seen of one component.
pub async fn look(
    cluster: &Cluster,
    namespace: &str,
    component: &RenderedComponent,
    live: &Live,
    now: OffsetDateTime,
) -> ComponentSeen {
    ComponentSeen {
        base_drift: base_drift(namespace, component, live),
        secrets_due: secrets::due(&component.secrets, live, now),
        workload: workloads::look(cluster, namespace, component.workload.as_ref(), live).await,
    }
}

/// The objects other than workload and Secrets that are absent or fall short of the rendering.
fn base_drift(namespace: &str, component: &RenderedComponent, live: &Live) -> Seen<BTreeSet<ObjectRef>> {
    let authorities = authorities(component, live);
    let mut differing = BTreeSet::new();
    for object in &component.base {
        let reference = reference(object);
        match live.seen(&reference) {
            Seen::Known(found) => {
                if let Some(field) = drift(&prepare(object, &authorities), found) {
                    tracing::debug!(
                        namespace,
                        kind = reference.kind,
                        object = reference.name,
                        field,
                        "drift"
                    );
                    differing.insert(reference);
                }
            }
            Seen::Absent => {
                differing.insert(reference);
            }
            Seen::Unknown { reason, why } => return Seen::Unknown { reason, why },
        }
    }
    Seen::Known(differing)
}
