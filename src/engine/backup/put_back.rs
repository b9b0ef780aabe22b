//! HANDS: Kubernetes objects and Secrets of a set put back into a namespace. Objects that are there are left alone unless they
//! may be replaced; Secrets that are there are always left alone.

use std::collections::BTreeMap;

use kfp_backup::layout;
use kfp_backup::manifest::{Manifest, ObjectsRecord};
use kfp_backup::order::{ObjectKind, Parts, Restore};
use kfp_backup::progress::{NAMED, Restored};
use kfp_database::repair::Named;
use kube::Client;
use kube::api::{Api, DynamicObject, PostParams};
use serde_json::{Map, Value, json};

use super::lines::LinesIn;
use super::objects::api;
use super::source::SetReader;
use super::trouble::Trouble;
use crate::cluster::limited;

/// Which object of which set this is, as `<set>/<uid>`: a restore that was interrupted knows its own again.
pub const RESTORED_FROM: &str = "kfpops.dev/restored-from";
/// Who writes.
const MANAGER: &str = "kfp-operator/restore";

/// Ids that objects had, and have now.
pub type Uids = BTreeMap<String, String>;

/// What rows must know of objects that were put back.
#[derive(Debug, Default)]
pub struct Ids {
    /// Objects that rows know by their uid, and that have a new one: what they are, the old uid, the new one.
    pub renamed: Vec<(Named, String, String)>,
    /// ScheduledWorkflows that are there now: uid and name.
    pub schedules: BTreeMap<String, String>,
}

/// Puts objects back, in an order in which each finds what it refers to.
pub async fn objects(
    client: &Client,
    (id, order): (&str, &Restore),
    manifest: &Manifest,
    source: &SetReader,
    restored: &mut Restored,
) -> Result<Ids, Trouble> {
    let mut records: Vec<&ObjectsRecord> = manifest
        .objects
        .iter()
        .filter(|record| wanted(order, record))
        .collect();
    records.sort_by_key(|record| rank(&record.kind));
    let mut ids = Uids::new();
    let mut told = Ids::default();
    for record in records {
        let kind = ObjectKind {
            group: record.group.clone(),
            version: record.version.clone(),
            kind: record.kind.clone(),
            plural: record.plural.clone(),
            names: Vec::new(),
        };
        let back = Back {
            api: api(client, &order.target.namespace, &kind),
            kind: &kind,
            order,
            id,
        };
        let mut lines = LinesIn::open(source, &record.part).await?;
        while let Some(object) = lines.json::<Value>().await? {
            let old = text(&object, "uid");
            match back.one(&object, &ids).await? {
                Put::There(uid) => {
                    restored.objects += 1;
                    let named = named(&kind.kind);
                    if matches!(named, Some(Named::Schedule)) {
                        told.schedules.insert(uid.clone(), text(&object, "name"));
                    }
                    if let (Some(named), true) = (named, old != uid) {
                        told.renamed.push((named, old.clone(), uid.clone()));
                    }
                    ids.insert(old, uid);
                }
                Put::Left(why) => note(
                    &mut restored.objects_skipped,
                    format!("{} {}: {why}", kind.kind, text(&object, "name")),
                ),
            }
        }
    }
    Ok(told)
}

fn wanted(order: &Restore, record: &ObjectsRecord) -> bool {
    match order.parts {
        Parts::All => record.kind != "KfpInstallation",
        Parts::Database => false,
        Parts::Schedules => record.kind == "ScheduledWorkflow",
    }
}

fn rank(kind: &str) -> u8 {
    match kind {
        "ConfigMap" => 0,
        "Pipeline" => 1,
        "PipelineVersion" => 2,
        _ => 3,
    }
}

fn named(kind: &str) -> Option<Named> {
    match kind {
        "ScheduledWorkflow" => Some(Named::Schedule),
        "Pipeline" => Some(Named::Pipeline),
        "PipelineVersion" => Some(Named::PipelineVersion),
        _ => None,
    }
}

fn note(list: &mut Vec<String>, line: String) {
    if list.len() < NAMED {
        list.push(line);
    }
}

fn text(object: &Value, field: &str) -> String {
    object["metadata"][field].as_str().unwrap_or_default().to_owned()
}

enum Put {
    /// It is there, with this uid.
    There(String),
    /// It was left as it is, and why.
    Left(String),
}

struct Back<'a> {
    api: Api<DynamicObject>,
    kind: &'a ObjectKind,
    order: &'a Restore,
    /// This restore and no other: what an earlier one put back may have been changed since.
    id: &'a str,
}

impl Back<'_> {
    async fn one(&self, object: &Value, ids: &Uids) -> Result<Put, Trouble> {
        let name = text(object, "name");
        let old = text(object, "uid");
        let mark = format!("{}/{old}", self.id);
        let wanted = prepared(object, &self.order.target.namespace, &mark, ids);
        let namespace = &self.order.target.namespace;
        let reading = format!("read {} {name} in namespace {namespace}", self.kind.kind);
        let Some(there) = limited(reading, self.api.get_opt(&name)).await? else {
            return Ok(Put::There(self.create(&name, wanted).await?));
        };
        let there = serde_json::to_value(there).map_err(|error| {
            Trouble::lasting("KubernetesFailed", format!("an object cannot be read: {error}"))
        })?;
        let uid = text(&there, "uid");
        let own = there["metadata"]["annotations"][RESTORED_FROM] == mark.as_str();
        if own || (uid == old && same(&there, object)) {
            return Ok(Put::There(uid));
        }
        if !self.order.replace {
            return Ok(Put::Left("it is there, and was not to be replaced".to_owned()));
        }
        self.replace(&name, wanted, &there).await?;
        Ok(Put::There(uid))
    }

    async fn create(&self, name: &str, wanted: Value) -> Result<String, Trouble> {
        let what = format!(
            "create {} {name} in namespace {}",
            self.kind.kind, self.order.target.namespace
        );
        let made = limited(what, self.api.create(&params(), &dynamic(wanted)?)).await?;
        Ok(made.metadata.uid.unwrap_or_default())
    }

    async fn replace(&self, name: &str, mut wanted: Value, there: &Value) -> Result<(), Trouble> {
        wanted["metadata"]["resourceVersion"] = there["metadata"]["resourceVersion"].clone();
        if self.kind.kind == "ConfigMap" {
            // What the operator or a person added since stays.
            let mut data = there["data"].as_object().cloned().unwrap_or_default();
            data.extend(wanted["data"].as_object().cloned().unwrap_or_default());
            wanted["data"] = Value::Object(data);
            for field in ["labels", "ownerReferences"] {
                wanted["metadata"][field] = there["metadata"][field].clone();
            }
        }
        let what = format!(
            "replace {} {name} in namespace {}",
            self.kind.kind, self.order.target.namespace
        );
        limited(what, self.api.replace(name, &params(), &dynamic(wanted)?)).await?;
        Ok(())
    }
}

fn params() -> PostParams {
    PostParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PostParams::default()
    }
}

fn dynamic(value: Value) -> Result<DynamicObject, Trouble> {
    serde_json::from_value(value)
        .map_err(|error| Trouble::lasting("PartContent", format!("an object of the set is none: {error}")))
}

/// Whether two objects want the same.
fn same(one: &Value, other: &Value) -> bool {
    let wants = |object: &Value| {
        let fields = object.as_object().cloned().unwrap_or_default();
        fields
            .into_iter()
            .filter(|(field, _)| !matches!(field.as_str(), "metadata" | "status"))
            .collect::<Map<_, _>>()
    };
    wants(one) == wants(other) && one["metadata"]["labels"] == other["metadata"]["labels"]
}

/// An object as it is made in its new place: without what another server said of it, and with new ids for old ones.
fn prepared(object: &Value, namespace: &str, mark: &str, ids: &Uids) -> Value {
    let mut wanted = object.clone();
    let mut metadata = Map::new();
    for field in ["name", "labels", "annotations"] {
        if let Some(value) = object["metadata"].get(field) {
            metadata.insert(field.to_owned(), value.clone());
        }
    }
    metadata.insert("namespace".into(), json!(namespace));
    let mut wanted_metadata = Value::Object(metadata);
    wanted_metadata["annotations"][RESTORED_FROM] = json!(mark);
    if let Some(annotations) = wanted_metadata["annotations"].as_object_mut() {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
    // Owners that were put back before own it again; of others nothing is known here.
    let owners: Vec<Value> = object["metadata"]["ownerReferences"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|owner| owner["uid"].as_str().is_some_and(|uid| ids.contains_key(uid)))
        .cloned()
        .collect();
    if !owners.is_empty() {
        wanted_metadata["ownerReferences"] = Value::Array(owners);
    }
    wanted["metadata"] = wanted_metadata;
    // When a schedule fired last: without it, it would fire for all the time since its beginning, or fire once more though it
    // was to fire once (kubeflow/pipelines 2.16.1, `getNextScheduledEpoch` in
    // `backend/src/crd/controller/scheduledworkflow/util/scheduled_workflow.go`).
    let trigger = (object["kind"] == "ScheduledWorkflow")
        .then(|| object["status"]["trigger"].clone())
        .filter(|trigger| !trigger.is_null());
    if let Some(fields) = wanted.as_object_mut() {
        fields.remove("status");
        if let Some(trigger) = trigger {
            fields.insert("status".into(), json!({ "trigger": trigger }));
        }
    }
    renamed(&mut wanted, ids);
    wanted
}

/// Gives every text that is an old id the new one.
fn renamed(value: &mut Value, ids: &Uids) {
    match value {
        Value::String(text) => {
            if let Some(new) = ids.get(text) {
                text.clone_from(new);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| renamed(item, ids)),
        Value::Object(fields) => fields.values_mut().for_each(|item| renamed(item, ids)),
        _ => {}
    }
}

/// Puts kept Secrets back where there is none of the name. Those that the set knows by name only are not looked for: the Job may
/// read no Secret, and the operator makes the installation's own.
pub async fn secrets(
    client: &Client,
    order: &Restore,
    manifest: &Manifest,
    source: &SetReader,
    restored: &mut Restored,
) -> Result<(), Trouble> {
    let kind = ObjectKind {
        group: String::new(),
        version: "v1".into(),
        kind: "Secret".into(),
        plural: "secrets".into(),
        names: Vec::new(),
    };
    let namespace = &order.target.namespace;
    let api = api(client, namespace, &kind);
    let path = layout::encrypted(layout::SECRETS);
    let kept = manifest.part(&path).is_some_and(|part| source.readable(part));
    if kept {
        let mut lines = LinesIn::open(source, &path).await?;
        while let Some(object) = lines.json::<Value>().await? {
            let name = text(&object, "name");
            let mut wanted = object;
            wanted["metadata"] = json!({
                "name": name, "namespace": namespace,
                "annotations": {RESTORED_FROM: format!("{}/", manifest.set)},
            });
            let what = format!("create Secret {name} in namespace {namespace}");
            match limited(what, api.create(&params(), &dynamic(wanted)?)).await {
                Ok(_) => restored.secrets += 1,
                Err(error) if error.status() == Some(409) => {
                    note(
                        &mut restored.warnings,
                        format!("Secret {name} is there and was left as it is"),
                    );
                }
                Err(error) if error.status() == Some(403) => {
                    note(
                        &mut restored.secrets_missing,
                        format!("{name}: the Job may not make Secrets; make it from the set by hand"),
                    );
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_made_anew_with_what_rows_and_schedules_need() {
        let object = json!({
            "apiVersion": "kubeflow.org/v1beta1", "kind": "ScheduledWorkflow",
            "metadata": {
                "name": "nightly", "namespace": "old", "uid": "old-uid", "creationTimestamp": "2026-01-01T00:00:00Z",
                "labels": {"pipeline": "p-old"}, "finalizers": ["x"],
                "ownerReferences": [{"uid": "p-old", "kind": "Pipeline"}, {"uid": "stranger"}],
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "mine": "1"},
            },
            "spec": {"pipelineId": "p-old", "enabled": true},
            "status": {"conditions": [1], "trigger": {"lastTriggeredTime": "2026-11-24T00:00:00Z"}},
        });
        let ids = Uids::from([("p-old".to_owned(), "p-new".to_owned())]);
        assert_eq!(
            prepared(&object, "new", "set/old-uid", &ids),
            json!({
                "apiVersion": "kubeflow.org/v1beta1", "kind": "ScheduledWorkflow",
                "metadata": {
                    "name": "nightly", "namespace": "new", "labels": {"pipeline": "p-new"},
                    "ownerReferences": [{"uid": "p-new", "kind": "Pipeline"}],
                    "annotations": {"mine": "1", RESTORED_FROM: "set/old-uid"},
                },
                "spec": {"pipelineId": "p-new", "enabled": true},
                "status": {"trigger": {"lastTriggeredTime": "2026-11-24T00:00:00Z"}},
            })
        );
    }

    #[test]
    fn a_status_that_differs_is_no_reason_to_replace() {
        let one = json!({"metadata": {"labels": {"a": "b"}}, "spec": 1, "status": 1});
        let other = json!({"metadata": {"labels": {"a": "b"}, "uid": "u"}, "spec": 1, "status": 2});
        assert!(same(&one, &other));
        assert!(!same(
            &one,
            &json!({"metadata": {"labels": {"a": "b"}}, "spec": 2})
        ));
    }
}
