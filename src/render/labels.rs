//! SHAPES: metadata of rendered objects: names, labels, owner. No shape of a spec is decided here.
//!
//! Labels of ours stand in object metadata only, never in selectors or pod templates: selectors cannot be changed, and
//! a pod template that changes restarts users' pods.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kfp_api::names::{COMPONENT_LABEL, INSTALLATION_LABEL, RELEASE_LABEL};

use crate::context::Context;

/// Recommended label: name of the application.
pub const NAME_LABEL: &str = "app.kubernetes.io/name";
/// Value of [`NAME_LABEL`] on every object of an installation.
pub const APPLICATION: &str = "kubeflow-pipelines";
/// Recommended label: version of the application.
pub const VERSION_LABEL: &str = "app.kubernetes.io/version";
/// Recommended label: what the application is part of.
pub const PART_OF_LABEL: &str = "app.kubernetes.io/part-of";
/// Value of [`PART_OF_LABEL`] on every object of an installation.
pub const PART_OF: &str = "kubeflow";
/// Recommended label: the program that manages the object.
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";
/// Value of [`MANAGED_BY_LABEL`].
pub const MANAGER: &str = "kfp-operator";

/// Labels by key.
pub type Labels = BTreeMap<String, String>;

/// What becomes of an object when the installation's resource is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// It goes with the resource: it carries an owner reference.
    Owned,
    /// It holds data, or has no namespace to be owned from: it carries no owner reference.
    Kept,
}

/// Metadata of an object of `component` in the installation's namespace.
pub(crate) fn metadata(
    context: &Context<'_>,
    component: &str,
    name: &str,
    own: &Labels,
    life: Life,
) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(context.namespace().to_owned()),
        labels: Some(object_labels(context, component, own)),
        owner_references: match life {
            Life::Owned => context.owner.clone().map(|owner| vec![owner]),
            Life::Kept => None,
        },
        ..ObjectMeta::default()
    }
}

/// Metadata of a cluster-scoped object of `component`, which nothing in a namespace can own.
pub(crate) fn cluster_metadata(context: &Context<'_>, component: &str, name: &str) -> ObjectMeta {
    ObjectMeta {
        namespace: None,
        ..metadata(context, component, name, &Labels::new(), Life::Kept)
    }
}

/// Metadata of a workload, which also says the release that it was rendered from.
pub(crate) fn workload_metadata(context: &Context<'_>, name: &str, own: &Labels) -> ObjectMeta {
    let mut metadata = metadata(context, name, name, own, Life::Owned);
    let labels = metadata.labels.get_or_insert_default();
    labels.insert(RELEASE_LABEL.to_owned(), context.version.clone());
    metadata
}

/// Upstream's labels for the object, upstream's for every object, and ours.
fn object_labels(context: &Context<'_>, component: &str, own: &Labels) -> Labels {
    let mut labels = own.clone();
    labels.extend(context.install.labels.clone());
    let ours: [(&str, &str); 6] = [
        (INSTALLATION_LABEL, &context.installation.name),
        (NAME_LABEL, APPLICATION),
        (VERSION_LABEL, &context.version),
        (COMPONENT_LABEL, component),
        (PART_OF_LABEL, PART_OF),
        (MANAGED_BY_LABEL, MANAGER),
    ];
    labels.extend(ours.map(|(key, value)| (key.to_owned(), value.to_owned())));
    labels
}

/// Labels and annotations are left out where there are none.
pub(crate) fn unless_empty(labels: &Labels) -> Option<Labels> {
    (!labels.is_empty()).then(|| labels.clone())
}
