//! FACTS: workloads fit together: selectors, pods, ports, probes, volumes, Services and who connects where. Pure.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Probe, ResourceRequirements, Volume};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::Problems;
use crate::component::{Component, Service};
use crate::pod::{Container, Pod};
use crate::quantity::nano;
use crate::release::Install;

pub(super) fn check(install: &Install, problems: &mut Problems) {
    for component in &install.components {
        let path = format!("install.components[{}]", component.name);
        shape(component, &path, problems);
        for (engine, pod) in component.pods() {
            let path = engine.map_or_else(
                || format!("{path}.pod"),
                |engine| format!("{path}.engines.{engine:?}"),
            );
            of_pod(install, component, pod, &path, problems);
        }
        for service in &component.services {
            of_service(
                component,
                service,
                &format!("{path}.services[{}]", service.name),
                problems,
            );
        }
        for port in component
            .connects
            .iter()
            .filter(|port| !is_open(install, &port.service, &port.port))
        {
            problems.add(
                &format!("{path}.connects"),
                &format!("`{port}` is no port of a Service that listens"),
            );
        }
    }
}

fn shape(component: &Component, path: &str, problems: &mut Problems) {
    if component.pod.is_some() != component.engines.is_empty() {
        problems.add(path, "has both `pod` and `engines`, or neither");
    }
    if component.selector.is_empty() {
        problems.add(&format!("{path}.selector"), "is empty");
    }
    if component.replicas.most < 1 || component.replicas.why.is_empty() {
        problems.add(
            &format!("{path}.replicas"),
            "needs `most` of at least 1, and `why`",
        );
    }
    if component.required && !component.enabled {
        problems.add(
            &format!("{path}.enabled"),
            "is false, but the component is required",
        );
    }
}

fn of_pod(install: &Install, component: &Component, pod: &Pod, path: &str, problems: &mut Problems) {
    if pod.containers.is_empty() {
        problems.add(&format!("{path}.containers"), "is empty");
    }
    problems.twice(
        &format!("{path} containers"),
        pod.all_containers().map(|container| container.name.as_str()),
    );
    problems.twice(
        &format!("{path}.volumes"),
        pod.volumes.iter().map(|volume| volume.name.as_str()),
    );
    for label in pod
        .labels
        .keys()
        .filter(|label| component.selector.contains_key(*label))
    {
        problems.add(
            &format!("{path}.labels"),
            &format!("`{label}` is in the selector already"),
        );
    }
    if pod.grace_period_seconds < 1 {
        problems.add(&format!("{path}.gracePeriodSeconds"), "is below 1");
    }
    let users = pod.run_as.iter().chain(
        pod.all_containers()
            .filter_map(|container| container.run_as.as_ref()),
    );
    if users.into_iter().any(|user| user.user < 1) {
        problems.add(&format!("{path}.runAs"), "is root");
    }
    if let Some(name) = &pod.service_account
        && !install.service_accounts().any(|account| account.name == *name)
    {
        problems.add(
            &format!("{path}.serviceAccount"),
            &format!("`{name}` is no ServiceAccount of the release"),
        );
    }
    for volume in &pod.volumes {
        of_volume(
            install,
            volume,
            &format!("{path}.volumes[{}]", volume.name),
            problems,
        );
    }
    for container in pod.all_containers() {
        of_container(
            pod,
            container,
            &format!("{path}.containers[{}]", container.name),
            problems,
        );
    }
    for listen in &component.listens {
        let ports = pod.containers.iter().flat_map(|container| &container.ports);
        if !ports.into_iter().any(|port| port.container_port == listen.port) {
            problems.add(
                &format!("{path} listens"),
                &format!("no container has port {}", listen.port),
            );
        }
    }
}

/// Volumes are of kinds that the restricted Pod Security level allows, and hold objects of the release.
fn of_volume(install: &Install, volume: &Volume, path: &str, problems: &mut Problems) {
    let missing = |kind: &str, name: &str| format!("there is no {kind} {name} in the release");
    if let Some(source) = &volume.config_map {
        match install.config_maps().find(|object| object.name == source.name) {
            None if source.optional == Some(true) => {}
            None => problems.add(path, &missing("ConfigMap", &source.name)),
            Some(object) => {
                let items = source
                    .items
                    .iter()
                    .flatten()
                    .filter(|item| !object.data.contains_key(&item.key));
                for item in items {
                    problems.add(
                        path,
                        &format!("ConfigMap {} has no key {}", object.name, item.key),
                    );
                }
            }
        }
    } else if let Some(source) = &volume.secret {
        let name = source.secret_name.clone().unwrap_or_default();
        if !install.secrets().any(|object| object.name == name) {
            problems.add(path, &missing("Secret", &name));
        }
    } else if let Some(source) = &volume.persistent_volume_claim {
        let mut claims = install
            .components
            .iter()
            .flat_map(|component| &component.volume_claims);
        if !claims.any(|claim| claim.name == source.claim_name) {
            problems.add(path, &missing("volume claim", &source.claim_name));
        }
    } else if volume.projected.is_none() && volume.empty_dir.is_none() {
        problems.add(
            path,
            "is of no kind that the restricted Pod Security level allows",
        );
    }
}

fn of_container(pod: &Pod, container: &Container, path: &str, problems: &mut Problems) {
    for mount in &container.volume_mounts {
        if !pod.volumes.iter().any(|volume| volume.name == mount.name) {
            problems.add(
                &format!("{path}.volumeMounts[{}]", mount.mount_path),
                &format!("there is no volume {}", mount.name),
            );
        }
    }
    problems.twice(
        &format!("{path}.volumeMounts"),
        container
            .volume_mounts
            .iter()
            .map(|mount| mount.mount_path.as_str()),
    );
    problems.twice(
        &format!("{path}.ports"),
        container.ports.iter().filter_map(|port| port.name.as_deref()),
    );
    for (field, probe) in [
        ("startupProbe", &container.startup_probe),
        ("readinessProbe", &container.readiness_probe),
        ("livenessProbe", &container.liveness_probe),
    ] {
        if let Some(port) = probe.as_ref().and_then(probe_port)
            && !has_port(container, port)
        {
            problems.add(
                &format!("{path}.{field}"),
                &format!("asks at {port:?}, which is no port of the container"),
            );
        }
    }
    if let Some(resources) = &container.resources {
        resources_of(&format!("{path}.resources"), resources, problems);
    }
}

pub(super) use resources_of as resources;

/// Quantities are readable and no request is above its limit.
pub(super) fn resources_of(path: &str, resources: &ResourceRequirements, problems: &mut Problems) {
    let limits = resources.limits.clone().unwrap_or_default();
    for (name, quantity) in resources.requests.iter().flatten().chain(&limits) {
        match (nano(quantity), limits.get(name).and_then(nano)) {
            (None, _) => problems.add(
                &format!("{path} {name}"),
                &format!("`{}` is no quantity", quantity.0),
            ),
            (Some(wanted), Some(limit)) if wanted > limit => {
                problems.add(&format!("{path} {name}"), "is above its limit");
            }
            _ => {}
        }
    }
}

fn probe_port(probe: &Probe) -> Option<&IntOrString> {
    let http = probe.http_get.as_ref().map(|action| &action.port);
    http.or_else(|| probe.tcp_socket.as_ref().map(|action| &action.port))
}

fn has_port(container: &Container, wanted: &IntOrString) -> bool {
    container.ports.iter().any(|port| match wanted {
        IntOrString::Int(number) => port.container_port == *number,
        IntOrString::String(name) => port.name.as_ref() == Some(name),
    })
}

fn of_service(component: &Component, service: &Service, path: &str, problems: &mut Problems) {
    if service.selector != component.selector {
        problems.add(
            &format!("{path}.selector"),
            "is not the selector of its component",
        );
    }
    let names: BTreeSet<_> = service
        .ports
        .iter()
        .filter_map(|port| port.name.as_deref())
        .collect();
    if names.len() != service.ports.len() || service.ports.is_empty() {
        problems.add(
            &format!("{path}.ports"),
            "are none, or not all named, or two have one name",
        );
    }
    for port in &service.ports {
        let name = match &port.target_port {
            Some(IntOrString::String(name)) => name,
            Some(IntOrString::Int(_)) => continue,
            None => {
                problems.add(&format!("{path}.ports"), "one has no targetPort");
                continue;
            }
        };
        let target = IntOrString::String(name.clone());
        let mut pods = component.pods();
        if !pods.all(|(_, pod)| {
            pod.containers
                .iter()
                .any(|container| has_port(container, &target))
        }) {
            problems.add(
                &format!("{path}.ports"),
                &format!("targetPort {name} is no port of the pod"),
            );
        }
    }
}

/// The Service has the port, and its component listens on what the port leads to.
fn is_open(install: &Install, service: &str, port: &str) -> bool {
    let owner = install
        .components
        .iter()
        .find(|component| component.services.iter().any(|own| own.name == service));
    let ports = install
        .service(service)
        .into_iter()
        .flat_map(|service| &service.ports);
    let target = ports
        .into_iter()
        .find(|own| own.name.as_deref() == Some(port))
        .and_then(|own| own.target_port.clone());
    match (owner, target) {
        (Some(owner), Some(IntOrString::Int(number))) => {
            owner.listens.iter().any(|listen| listen.port == number)
        }
        (Some(owner), Some(IntOrString::String(name))) => owner.pods().any(|(_, pod)| {
            let ports = pod.containers.iter().flat_map(|container| &container.ports);
            let named = ports.into_iter().find(|port| port.name.as_ref() == Some(&name));
            named.is_some_and(|port| {
                owner
                    .listens
                    .iter()
                    .any(|listen| listen.port == port.container_port)
            })
        }),
        _ => false,
    }
}
