//! HANDS: stores: where sets lie, and the installation's own bucket. Single requests, each tried again while it can help; what
//! is written where is decided elsewhere.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use kfp_backup::order::{Bucket, Destination, Store};
use kfp_backup::progress::Immutability;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _, PutPayload, RetryConfig};
use rusty_s3::{Bucket as Name, Credentials as Keys, UrlStyle};

use super::listing::{Entry, Listing};
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
    /// What a look at a file's headers is signed as.
    signed_as: hyper::Method,
    transport: Transport,
    /// How it is listed by the keys that it has, where that is another way.
    listing: Option<Listing>,
    side: Side,
}

impl Place {
    /// The store of a destination.
    pub fn destination(destination: &Destination, patience: Duration) -> Result<Self, Trouble> {
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
                    builder.build().map_err(|error| unusable(&error))?,
                    transport,
                    Side::Destination,
                ))
            }
            Store::Gcs {
                bucket,
                service_account,
                endpoint,
            } => clouds::gcs(bucket, service_account.as_ref(), endpoint.as_deref(), retry),
            Store::Azure {
                account,
                container,
                account_key,
                sas_token,
                endpoint,
            } => {
                let keys = (account_key.as_ref(), sas_token.as_ref());
                clouds::azure(account, container, keys, endpoint.as_deref(), retry)
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
        let unusable = |error: String| Trouble::lasting("BucketInvalid", error);
        let name = bucket
            .endpoint
            .parse()
            .map_err(|error| unusable(format!("{} is no URL: {error}", bucket.endpoint)))
            .and_then(|url| {
                Name::new(url, UrlStyle::Path, bucket.name.clone(), bucket.region.clone()).map_err(|error| {
                    unusable(format!("{} is no address of a store: {error}", bucket.endpoint))
                })
            })?;
        let keys = Keys::new(bucket.access_key_id.reveal(), bucket.secret_access_key.reveal());
        Ok(Self {
            listing: Some(Listing::new(name, keys, transport.clone(), patience)),
            ..Self::of(store, transport, Side::Bucket)
        })
    }

    fn of(store: impl ObjectStore + Signer, transport: Transport, side: Side) -> Self {
        let store = Arc::new(store);
        Self {
            signer: Some(store.clone()),
            signed_as: hyper::Method::HEAD,
            store,
            transport,
            listing: None,
            side,
        }
    }

    /// A store that is none of these, for tests.
    #[cfg(test)]
    pub fn test(store: Arc<dyn ObjectStore>, side: Side) -> Result<Self, Trouble> {
        Ok(Self {
            store,
            signer: None,
            signed_as: hyper::Method::HEAD,
            transport: Transport::new(None)?,
            listing: None,
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
                // A retention that has not ended is told as a refusal, by Azure as a conflict.
                Kind::Denied | Kind::Failed if held(&error, key) => Ok(false),
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

    /// Every object, by the key that the store has, whatever it is.
    #[must_use]
    pub fn objects(&self) -> BoxStream<'_, Result<Entry, Trouble>> {
        if let Some(listing) = &self.listing {
            return listing.all();
        }
        let listed = self.store.list(None).map(|meta| match meta {
            Ok(meta) => Ok(Entry {
                key: meta.location.to_string(),
                bytes: meta.size,
                etag: meta.e_tag,
            }),
            Err(error) => Err(self.trouble("list everything", &error)),
        });
        listed.boxed()
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
            .signed_url(self.signed_as.clone(), &path, SIGNATURE_LIFE)
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

/// What was configured makes no store. The words of the store's client may repeat a key.
fn unusable(error: &object_store::Error) -> Trouble {
    Trouble {
        reason: "DestinationInvalid",
        retry: false,
        ..Side::Destination.trouble("use what was configured", error)
    }
}

fn retry(patience: Duration) -> RetryConfig {
    RetryConfig {
        retry_timeout: patience,
        max_retries: 20,
        ..RetryConfig::default()
    }
}

/// Whether a refusal to delete is one by retention, in the words of S3, GCS and Azure. The key and the URL say nothing: a
/// namespace may have any of these words in its name.
fn held(error: &object_store::Error, key: &str) -> bool {
    let text = crate::error::chain(error).replace(key, "").to_ascii_lowercase();
    let said: Vec<&str> = text.split(' ').filter(|word| !word.contains("://")).collect();
    let said = said.join(" ");
    [
        "object lock",
        "objectlock",
        "retention",
        "immutab",
        "legal hold",
        "worm",
    ]
    .iter()
    .any(|word| said.contains(word))
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

mod clouds;
#[cfg(test)]
mod tests;
