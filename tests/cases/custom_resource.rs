//! PROOF (real API server): the KfpInstallation kind as the API server understands it, without an operator.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use kfp_tests::World;
use kfp_tests::world::{eventually, root};
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Case;

/// Namespace of these tests, which no operator watches.
const NAMESPACE: &str = "custom-resource";

/// One line of `tests/data/cel-cases.yaml`, which says what the fields mean.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Judged {
    name: String,
    #[serde(default = "installation")]
    kind: String,
    object: Option<String>,
    base: Value,
    status: Option<Value>,
    update: Option<Value>,
    expect: Expected,
}

fn installation() -> String {
    "KfpInstallation".to_owned()
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Expected {
    Accepted,
    Rejected(Rejection),
}

#[derive(Clone, Deserialize)]
struct Rejection {
    field: String,
    reason: String,
    message: String,
}

/// The fixed cases and one for each line of the table.
pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new(
            "a_new_installation_is_not_current_before_an_operator_has_seen_it",
            unseen,
        ),
        Case::new("kubectl_explains_every_field_of_the_spec", explained),
        Case::new("kubectl_prints_version_ready_reason_and_age", printed),
        Case::new("a_spec_gets_its_defaults_when_it_is_stored", defaulted),
    ];
    match table() {
        Ok(table) => cases.extend(table.into_iter().enumerate().map(|(index, judged)| {
            Case::new(format!("rule: {}", judged.name), move |world| {
                judge(world, index, judged)
            })
        })),
        Err(error) => cases.push(Case::new("the table of rules can be read", |_| async move {
            Err(error)
        })),
    }
    cases
}

fn table() -> Result<Vec<Judged>> {
    let path = root().join("tests/data/cel-cases.yaml");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    serde_saphyr::from_str(&text).with_context(|| path.display().to_string())
}

fn object(kind: &str, name: &str, namespace: &str, spec: &Value) -> Result<DynamicObject> {
    Ok(serde_json::from_value(json!({
        "apiVersion": "kfpops.dev/v1alpha1", "kind": kind,
        "metadata": {"name": name, "namespace": namespace}, "spec": spec,
    }))?)
}

/// Creates, writes status, updates, and holds the last answer against what is expected.
async fn judge(world: Arc<World>, index: usize, judged: Judged) -> Result<()> {
    // A namespace a case: names of objects may be what is judged.
    let namespace = format!("rule-{index}");
    world.create_namespace(&namespace).await?;
    let api = world.objects(&namespace, "kfpops.dev/v1alpha1", &judged.kind);
    let name = judged.object.as_deref().unwrap_or("kfp");
    let mut answer = api
        .create(
            &PostParams::default(),
            &object(&judged.kind, name, &namespace, &judged.base)?,
        )
        .await;
    if let Some(status) = &judged.status {
        answer.context("the base object was refused")?;
        let patch = Patch::Merge(json!({"status": status}));
        answer = api.patch_status(name, &PatchParams::default(), &patch).await;
    }
    if let Some(update) = &judged.update {
        let mut next = object(&judged.kind, name, &namespace, update)?;
        next.metadata.resource_version = answer
            .context("the base object was refused")?
            .metadata
            .resource_version;
        answer = api.replace(name, &PostParams::default(), &next).await;
    }
    match (judged.expect, answer) {
        (Expected::Accepted, answer) => {
            answer.context("should have been accepted")?;
            // The controller-manager does not run here, so nothing else clears up.
            api.delete(name, &DeleteParams::default()).await?;
            Ok(())
        }
        (Expected::Rejected(rejection), Err(kube::Error::Api(status))) => {
            let causes = status
                .details
                .as_ref()
                .map(|details| details.causes.clone())
                .unwrap_or_default();
            let fits = causes.iter().any(|cause| {
                cause.field == rejection.field
                    && cause.reason == rejection.reason
                    && cause.message.contains(&rejection.message)
            });
            ensure!(fits, "refused otherwise than expected: {causes:#?}");
            Ok(())
        }
        (Expected::Rejected(_), Err(error)) => Err(error).context("could not be judged"),
        (Expected::Rejected(_), Ok(_)) => bail!("was accepted"),
    }
}

async fn unseen(world: Arc<World>) -> Result<()> {
    world
        .apply(NAMESPACE, "unseen", json!({"version": "2.16.1"}))
        .await?;
    let seen = world.installations(NAMESPACE).get("unseen").await?;
    let generation = seen.status.and_then(|status| status.observed_generation);
    ensure!(generation == Some(-1), "observedGeneration is {generation:?}");
    Ok(())
}

async fn defaulted(world: Arc<World>) -> Result<()> {
    let stored = world
        .apply(NAMESPACE, "defaulted", json!({"version": "2.16.1"}))
        .await?;
    let spec = serde_json::to_value(&stored.spec)?;
    for (path, wanted) in [
        ("/size", "Small"),
        ("/database/type", "Embedded"),
        ("/objectStore/type", "Embedded"),
        ("/executionController/type", "Managed"),
        ("/networkPolicy/mode", "Generated"),
        ("/deletionPolicy", "Retain"),
    ] {
        ensure!(
            spec.pointer(path) == Some(&json!(wanted)),
            "{path} is {:?}",
            spec.pointer(path)
        );
    }
    Ok(())
}

async fn explained(world: Arc<World>) -> Result<()> {
    // The short name is known a moment after the kind is established.
    let explain = || std::future::ready(world.kubectl(&["explain", "kfpi.spec", "--recursive"]).map(Some));
    let text = eventually("kubectl knows kfpi", explain).await?;
    for field in [
        "version",
        "size",
        "database",
        "executionController",
        "components",
        "networkPolicy",
        "deletionPolicy",
    ] {
        ensure!(text.contains(field), "{field} is missing from:\n{text}");
    }
    let text = world.kubectl(&["explain", "kfpi.spec.database.embedded.engine"])?;
    ensure!(text.contains("MariaDB") && text.contains("DESCRIPTION"), "{text}");
    Ok(())
}

async fn printed(world: Arc<World>) -> Result<()> {
    world
        .apply(NAMESPACE, "printed", json!({"version": "2.16.1"}))
        .await?;
    let text = world.kubectl(&["get", "kfpi", "printed", "-n", NAMESPACE, "-o", "wide"])?;
    let header: Vec<&str> = text
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    ensure!(
        header == ["NAME", "VERSION", "READY", "REASON", "AGE", "URL"],
        "{text}"
    );
    Ok(())
}
