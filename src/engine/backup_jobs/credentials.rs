//! EYES: Secrets of the operator's namespace that backups may use: who may use one, and what it holds. Changes nothing.

use k8s_openapi::api::core::v1::Secret;
use kfp_api::conditions::Reason;
use kfp_api::destination::{Destination, DestinationType};
use kfp_api::names::{CREDENTIALS_LABEL, CREDENTIALS_NAMESPACES_ANNOTATION};
use kfp_backup::hidden::Hidden;
use kfp_backup::order::Store;
use kube::Api;

use super::{BackupJobs, Refusal};
use crate::cluster::limited;

/// Key of an age identity.
const IDENTITY_KEY: &str = "identity";

/// A Secret that a namespace may use.
pub struct Credentials {
    /// Its name, for messages.
    name: String,
    secret: Secret,
}

impl BackupJobs {
    /// The Secret of this name in the operator's namespace, if it is open to `namespace`.
    pub async fn credentials(&self, name: &str, namespace: &str) -> Result<Credentials, Refusal> {
        let own = self.namespace();
        let api: Api<Secret> = Api::namespaced(self.engine.cluster().client().clone(), own);
        let what = format!("read Secret {name} in namespace {own}");
        let found = limited(what, api.get_opt(name)).await?;
        // Whether it is there is nobody's business who may not use it.
        let secret = found
            .filter(|secret| open_to(secret, namespace))
            .ok_or_else(|| {
                Refusal::new(
                    Reason::CredentialsRefused,
                    format!(
                        "There is no Secret {name} in namespace {own} that is open to namespace {namespace}: it needs the label \
                         {CREDENTIALS_LABEL}=true and {namespace} in its annotation {CREDENTIALS_NAMESPACES_ANNOTATION}."
                    ),
                )
            })?;
        Ok(Credentials {
            name: name.to_owned(),
            secret,
        })
    }

    /// The store of a destination with the credentials of the Secret of this name.
    pub async fn store(
        &self,
        destination: &Destination,
        secret: &str,
        namespace: &str,
    ) -> Result<Store, Refusal> {
        store(destination, &self.credentials(secret, namespace).await?)
    }

    /// The age identity in the Secret of this name.
    pub async fn identity(&self, secret: &str, namespace: &str) -> Result<Hidden, Refusal> {
        self.credentials(secret, namespace).await?.needed(IDENTITY_KEY)
    }
}

/// The label says that it is meant for backups, the annotation for whose.
fn open_to(secret: &Secret, namespace: &str) -> bool {
    let labels = secret.metadata.labels.as_ref();
    let labelled = labels
        .and_then(|labels| labels.get(CREDENTIALS_LABEL))
        .is_some_and(|value| value == "true");
    let annotations = secret.metadata.annotations.as_ref();
    let named = annotations
        .and_then(|annotations| annotations.get(CREDENTIALS_NAMESPACES_ANNOTATION))
        .is_some_and(|names| {
            names
                .split(',')
                .map(str::trim)
                .any(|name| name == "*" || name == namespace)
        });
    labelled && named
}

impl Credentials {
    /// The value of a key, without the line end that editors leave; none when it is absent, empty, or no text.
    fn text(&self, key: &str) -> Option<Hidden> {
        let value = self.secret.data.as_ref()?.get(key)?;
        let text = std::str::from_utf8(&value.0).ok()?.trim();
        (!text.is_empty()).then(|| text.into())
    }

    /// The value of a key that must be there.
    pub(super) fn needed(&self, key: &str) -> Result<Hidden, Refusal> {
        self.text(key).ok_or_else(|| {
            Refusal::new(
                Reason::CredentialsRefused,
                format!(
                    "Secret {} of the operator's namespace has no text under the key {key}.",
                    self.name
                ),
            )
        })
    }
}

fn store(destination: &Destination, credentials: &Credentials) -> Result<Store, Refusal> {
    let unset = |member: &str| {
        Refusal::new(
            Reason::InvalidSpec,
            format!(
                "The destination is of type {:?} and has no {member}.",
                destination.r#type
            ),
        )
    };
    match destination.r#type {
        DestinationType::S3 => {
            let s3 = destination.s3.as_ref().ok_or_else(|| unset("s3"))?;
            Ok(Store::S3 {
                endpoint: s3
                    .endpoint
                    .as_deref()
                    .map(|url| url.trim_end_matches('/').to_owned()),
                region: s3.region.clone(),
                bucket: s3.bucket.clone(),
                // Stores other than Amazon's need no name in DNS for each bucket then.
                path_style: s3.endpoint.is_some(),
                access_key_id: Some(credentials.needed("accessKeyID")?),
                secret_access_key: Some(credentials.needed("secretAccessKey")?),
                session_token: credentials.text("sessionToken"),
                certificates: credentials.text("ca.crt").map(|pem| pem.reveal().to_owned()),
            })
        }
        DestinationType::GCS => {
            let gcs = destination.gcs.as_ref().ok_or_else(|| unset("gcs"))?;
            Ok(Store::Gcs {
                bucket: gcs.bucket.clone(),
                service_account: Some(credentials.needed("serviceAccount.json")?),
                endpoint: None,
            })
        }
        DestinationType::Azure => {
            let azure = destination.azure.as_ref().ok_or_else(|| unset("azure"))?;
            let (account_key, sas_token) = (credentials.text("accountKey"), credentials.text("sasToken"));
            if account_key.is_none() {
                // Either will do; without both, the one that gives less is asked for.
                credentials.needed("sasToken")?;
            }
            Ok(Store::Azure {
                account: azure.account.clone(),
                container: azure.container.clone(),
                account_key,
                sas_token,
                endpoint: None,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case::named(json!({"kfpops.dev/backup-credentials": "true"}), "team-a,team-b", true)]
    #[case::with_blanks(json!({"kfpops.dev/backup-credentials": "true"}), "team-b, team-a", true)]
    #[case::all(json!({"kfpops.dev/backup-credentials": "true"}), "*", true)]
    #[case::another(json!({"kfpops.dev/backup-credentials": "true"}), "team-ab", false)]
    #[case::nobody(json!({"kfpops.dev/backup-credentials": "true"}), "", false)]
    #[case::not_for_backups(json!({}), "*", false)]
    #[case::no_longer_for_backups(json!({"kfpops.dev/backup-credentials": "false"}), "*", false)]
    fn a_secret_is_open_to_the_namespaces_that_it_names(
        #[case] labels: serde_json::Value,
        #[case] namespaces: &str,
        #[case] open: bool,
    ) {
        let secret: Secret = serde_json::from_value(json!({
            "metadata": {"labels": labels, "annotations": {"kfpops.dev/namespaces": namespaces}},
        }))
        .unwrap();
        assert_eq!(open_to(&secret, "team-a"), open);
    }

    fn held(data: &serde_json::Value) -> Credentials {
        Credentials {
            name: "backups".into(),
            secret: serde_json::from_value(json!({"data": data})).unwrap(),
        }
    }

    fn s3(endpoint: Option<&str>) -> Destination {
        serde_json::from_value(json!({
            "type": "S3", "s3": {"bucket": "backups", "endpoint": endpoint}, "credentials": {"name": "backups"},
        }))
        .unwrap()
    }

    #[test]
    fn a_key_that_is_missing_is_named() {
        let refusal = store(&s3(None), &held(&json!({"accessKeyID": "QQ=="}))).unwrap_err();
        assert_eq!(refusal.reason, Reason::CredentialsRefused);
        assert!(refusal.message.contains("secretAccessKey"), "{refusal}");
    }

    #[test]
    fn the_line_end_of_an_editor_is_no_part_of_a_key() {
        // "A\n" and "B".
        let made = store(
            &s3(Some("http://store:9000/")),
            &held(&json!({"accessKeyID": "QQo=", "secretAccessKey": "Qg=="})),
        );
        let Ok(Store::S3 {
            endpoint,
            access_key_id,
            path_style,
            ..
        }) = made
        else {
            panic!("{made:?}");
        };
        assert_eq!(access_key_id, Some("A".into()));
        assert_eq!(
            (endpoint.as_deref(), path_style),
            (Some("http://store:9000"), true)
        );
    }
}
