//! PROOF (pure): renderings as the contract checker reads them: pods, the rules of their service accounts, the objects
//! beside them. Judges nothing.

use kfp_api::KfpInstallation;
use kfp_releases::validate::validate;
use kfp_releases::{Catalog, References};
use kfp_render::{Object, operand_cluster_roles, render};
use kfp_standin::rbac::PolicyRule;
use kfp_standin::{Image, PodView, Report, Role, check_pod};
use serde_json::{Value, json};

/// The namespace of every rendering here: not upstream's.
pub const NAMESPACE: &str = "team-a";
/// Releases with a complete entry in the catalog, the engines of each, and where pipelines are kept.
const LANES: [(&str, &str, &str); 8] = [
    ("2.5.0", "MySQL", "Database"),
    ("2.5.0", "MariaDB", "Database"),
    ("2.16.1", "MySQL", "Database"),
    ("2.16.1", "MariaDB", "Database"),
    ("2.16.1", "MySQL", "Kubernetes"),
    ("2.17.0", "MySQL", "Database"),
    ("2.17.0", "MariaDB", "Database"),
    ("2.17.0", "MySQL", "Kubernetes"),
];

/// One rendering.
pub struct World {
    /// Release and engine, for messages.
    pub name: String,
    objects: Vec<Value>,
}

/// A container that runs one of KFP's own programs.
#[derive(Clone)]
pub struct Place {
    /// The program.
    pub role: Role,
    /// The release of its image; ML Metadata has releases of its own.
    pub release: String,
    /// The workload, and its name in messages.
    pub workload: Value,
    /// The container's name.
    pub container: String,
    /// Every single right of its service account.
    pub rights: Vec<PolicyRule>,
}

impl World {
    /// Every release on every engine, with every component.
    pub fn all() -> Vec<Self> {
        LANES
            .iter()
            .map(|(release, engine, store)| Self::new(release, engine, store))
            .collect()
    }

    fn new(release: &str, engine: &str, store: &str) -> Self {
        let resource: KfpInstallation = serde_json::from_value(json!({
            "apiVersion": "kfpops.dev/v1alpha1",
            "kind": "KfpInstallation",
            "metadata": {"name": "pipelines", "namespace": NAMESPACE, "uid": "3d1f8a52-6f0e-4a53-9c55-0c1f1c7a2b11"},
            "spec": {
                "version": release,
                "pipelineStore": {"type": store},
                "database": {"type": "Embedded", "embedded": {"engine": engine}},
                "components": [{"name": "cache-server", "enabled": true}],
            },
        }))
        .unwrap();
        let catalog = Catalog::builtin().unwrap();
        let installation = validate(&resource, &References::default(), catalog).unwrap();
        let rendered = render(&installation).unwrap();
        Self {
            name: format!("{release} on {engine}, pipelines in {store}"),
            objects: rendered.objects().iter().map(Object::to_json).collect(),
        }
    }

    /// Every container whose image is one of KFP's own.
    pub fn places(&self) -> Vec<Place> {
        let images = kfp_standin::images().unwrap();
        let mut places = Vec::new();
        for workload in self.of_kinds(&["Deployment", "StatefulSet"]) {
            let pod = &workload["spec"]["template"]["spec"];
            for container in list(&pod["initContainers"]).chain(list(&pod["containers"])) {
                let Some(Image { role, release, .. }) =
                    images.iter().find(|image| container["image"] == image.name)
                else {
                    continue;
                };
                let account = pod["serviceAccountName"].as_str().unwrap_or("default");
                places.push(Place {
                    role: *role,
                    release: release.clone(),
                    workload: workload.clone(),
                    container: container["name"].as_str().unwrap().to_owned(),
                    rights: self.rights(account),
                });
            }
        }
        places
    }

    /// What the contract of its program says about a container.
    pub fn judge(&self, place: &Place) -> Report {
        let view = PodView {
            pod: &place.workload,
            container: Some(&place.container),
            namespace: Some(NAMESPACE),
            rules: &place.rights,
            objects: &self.objects,
        };
        check_pod(place.role, &place.release, &view).unwrap()
    }

    /// Every single right that a service account has: one verb on one resource of one group, each once.
    fn rights(&self, account: &str) -> Vec<PolicyRule> {
        let roles = operand_cluster_roles(Catalog::builtin().unwrap());
        let mut rights = Vec::new();
        for binding in self.of_kinds(&["RoleBinding"]) {
            if !list(&binding["subjects"]).any(|subject| is_account(subject, account)) {
                continue;
            }
            let role = roles
                .iter()
                .find(|role| role.metadata.name.as_deref() == binding["roleRef"]["name"].as_str())
                .unwrap_or_else(|| panic!("{}: nobody ships {}", self.name, binding["roleRef"]));
            for rule in role.rules.iter().flatten() {
                let read: PolicyRule = serde_json::from_value(json!(rule)).unwrap();
                rights.extend(single_rights(&read));
            }
        }
        let mut once = Vec::new();
        for right in rights {
            if !once.contains(&right) {
                once.push(right);
            }
        }
        once
    }

    fn of_kinds<'a>(&'a self, kinds: &'a [&str]) -> impl Iterator<Item = &'a Value> {
        self.objects
            .iter()
            .filter(move |object| kinds.iter().any(|kind| object["kind"] == *kind))
    }
}

fn is_account(subject: &Value, account: &str) -> bool {
    subject["kind"] == "ServiceAccount" && subject["name"] == account && subject["namespace"] == NAMESPACE
}

/// A rule taken apart. A rule without object names is one for every object.
fn single_rights(rule: &PolicyRule) -> Vec<PolicyRule> {
    let names: Vec<Vec<String>> = if rule.resource_names.is_empty() {
        vec![Vec::new()]
    } else {
        rule.resource_names
            .iter()
            .map(|name| vec![name.clone()])
            .collect()
    };
    let mut rights = Vec::new();
    for group in &rule.api_groups {
        for resource in &rule.resources {
            for name in &names {
                for verb in &rule.verbs {
                    rights.push(PolicyRule {
                        api_groups: vec![group.clone()],
                        resources: vec![resource.clone()],
                        resource_names: name.clone(),
                        verbs: vec![verb.clone()],
                    });
                }
            }
        }
    }
    rights
}

impl Place {
    /// The container, to be changed in place.
    pub fn container_mut(&mut self) -> &mut Value {
        let name = self.container.clone();
        let pod = &mut self.workload["spec"]["template"]["spec"];
        let group = ["initContainers", "containers"]
            .into_iter()
            .find(|group| list(&pod[*group]).any(|container| container["name"] == name))
            .unwrap();
        let containers = pod[group].as_array_mut().unwrap();
        containers
            .iter_mut()
            .find(|container| container["name"] == name)
            .unwrap()
    }

    /// Workload and container, for messages.
    pub fn show(&self) -> String {
        let workload = self.workload["metadata"]["name"].as_str().unwrap_or_default();
        format!("{workload}/{}", self.container)
    }
}

/// Items of a list; none where there is no list.
pub fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
