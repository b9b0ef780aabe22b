//! SHAPES: ConfigMaps. Keys and texts are the release's data; insertions are filled in here.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use kfp_releases::component;

use crate::RenderError;
use crate::context::Context;
use crate::labels::{Life, metadata};

/// A ConfigMap of `component`.
pub(crate) fn config_map(
    context: &Context<'_>,
    component: &str,
    data: &component::ConfigMap,
) -> Result<ConfigMap, RenderError> {
    let at = format!("ConfigMap/{}", data.name);
    let mut resolved = BTreeMap::new();
    for (key, text) in &data.data {
        resolved.insert(key.clone(), context.text(&format!("{at}, key {key}"), text)?);
    }
    Ok(ConfigMap {
        metadata: metadata(context, component, &data.name, &data.labels, Life::Owned),
        data: Some(resolved),
        ..ConfigMap::default()
    })
}
