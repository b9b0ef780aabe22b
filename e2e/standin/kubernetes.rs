//! Room e2e/standin: asks the in-cluster Kubernetes API what the pod's own service account may do. Asks, and changes
//! nothing.

use std::path::Path;
use std::time::{Duration, Instant};

use hyper::{Method, StatusCode};
use serde_json::json;

use crate::contract::Right;
use crate::facts::Answer;
use crate::http::{HttpClient, NoAnswer};

/// Where every pod finds its service account (Kubernetes documentation, "Accessing the API from within a Pod").
const ACCOUNT: &str = "var/run/secrets/kubernetes.io/serviceaccount";
/// Time for one question.
const LIMIT: Duration = Duration::from_secs(10);
/// How long an unreachable API is tried; the real clients try for as long as the pod lives.
const PATIENCE: Duration = Duration::from_secs(30);

/// The API of the cluster that this pod runs in.
#[derive(Debug)]
pub struct Cluster {
    address: String,
    token: String,
    namespace: String,
    client: HttpClient,
}

/// The pod's namespace, as its service account's files say.
#[must_use]
pub fn namespace(root: &Path) -> Option<String> {
    let text = std::fs::read_to_string(root.join(ACCOUNT).join("namespace")).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

impl Cluster {
    /// The cluster that the environment and the files of the pod name; the error says what of it is missing.
    pub fn of_this_pod(root: &Path) -> Result<Self, String> {
        let variable =
            |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set: not in a pod?"));
        let (host, port) = (
            variable("KUBERNETES_SERVICE_HOST")?,
            variable("KUBERNETES_SERVICE_PORT")?,
        );
        let host = if host.contains(':') {
            format!("[{host}]")
        } else {
            host
        };
        let folder = root.join(ACCOUNT);
        let token = std::fs::read_to_string(folder.join("token"))
            .map_err(|error| format!("cannot read /{ACCOUNT}/token: {error}; is the token mounted?"))?;
        let namespace = namespace(root).ok_or_else(|| format!("cannot read /{ACCOUNT}/namespace"))?;
        let client =
            HttpClient::new(Some(&folder.join("ca.crt")), LIMIT).map_err(|error| error.to_string())?;
        Ok(Self {
            address: format!("https://{host}:{port}"),
            token: token.trim().to_owned(),
            namespace,
            client,
        })
    }

    /// Asks by `SelfSubjectAccessReview`, again for a while when the API cannot be reached.
    pub async fn may(&self, right: &Right) -> Answer {
        let start = Instant::now();
        loop {
            match self.ask(right).await {
                Ok(answer) => return answer,
                Err(_) if start.elapsed() < PATIENCE => tokio::time::sleep(Duration::from_secs(2)).await,
                Err(NoAnswer(reason)) => {
                    return Answer::Unknown(format!("the API server does not answer: {reason}"));
                }
            }
        }
    }

    async fn ask(&self, right: &Right) -> Result<Answer, NoAnswer> {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {
                "namespace": self.namespace,
                "verb": right.verb,
                "group": right.group,
                "resource": right.resource,
                "subresource": right.subresource.as_deref().unwrap_or_default(),
                "name": right.name.as_deref().unwrap_or_default(),
            }},
        });
        let url = format!(
            "{}/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            self.address
        );
        let bearer = format!("Bearer {}", self.token);
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        let (status, body) = self
            .client
            .send(Method::POST, &url, &headers, review.to_string().into_bytes())
            .await?;
        Ok(read_review(status, &body))
    }
}

/// Reads the answer to a review.
fn read_review(status: StatusCode, body: &[u8]) -> Answer {
    let answer: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    if status != StatusCode::CREATED {
        let message = answer["message"].as_str().unwrap_or("no message");
        return Answer::Unknown(format!("the API server answers {status}: {message}"));
    }
    if answer.pointer("/status/allowed") == Some(&serde_json::Value::Bool(true)) {
        return Answer::Allowed;
    }
    let reason = answer
        .pointer("/status/reason")
        .and_then(serde_json::Value::as_str);
    Answer::Denied(
        reason
            .filter(|reason| !reason.is_empty())
            .unwrap_or("the API server denies it")
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::allowed(201, r#"{"status":{"allowed":true}}"#, Answer::Allowed)]
    #[case::denied(201, r#"{"status":{"allowed":false}}"#, Answer::Denied("the API server denies it".to_owned()))]
    #[case::denied_with_a_reason(
        201,
        r#"{"status":{"allowed":false,"reason":"no RBAC policy matched"}}"#,
        Answer::Denied("no RBAC policy matched".to_owned())
    )]
    #[case::not_authenticated(
        401,
        r#"{"message":"Unauthorized"}"#,
        Answer::Unknown("the API server answers 401 Unauthorized: Unauthorized".to_owned())
    )]
    fn reviews_are_read(#[case] status: u16, #[case] body: &str, #[case] answer: Answer) {
        assert_eq!(
            read_review(StatusCode::from_u16(status).unwrap(), body.as_bytes()),
            answer
        );
    }
}
