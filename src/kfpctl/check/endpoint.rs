//! PEOPLE: asks a KFP API server which release it is. One GET of its health path; nothing else is asked or sent.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::failure::Failure;

/// Longest answer that is read, in bytes; a real one has some hundred.
const LONGEST: u64 = 64 << 10;
/// Paths of the API, newest first (kubeflow/pipelines, backend/api/v2beta1/healthz.proto and v1beta1).
const PATHS: [&str; 2] = ["/apis/v2beta1/healthz", "/apis/v1beta1/healthz"];

/// Which server, and how it is reached.
#[derive(Debug, clap::Args)]
pub struct Server {
    /// Address of the API or of its user interface, which is asked for its release: `https://kfp.example.com`,
    /// `http://localhost:8888`, `https://kubeflow.example.com/pipeline`.
    ///
    /// `$KFPCTL_TOKEN`, or the file named by `$KF_PIPELINES_SA_TOKEN_PATH`, is sent as bearer token. Proxies are taken from the
    /// environment as usual.
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    /// Certificates (PEM) to trust for the endpoint in place of the system's.
    #[arg(long, value_name = "FILE", requires = "endpoint")]
    endpoint_ca: Option<PathBuf>,
    /// Trust whatever certificate the endpoint shows.
    #[arg(long, requires = "endpoint", conflicts_with = "endpoint_ca")]
    endpoint_insecure: bool,
    /// Seconds that the endpoint has to answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, requires = "endpoint")]
    endpoint_timeout: u64,
}

/// What a health path answers: the API server, or the user interface about it.
#[derive(Deserialize)]
struct Health {
    #[serde(alias = "apiServerTagName")]
    tag_name: Option<String>,
}

impl Server {
    /// The release as the server writes it, for example `2.16.1`.
    pub fn ask(&self, url: &str) -> Result<String, Failure> {
        let base = base(url)?;
        let agent = self.agent()?;
        let token = token()?;
        let mut last = String::new();
        for path in PATHS {
            let address = format!("{base}{path}");
            match get(&agent, &address, token.as_deref()) {
                Ok(tag) => return release(&address, &tag),
                Err(Answer::Missing) => {
                    last = format!("{address} is not there (404); is it the address of the KFP API?");
                }
                Err(Answer::Bad(why)) => return Err(Failure::Usage(format!("{address} {why}"))),
            }
        }
        Err(Failure::Usage(last))
    }

    fn agent(&self) -> Result<ureq::Agent, Failure> {
        let mut tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .disable_verification(self.endpoint_insecure);
        if let Some(path) = &self.endpoint_ca {
            tls = tls.root_certs(RootCerts::Specific(Arc::new(certificates(path)?)));
        }
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(self.endpoint_timeout.max(1))))
            .user_agent(concat!("kfpctl/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls.build());
        Ok(config.build().into())
    }
}

fn certificates(path: &std::path::Path) -> Result<Vec<Certificate<'static>>, Failure> {
    let name = path.display();
    let pem =
        std::fs::read(path).map_err(|error| Failure::Usage(format!("{name} cannot be read: {error}")))?;
    let mut found = Vec::new();
    for item in parse_pem(&pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => found.push(certificate),
            Ok(_) => {}
            Err(error) => return Err(Failure::Usage(format!("{name} is no PEM file: {error}"))),
        }
    }
    if found.is_empty() {
        return Err(Failure::Usage(format!("{name} holds no certificate")));
    }
    Ok(found)
}

/// The address without what a person may have copied along: a page of the user interface, a path of the API.
fn base(url: &str) -> Result<&str, Failure> {
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(Failure::Usage(format!(
            "{url:?} is no address; write one like https://kfp.example.com"
        )));
    }
    let url = url.split(['#', '?']).next().unwrap_or(url);
    let url = url.find("/apis/").map_or(url, |at| &url[..at]);
    Ok(url.trim_end_matches('/'))
}

fn token() -> Result<Option<String>, Failure> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(token) = set("KFPCTL_TOKEN") {
        return Ok(Some(token));
    }
    let Some(path) = set("KF_PIPELINES_SA_TOKEN_PATH") else {
        return Ok(None);
    };
    std::fs::read_to_string(&path)
        .map(|token| Some(token.trim().to_owned()))
        .map_err(|error| Failure::Usage(format!("the token in {path} cannot be read: {error}")))
}

/// Why there is no release.
enum Answer {
    /// There is nothing at this path.
    Missing,
    /// Words that follow the address.
    Bad(String),
}

fn get(agent: &ureq::Agent, address: &str, token: Option<&str>) -> Result<String, Answer> {
    let mut request = agent.get(address).header("accept", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let mut response = request.call().map_err(|error| Answer::Bad(unreached(&error)))?;
    let status = response.status().as_u16();
    match status {
        200 => {}
        404 => return Err(Answer::Missing),
        401 | 403 => {
            return Err(Answer::Bad(format!(
                "asks who you are ({status}); set KFPCTL_TOKEN, or name the release with --backend"
            )));
        }
        _ => {
            return Err(Answer::Bad(format!(
                "answers with status {status}; try later, or name the release with --backend"
            )));
        }
    }
    let body = response.body_mut().with_config().limit(LONGEST).read_to_string();
    let body = body.map_err(|error| Answer::Bad(format!("broke off: {error}")))?;
    let health: Health = serde_json::from_str(&body).map_err(|_| {
        Answer::Bad(
            "answers with a page, perhaps to log in, and not as the KFP API does; set KFPCTL_TOKEN, or name the release with \
             --backend"
                .to_owned(),
        )
    })?;
    Ok(health.tag_name.unwrap_or_default())
}

fn unreached(error: &ureq::Error) -> String {
    // What TLS refuses comes as an error of input and output, in words only.
    let untrusted = error.to_string().contains("certificate");
    let advice = match error {
        ureq::Error::Timeout(_) => "--endpoint-timeout gives it longer",
        _ if untrusted => "--endpoint-ca names the certificates to trust",
        _ => "check the address and the network",
    };
    format!("cannot be reached: {error}; {advice}, or name the release with --backend")
}

/// Images that others built say `unknown` or nothing.
fn release(address: &str, tag: &str) -> Result<String, Failure> {
    if tag.is_empty() || tag == "unknown" {
        return Err(Failure::Usage(format!(
            "{address} does not say its release: the image was built without one; name it with --backend"
        )));
    }
    Ok(tag.to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use rstest::rstest;

    use super::*;

    /// A server on loopback that answers each request with the first answer whose path fits, as long as the test runs.
    fn serve(answers: &'static [(&'static str, &'static str)]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = [0; 4096];
                let length = stream.read(&mut request).unwrap();
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                let path = request.split(' ').nth(1).unwrap_or_default();
                let fits = answers.iter().find(|(known, _)| *known == path);
                let (status, body) = match fits {
                    Some((_, body)) if body.starts_with("HTTP ") => (&body[5..8], ""),
                    Some((_, body)) => ("200", *body),
                    None => ("404", ""),
                };
                let answer = format!(
                    "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        format!("http://{address}")
    }

    fn server() -> Server {
        Server {
            endpoint: None,
            endpoint_ca: None,
            endpoint_insecure: false,
            endpoint_timeout: 5,
        }
    }

    #[rstest]
    #[case(&[("/apis/v2beta1/healthz", r#"{"commit_sha":"a","tag_name":"2.16.1","multi_user":false}"#)], "", "2.16.1")]
    #[case(&[("/apis/v1beta1/healthz", r#"{"tag_name":"2.0.5"}"#)], "/", "2.0.5")]
    #[case(&[("/pipeline/apis/v2beta1/healthz", r#"{"tag_name":"2.14.4"}"#)], "/pipeline/#/runs", "2.14.4")]
    #[case(&[("/apis/v2beta1/healthz", r#"{"apiServerTagName":"2.17.0","frontendTagName":"2.17.1"}"#)],
        "/apis/v2beta1/healthz", "2.17.0")]
    fn a_server_says_its_release(
        #[case] answers: &'static [(&'static str, &'static str)],
        #[case] path: &str,
        #[case] wanted: &str,
    ) {
        let url = serve(answers) + path;
        assert_eq!(server().ask(&url).unwrap(), wanted);
    }

    #[rstest]
    #[case(&[], "404")]
    #[case(&[("/apis/v2beta1/healthz", r#"{"tag_name":"unknown"}"#)], "does not say its release")]
    #[case(&[("/apis/v2beta1/healthz", "{}")], "does not say its release")]
    #[case(&[("/apis/v2beta1/healthz", "<html>log in</html>")], "log in")]
    #[case(&[("/apis/v2beta1/healthz", "HTTP 401")], "KFPCTL_TOKEN")]
    #[case(&[("/apis/v2beta1/healthz", "HTTP 503")], "503")]
    fn a_server_that_does_not_is_told(
        #[case] answers: &'static [(&'static str, &'static str)],
        #[case] wanted: &str,
    ) {
        let Err(Failure::Usage(message)) = server().ask(&serve(answers)) else {
            panic!("it said one");
        };
        assert!(message.contains(wanted), "{message}");
    }

    #[rstest]
    #[case("kfp.example.com", "is no address")]
    #[case("http://127.0.0.1:1", "cannot be reached")]
    fn what_cannot_be_asked_is_told(#[case] url: &str, #[case] wanted: &str) {
        let Err(Failure::Usage(message)) = server().ask(url) else {
            panic!("it answered");
        };
        assert!(message.contains(wanted), "{message}");
    }
}
