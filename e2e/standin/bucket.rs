//! Room e2e/standin: the bucket: made if it is missing, written, read and emptied again below a prefix of our own.

use std::path::Path;
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use hyper::{Method, StatusCode};
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use url::Url;

use crate::breach::Breach;
use crate::contract::{Access, BucketContract};
use crate::facts::Facts;
use crate::http::{HttpClient, NoAnswer};
use crate::template::go_duration;
use crate::voice::Voice;

/// Life of a signed request.
const SIGNED_FOR: Duration = Duration::from_mins(1);
/// Time for one request.
const LIMIT: Duration = Duration::from_secs(10);
/// Pause between two tries.
const PAUSE: Duration = Duration::from_secs(2);
/// Where Debian and Alpine keep the authorities that a TLS store is judged by.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Why a store did not do what it was asked.
#[derive(Debug)]
enum Failure {
    /// It may do so later.
    Later(String),
    /// It never will.
    Final(String),
}

/// Checks the bucket; an unreachable store, or a missing bucket that is only to be read, is tried for `patience` (at
/// most the contract's own).
pub async fn check(
    contract: &BucketContract,
    facts: &Facts,
    patience: Duration,
    voice: &Voice,
) -> Option<Breach> {
    let name = contract.name.expand(facts).text;
    let endpoint = endpoint(contract, facts);
    let breach = |problem: String| {
        let place = format!(
            "{endpoint} with access key {:?}",
            contract.access_key.expand(facts).text
        );
        Some(Breach::new(
            format!("bucket {name}"),
            problem,
            place,
            &contract.why,
        ))
    };
    let store = match Store::new(contract, facts, &endpoint, &name) {
        Ok(store) => store,
        Err(problem) => return breach(problem),
    };
    let own = go_duration(&contract.retry_for.expand(facts).text).unwrap_or_default();
    let end = Instant::now() + own.min(patience);
    loop {
        let outcome = match contract.access {
            Access::CreateAndWrite => store.create_and_write(voice).await,
            Access::Read => store.read().await,
        };
        match outcome {
            Ok(done) => {
                voice.say(&format!("bucket {name} at {endpoint}: {done}"));
                return None;
            }
            Err(Failure::Final(problem)) => return breach(problem),
            Err(Failure::Later(problem)) if Instant::now() >= end => return breach(problem),
            Err(Failure::Later(problem)) => {
                voice.say(&format!("bucket {name} at {endpoint}: {problem}; trying again"));
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn endpoint(contract: &BucketContract, facts: &Facts) -> String {
    let secure =
        ["1", "t", "T", "TRUE", "true", "True"].contains(&contract.secure.expand(facts).text.as_str());
    let scheme = if secure { "https" } else { "http" };
    let (host, port) = (contract.host.expand(facts).text, contract.port.expand(facts).text);
    if port.is_empty() {
        format!("{scheme}://{host}")
    } else {
        format!("{scheme}://{host}:{port}")
    }
}

struct Store {
    client: HttpClient,
    bucket: Bucket,
    credentials: Credentials,
}

impl Store {
    fn new(contract: &BucketContract, facts: &Facts, endpoint: &str, name: &str) -> Result<Self, String> {
        let url: Url = endpoint
            .parse()
            .map_err(|error| format!("{endpoint:?} is no address: {error}"))?;
        let authorities = (url.scheme() == "https").then(|| Path::new(AUTHORITIES));
        let client = HttpClient::new(authorities, LIMIT).map_err(|error| error.to_string())?;
        let bucket = Bucket::new(
            url,
            UrlStyle::Path,
            name.to_owned(),
            contract.region.expand(facts).text,
        )
        .map_err(|error| format!("no bucket can have this name: {error}"))?;
        let credentials = Credentials::new(
            contract.access_key.expand(facts).text,
            contract.secret_key.expand(facts).text,
        );
        Ok(Self {
            client,
            bucket,
            credentials,
        })
    }

    async fn create_and_write(&self, voice: &Voice) -> Result<String, Failure> {
        let head = self.bucket.head_bucket(Some(&self.credentials)).sign(SIGNED_FOR);
        let (status, body) = self.send(Method::HEAD, head, Vec::new()).await?;
        let mut made = "was there";
        if status == StatusCode::NOT_FOUND {
            voice.say(&format!(
                "bucket {} is missing; making it, as the real one does",
                self.bucket.name()
            ));
            let create = self.bucket.create_bucket(&self.credentials).sign(SIGNED_FOR);
            let (status, body) = self.send(Method::PUT, create, Vec::new()).await?;
            // 409: another replica made it in between.
            if status != StatusCode::CONFLICT {
                expect("cannot be made", status, &body)?;
            }
            made = "was made";
        } else {
            expect("cannot be looked at (HEAD)", status, &body)?;
        }
        let key = format!("kfp-standin/{}", uuid::Uuid::new_v4());
        let content = b"kfp-standin was here".to_vec();
        let credentials = Some(&self.credentials);
        let put = self.bucket.put_object(credentials, &key).sign(SIGNED_FOR);
        let (status, body) = self.send(Method::PUT, put, content.clone()).await?;
        expect("cannot be written (PUT)", status, &body)?;
        let get = self.bucket.get_object(credentials, &key).sign(SIGNED_FOR);
        let (status, body) = self.send(Method::GET, get, Vec::new()).await?;
        expect("cannot be read (GET)", status, &body)?;
        if body != content {
            return Err(Failure::Final(format!(
                "gives back {} bytes other than those written",
                body.len()
            )));
        }
        let delete = self.bucket.delete_object(credentials, &key).sign(SIGNED_FOR);
        let (status, body) = self.send(Method::DELETE, delete, Vec::new()).await?;
        expect("cannot be emptied (DELETE)", status, &body)?;
        Ok(format!("{made}; written, read and deleted {key}"))
    }

    /// Asks for an object that is not there: the answer says whether the key may read, and costs nothing.
    async fn read(&self) -> Result<String, Failure> {
        let key = format!("kfp-standin/{}", uuid::Uuid::new_v4());
        let get = self
            .bucket
            .get_object(Some(&self.credentials), &key)
            .sign(SIGNED_FOR);
        let (status, body) = self.send(Method::GET, get, Vec::new()).await?;
        if status == StatusCode::NOT_FOUND && !String::from_utf8_lossy(&body).contains("NoSuchBucket") {
            return Ok("may be read".to_owned());
        }
        if status == StatusCode::NOT_FOUND {
            return Err(Failure::Later("is missing".to_owned()));
        }
        expect("cannot be read (GET)", status, &body).map(|()| "may be read".to_owned())
    }

    async fn send(&self, method: Method, url: Url, body: Vec<u8>) -> Result<(StatusCode, Bytes), Failure> {
        let unreachable = |NoAnswer(reason): NoAnswer| Failure::Later(format!("cannot be reached: {reason}"));
        self.client
            .send(method, url.as_str(), &[], body)
            .await
            .map_err(unreachable)
    }
}

/// Turns an answer that is no success into a failure; 5xx may pass, everything else will not.
fn expect(what: &str, status: StatusCode, body: &[u8]) -> Result<(), Failure> {
    if status.is_success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(body);
    let code = between(&text, "<Code>", "</Code>");
    let message = between(&text, "<Message>", "</Message>");
    let problem = format!("{what}: {status} {code} {message}").trim_end().to_owned();
    Err(if status.is_server_error() {
        Failure::Later(problem)
    } else {
        Failure::Final(problem)
    })
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    text.split_once(start)
        .and_then(|(_, rest)| rest.split_once(end))
        .map_or("", |(found, _)| found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_final_and_a_faltering_store_is_not() {
        let body = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
        let refused = expect("cannot be read", StatusCode::FORBIDDEN, body);
        assert!(
            matches!(&refused, Err(Failure::Final(text)) if text == "cannot be read: 403 Forbidden AccessDenied no"),
            "{refused:?}"
        );
        assert!(matches!(
            expect("x", StatusCode::SERVICE_UNAVAILABLE, b""),
            Err(Failure::Later(_))
        ));
        assert!(expect("x", StatusCode::NO_CONTENT, b"").is_ok());
    }
}
