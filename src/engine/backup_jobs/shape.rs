//! EYES AND HANDS: the Job, its Secret and its ConfigMap as they are handed to the API server. Pure; no I/O.

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kfp_api::names::{
    INSTALLATION_LABEL, JOB_FOR_LABEL, JOB_NAME, JOB_NAMESPACE_LABEL, JOB_WORK_LABEL, JOBS,
};
use kfp_backup::order::Order;
use kfp_releases::pod::RunAs;
use serde_json::{Value, json};

use super::Own;
use crate::error::Error;

/// Annotation, with value `"true"`, on a finished Job whose credentials were taken away.
pub const CLOSED_ANNOTATION: &str = "kfpops.dev/closed";
/// Annotation: the resource that the Job is done for, in words.
pub const PURPOSE_ANNOTATION: &str = "kfpops.dev/purpose";
/// Key of the order in the Job's Secret, and name of its file.
const ORDER_KEY: &str = "order.json";
/// Folder in which the program finds its order.
const ORDER_FOLDER: &str = "/etc/kfp-operator/order";
/// Key of the scratch server's password in the Job's Secret.
const PASSWORD_KEY: &str = "scratch-password";
/// Seconds that a finished Job stays, for whoever wants to read its log: a day.
const KEPT_SECONDS: i32 = 86_400;
/// Seconds beyond the program's own limit after which Kubernetes ends it.
const GRACE_SECONDS: u64 = 60;
/// Starts of the program that may fail.
const RETRIES: i32 = 3;
/// What the program exits with when starting it again cannot help.
const LASTING: u8 = kfp_backup::progress::EXIT_LASTING;

/// What a Job is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purpose {
    /// Its name, and that of its Secret and its ConfigMap.
    pub job: String,
    /// What it does: `take`, `verify`, `remove`, `clean`, `restore`.
    pub work: String,
    /// The resource that it is done for, in words: `KfpBackup nightly`.
    pub resource: String,
    /// Uid of that resource.
    pub uid: String,
    /// Namespace of the installation.
    pub namespace: String,
    /// Name of the installation.
    pub installation: String,
}

/// A database server that lives as long as the Job's pod does, and takes connections of nobody else.
#[derive(Clone, Debug, PartialEq)]
pub struct ScratchServer {
    /// Image, the installation's own.
    pub image: String,
    /// User and group.
    pub run_as: Option<RunAs>,
    /// Requests and limits, the installation's own.
    pub resources: Option<ResourceRequirements>,
    /// Disk of the node that it may fill: as much as the installation's own server has. Beyond it the pod is ended for itself, and
    /// does not drive others off the node.
    pub disk: Option<Quantity>,
    /// Password of its `root`.
    pub password: String,
}

fn metadata(own: &Own, purpose: &Purpose) -> Value {
    json!({
        "name": purpose.job,
        "namespace": own.namespace,
        "labels": labels(purpose),
        "annotations": {PURPOSE_ANNOTATION: purpose.resource},
    })
}

fn labels(purpose: &Purpose) -> Value {
    json!({
        "app.kubernetes.io/name": JOB_NAME,
        "app.kubernetes.io/part-of": "kfp-operator",
        "app.kubernetes.io/managed-by": "kfp-operator",
        INSTALLATION_LABEL: purpose.installation,
        JOB_NAMESPACE_LABEL: purpose.namespace,
        JOB_WORK_LABEL: purpose.work,
        JOB_FOR_LABEL: purpose.uid,
    })
}

/// Metadata of what goes with the Job of this uid.
fn owned(own: &Own, purpose: &Purpose, uid: &str) -> Value {
    let mut metadata = metadata(own, purpose);
    metadata["ownerReferences"] =
        json!([{"apiVersion": "batch/v1", "kind": "Job", "name": purpose.job, "uid": uid}]);
    metadata
}

/// The Secret with the order.
pub fn secret(
    own: &Own,
    purpose: &Purpose,
    uid: &str,
    order: &Order,
    scratch: Option<&ScratchServer>,
) -> Result<Value, Error> {
    let order = serde_json::to_string(order)
        .map_err(|error| Error::kube("write an order", kube::Error::SerdeError(error)))?;
    let mut data = json!({ORDER_KEY: order});
    if let Some(scratch) = scratch {
        data[PASSWORD_KEY] = json!(scratch.password);
    }
    Ok(json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "immutable": true,
        "metadata": owned(own, purpose, uid),
        "stringData": data,
    }))
}

/// The ConfigMap that the program writes its progress and its report into.
pub fn config_map(own: &Own, purpose: &Purpose, uid: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": owned(own, purpose, uid)})
}

/// The Job, asleep.
pub fn job(own: &Own, purpose: &Purpose, order: &Order, scratch: Option<&ScratchServer>) -> Value {
    let limit = (order.time_limit_seconds > 0).then(|| order.time_limit_seconds + GRACE_SECONDS);
    let mut volumes = vec![
        json!({"name": "order", "secret": {"secretName": purpose.job, "items": [{"key": ORDER_KEY, "path": ORDER_KEY}]}}),
        json!({"name": "tmp", "emptyDir": {}}),
    ];
    if let Some(scratch) = scratch {
        volumes.push(json!({"name": "scratch", "emptyDir": {"sizeLimit": scratch.disk}}));
        volumes.push(json!({"name": "scratch-run", "emptyDir": {}}));
    }
    let servers: Vec<Value> = scratch.iter().map(|scratch| server(purpose, scratch)).collect();
    json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": metadata(own, purpose),
        "spec": {
            "suspend": true,
            "backoffLimit": RETRIES,
            "activeDeadlineSeconds": limit,
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "podFailurePolicy": {"rules": [
                {"action": "FailJob", "onExitCodes": {"containerName": "job", "operator": "In", "values": [LASTING]}},
                {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
            ]},
            "template": {
                "metadata": {
                    "labels": labels(purpose),
                    "annotations": {
                        "kubectl.kubernetes.io/default-container": "job",
                        "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
                    },
                },
                "spec": {
                    "restartPolicy": "Never",
                    "serviceAccountName": JOBS,
                    "automountServiceAccountToken": true,
                    "enableServiceLinks": false,
                    "terminationGracePeriodSeconds": 30,
                    "imagePullSecrets": own.pull_secrets,
                    "nodeSelector": own.node_selector,
                    "tolerations": own.tolerations,
                    "securityContext": {
                        "runAsNonRoot": true,
                        "fsGroup": scratch.and_then(|scratch| scratch.run_as).map(|run_as| run_as.group),
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "initContainers": servers,
                    "containers": [program(own)],
                    "volumes": volumes,
                },
            },
        },
    })
}

fn program(own: &Own) -> Value {
    json!({
        "name": "job",
        "image": own.image,
        "args": ["job", "run", "--order", format!("{ORDER_FOLDER}/{ORDER_KEY}")],
        // 64 MiB and three times the largest row that the servers take (64 MB).
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "order", "mountPath": ORDER_FOLDER, "readOnly": true},
            {"name": "tmp", "mountPath": "/tmp"},
        ],
    })
}

/// The scratch server, beside the program: it starts before it and ends after it. What it holds need not survive anything, so
/// it flushes nothing. No packet that the real server took is too large for it.
fn server(purpose: &Purpose, scratch: &ScratchServer) -> Value {
    let password = json!({"secretKeyRef": {"name": purpose.job, "key": PASSWORD_KEY}});
    json!({
        "name": "scratch",
        "image": scratch.image,
        "restartPolicy": "Always",
        "args": [
            "--datadir=/var/lib/mysql", "--skip-log-bin", "--max-allowed-packet=1G",
            "--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0",
        ],
        "env": [
            // The entry point of MariaDB's image takes this name for its own.
            {"name": "MYSQL_ROOT_PASSWORD", "valueFrom": password},
        ],
        "ports": [{"name": "mysql", "containerPort": SCRATCH_PORT}],
        "startupProbe": {"tcpSocket": {"port": "mysql"}, "periodSeconds": 2, "timeoutSeconds": 2, "failureThreshold": 150},
        "resources": scratch.resources,
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": true,
            "runAsUser": scratch.run_as.map(|run_as| run_as.user),
            "runAsGroup": scratch.run_as.map(|run_as| run_as.group),
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [
            {"name": "scratch", "mountPath": "/var/lib/mysql"},
            {"name": "scratch-run", "mountPath": "/var/run/mysqld"},
        ],
    })
}

/// Port of the scratch server, in the Job's own pod.
pub const SCRATCH_PORT: u16 = 3306;
