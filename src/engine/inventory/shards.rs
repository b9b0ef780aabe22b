//! EYES AND HANDS: the inventory in ConfigMaps of the installation's namespace: read once, written where it changed.

use std::collections::BTreeMap;

use kfp_api::names::{COMPONENT_LABEL, GROUP, INVENTORY_LABEL, VERSION};
use kfp_compat::inventory::{Head, KEY, Row, read, shard_name};
use kfp_plan::ObjectRef;
use kfp_render::labels::{APPLICATION, MANAGED_BY_LABEL, MANAGER, NAME_LABEL, PART_OF, PART_OF_LABEL};
use serde_json::{Value, json};

use super::Order;
use crate::cluster::Cluster;
use crate::error::Error;
use crate::kinds::Kind;
use crate::live::{deleting, label};

/// Value of the component label on shards.
const COMPONENT: &str = "inventory";

/// The ConfigMaps as they stand, by name.
#[derive(Clone, Debug, Default)]
pub struct Shards {
    texts: BTreeMap<String, String>,
}

impl Shards {
    /// What the ConfigMaps hold, and the inventory in them where it can be read.
    pub async fn load(cluster: &Cluster, order: &Order) -> Result<(Self, Option<(Head, Vec<Row>)>), Error> {
        let labels = format!("{INVENTORY_LABEL}={}", order.name);
        let found = cluster
            .list(Kind::named("ConfigMap")?, &order.namespace, &labels)
            .await?;
        let ours = found
            .iter()
            .filter(|object| !deleting(object) && owned(object, order));
        let texts: BTreeMap<String, String> = ours
            .filter_map(|object| {
                let name = object.pointer("/metadata/name")?.as_str()?;
                let text = object.pointer("/data")?.get(KEY).and_then(Value::as_str);
                Some((name.to_owned(), text.unwrap_or_default().to_owned()))
            })
            .collect();
        let in_order = (0..texts.len()).map_while(|index| texts.get(&shard_name(&order.name, index)));
        let inventory = match read(in_order.map(String::as_str)) {
            Ok(inventory) if !texts.is_empty() => Some(inventory),
            Ok(_) => None,
            Err(error) => {
                tracing::info!(namespace = order.namespace, name = order.name, %error, "stored pipelines are read anew");
                None
            }
        };
        Ok((Self { texts }, inventory))
    }

    /// Names of the ConfigMaps, in the order of the shards.
    #[must_use]
    pub fn names(&self, order: &Order) -> Vec<String> {
        (0..self.texts.len())
            .map(|index| shard_name(&order.name, index))
            .filter(|name| self.texts.contains_key(name))
            .collect()
    }

    /// Writes what changed and takes away what is left over; says how many ConfigMaps were touched.
    pub async fn save(
        &mut self,
        cluster: &Cluster,
        order: &Order,
        texts: Vec<String>,
    ) -> Result<usize, Error> {
        let wanted: BTreeMap<String, String> = texts
            .into_iter()
            .enumerate()
            .map(|(index, text)| (shard_name(&order.name, index), text))
            .collect();
        let mut touched = 0;
        for (name, text) in &wanted {
            if self.texts.get(name) == Some(text) {
                continue;
            }
            if !self.texts.contains_key(name) {
                refuse_foreign(cluster, order, name).await?;
            }
            let object = reference(name);
            cluster
                .apply(&object, &order.namespace, &body(order, name, text))
                .await?;
            self.texts.insert(name.clone(), text.clone());
            touched += 1;
        }
        let left: Vec<String> = self
            .texts
            .keys()
            .filter(|name| !wanted.contains_key(*name))
            .cloned()
            .collect();
        for name in left {
            cluster.delete(&reference(&name), &order.namespace, None).await?;
            self.texts.remove(&name);
            touched += 1;
        }
        Ok(touched)
    }
}

/// A ConfigMap of that name that is not ours stays as it is.
async fn refuse_foreign(cluster: &Cluster, order: &Order, name: &str) -> Result<(), Error> {
    let found = cluster.get(&reference(name), &order.namespace).await?;
    match found {
        Some(found) if label(&found, INVENTORY_LABEL) != Some(order.name.as_str()) => Err(Error::Occupied {
            what: format!("ConfigMap {name} in namespace {}", order.namespace),
        }),
        _ => Ok(()),
    }
}

fn reference(name: &str) -> ObjectRef {
    ObjectRef {
        kind: "ConfigMap".into(),
        name: name.into(),
    }
}

/// Shards of an installation that was deleted and made again go with the old one.
fn owned(object: &Value, order: &Order) -> bool {
    let owners = object
        .pointer("/metadata/ownerReferences")
        .and_then(Value::as_array);
    owners
        .into_iter()
        .flatten()
        .any(|owner| owner.get("uid").and_then(Value::as_str) == Some(order.uid.as_str()))
}

fn body(order: &Order, name: &str, text: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "namespace": order.namespace,
            // Not the label of an installation's objects: a pass lists those with their contents, and prunes what no
            // rendering has.
            "labels": {
                INVENTORY_LABEL: order.name,
                NAME_LABEL: APPLICATION,
                PART_OF_LABEL: PART_OF,
                COMPONENT_LABEL: COMPONENT,
                MANAGED_BY_LABEL: MANAGER,
            },
            "ownerReferences": [{
                "apiVersion": format!("{GROUP}/{VERSION}"),
                "kind": "KfpInstallation",
                "name": order.name,
                "uid": order.uid,
                "controller": true,
            }],
        },
        "data": {KEY: text},
    })
}
