//! Room e2e/standin: the words of the data files for Kubernetes rights. No I/O, no judgement here.

use std::fmt;

use serde::Deserialize;

use crate::template::Template;

/// Kubernetes rights in the pod's namespace: needed when `why` is given, known but not asked for when `optional` is.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RightContract {
    /// API group; empty is the core group.
    pub group: String,
    /// Plural, with the subresource after a slash.
    pub resource: String,
    /// The one object, when the right is for one.
    #[serde(default)]
    pub name: Option<String>,
    /// Verbs.
    pub verbs: Vec<String>,
    /// It is asked for only where this is a true value, such as `${--flag}`.
    #[serde(default)]
    pub only: Option<Template>,
    /// Upstream fact that says it is used.
    #[serde(default)]
    pub why: Option<String>,
    /// Upstream fact that says why it need not be there.
    #[serde(default)]
    pub optional: Option<String>,
}

/// One right, as asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Right {
    /// API group; empty is the core group.
    pub group: String,
    /// Plural.
    pub resource: String,
    /// Subresource.
    pub subresource: Option<String>,
    /// The one object, or any.
    pub name: Option<String>,
    /// Verb.
    pub verb: String,
}

impl fmt::Display for Right {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.verb, self.resource)?;
        if let Some(subresource) = &self.subresource {
            write!(formatter, "/{subresource}")?;
        }
        if let Some(name) = &self.name {
            write!(formatter, " {name:?}")?;
        }
        if self.group.is_empty() {
            write!(formatter, " (core group)")
        } else {
            write!(formatter, " ({})", self.group)
        }
    }
}

/// What a contract says of a name or right that somebody met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stance {
    /// The program fails or misbehaves without it.
    Required(String),
    /// Known, and this is why it is not asked for.
    Optional(String),
    /// No upstream fact names it.
    Unknown,
}

impl RightContract {
    /// Each right of this entry, one for each verb.
    pub fn rights(&self) -> impl Iterator<Item = Right> + '_ {
        let (resource, subresource) = match self.resource.split_once('/') {
            Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
            None => (self.resource.as_str(), None),
        };
        self.verbs.iter().map(move |verb| Right {
            group: self.group.clone(),
            resource: resource.to_owned(),
            subresource: subresource.clone(),
            name: self.name.clone(),
            verb: verb.clone(),
        })
    }
}
