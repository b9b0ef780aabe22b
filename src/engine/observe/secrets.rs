//! EYES: which generated Secrets are absent, incomplete or hold a certificate due for renewal. Changes nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kfp_plan::{ObjectRef, Seen};
use kfp_render::GeneratedSecret;
use serde_json::Value;
use std::collections::BTreeSet;
use time::OffsetDateTime;

use crate::certificates::renewal_due;
use crate::desired::secret_reference;
use crate::live::Live;

/// The generated Secrets of one component that something must be made for.
#[must_use]
pub fn due(secrets: &[GeneratedSecret], live: &Live, now: OffsetDateTime) -> Seen<BTreeSet<ObjectRef>> {
    let mut due = BTreeSet::new();
    for secret in secrets {
        let object = secret_reference(secret);
        match live.seen(&object) {
            Seen::Unknown { reason, why } => return Seen::Unknown { reason, why },
            Seen::Known(found) if missing(secret, found, now).is_empty() => {}
            Seen::Known(_) | Seen::Absent => {
                due.insert(object);
            }
        }
    }
    Seen::Known(due)
}

/// The keys of the Secret that must be made: those without a value, and both of a certificate that must be renewed.
#[must_use]
pub fn missing<'a>(secret: &'a GeneratedSecret, live: &Value, now: OffsetDateTime) -> BTreeSet<&'a str> {
    let mut missing: BTreeSet<&str> = secret
        .key_names()
        .filter(|key| value(live, key).is_none())
        .collect();
    if let Some(made) = &secret.certificate {
        let pair = [made.certificate.as_str(), made.private_key.as_str()];
        let renew = value(live, pair[0]).is_none_or(|pem| renewal_due(&pem, &made.dns_names, now).is_some());
        if renew || missing.contains(pair[1]) {
            missing.extend(pair);
        }
    }
    missing
}

/// The value of a live Secret's key; `None` when it is absent or empty.
#[must_use]
pub fn value(secret: &Value, key: &str) -> Option<Vec<u8>> {
    let encoded = secret.pointer("/data")?.get(key)?.as_str()?;
    STANDARD.decode(encoded).ok().filter(|value| !value.is_empty())
}

/// The value of a live Secret's key as text.
#[must_use]
pub fn text(secret: &Value, key: &str) -> Option<String> {
    String::from_utf8(value(secret, key)?).ok()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
    use kfp_releases::component::Generate;
    use kfp_render::ServingCertificate;
    use serde_json::json;
    use time::Duration;

    use super::*;
    use crate::certificates::serving;

    fn now() -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap()
    }

    fn passwords() -> GeneratedSecret {
        let metadata = ObjectMeta {
            name: Some("mysql-secret".into()),
            ..ObjectMeta::default()
        };
        GeneratedSecret {
            metadata,
            keys: [
                ("username".to_owned(), Generate::Password),
                ("password".to_owned(), Generate::Password),
            ]
            .into(),
            certificate: None,
        }
    }

    #[test]
    fn only_keys_without_a_value_are_missing() {
        let live = json!({"data": {"username": STANDARD.encode("root"), "password": "", "extra": "eA=="}});
        assert_eq!(missing(&passwords(), &live, now()), ["password"].into());
    }

    #[test]
    fn a_secret_with_a_value_for_every_key_is_left_alone_whatever_the_values() {
        let live =
            json!({"data": {"username": STANDARD.encode("root"), "password": STANDARD.encode("short")}});
        assert!(missing(&passwords(), &live, now()).is_empty());
    }

    #[test]
    fn a_certificate_and_its_key_are_renewed_together() {
        let names = vec!["cache-server.team-a.svc".to_owned()];
        let secret = GeneratedSecret {
            keys: [].into(),
            certificate: Some(ServingCertificate {
                certificate: "cert.pem".into(),
                private_key: "key.pem".into(),
                dns_names: names.clone(),
            }),
            ..passwords()
        };
        let made = serving(&names, now()).unwrap();
        let live = json!({"data": {
            "cert.pem": STANDARD.encode(made.certificate.as_bytes()), "key.pem": STANDARD.encode(made.key.as_bytes())
        }});
        assert!(missing(&secret, &live, now()).is_empty());
        assert_eq!(
            missing(&secret, &live, now() + Duration::days(300)),
            ["cert.pem", "key.pem"].into()
        );
        let without_key = json!({"data": {"cert.pem": STANDARD.encode(made.certificate.as_bytes())}});
        assert_eq!(
            missing(&secret, &without_key, now()),
            ["cert.pem", "key.pem"].into()
        );
    }
}
