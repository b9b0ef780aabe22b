//! FACTS: known defects of releases, each with its source. No I/O.

use serde::{Deserialize, Serialize};

use crate::version::Version;

/// A known defect of one or more releases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Advisory {
    /// Short stable name.
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// What happens, in one or two sentences.
    pub summary: String,
    /// Oldest release that has it.
    pub since: Version,
    /// First release that has it no more. Unset: no release of the catalog mends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed_in: Option<Version>,
    /// What to do until then; empty when there is nothing but an upgrade.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub workaround: String,
    /// Where it is said or seen.
    pub source: String,
}

/// How bad a defect is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Severity {
    /// Costs time or looks wrong.
    Low,
    /// A feature fails; the rest works.
    Medium,
    /// Runs fail or are wrong.
    High,
    /// Data or access is lost.
    Critical,
}

impl Advisory {
    /// The release has the defect.
    #[must_use]
    pub fn affects(&self, version: Version) -> bool {
        version >= self.since && self.fixed_in.is_none_or(|fixed| version < fixed)
    }
}
