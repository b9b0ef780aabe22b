//! EYES: compiled pipelines that lie in the bucket alone, as servers of the first generation kept them. Reads objects; writes
//! none.

use std::time::Duration;

use kfp_database::Entry;
use kfp_plan::{ObjectRef, Seen};
use kfp_releases::release::ObjectStore;
use reqwest::{Client, StatusCode};
use rusty_s3::{Bucket as Name, Credentials, S3Action as _, UrlStyle};
use url::Url;

use super::Order;
use super::sweep::TEXT_BYTES;
use crate::Engine;
use crate::desired::secret_named;
use crate::error::chain;
use crate::live::Live;
use crate::observe::secrets;
use crate::observe::service::address;

/// Time limit of a request; a store in the same cluster answers megabytes in less than a second.
const REQUEST_LIMIT: Duration = Duration::from_secs(5);
/// How long a signature holds. It is used at once; the rest is for clocks that differ.
const SIGNATURE_LIFE: Duration = Duration::from_mins(5);
/// Where servers put compiled pipelines (kubeflow/pipelines 2.16.1, `backend/src/apiserver/config`, `PipelinePath`).
const FOLDER: &str = "pipelines";

/// An installation's bucket.
#[derive(Debug)]
pub struct Bucket {
    http: Client,
    name: Name,
    credentials: Credentials,
}

impl Bucket {
    /// The bucket of the release that runs, with the keys that the components use; the error says why there is none.
    pub async fn of(engine: &Engine, order: &Order) -> Result<Self, String> {
        let release = engine.catalog.release(&order.running.to_string());
        let install = release.and_then(|release| release.install.as_ref());
        let store = &install.ok_or("its release is not in the catalog")?.object_store;
        let service = ObjectRef {
            kind: "Service".into(),
            name: store.endpoint.service.clone(),
        };
        let secret = secret_named(&store.secret);
        let live = Live::read_each(&engine.cluster, &order.namespace, vec![service, secret]).await;
        let port = Some(store.endpoint.port.as_str());
        let at = match address(&live, &order.namespace, &store.endpoint.service, port) {
            Seen::Known(address) => address.http(),
            Seen::Absent => return Err(format!("Service {} is not there", store.endpoint.service)),
            Seen::Unknown { why, .. } => return Err(why),
        };
        Ok(Self {
            http: engine.http.clone(),
            name: named(&at, store)?,
            credentials: credentials(&live, store)?,
        })
    }

    /// A pipeline version's text, looked for where servers look for it, in their order.
    pub async fn text(&self, entry: &Entry) -> Result<String, String> {
        let places = [
            entry.uri.clone(),
            format!("{FOLDER}/{}", entry.id),
            format!("{FOLDER}/{}", entry.pipeline_id),
        ];
        for place in places.iter().filter(|place| !place.is_empty()) {
            if let Some(text) = self.get(place).await? {
                return Ok(text);
            }
        }
        Err("its row holds no compiled pipeline, and neither does the bucket".into())
    }

    /// An object; `None` when there is none of that key.
    async fn get(&self, key: &str) -> Result<Option<String>, String> {
        let url = self
            .name
            .get_object(Some(&self.credentials), key)
            .sign(SIGNATURE_LIFE);
        // The URL carries the signature, so it is taken out of every message.
        let failed = |error: reqwest::Error| {
            format!("the bucket does not give {key}: {}", chain(&error.without_url()))
        };
        let mut answer = self
            .http
            .get(url)
            .timeout(REQUEST_LIMIT)
            .send()
            .await
            .map_err(failed)?;
        match answer.status() {
            StatusCode::NOT_FOUND => return Ok(None),
            status if !status.is_success() => {
                return Err(format!("the bucket does not give {key}: {status}"));
            }
            _ => {}
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() as u64 > TEXT_BYTES {
                return Err(format!("{key} in the bucket is longer than {TEXT_BYTES} bytes"));
            }
        }
        String::from_utf8(bytes)
            .map(Some)
            .map_err(|_| format!("{key} in the bucket is no text"))
    }
}

fn named(at: &str, store: &ObjectStore) -> Result<Name, String> {
    let endpoint = Url::parse(at).map_err(|error| format!("{at} is no URL: {error}"))?;
    Name::new(
        endpoint,
        UrlStyle::Path,
        store.bucket.clone(),
        store.region.clone(),
    )
    .map_err(|error| format!("bucket {} at {at}: {error}", store.bucket))
}

fn credentials(live: &Live, store: &ObjectStore) -> Result<Credentials, String> {
    let Seen::Known(found) = live.seen(&secret_named(&store.secret)) else {
        return Err(format!("Secret {} cannot be read", store.secret));
    };
    let keys = (
        secrets::text(found, &store.access_key),
        secrets::text(found, &store.secret_key),
    );
    match keys {
        (Some(access), Some(secret)) => Ok(Credentials::new(access, secret)),
        _ => Err(format!("Secret {} lacks a key", store.secret)),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// A store that answers one request after the other, and the paths that it was asked for.
    async fn store(answers: Vec<String>) -> (Bucket, tokio::task::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            let mut asked = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = vec![0; 4096];
                let read = stream.read(&mut request).await.unwrap();
                let line = String::from_utf8_lossy(&request[..read]).into_owned();
                let path = line.split([' ', '?']).nth(1).unwrap_or_default();
                asked.push(path.to_owned());
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            asked
        });
        let store = ObjectStore {
            endpoint: "seaweedfs/http-s3".parse().unwrap(),
            bucket: "mlpipeline".into(),
            region: "us-east-1".into(),
            secret: "mlpipeline-minio-artifact".into(),
            access_key: "accesskey".into(),
            secret_key: "secretkey".into(),
        };
        let bucket = Bucket {
            http: Client::new(),
            name: named(&at, &store).unwrap(),
            credentials: Credentials::new("AKIDEXAMPLE", "very-secret"),
        };
        (bucket, serving)
    }

    fn answer(status: &str, body: &str) -> String {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
    }

    fn entry() -> Entry {
        Entry {
            id: "v1".into(),
            pipeline_id: "p1".into(),
            uri: "pipelines/old".into(),
            ..Entry::default()
        }
    }

    #[tokio::test]
    async fn a_text_is_looked_for_where_servers_look_for_it() {
        let missing = answer("404 Not Found", "");
        let (bucket, serving) =
            store(vec![missing.clone(), missing, answer("200 OK", "kind: Workflow")]).await;
        assert_eq!(bucket.text(&entry()).await.unwrap(), "kind: Workflow");
        assert_eq!(
            serving.await.unwrap(),
            [
                "/mlpipeline/pipelines/old",
                "/mlpipeline/pipelines/v1",
                "/mlpipeline/pipelines/p1"
            ]
        );
    }

    #[tokio::test]
    async fn a_store_that_refuses_is_told_without_the_signature() {
        let (bucket, _serving) = store(vec![answer("403 Forbidden", "")]).await;
        let why = bucket.text(&entry()).await.unwrap_err();
        assert_eq!(why, "the bucket does not give pipelines/old: 403 Forbidden");
    }

    #[tokio::test]
    async fn what_is_nowhere_is_said_to_be_nowhere() {
        let missing = answer("404 Not Found", "");
        let (bucket, _serving) = store(vec![missing.clone(), missing.clone(), missing]).await;
        let why = bucket.text(&entry()).await.unwrap_err();
        assert!(why.contains("neither does the bucket"), "{why}");
    }
}
