//! TOOLS: `docs/reference/names.md`: names that other programs see: labels, annotations, managers, Services, ports, Secrets.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Context;
use kfp_api::names;
use kfp_releases::Catalog;
use kfp_releases::component::{Audience, Generate};
use kfp_releases::release::Install;

use super::{File, markdown};

const INTRODUCTION: &str = "Names that other programs may rely on. They are API: once released they are not renamed. Names of the \
    components' objects are upstream's.";

/// The page about names.
pub fn files() -> anyhow::Result<Vec<File>> {
    let catalog = Catalog::builtin().context("the release catalog is not sound")?;
    let mut page = markdown::head("Names, labels and ports", INTRODUCTION);
    page += &ours();
    for (release, install) in catalog.installable().rev() {
        // Writing into a String cannot fail.
        let _ = write!(page, "\n## KFP {}\n", release.version);
        page += "\nServices, and who may connect to their ports where network policies are enforced:\n";
        page += &ports(port_rows(install));
        page +=
            "\nGenerated Secrets. Values are made once and never overwritten; certificates are renewed:\n";
        page += &secrets(secret_rows(install));
        if let Some(with) = catalog
            .with_kubernetes_pipelines(release.version)
            .and_then(|release| release.installable())
        {
            page += "\nWhere pipelines are kept as Kubernetes objects, these ports and Secrets are added:\n";
            page += &ports(beyond(port_rows(with), &port_rows(install)));
            page += &secrets(beyond(secret_rows(with), &secret_rows(install)));
        }
        page += "\nVolume claims:\n";
        page += &markdown::table(
            ["Component", "Claim", "Size of the preset `Small`"],
            install.components.iter().flat_map(|component| {
                component.volume_claims.iter().map(|claim| {
                    [
                        format!("`{}`", component.name),
                        format!("`{}`", claim.name),
                        claim.size.0.clone(),
                    ]
                })
            }),
        );
    }
    Ok(vec![File {
        path: "docs/reference/names.md".to_owned(),
        content: page,
    }])
}

/// Name, what it is, what it says.
const OURS: [(&str, &str, &str); 23] = [
    (
        names::INSTALLATION_LABEL,
        "label",
        "On every object of an installation; the value is the installation's name. Objects are found and pruned by it.",
    ),
    (
        names::INVENTORY_LABEL,
        "label",
        "On the ConfigMaps with what is known of stored pipelines; the value is the installation's name.",
    ),
    (
        names::SDK_POLICY_CONFIG_MAP,
        "ConfigMap",
        "Which SDKs the installation allows, and which to pin. Service accounts of the namespace may read it.",
    ),
    (
        names::RELEASE_LABEL,
        "label",
        "On workloads, never on pods: the KFP release that the workload was rendered from.",
    ),
    (
        names::COMPONENT_LABEL,
        "label",
        "On every object: the component that it belongs to.",
    ),
    (
        kfp_render::OPERATOR_NAMESPACE_LABEL,
        "label",
        "On the operator's namespace, with the value `true`: network policies let the operator's probes in from there.",
    ),
    (
        names::RENDERED_ANNOTATION,
        "annotation",
        "Digest of the object as it was rendered.",
    ),
    (
        names::GENERATED_ANNOTATION,
        "annotation",
        "`true` on Secrets whose values the operator made.",
    ),
    (
        names::ENGINE_ANNOTATION,
        "annotation",
        "On the database's volume claim: the engine that wrote it.",
    ),
    (
        names::FINALIZER,
        "finalizer",
        "On a KfpInstallation whose deletion must take data or cluster-scoped objects with it.",
    ),
    (
        names::SCHEDULED_LABEL,
        "label",
        "On KfpBackups that a schedule made; the value is the installation's name. Retention looks at these alone.",
    ),
    (
        names::SCHEDULED_FOR_ANNOTATION,
        "annotation",
        "On the same: the time of the schedule.",
    ),
    (
        names::VERIFY_REQUESTED_ANNOTATION,
        "annotation",
        "On a KfpBackup: when somebody asked that its set be checked once more.",
    ),
    (
        names::BACKUP_FINALIZER,
        "finalizer",
        "On a KfpBackup whose deletion takes its set along.",
    ),
    (
        names::CREDENTIALS_LABEL,
        "label",
        "With value `true` on Secrets of the operator's namespace that backups and restores may use.",
    ),
    (
        names::CREDENTIALS_NAMESPACES_ANNOTATION,
        "annotation",
        "On such a Secret: the namespaces that may use it, separated by commas; `*` for all.",
    ),
    (
        names::DELETE_WITHOUT_BACKUP_ANNOTATION,
        "annotation",
        "With value `true` on a KfpInstallation: it may be deleted with its data although no fresh verified backup is known.",
    ),
    (
        names::JOB_NAMESPACE_LABEL,
        "label",
        "On Jobs of the operator, their Secrets and ConfigMaps: the namespace of the installation that they work for.",
    ),
    (
        names::JOB_WORK_LABEL,
        "label",
        "On the same: `take`, `verify`, `remove`, `clean` or `restore`.",
    ),
    (
        names::JOB_FOR_LABEL,
        "label",
        "On the same: the uid of the KfpBackup or KfpRestore that asked.",
    ),
    (
        names::JOBS,
        "ServiceAccount",
        "Of Jobs, in the operator's namespace; also the name of the RoleBinding that it has in an installation's.",
    ),
    (
        names::RESOURCES_MANAGER,
        "field manager",
        "Of everything that is applied for an installation.",
    ),
    (names::STATUS_MANAGER, "field manager", "Of the status."),
];

fn ours() -> String {
    markdown::table(
        ["Name", "Is a", "What it says"],
        OURS.map(|(name, kind, meaning)| [format!("`{name}`"), kind.to_owned(), meaning.to_owned()]),
    )
}

/// The rows that another table does not have.
fn beyond<const COLUMNS: usize>(
    rows: Vec<[String; COLUMNS]>,
    known: &[[String; COLUMNS]],
) -> Vec<[String; COLUMNS]> {
    rows.into_iter().filter(|row| !known.contains(row)).collect()
}

fn ports(rows: Vec<[String; 5]>) -> String {
    markdown::table(["Component", "Service", "Port", "Name", "Open to"], rows)
}

fn port_rows(install: &Install) -> Vec<[String; 5]> {
    let mut rows = Vec::new();
    for component in &install.components {
        let audience: BTreeMap<i32, Audience> = component
            .listens
            .iter()
            .map(|listen| (listen.port, listen.from))
            .collect();
        let containers = |name: &str| {
            component
                .pods()
                .flat_map(|(_, pod)| &pod.containers)
                .flat_map(|container| &container.ports)
                .find(|port| port.name.as_deref() == Some(name))
                .map(|port| port.container_port)
        };
        for service in &component.services {
            for port in &service.ports {
                let target = target(port.target_port.as_ref(), port.port, containers);
                let from = target.and_then(|number| audience.get(&number));
                rows.push([
                    format!("`{}`", component.name),
                    format!("`{}`", service.name),
                    port.port.to_string(),
                    port.name.clone().unwrap_or_default(),
                    match from {
                        Some(Audience::Installation) => "the components that need it, and the operator",
                        Some(Audience::Namespace) => "any pod of the namespace, and the operator",
                        Some(Audience::Cluster) => "any pod of the cluster",
                        None => "nobody",
                    }
                    .to_owned(),
                ]);
            }
        }
    }
    rows
}

/// Number of the container port behind a Service's port.
fn target(
    target: Option<&k8s_openapi::apimachinery::pkg::util::intstr::IntOrString>,
    port: i32,
    named: impl Fn(&str) -> Option<i32>,
) -> Option<i32> {
    use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
    match target {
        None => Some(port),
        Some(IntOrString::Int(number)) => Some(*number),
        Some(IntOrString::String(name)) => named(name),
    }
}

fn secrets(rows: Vec<[String; 3]>) -> String {
    markdown::table(["Secret", "Key", "Value"], rows)
}

fn secret_rows(install: &Install) -> Vec<[String; 3]> {
    install
        .secrets()
        .flat_map(|secret| {
            let generated = secret.keys.iter().map(|(key, made)| {
                let value = match made {
                    Generate::Password => "a random password".to_owned(),
                    Generate::Name { prefix, length } => {
                        format!("`{prefix}` and random letters and digits, {length} characters in all")
                    }
                };
                [format!("`{}`", secret.name), format!("`{key}`"), value]
            });
            let certificate = secret.certificate.iter().flat_map(|made| {
                [
                    (&made.certificate, "certificate"),
                    (&made.private_key, "private key"),
                ]
                .map(|(key, what)| {
                    [
                        format!("`{}`", secret.name),
                        format!("`{key}`"),
                        format!("{what} for the Service `{}`, renewed in time", made.service),
                    ]
                })
            });
            generated.chain(certificate).collect::<Vec<_>>()
        })
        .collect()
}
