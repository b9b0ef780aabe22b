//! HANDS: makes the missing values of generated Secrets. A value that is there is never changed, except a certificate
//! that is due for renewal; its server is then restarted, as it reads its certificate only when it starts.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kfp_api::conditions::Reason;
use kfp_plan::{ActionOutcome, ObjectRef};
use kfp_releases::component::Generate;
use kfp_render::{GeneratedSecret, RenderedComponent};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{Doing, Tally};
use crate::certificates;
use crate::cluster::Cluster;
use crate::credentials::{name, password, system};
use crate::desired::{reference, secret_reference};
use crate::digest;
use crate::error::Error;
use crate::observe::secrets::{missing, value};

/// Annotation on a pod template: digest of the certificate that its server must be started with.
const CERTIFICATE_ANNOTATION: &str = "kfpops.dev/certificate";

/// Makes what these Secrets lack.
pub async fn act(
    cluster: &Cluster,
    doing: Doing<'_>,
    objects: &BTreeSet<ObjectRef>,
) -> Result<ActionOutcome, Error> {
    let now =
        OffsetDateTime::from_unix_timestamp(doing.now.as_second()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let mut tally = Tally::default();
    for component in doing.rendered.iter().flat_map(|rendered| &rendered.components) {
        for secret in &component.secrets {
            let object = secret_reference(secret);
            if objects.contains(&object) {
                tally.add(
                    &object,
                    one(cluster, doing, component, secret, &object, now).await,
                );
            }
        }
    }
    Ok(tally.outcome())
}

async fn one(
    cluster: &Cluster,
    doing: Doing<'_>,
    component: &RenderedComponent,
    secret: &GeneratedSecret,
    object: &ObjectRef,
    now: OffsetDateTime,
) -> Result<ActionOutcome, Error> {
    let namespace = doing.namespace();
    let found = cluster.get(object, namespace).await?;
    let lacking = missing(secret, found.as_ref().unwrap_or(&Value::Null), now);
    if lacking.is_empty() {
        return Ok(ActionOutcome::AlreadyDone);
    }
    let data = make(secret, &lacking, now)?;
    let kept = match &found {
        None => {
            let body = json!({
                "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": secret.metadata, "data": data
            });
            cluster.create(object, namespace, body).await?
        }
        Some(found) => {
            // The version that was read must still be the newest, so that no value that came meanwhile is overwritten.
            let version = found.pointer("/metadata/resourceVersion");
            let body = json!({"metadata": {"resourceVersion": version}, "data": data});
            cluster.merge(object, namespace, &body).await?
        }
    };
    let still = missing(secret, &kept, now);
    if !still.is_empty() {
        return Ok(ActionOutcome::Failed {
            reason: Reason::Conflict,
            message: format!("{object} was written, but something took {still:?} away again"),
        });
    }
    let pair = secret
        .certificate
        .as_ref()
        .filter(|made| lacking.contains(made.certificate.as_str()));
    let renewed = pair.filter(|made| {
        found
            .as_ref()
            .is_some_and(|found| value(found, &made.certificate).is_some())
    });
    if let Some(made) = renewed {
        restart(cluster, doing, component, &data[&made.certificate]).await?;
    }
    Ok(ActionOutcome::Done)
}

/// New values for these keys, base64.
fn make(
    secret: &GeneratedSecret,
    lacking: &BTreeSet<&str>,
    now: OffsetDateTime,
) -> Result<BTreeMap<String, String>, Error> {
    let mut data = BTreeMap::new();
    for (key, how) in secret
        .keys
        .iter()
        .filter(|(key, _)| lacking.contains(key.as_str()))
    {
        let value = match how {
            Generate::Password => password(&mut system)?,
            Generate::Name { prefix, length } => name(prefix, *length, &mut system)?,
        };
        data.insert(key.clone(), STANDARD.encode(value));
    }
    if let Some(made) = secret
        .certificate
        .as_ref()
        .filter(|made| lacking.contains(made.certificate.as_str()))
    {
        let serving = certificates::serving(&made.dns_names, now)?;
        data.insert(made.certificate.clone(), STANDARD.encode(serving.certificate));
        data.insert(made.private_key.clone(), STANDARD.encode(serving.key));
    }
    Ok(data)
}

/// Rolls the component's pods by an annotation on their template. It is no part of the rendering, so that it stays when
/// the rendering is applied again.
async fn restart(
    cluster: &Cluster,
    doing: Doing<'_>,
    component: &RenderedComponent,
    certificate: &str,
) -> Result<(), Error> {
    let Some(workload) = &component.workload else {
        return Ok(());
    };
    let object = reference(workload);
    let digest = digest::of(&Value::from(certificate));
    let body = json!({"spec": {"template": {"metadata": {"annotations": {CERTIFICATE_ANNOTATION: digest}}}}});
    match cluster.merge(&object, doing.namespace(), &body).await {
        Ok(_) => Ok(()),
        Err(error) if error.status() == Some(404) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
    use kfp_render::ServingCertificate;

    use super::*;

    fn now() -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap()
    }

    fn secret() -> GeneratedSecret {
        let named = Generate::Name {
            prefix: "kfp_".into(),
            length: 10,
        };
        GeneratedSecret {
            metadata: ObjectMeta::default(),
            keys: [
                ("username".to_owned(), named),
                ("password".to_owned(), Generate::Password),
            ]
            .into(),
            certificate: Some(ServingCertificate {
                certificate: "cert.pem".into(),
                private_key: "key.pem".into(),
                dns_names: vec!["cache-server.team-a.svc".into()],
            }),
        }
    }

    fn decoded(data: &BTreeMap<String, String>, key: &str) -> String {
        String::from_utf8(STANDARD.decode(&data[key]).unwrap()).unwrap()
    }

    #[test]
    fn every_missing_key_is_made_in_its_own_way() {
        let secret = secret();
        let lacking = secret.key_names().collect();
        let data = make(&secret, &lacking, now()).unwrap();
        let user = decoded(&data, "username");
        assert!(user.starts_with("kfp_") && user.len() == 10, "{user}");
        assert_eq!(decoded(&data, "password").len(), 32);
        assert!(decoded(&data, "cert.pem").starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(decoded(&data, "key.pem").starts_with("-----BEGIN PRIVATE KEY-----"));
    }

    #[test]
    fn a_key_that_is_not_missing_is_not_made() {
        let data = make(&secret(), &["password"].into(), now()).unwrap();
        assert_eq!(data.keys().collect::<Vec<_>>(), ["password"]);
    }
}
