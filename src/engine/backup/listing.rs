//! EYES: every object of an installation's bucket, page by page, by the keys that the store has. The stores' common client refuses
//! a whole listing for one key that it cannot say (`a//b`), and steps of pipelines choose keys. Nothing is read or written.

use std::time::{Duration, Instant};

use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::client::HttpRequestBody;
use object_store::path::Path;
use rusty_s3::actions::ListObjectsV2;
use rusty_s3::{Bucket as Name, Credentials, S3Action as _};

use super::transport::{Transport, text};
use super::trouble::{Side, Trouble};

/// How long a signature holds.
const SIGNATURE_LIFE: Duration = Duration::from_mins(5);
/// Pause before a page is asked for again.
const PAUSE: Duration = Duration::from_secs(1);

/// An object, as a listing tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: String,
    /// Bytes.
    pub bytes: u64,
    /// `ETag`.
    pub etag: Option<String>,
}

impl Entry {
    /// Whether the stores' client can ask for it by its key.
    #[must_use]
    pub fn can_be_asked_for(&self) -> bool {
        Path::parse(&self.key).is_ok_and(|path| path.as_ref() == self.key)
    }
}

/// A bucket that can be listed.
#[derive(Clone, Debug)]
pub struct Listing {
    name: Name,
    credentials: Credentials,
    transport: Transport,
    patience: Duration,
}

impl Listing {
    /// A bucket, its keys, and how long a page is asked for again.
    #[must_use]
    pub fn new(name: Name, credentials: Credentials, transport: Transport, patience: Duration) -> Self {
        Self {
            name,
            credentials,
            transport,
            patience,
        }
    }

    /// All objects.
    #[must_use]
    pub fn all(&self) -> BoxStream<'_, Result<Entry, Trouble>> {
        let pages = futures::stream::try_unfold(Some(None), move |next: Option<Option<String>>| async move {
            let Some(token) = next else { return Ok(None) };
            let (entries, token) = self.page(token).await?;
            Ok::<_, Trouble>(Some((
                futures::stream::iter(entries.into_iter().map(Ok)),
                token.map(Some),
            )))
        });
        pages.try_flatten().boxed()
    }

    /// A page, and the token of the next one.
    async fn page(&self, token: Option<String>) -> Result<(Vec<Entry>, Option<String>), Trouble> {
        let start = Instant::now();
        loop {
            match self.ask(token.as_deref()).await {
                Ok(page) => return Ok(page),
                Err(trouble) if trouble.retry && start.elapsed() < self.patience => {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(trouble) => return Err(trouble),
            }
        }
    }

    async fn ask(&self, token: Option<&str>) -> Result<(Vec<Entry>, Option<String>), Trouble> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| {
            let error = object_store::Error::Generic { store: "S3", source };
            Side::Bucket.trouble("list everything", &error)
        };
        let mut list = ListObjectsV2::new(&self.name, Some(&self.credentials));
        if let Some(token) = token {
            list.with_continuation_token(token.to_owned());
        }
        let request = hyper::Request::get(list.sign(SIGNATURE_LIFE).as_str())
            .body(HttpRequestBody::from(bytes::Bytes::new()))
            .map_err(|error| failed(error.into()))?;
        let answer = text(&self.transport, request).await.map_err(failed)?;
        let page = ListObjectsV2::parse_response(&answer).map_err(|error| failed(error.into()))?;
        let entries = page.contents.into_iter().map(|object| Entry {
            key: object.key,
            bytes: object.size.unwrap_or_default(),
            etag: object.etag,
        });
        Ok((entries.collect(), page.next_continuation_token))
    }
}
