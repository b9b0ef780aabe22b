//! SHAPES: admission webhooks of components. The configuration is cluster-scoped, so its name carries the namespace and
//! it looks at objects of that namespace only.

use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhook, MutatingWebhookConfiguration, ServiceReference, ValidatingWebhook,
    ValidatingWebhookConfiguration, WebhookClientConfig,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kfp_releases::component::{self, FailurePolicy, WebhookKind};

use crate::context::Context;
use crate::labels::{Labels, cluster_metadata};
use crate::{Object, RenderError};

/// Label that Kubernetes puts on every namespace, with its name.
const NAMESPACE_NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Where the authority that a webhook's callers must trust comes from: filled in when the configuration is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// Name of the configuration.
    pub configuration: String,
    /// Secret whose certificate is served.
    pub secret: String,
}

/// The configuration of a component's webhook, without `caBundle`, and whose certificate it must trust.
pub(crate) fn webhook(
    context: &Context<'_>,
    component: &str,
    data: &component::Webhook,
) -> Result<(Object, Trust), RenderError> {
    let at = format!("{component}, webhook {}", data.path);
    let name = context.text(&at, &data.configuration)?;
    let hook = ValidatingWebhook {
        admission_review_versions: vec![data.review_version.clone()],
        client_config: WebhookClientConfig {
            service: Some(ServiceReference {
                name: data.service.service.clone(),
                namespace: context.namespace().to_owned(),
                path: Some(data.path.clone()),
                port: Some(context.service_port(&at, &data.service)?),
            }),
            ..WebhookClientConfig::default()
        },
        failure_policy: Some(
            match data.failure_policy {
                FailurePolicy::Ignore => "Ignore",
                FailurePolicy::Fail => "Fail",
            }
            .to_owned(),
        ),
        name: context.text(&at, &data.name)?,
        namespace_selector: Some(this_namespace(context)),
        object_selector: (!data.object_labels.is_empty()).then(|| matching(data.object_labels.clone())),
        rules: Some(vec![data.rule.clone()]),
        side_effects: "None".to_owned(),
        timeout_seconds: Some(data.timeout_seconds),
        ..ValidatingWebhook::default()
    };
    let trust = Trust {
        configuration: name.clone(),
        secret: data.secret.clone(),
    };
    let metadata = cluster_metadata(context, component, &name);
    let object = match data.kind {
        WebhookKind::Validating => Object::from(ValidatingWebhookConfiguration {
            metadata,
            webhooks: Some(vec![hook]),
        }),
        WebhookKind::Mutating => Object::from(MutatingWebhookConfiguration {
            metadata,
            webhooks: Some(vec![mutating(hook)]),
        }),
    };
    Ok((object, trust))
}

/// The same webhook where it may change what it is asked about.
fn mutating(hook: ValidatingWebhook) -> MutatingWebhook {
    MutatingWebhook {
        admission_review_versions: hook.admission_review_versions,
        client_config: hook.client_config,
        failure_policy: hook.failure_policy,
        name: hook.name,
        namespace_selector: hook.namespace_selector,
        object_selector: hook.object_selector,
        rules: hook.rules,
        side_effects: hook.side_effects,
        timeout_seconds: hook.timeout_seconds,
        ..MutatingWebhook::default()
    }
}

/// Selects the installation's namespace, by the label that nobody can take off.
pub(crate) fn this_namespace(context: &Context<'_>) -> LabelSelector {
    matching([(NAMESPACE_NAME_LABEL.to_owned(), context.namespace().to_owned())].into())
}

fn matching(labels: Labels) -> LabelSelector {
    LabelSelector {
        match_labels: Some(labels),
        match_expressions: None,
    }
}
