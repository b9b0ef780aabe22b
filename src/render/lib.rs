//! SHAPES: validated installation + release -> typed Kubernetes objects. Pure, the same bytes for the same input; no
//! version is compared here, no name of a namespace stands here.

mod component;
mod config_map;
mod container;
mod context;
mod disruption_budget;
mod error;
pub mod labels;
mod network_policy;
mod object;
mod role_binding;
mod sdk_policy;
mod secret;
mod security;
mod service;
mod service_account;
mod volume_claim;
mod webhook;
mod workload;
pub mod yaml;

pub use component::{RenderedComponent, SHARED};
pub use error::RenderError;
pub use network_policy::OPERATOR_NAMESPACE_LABEL;
pub use object::Object;
pub use role_binding::operand_cluster_roles;
pub use sdk_policy::admission;
pub use secret::{GeneratedSecret, ServingCertificate};
pub use webhook::Trust;
pub use yaml::to_yaml;

use context::Context;
use kfp_releases::ValidatedInstallation;

/// Everything that an installation stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// The KFP release that was rendered.
    pub release: String,
    /// [`SHARED`] first, then the components that run, each after those that it waits for.
    pub components: Vec<RenderedComponent>,
}

impl Rendered {
    /// Every object, in the order in which it is applied: what belongs to no component, then each component's own.
    /// Secrets stand without values.
    #[must_use]
    pub fn objects(&self) -> Vec<Object> {
        self.components
            .iter()
            .flat_map(RenderedComponent::objects)
            .collect()
    }

    /// The component of this name.
    #[must_use]
    pub fn component(&self, name: &str) -> Option<&RenderedComponent> {
        self.components.iter().find(|component| component.name == name)
    }
}

/// Renders an installation.
///
/// # Errors
/// When the release's data names something that it does not have, which the catalog's tests rule out for the releases
/// that are compiled in.
pub fn render(installation: &ValidatedInstallation) -> Result<Rendered, RenderError> {
    let context = Context::new(installation)?;
    let mut components = vec![component::shared(&context)?];
    for (data, settings) in context.in_order() {
        components.push(component::component(&context, data, settings)?);
    }
    Ok(Rendered {
        release: context.version.clone(),
        components,
    })
}
