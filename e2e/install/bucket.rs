//! PROOF: an installation's bucket, reached from the host with the keys of its Secret.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kfp_e2e::lab::http;
use reqwest::blocking::Client;
use rusty_s3::actions::ListObjectsV2;
use rusty_s3::{Credentials, S3Action, UrlStyle};

use crate::lane::Lane;
use crate::stage::Stage;

/// How long a signed address is good for.
const SIGNED_FOR: Duration = Duration::from_mins(1);

/// The bucket.
pub struct Bucket {
    bucket: rusty_s3::Bucket,
    credentials: Credentials,
}

impl Bucket {
    /// The bucket of an installation.
    pub fn of(stage: &Stage, lane: Lane) -> Result<Self> {
        Self::within(stage, lane, lane.namespace)
    }

    /// The bucket of a store like this installation's in another namespace, with the same keys.
    pub fn within(stage: &Stage, lane: Lane, namespace: &str) -> Result<Self> {
        let store = &lane.install()?.object_store;
        let (service, port) = (&store.endpoint.service, &store.endpoint.port);
        let lab = stage.lab()?;
        let path = format!("jsonpath={{.spec.ports[?(@.name=={port:?})].port}}");
        let port = lab.kubectl(&["-n", namespace, "get", "service", service, "-o", &path])?;
        let address = lab.service_address(namespace, service)?;
        let url = format!("http://{address}:{port}").parse()?;
        let secret = stage.json(lane, &["secret", &store.secret])?;
        let value = |key: &str| -> Result<String> {
            let text = secret["data"][key]
                .as_str()
                .with_context(|| format!("no key {key}"))?;
            Ok(String::from_utf8(STANDARD.decode(text)?)?)
        };
        Ok(Self {
            bucket: rusty_s3::Bucket::new(url, UrlStyle::Path, store.bucket.clone(), store.region.clone())?,
            credentials: Credentials::new(value(&store.access_key)?, value(&store.secret_key)?),
        })
    }

    /// Keys below a prefix.
    pub fn keys(&self, prefix: &str) -> Result<Vec<String>> {
        let mut list = self.bucket.list_objects_v2(Some(&self.credentials));
        list.with_prefix(prefix.to_owned());
        let answer = http::get(list.sign(SIGNED_FOR).as_str())?;
        if answer.status != 200 {
            bail!("the bucket cannot be listed: {} {}", answer.status, answer.body);
        }
        let list = ListObjectsV2::parse_response(&answer.body).context("no list of objects")?;
        // Keys of a list are percent-encoded on the wire.
        Ok(list
            .contents
            .into_iter()
            .map(|object| object.key.replace("%2F", "/"))
            .collect())
    }

    /// The text of an object.
    pub fn get(&self, key: &str) -> Result<String> {
        let get = self.bucket.get_object(Some(&self.credentials), key);
        let answer = http::get(get.sign(SIGNED_FOR).as_str())?;
        if answer.status != 200 {
            bail!("{key} cannot be read: {} {}", answer.status, answer.body);
        }
        Ok(answer.body)
    }

    /// Writes an object.
    pub fn put(&self, key: &str, text: &str) -> Result<()> {
        let put = self.bucket.put_object(Some(&self.credentials), key);
        let client = Client::builder().no_proxy().build()?;
        let answer = client.put(put.sign(SIGNED_FOR)).body(text.to_owned()).send()?;
        if !answer.status().is_success() {
            bail!("{key} cannot be written: {}", answer.status());
        }
        Ok(())
    }
}
