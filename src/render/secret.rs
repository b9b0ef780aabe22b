//! SHAPES: Secrets whose values the operator makes once. Only keys and how to make them stand here, never a value.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kfp_api::names::GENERATED_ANNOTATION;
use kfp_releases::component::{self, Generate};

use crate::Object;
use crate::context::Context;
use crate::labels::{Labels, Life, metadata};

/// A Secret whose missing keys are to be made, and whose present ones are never changed, except a certificate that is
/// due for renewal.
#[derive(Clone, Debug, PartialEq)]
pub struct GeneratedSecret {
    /// Metadata of the Secret; no owner reference, so that credentials outlive the installation like the data does.
    pub metadata: ObjectMeta,
    /// How each key is made.
    pub keys: BTreeMap<String, Generate>,
    /// Serving certificate, with the keys that hold it.
    pub certificate: Option<ServingCertificate>,
}

/// A serving certificate in two keys of a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServingCertificate {
    /// Key of the certificate, PEM.
    pub certificate: String,
    /// Key of the private key, PEM (PKCS #8).
    pub private_key: String,
    /// Names that clients connect to, most specific last.
    pub dns_names: Vec<String>,
}

impl GeneratedSecret {
    /// Name of the Secret.
    #[must_use]
    pub fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    /// Every key that the Secret must have.
    pub fn key_names(&self) -> impl Iterator<Item = &str> {
        let pair = self
            .certificate
            .iter()
            .flat_map(|made| [made.certificate.as_str(), made.private_key.as_str()]);
        self.keys.keys().map(String::as_str).chain(pair)
    }

    /// The Secret with its keys and empty values, to be shown. Applying it would take the values away.
    #[must_use]
    pub fn without_values(&self) -> Object {
        let data = self
            .key_names()
            .map(|key| (key.to_owned(), ByteString::default()))
            .collect();
        Object::from(Secret {
            metadata: self.metadata.clone(),
            data: Some(data),
            type_: Some("Opaque".to_owned()),
            ..Secret::default()
        })
    }
}

/// A Secret of `component`.
pub(crate) fn secret(context: &Context<'_>, component: &str, data: &component::Secret) -> GeneratedSecret {
    let mut metadata = metadata(context, component, &data.name, &Labels::new(), Life::Kept);
    metadata.annotations = Some([(GENERATED_ANNOTATION.to_owned(), "true".to_owned())].into());
    GeneratedSecret {
        metadata,
        keys: data.keys.clone(),
        certificate: data.certificate.as_ref().map(|made| ServingCertificate {
            certificate: made.certificate.clone(),
            private_key: made.private_key.clone(),
            dns_names: dns_names(&made.service, context.namespace()),
        }),
    }
}

fn dns_names(service: &str, namespace: &str) -> Vec<String> {
    vec![
        service.to_owned(),
        format!("{service}.{namespace}"),
        format!("{service}.{namespace}.svc"),
    ]
}
