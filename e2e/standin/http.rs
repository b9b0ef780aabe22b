//! Room e2e/standin: one small HTTP client over ring, with a time limit on every request. Knows neither S3 nor
//! Kubernetes.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

/// A request that got no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoAnswer(pub String);

/// The client.
#[derive(Debug, Clone)]
pub struct HttpClient {
    inner: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    limit: Duration,
}

impl HttpClient {
    /// A client that trusts the certificates of one PEM file (none: it can speak plain HTTP only).
    pub fn new(authorities: Option<&Path>, limit: Duration) -> Result<Self, NoAnswer> {
        let mut roots = RootCertStore::empty();
        if let Some(path) = authorities {
            let fault =
                |error: &dyn Error| NoAnswer(format!("cannot read {}: {}", path.display(), chain(error)));
            for certificate in CertificateDer::pem_file_iter(path).map_err(|error| fault(&error))? {
                let certificate = certificate.map_err(|error| fault(&error))?;
                roots.add(certificate).map_err(|error| fault(&error))?;
            }
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| NoAnswer(chain(&error)))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self {
            inner: Client::builder(TokioExecutor::new()).build(connector),
            limit,
        })
    }

    /// Sends a request and reads the whole answer.
    pub async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<(StatusCode, Bytes), NoAnswer> {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request
            .body(Full::from(body))
            .map_err(|error| NoAnswer(chain(&error)))?;
        let exchange = async {
            let response = self
                .inner
                .request(request)
                .await
                .map_err(|error| NoAnswer(chain(&error)))?;
            let status = response.status();
            let body = response
                .into_body()
                .collect()
                .await
                .map_err(|error| NoAnswer(chain(&error)))?;
            Ok((status, body.to_bytes()))
        };
        tokio::time::timeout(self.limit, exchange)
            .await
            .map_err(|_| NoAnswer(format!("no answer within {} s", self.limit.as_secs())))?
    }
}

/// An error with everything below it, in one line.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(source) = below {
        let deeper = source.to_string();
        if !text.contains(&deeper) {
            text = format!("{text}: {deeper}");
        }
        below = source.source();
    }
    text
}
