//! EYES: which Kubernetes objects of an installation are state, by what its release holds. Pure.

use std::collections::BTreeSet;

use kfp_api::installation::PipelineStoreType;
use kfp_backup::order::ObjectKind;
use kfp_releases::release::Install;
use serde_json::Value;

/// The kinds to be read for an installation of this release: recurring runs; pipelines and their versions where they are
/// objects; the resource itself; and the ConfigMaps that the release knows by name, among them those that only users make.
/// What steps read from other ConfigMaps of the namespace belongs to whoever made them.
#[must_use]
pub fn kinds(install: &Install, installation: &str) -> Vec<ObjectKind> {
    let kind = |group: &str, version: &str, kind: &str, plural: &str| ObjectKind {
        group: group.into(),
        version: version.into(),
        kind: kind.into(),
        plural: plural.into(),
        names: Vec::new(),
    };
    let mut kinds = vec![kind(
        "kubeflow.org",
        "v1beta1",
        "ScheduledWorkflow",
        "scheduledworkflows",
    )];
    if install.pipeline_store == PipelineStoreType::Kubernetes {
        kinds.push(kind("pipelines.kubeflow.org", "v2beta1", "Pipeline", "pipelines"));
        kinds.push(kind(
            "pipelines.kubeflow.org",
            "v2beta1",
            "PipelineVersion",
            "pipelineversions",
        ));
    }
    kinds.push(ObjectKind {
        names: vec![installation.to_owned()],
        ..kind("kfpops.dev", "v1alpha1", "KfpInstallation", "kfpinstallations")
    });
    kinds.push(ObjectKind {
        names: config_maps(install),
        ..kind("", "v1", "ConfigMap", "configmaps")
    });
    kinds
}

/// Names of the ConfigMaps that the release makes or mounts.
fn config_maps(install: &Install) -> Vec<String> {
    let mut names: BTreeSet<String> = install.config_maps().map(|map| map.name.clone()).collect();
    // What pods mount is said in many places of a pod; each says `configMap: {name: …}`.
    if let Ok(value) = serde_json::to_value(install) {
        mounted(&value, &mut names);
    }
    names.into_iter().collect()
}

fn mounted(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (field, inner) in fields {
                let is_reference = matches!(field.as_str(), "configMap" | "configMapRef" | "configMapKeyRef");
                if let (true, Some(name)) = (is_reference, inner["name"].as_str()) {
                    names.insert(name.to_owned());
                }
                mounted(inner, names);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| mounted(item, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use kfp_releases::Catalog;

    use super::*;

    fn names(version: &str, kind: &str) -> Vec<String> {
        let catalog = Catalog::builtin().unwrap();
        let install = catalog.release(version).unwrap().install.as_ref().unwrap();
        let kinds = kinds(install, "kfp");
        kinds
            .into_iter()
            .find(|one| one.kind == kind)
            .map_or_else(Vec::new, |one| one.names)
    }

    #[test]
    fn the_config_maps_that_users_edit_are_among_those_of_each_installable_release() {
        let catalog = Catalog::builtin().unwrap();
        let installable: Vec<_> = catalog
            .releases()
            .filter(|release| release.installable().is_some())
            .collect();
        assert!(!installable.is_empty());
        for release in installable {
            let found = names(&release.version.to_string(), "ConfigMap");
            for wanted in [
                "kfp-launcher",
                "workflow-controller-configmap",
                "ml-pipeline-ui-configmap",
            ] {
                assert!(
                    found.iter().any(|name| name == wanted),
                    "{} {found:?}",
                    release.version
                );
            }
        }
    }

    #[test]
    fn a_config_map_that_only_users_make_is_among_them_where_pods_mount_it() {
        assert!(names("2.17.0", "ConfigMap").contains(&"mlflow-tracking-ca".to_owned()));
    }

    #[test]
    fn only_the_installation_itself_is_read_of_its_kind() {
        assert_eq!(names("2.16.1", "KfpInstallation"), ["kfp"]);
    }
}
