//! SHAPES: containers: environment, arguments, probes and mounts from the release's data. Nothing here knows a version.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    ConfigMapKeySelector, Container, EnvFromSource, EnvVar, EnvVarSource, ObjectFieldSelector,
    SecretEnvSource, SecretKeySelector,
};
use kfp_releases::pod;
use kfp_releases::source::{KeyRef, Text, Value};
use kfp_releases::validated::ComponentSettings;

use crate::RenderError;
use crate::context::Context;
use crate::security;

/// Environment variables that make a Go or Node.js program use a proxy. A container that is given one also needs to
/// know what must not go through it.
const PROXY_VARIABLES: [&str; 4] = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"];

/// A container of `at` (the workload, for messages). `settings` are the component's, for its main container.
pub(crate) fn container(
    context: &Context<'_>,
    at: &str,
    data: &pod::Container,
    user: Option<pod::RunAs>,
    settings: Option<&ComponentSettings>,
) -> Result<Container, RenderError> {
    let place = format!("{at}, container {}", data.name);
    let image = match settings {
        Some(settings) => settings.image.clone(),
        None => context.image(&place, &data.image)?,
    };
    let extra_env = settings.map_or(&[][..], |settings| &settings.extra_env);
    let resources = match settings {
        Some(settings) => &settings.resources,
        None => &data.resources,
    };
    Ok(Container {
        name: data.name.clone(),
        image: Some(image),
        command: texts(context, &place, &data.command)?,
        args: texts(context, &place, &data.args)?,
        env: environment(context, &place, data, extra_env)?,
        env_from: unless_empty(
            data.env_from_secrets
                .iter()
                .map(|name| from_secret(name))
                .collect(),
        ),
        ports: unless_empty(data.ports.clone()),
        startup_probe: data.startup_probe.clone(),
        readiness_probe: data.readiness_probe.clone(),
        liveness_probe: data.liveness_probe.clone(),
        resources: resources.clone(),
        volume_mounts: unless_empty(data.volume_mounts.clone()),
        lifecycle: data.lifecycle.clone(),
        security_context: Some(security::container(data, user)),
        ..Container::default()
    })
}

pub(crate) fn unless_empty<T>(items: Vec<T>) -> Option<Vec<T>> {
    (!items.is_empty()).then_some(items)
}

fn texts(context: &Context<'_>, at: &str, texts: &[Text]) -> Result<Option<Vec<String>>, RenderError> {
    let resolved: Result<Vec<String>, RenderError> =
        texts.iter().map(|text| context.text(at, text)).collect();
    Ok(unless_empty(resolved?))
}

fn from_secret(name: &str) -> EnvFromSource {
    EnvFromSource {
        secret_ref: Some(SecretEnvSource {
            name: name.to_owned(),
            optional: None,
        }),
        ..EnvFromSource::default()
    }
}

/// The release's variables by name, then the ones for a proxy if there is one, then the installation's in its order.
fn environment(
    context: &Context<'_>,
    at: &str,
    data: &pod::Container,
    extra: &[EnvVar],
) -> Result<Option<Vec<EnvVar>>, RenderError> {
    let mut variables = Vec::new();
    for (name, value) in &data.env {
        variables.push(variable(context, at, name, value)?);
    }
    let given: BTreeSet<&str> = extra.iter().map(|variable| variable.name.as_str()).collect();
    if PROXY_VARIABLES.iter().any(|name| given.contains(name)) {
        for (name, text) in data
            .env_when_proxied
            .iter()
            .filter(|(name, _)| !given.contains(name.as_str()))
        {
            variables.push(literal(name, context.text(at, text)?));
        }
    }
    variables.extend(extra.iter().cloned());
    Ok(unless_empty(variables))
}

fn literal(name: &str, value: String) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: Some(value),
        value_from: None,
    }
}

fn variable(context: &Context<'_>, at: &str, name: &str, value: &Value) -> Result<EnvVar, RenderError> {
    let source = match value {
        Value::Text(text) => return Ok(literal(name, context.text(at, text)?)),
        Value::Secret(key) => EnvVarSource {
            secret_key_ref: Some(secret_key(key)),
            ..EnvVarSource::default()
        },
        Value::Config(key) => EnvVarSource {
            config_map_key_ref: Some(config_key(key)),
            ..EnvVarSource::default()
        },
        Value::Field(path) => EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                field_path: path.clone(),
                api_version: None,
            }),
            ..EnvVarSource::default()
        },
    };
    Ok(EnvVar {
        name: name.to_owned(),
        value: None,
        value_from: Some(source),
    })
}

fn secret_key(at: &KeyRef) -> SecretKeySelector {
    SecretKeySelector {
        name: at.name.clone(),
        key: at.key.clone(),
        optional: at.optional.then_some(true),
    }
}

fn config_key(at: &KeyRef) -> ConfigMapKeySelector {
    ConfigMapKeySelector {
        name: at.name.clone(),
        key: at.key.clone(),
        optional: at.optional.then_some(true),
    }
}
