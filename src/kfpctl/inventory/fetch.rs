//! PEOPLE: the inventory of an installation, read from its status and its ConfigMaps. Only `get` is asked for.

use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::jiff::Timestamp;
use kfp_api::KfpInstallation;
use kfp_api::sdk::InventoryStatus;
use kfp_compat::inventory::{Head, KEY, Kind, Row, ShardError, read};
use kfp_releases::Version;
use kube::{Api, Client};

use crate::failure::Failure;

/// How often ConfigMaps are read again that were being written.
const TRIES: u32 = 3;
/// Pause between two tries: the operator writes one ConfigMap in milliseconds.
const PAUSE: Duration = Duration::from_millis(700);

/// What is known of an installation's stored pipelines.
#[derive(Clone, Debug)]
pub struct Inventory {
    /// `NAMESPACE/NAME`.
    pub name: String,
    /// The release that runs.
    pub running: Version,
    /// Releases that rows were judged on, the running one first.
    pub releases: Vec<Version>,
    /// When the last full scan ended. Unset: none has.
    pub scanned: Option<Timestamp>,
    /// More is stored than is looked at.
    pub beyond_limits: bool,
    /// The rows: pipeline versions, recurring runs, runs; within each the newest first.
    pub rows: Vec<Row>,
}

/// Reads it. The error says why there is none.
pub async fn fetch(client: &Client, installation: &KfpInstallation) -> Result<Inventory, Failure> {
    let meta = &installation.metadata;
    let namespace = meta.namespace.as_deref().unwrap_or("default");
    let name = format!("{namespace}/{}", meta.name.as_deref().unwrap_or_default());
    let status = found(installation, &name)?;
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let mut tries = 0;
    let (head, mut rows) = loop {
        tries += 1;
        let mut texts = Vec::with_capacity(status.shards.len());
        for shard in &status.shards {
            let found = api.get_opt(shard).await?;
            let text = found.and_then(|map| map.data?.remove(KEY));
            texts.push(text.unwrap_or_default());
        }
        match read(texts.iter().map(String::as_str)) {
            Ok(found) => break found,
            Err(ShardError::Mixed { .. } | ShardError::Unreadable { .. }) if tries < TRIES => {
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(Failure::Failed(format!("the inventory of {name}: {error}"))),
        }
    };
    rows.sort_by_key(|row| (row.kind, std::cmp::Reverse(row.created), row.id.clone()));
    assemble(name, status, head, rows)
}

fn assemble(
    name: String,
    status: &InventoryStatus,
    head: Head,
    rows: Vec<Row>,
) -> Result<Inventory, Failure> {
    let Some(running) = head.releases.first().copied() else {
        return Err(Failure::NotReady(format!(
            "stored pipelines of {name} were not judged yet"
        )));
    };
    Ok(Inventory {
        name,
        running,
        releases: head.releases,
        scanned: head
            .scanned
            .and_then(|second| Timestamp::from_second(second).ok()),
        beyond_limits: status.beyond_limits,
        rows,
    })
}

/// What the status says, or why it says nothing.
fn found<'a>(installation: &'a KfpInstallation, name: &str) -> Result<&'a InventoryStatus, Failure> {
    let status = installation.status.as_ref();
    let inventory = status
        .and_then(|status| status.sdk.as_ref()?.inventory.as_ref())
        .filter(|inventory| !inventory.shards.is_empty());
    if let Some(inventory) = inventory {
        return Ok(inventory);
    }
    let conditions = status
        .map(|status| status.conditions.as_slice())
        .unwrap_or_default();
    let said = conditions
        .iter()
        .find(|condition| condition.type_ == "SdkAligned")
        .map(|condition| {
            format!(
                ": {} ({})",
                condition.message.trim_end_matches('.'),
                condition.reason
            )
        });
    Err(Failure::NotReady(format!(
        "stored pipelines of {name} were not looked through yet{}",
        said.unwrap_or_default()
    )))
}

impl Inventory {
    /// Rows that can be run again: pipeline versions and recurring runs.
    pub fn lasting(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.kind != Kind::Run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_without_an_inventory_says_why() {
        let installation = serde_saphyr::from_str(
            "{apiVersion: kfpops.dev/v1alpha1, kind: KfpInstallation, metadata: {name: kfp, namespace: team}, spec: {version: 2.16.1}, \
             status: {conditions: [{type: SdkAligned, status: Unknown, reason: InventoryDisabled, message: It is switched off., lastTransitionTime: '2026-01-01T00:00:00Z'}]}}",
        )
        .unwrap();
        let Err(Failure::NotReady(message)) = found(&installation, "team/kfp") else {
            panic!("there is none");
        };
        assert_eq!(
            message,
            "stored pipelines of team/kfp were not looked through yet: It is switched off (InventoryDisabled)"
        );
    }
}
