//! FACTS: who may do what: rules of the release's own service accounts, verbs written out. No I/O.

use std::fmt;
use std::str::FromStr;

use k8s_openapi::api::rbac::v1::PolicyRule;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::strict::strict;

/// Rights of one or more subjects in the installation's namespace: a RoleBinding to a ClusterRole that is shipped with
/// the operator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Access {
    /// Name of the RoleBinding, upstream's.
    pub binding: String,
    /// Name of upstream's Role, kept for comparison; no such Role is made. Unset where upstream has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_role: Option<String>,
    /// ClusterRole that holds the rules. Releases that name the same one have the same rules.
    pub cluster_role: String,
    /// Who gets the rights.
    pub subjects: Vec<Subject>,
    /// The rights, without wildcards.
    #[serde(deserialize_with = "strict")]
    pub rules: Vec<PolicyRule>,
    /// What upstream's role has beyond these rules and why it is left out; empty when the rules are upstream's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

/// A right of upstream's that is not given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LeftOut {
    /// The right, in words.
    pub right: String,
    /// Why it is not given.
    pub reason: String,
}

/// Who gets rights. Written as `service-account:NAME` (of the installation's namespace), `service-accounts` (all of them) or
/// `group:NAME`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// ServiceAccount of the installation's namespace.
    ServiceAccount(String),
    /// Every ServiceAccount of the installation's namespace.
    ServiceAccounts,
    /// Group of users, cluster-wide.
    Group(String),
}

/// How [`Subject::ServiceAccounts`] is written.
const ALL_OF_NAMESPACE: &str = "service-accounts";

impl FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == ALL_OF_NAMESPACE => Ok(Self::ServiceAccounts),
            Some(("service-account", name)) if !name.is_empty() => Ok(Self::ServiceAccount(name.to_owned())),
            Some(("group", name)) if !name.is_empty() => Ok(Self::Group(name.to_owned())),
            _ => Err(format!(
                "`{text}` is no subject: write service-account:NAME, service-accounts or group:NAME"
            )),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServiceAccount(name) => write!(formatter, "service-account:{name}"),
            Self::ServiceAccounts => formatter.write_str(ALL_OF_NAMESPACE),
            Self::Group(name) => write!(formatter, "group:{name}"),
        }
    }
}

impl Serialize for Subject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}
