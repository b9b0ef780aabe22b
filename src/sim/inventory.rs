//! PROOF: stored pipelines in the simulated world, as the inventory would find them. Decides nothing.

use kfp_api::conditions::Reason;
use kfp_api::sdk::{InventoryStatus, ReleaseTotals, VerdictTotals};
use kfp_api::status::SchemaState;
use kfp_plan::{DatabaseSeen, InventoryExample, InventoryKind, InventorySeen, InventoryTrouble, Seen};

use crate::world::World;

/// What the inventory says of a database that was seen so.
pub(crate) fn found(world: &World, release: &str, database: Seen<DatabaseSeen>) -> Seen<InventorySeen> {
    match database {
        Seen::Absent => Seen::Absent,
        Seen::Unknown { why, .. } => Seen::Unknown {
            reason: Reason::InventoryFailed,
            why,
        },
        Seen::Known(found) if found.schema.state != SchemaState::Exact => Seen::Absent,
        Seen::Known(_) => Seen::Known(read(world, release)),
    }
}

/// Every stored pipeline, of which those in `too_new` need what no release of the catalog has.
fn read(world: &World, release: &str) -> InventorySeen {
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let refused = count(world.too_new.len());
    let examples = world.too_new.iter().take(5).map(|name| InventoryExample {
        trouble: InventoryTrouble::Refused,
        kind: InventoryKind::PipelineVersion,
        name: name.clone(),
        owner: None,
        sdk: Some("2.99.0".to_owned()),
        why: "unknown field hyperdrive".to_owned(),
    });
    InventorySeen {
        status: InventoryStatus {
            pipeline_versions: refused,
            releases: vec![ReleaseTotals {
                release: release.to_owned(),
                pipeline_versions: VerdictTotals {
                    refused,
                    ..VerdictTotals::default()
                },
                ..ReleaseTotals::default()
            }],
            ..InventoryStatus::default()
        },
        complete: true,
        examples: examples.collect(),
    }
}
