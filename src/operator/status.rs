//! LOOP: the one place that writes a status: one server-side apply a pass, and only when something changed. Never the
//! spec.

use std::time::Duration;

use kfp_api::names::{GROUP, STATUS_MANAGER, VERSION};
use kfp_api::{KfpInstallation, KfpInstallationStatus};
use kfp_engine::cluster::limited;
use kube::api::{ApiResource, DynamicObject, ObjectMeta, Patch, PatchParams};
use kube::{Api, Client};
use serde::Serialize;
use serde_json::{Value, json};

/// Time limit of the write.
const LIMIT: Duration = Duration::from_secs(5);

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It was the same; nothing was sent.
    Unchanged,
    /// It was written.
    Changed,
    /// The resource is gone, or another one has its name now.
    Gone,
}

/// A status that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the status of KfpInstallation {name} in namespace {namespace}: {why}")]
pub struct StatusError {
    namespace: String,
    name: String,
    why: String,
}

/// The status as it stands in the resource; the empty one where it does not parse. A status is a mirror, so a broken one is
/// made anew.
#[must_use]
pub fn read(raw: Option<&Value>) -> KfpInstallationStatus {
    raw.and_then(|raw| serde_json::from_value(raw.clone()).ok())
        .unwrap_or_default()
}

/// Writes the status if it differs from the one in the resource.
pub async fn write(
    client: &Client,
    resource: &ObjectMeta,
    raw: Option<&Value>,
    status: &KfpInstallationStatus,
) -> Result<Written, StatusError> {
    if raw.is_some() && read(raw) == *status {
        return Ok(Written::Unchanged);
    }
    let namespace = resource.namespace.clone().unwrap_or_default();
    let name = resource.name.clone().unwrap_or_default();
    let api: Api<DynamicObject> = Api::namespaced_with(
        client.clone(),
        &namespace,
        &ApiResource::erase::<KfpInstallation>(&()),
    );
    // The uid makes sure that a status is never written to another resource of the same name.
    let patch = json!({
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "kind": "KfpInstallation",
        "metadata": {"name": name, "namespace": namespace, "uid": resource.uid},
        "status": status,
    });
    let params = PatchParams::apply(STATUS_MANAGER).force();
    let mut answer =
        tokio::time::timeout(LIMIT, api.patch_status(&name, &params, &Patch::Apply(&patch))).await;
    if matches!(&answer, Ok(Err(kube::Error::Api(refusal))) if refusal.code == 500) {
        // A resource that does not have the shape of its kind cannot be applied to, and must be told so all the same.
        let params = PatchParams {
            field_manager: Some(STATUS_MANAGER.into()),
            ..PatchParams::default()
        };
        let patch = Patch::Merge(over(raw, patch));
        answer = tokio::time::timeout(LIMIT, api.patch_status(&name, &params, &patch)).await;
    }
    match answer {
        Ok(Ok(_)) => Ok(Written::Changed),
        Ok(Err(kube::Error::Api(answer))) if matches!(answer.code, 404 | 409) => Ok(Written::Gone),
        Ok(Err(error)) => Err(StatusError {
            namespace,
            name,
            why: error.to_string(),
        }),
        Err(_) => Err(StatusError {
            namespace,
            name,
            why: format!("no answer within {} s", LIMIT.as_secs()),
        }),
    }
}

/// Writes the status of a backup or a restore. One that is gone, or whose name is another's now, is no error.
pub async fn apply(
    client: &Client,
    kind: &ApiResource,
    resource: &ObjectMeta,
    status: &impl Serialize,
) -> Result<Written, kfp_engine::Error> {
    let namespace = resource.namespace.clone().unwrap_or_default();
    let name = resource.name.clone().unwrap_or_default();
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, kind);
    let patch = Patch::Apply(json!({
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"name": name, "namespace": namespace, "uid": resource.uid},
        "status": status,
    }));
    let params = PatchParams::apply(STATUS_MANAGER).force();
    let what = format!(
        "write the status of {} {name} in namespace {namespace}",
        kind.kind
    );
    match limited(what, api.patch_status(&name, &params, &patch)).await {
        Ok(_) => Ok(Written::Changed),
        Err(error) if matches!(error.status(), Some(404 | 409)) => Ok(Written::Gone),
        Err(error) => Err(error),
    }
}

/// The patch as a merge patch that also takes out what the old status has and the new one has not.
fn over(raw: Option<&Value>, mut patch: Value) -> Value {
    let old = raw.and_then(Value::as_object).into_iter().flatten();
    if let Some(status) = patch.get_mut("status").and_then(Value::as_object_mut) {
        for (field, _) in old {
            status.entry(field.clone()).or_insert(Value::Null);
        }
    }
    patch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merged_status_leaves_nothing_of_the_old_one() {
        let raw = json!({"components": 7, "version": "x", "conditions": []});
        let patch = over(
            Some(&raw),
            json!({"metadata": {"uid": "u"}, "status": {"conditions": [1]}}),
        );
        let wanted = json!({"conditions": [1], "components": null, "version": null});
        assert_eq!(patch, json!({"metadata": {"uid": "u"}, "status": wanted}));
    }

    #[test]
    fn a_status_that_does_not_parse_is_read_as_an_empty_one() {
        assert_eq!(
            read(Some(&json!({"conditions": "nonsense"}))),
            KfpInstallationStatus::default()
        );
        assert_eq!(read(None), KfpInstallationStatus::default());
    }

    #[test]
    fn what_was_written_is_read_back_the_same() {
        let status = KfpInstallationStatus {
            observed_generation: Some(3),
            version: Some("2.16.1".into()),
            ..KfpInstallationStatus::default()
        };
        let raw = serde_json::to_value(&status).unwrap();
        assert_eq!(read(Some(&raw)), status);
    }
}
