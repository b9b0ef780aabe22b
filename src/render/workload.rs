//! SHAPES: pods and the Deployments and `StatefulSet`s that run them. What is the same for every pod stands here: no
//! service links, no privileges, no token where none is used.

use k8s_openapi::api::apps::v1::{
    Deployment, DeploymentSpec, DeploymentStrategy, StatefulSet, StatefulSetSpec,
};
use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use kfp_releases::component::{Component, Strategy, WorkloadKind};
use kfp_releases::pod::Pod;
use kfp_releases::validated::ComponentSettings;

use crate::container::{container, unless_empty};
use crate::context::Context;
use crate::labels::{self, workload_metadata};
use crate::{Object, RenderError, security};

/// The workload of `component`.
pub(crate) fn workload(
    context: &Context<'_>,
    component: &Component,
    settings: &ComponentSettings,
) -> Result<Object, RenderError> {
    let metadata = workload_metadata(context, &component.name, &component.labels);
    let replicas = Some(settings.replicas);
    let selector = LabelSelector {
        match_labels: Some(component.selector.clone()),
        match_expressions: None,
    };
    let template = template(context, component, settings)?;
    Ok(match component.workload {
        WorkloadKind::Deployment => Object::from(Deployment {
            metadata,
            spec: Some(DeploymentSpec {
                replicas,
                selector,
                strategy: Some(DeploymentStrategy {
                    type_: Some(strategy(component.strategy).to_owned()),
                    rolling_update: None,
                }),
                template,
                ..DeploymentSpec::default()
            }),
            status: None,
        }),
        WorkloadKind::StatefulSet => Object::from(StatefulSet {
            metadata,
            spec: Some(StatefulSetSpec {
                replicas,
                selector,
                service_name: component.services.first().map(|service| service.name.clone()),
                template,
                ..StatefulSetSpec::default()
            }),
            status: None,
        }),
    })
}

fn strategy(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::RollingUpdate => "RollingUpdate",
        Strategy::Recreate => "Recreate",
    }
}

fn template(
    context: &Context<'_>,
    component: &Component,
    settings: &ComponentSettings,
) -> Result<PodTemplateSpec, RenderError> {
    let at = format!("{:?}/{}", component.workload, component.name);
    let pod = context
        .installation
        .pod(component)
        .ok_or_else(|| RenderError::Missing {
            at: at.clone(),
            what: "pod for the database engine",
            name: format!("{:?}", context.installation.engine),
        })?;
    Ok(PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: labels::unless_empty(&settings.pod_labels),
            annotations: labels::unless_empty(&settings.pod_annotations),
            ..ObjectMeta::default()
        }),
        spec: Some(PodSpec {
            affinity: settings.affinity.clone(),
            automount_service_account_token: (!component.uses_kubernetes).then_some(false),
            containers: containers(context, &at, pod, settings)?,
            enable_service_links: Some(false),
            image_pull_secrets: unless_empty(context.pull_secrets.clone()),
            init_containers: init_containers(context, &at, pod)?,
            node_selector: labels::unless_empty(&settings.node_selector),
            priority_class_name: settings.priority_class.clone(),
            security_context: Some(security::pod(pod)),
            service_account_name: pod.service_account.clone(),
            termination_grace_period_seconds: Some(pod.grace_period_seconds),
            tolerations: unless_empty(settings.tolerations.clone()),
            volumes: unless_empty(pod.volumes.clone()),
            ..PodSpec::default()
        }),
    })
}

/// The containers; the installation's settings are for the first, the main one.
fn containers(
    context: &Context<'_>,
    at: &str,
    pod: &Pod,
    settings: &ComponentSettings,
) -> Result<Vec<Container>, RenderError> {
    let each = pod.containers.iter().enumerate();
    each.map(|(index, data)| container(context, at, data, pod.run_as, (index == 0).then_some(settings)))
        .collect()
}

fn init_containers(
    context: &Context<'_>,
    at: &str,
    pod: &Pod,
) -> Result<Option<Vec<Container>>, RenderError> {
    let each = pod.init_containers.iter();
    let made: Result<Vec<_>, _> = each
        .map(|data| container(context, at, data, pod.run_as, None))
        .collect();
    Ok(unless_empty(made?))
}
