//! EYES AND HANDS: a rendered object as it is handed to the API server and compared with what is there. Pure; no I/O.

use std::collections::{BTreeMap, BTreeSet};

use kfp_api::names::RENDERED_ANNOTATION;
use kfp_plan::ObjectRef;
use kfp_render::{GeneratedSecret, Object, Rendered, RenderedComponent};
use serde_json::{Value, json};

use crate::digest;
use crate::live::Live;
use crate::subset::first_difference;

/// The name by which plan and status know a rendered object.
#[must_use]
pub fn reference(object: &Object) -> ObjectRef {
    ObjectRef {
        kind: object.kind().into(),
        name: object.name().into(),
    }
}

/// The name by which plan and status know a generated Secret.
#[must_use]
pub fn secret_reference(secret: &GeneratedSecret) -> ObjectRef {
    secret_named(secret.name())
}

/// A Secret of this name.
#[must_use]
pub fn secret_named(name: &str) -> ObjectRef {
    ObjectRef {
        kind: "Secret".into(),
        name: name.into(),
    }
}

/// Every object of the rendering, generated Secrets included.
#[must_use]
pub fn references(rendered: &Rendered) -> BTreeSet<ObjectRef> {
    rendered.objects().iter().map(reference).collect()
}

/// An object ready to be applied: with the digest of its rendering, and without what only servers write.
#[must_use]
pub fn prepare(object: &Object, authorities: &BTreeMap<String, String>) -> Value {
    let mut body = object.to_json();
    if let Some(fields) = body.as_object_mut() {
        fields.remove("status");
    }
    if let Some(authority) = authorities.get(object.name()).filter(|_| !object.namespaced()) {
        trust(&mut body, authority);
    }
    let digest = digest::of(&body);
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.insert(RENDERED_ANNOTATION.into(), digest.into());
        }
    }
    body
}

/// The authorities to put into a component's webhook configurations, base64 of PEM, by configuration name. A Secret that
/// is not there yet is left out.
#[must_use]
pub fn authorities(component: &RenderedComponent, live: &Live) -> BTreeMap<String, String> {
    let authority = |trust: &kfp_render::Trust| {
        let secret = component
            .secrets
            .iter()
            .find(|secret| secret.name() == trust.secret)?;
        let key = &secret.certificate.as_ref()?.certificate;
        let data = live.known(&secret_reference(secret))?.pointer("/data")?;
        // A Secret's data is base64 already, and so is `caBundle`.
        Some((trust.configuration.clone(), data.get(key)?.as_str()?.to_owned()))
    };
    component.trusts.iter().filter_map(authority).collect()
}

fn trust(configuration: &mut Value, authority: &str) {
    let webhooks = configuration.get_mut("webhooks").and_then(Value::as_array_mut);
    for webhook in webhooks.into_iter().flatten() {
        if let Some(config) = webhook.get_mut("clientConfig").and_then(Value::as_object_mut) {
            config.insert("caBundle".into(), authority.into());
        }
    }
}

/// The first field in which the live object falls short of the prepared one; `None` when applying would change nothing.
#[must_use]
pub fn drift(prepared: &Value, live: &Value) -> Option<String> {
    // Lists leave out the kind of their items, and both sides are known to be of one kind.
    let mut prepared = prepared.clone();
    if let Some(fields) = prepared.as_object_mut() {
        fields.remove("apiVersion");
        fields.remove("kind");
    }
    first_difference(&prepared, live)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;

    fn config_map(data: &[(&str, &str)]) -> Object {
        let data = data
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let mut object = ConfigMap {
            data: Some(data),
            ..ConfigMap::default()
        };
        object.metadata.name = Some("settings".into());
        object.into()
    }

    fn prepared(data: &[(&str, &str)]) -> Value {
        prepare(&config_map(data), &BTreeMap::new())
    }

    #[test]
    fn an_object_that_was_applied_does_not_drift() {
        let applied = prepared(&[("a", "1")]);
        assert_eq!(drift(&applied, &applied), None);
    }

    #[test]
    fn a_field_that_left_the_rendering_is_drift_although_the_rest_is_there() {
        let applied = prepared(&[("a", "1"), ("b", "2")]);
        let difference = drift(&prepared(&[("a", "1")]), &applied);
        assert_eq!(
            difference.as_deref(),
            Some("metadata.annotations.kfpops.dev/rendered")
        );
    }
}
