//! FACTS: components as an installation runs them: the release's, the preset's and the spec's words laid over one another.
//! Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use k8s_openapi::api::core::v1::{EnvVar, ResourceRequirements};
use kfp_api::installation::{ComponentOverride, DatabaseEngine};

use super::{Check, Findings, list, near};
use crate::component::Component;
use crate::image::ImageName;
use crate::pod::{Container, Pod};
use crate::quantity::nano;
use crate::source::{Insert, Text};
use crate::validated::ComponentSettings;

/// Environment that says that a proxy is used; either spelling.
const PROXY_NAMES: [&str; 4] = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"];
/// Prefixes of labels and annotations that the operator itself sets on objects.
const OWN_PREFIXES: [&str; 2] = ["kfpops.dev/", "app.kubernetes.io/"];

/// Every component that runs, by name.
pub(super) fn resolve(
    check: &Check<'_>,
    engine: DatabaseEngine,
    images: &BTreeMap<String, String>,
    namespace: &str,
    findings: &mut Findings,
) -> BTreeMap<String, ComponentSettings> {
    let overrides = by_name(check, findings);
    let mut running = BTreeMap::new();
    for component in &check.install.components {
        let given = overrides.get(component.name.as_str()).copied();
        let enabled = given.and_then(|given| given.enabled).unwrap_or(component.enabled);
        if !enabled && component.required {
            let message =
                "is false, but Kubeflow Pipelines does not work without this component: leave the field out";
            findings.add(format!("{}.enabled", path(&component.name)), message);
        }
        if !enabled && !component.required {
            continue;
        }
        let Some(pod) = component.pod(engine) else {
            continue;
        };
        let Some(main) = pod.main() else { continue };
        let of_catalog = images.get(&main.image).cloned().unwrap_or_default();
        let empty = ComponentOverride::default();
        let one = One {
            component,
            pod,
            main,
            given: given.unwrap_or(&empty),
            path: path(&component.name),
        };
        running.insert(
            component.name.clone(),
            one.settings(check, of_catalog, namespace, findings),
        );
    }
    for component in check
        .install
        .components
        .iter()
        .filter(|component| running.contains_key(&component.name))
    {
        for needed in component
            .after
            .iter()
            .filter(|needed| !running.contains_key(*needed))
        {
            let message =
                format!("runs, but needs {needed}, which is switched off: switch off both or neither");
            findings.add(path(&component.name), message);
        }
    }
    running
}

fn path(component: &str) -> String {
    format!("spec.components[{component}]")
}

/// The spec's overrides by name; unknown and repeated names are findings.
fn by_name<'a>(check: &Check<'a>, findings: &mut Findings) -> BTreeMap<&'a str, &'a ComponentOverride> {
    let mut overrides = BTreeMap::new();
    let known: Vec<&str> = check
        .install
        .components
        .iter()
        .map(|component| component.name.as_str())
        .collect();
    for given in &check.spec.components {
        if !known.contains(&given.name.as_str()) {
            let near = near(&given.name, known.iter().copied());
            let choice = if near.is_empty() { known.clone() } else { near };
            let choice = list(choice.into_iter().map(str::to_owned));
            findings.add(
                path(&given.name),
                format!("is no component of this release: did you mean {choice}?"),
            );
        }
        if overrides.insert(given.name.as_str(), given).is_some() {
            findings.add(path(&given.name), "is there twice: put both entries together");
        }
    }
    overrides
}

/// One component with what the spec says of it.
struct One<'a> {
    component: &'a Component,
    pod: &'a Pod,
    main: &'a Container,
    given: &'a ComponentOverride,
    path: String,
}

impl One<'_> {
    fn settings(
        &self,
        check: &Check<'_>,
        image_of_catalog: String,
        namespace: &str,
        findings: &mut Findings,
    ) -> ComponentSettings {
        let preset = check
            .preset
            .and_then(|preset| preset.components.get(&self.component.name));
        let of_preset = preset
            .and_then(|preset| preset.resources.as_ref())
            .or(self.main.resources.as_ref());
        let resources = self
            .given
            .resources
            .as_ref()
            .inspect(|resources| self.resources(resources, findings));
        ComponentSettings {
            replicas: self.replicas(preset.and_then(|preset| preset.replicas), findings),
            image: self.image(image_of_catalog, findings),
            resources: resources.or(of_preset).cloned(),
            extra_env: self.extra_env(namespace, findings),
            node_selector: self.node_selector(findings),
            tolerations: self.given.tolerations.clone(),
            affinity: self.given.affinity.clone(),
            priority_class: self
                .given
                .priority_class_name
                .clone()
                .or_else(|| self.pod.priority_class.clone()),
            pod_labels: self.pod_labels(findings),
            pod_annotations: self.pod_annotations(findings),
        }
    }

    fn replicas(&self, preset: Option<i32>, findings: &mut Findings) -> i32 {
        let limit = &self.component.replicas;
        let wanted = self.given.replicas.or(preset).unwrap_or(1);
        let path = format!("{}.replicas", self.path);
        if wanted < 1 {
            let message =
                format!("is {wanted}: write 1 or more, or `enabled: false` if the component shall not run");
            findings.add(path, message);
        } else if wanted > limit.most {
            findings.add(
                path,
                format!(
                    "is {wanted}; the most that can run is {}. {} Lower it",
                    limit.most, limit.why
                ),
            );
        }
        wanted
    }

    fn image(&self, of_catalog: String, findings: &mut Findings) -> String {
        let Some(image) = &self.given.image else {
            return of_catalog;
        };
        if let Err(problem) = ImageName::pinned(image) {
            findings.add(format!("{}.image", self.path), problem.to_string());
        }
        image.clone()
    }

    /// A request above its limit is refused by Kubernetes, long after the resource was accepted.
    fn resources(&self, resources: &ResourceRequirements, findings: &mut Findings) {
        let empty = BTreeMap::new();
        let limits = resources.limits.as_ref().unwrap_or(&empty);
        for (field, quantities) in [
            ("requests", resources.requests.as_ref()),
            ("limits", Some(limits)),
        ] {
            for (name, quantity) in quantities.into_iter().flatten() {
                let path = format!("{}.resources.{field}.{name}", self.path);
                match (nano(quantity), limits.get(name).and_then(nano)) {
                    (None, _) => findings.add(
                        path,
                        format!("`{}` is no quantity: write one such as 500m or 2Gi", quantity.0),
                    ),
                    (Some(amount), _) if amount < 0 => findings.add(path, "is negative: write zero or more"),
                    (Some(request), Some(limit)) if request > limit => {
                        findings.add(path, "is above the limit, which Kubernetes refuses: raise the limit or lower the request");
                    }
                    _ => {}
                }
            }
        }
    }

    /// The spec's environment, and what the release adds when a proxy is named.
    fn extra_env(&self, namespace: &str, findings: &mut Findings) -> Vec<EnvVar> {
        let mut seen = BTreeSet::new();
        for variable in &self.given.extra_env {
            let path = format!("{}.extraEnv[{}]", self.path, variable.name);
            if self.main.env.contains_key(&variable.name) {
                let message = "is set by the release itself, and the component may fail with another value: leave it out";
                findings.add(path, message);
            } else if !seen.insert(variable.name.as_str()) {
                findings.add(path, "is there twice: leave one out");
            }
        }
        let mut extra = self.given.extra_env.clone();
        if PROXY_NAMES.iter().any(|name| seen.contains(name)) {
            let added = self
                .main
                .env_when_proxied
                .iter()
                .filter(|(name, _)| !is_given(&seen, name));
            extra.extend(added.map(|(name, value)| EnvVar {
                name: name.clone(),
                value: Some(in_namespace(value, namespace)),
                value_from: None,
            }));
        }
        extra
    }

    fn node_selector(&self, findings: &mut Findings) -> BTreeMap<String, String> {
        let mut selector = self.pod.node_selector.clone();
        for (label, value) in &self.given.node_selector {
            if let Some(own) = selector.insert(label.clone(), value.clone())
                && own != *value
            {
                let path = format!("{}.nodeSelector[{label}]", self.path);
                findings.add(
                    path,
                    format!("is `{value}`, but the component runs on `{own}` only: leave it out"),
                );
            }
        }
        selector
    }

    fn pod_labels(&self, findings: &mut Findings) -> BTreeMap<String, String> {
        let mut labels = self.component.selector.clone();
        labels.extend(self.pod.labels.clone());
        for (label, value) in &self.given.pod_labels {
            let path = format!("{}.podLabels[{label}]", self.path);
            if labels.contains_key(label) {
                findings.add(
                    path,
                    "is set by the release itself; selectors and policies go by it: choose another label",
                );
            } else if is_own(label) {
                findings.add(
                    path,
                    "has a prefix that the operator keeps for itself: choose another label",
                );
            } else {
                labels.insert(label.clone(), value.clone());
            }
        }
        labels
    }

    fn pod_annotations(&self, findings: &mut Findings) -> BTreeMap<String, String> {
        let mut annotations = self.pod.annotations.clone();
        for (annotation, value) in &self.given.pod_annotations {
            if is_own(annotation) {
                let path = format!("{}.podAnnotations[{annotation}]", self.path);
                findings.add(
                    path,
                    "has a prefix that the operator keeps for itself: choose another annotation",
                );
            }
            annotations.insert(annotation.clone(), value.clone());
        }
        annotations
    }
}

fn is_own(key: &str) -> bool {
    OWN_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}

/// The name is among these, in capitals or small letters: programs take either spelling.
fn is_given(names: &BTreeSet<&str>, name: &str) -> bool {
    names.iter().any(|given| given.eq_ignore_ascii_case(name))
}

/// A text that inserts nothing but the namespace; the catalog's tests hold `envWhenProxied` to that.
fn in_namespace(text: &Text, namespace: &str) -> String {
    let insert = |insert: &Insert| -> Result<String, Infallible> {
        Ok(match insert {
            Insert::Namespace => namespace.to_owned(),
            Insert::Service(name) => format!("{name}.{namespace}.svc"),
            Insert::ServiceName(name) => name.clone(),
            other => other.to_string(),
        })
    };
    match text.resolve(insert) {
        Ok(text) => text,
        Err(never) => match never {},
    }
}
