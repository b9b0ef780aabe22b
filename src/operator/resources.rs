//! LOOP: how KfpBackups and KfpRestores are written: made, marked, held by a finalizer, and told of. Decides nothing.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kfp_engine::Error;
use kfp_engine::cluster::limited;
use kube::api::{ApiResource, Patch, PatchParams, PostParams};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::context::Context;
use crate::events::changes;
use crate::status;

/// A kind of ours whose resources lie in namespaces.
pub trait Ours:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + DeserializeOwned
    + Serialize
    + std::fmt::Debug
{
}

impl<K> Ours for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + Serialize
        + std::fmt::Debug
{
}

fn api<K: Ours>(client: &Client, object: &K) -> Api<K> {
    Api::namespaced(
        client.clone(),
        object.meta().namespace.as_deref().unwrap_or_default(),
    )
}

/// For messages: `KfpBackup nightly in namespace team-a`.
fn shown<K: Ours>(object: &K) -> String {
    let meta = object.meta();
    format!(
        "{} {} in namespace {}",
        K::kind(&()),
        meta.name.as_deref().unwrap_or_default(),
        meta.namespace.as_deref().unwrap_or_default()
    )
}

/// Makes a resource. False where there is one of the name: one that another leader made is as good.
pub async fn make<K: Ours>(client: &Client, object: &K) -> Result<bool, Error> {
    let what = format!("make {}", shown(object));
    match limited(what, api(client, object).create(&PostParams::default(), object)).await {
        Err(error) if error.status() == Some(409) => Ok(false),
        made => made.map(|_| true),
    }
}

/// Merges a patch into a resource. One that is gone needs none.
pub async fn change<K: Ours>(client: &Client, object: &K, doing: &str, patch: Value) -> Result<(), Error> {
    let what = format!("{doing} {}", shown(object));
    let name = object.meta().name.as_deref().unwrap_or_default();
    let (params, patch) = (PatchParams::default(), Patch::Merge(patch));
    match limited(what, api(client, object).patch(name, &params, &patch)).await {
        Err(error) if error.status() == Some(404) => Ok(()),
        changed => changed.map(drop),
    }
}

/// Puts a finalizer of ours on or takes it off, beside those of others.
pub async fn finalizer<K: Ours>(
    client: &Client,
    object: &K,
    finalizer: &str,
    held: bool,
) -> Result<(), Error> {
    let mut finalizers = object.finalizers().to_vec();
    finalizers.retain(|found| found != finalizer);
    if held {
        finalizers.push(finalizer.to_owned());
    }
    // The version makes sure that no finalizer of another, put on meanwhile, is lost.
    let version = &object.meta().resource_version;
    let patch = json!({"metadata": {"finalizers": finalizers, "resourceVersion": version}});
    change(client, object, "change the finalizers of", patch).await
}

/// Writes a status that changed, and tells what changed of its conditions.
pub async fn tell<K: Ours>(
    context: &Context,
    object: &K,
    status: &impl Serialize,
    conditions: (&[Condition], &[Condition]),
) -> Result<(), Error> {
    let kind = ApiResource::erase::<K>(&());
    status::apply(&context.client, &kind, object.meta(), status).await?;
    context.metrics.status_write();
    let (old, new) = conditions;
    context
        .events
        .publish(&object.object_ref(&()), &changes(old, new))
        .await;
    Ok(())
}
