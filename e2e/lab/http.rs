//! PROOF: asks a server in the cluster from the host, as a browser or a script would.

use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::blocking::Client;

/// Longest time that an answer may take.
const LIMIT: Duration = Duration::from_secs(10);

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The `Server` header; empty without one.
    pub server: String,
    /// The body as text.
    pub body: String,
}

/// Asks once. No proxy is used: the cluster is behind none.
pub fn get(url: &str) -> Result<Answer> {
    let client = Client::builder()
        .no_proxy()
        .timeout(LIMIT)
        .build()
        .context("cannot make an HTTP client")?;
    let answer = client
        .get(url)
        .send()
        .with_context(|| format!("{url} does not answer"))?;
    let server = answer
        .headers()
        .get("server")
        .and_then(|value| value.to_str().ok());
    Ok(Answer {
        status: answer.status().as_u16(),
        server: server.unwrap_or_default().to_owned(),
        body: answer.text().with_context(|| format!("{url} stops answering"))?,
    })
}
