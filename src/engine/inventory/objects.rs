//! EYES: pipeline versions that are kept as Kubernetes objects. Their names and uids are listed without their contents; what is
//! known already is not read again.

use std::collections::BTreeSet;
use std::sync::Arc;

use kfp_compat::inventory::{Kind, Row, cut};
use kube::Api;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use serde_json::Value;

use super::Order;
use super::access::Trouble;
use super::judging::{Judge, Judged, unread};
use super::memory::Memory;
use super::pace::Pace;
use super::sweep::{Cost, VERSIONS_MAX};
use crate::Engine;
use crate::cluster::limited;

/// Objects of one page.
const PAGE: u32 = 500;
/// Longest name kept, in characters.
const NAME_MAX: usize = 255;

/// What a way through the objects found.
#[derive(Debug, Default)]
pub struct Found {
    /// The uids of all of them.
    pub ids: BTreeSet<String>,
    /// There are more than are kept.
    pub beyond: bool,
    /// How many were listed or read.
    pub rows: u64,
}

fn api(engine: &Engine, order: &Order) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("pipelines.kubeflow.org", "v2beta1", "PipelineVersion");
    let resource = ApiResource::from_gvk_with_plural(&kind, "pipelineversions");
    Api::namespaced_with(engine.cluster.client().clone(), &order.namespace, &resource)
}

/// Goes through all of them, and reads and judges those that are new.
pub async fn look(
    engine: &Engine,
    order: &Order,
    memory: &mut Memory,
    judge: &Arc<Judge>,
) -> Result<Found, Trouble> {
    let api = api(engine, order);
    let mut found = Found::default();
    let mut params = ListParams::default().limit(PAGE);
    loop {
        let pace = Pace::begin();
        let what = format!("list pipelineversions in namespace {}", order.namespace);
        let listed = limited(what, api.list_metadata(&params)).await?;
        let count = listed.items.len();
        found.rows += count as u64;
        let next = listed.metadata.continue_.clone().filter(|next| !next.is_empty());
        let mut unknown = Vec::new();
        for meta in listed.items.into_iter().map(|item| item.metadata) {
            let (Some(id), Some(name)) = (meta.uid, meta.name) else {
                continue;
            };
            if found.ids.len() >= VERSIONS_MAX {
                found.beyond = true;
                break;
            }
            if memory.get(Kind::PipelineVersion, &id).is_none() {
                unknown.push(name);
            }
            found.ids.insert(id);
        }
        tokio::time::sleep(pace.pause(Cost {
            rows: count,
            bytes: 0,
        }))
        .await;
        for name in unknown {
            found.rows += 1;
            read(engine, order, &name, memory, judge).await?;
        }
        match next {
            Some(next) if !found.beyond => params = params.continue_token(&next),
            _ => return Ok(found),
        }
    }
}

/// Reads and judges one; one that is gone by now is left out.
async fn read(
    engine: &Engine,
    order: &Order,
    name: &str,
    memory: &mut Memory,
    judge: &Arc<Judge>,
) -> Result<(), Trouble> {
    let pace = Pace::begin();
    let what = format!("read PipelineVersion {name} in namespace {}", order.namespace);
    let Some(object) = limited(what, api(engine, order).get_opt(name)).await? else {
        return Ok(());
    };
    let text = text(&object);
    let bytes = text.len() as u64;
    let judge = Arc::clone(judge);
    let judging = tokio::task::spawn_blocking(move || judge.text(&text));
    let judged = judging
        .await
        .unwrap_or_else(|error| unread(&format!("the judgement of it broke: {error}")));
    if let Some(row) = row(&object, judged) {
        memory.insert(row);
    }
    tokio::time::sleep(pace.pause(Cost { rows: 1, bytes })).await;
    Ok(())
}

/// The manifest as somebody would write it.
fn text(object: &DynamicObject) -> String {
    let manifest = serde_json::json!({
        "apiVersion": "pipelines.kubeflow.org/v2beta1",
        "kind": "PipelineVersion",
        "metadata": {"name": object.metadata.name},
        "spec": object.data.get("spec"),
    });
    manifest.to_string()
}

/// The keys are those that KFP's servers use (kubeflow/pipelines 2.16.1,
/// `backend/src/crd/kubernetes/v2beta1/pipelineversion_types.go`): the uid, and the uid of the Pipeline that owns it.
fn row(object: &DynamicObject, judged: Judged) -> Option<Row> {
    let meta = &object.metadata;
    let owner = meta
        .owner_references
        .iter()
        .flatten()
        .find(|owner| owner.kind == "Pipeline");
    let said = |path: &str| {
        let text = object.data.pointer(path).and_then(Value::as_str);
        cut(text.unwrap_or_default(), NAME_MAX)
    };
    Some(Row {
        kind: Kind::PipelineVersion,
        id: meta.uid.clone()?,
        name: meta.name.clone()?,
        pipeline: said("/spec/pipelineName"),
        pipeline_id: owner.map(|owner| owner.uid.clone()).unwrap_or_default(),
        version: String::new(),
        namespace: meta.namespace.clone().unwrap_or_default(),
        experiment: String::new(),
        service_account: String::new(),
        created: meta
            .creation_timestamp
            .as_ref()
            .map_or(0, |time| time.0.as_second()),
        newest: false,
        enabled: true,
        sdk: judged.sdk,
        unread: judged.unread,
        fares: judged.fares,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_judged_by_its_specs_and_known_by_its_uid() {
        let object: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "pipelines.kubeflow.org/v2beta1",
            "kind": "PipelineVersion",
            "metadata": {"name": "train-v2", "namespace": "team-a", "uid": "u2", "creationTimestamp": "2026-01-01T00:00:00Z",
                "ownerReferences": [{"apiVersion": "pipelines.kubeflow.org/v2beta1", "kind": "Pipeline", "name": "train", "uid": "u1"}]},
            "spec": {"pipelineName": "train", "pipelineSpec": {
                "schemaVersion": "2.1.0", "sdkVersion": "kfp-2.16.1", "pipelineInfo": {"name": "train"},
                "root": {"dag": {"tasks": {}}}, "components": {}, "deploymentSpec": {"executors": {}}
            }},
        }))
        .unwrap();
        let judge = Judge::new(vec!["2.16.1".parse().unwrap()]).unwrap();
        let row = row(&object, judge.text(&text(&object))).unwrap();
        assert_eq!(
            (
                row.id.as_str(),
                row.pipeline_id.as_str(),
                row.title().as_str(),
                row.namespace.as_str()
            ),
            ("u2", "u1", "train/train-v2", "team-a")
        );
        assert_eq!(
            (row.sdk.as_deref(), row.unread.as_deref()),
            (Some("2.16.1"), None)
        );
    }
}
