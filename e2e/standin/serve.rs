//! Room e2e/standin: the ports. Every answer says that it comes from a stand-in.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::Listener;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

use crate::contract::{PortContract, Role, Service};
use crate::facts::{Facts, Held};
use crate::http::{HttpClient, chain};
use crate::template::Template;

/// Time for a TLS handshake, and for the page's question to the API server (frontend/server/handlers/healthz.ts).
const LIMIT: Duration = Duration::from_secs(1);

/// What every answer is made of.
#[derive(Debug)]
struct Card {
    role: Role,
    release: String,
    environment: HashMap<String, String>,
    pipeline_store: bool,
    pipelines_in_kubernetes: bool,
}

impl Card {
    fn words(&self) -> String {
        format!(
            "kfp-standin: stands in for {} {}; NOT the real one",
            self.role, self.release
        )
    }

    fn page(&self) -> Html<String> {
        let words = self.words();
        Html(format!(
            "<!doctype html><html><head><title>{words}</title></head><body><h1>{words}</h1></body></html>\n"
        ))
    }

    fn variable(&self, name: &str, otherwise: &str) -> String {
        self.environment
            .get(name)
            .map_or(otherwise, String::as_str)
            .to_owned()
    }
}

/// A port that is open.
pub struct Opened {
    /// Where it listens.
    pub address: SocketAddr,
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    router: Router,
}

/// Opens a port; `bind` is none for every address of the pod.
pub async fn open(
    port: &PortContract,
    role: Role,
    release: &str,
    facts: &Facts,
    bind: Option<std::net::IpAddr>,
    root: &Path,
) -> Result<Opened, String> {
    let number = port.port.expand(facts).text;
    let number: u16 = number.parse().map_err(|_| format!("{number:?} is no port"))?;
    let listener = listen(number, bind)
        .await
        .map_err(|error| format!("cannot open port {number}: {error}"))?;
    let acceptor = match (&port.certificate, &port.key) {
        (Some(certificate), Some(key)) => {
            let path = |text: String| root.join(text.trim_start_matches('/'));
            Some(acceptor(
                &path(certificate.expand(facts).text),
                &path(key.expand(facts).text),
            )?)
        }
        _ => None,
    };
    let environment = facts
        .variables
        .iter()
        .filter_map(|(name, held)| match held {
            Held::Text(text) => Some((name.clone(), text.clone())),
            Held::Promised(_) | Held::Maybe(_) => None,
        })
        .collect();
    let card = Card {
        role,
        release: release.to_owned(),
        environment,
        pipeline_store: port.pipeline_store,
        pipelines_in_kubernetes: Template("${--pipelinesStoreKubernetes}".to_owned()).holds(facts),
    };
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    Ok(Opened {
        address,
        listener,
        acceptor,
        router: router(port.service, Arc::new(card)),
    })
}

impl Opened {
    /// Serves until the process ends.
    pub async fn serve(self) -> io::Result<()> {
        match self.acceptor {
            None => axum::serve(self.listener, self.router).await,
            Some(acceptor) => {
                axum::serve(
                    TlsListener {
                        listener: self.listener,
                        acceptor,
                    },
                    self.router,
                )
                .await
            }
        }
    }
}

async fn listen(port: u16, bind: Option<std::net::IpAddr>) -> io::Result<TcpListener> {
    if let Some(address) = bind {
        return TcpListener::bind((address, port)).await;
    }
    // Go's servers listen on both families; a node without IPv6 has the one only.
    match TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await,
    }
}

fn acceptor(certificate: &PathBuf, key: &PathBuf) -> Result<TlsAcceptor, String> {
    let fault = |path: &Path, error: &dyn std::error::Error| format!("{}: {}", path.display(), chain(error));
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(certificate)
        .map_err(|error| fault(certificate, &error))?
        .collect();
    let chain = chain.map_err(|error| fault(certificate, &error))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| fault(key, &error))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| fault(key, &error))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = Listener::accept(&mut self.listener).await;
            // A caller that does not shake hands is a caller less, nothing more.
            if let Ok(Ok(stream)) = tokio::time::timeout(LIMIT, self.acceptor.accept(stream)).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

fn router(service: Service, card: Arc<Card>) -> Router {
    let routes = match service {
        Service::ApiServer => Router::new()
            .route("/apis/v1beta1/healthz", get(api_health_v1))
            .route("/apis/v2beta1/healthz", get(api_health_v2))
            .route("/metrics", get(metrics))
            .fallback(not_real),
        Service::Grpc => Router::new().fallback(unimplemented_call),
        Service::Frontend => Router::new()
            .route("/apis/v1beta1/healthz", get(page_health))
            .route("/apis/v2beta1/healthz", get(page_health))
            .route("/", get(page))
            .fallback(not_real),
        Service::Page => Router::new().route("/", get(page)).fallback(not_real),
        Service::Metrics => Router::new().route("/metrics", get(metrics)).fallback(not_real),
        Service::CacheWebhook => Router::new().route("/mutate", post(allow)).fallback(not_real),
        Service::PipelineWebhook => Router::new()
            .route("/webhooks/mutate-pipelineversion", post(allow))
            .route("/webhooks/validate-pipelineversion", post(allow))
            .fallback(not_real),
        Service::EnvoyAdmin => Router::new()
            .route("/ready", get(|| async { "LIVE\n" }))
            .route("/", get(page))
            .fallback(not_real),
    };
    routes
        .with_state(Arc::clone(&card))
        .layer(axum::middleware::map_response(move |mut response: Response| {
            let card = Arc::clone(&card);
            async move {
                if let Ok(words) = HeaderValue::from_str(&card.words()) {
                    response.headers_mut().insert(header::SERVER, words);
                }
                response
            }
        }))
}

fn api_health(card: &Card) -> Value {
    json!({
        "commit_sha": card.variable("COMMIT_SHA", "unknown"),
        "tag_name": card.variable("TAG_NAME", "unknown"),
        "multi_user": false,
    })
}

async fn api_health_v1(State(card): State<Arc<Card>>) -> Json<Value> {
    Json(api_health(&card))
}

async fn api_health_v2(State(card): State<Arc<Card>>) -> Json<Value> {
    let mut health = api_health(&card);
    if card.pipeline_store {
        health["pipeline_store"] = json!(if card.pipelines_in_kubernetes {
            "kubernetes"
        } else {
            "database"
        });
    }
    Json(health)
}

/// The page's health: 200 in any case, with what the API server says, asked each time.
async fn page_health(State(card): State<Arc<Card>>) -> Json<Value> {
    let host = card.variable("ML_PIPELINE_SERVICE_HOST", "localhost");
    let port = card.variable("ML_PIPELINE_SERVICE_PORT", "3001");
    let url = format!("http://{host}:{port}/apis/v1beta1/healthz");
    let asked = match HttpClient::new(None, LIMIT) {
        Ok(client) => client.send(hyper::Method::GET, &url, &[], Vec::new()).await.ok(),
        Err(_) => None,
    };
    let answer: Option<Value> = asked.and_then(|(_, body)| serde_json::from_slice(&body).ok());
    let mut health = json!({
        "buildDate": "",
        "frontendCommitHash": "kfp-standin",
        "frontendTagName": card.release,
        "apiServerReady": answer.is_some(),
    });
    if let Some(answer) = answer {
        health["apiServerCommitHash"] = answer["commit_sha"].clone();
        health["apiServerTagName"] = answer["tag_name"].clone();
        health["apiServerMultiUser"] = answer["multi_user"].clone();
        health["multi_user"] = answer["multi_user"].clone();
    }
    Json(health)
}

async fn page(State(card): State<Arc<Card>>) -> Html<String> {
    card.page()
}

async fn metrics(State(card): State<Arc<Card>>) -> Response {
    let text = format!(
        "# HELP kfp_standin_info Says that this is a stand-in.\n# TYPE kfp_standin_info gauge\n\
         kfp_standin_info{{role=\"{}\",release=\"{}\"}} 1\n",
        card.role, card.release
    );
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

/// Allows every pod, unchanged; answers in the version of the question.
async fn allow(Json(review): Json<Value>) -> Json<Value> {
    Json(json!({
        "apiVersion": review["apiVersion"],
        "kind": "AdmissionReview",
        "response": {"uid": review.pointer("/request/uid"), "allowed": true},
    }))
}

async fn not_real(State(card): State<Arc<Card>>) -> Response {
    let body = Json(json!({"error": card.words(), "code": 12, "message": "a stand-in has no such call"}));
    (StatusCode::NOT_IMPLEMENTED, body).into_response()
}

/// gRPC's status 12, UNIMPLEMENTED, in headers alone: what a gRPC client takes for an answer.
async fn unimplemented_call(State(card): State<Arc<Card>>) -> Response {
    let mut response = StatusCode::OK.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(
        HeaderName::from_static("grpc-status"),
        HeaderValue::from_static("12"),
    );
    if let Ok(words) = HeaderValue::from_str(&card.words()) {
        headers.insert(HeaderName::from_static("grpc-message"), words);
    }
    response
}

#[cfg(test)]
mod tests;
