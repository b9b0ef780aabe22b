//! Tests of the checks: each kind of mistake in a data file is found, and named with its place.

use rstest::rstest;

use crate::catalog::{Catalog, CatalogError};
use crate::files;

/// The built-in catalog with one text of one file replaced.
fn changed(file: &str, from: &str, to: &str) -> CatalogError {
    let edit = |name: &str, text: &str| {
        if name != file {
            return text.to_owned();
        }
        assert!(text.contains(from), "{file} has no `{from}`");
        text.replacen(from, to, 1)
    };
    let releases: Vec<(&str, String)> = files::RELEASES
        .iter()
        .map(|(name, text)| (*name, edit(name, text)))
        .collect();
    let releases: Vec<(&str, &str)> = releases
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    let advisories = edit("advisories", files::ADVISORIES);
    Catalog::parse(&releases, &advisories, &edit("edges", files::EDGES)).unwrap_err()
}

#[rstest]
#[case::unknown_field("role: Frontend", "rolle: Frontend", "unknown field `rolle`")]
#[case::unknown_role("role: Frontend", "role: Frontage", "unknown variant `Frontage`")]
#[case::misspelt_source(
    "secret:mysql-secret/password",
    "secrets:mysql-secret/password",
    "`secrets:mysql-secret/password` begins like a source"
)]
#[case::kubernetes_field(
    "failureThreshold: 360",
    "failureTreshold: 360",
    "`failureTreshold` is no field"
)]
#[case::number_for_text("\"8443\"", "8443", "invalid type")]
#[case::duplicate_environment(
    "LOG_LEVEL: info\n              # The server",
    "POD_NAMESPACE: info\n              # The server",
    "duplicate"
)]
#[case::yaml("install:\n", "install: [\n", "releases/2.16.1.yaml")]
#[case::file_name("version: 2.16.1\n", "version: 2.16.9\n", "the file is named 2.16.1")]
#[case::day("released: \"2026-05-04\"", "released: \"2026-02-30\"", "no day")]
#[case::floating_image(
    "mysql: docker.io/library/mysql:8.4",
    "mysql: docker.io/library/mysql",
    "names no tag"
)]
#[case::latest_image(
    "mysql: docker.io/library/mysql:8.4",
    "mysql: docker.io/library/mysql:latest",
    "another image tomorrow"
)]
#[case::bare_image("mysql: docker.io/library/mysql:8.4", "mysql: mysql:8.4", "names no registry")]
#[case::unused_image(
    "    viewer: ghcr",
    "    spare: ghcr.io/a/b:1\n    viewer: ghcr",
    "used by nothing"
)]
#[case::missing_image(
    "image: visualization\n",
    "image: visualisation\n",
    "there is no image visualisation"
)]
#[case::missing_secret(
    "secret:mysql-root-secret/password",
    "secret:mysql-root/password",
    "there is no Secret mysql-root"
)]
#[case::missing_key(
    "config:pipeline-install-config/cacheDb",
    "config:pipeline-install-config/cacheDB",
    "a key cacheDB"
)]
#[case::missing_service(
    "service-name:ml-pipeline-visualizationserver",
    "service-name:visualizer",
    "there is no Service visualizer"
)]
#[case::missing_port("service-port:mysql/mysql", "service-port:mysql/sql", "a port sql")]
#[case::missing_setting(
    "setting:persistence-workers",
    "setting:agent-workers",
    "there is no setting agent-workers"
)]
#[case::missing_dependency(
    "after: [mysql, seaweedfs,",
    "after: [mysql, seaweed,",
    "`seaweed` is no component"
)]
#[case::circle(
    "      after: [mysql]\n      workload: Deployment\n      strategy: RollingUpdate\n      labels: {component: metadata-grpc-server}",
    "      after: [ml-pipeline]\n      workload: Deployment\n      strategy: RollingUpdate\n      labels: {component: metadata-grpc-server}",
    "waits for itself"
)]
#[case::selector(
    "selector: {app: mysql, application-crd-id: kubeflow-pipelines}\n          ports",
    "selector: {app: sql}\n          ports",
    "is not the selector of its component"
)]
#[case::label(
    "labels: {sidecar.istio.io/inject: \"false\"}",
    "labels: {component: envoy}",
    "in the selector already"
)]
#[case::probe(
    "readinessProbe: {tcpSocket: {port: md-envoy}",
    "readinessProbe: {tcpSocket: {port: md-env}",
    "no port of the container"
)]
#[case::listen(
    "listens: [{port: 3000, from: Cluster}]",
    "listens: [{port: 3001, from: Cluster}]",
    "no container has port 3001"
)]
#[case::connect(
    "connects: [ml-pipeline/http, ml-pipeline/grpc]",
    "connects: [ml-pipeline/https, ml-pipeline/grpc]",
    "`ml-pipeline/https` is no port"
)]
#[case::volume(
    "configMap: {name: ml-pipeline-ui-configmap}",
    "configMap: {name: ui-configmap}",
    "there is no ConfigMap ui-configmap"
)]
#[case::host_path(
    "configMap: {name: ml-pipeline-ui-configmap}",
    "hostPath: {path: /}",
    "no kind that the restricted"
)]
#[case::mount(
    "{name: config-volume, mountPath",
    "{name: config, mountPath",
    "there is no volume config"
)]
#[case::root("runAs: {user: 999, group: 999}", "runAs: {user: 0, group: 0}", "is root")]
#[case::account(
    "serviceAccount: argo\n",
    "serviceAccount: argonaut\n",
    "`argonaut` is no ServiceAccount"
)]
#[case::wildcard(
    "resources: [viewers], verbs: [create",
    "resources: [viewers], verbs: [\"*\", create",
    "has a wildcard"
)]
#[case::every_secret(
    "resources: [secrets], resourceNames: [mlpipeline-minio-artifact], verbs: [get]}\n            - {apiGroups: [\"\"], resources: [events]",
    "resources: [secrets], verbs: [get]}\n            - {apiGroups: [\"\"], resources: [events]",
    "gives every Secret"
)]
#[case::short_name(
    "{name: {prefix: kfp, length: 12}}",
    "{name: {prefix: kfp, length: 5}}",
    "fewer than 8 random"
)]
#[case::request(
    "resources: {requests: {cpu: 30m, memory: 500Mi}}",
    "resources: {requests: {cpu: 30m}, limits: {cpu: 20m}}",
    "above its limit"
)]
#[case::preset(
    "ml-pipeline: {replicas: 3,",
    "ml-pipeline: {replicas: 4,",
    "outside of 1 to 3"
)]
#[case::preset_component(
    "metadata-envoy-deployment: {replicas: 3}",
    "metadata-envoy: {replicas: 3}",
    "no component of the release"
)]
#[case::shrinking_preset(
    "mysql-pv-claim: 200Gi",
    "mysql-pv-claim: 30Gi",
    "below that of the smaller preset"
)]
#[case::schema("schema: 2.15.0", "schema: 2.15.9", "no schemas/2.15.9.yaml")]
#[case::switched_off(
    "required: true\n      enabled: true\n      replicas: {most: 1, why: One server",
    "required: true\n      enabled: false\n      replicas: {most: 1, why: One server",
    "the component is required"
)]
fn a_mistake_in_a_release_is_found(#[case] from: &str, #[case] to: &str, #[case] wanted: &str) {
    let problem = changed("2.16.1", from, to);
    assert_eq!(problem.file, "releases/2.16.1.yaml", "{problem}");
    assert!(problem.to_string().contains(wanted), "{problem}");
}

#[test]
fn an_error_names_the_place_in_the_file() {
    let problem = changed("2.16.1", "role: Frontend", "role: Frontage");
    assert!(
        problem.path.starts_with("install.components[") && problem.path.ends_with("].role"),
        "{problem}"
    );
}

#[rstest]
#[case(
    "2.17.0",
    "kfp-operand-pipeline-runner-2.17.0",
    "kfp-operand-pipeline-runner",
    "has other rules in 2.5.0"
)]
#[case(
    "2.17.0",
    "extends: 2.16.1",
    "extends: 2.16.9",
    "there is no file of a release 2.16.9"
)]
#[case(
    "2.5.0",
    "{name: seaweedfs, removed: true}",
    "{name: seaweed, removed: true}",
    "unknown field `removed`"
)]
#[case(
    "2.14.4",
    "state: Listed",
    "state: Supported",
    "is missing, but the release is Supported"
)]
#[case(
    "2.16.0",
    "released: \"2026-02-25\"",
    "released: \"2025-02-25\"",
    "is before 2025-11-25"
)]
#[case(
    "advisories",
    "since: 2.15.0",
    "since: 2.15.7",
    "2.15.7 is no release of the catalog"
)]
#[case(
    "advisories",
    "id: duplicate-metadata",
    "id: metadata-deadlocks",
    "there twice"
)]
#[case("advisories", "fixedIn: 2.16.0", "fixedIn: 2.14.0", "mended before it begins")]
#[case(
    "edges",
    "from: 2.16.1\n    to: 2.17.0",
    "from: 2.16.0\n    to: 2.17.0",
    "2.16.0 is no release that can be installed"
)]
#[case(
    "edges",
    "from: 2.5.0\n    to: 2.16.1",
    "from: 2.5.0\n    to: 2.17.0",
    "there is none from 2.5.0 to 2.16.1"
)]
#[case(
    "edges",
    "kind: ObjectStoreReplaced",
    "kind: ArgoChanges",
    "does not name the hazard ObjectStoreReplaced"
)]
#[case(
    "edges",
    "steps: [Preflight, Backup,",
    "steps: [Backup, Preflight,",
    "Preflight comes after Backup"
)]
#[case("edges", "CopyBucket, ", "", "without the step CopyBucket")]
#[case("edges", "Backup, Rehearse", "Rehearse", "lacks the step Backup")]
fn a_mistake_between_files_is_found(
    #[case] file: &str,
    #[case] from: &str,
    #[case] to: &str,
    #[case] wanted: &str,
) {
    let problem = changed(file, from, to);
    assert!(problem.to_string().contains(wanted), "{problem}");
}
