//! SHAPES: everything that belongs to one component, in the order in which it is applied.

use kfp_releases::Component;
use kfp_releases::access::Access;
use kfp_releases::component::{ConfigMap, Secret, ServiceAccount};
use kfp_releases::validated::ComponentSettings;

use crate::context::Context;
use crate::secret::GeneratedSecret;
use crate::webhook::Trust;
use crate::{
    Object, RenderError, config_map, disruption_budget, network_policy, role_binding, sdk_policy, secret,
    service,
};
use crate::{service_account, volume_claim, webhook, workload};

/// Name of the pseudo component that holds the objects which belong to no single one. It has no workload.
pub const SHARED: &str = "shared";

/// A component's objects.
#[derive(Clone, Debug, PartialEq)]
pub struct RenderedComponent {
    /// Name in the release catalog, or [`SHARED`].
    pub name: String,
    /// Components whose workloads must be ready before this one's is applied. Only components of this rendering.
    pub after: Vec<String>,
    /// Secrets to make, before anything else.
    pub secrets: Vec<GeneratedSecret>,
    /// Everything but Secrets and the workload; applied without waiting for other components.
    pub base: Vec<Object>,
    /// The workload.
    pub workload: Option<Object>,
    /// Webhook configurations among `base` whose `caBundle` is filled in when they are applied.
    pub trusts: Vec<Trust>,
}

impl RenderedComponent {
    /// Every object, in the order in which it is applied; Secrets without values.
    pub fn objects(&self) -> impl Iterator<Item = Object> + '_ {
        let secrets = self.secrets.iter().map(GeneratedSecret::without_values);
        secrets
            .chain(self.base.iter().cloned())
            .chain(self.workload.iter().cloned())
    }
}

/// The parts that the release's shared objects and a component's own have in common.
struct Parts<'a> {
    service_accounts: &'a [ServiceAccount],
    access: &'a [Access],
    config_maps: &'a [ConfigMap],
    secrets: &'a [Secret],
}

fn common(context: &Context<'_>, name: &str, parts: &Parts<'_>) -> Result<RenderedComponent, RenderError> {
    let mut base = Vec::new();
    for data in parts.service_accounts {
        base.push(service_account::service_account(context, name, data).into());
    }
    for data in parts.access {
        base.push(role_binding::role_binding(context, name, data).into());
    }
    for data in parts.config_maps {
        base.push(config_map::config_map(context, name, data)?.into());
    }
    Ok(RenderedComponent {
        name: name.to_owned(),
        after: Vec::new(),
        secrets: parts
            .secrets
            .iter()
            .map(|data| secret::secret(context, name, data))
            .collect(),
        base,
        workload: None,
        trusts: Vec::new(),
    })
}

/// What belongs to no component.
pub(crate) fn shared(context: &Context<'_>) -> Result<RenderedComponent, RenderError> {
    let shared = &context.install.shared;
    let parts = Parts {
        service_accounts: &shared.service_accounts,
        access: &shared.access,
        config_maps: &shared.config_maps,
        secrets: &shared.secrets,
    };
    let mut rendered = common(context, SHARED, &parts)?;
    rendered.base.extend(sdk_policy::objects(context));
    Ok(rendered)
}

/// A component that runs.
pub(crate) fn component(
    context: &Context<'_>,
    data: &Component,
    settings: &ComponentSettings,
) -> Result<RenderedComponent, RenderError> {
    let parts = Parts {
        service_accounts: &data.service_accounts,
        access: &data.access,
        config_maps: &data.config_maps,
        secrets: &data.secrets,
    };
    let mut rendered = common(context, &data.name, &parts)?;
    rendered.after = data
        .after
        .iter()
        .filter(|name| context.runs(name))
        .cloned()
        .collect();
    let base = &mut rendered.base;
    for claim in &data.volume_claims {
        base.push(volume_claim::volume_claim(context, data, claim)?.into());
    }
    for item in &data.services {
        base.push(service::service(context, &data.name, item).into());
    }
    base.extend(network_policy::network_policy(context, data)?.map(Object::from));
    base.extend(disruption_budget::disruption_budget(context, data, settings).map(Object::from));
    for hook in &data.webhooks {
        let (configuration, trust) = webhook::webhook(context, &data.name, hook)?;
        base.push(configuration);
        rendered.trusts.push(trust);
    }
    rendered.workload = Some(workload::workload(context, data, settings)?);
    Ok(rendered)
}
