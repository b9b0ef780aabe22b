//! PROOF: the real validation and rendering of a wish, reduced to what the world keeps of each object.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use kfp_api::names::RELEASE_LABEL;
use kfp_plan::{ObjectRef, RestoreSeen, Seen, targets};
use kfp_releases::validate::{References, validate};
use kfp_releases::{Catalog, Role, ValidatedInstallation};
use kfp_render::labels::VERSION_LABEL;
use kfp_render::{Object, Rendered, RenderedComponent, render};

use crate::error::SimError;
use crate::resource::{Resource, Wish};

/// A validated and rendered wish.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) installation: ValidatedInstallation,
    pub(crate) groups: Arc<Vec<Group>>,
}

/// A component's objects.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) role: Option<Role>,
    pub(crate) after: Vec<String>,
    pub(crate) secrets: BTreeMap<String, BTreeSet<String>>,
    pub(crate) base: BTreeMap<ObjectRef, Shape>,
    pub(crate) workload: Option<(ObjectRef, Shape)>,
}

/// What the world keeps of a rendered object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shape {
    /// Digest of the rendering.
    pub(crate) content: u64,
    /// It carries an owner reference.
    pub(crate) owned: bool,
    /// Release label.
    pub(crate) release: Option<String>,
    /// Version label.
    pub(crate) version: Option<String>,
    /// Image of the main container.
    pub(crate) image: Option<String>,
    /// Replicas.
    pub(crate) replicas: i32,
}

/// Renderings by what they depend on: worlds are many, wishes few.
type Renderings = Mutex<BTreeMap<(String, String, bool, bool), Arc<Vec<Group>>>>;

impl Wanted {
    pub(crate) fn of(resource: &Resource, restore: &Seen<RestoreSeen>) -> Result<Self, SimError> {
        let manifest = resource.wish.manifest(resource.uid, resource.generation);
        let catalog = Catalog::builtin()?;
        let installation = validate(&manifest, &References::default(), catalog).map_err(SimError::Invalid)?;
        let installation = targets(&installation, restore);
        let stopped = matches!(restore, Seen::Known(_));
        let groups = groups(&resource.wish, stopped, &installation)?;
        Ok(Self { installation, groups })
    }

    pub(crate) fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }

    pub(crate) fn role(&self, role: Role) -> Option<&Group> {
        self.groups.iter().find(|group| group.role == Some(role))
    }

    /// Every Secret with its keys.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = (&String, &BTreeSet<String>)> {
        self.groups.iter().flat_map(|group| &group.secrets)
    }

    /// Every object that is not a Secret.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &ObjectRef> {
        self.groups.iter().flat_map(|group| {
            group
                .base
                .keys()
                .chain(group.workload.iter().map(|(object, _)| object))
        })
    }

    /// Name of the Secret that the API server opens the database with.
    pub(crate) fn password(&self) -> &str {
        self.installation
            .install()
            .map_or("", |install| install.databases.user_secret.as_str())
    }

    /// The Secrets that open the database's volume, with their keys.
    pub(crate) fn passwords(&self) -> impl Iterator<Item = (&String, &BTreeSet<String>)> {
        let databases = self.installation.install().map(|install| &install.databases);
        let names: Vec<&str> = databases
            .iter()
            .flat_map(|names| [names.user_secret.as_str(), names.root_secret.as_str()])
            .collect();
        self.secrets()
            .filter(move |(name, _)| names.contains(&name.as_str()))
    }
}

fn groups(
    wish: &Wish,
    stopped: bool,
    installation: &ValidatedInstallation,
) -> Result<Arc<Vec<Group>>, SimError> {
    static RENDERINGS: OnceLock<Renderings> = OnceLock::new();
    let renderings = RENDERINGS.get_or_init(Renderings::default);
    let key = (wish.name.clone(), wish.version.clone(), wish.cache, stopped);
    let mut known = renderings.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(groups) = known.get(&key) {
        return Ok(Arc::clone(groups));
    }
    // The owner's uid is in the rendering; here it is kept beside the digest, so that one rendering serves all.
    let rendered = render(&ValidatedInstallation {
        uid: "any".to_owned(),
        generation: 1,
        ..installation.clone()
    })?;
    let groups = Arc::new(reduce(&rendered, installation));
    known.insert(key, Arc::clone(&groups));
    Ok(groups)
}

fn reduce(rendered: &Rendered, installation: &ValidatedInstallation) -> Vec<Group> {
    let role = |component: &RenderedComponent| {
        installation
            .running()
            .find(|(known, _)| known.name == component.name)
            .map(|(known, _)| known.role)
    };
    let group = |component: &RenderedComponent| Group {
        name: component.name.clone(),
        role: role(component),
        after: component.after.clone(),
        secrets: component
            .secrets
            .iter()
            .map(|secret| {
                (
                    secret.name().to_owned(),
                    secret.key_names().map(ToOwned::to_owned).collect(),
                )
            })
            .collect(),
        base: component.base.iter().map(entry).collect(),
        workload: component.workload.as_ref().map(entry),
    };
    rendered.components.iter().map(group).collect()
}

fn entry(object: &Object) -> (ObjectRef, Shape) {
    let mut hasher = DefaultHasher::new();
    object.to_json().to_string().hash(&mut hasher);
    let metadata = object.metadata();
    let replicas = match object {
        Object::Deployment(deployment) => deployment.spec.as_ref().and_then(|spec| spec.replicas),
        Object::StatefulSet(set) => set.spec.as_ref().and_then(|spec| spec.replicas),
        _ => None,
    };
    let pod = object.pod_template().and_then(|template| template.spec.as_ref());
    let label = |key: &str| {
        metadata
            .labels
            .as_ref()
            .and_then(|labels| labels.get(key).cloned())
    };
    let shape = Shape {
        content: hasher.finish(),
        owned: metadata
            .owner_references
            .as_ref()
            .is_some_and(|owners| !owners.is_empty()),
        release: label(RELEASE_LABEL),
        version: label(VERSION_LABEL),
        image: pod
            .and_then(|pod| pod.containers.first())
            .and_then(|container| container.image.clone()),
        replicas: replicas.unwrap_or(1),
    };
    (
        ObjectRef {
            kind: object.kind().to_owned(),
            name: object.name().to_owned(),
        },
        shape,
    )
}
