//! SHAPES: the SDK policy: a ConfigMap for clients and, where pipelines are Kubernetes objects, what asks each of them.

mod expression;

use std::collections::BTreeMap;

use k8s_openapi::api::admissionregistration::v1::{
    MatchResources, NamedRuleWithOperations, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
    ValidatingAdmissionPolicyBindingSpec, ValidatingAdmissionPolicySpec, Validation, Variable,
};
use k8s_openapi::api::core::v1::ConfigMap;
use kfp_api::installation::PipelineStoreType;
use kfp_api::names::SDK_POLICY_CONFIG_MAP;
use kfp_api::sdk::SdkPolicyMode;
use kfp_releases::release::Sdk;
use kfp_releases::sdk::{SdkPolicy, SdkVersion};
use serde_json::json;

use crate::context::Context;
use crate::labels::{Labels, Life, cluster_metadata, metadata};
use crate::webhook::this_namespace;
use crate::{Object, SHARED};

/// Kinds and names of what the API server asks in this namespace: there while a policy is in force.
#[must_use]
pub fn admission(namespace: &str) -> [(&'static str, String); 2] {
    let name = format!("{SDK_POLICY_CONFIG_MAP}-{namespace}");
    [
        ("ValidatingAdmissionPolicy", name.clone()),
        ("ValidatingAdmissionPolicyBinding", name),
    ]
}

/// The ConfigMap, and the admission policy where there is a place for one and it is not switched off.
pub(crate) fn objects(context: &Context<'_>) -> Vec<Object> {
    let mode = context.installation.sdk_policy.mode;
    let mut objects = vec![config_map(context).into()];
    if context.install.pipeline_store == PipelineStoreType::Kubernetes && mode != SdkPolicyMode::Off {
        let [(_, name), _] = admission(context.namespace());
        objects.push(policy(context, &name).into());
        objects.push(binding(context, &name).into());
    }
    objects
}

/// The packages to pin beside this release. An SDK that the policy rules out is not recommended: then what is allowed is.
fn requirements(context: &Context<'_>) -> Vec<String> {
    let policy = &context.installation.sdk_policy;
    let published = |sdk: &&Sdk| {
        let version: Option<SdkVersion> = sdk.kfp.parse().ok();
        version.is_some_and(|version| policy.allowed.contains(&version))
    };
    let dependencies = context.installation.release.dependencies.as_ref();
    match dependencies.map(|with| &with.sdk).filter(published) {
        Some(sdk) => vec![
            format!("kfp=={}", sdk.kfp),
            format!("kfp-kubernetes=={}", sdk.kfp_kubernetes),
        ],
        None => vec![format!("kfp{}", policy.allowed)],
    }
}

/// The line that installs them. Quoted where a shell would take a comparison for a redirection.
fn pip(requirements: &[String]) -> String {
    let word = |word: &String| {
        if word.contains(['<', '>', '!']) {
            format!("'{word}'")
        } else {
            word.clone()
        }
    };
    let words: Vec<String> = requirements.iter().map(word).collect();
    format!("pip install {}", words.join(" "))
}

/// What clients read: single values for scripts, files for pip and for `kfpctl check --policy`, all of it as JSON.
fn config_map(context: &Context<'_>) -> ConfigMap {
    let policy = &context.installation.sdk_policy;
    let packages = requirements(context);
    let check = json!({
        "backends": [context.version],
        "sdk": {
            "allowed": policy.allowed,
            "reason": format!("allowed by KfpInstallation {} in namespace {}", context.installation.name, context.namespace()),
        },
    });
    let whole = json!({
        "backend": context.version,
        "mode": policy.mode,
        "allowed": policy.allowed,
        "requirements": packages,
        "exceptions": policy.exceptions,
    });
    let data = [
        ("backend", context.version.clone()),
        ("mode", format!("{:?}", policy.mode)),
        ("allowed", policy.allowed.to_string()),
        ("pip", pip(&packages)),
        ("requirements.txt", format!("{}\n", packages.join("\n"))),
        ("check-policy.json", format!("{check:#}\n")),
        ("policy.json", format!("{whole:#}\n")),
    ];
    ConfigMap {
        metadata: metadata(
            context,
            SHARED,
            SDK_POLICY_CONFIG_MAP,
            &Labels::new(),
            Life::Owned,
        ),
        data: Some(
            data.map(|(key, value)| (key.to_owned(), value))
                .into_iter()
                .collect::<BTreeMap<_, _>>(),
        ),
        ..ConfigMap::default()
    }
}

/// Written objects of this kind are asked; what their status says is not.
fn written_pipelines(context: &Context<'_>) -> MatchResources {
    MatchResources {
        match_policy: Some("Equivalent".to_owned()),
        namespace_selector: Some(this_namespace(context)),
        resource_rules: Some(vec![NamedRuleWithOperations {
            api_groups: Some(vec!["pipelines.kubeflow.org".to_owned()]),
            api_versions: Some(vec!["v2beta1".to_owned()]),
            operations: Some(vec!["CREATE".to_owned(), "UPDATE".to_owned()]),
            resources: Some(vec!["pipelineversions".to_owned()]),
            resource_names: None,
            scope: Some("Namespaced".to_owned()),
        }]),
        ..MatchResources::default()
    }
}

fn policy(context: &Context<'_>, name: &str) -> ValidatingAdmissionPolicy {
    let SdkPolicy {
        allowed, exceptions, ..
    } = &context.installation.sdk_policy;
    let variable = |(name, expression): (&str, String)| Variable {
        name: name.to_owned(),
        expression,
    };
    let advice = format!(
        "KfpInstallation {} (KFP {}) allows {allowed}; compile it again after: {}. The policy stands in ConfigMap {SDK_POLICY_CONFIG_MAP} of namespace {}.",
        context.installation.name,
        context.version,
        pip(&requirements(context)),
        context.namespace(),
    );
    ValidatingAdmissionPolicy {
        metadata: cluster_metadata(context, SHARED, name),
        spec: Some(ValidatingAdmissionPolicySpec {
            failure_policy: Some("Fail".to_owned()),
            match_constraints: Some(written_pipelines(context)),
            variables: Some(
                expression::variables(exceptions)
                    .into_iter()
                    .map(variable)
                    .collect(),
            ),
            validations: Some(vec![Validation {
                expression: expression::verdict(allowed),
                message: Some(format!(
                    "The SDK that compiled this pipeline is not allowed here. {advice}"
                )),
                message_expression: Some(expression::message(&advice)),
                reason: Some("Invalid".to_owned()),
            }]),
            ..ValidatingAdmissionPolicySpec::default()
        }),
        status: None,
    }
}

fn binding(context: &Context<'_>, name: &str) -> ValidatingAdmissionPolicyBinding {
    let action = match context.installation.sdk_policy.mode {
        SdkPolicyMode::Enforce => "Deny",
        SdkPolicyMode::Warn | SdkPolicyMode::Off => "Warn",
    };
    ValidatingAdmissionPolicyBinding {
        metadata: cluster_metadata(context, SHARED, name),
        spec: Some(ValidatingAdmissionPolicyBindingSpec {
            policy_name: Some(name.to_owned()),
            validation_actions: Some(vec![action.to_owned()]),
            ..ValidatingAdmissionPolicyBindingSpec::default()
        }),
    }
}
