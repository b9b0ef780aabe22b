//! EYES AND HANDS: why a backup's Job failed: a stable reason, a sentence, and whether trying again can help. No I/O.

use std::io;
use std::time::Duration;

use kfp_backup::manifest::ManifestError;
use kfp_database::parts::PartError;
use object_store::client::{HttpError, HttpErrorKind};

use crate::error::chain;

/// Why a Job failed. No text holds a secret or a value of a row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Trouble {
    /// Stable reason: CamelCase, for conditions, events and metric labels.
    pub reason: &'static str,
    /// What went wrong, where, and what to do.
    pub message: String,
    /// Whether starting the same again can help.
    pub retry: bool,
}

impl Trouble {
    /// Nothing changes until a person or a right changes.
    pub fn lasting(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            retry: false,
        }
    }

    /// The cause may pass by itself.
    pub fn passing(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            retry: true,
        }
    }

    /// A trouble that travelled through an I/O error.
    #[must_use]
    pub fn within(error: &io::Error) -> Option<Self> {
        // Each layer may have wrapped it once more.
        let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error.get_ref()?);
        while let Some(cause) = next {
            if let Some(trouble) = cause.downcast_ref::<Self>() {
                return Some(trouble.clone());
            }
            if let Some(wrapped) = cause.downcast_ref::<io::Error>()
                && let Some(trouble) = Self::within(wrapped)
            {
                return Some(trouble);
            }
            next = cause.source();
        }
        None
    }

    /// It was told to stop.
    #[must_use]
    pub fn stopped() -> Self {
        Self::passing("Stopped", "told to stop before the end; start it again")
    }

    /// Its time was over.
    #[must_use]
    pub fn out_of_time(limit: Duration) -> Self {
        Self::passing(
            "TimeLimit",
            format!(
                "not done within {} s; raise the time limit or give the database and the store more room",
                limit.as_secs()
            ),
        )
    }
}

impl From<ManifestError> for Trouble {
    fn from(error: ManifestError) -> Self {
        Self::lasting(error.reason(), error.to_string())
    }
}

impl From<PartError> for Trouble {
    fn from(error: PartError) -> Self {
        Self {
            reason: error.reason,
            message: error.to_string(),
            retry: error.retry,
        }
    }
}

impl From<crate::Error> for Trouble {
    fn from(error: crate::Error) -> Self {
        Self {
            reason: match error.reason() {
                kfp_api::conditions::Reason::AccessDenied => "KubernetesDenied",
                kfp_api::conditions::Reason::Unreachable => "KubernetesUnreachable",
                _ => "KubernetesFailed",
            },
            message: error.to_string(),
            retry: error.retry() == crate::Retry::Backoff,
        }
    }
}

/// Which of the two stores is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Where sets lie.
    Destination,
    /// The installation's own.
    Bucket,
}

/// What a store's error comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Credentials or rights.
    Denied,
    /// No room.
    Full,
    /// No answer.
    Unreachable,
    /// No such object.
    Missing,
    /// No such bucket or container.
    NoBucket,
    /// Anything else.
    Failed,
}

impl Side {
    /// The store in a sentence.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Destination => "the destination",
            Self::Bucket => "the installation's bucket",
        }
    }

    fn reason(self, kind: Kind) -> &'static str {
        match (self, kind) {
            (Self::Destination, Kind::Denied) => "DestinationDenied",
            (Self::Destination, Kind::Full) => "DestinationFull",
            (Self::Destination, Kind::Unreachable) => "DestinationUnreachable",
            (Self::Destination, Kind::NoBucket) => "DestinationBucketMissing",
            (Self::Destination, Kind::Missing) => "ObjectMissing",
            (Self::Destination, Kind::Failed) => "DestinationFailed",
            (Self::Bucket, Kind::Denied) => "BucketDenied",
            (Self::Bucket, Kind::Full) => "BucketFull",
            (Self::Bucket, Kind::Unreachable) => "BucketUnreachable",
            (Self::Bucket, Kind::NoBucket) => "BucketMissing",
            (Self::Bucket, Kind::Missing) => "BucketObjectMissing",
            (Self::Bucket, Kind::Failed) => "BucketFailed",
        }
    }

    /// A store's error in our words. `doing` is a verb phrase such as `write x/manifest.json`.
    #[must_use]
    pub fn trouble(self, doing: &str, error: &object_store::Error) -> Trouble {
        let kind = classify(error);
        let hint = match kind {
            Kind::Denied => "; see that its credentials are right and allow this",
            Kind::Full => "; make room or raise the quota",
            Kind::Unreachable => {
                "; see that it runs, and that network policies and proxies let the Job reach it"
            }
            Kind::NoBucket => "; make the bucket, or name the right one",
            Kind::Missing | Kind::Failed => "",
        };
        Trouble {
            reason: self.reason(kind),
            message: format!("cannot {doing} in {}: {}{hint}", self.name(), said(error)),
            retry: matches!(kind, Kind::Unreachable | Kind::Failed | Kind::Full),
        }
    }
}

/// Words by which stores say that there is no room: Ceph and `MinIO`, HTTP, Azure, SeaweedFS and the file system beneath.
const FULL: [&str; 9] = [
    "QuotaExceeded",
    "StorageFull",
    "InsufficientStorage",
    "507 ",
    "AccountIsFull",
    "no space left",
    "no free volumes",
    "No writable volumes",
    "EntityTooLargeForQuota",
];
/// Words by which stores say that there is no such bucket.
const NO_BUCKET: [&str; 3] = ["NoSuchBucket", "ContainerNotFound", "bucket does not exist"];
/// Words by which stores refuse credentials with a status that is not 401 or 403, and those by which their client passes these
/// on where it has no kind of error for them: in listings, and for each deletion of a batch of Azure's.
const DENIED: [&str; 9] = [
    "AccessDenied",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "AuthenticationFailed",
    "InvalidToken",
    "status code: 401",
    "status code: 403",
    "(code: 401)",
    "(code: 403)",
];

/// What a store's error comes to.
#[must_use]
pub fn classify(error: &object_store::Error) -> Kind {
    let text = chain(error);
    let says = |words: &[&str]| {
        let lower = text.to_ascii_lowercase();
        words
            .iter()
            .any(|word| lower.contains(&word.to_ascii_lowercase()))
    };
    if says(&FULL) {
        return Kind::Full;
    }
    if says(&NO_BUCKET) {
        return Kind::NoBucket;
    }
    match error {
        object_store::Error::NotFound { .. } => return Kind::Missing,
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
            return Kind::Denied;
        }
        _ => {}
    }
    if says(&DENIED) {
        return Kind::Denied;
    }
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = next {
        if let Some(http) = cause.downcast_ref::<HttpError>() {
            return match http.kind() {
                HttpErrorKind::Decode => Kind::Failed,
                _ => Kind::Unreachable,
            };
        }
        next = cause.source();
    }
    Kind::Failed
}

/// A store's error in its own words, without what a URL carries behind its question mark (signatures, tokens).
fn said(error: &object_store::Error) -> String {
    let text = chain(error);
    let words = text.split(' ').map(|word| {
        if !word.contains("://") {
            return word;
        }
        word.split_once('?').map_or(word, |(address, _)| address)
    });
    let mut said: String = words.collect::<Vec<_>>().join(" ");
    if said.len() > SAID_MAX {
        let cut = (0..=SAID_MAX)
            .rev()
            .find(|at| said.is_char_boundary(*at))
            .unwrap_or_default();
        said.truncate(cut);
        said.push('…');
    }
    said
}

/// Bytes of a store's words that are kept: enough for an XML error.
const SAID_MAX: usize = 800;

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn generic(text: &str) -> object_store::Error {
        object_store::Error::Generic {
            store: "S3",
            source: text.to_owned().into(),
        }
    }

    fn denied(text: &str) -> object_store::Error {
        object_store::Error::PermissionDenied {
            path: "a".into(),
            source: text.to_owned().into(),
        }
    }

    #[rstest]
    #[case(denied("<Code>AccessDenied</Code>"), "DestinationDenied", false)]
    #[case(denied("<Code>QuotaExceeded</Code>"), "DestinationFull", true)]
    #[case(generic("<Code>XMinioStorageFull</Code>"), "DestinationFull", true)]
    #[case(generic("<Code>NoSuchBucket</Code>"), "DestinationBucketMissing", false)]
    #[case(generic("<Code>SignatureDoesNotMatch</Code>"), "DestinationDenied", false)]
    #[case(generic("500 InternalError"), "DestinationFailed", true)]
    #[case(
        generic("list: status code: 403 Forbidden: <Code>AuthorizationFailure</Code>"),
        "DestinationDenied",
        false
    )]
    #[case(
        generic("Bulk delete request failed for key a: not authorized (code: 403)"),
        "DestinationDenied",
        false
    )]
    #[case(
        generic("Bulk delete request failed for key a: The server is busy. (code: 503)"),
        "DestinationFailed",
        true
    )]
    fn an_error_of_a_store_has_a_stable_reason(
        #[case] error: object_store::Error,
        #[case] reason: &str,
        #[case] retry: bool,
    ) {
        let trouble = Side::Destination.trouble("write x", &error);
        assert_eq!((trouble.reason, trouble.retry), (reason, retry), "{trouble}");
    }

    #[test]
    fn no_answer_is_unreachable() {
        let error = object_store::Error::Generic {
            store: "S3",
            source: Box::new(HttpError::new(
                HttpErrorKind::Connect,
                std::io::Error::other("connection refused"),
            )),
        };
        let trouble = Side::Bucket.trouble("read x", &error);
        assert_eq!((trouble.reason, trouble.retry), ("BucketUnreachable", true));
        assert!(trouble.message.contains("connection refused"), "{trouble}");
    }

    #[test]
    fn what_a_url_carries_behind_its_question_mark_is_not_told() {
        let error = generic("Error performing PUT https://a.example/x?sig=CANARY&se=1 in 2s");
        let trouble = Side::Destination.trouble("write x", &error);
        assert!(
            !trouble.message.contains("CANARY") && trouble.message.contains("https://a.example/x in"),
            "{trouble}"
        );
    }
}
