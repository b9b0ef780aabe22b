//! Room e2e/standin: what the ports answer, asked over real sockets on the loopback.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use super::*;
use crate::facts::Held;
use crate::template::Template;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn port(service: Service) -> PortContract {
    PortContract {
        port: Template("0".to_owned()),
        service,
        only: None,
        pipeline_store: true,
        certificate: None,
        key: None,
        why: "[S] a test".to_owned(),
    }
}

fn facts(variables: &[(&str, &str)]) -> Facts {
    let held = |(name, value): &(&str, &str)| ((*name).to_owned(), Held::Text((*value).to_owned()));
    Facts {
        variables: variables.iter().map(held).collect(),
        ..Facts::default()
    }
}

/// Opens a port on the loopback and serves it for the rest of the test.
async fn up(port: &PortContract, role: Role, facts: &Facts, root: &Path) -> SocketAddr {
    let opened = open(port, role, "2.16.1", facts, Some(LOOPBACK), root)
        .await
        .unwrap();
    let address = opened.address;
    tokio::spawn(opened.serve());
    address
}

async fn ask(client: &HttpClient, method: Method, url: &str, body: &Value) -> (StatusCode, String) {
    let headers = [("content-type", "application/json")];
    let (status, body) = client
        .send(method, url, &headers, body.to_string().into_bytes())
        .await
        .unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn client() -> HttpClient {
    HttpClient::new(None, Duration::from_secs(5)).unwrap()
}

#[tokio::test]
async fn the_api_server_is_healthy_under_both_paths_and_admits_that_it_does_no_more() {
    let facts = facts(&[("COMMIT_SHA", "kfp-standin"), ("TAG_NAME", "2.16.1")]);
    let address = up(&port(Service::ApiServer), Role::ApiServer, &facts, Path::new("/")).await;
    let get = async |path: &str| {
        ask(
            &client(),
            Method::GET,
            &format!("http://{address}{path}"),
            &Value::Null,
        )
        .await
    };
    let (status, body) = get("/apis/v1beta1/healthz").await;
    assert_eq!(status, StatusCode::OK);
    let health: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        health,
        json!({"commit_sha": "kfp-standin", "tag_name": "2.16.1", "multi_user": false})
    );
    let (_, body) = get("/apis/v2beta1/healthz").await;
    assert!(body.contains(r#""pipeline_store":"database""#), "{body}");
    let (status, body) = get("/apis/v2beta1/runs").await;
    assert_eq!(status, StatusCode::NOT_IMPLEMENTED);
    assert!(body.contains("NOT the real one"), "{body}");
    let (_, body) = get("/metrics").await;
    assert!(
        body.contains(r#"kfp_standin_info{role="apiserver",release="2.16.1"} 1"#),
        "{body}"
    );
}

#[tokio::test]
async fn the_page_is_healthy_whether_or_not_the_api_server_is_and_says_which() {
    let api = up(
        &port(Service::ApiServer),
        Role::ApiServer,
        &facts(&[("TAG_NAME", "2.16.1")]),
        Path::new("/"),
    )
    .await;
    let number = api.port().to_string();
    for (port_number, ready) in [(number.as_str(), true), ("1", false)] {
        let facts = facts(&[
            ("ML_PIPELINE_SERVICE_HOST", "127.0.0.1"),
            ("ML_PIPELINE_SERVICE_PORT", port_number),
        ]);
        let page = up(&port(Service::Frontend), Role::Frontend, &facts, Path::new("/")).await;
        let url = format!("http://{page}/apis/v1beta1/healthz");
        let (status, body) = ask(&client(), Method::GET, &url, &Value::Null).await;
        let health: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (status, &health["apiServerReady"]),
            (StatusCode::OK, &json!(ready))
        );
    }
}

#[tokio::test]
async fn the_webhook_serves_the_mounted_certificate_and_allows_every_pod() {
    let root = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(root.path().join("tls.crt"), made.cert.pem()).unwrap();
    std::fs::write(root.path().join("tls.key"), made.signing_key.serialize_pem()).unwrap();
    let mut webhook = port(Service::CacheWebhook);
    webhook.certificate = Some(Template("/tls.crt".to_owned()));
    webhook.key = Some(Template("/tls.key".to_owned()));
    let address = up(&webhook, Role::CacheServer, &facts(&[]), root.path()).await;
    let trusting = HttpClient::new(Some(&root.path().join("tls.crt")), Duration::from_secs(5)).unwrap();
    let review = json!({"apiVersion": "admission.k8s.io/v1", "request": {"uid": "u"}});
    let (status, body) = ask(
        &trusting,
        Method::POST,
        &format!("https://{address}/mutate"),
        &review,
    )
    .await;
    assert_eq!(status, StatusCode::OK);
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(answer["apiVersion"], "admission.k8s.io/v1");
    assert_eq!(answer["response"], json!({"uid": "u", "allowed": true}));
}

#[tokio::test]
async fn a_certificate_that_is_not_there_stops_the_webhook() {
    let mut webhook = port(Service::CacheWebhook);
    webhook.certificate = Some(Template("/absent.crt".to_owned()));
    webhook.key = Some(Template("/absent.key".to_owned()));
    let root = tempfile::tempdir().unwrap();
    let problem = open(
        &webhook,
        Role::CacheServer,
        "2.16.1",
        &facts(&[]),
        Some(LOOPBACK),
        root.path(),
    )
    .await
    .err()
    .unwrap();
    assert!(problem.contains("absent.crt"), "{problem}");
}
