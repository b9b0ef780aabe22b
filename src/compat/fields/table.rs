//! JUDGEMENT: the form of the committed field tables. Read while the crate is built, and by tests; never at run time.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Which fields each of many versions knows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Where each version's descriptor stands, in proofs.
    #[serde(default)]
    pub sources: BTreeMap<String, String>,
    /// The versions, oldest first.
    pub versions: Vec<String>,
    /// By whole name.
    pub messages: BTreeMap<String, Owner>,
    /// By whole name.
    #[serde(default)]
    pub enums: BTreeMap<String, Owner>,
}

/// A message or an enum.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owner {
    /// First version that knows it; unset: the first of the table.
    pub since: Option<String>,
    /// Last version that knows it; unset: the last of the table.
    pub until: Option<String>,
    /// Of a message.
    #[serde(default)]
    pub fields: Vec<Line>,
    /// Of an enum.
    #[serde(default)]
    pub values: Vec<Line>,
}

/// A field or an enum's value.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Number in the binary form.
    pub number: i32,
    /// Name in the proto file.
    pub name: String,
    /// Type of a field.
    pub kind: Option<String>,
    /// Name in JSON, where it is not what protobuf's rule makes of the name.
    pub json: Option<String>,
    /// Group of fields of which one at most may be set.
    pub oneof: Option<String>,
    /// First version that knows it; unset: its owner's first.
    pub since: Option<String>,
    /// Last version that knows it; unset: its owner's last.
    pub until: Option<String>,
}

impl Line {
    /// Whether it is the same field or value, whatever the versions.
    pub fn is_same(&self, other: &Self) -> bool {
        let key = |line: &Self| {
            (
                line.number,
                line.name.clone(),
                line.kind.clone(),
                line.json.clone(),
                line.oneof.clone(),
            )
        };
        key(self) == key(other)
    }
}

impl Table {
    /// The versions from `since` to `until`, as bits by position, out of `within`.
    pub fn bits(&self, since: Option<&String>, until: Option<&String>, within: u64) -> Result<u64, String> {
        let position = |version: &String| {
            let found = self.versions.iter().position(|listed| listed == version);
            found.ok_or_else(|| format!("{version} is not among the versions of the table"))
        };
        if self.versions.len() > 64 {
            return Err("a table holds 64 versions at most".to_owned());
        }
        let first = since.map_or(Ok(0), position)?;
        let last = until.map_or(Ok(self.versions.len().saturating_sub(1)), position)?;
        let bits = (first..=last).fold(0, |bits, at| bits | 1 << at);
        Ok(bits & within)
    }
}

/// What each backend release parses.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backends {
    /// By release, in any order.
    pub releases: BTreeMap<String, Backend>,
}

/// What one backend release parses.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backend {
    /// Pipeline spec and the frame of the platform spec.
    #[serde(rename = "kfp-pipeline-spec")]
    pub pipeline_spec: Nearest,
    /// Configuration of executors on Kubernetes.
    #[serde(rename = "kfp-kubernetes")]
    pub kubernetes: Nearest,
}

/// A package and how far it is from what a release parses.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nearest {
    /// Version of the package.
    pub package: String,
    /// Fields that the release has beside it, or in another way than it.
    #[serde(default)]
    pub plus: Vec<Plus>,
    /// Messages and fields (`message.field`) that the release does not have.
    #[serde(default)]
    pub minus: Vec<String>,
    /// Where this was read.
    pub source: String,
}

/// A field that no line of the package says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plus {
    /// Whole name of its message.
    pub message: String,
    /// Number in the binary form.
    pub number: i32,
    /// Name in the proto file.
    pub name: String,
    /// Type.
    pub kind: String,
    /// Group of fields of which one at most may be set.
    pub oneof: Option<String>,
}

impl Nearest {
    /// The same package and nothing more or less.
    pub fn exactly(other: &Self) -> Self {
        Self {
            package: other.package.clone(),
            plus: Vec::new(),
            minus: Vec::new(),
            source: other.source.clone(),
        }
    }
}

impl Plus {
    /// As a line of its message.
    pub fn line(&self) -> Line {
        Line {
            number: self.number,
            name: self.name.clone(),
            kind: Some(self.kind.clone()),
            oneof: self.oneof.clone(),
            ..Line::default()
        }
    }
}
