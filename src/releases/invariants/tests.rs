//! Tests of the list itself: what the built-in catalog holds.

use std::collections::BTreeSet;

use rstest::rstest;

use crate::catalog::Catalog;
use crate::component::Role;
use crate::files;
use crate::release::SupportState;

fn catalog() -> &'static Catalog {
    Catalog::builtin().unwrap_or_else(|problem| panic!("{problem}"))
}

#[test]
fn the_builtin_catalog_installs_three_releases_and_knows_the_others() {
    let names = |state| {
        catalog()
            .in_state(state)
            .map(|release| release.version.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(SupportState::Supported), ["2.5.0", "2.16.1", "2.17.0"]);
    assert_eq!(names(SupportState::Withdrawn), ["2.4.0"]);
    let listed = [
        "2.0.5", "2.1.0", "2.2.0", "2.3.0", "2.4.1", "2.14.0", "2.14.3", "2.14.4", "2.15.0", "2.16.0",
    ];
    assert_eq!(names(SupportState::Listed), listed);
    assert!(names(SupportState::SdkOnly).contains(&"2.14.1".to_owned()));
}

#[rstest]
#[case("2.5.0", "minio", None)]
#[case("2.16.1", "seaweedfs", Some("http-s3-compat"))]
#[case("2.17.0", "seaweedfs", Some("http-s3-compat"))]
fn each_release_has_the_components_of_upstream(
    #[case] version: &str,
    #[case] store: &str,
    #[case] port: Option<&str>,
) {
    let release = catalog().release(version).unwrap();
    let install = release.installable().unwrap();
    let names: BTreeSet<&str> = install
        .components
        .iter()
        .map(|component| component.name.as_str())
        .collect();
    let wanted = BTreeSet::from([
        "cache-server",
        "metadata-envoy-deployment",
        "metadata-grpc-deployment",
        "metadata-writer",
        "ml-pipeline",
        "ml-pipeline-persistenceagent",
        "ml-pipeline-scheduledworkflow",
        "ml-pipeline-ui",
        "ml-pipeline-viewer-crd",
        "ml-pipeline-visualizationserver",
        "mysql",
        "workflow-controller",
        store,
    ]);
    assert_eq!(names, wanted);
    assert_eq!(install.role(Role::ObjectStore).unwrap().name, store);
    assert_eq!(install.object_store.endpoint.port, port.unwrap_or("http"));
}

#[test]
fn the_schema_that_a_release_names_is_the_one_that_explains_it() {
    let schemas = crate::schema::SchemaCatalog::load().unwrap();
    for (release, install) in catalog().installable() {
        let fingerprint = schemas.of_release(release.version).unwrap();
        let named = files::SCHEMAS
            .iter()
            .find(|(name, _)| *name == install.schema)
            .unwrap();
        assert!(
            fingerprint
                .releases
                .keys()
                .any(|version| version.to_string() == named.0),
            "{}",
            release.version
        );
    }
}

#[test]
fn steps_of_pipelines_get_no_rights_over_workloads() {
    for (_, install) in catalog().installable() {
        let runner = install
            .access()
            .find(|access| access.upstream_role.as_deref() == Some("pipeline-runner"))
            .unwrap();
        for rule in &runner.rules {
            let resources = rule
                .resources
                .iter()
                .flatten()
                .map(String::as_str)
                .collect::<Vec<_>>();
            let workloads = [
                "deployments",
                "replicasets",
                "statefulsets",
                "daemonsets",
                "jobs",
                "cronjobs",
                "pods/exec",
            ];
            assert!(
                !resources.iter().any(|resource| workloads.contains(resource)),
                "{resources:?}"
            );
            let makes = rule
                .verbs
                .iter()
                .any(|verb| matches!(verb.as_str(), "create" | "update" | "patch"));
            assert!(
                !(makes
                    && resources
                        .iter()
                        .any(|resource| ["pods", "workflows"].contains(resource)))
            );
        }
    }
}

#[test]
fn no_release_keeps_credentials_that_upstream_publishes() {
    for (name, text) in files::RELEASES {
        let data: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .collect();
        let data = data.join("\n");
        for published in ["minio123", "ALLOW_EMPTY_PASSWORD", ":latest"] {
            assert!(!data.contains(published), "{name} has {published}");
        }
    }
}

#[test]
fn hops_say_how_they_are_undone_with_the_proof() {
    let edge = |from: &str, to: &str| {
        catalog()
            .edge(from.parse().unwrap(), to.parse().unwrap())
            .unwrap()
    };
    assert_eq!(edge("2.5.0", "2.16.1").undo.way, crate::edge::UndoWay::Restore);
    assert_eq!(
        edge("2.16.1", "2.17.0").undo.way,
        crate::edge::UndoWay::RollBinaries
    );
}

#[test]
fn advisories_of_a_release_come_worst_first_and_end_with_the_fix() {
    let of = |version: &str| catalog().advisories_of(version.parse().unwrap());
    let severities: Vec<_> = of("2.16.0").iter().map(|advisory| advisory.severity).collect();
    assert!(severities.is_sorted_by(|left, right| left >= right));
    let has = |version: &str, id: &str| of(version).iter().any(|advisory| advisory.id == id);
    assert!(has("2.16.0", "logs-overwritten-by-retries") && !has("2.16.1", "logs-overwritten-by-retries"));
    assert!(has("2.17.0", "start-probe-kills-migration") && !has("2.14.4", "start-probe-kills-migration"));
}
