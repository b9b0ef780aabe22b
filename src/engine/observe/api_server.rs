//! EYES: does KFP's API server serve? Asks it; changes nothing.
//!
//! Its health path alone proves little: it answers 200 while the Kubernetes API or the object store is away and before
//! its gRPC port serves (seen by running 2.5.0 to 2.16.1). So a list that reads the database is asked for too.

use std::time::Duration;

use kfp_api::conditions::Reason;
use kfp_plan::Seen;
use kfp_releases::Role;
use kfp_releases::release::Install;
use reqwest::{Client, StatusCode};
use serde_json::Value;

use super::service::address;
use crate::error::chain;
use crate::live::Live;

/// Time limit of each of the two requests.
pub const REQUEST_LIMIT: Duration = Duration::from_secs(5);
/// Name of the Service port of the REST API.
const PORT: &str = "http";
/// Health path of the v2 API, JSON (kubeflow/pipelines, backend/api/v2beta1/healthz.proto).
const HEALTH: &str = "/apis/v2beta1/healthz";
/// A read that goes through gRPC to the database, and is small whatever is stored.
const LIST: &str = "/apis/v2beta1/experiments?page_size=1";

/// What went wrong in the probe.
type Trouble = (Reason, String);

/// Asks for health and for one page of experiments.
pub async fn look(http: &Client, install: &Install, namespace: &str, live: &Live) -> Seen<()> {
    let service = install
        .role(Role::ApiServer)
        .and_then(|component| component.services.first());
    let Some(service) = service else {
        return Seen::Absent;
    };
    let at = match address(live, namespace, &service.name, Some(PORT)) {
        Seen::Known(address) => address.http(),
        Seen::Absent => return Seen::Absent,
        Seen::Unknown { reason, why } => return Seen::Unknown { reason, why },
    };
    match probe(http, &at).await {
        Ok(()) => Seen::Known(()),
        Err((reason, why)) => Seen::Unknown { reason, why },
    }
}

async fn probe(http: &Client, at: &str) -> Result<(), Trouble> {
    let (status, body) = get(http, at, HEALTH).await?;
    if status != StatusCode::OK || serde_json::from_str::<Value>(&body).is_err() {
        return Err(answered(at, HEALTH, status, &body));
    }
    let (status, body) = get(http, at, LIST).await?;
    match status {
        // 501 says that this method is not part of what the server serves. Then nothing is proven about its database,
        // which is probed by itself; a real server whose database is away answers 500.
        StatusCode::OK | StatusCode::NOT_IMPLEMENTED => Ok(()),
        status => Err(answered(at, LIST, status, &body)),
    }
}

async fn get(http: &Client, at: &str, path: &str) -> Result<(StatusCode, String), Trouble> {
    let unreachable = |error: reqwest::Error| {
        let why = chain(&error.without_url());
        (
            Reason::Unreachable,
            format!("GET {at}{path}: the API server does not answer: {why}"),
        )
    };
    let answer = http
        .get(format!("{at}{path}"))
        .timeout(REQUEST_LIMIT)
        .send()
        .await
        .map_err(unreachable)?;
    let status = answer.status();
    Ok((status, answer.text().await.map_err(unreachable)?))
}

fn answered(at: &str, path: &str, status: StatusCode, body: &str) -> Trouble {
    let message = serde_json::from_str::<Value>(body)
        .ok()
        .and_then(|body| body.get("message").and_then(Value::as_str).map(str::to_owned))
        .unwrap_or_else(|| body.chars().take(200).collect());
    (
        Reason::ProbeFailed,
        format!(
            "GET {at}{path}: the API server answered {}: {}",
            status.as_u16(),
            message.trim()
        ),
    )
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// Serves fixed answers by path, one connection a request.
    async fn server(health: (u16, &'static str), list: (u16, &'static str)) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0_u8; 4096];
                let read = stream.read(&mut request).await.unwrap();
                let health_asked = String::from_utf8_lossy(&request[..read]).contains("healthz");
                let (status, body) = if health_asked { health } else { list };
                let answer = format!(
                    "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        at
    }

    #[rstest]
    #[case::serves((200, r#"{"tag_name":"2.16.1"}"#), (200, r#"{"experiments":[]}"#), Ok(()))]
    #[case::lists_nothing((200, r#"{"tag_name":"2.16.1"}"#), (501, "not part of this program"), Ok(()))]
    #[case::no_database((200, r#"{"tag_name":"2.16.1"}"#), (500, r#"{"message":"bad connection"}"#),
        Err("the API server answered 500: bad connection"))]
    #[case::something_else_answers((200, "<html>"), (200, "{}"), Err("the API server answered 200: <html>"))]
    #[case::not_healthy((503, "starting"), (200, "{}"), Err("the API server answered 503: starting"))]
    #[tokio::test]
    async fn an_api_server_is_believed_when_it_reads_its_database(
        #[case] health: (u16, &'static str),
        #[case] list: (u16, &'static str),
        #[case] wanted: Result<(), &str>,
    ) {
        let at = server(health, list).await;
        match (probe(&Client::new(), &at).await, wanted) {
            (Ok(()), Ok(())) => {}
            (Err((_, why)), Err(wanted)) => assert!(why.ends_with(wanted), "{why}"),
            (found, wanted) => panic!("{found:?} instead of {wanted:?}"),
        }
    }
}
