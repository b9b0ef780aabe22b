//! PROOF (real API server): what a kubelet knows of a pod's container: its environment, resolved. Reads; changes nothing.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{ConfigMap, Container, EnvVarSource, Pod, Secret, Service};
use kube::Api;
use kube::api::ListParams;

use crate::site::Site;

/// The container of this pod that does its work.
pub fn container(pod: &Pod) -> Result<&Container> {
    pod.spec
        .as_ref()
        .and_then(|spec| spec.containers.first())
        .context("a pod without containers")
}

/// The claim that this pod mounts, if it mounts one.
#[must_use]
pub fn claim(pod: &Pod) -> Option<&str> {
    let volumes = pod.spec.as_ref()?.volumes.as_ref()?;
    volumes
        .iter()
        .find_map(|volume| Some(volume.persistent_volume_claim.as_ref()?.claim_name.as_str()))
}

/// The environment that the container gets. Nothing answers DNS here, so names of Services in variables called `…HOST` become
/// their addresses.
pub async fn environment(site: &Site, pod: &Pod) -> Result<BTreeMap<String, String>> {
    let sources = Sources {
        site,
        services: services(site).await?,
    };
    let container = container(pod)?;
    let mut environment = BTreeMap::new();
    for from in container.env_from.iter().flatten() {
        if let Some(secret) = &from.secret_ref {
            environment.extend(sources.secret(&secret.name).await?);
        }
        if let Some(map) = &from.config_map_ref {
            environment.extend(sources.config_map(&map.name).await?);
        }
    }
    for variable in container.env.iter().flatten() {
        let value = match &variable.value_from {
            Some(source) => sources
                .value(source)
                .await
                .with_context(|| variable.name.clone())?,
            None => Some(variable.value.clone().unwrap_or_default()),
        };
        if let Some(value) = value {
            let named = variable.name.ends_with("HOST");
            let value = if named { sources.address(value) } else { value };
            environment.insert(variable.name.clone(), value);
        }
    }
    Ok(environment)
}

/// Addresses of the namespace's Services by name.
pub async fn services(site: &Site) -> Result<BTreeMap<String, String>> {
    let api: Api<Service> = Api::namespaced(site.world.client.clone(), &site.name);
    let list = api.list(&ListParams::default()).await?;
    let address = |service: Service| Some((service.metadata.name?, service.spec?.cluster_ip?));
    Ok(list.into_iter().filter_map(address).collect())
}

struct Sources<'a> {
    site: &'a Site,
    services: BTreeMap<String, String>,
}

impl Sources<'_> {
    async fn secret(&self, name: &str) -> Result<BTreeMap<String, String>> {
        let api: Api<Secret> = Api::namespaced(self.site.world.client.clone(), &self.site.name);
        let data = api.get(name).await?.data.unwrap_or_default();
        data.into_iter()
            .map(|(key, value)| Ok((key, String::from_utf8(value.0)?)))
            .collect()
    }

    async fn config_map(&self, name: &str) -> Result<BTreeMap<String, String>> {
        let api: Api<ConfigMap> = Api::namespaced(self.site.world.client.clone(), &self.site.name);
        Ok(api.get(name).await?.data.unwrap_or_default())
    }

    /// The value of a source; `None` where an optional one has none.
    async fn value(&self, source: &EnvVarSource) -> Result<Option<String>> {
        let (found, optional) = if let Some(key) = &source.secret_key_ref {
            (self.secret(&key.name).await?.remove(&key.key), key.optional)
        } else if let Some(key) = &source.config_map_key_ref {
            (self.config_map(&key.name).await?.remove(&key.key), key.optional)
        } else if let Some(field) = &source.field_ref {
            let known = field.field_path == "metadata.namespace";
            (known.then(|| self.site.name.clone()), None)
        } else {
            (None, None)
        };
        anyhow::ensure!(
            found.is_some() || optional == Some(true),
            "{source:?} leads to nothing"
        );
        Ok(found)
    }

    fn address(&self, value: String) -> String {
        let (name, rest) = value.split_once('.').unwrap_or((&value, ""));
        let namespace = &self.site.name;
        let here = [
            "",
            &format!("{namespace}.svc"),
            &format!("{namespace}.svc.cluster.local"),
            namespace,
        ]
        .contains(&rest);
        self.services.get(name).filter(|_| here).cloned().unwrap_or(value)
    }
}
