//! HANDS: how requests to stores travel: HTTP/1.1 over TCP or TLS (ring), trusting Mozilla's list and the certificates that are
//! given, since the operator's image holds none. It knows nothing of what is said.

use std::error::Error as _;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpResponseBody,
    HttpService,
};
use tokio::time::{Instant, Sleep};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use super::trouble::Trouble;

/// How long a connection may take to be made. Two lost SYNs are borne (sent again after 1 and 3 s).
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long a peer may leave what was sent without acknowledgement before the system gives the connection up.
const SILENCE: Duration = Duration::from_secs(30);
/// How long a request may take up to the head of its answer: a piece of some megabytes over a slow line.
const HEAD_LIMIT: Duration = Duration::from_mins(3);
/// How long the next bytes of an answer may take.
const FRAME_LIMIT: Duration = Duration::from_mins(1);
/// Idle connections are kept for this long; stores close theirs after 20 s or more.
const IDLE: Duration = Duration::from_secs(15);

/// Makes clients for `object_store`.
#[derive(Clone, Debug)]
pub struct Transport {
    client: Hyper,
}

#[derive(Clone)]
struct Hyper(Client<HttpsConnector<HttpConnector>, HttpRequestBody>);

impl fmt::Debug for Hyper {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Hyper")
    }
}

impl Transport {
    /// A transport that trusts Mozilla's list and these certificates, in PEM.
    pub fn new(certificates: Option<&str>) -> Result<Self, Trouble> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(CONNECT_LIMIT));
        connector.set_keepalive(Some(SILENCE));
        #[cfg(target_os = "linux")]
        connector.set_tcp_user_timeout(Some(SILENCE));
        connector.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(certificates)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Ok(Self {
            client: Hyper(client),
        })
    }
}

fn tls(certificates: Option<&str>) -> Result<ClientConfig, Trouble> {
    let invalid = |why: String| Trouble::lasting("CertificatesInvalid", why);
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
    for certificate in CertificateDer::pem_slice_iter(certificates.unwrap_or_default().as_bytes()) {
        let certificate = certificate.map_err(|error| {
            invalid(format!(
                "the certificates that a store is to be trusted by are no PEM: {error}"
            ))
        })?;
        roots.add(certificate).map_err(|error| {
            invalid(format!(
                "a certificate that a store is to be trusted by is unusable: {error}"
            ))
        })?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| invalid(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

impl object_store::client::HttpConnector for Transport {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Transport {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let answer = tokio::time::timeout(HEAD_LIMIT, self.client.0.request(request)).await;
        let answer = match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(failed(error)),
            Err(_) => return Err(late("no answer within three minutes")),
        };
        let (parts, body) = answer.into_parts();
        Ok(HttpResponse::from_parts(
            parts,
            HttpResponseBody::new(Patient::new(body)),
        ))
    }
}

fn late(what: &'static str) -> HttpError {
    HttpError::new(
        HttpErrorKind::Timeout,
        std::io::Error::new(std::io::ErrorKind::TimedOut, what),
    )
}

fn failed(error: hyper_util::client::legacy::Error) -> HttpError {
    let kind = if error.is_connect() {
        HttpErrorKind::Connect
    } else {
        error
            .source()
            .and_then(|cause| cause.downcast_ref::<hyper::Error>())
            .map_or(HttpErrorKind::Interrupted, kind)
    };
    HttpError::new(kind, error)
}

fn kind(error: &hyper::Error) -> HttpErrorKind {
    if error.is_canceled() || error.is_closed() {
        // The connection was closed before the request was on its way.
        HttpErrorKind::Request
    } else if error.is_timeout() {
        HttpErrorKind::Timeout
    } else if error.is_parse() {
        HttpErrorKind::Decode
    } else {
        HttpErrorKind::Interrupted
    }
}

/// A body whose next bytes are waited for only so long.
struct Patient {
    body: Incoming,
    limit: Pin<Box<Sleep>>,
    waiting: bool,
}

impl Patient {
    fn new(body: Incoming) -> Self {
        Self {
            body,
            limit: Box::pin(tokio::time::sleep(FRAME_LIMIT)),
            waiting: false,
        }
    }
}

impl Body for Patient {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(frame) => {
                self.waiting = false;
                Poll::Ready(frame.map(|frame| frame.map_err(|error| HttpError::new(kind(&error), error))))
            }
            Poll::Pending => {
                // Only the peer's time counts, not that of a slow reader on this side.
                if !self.waiting {
                    self.waiting = true;
                    self.limit.as_mut().reset(Instant::now() + FRAME_LIMIT);
                }
                match self.limit.as_mut().poll(context) {
                    Poll::Ready(()) => Poll::Ready(Some(Err(late("no bytes within a minute")))),
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The head of an answer to a request without a body, for what `object_store` does not ask: a signed URL in, headers out.
pub async fn head(transport: &Transport, url: &str) -> Result<hyper::HeaderMap, String> {
    let request = hyper::Request::builder()
        .method(hyper::Method::HEAD)
        .uri(url)
        .body(HttpRequestBody::from(Bytes::new()))
        .map_err(|error| error.to_string())?;
    // The error may tell the URL, which carries a signature.
    let answer = transport
        .call(request)
        .await
        .map_err(|error| format!("no answer ({:?})", error.kind()))?;
    if !answer.status().is_success() {
        return Err(format!("HTTP {}", answer.status().as_u16()));
    }
    let (parts, body) = answer.into_parts();
    // A HEAD has no body; reading its end gives the connection back.
    drop(body.bytes().await);
    Ok(parts.headers)
}

/// The text of an answer, for what `object_store` does not ask. An error that the server tells holds its words.
pub async fn text(
    transport: &Transport,
    request: HttpRequest,
) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let (parts, body) = transport.call(request).await?.into_parts();
    let body = body.bytes().await?;
    let text = String::from_utf8_lossy(&body).into_owned();
    if parts.status.is_success() {
        Ok(text)
    } else {
        Err(format!("HTTP {}: {text}", parts.status.as_u16()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_that_are_none_are_refused_by_name() {
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(
            Transport::new(Some(broken)).unwrap_err().reason,
            "CertificatesInvalid"
        );
        assert!(Transport::new(None).is_ok());
    }
}
