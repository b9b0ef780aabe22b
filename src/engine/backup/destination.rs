//! HANDS: stores: where sets lie, and the installation's own bucket. Single requests, each tried again while it can help; what
//! is written where is decided elsewhere.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use kfp_backup::order::{Bucket, Destination, Store};
use kfp_backup::progress::Immutability;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _, PutPayload, RetryConfig};
use url::Url;

use super::transport::{Transport, head};
use super::trouble::{Kind, Side, Trouble, classify};

/// How long a request is tried again. Stores restart within a minute; a longer outage ends the attempt, and the Job's next one
/// begins anew.
pub const PATIENCE: Duration = Duration::from_mins(3);
/// How long a signature for the look at a file's protection holds.
const SIGNATURE_LIFE: Duration = Duration::from_mins(5);
/// Objects that are read into memory whole are at most so large: manifests of a few thousand tables and chunks.
pub const WHOLE_MAX: u64 = 64 * 1024 * 1024;

/// A store, and the words for what goes wrong with it.
#[derive(Clone, Debug)]
pub struct Place {
    store: Arc<dyn ObjectStore>,
    signer: Option<Arc<dyn Signer>>,
    transport: Transport,
    side: Side,
}

impl Place {
    /// The store of a destination.
    pub fn destination(destination: &Destination, patience: Duration) -> Result<Self, Trouble> {
        let invalid =
            |error: object_store::Error| Side::Destination.trouble("use what was configured", &error);
        let retry = retry(patience);
        match &destination.store {
            Store::S3 {
                endpoint,
                region,
                bucket,
                path_style,
                access_key_id,
                secret_access_key,
                session_token,
                certificates,
            } => {
                let transport = Transport::new(certificates.as_deref())?;
                let mut builder = AmazonS3Builder::from_env()
                    .with_region(region)
                    .with_bucket_name(bucket)
                    .with_virtual_hosted_style_request(!path_style)
                    .with_http_connector(transport.clone())
                    .with_retry(retry);
                if let Some(endpoint) = endpoint {
                    builder = builder
                        .with_endpoint(endpoint)
                        .with_allow_http(endpoint.starts_with("http://"));
                }
                if let (Some(id), Some(key)) = (access_key_id, secret_access_key) {
                    builder = builder
                        .with_access_key_id(id.reveal())
                        .with_secret_access_key(key.reveal());
                }
                if let Some(token) = session_token {
                    builder = builder.with_token(token.reveal());
                }
                Ok(Self::of(
                    builder.build().map_err(invalid)?,
                    transport,
                    Side::Destination,
                ))
            }
            Store::Gcs {
                bucket,
                service_account,
                endpoint,
            } => {
                let transport = Transport::new(None)?;
                let mut builder = GoogleCloudStorageBuilder::from_env()
                    .with_bucket_name(bucket)
                    .with_http_connector(transport.clone())
                    .with_retry(retry);
                if let Some(endpoint) = endpoint {
                    builder = builder.with_base_url(endpoint);
                }
                if let Some(key) = service_account {
                    builder = builder.with_service_account_key(key.reveal());
                }
                Ok(Self::of(
                    builder.build().map_err(invalid)?,
                    transport,
                    Side::Destination,
                ))
            }
            Store::Azure {
                account,
                container,
                account_key,
                sas_token,
                endpoint,
            } => {
                let transport = Transport::new(None)?;
                let mut builder = MicrosoftAzureBuilder::from_env()
                    .with_account(account)
                    .with_container_name(container)
                    .with_http_connector(transport.clone())
                    .with_retry(retry);
                if let Some(endpoint) = endpoint {
                    builder = builder
                        .with_endpoint(endpoint.clone())
                        .with_allow_http(endpoint.starts_with("http://"));
                }
                if let Some(key) = account_key {
                    builder = builder.with_access_key(key.reveal());
                }
                if let Some(token) = sas_token {
                    builder = builder.with_sas_authorization(pairs(token.reveal()));
                }
                Ok(Self::of(
                    builder.build().map_err(invalid)?,
                    transport,
                    Side::Destination,
                ))
            }
        }
    }

    /// An installation's bucket.
    pub fn bucket(bucket: &Bucket, patience: Duration) -> Result<Self, Trouble> {
        let transport = Transport::new(bucket.certificates.as_deref())?;
        let store = AmazonS3Builder::new()
            .with_endpoint(&bucket.endpoint)
            .with_allow_http(bucket.endpoint.starts_with("http://"))
            .with_region(&bucket.region)
            .with_bucket_name(&bucket.name)
            .with_virtual_hosted_style_request(false)
            .with_access_key_id(bucket.access_key_id.reveal())
            .with_secret_access_key(bucket.secret_access_key.reveal())
            .with_http_connector(transport.clone())
            .with_retry(retry(patience))
            .build()
            .map_err(|error| Side::Bucket.trouble("use what was configured", &error))?;
        Ok(Self::of(store, transport, Side::Bucket))
    }

    fn of(store: impl ObjectStore + Signer, transport: Transport, side: Side) -> Self {
        let store = Arc::new(store);
        Self {
            signer: Some(store.clone()),
            store,
            transport,
            side,
        }
    }

    /// A store that is none of these, for tests.
    #[cfg(test)]
    pub fn test(store: Arc<dyn ObjectStore>, side: Side) -> Result<Self, Trouble> {
        Ok(Self {
            store,
            signer: None,
            transport: Transport::new(None)?,
            side,
        })
    }

    /// The store itself.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// A store's error in our words.
    #[must_use]
    pub fn trouble(&self, doing: &str, error: &object_store::Error) -> Trouble {
        self.side.trouble(doing, error)
    }

    /// Writes a small object.
    pub async fn put(&self, key: &str, content: impl Into<PutPayload>) -> Result<(), Trouble> {
        let doing = format!("write {key}");
        let path = self.path(key)?;
        self.store
            .put(&path, content.into())
            .await
            .map(drop)
            .map_err(|error| self.trouble(&doing, &error))
    }

    /// Reads a small object; `None` when there is none.
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>, Trouble> {
        let doing = format!("read {key}");
        let path = self.path(key)?;
        let result = match self.store.get(&path).await {
            Ok(result) => result,
            Err(error) if classify(&error) == Kind::Missing => return Ok(None),
            Err(error) => return Err(self.trouble(&doing, &error)),
        };
        if result.meta.size > WHOLE_MAX {
            return Err(Trouble::lasting(
                "ObjectTooLarge",
                format!(
                    "{key} in {} has {} bytes, far more than it can have",
                    self.side.name(),
                    result.meta.size
                ),
            ));
        }
        let bytes = result
            .bytes()
            .await
            .map_err(|error| self.trouble(&doing, &error))?;
        Ok(Some(bytes))
    }

    /// What the store says of an object; `None` when there is none.
    pub async fn look(&self, key: &str) -> Result<Option<ObjectMeta>, Trouble> {
        let path = self.path(key)?;
        match self.store.head(&path).await {
            Ok(meta) => Ok(Some(meta)),
            Err(error) if classify(&error) == Kind::Missing => Ok(None),
            Err(error) => Err(self.trouble(&format!("look at {key}"), &error)),
        }
    }

    /// Deletes an object. `false` when the store holds on to it.
    pub async fn delete(&self, key: &str) -> Result<bool, Trouble> {
        let path = self.path(key)?;
        match self.store.delete(&path).await {
            Ok(()) => Ok(true),
            Err(error) => match classify(&error) {
                Kind::Missing => Ok(true),
                // A retention that has not ended is told as a refusal.
                Kind::Denied if held(&error) => Ok(false),
                _ => Err(self.trouble(&format!("delete {key}"), &error)),
            },
        }
    }

    /// Everything whose key begins with `folder` and a slash, one by one.
    pub async fn list(
        &self,
        folder: &str,
        mut each: impl FnMut(ObjectMeta) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let doing = format!("list {folder}/");
        let path = (!folder.is_empty()).then(|| self.path(folder)).transpose()?;
        let mut listing = self.store.list(path.as_ref());
        while let Some(meta) = listing.next().await {
            each(meta.map_err(|error| self.trouble(&doing, &error))?)?;
        }
        Ok(())
    }

    /// Names of the folders directly below `folder`.
    pub async fn folders(&self, folder: &str) -> Result<Vec<String>, Trouble> {
        let path = self.path(folder)?;
        let listed = self
            .store
            .list_with_delimiter(Some(&path))
            .await
            .map_err(|error| self.trouble(&format!("list {folder}/"), &error))?;
        let names = listed.common_prefixes.iter().filter_map(|path| path.filename());
        Ok(names.map(str::to_owned).collect())
    }

    /// What the store says of an object's protection. Never an error: a credential that may only write learns nothing.
    pub async fn immutability(&self, key: &str) -> Immutability {
        match self.headers(key).await {
            Ok(headers) => protection(&headers),
            Err(why) => Immutability::Unknown { why },
        }
    }

    async fn headers(&self, key: &str) -> Result<hyper::HeaderMap, String> {
        let signer = self.signer.as_ref().ok_or("this store signs nothing")?;
        let path = Path::parse(key).map_err(|error| error.to_string())?;
        let url = signer
            .signed_url(hyper::Method::HEAD, &path, SIGNATURE_LIFE)
            .await
            .map_err(|_| "its credentials sign no requests".to_owned())?;
        head(&self.transport, url.as_str()).await
    }

    /// A key as the store's client wants it.
    pub fn path(&self, key: &str) -> Result<Path, Trouble> {
        Path::parse(key).map_err(|error| {
            Trouble::lasting(
                "KeyInvalid",
                format!("{} can have no object `{key}`: {error}", self.side.name()),
            )
        })
    }
}

fn retry(patience: Duration) -> RetryConfig {
    RetryConfig {
        retry_timeout: patience,
        max_retries: 20,
        ..RetryConfig::default()
    }
}

/// Whether a refusal to delete is one by retention, in the words of S3, GCS and Azure.
fn held(error: &object_store::Error) -> bool {
    let text = crate::error::chain(error).to_ascii_lowercase();
    [
        "object lock",
        "objectlock",
        "retention",
        "immutab",
        "legal hold",
        "worm",
    ]
    .iter()
    .any(|word| text.contains(word))
}

fn pairs(token: &str) -> Vec<(String, String)> {
    let token = token.trim().trim_start_matches('?');
    url::form_urlencoded::parse(token.as_bytes())
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect()
}

/// Headers by which S3, GCS (its XML API) and Azure tell an object's protection.
const PROTECTION: [(&str, &str); 3] = [
    ("x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date"),
    ("x-goog-object-lock-mode", "x-goog-object-lock-retain-until-date"),
    (
        "x-ms-immutability-policy-mode",
        "x-ms-immutability-policy-until-date",
    ),
];

fn protection(headers: &hyper::HeaderMap) -> Immutability {
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    for (mode, until) in PROTECTION {
        if let Some(until) = text(until) {
            let mode = text(mode).unwrap_or_default();
            return Immutability::Until { mode, until };
        }
    }
    Immutability::None
}

/// Refuses a destination inside the installation's own store: what destroys the one destroys the other.
pub async fn outside(
    destination: &Destination,
    bucket: Option<&Bucket>,
    own: &[String],
    namespace: &str,
) -> Result<(), Trouble> {
    let Store::S3 {
        endpoint: Some(endpoint),
        ..
    } = &destination.store
    else {
        return Ok(());
    };
    let Some(target) = host_port(endpoint) else {
        return Err(Trouble::lasting(
            "DestinationInvalid",
            format!("the destination's endpoint `{endpoint}` is no URL such as https://s3.example.com"),
        ));
    };
    let own: Vec<(String, u16)> = bucket
        .and_then(|bucket| host_port(&bucket.endpoint))
        .into_iter()
        .chain(
            own.iter()
                .filter_map(|address| host_port(&format!("http://{address}"))),
        )
        .collect();
    let names = own.iter().any(|address| {
        address.1 == target.1 && service(&address.0, namespace) == service(&target.0, namespace)
    });
    if names || same_address(&target, &own).await {
        return Err(Trouble::lasting(
            "DestinationInsideInstallation",
            format!(
                "the destination {}:{} is the installation's own store: what destroys the one destroys the other; name a store outside",
                target.0, target.1
            ),
        ));
    }
    Ok(())
}

fn host_port(endpoint: &str) -> Option<(String, u16)> {
    let url = Url::parse(endpoint).ok()?;
    Some((
        url.host_str()?.trim_end_matches('.').to_ascii_lowercase(),
        url.port_or_known_default()?,
    ))
}

/// A Service's name and namespace where a host can be one; the host itself otherwise.
fn service(host: &str, namespace: &str) -> String {
    let labels: Vec<&str> = host.split('.').collect();
    match labels.as_slice() {
        [name] => format!("{name}.{namespace}"),
        [name, namespace] | [name, namespace, "svc", ..] => format!("{name}.{namespace}"),
        _ => host.to_owned(),
    }
}

/// Whether both lead to one address. Names that are not known here say nothing.
async fn same_address(target: &(String, u16), own: &[(String, u16)]) -> bool {
    async fn addresses(at: &(String, u16)) -> BTreeSet<std::net::SocketAddr> {
        let (host, port) = at;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        tokio::net::lookup_host((bare, *port))
            .await
            .map(Iterator::collect)
            .unwrap_or_default()
    }
    let theirs = addresses(target).await;
    for at in own {
        if !addresses(at).await.is_disjoint(&theirs) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use kfp_backup::layout::Home;
    use rstest::rstest;

    use super::*;

    fn s3(endpoint: &str) -> Destination {
        Destination {
            store: Store::S3 {
                endpoint: Some(endpoint.into()),
                region: "us-east-1".into(),
                bucket: "backups".into(),
                path_style: true,
                access_key_id: Some("AKID".into()),
                secret_access_key: Some("CANARY".into()),
                session_token: None,
                certificates: None,
            },
            home: Home {
                prefix: String::new(),
                namespace: "team-a".into(),
                installation: "kfp".into(),
            },
        }
    }

    fn own(endpoint: &str) -> Bucket {
        Bucket {
            endpoint: endpoint.into(),
            region: "us-east-1".into(),
            name: "mlpipeline".into(),
            access_key_id: "AKID".into(),
            secret_access_key: "CANARY".into(),
            certificates: None,
        }
    }

    #[rstest]
    #[case("http://seaweedfs.team-a.svc:9000", false)]
    #[case("http://SeaweedFS.team-a.svc.cluster.local.:9000", false)]
    #[case("http://seaweedfs.team-a:9000", false)]
    #[case("http://127.0.0.1:8333", false)]
    #[case("http://127.0.0.1:8334", true)]
    #[case("http://seaweedfs.team-b.svc:9000", true)]
    #[case("http://seaweedfs.team-a.svc:9001", true)]
    #[case("https://s3.example.invalid", true)]
    #[tokio::test]
    async fn a_destination_in_the_installations_own_store_is_refused(#[case] at: &str, #[case] fine: bool) {
        let bucket = own("http://seaweedfs.team-a.svc.cluster.local:9000");
        let further = ["127.0.0.1:8333".to_owned()];
        let found = outside(&s3(at), Some(&bucket), &further, "team-a").await;
        assert_eq!(found.is_ok(), fine, "{found:?}");
        if let Err(trouble) = found {
            assert_eq!(trouble.reason, "DestinationInsideInstallation");
        }
    }

    #[test]
    fn every_kind_of_store_can_be_built_without_the_network() {
        let mut destination = s3("http://127.0.0.1:1");
        assert!(Place::destination(&destination, PATIENCE).is_ok());
        destination.store = Store::Azure {
            account: "account".into(),
            container: "backups".into(),
            account_key: None,
            sas_token: Some("?sv=2024-01-01&sig=abc%3D".into()),
            endpoint: None,
        };
        assert!(Place::destination(&destination, PATIENCE).is_ok());
        destination.store = Store::Gcs {
            bucket: "backups".into(),
            service_account: Some("no JSON".into()),
            endpoint: None,
        };
        let trouble = Place::destination(&destination, PATIENCE).unwrap_err();
        assert!(!trouble.to_string().contains("no JSON"), "{trouble}");
    }

    #[test]
    fn a_protection_is_read_from_headers() {
        let mut headers = hyper::HeaderMap::new();
        assert_eq!(protection(&headers), Immutability::None);
        headers.insert("x-amz-object-lock-mode", "COMPLIANCE".parse().unwrap());
        headers.insert(
            "x-amz-object-lock-retain-until-date",
            "2027-01-01T00:00:00Z".parse().unwrap(),
        );
        assert_eq!(
            protection(&headers),
            Immutability::Until {
                mode: "COMPLIANCE".into(),
                until: "2027-01-01T00:00:00Z".into()
            }
        );
    }

    #[tokio::test]
    async fn a_store_that_is_not_there_is_unreachable_and_no_key_is_told() {
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap();
        let place = Place::destination(&s3(&format!("http://{closed}")), Duration::ZERO).unwrap();
        let trouble = place.put("a/b", "text".as_bytes().to_vec()).await.unwrap_err();
        assert_eq!(trouble.reason, "DestinationUnreachable", "{trouble}");
        let said = format!("{trouble} {place:?}");
        assert!(!said.contains("CANARY"), "{said}");
    }
}
