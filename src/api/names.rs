//! WORDS: names that other programs see: labels, annotations, finalizers, field managers. No I/O.

/// API group of every kind of ours.
pub const GROUP: &str = "kfpops.dev";
/// The one served and stored version.
pub const VERSION: &str = "v1alpha1";

/// Label on every object that an installation owns; its value is the installation's name. Pruning selects by it.
pub const INSTALLATION_LABEL: &str = "kfpops.dev/installation";
/// Label on the ConfigMaps that hold what is known of stored pipelines; its value is the installation's name.
pub const INVENTORY_LABEL: &str = "kfpops.dev/inventory";
/// Label on workload objects (never on pod templates): the KFP release that the workload was rendered from.
pub const RELEASE_LABEL: &str = "kfpops.dev/release";
/// Label on every object: the catalog component it belongs to.
pub const COMPONENT_LABEL: &str = "app.kubernetes.io/component";

/// Label on KfpBackups that a schedule made; its value is the installation's name. Retention looks at these alone.
pub const SCHEDULED_LABEL: &str = "kfpops.dev/scheduled";
/// Annotation on a KfpBackup: when somebody asked, in the form of RFC 3339, that its set be verified once more.
pub const VERIFY_REQUESTED_ANNOTATION: &str = "kfpops.dev/verify-requested-at";

/// Annotation: digest of the rendered object, so that a changed rendering is applied even where the old one is a subset.
pub const RENDERED_ANNOTATION: &str = "kfpops.dev/rendered";
/// Annotation `"true"` on Secrets whose values the operator generates once and never overwrites.
pub const GENERATED_ANNOTATION: &str = "kfpops.dev/generated";
/// Annotation on the embedded database's PVC: the engine that wrote it (`MySQL` or `MariaDB`); fixed for the life of the data.
pub const ENGINE_ANNOTATION: &str = "kfpops.dev/database-engine";

/// ConfigMap of each installation's namespace with the SDK policy and the versions to pin, for clients.
pub const SDK_POLICY_CONFIG_MAP: &str = "kfp-sdk-policy";

/// Finalizer held only while `deletionPolicy: Delete` obliges us to remove data, or a component has cluster-scoped
/// objects, which nothing in a namespace can own.
pub const FINALIZER: &str = "kfpops.dev/delete-data";

/// Field manager of everything applied for an installation.
pub const RESOURCES_MANAGER: &str = "kfp-operator/resources";
/// Field manager of the status subresource.
pub const STATUS_MANAGER: &str = "kfp-operator/status";

/// Finalizer on a KfpRestore whose Job is at work, so that the Job is ended before the resource goes.
pub const RESTORE_FINALIZER: &str = "kfpops.dev/end-restore";
/// Annotation on a KfpRestore that is over: when it ended, in RFC 3339. What was copied with it and without its status is not
/// done a second time.
pub const ENDED_ANNOTATION: &str = "kfpops.dev/ended";
/// Label on the KfpRestore that `spec.bootstrap` called for; its value is the uid of the installation that it was made for.
pub const BOOTSTRAP_LABEL: &str = "kfpops.dev/bootstrap";
/// Finalizer on a KfpBackup with `deletionPolicy: Delete`, until its set is removed.
pub const BACKUP_FINALIZER: &str = "kfpops.dev/remove-set";
/// Annotation on a KfpBackup that a schedule made: the time of the schedule, in RFC 3339.
pub const SCHEDULED_FOR_ANNOTATION: &str = "kfpops.dev/scheduled-for";
/// Label, with value `"true"`, on Secrets of the operator's namespace that backups may use.
pub const CREDENTIALS_LABEL: &str = "kfpops.dev/backup-credentials";
/// Annotation on such a Secret: the namespaces that may use it, separated by commas; `*` for all.
pub const CREDENTIALS_NAMESPACES_ANNOTATION: &str = "kfpops.dev/namespaces";
/// Label on Jobs of the operator, their Secrets and ConfigMaps: the namespace of the installation that they work for.
pub const JOB_NAMESPACE_LABEL: &str = "kfpops.dev/installation-namespace";
/// Label on the same: what is done.
pub const JOB_WORK_LABEL: &str = "kfpops.dev/work";
/// Label on the same: uid of the KfpBackup or KfpRestore that it is done for.
pub const JOB_FOR_LABEL: &str = "kfpops.dev/for";
/// Annotation on a KfpInstallation that lets it be deleted with its data although no fresh verified backup is there: `"true"`.
pub const DELETE_WITHOUT_BACKUP_ANNOTATION: &str = "kfpops.dev/delete-without-backup";
/// `app.kubernetes.io/name` of pods of Jobs.
pub const JOB_NAME: &str = "kfp-operator-job";
/// ClusterRole, and RoleBinding to it, that the account of Jobs has in an installation's namespace while a restore's Job works.
pub const RESTORE_JOBS: &str = "kfp-operator-jobs-restore";
/// ServiceAccount of Jobs, in the operator's namespace, and the ClusterRole that it has in an installation's namespace.
pub const JOBS: &str = "kfp-operator-jobs";

/// Name of the KfpRestore that fills the empty databases of a new installation. Installations have names of at most 40
/// characters, restores of at most 63.
#[must_use]
pub fn bootstrap_name(installation: &str) -> String {
    format!("{installation}-bootstrap")
}
