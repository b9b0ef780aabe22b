//! EYES: does the object store take, give and delete an object, with the credentials that the components use? Writes one
//! small object under a prefix of its own and removes it again.

use std::time::Duration;

use kfp_api::conditions::Reason;
use kfp_plan::Seen;
use kfp_releases::release::{Install, ObjectStore};
use reqwest::{Client, Method, StatusCode};
use rusty_s3::{Bucket, Credentials, S3Action as _, UrlStyle};
use url::Url;

use super::secrets;
use super::service::address;
use crate::desired::secret_named;
use crate::error::chain;
use crate::live::Live;

/// Prefix of the probe's objects; nothing of KFP's lies under it.
pub const PREFIX: &str = ".kfp-operator/probe";
/// Time limit of each of the three requests; a store in the same cluster answers a few bytes in milliseconds.
pub const REQUEST_LIMIT: Duration = Duration::from_secs(5);
/// How long a signature holds. It is used at once; the rest is for clocks that differ.
const SIGNATURE_LIFE: Duration = Duration::from_mins(5);

/// What went wrong in the probe.
type Trouble = (Reason, String);

/// Puts, gets and deletes one object.
pub async fn look(http: &Client, install: &Install, namespace: &str, name: &str, live: &Live) -> Seen<()> {
    let store = &install.object_store;
    let at = match address(
        live,
        namespace,
        &store.endpoint.service,
        Some(&store.endpoint.port),
    ) {
        Seen::Known(address) => address.http(),
        Seen::Absent => return Seen::Absent,
        Seen::Unknown { reason, why } => return Seen::Unknown { reason, why },
    };
    let credentials = match credentials(live, store) {
        Seen::Known(credentials) => credentials,
        Seen::Absent => {
            return Seen::Unknown {
                reason: Reason::AccessDenied,
                why: format!(
                    "Secret {} in namespace {namespace} has no {} or no {}, so the operator cannot use the object store",
                    store.secret, store.access_key, store.secret_key
                ),
            };
        }
        Seen::Unknown { reason, why } => return Seen::Unknown { reason, why },
    };
    match probe(http, &at, store, &credentials, name).await {
        Ok(()) => Seen::Known(()),
        Err((reason, why)) => Seen::Unknown { reason, why },
    }
}

fn credentials(live: &Live, store: &ObjectStore) -> Seen<Credentials> {
    let found = match live.seen(&secret_named(&store.secret)) {
        Seen::Known(found) => found,
        Seen::Absent => return Seen::Absent,
        Seen::Unknown { reason, why } => return Seen::Unknown { reason, why },
    };
    match (
        secrets::text(found, &store.access_key),
        secrets::text(found, &store.secret_key),
    ) {
        (Some(access), Some(secret)) => Seen::Known(Credentials::new(access, secret)),
        _ => Seen::Absent,
    }
}

async fn probe(
    http: &Client,
    at: &str,
    store: &ObjectStore,
    credentials: &Credentials,
    name: &str,
) -> Result<(), Trouble> {
    let endpoint =
        Url::parse(at).map_err(|error| (Reason::ProbeFailed, format!("{at} is no URL: {error}")))?;
    let bucket = Bucket::new(
        endpoint,
        UrlStyle::Path,
        store.bucket.clone(),
        store.region.clone(),
    )
    .map_err(|error| {
        (
            Reason::ProbeFailed,
            format!("bucket {} at {at}: {error}", store.bucket),
        )
    })?;
    let key = format!("{PREFIX}/{name}");
    // Fresh content each time, so that an old object cannot be taken for it.
    let content = crate::credentials::password(&mut crate::credentials::system)
        .map_err(|error| (Reason::ProbeFailed, error.to_string()))?;

    let put = bucket.put_object(Some(credentials), &key).sign(SIGNATURE_LIFE);
    request(http, Method::PUT, put, Some(content.clone()), at, store).await?;
    let get = bucket.get_object(Some(credentials), &key).sign(SIGNATURE_LIFE);
    let read = request(http, Method::GET, get, None, at, store).await?;
    let delete = bucket.delete_object(Some(credentials), &key).sign(SIGNATURE_LIFE);
    request(http, Method::DELETE, delete, None, at, store).await?;
    if read == content {
        return Ok(());
    }
    let why = format!(
        "bucket {} at {at} gave back something else than was put into it",
        store.bucket
    );
    Err((Reason::ProbeFailed, why))
}

async fn request(
    http: &Client,
    method: Method,
    url: Url,
    body: Option<String>,
    at: &str,
    store: &ObjectStore,
) -> Result<String, Trouble> {
    let doing = format!("{method} of an object in bucket {} at {at}", store.bucket);
    let mut request = http.request(method, url).timeout(REQUEST_LIMIT);
    if let Some(body) = body {
        request = request.body(body);
    }
    // The URL carries the signature, so it is taken out of every message.
    let unreachable = |error: reqwest::Error| {
        let why = chain(&error.without_url());
        (
            Reason::Unreachable,
            format!("{doing}: the object store does not answer: {why}"),
        )
    };
    let answer = request.send().await.map_err(unreachable)?;
    let status = answer.status();
    let text = answer.text().await.map_err(unreachable)?;
    if status.is_success() {
        return Ok(text);
    }
    Err(refused(&doing, status, &text, &store.secret))
}

/// An S3 error in words. The body is XML with a code and a message.
fn refused(doing: &str, status: StatusCode, body: &str, secret: &str) -> Trouble {
    let element = |name: &str| {
        let (_, rest) = body.split_once(&format!("<{name}>"))?;
        rest.split_once('<').map(|(text, _)| text.trim().to_owned())
    };
    let code = element("Code").unwrap_or_else(|| status.to_string());
    let message = element("Message").unwrap_or_default();
    let said = if message.is_empty() {
        code.clone()
    } else {
        format!("{code}: {message}")
    };
    match code.as_str() {
        "NoSuchBucket" => (
            Reason::ProbeFailed,
            format!("{doing}: the bucket does not exist ({said})"),
        ),
        "AccessDenied" | "InvalidAccessKeyId" | "SignatureDoesNotMatch" => denied(doing, &said, secret),
        _ if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            denied(doing, &said, secret)
        }
        _ => (
            Reason::ProbeFailed,
            format!(
                "{doing}: the object store refused: {said} (HTTP {})",
                status.as_u16()
            ),
        ),
    }
}

fn denied(doing: &str, said: &str, secret: &str) -> Trouble {
    let why = format!(
        "{doing}: the object store refused the credentials of Secret {secret}: {said}; see that the Secret holds what the \
         store was set up with"
    );
    (Reason::AccessDenied, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(
        403,
        "<Error><Code>SignatureDoesNotMatch</Code><Message>no</Message></Error>",
        Reason::AccessDenied
    )]
    #[case(403, "", Reason::AccessDenied)]
    #[case(404, "<?xml?><Error><Code>NoSuchBucket</Code></Error>", Reason::ProbeFailed)]
    #[case(
        500,
        "<Error><Code>InternalError</Code><Message>disk full</Message></Error>",
        Reason::ProbeFailed
    )]
    fn a_refusal_says_why(#[case] status: u16, #[case] body: &str, #[case] reason: Reason) {
        let status = StatusCode::from_u16(status).unwrap();
        let (found, why) = refused("PUT", status, body, "mlpipeline-minio-artifact");
        assert_eq!(found, reason, "{why}");
    }

    #[test]
    fn a_refusal_repeats_what_the_store_said() {
        let body = "<Error><Code>InternalError</Code><Message>disk full</Message></Error>";
        let (_, why) = refused("PUT", StatusCode::INTERNAL_SERVER_ERROR, body, "x");
        assert_eq!(
            why,
            "PUT: the object store refused: InternalError: disk full (HTTP 500)"
        );
    }

    #[tokio::test]
    async fn a_store_that_is_not_there_is_unreachable_and_no_signature_is_told() {
        let store = ObjectStore {
            endpoint: "seaweedfs/http-s3".parse().unwrap(),
            bucket: "mlpipeline".into(),
            region: "us-east-1".into(),
            secret: "mlpipeline-minio-artifact".into(),
            access_key: "accesskey".into(),
            secret_key: "secretkey".into(),
        };
        let credentials = Credentials::new("AKIDEXAMPLE", "very-secret");
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap();
        let trouble = probe(
            &Client::new(),
            &format!("http://{closed}"),
            &store,
            &credentials,
            "kfp",
        )
        .await;
        let (reason, why) = trouble.unwrap_err();
        assert_eq!(reason, Reason::Unreachable);
        assert!(
            why.contains(&closed.to_string()) && !why.contains("Signature") && !why.contains("AKID"),
            "{why}"
        );
    }
}
