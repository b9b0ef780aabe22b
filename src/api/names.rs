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
