//! WORDS: where sets of backups lie, and whose credentials open it. No I/O, no decisions.
//!
//! Doc comments here are what `kubectl explain` and the API reference print. Rules between fields stand in [`crate::rules`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::embedded;

/// A place for backups. Only the member named by `type` may be set.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Destination {
    /// Kind of store: `S3` (Amazon S3, or anything that speaks its protocol), `GCS` (Google Cloud Storage) or `Azure` (Azure
    /// Blob Storage). Values may be added.
    pub r#type: DestinationType,
    /// A bucket that is reached by the protocol of S3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3: Option<S3Destination>,
    /// A bucket of Google Cloud Storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gcs: Option<GcsDestination>,
    /// A container of Azure Blob Storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azure: Option<AzureDestination>,
    /// What every key begins with, without slashes at its ends. Sets lie below
    /// `PREFIX/NAMESPACE/INSTALLATION/`, so that installations may share a prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    #[schemars(regex(pattern = r"^[A-Za-z0-9]([-A-Za-z0-9_.=/]*[-A-Za-z0-9_.=])?$"))]
    pub prefix: Option<String>,
    /// Secret of the operator's namespace with the credentials that write and read. It carries the label
    /// `kfpops.dev/backup-credentials` with value `true`, and its annotation `kfpops.dev/namespaces` lists the namespaces
    /// that may use it (`*` for all). Keys: `accessKeyID`, `secretAccessKey` and, where there are such, `sessionToken` and
    /// `ca.crt` (certificates that the server is trusted by, in PEM) for S3; `serviceAccount.json` for GCS; `accountKey` or
    /// `sasToken` for Azure. The right to put objects is enough to write a set, and for what a
    /// restore takes away to be exported beside it.
    pub credentials: SecretName,
    /// Secret of the same form whose credentials may delete, for retention, for the remains of failed attempts and for
    /// `deletionPolicy: Delete`; they are also what a set is read with to verify it. Unset means `credentials`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_credentials: Option<SecretName>,
}

/// Kind of store. Values may be added.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
pub enum DestinationType {
    /// Amazon S3, or anything that speaks its protocol.
    #[default]
    S3,
    /// Google Cloud Storage.
    GCS,
    /// Azure Blob Storage.
    Azure,
}

/// A bucket that is reached by the protocol of S3.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct S3Destination {
    /// Name of the bucket, which exists.
    #[schemars(length(min = 3, max = 63), regex(pattern = r"^[a-z0-9][-a-z0-9.]*[a-z0-9]$"))]
    pub bucket: String,
    /// Address of the server, for example `https://s3.example.com:9000`. With `http` everything but the secret key goes over
    /// the network in the clear. Unset means Amazon's in `region`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 8, max = 512))]
    #[schemars(regex(pattern = r"^https?://[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?(:[0-9]{1,5})?/?$"))]
    pub endpoint: Option<String>,
    /// Region that requests are signed for.
    #[serde(default = "region")]
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[a-z0-9][-a-z0-9]*$"))]
    pub region: String,
}

/// What Amazon, and most servers that speak its protocol, take where nothing is said.
fn region() -> String {
    "us-east-1".to_owned()
}

/// A bucket of Google Cloud Storage.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GcsDestination {
    /// Name of the bucket, which exists.
    #[schemars(
        length(min = 3, max = 222),
        regex(pattern = r"^[a-z0-9][-a-z0-9._]*[a-z0-9]$")
    )]
    pub bucket: String,
}

/// A container of Azure Blob Storage.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AzureDestination {
    /// Name of the storage account.
    #[schemars(length(min = 3, max = 24), regex(pattern = r"^[a-z0-9]+$"))]
    pub account: String,
    /// Name of the container, which exists.
    #[schemars(length(min = 3, max = 63), regex(pattern = r"^[a-z0-9](-?[a-z0-9])*$"))]
    pub container: String,
}

/// A Secret, by its name.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretName {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253), regex(pattern = embedded::SUBDOMAIN))]
    pub name: String,
}

impl Destination {
    /// The destination as an address for people, without credentials and without a slash at its end.
    #[must_use]
    pub fn url(&self) -> String {
        let place = match self.r#type {
            DestinationType::S3 => {
                let bucket = self.s3.as_ref().map_or("", |s3| s3.bucket.as_str());
                format!("s3://{bucket}")
            }
            DestinationType::GCS => {
                let bucket = self.gcs.as_ref().map_or("", |gcs| gcs.bucket.as_str());
                format!("gs://{bucket}")
            }
            DestinationType::Azure => self.azure.as_ref().map_or_else(
                || "az://".to_owned(),
                |azure| format!("az://{}/{}", azure.account, azure.container),
            ),
        };
        match self.prefix.as_deref().map(|prefix| prefix.trim_matches('/')) {
            Some(prefix) if !prefix.is_empty() => format!("{place}/{prefix}"),
            _ => place,
        }
    }
}
