//! SHAPES: Services. Names, selectors and ports are the release's data.

use k8s_openapi::api::core::v1::{Service, ServiceSpec};
use kfp_releases::component;

use crate::context::Context;
use crate::labels::{Life, metadata, unless_empty};

/// A Service of `component` with a cluster IP.
pub(crate) fn service(context: &Context<'_>, component: &str, data: &component::Service) -> Service {
    let mut metadata = metadata(context, component, &data.name, &data.labels, Life::Owned);
    metadata.annotations = unless_empty(&data.annotations);
    Service {
        metadata,
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            selector: Some(data.selector.clone()),
            ports: Some(data.ports.clone()),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}
