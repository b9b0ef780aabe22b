//! HANDS: the stores of Google and Microsoft, made of what a destination says. Nothing is asked of them here.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kfp_backup::hidden::Hidden;
use object_store::RetryConfig;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::signer::Signer;
use url::Url;

use super::{Place, unusable};
use crate::backup::transport::Transport;
use crate::backup::trouble::{Side, Trouble};

/// Google Cloud Storage.
pub(super) fn gcs(
    bucket: &str,
    service_account: Option<&Hidden>,
    endpoint: Option<&str>,
    retry: RetryConfig,
) -> Result<Place, Trouble> {
    let transport = Transport::new(None)?;
    let mut builder = GoogleCloudStorageBuilder::from_env()
        .with_bucket_name(bucket)
        .with_http_connector(transport.clone())
        .with_retry(retry);
    if let Some(endpoint) = endpoint {
        builder = builder.with_base_url(endpoint.trim_end_matches('/'));
    }
    if let Some(key) = service_account {
        builder = builder.with_service_account_key(key.reveal());
    }
    let store = builder.build().map_err(|error| unusable(&error))?;
    Ok(Place::of(store, transport, Side::Destination))
}

/// Azure Blob Storage, with an account's key or a shared access signature.
pub(super) fn azure(
    account: &str,
    container: &str,
    (account_key, sas_token): (Option<&Hidden>, Option<&Hidden>),
    endpoint: Option<&str>,
    retry: RetryConfig,
) -> Result<Place, Trouble> {
    let transport = Transport::new(None)?;
    let endpoint = endpoint.map(|endpoint| endpoint.trim_end_matches('/'));
    let mut builder = MicrosoftAzureBuilder::from_env()
        .with_account(account)
        .with_container_name(container)
        .with_http_connector(transport.clone())
        .with_retry(retry);
    if let Some(endpoint) = endpoint {
        builder = builder
            .with_endpoint(endpoint.to_owned())
            .with_allow_http(endpoint.starts_with("http://"));
    }
    if let Some(key) = account_key {
        builder = builder.with_access_key(key.reveal());
    }
    if let Some(token) = sas_token {
        builder = builder.with_sas_authorization(pairs(token.reveal()));
    }
    let store = builder.build().map_err(|error| unusable(&error))?;
    let mut place = Place::of(store, transport, Side::Destination);
    // A signature there allows to read, whatever the method, and one for HEAD would allow nothing.
    place.signed_as = hyper::Method::GET;
    if let (None, Some(token)) = (account_key, sas_token) {
        let own = format!("https://{account}.blob.core.windows.net");
        let signer = Given {
            container: format!("{}/{container}", endpoint.unwrap_or(&own)),
            pairs: pairs(token.reveal()),
        };
        place.signer = Some(Arc::new(signer));
    }
    Ok(place)
}

/// A shared access signature that was given. The store's client signs nothing with one, and nothing needs to be: it is itself
/// what a signed URL carries.
struct Given {
    container: String,
    pairs: Vec<(String, String)>,
}

impl fmt::Debug for Given {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Given")
            .field("container", &self.container)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Signer for Given {
    async fn signed_url(
        &self,
        _method: hyper::Method,
        path: &Path,
        _expires_in: Duration,
    ) -> object_store::Result<Url> {
        let mut url = Url::parse(&format!("{}/{path}", self.container)).map_err(|error| {
            object_store::Error::Generic {
                store: "MicrosoftAzure",
                source: Box::new(error),
            }
        })?;
        url.query_pairs_mut().extend_pairs(&self.pairs);
        Ok(url)
    }
}

fn pairs(token: &str) -> Vec<(String, String)> {
    let token = token.trim().trim_start_matches('?');
    url::form_urlencoded::parse(token.as_bytes())
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect()
}
