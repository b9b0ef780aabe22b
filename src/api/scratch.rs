//! WORDS: where a set is restored to see that it can be. No I/O, no decisions.
//!
//! Doc comments here are what `kubectl explain` and the API reference print. Rules between fields stand in [`crate::rules`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::destination::SecretName;

/// Where a set is restored to see that it can be, with `verify: Restore`. Only the member named by `type` may be set.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Scratch {
    /// Which server: `Sidecar` (one of the image of the installation's database, which lives as long as the check) or `Server`
    /// (one that is there). Values may be added.
    #[serde(default)]
    pub r#type: ScratchType,
    /// A server that is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ScratchServer>,
}

/// Which server a set is restored into to see that it can be. Values may be added.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
pub enum ScratchType {
    /// One that lives as long as the check.
    #[default]
    Sidecar,
    /// One that is there.
    Server,
}

/// A server of databases, of the same family as the installation's, on which a check makes databases and drops them at its end.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScratchServer {
    /// Host name or address, as pods of the operator's namespace reach it.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[A-Za-z0-9]([-A-Za-z0-9._:]*[A-Za-z0-9])?$")
    )]
    pub host: String,
    /// TCP port that it listens on.
    #[serde(default = "port")]
    #[schemars(range(min = 1, max = 65_535))]
    pub port: i32,
    /// Secret of the operator's namespace, of the same form as those of destinations, with the keys `username` and `password` of
    /// an account that has all rights on the databases whose names begin with `databasePrefix`.
    pub credentials: SecretName,
    /// What the names of the databases begin with. What follows is made from the backup, so that no other database is ever
    /// touched: `kfp_verify_1a2b3c4d_mlpipeline`.
    #[serde(default = "database_prefix")]
    #[schemars(length(min = 1, max = 24), regex(pattern = r"^[a-z][a-z0-9_]*$"))]
    pub database_prefix: String,
}

/// What MySQL and MariaDB listen on.
const fn port() -> i32 {
    3306
}

fn database_prefix() -> String {
    "kfp_verify".to_owned()
}
