//! EYES AND HANDS: Kubernetes objects that are state: read twice around the databases' moment, written down, and put back. What
//! counts as state is said in the order.

use std::collections::{BTreeMap, HashMap};

use kfp_backup::manifest::{Change, Difference, Listed, ObjectsRecord};
use kfp_backup::order::ObjectKind;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use serde_json::Value;

use super::parts::Parts;
use super::trouble::Trouble;
use crate::cluster::limited;

/// Objects of a page: a compiled pipeline in an object has up to a megabyte.
const PAGE: u32 = 20;

/// What each object was at the first reading: a digest by its kind's plural and its name.
pub type Before = HashMap<(String, String), [u8; 8]>;

/// The API of a kind in a namespace.
#[must_use]
pub fn api(client: &Client, namespace: &str, kind: &ObjectKind) -> Api<DynamicObject> {
    let gvk = GroupVersionKind::gvk(&kind.group, &kind.version, &kind.kind);
    Api::namespaced_with(
        client.clone(),
        namespace,
        &ApiResource::from_gvk_with_plural(&gvk, &kind.plural),
    )
}

/// Reads all objects of a kind, a page at a time, cleaned. A kind that the cluster does not know has no objects.
pub async fn each(
    client: &Client,
    namespace: &str,
    kind: &ObjectKind,
    mut take: impl AsyncFnMut(Value) -> Result<(), Trouble>,
) -> Result<(), Trouble> {
    let api = api(client, namespace, kind);
    if !kind.names.is_empty() {
        for name in &kind.names {
            let what = format!("read {} {name} in namespace {namespace}", kind.kind);
            if let Some(object) = limited(what, api.get_opt(name)).await? {
                take(cleaned(object)?).await?;
            }
        }
        return Ok(());
    }
    let mut pages = ListParams::default().limit(PAGE);
    loop {
        let what = format!("list {} in namespace {namespace}", kind.plural);
        let page = match limited(what, api.list(&pages)).await {
            Ok(page) => page,
            Err(error) if error.status() == Some(404) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        for object in page.items {
            take(cleaned(object)?).await?;
        }
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => pages.continue_token = Some(token),
            None => return Ok(()),
        }
    }
}

/// An object without what only its server can say again. Its uid stays: rows refer to it.
fn cleaned(object: DynamicObject) -> Result<Value, Trouble> {
    let mut value = serde_json::to_value(object).map_err(|error| {
        Trouble::lasting(
            "KubernetesFailed",
            format!("an object cannot be written down: {error}"),
        )
    })?;
    if let Some(metadata) = value["metadata"].as_object_mut() {
        for field in ["managedFields", "resourceVersion", "generation", "selfLink"] {
            metadata.remove(field);
        }
    }
    Ok(value)
}

/// A digest of what a person or KFP wants of an object; what it has become (its status) is left out.
fn digest(object: &Value) -> [u8; 8] {
    let mut wanted = object.clone();
    if let Some(fields) = wanted.as_object_mut() {
        fields.remove("status");
    }
    let text = wanted.to_string();
    let digest = <sha2::Sha256 as sha2::Digest>::digest(text.as_bytes());
    let mut short = [0; 8];
    short.copy_from_slice(&digest[..8]);
    short
}

fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

/// The first reading.
pub async fn before(client: &Client, namespace: &str, kinds: &[ObjectKind]) -> Result<Before, Trouble> {
    let mut seen = Before::new();
    for kind in kinds {
        each(client, namespace, kind, async |object| {
            seen.insert((kind.plural.clone(), name(&object)), digest(&object));
            Ok(())
        })
        .await?;
    }
    Ok(seen)
}

/// The second reading, which is written down.
pub async fn after(
    client: &Client,
    namespace: &str,
    kinds: &[ObjectKind],
    mut before: Before,
    parts: &Parts,
) -> Result<Vec<ObjectsRecord>, Trouble> {
    let mut records = Vec::new();
    for kind in kinds {
        let mut lines = parts.lines(&kfp_backup::layout::objects(&kind.plural, &kind.group))?;
        let mut differences = BTreeMap::new();
        let mut count = 0;
        each(client, namespace, kind, async |object| {
            count += 1;
            let name = name(&object);
            match before.remove(&(kind.plural.clone(), name.clone())) {
                None => drop(differences.insert(name, Change::Made)),
                Some(then) if then != digest(&object) => drop(differences.insert(name, Change::Changed)),
                Some(_) => {}
            }
            lines.line(&object).await
        })
        .await?;
        let gone = before.keys().filter(|(plural, _)| *plural == kind.plural);
        differences.extend(gone.map(|(_, name)| (name.clone(), Change::Deleted)));
        let part = lines.end().await?;
        records.push(ObjectsRecord {
            group: kind.group.clone(),
            version: kind.version.clone(),
            kind: kind.kind.clone(),
            plural: kind.plural.clone(),
            count,
            part: part.path,
            differences: differences
                .into_iter()
                .map(|(name, change)| Difference { name, change })
                .collect::<Listed<_>>(),
        });
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_only_the_server_says_is_left_out_and_the_uid_stays() {
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "uid": "u", "resourceVersion": "7", "generation": 2, "managedFields": []},
            "data": {"k": "v"}
        });
        let cleaned = cleaned(serde_json::from_value(object).unwrap()).unwrap();
        assert_eq!(
            cleaned,
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "uid": "u"}, "data": {"k": "v"}})
        );
    }

    #[test]
    fn a_status_that_moves_is_no_difference() {
        let one = json!({"spec": {"enabled": true}, "status": {"trigger": 1}});
        let other = json!({"spec": {"enabled": true}, "status": {"trigger": 2}});
        let third = json!({"spec": {"enabled": false}, "status": {"trigger": 2}});
        assert_eq!(digest(&one), digest(&other));
        assert_ne!(digest(&one), digest(&third));
    }
}
