//! JUDGEMENT: which fields of the pipeline IR each backend release parses, and each published package can write. Tables
//! alone: how strictly a parser takes a field, and what it does with it, stands with the rules.
//!
//! The tables are made while the crate is built, out of `data/packages` (what the published packages know) and
//! `data/backends.yaml` (which package a release is nearest to, and what it has more or less); a test holds them against
//! `data/proved` (the descriptors in the Go code that each release is built with). Nothing is parsed at run time.
//!
//! ```
//! use kfp_compat::fields::{Fields, Root};
//!
//! let release = "2.15.0".parse()?;
//! let fields = Fields::of(release).ok_or("2.15.0 is a backend release")?;
//! let executor = fields.root(Root::KubernetesExecutorConfig).ok_or("it parses executor configurations")?;
//! assert!(executor.field("secretAsEnv").is_some());
//! assert!(executor.field("securityContext").is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod kind;
mod origin;
mod presence;
mod tables;

#[cfg(test)]
#[path = "fields/table.rs"]
#[expect(dead_code, reason = "the build script reads more of it than tests do")]
mod form;
#[cfg(test)]
mod tests;

use kfp_releases::Version;

pub use kind::{Kind, Root, Scalar, Shape, WellKnown};
pub use origin::{Exactness, Package};
pub use presence::{
    first_release_with, last_release_with, message_packages, newest_package_within, packages_with, releases,
    releases_with,
};
use tables::{ENUMS, EnumRow, MESSAGES, MessageRow, RELEASES, ReleaseRow};

/// What the servers of one backend release parse.
#[derive(Clone, Copy, Debug)]
pub struct Fields {
    row: &'static ReleaseRow,
    bit: u64,
}

/// A message as one release parses it.
#[derive(Clone, Copy, Debug)]
pub struct Message {
    row: &'static MessageRow,
    bit: u64,
}

/// An enum as one release parses it.
#[derive(Clone, Copy, Debug)]
pub struct Enumeration {
    row: &'static EnumRow,
    bit: u64,
}

/// A field of a message. In JSON it may be written by either of its names.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// Whole name of the message that has it, such as `ml_pipelines.PipelineSpec`.
    pub message: &'static str,
    /// Name in the proto file, such as `pipeline_info`.
    pub name: &'static str,
    /// Name in JSON, such as `pipelineInfo`.
    pub json: &'static str,
    /// Number in the binary form.
    pub number: i32,
    /// Whether it holds one value, a list or a map.
    pub shape: Shape,
    /// What it holds: the value, each element of the list, each value of the map.
    pub kind: Kind,
    /// Name of the group of which one field at most may be set.
    pub oneof: Option<&'static str>,
    packages: u64,
    releases: u64,
}

/// A value of an enum. In JSON it may be written by its name or its number.
#[derive(Debug, PartialEq, Eq)]
pub struct EnumValue {
    /// Name, such as `NUMBER_INTEGER`.
    pub name: &'static str,
    /// Number.
    pub number: i32,
    packages: u64,
    releases: u64,
}

impl Fields {
    /// What a backend release parses. None for releases that are not in the tables: [`Fields::nearest`] then says what
    /// comes closest.
    #[must_use]
    pub fn of(release: Version) -> Option<Self> {
        let at = RELEASES.binary_search_by_key(&release, |row| row.release).ok()?;
        Some(Self {
            row: RELEASES.get(at)?,
            bit: 1 << at,
        })
    }

    /// What the newest release of the tables parses that is not newer than `release`; what the oldest one parses if all
    /// are newer. [`Fields::release`] says which it is.
    #[must_use]
    pub fn nearest(release: Version) -> Option<Self> {
        let newest = RELEASES.iter().rfind(|row| row.release <= release);
        Self::of(newest.or(RELEASES.first())?.release)
    }

    /// The release.
    #[must_use]
    pub fn release(self) -> Version {
        self.row.release
    }

    /// How near a package is to what the release parses.
    #[must_use]
    pub fn exactness(self, package: Package) -> Exactness {
        self.row.origin(package).exactness()
    }

    /// Where it was read what the release parses of a package's messages.
    #[must_use]
    pub fn source(self, package: Package) -> &'static str {
        self.row.origin(package).source
    }

    /// The message of that whole name, if the release knows it. Well-known types are no messages here: see [`Kind`].
    #[must_use]
    pub fn message(self, name: &str) -> Option<Message> {
        let row = message_row(name)?;
        (row.releases & self.bit != 0).then_some(Message { row, bit: self.bit })
    }

    /// The message that a part of a document is parsed as.
    #[must_use]
    pub fn root(self, root: Root) -> Option<Message> {
        self.message(root.message())
    }

    /// Every message that the release knows, by name.
    pub fn messages(self) -> impl Iterator<Item = Message> {
        let of = move |row| Message { row, bit: self.bit };
        MESSAGES
            .iter()
            .filter(move |row| row.releases & self.bit != 0)
            .map(of)
    }

    /// The enum of that whole name, if the release knows it.
    #[must_use]
    pub fn enumeration(self, name: &str) -> Option<Enumeration> {
        let row = enum_row(name)?;
        (row.releases & self.bit != 0).then_some(Enumeration { row, bit: self.bit })
    }
}

impl Message {
    /// Whole name, such as `ml_pipelines.PipelineSpec`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row.name
    }

    /// The package that carries it.
    #[must_use]
    pub fn package(self) -> Package {
        self.row.package
    }

    /// The field of that name, in JSON or in the proto file, if the release knows it.
    #[must_use]
    pub fn field(self, name: &str) -> Option<&'static Field> {
        self.fields()
            .find(|field| field.json == name || field.name == name)
    }

    /// Every field that the release knows, by number.
    pub fn fields(self) -> impl Iterator<Item = &'static Field> {
        self.row
            .fields
            .iter()
            .filter(move |field| field.releases & self.bit != 0)
    }

    /// The field that somebody may have meant by a name that is none: the closest one by edit distance, if no more than
    /// a third of its letters differ. The message must be one that the release knows.
    #[must_use]
    pub fn closest(self, name: &str) -> Option<&'static Field> {
        closest(self.fields(), name, |field| [field.json, field.name])
    }
}

impl Enumeration {
    /// Whole name, such as `ml_pipelines.ParameterType.ParameterTypeEnum`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row.name
    }

    /// The value of that name, if the release knows it.
    #[must_use]
    pub fn value(self, name: &str) -> Option<&'static EnumValue> {
        self.values().find(|value| value.name == name)
    }

    /// Every value that the release knows, by number.
    pub fn values(self) -> impl Iterator<Item = &'static EnumValue> {
        self.row
            .values
            .iter()
            .filter(move |value| value.releases & self.bit != 0)
    }

    /// The value that somebody may have meant: as [`Message::closest`].
    #[must_use]
    pub fn closest(self, name: &str) -> Option<&'static EnumValue> {
        closest(self.values(), name, |value| [value.name])
    }
}

fn message_row(name: &str) -> Option<&'static MessageRow> {
    let at = MESSAGES.binary_search_by_key(&name, |row| row.name).ok()?;
    MESSAGES.get(at)
}

fn enum_row(name: &str) -> Option<&'static EnumRow> {
    let at = ENUMS.binary_search_by_key(&name, |row| row.name).ok()?;
    ENUMS.get(at)
}

/// The candidate with the name nearest to `name`. Long words are nobody's slip, and would cost quadratic time.
fn closest<T, const N: usize>(
    candidates: impl Iterator<Item = &'static T>,
    name: &str,
    names: impl Fn(&'static T) -> [&'static str; N],
) -> Option<&'static T> {
    const LONGEST: usize = 64;
    if name.len() > LONGEST {
        return None;
    }
    candidates
        .flat_map(|candidate| names(candidate).map(|known| (candidate, known)))
        .map(|(candidate, known)| (candidate, known, strsim::osa_distance(known, name)))
        .filter(|(_, known, distance)| distance * 3 <= known.len())
        .min_by_key(|(_, _, distance)| *distance)
        .map(|(candidate, _, _)| candidate)
}
