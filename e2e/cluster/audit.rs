//! PROOF: what the API server refused to programs that run in pods, in its own words (its audit log). Reads a file.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::json;

/// A request that was answered with 403.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Namespace of the service account that asked.
    pub namespace: String,
    /// The service account.
    pub account: String,
    /// Verb and path of the request.
    pub request: String,
    /// When it came, as the API server writes it.
    pub at: String,
}

/// Writes the policy into a folder and returns the API server's options: requests of service accounts, without bodies,
/// but for those of the cluster's own controllers.
pub fn options(folder: &Path) -> Result<Vec<String>> {
    let policy = json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {"level": "None", "userGroups": ["system:serviceaccounts:kube-system"]},
            {"level": "Metadata", "userGroups": ["system:serviceaccounts"]},
            {"level": "None"},
        ],
    });
    let file = folder.join("audit-policy.json");
    fs::write(&file, policy.to_string()).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(vec![
        format!("--audit-policy-file={}", file.display()),
        format!("--audit-log-path={}", log(folder).display()),
        // One file however long it gets, and each line is there by the time of the answer.
        "--audit-log-maxsize=0".into(),
        "--audit-log-mode=blocking".into(),
    ])
}

fn log(folder: &Path) -> PathBuf {
    folder.join("logs/audit.log")
}

/// Every refusal so far, oldest first.
pub fn refusals(folder: &Path) -> Result<Vec<Refusal>> {
    let log = log(folder);
    let text = fs::read_to_string(&log).with_context(|| format!("cannot read {}", log.display()))?;
    // The last line may be half written.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let mut refusals = Vec::new();
    for line in whole.lines() {
        let line: Line = serde_json::from_str(line).with_context(|| format!("{}: {line}", log.display()))?;
        refusals.extend(line.refusal());
    }
    Ok(refusals)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    verb: String,
    #[serde(rename = "requestURI")]
    request_uri: String,
    user: User,
    #[serde(default)]
    response_status: Status,
    request_received_timestamp: String,
}

#[derive(Deserialize)]
struct User {
    username: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    code: u16,
}

impl Line {
    fn refusal(self) -> Option<Refusal> {
        let account = self.user.username.strip_prefix("system:serviceaccount:")?;
        let (namespace, account) = account.split_once(':')?;
        (self.response_status.code == 403).then(|| Refusal {
            namespace: namespace.to_owned(),
            account: account.to_owned(),
            request: format!("{} {}", self.verb, self.request_uri),
            at: self.request_received_timestamp,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_requests_of_service_accounts_are_found_in_the_log() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("logs")).unwrap();
        let line = |user: &str, code: u16| {
            json!({
                "verb": "list", "requestURI": "/api/v1/secrets", "user": {"username": user},
                "responseStatus": {"code": code}, "requestReceivedTimestamp": "2026-01-01T00:00:00.000000Z",
            })
        };
        let lines = [
            line("system:serviceaccount:team-a:argo", 403),
            line("system:serviceaccount:team-a:argo", 200),
            line("system:anonymous", 403),
        ];
        let text = lines
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n");
        fs::write(log(folder.path()), text + "\n{\"verb\": \"half wri").unwrap();
        let found = refusals(folder.path()).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].namespace.as_str(), found[0].account.as_str()),
            ("team-a", "argo")
        );
        assert_eq!(found[0].request, "list /api/v1/secrets");
    }
}
