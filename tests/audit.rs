//! PROOF (real API server): what the operator asked for and was answered, in the API server's own words (its audit log).

use std::path::PathBuf;

use anyhow::{Context, Result};
use k8s_openapi::jiff::Timestamp;
use serde::Deserialize;

/// The user that the operator is to the API server.
pub const OPERATOR: &str = "system:serviceaccount:kfp-operator-system:kfp-operator";
/// Verbs that change something.
const WRITES: [&str; 5] = ["create", "update", "patch", "delete", "deletecollection"];
/// Resources that are asked by creating, and kept by nobody.
const REVIEWS: [&str; 2] = ["selfsubjectreviews", "selfsubjectaccessreviews"];

/// One answered request.
#[derive(Clone, Debug)]
pub struct Request {
    /// `get`, `list`, `watch`, `create`, `patch`, …
    pub verb: String,
    /// Plural name of the kind; empty for requests that are about no object.
    pub resource: String,
    /// For example `status`.
    pub subresource: String,
    /// Namespace; empty for cluster-scoped kinds.
    pub namespace: String,
    /// Object name; empty for lists.
    pub name: String,
    /// HTTP status of the answer.
    pub code: u16,
    /// The token that was used, as the API server tells tokens apart.
    pub credential: String,
    /// When it came.
    pub at: Timestamp,
}

impl Request {
    /// Whether it changes something that is kept.
    #[must_use]
    pub fn writes(&self) -> bool {
        WRITES.contains(&self.verb.as_str()) && !REVIEWS.contains(&self.resource.as_str())
    }

    /// Whether it writes a Lease or an Event, which come and go by themselves.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self.resource.as_str(), "leases" | "events")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    verb: String,
    #[serde(default)]
    object_ref: Reference,
    #[serde(default)]
    response_status: Status,
    user: User,
    request_received_timestamp: Timestamp,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Reference {
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    code: u16,
}

#[derive(Deserialize)]
struct User {
    #[serde(default)]
    extra: std::collections::BTreeMap<String, Vec<String>>,
}

/// The audit log.
#[derive(Clone, Debug)]
pub struct Audit(PathBuf);

impl Audit {
    /// The log in this file.
    #[must_use]
    pub fn new(file: PathBuf) -> Self {
        Self(file)
    }

    /// Every request so far, in the order in which they were answered.
    pub fn requests(&self) -> Result<Vec<Request>> {
        let text = std::fs::read_to_string(&self.0).with_context(|| self.0.display().to_string())?;
        // The last line may be half written.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole
            .lines()
            .map(|line| request(line).with_context(|| line.to_owned()))
            .collect()
    }

    /// The writes to objects of this namespace, Leases and Events left out.
    pub fn writes(&self, namespace: &str) -> Result<Vec<Request>> {
        let mut requests = self.requests()?;
        requests
            .retain(|request| request.namespace == namespace && request.writes() && !request.is_passing());
        Ok(requests)
    }
}

fn request(line: &str) -> Result<Request> {
    let line: Line = serde_json::from_str(line)?;
    let credential = line.user.extra.get("authentication.kubernetes.io/credential-id");
    Ok(Request {
        verb: line.verb,
        resource: line.object_ref.resource,
        subresource: line.object_ref.subresource,
        namespace: line.object_ref.namespace,
        name: line.object_ref.name,
        code: line.response_status.code,
        credential: credential
            .and_then(|ids| ids.first())
            .cloned()
            .unwrap_or_default(),
        at: line.request_received_timestamp,
    })
}
