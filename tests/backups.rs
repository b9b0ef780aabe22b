//! PROOF (real API server): what a test of backups and restores does and looks at, as a user or an administrator would.

use anyhow::Result;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kfp_api::names::{CREDENTIALS_LABEL, CREDENTIALS_NAMESPACES_ANNOTATION};
use kube::api::PostParams;
use serde_json::{Value, json};

use crate::site::Site;
use crate::world::eventually;

impl Site {
    /// A Secret of the operator's namespace with credentials for backups, open to these namespaces.
    pub async fn credentials(&self, name: &str, namespaces: &str, data: Value) -> Result<()> {
        let secret = serde_json::from_value(json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {
                "name": name,
                "labels": {CREDENTIALS_LABEL: "true"},
                "annotations": {CREDENTIALS_NAMESPACES_ANNOTATION: namespaces},
            },
            "stringData": data,
        }))?;
        let secrets = self.world.objects(&self.lease_namespace(), "v1", "Secret");
        secrets.create(&PostParams::default(), &secret).await?;
        Ok(())
    }

    /// Status, reason and message of a condition of one of our resources of this namespace.
    pub async fn condition_of(
        &self,
        kind: &str,
        name: &str,
        condition: &str,
    ) -> Result<Option<(String, String, String)>> {
        let found = self
            .world
            .objects(&self.name, "kfpops.dev/v1alpha1", kind)
            .get_opt(name)
            .await?;
        let conditions = found.and_then(|found| found.data.pointer("/status/conditions").cloned());
        let conditions: Vec<Condition> = conditions
            .map(serde_json::from_value)
            .transpose()?
            .unwrap_or_default();
        let wanted = conditions.into_iter().find(|found| found.type_ == condition);
        Ok(wanted.map(|found| (found.status, found.reason, found.message)))
    }

    /// Waits until a condition of one of our resources has this status and reason, and returns its message.
    pub async fn await_condition_of(
        &self,
        kind: &str,
        name: &str,
        condition: &str,
        status: &str,
        reason: &str,
    ) -> Result<String> {
        eventually(
            &format!("{condition} of {kind} {name} is {status} with {reason}"),
            || async {
                match self.condition_of(kind, name, condition).await? {
                    Some((is, why, message)) if is == status && why == reason => Ok(Some(message)),
                    other => anyhow::bail!("last seen: {other:?}"),
                }
            },
        )
        .await
    }
}
