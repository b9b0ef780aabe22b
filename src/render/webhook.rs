//! SHAPES: admission webhooks of components. The configuration is cluster-scoped, so its name carries the namespace and
//! it looks at pods of that namespace only.

use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhook, MutatingWebhookConfiguration, RuleWithOperations, ServiceReference, WebhookClientConfig,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kfp_releases::component;

use crate::RenderError;
use crate::context::Context;
use crate::labels::{Labels, cluster_metadata};

/// Label that Kubernetes puts on every namespace, with its name.
const NAMESPACE_NAME_LABEL: &str = "kubernetes.io/metadata.name";
/// Version of `AdmissionReview` that KFP's cache server answers, at every release (kubeflow/pipelines,
/// backend/src/cache/deployer).
const REVIEW_VERSION: &str = "v1beta1";

/// Where the authority that a webhook's callers must trust comes from: filled in when the configuration is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// Name of the MutatingWebhookConfiguration.
    pub configuration: String,
    /// Secret whose certificate is served.
    pub secret: String,
}

/// The configuration of a component's webhook, without `caBundle`, and whose certificate it must trust.
pub(crate) fn webhook(
    context: &Context<'_>,
    component: &str,
    data: &component::Webhook,
) -> Result<(MutatingWebhookConfiguration, Trust), RenderError> {
    let at = format!("{component}, webhook");
    let name = context.text(&at, &data.configuration)?;
    let service = ServiceReference {
        name: data.service.service.clone(),
        namespace: context.namespace().to_owned(),
        path: Some(data.path.clone()),
        port: Some(context.service_port(&at, &data.service)?),
    };
    let hook = MutatingWebhook {
        admission_review_versions: vec![REVIEW_VERSION.to_owned()],
        client_config: WebhookClientConfig {
            service: Some(service),
            ..WebhookClientConfig::default()
        },
        failure_policy: Some("Ignore".to_owned()),
        name: context.text(&at, &data.name)?,
        namespace_selector: Some(matching(
            [(NAMESPACE_NAME_LABEL.to_owned(), context.namespace().to_owned())].into(),
        )),
        object_selector: Some(matching(data.object_labels.clone())),
        rules: Some(vec![pods_being_created()]),
        side_effects: "None".to_owned(),
        timeout_seconds: Some(data.timeout_seconds),
        ..MutatingWebhook::default()
    };
    let trust = Trust {
        configuration: name.clone(),
        secret: data.secret.clone(),
    };
    let configuration = MutatingWebhookConfiguration {
        metadata: cluster_metadata(context, component, &name),
        webhooks: Some(vec![hook]),
    };
    Ok((configuration, trust))
}

fn matching(labels: Labels) -> LabelSelector {
    LabelSelector {
        match_labels: Some(labels),
        match_expressions: None,
    }
}

fn pods_being_created() -> RuleWithOperations {
    RuleWithOperations {
        api_groups: Some(vec![String::new()]),
        api_versions: Some(vec!["v1".to_owned()]),
        operations: Some(vec!["CREATE".to_owned()]),
        resources: Some(vec!["pods".to_owned()]),
        scope: Some("Namespaced".to_owned()),
    }
}
