//! Room e2e/standin: the words of the data files: what a real program needs from its pod. No I/O, no judgement here.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::facts::Facts;
pub use crate::outside::{
    Access, BucketContract, CreateDatabase, DatabaseContract, PeerContract, PeerFailure, PortContract,
    Service, When,
};
pub use crate::rights::{Right, RightContract, Stance};
pub use crate::role::Role;
use crate::template::Template;

/// One data file: the contracts of one release.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReleaseFile {
    /// The release that the image is tagged with.
    pub release: String,
    /// Roles whose image carries a release of its own, such as MLMD.
    pub uses: BTreeMap<Role, String>,
    /// The contract of each role.
    pub roles: BTreeMap<Role, Contract>,
}

/// Everything that one program of one release needs from its pod.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Contract {
    /// Upstream's object and container.
    pub workload: String,
    /// The command line.
    pub arguments: ArgumentContract,
    /// Environment names.
    #[serde(default)]
    pub environment: Vec<VariableContract>,
    /// Files that mounts or the image bring.
    #[serde(default)]
    pub files: Vec<FileContract>,
    /// Kubernetes rights.
    #[serde(default)]
    pub rights: Vec<RightContract>,
    /// The database it opens.
    #[serde(default)]
    pub database: Option<DatabaseContract>,
    /// The bucket it opens.
    #[serde(default)]
    pub bucket: Option<BucketContract>,
    /// Other programs it calls.
    #[serde(default)]
    pub peers: Vec<PeerContract>,
    /// Ports it serves.
    pub serves: Vec<PortContract>,
    /// What it does when its pod is stopped.
    pub sigterm: Sigterm,
}

/// How the real program reads its command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Syntax {
    /// Go's flag package: one or two dashes; an unknown flag is fatal; the first other word ends the flags.
    GoFlag,
    /// gflags: as Go's, plus `--noX`, and other words may stand between.
    Gflags,
    /// The words are these and no others.
    Exact,
}

/// The form of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum Form {
    /// Anything.
    #[default]
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// A TCP port.
    Port,
    /// What Go's `strconv.ParseBool` accepts.
    Boolean,
    /// What Go's `time.ParseDuration` accepts.
    Duration,
    /// A JSON document.
    Json,
    /// An image name with a tag other than `latest`, or a digest.
    PinnedImage,
    /// The name of the pod's own namespace.
    OwnNamespace,
}

/// The command line.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArgumentContract {
    /// How it is read.
    pub syntax: Syntax,
    /// The flags that the program knows.
    #[serde(default)]
    pub known: BTreeMap<String, Form>,
    /// Flags that must be there with a value.
    #[serde(default)]
    pub required: Vec<RequiredFlag>,
    /// Flags whose value, if there is one, must be one of these.
    #[serde(default)]
    pub one_of: Vec<LimitedFlag>,
    /// The words, for [`Syntax::Exact`].
    #[serde(default)]
    pub exact: Vec<String>,
}

/// A flag that must be there with a value.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequiredFlag {
    /// Name without dashes.
    pub flag: String,
    /// A stricter form than the program's own flag has.
    #[serde(default)]
    pub form: Form,
    /// Upstream fact.
    pub why: String,
}

/// A flag with few values.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LimitedFlag {
    /// Name without dashes.
    pub flag: String,
    /// The values that the program accepts.
    pub values: Vec<String>,
    /// Upstream fact.
    pub why: String,
}

/// How much an environment name or a mount is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum Need {
    /// There, with a value.
    #[default]
    NonEmpty,
    /// There; may be empty.
    Present,
    /// Named by the pod, though what it is taken from may be missing: only a pod's text can be judged.
    Declared,
    /// Known, not asked for.
    Optional,
}

/// An environment name.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VariableContract {
    /// The name.
    pub name: String,
    /// How much it is needed.
    pub need: Need,
    /// Form of its value, when it has one.
    #[serde(default)]
    pub form: Form,
    /// The values that may be, when there are few.
    #[serde(default)]
    pub one_of: Vec<String>,
    /// Another name that does as well.
    #[serde(default)]
    pub or: Option<String>,
    /// Upstream fact.
    pub why: String,
}

/// A file.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileContract {
    /// Absolute path; may be made of flags and environment names.
    pub path: Template,
    /// [`Need::NonEmpty`], or [`Need::Declared`] for a mount whose source may be missing.
    #[serde(default)]
    pub need: Need,
    /// Texts that must be found in it.
    #[serde(default)]
    pub contains: Vec<String>,
    /// The audience of the service account token that it must hold.
    #[serde(default)]
    pub audience: Option<String>,
    /// It is asked for only where this is a true value, such as `${--flag}`.
    #[serde(default)]
    pub only: Option<Template>,
    /// Upstream fact.
    pub why: String,
}

/// What the program does on SIGTERM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Sigterm {
    /// Goes on serving until it is killed, as API servers from 2.5.0 on were seen to.
    KeepsServing,
    /// Exits at once.
    ExitsAtOnce,
}

impl Contract {
    /// Leaves out what this command line and environment switch off; what is left is asked for.
    pub fn narrow(&mut self, facts: &Facts) {
        let wanted = |only: &Option<Template>| only.as_ref().is_none_or(|only| only.holds(facts));
        self.files.retain(|entry| wanted(&entry.only));
        self.rights.retain(|entry| wanted(&entry.only));
        self.serves.retain(|entry| wanted(&entry.only));
        self.files.iter_mut().for_each(|entry| entry.only = None);
        self.rights.iter_mut().for_each(|entry| entry.only = None);
        self.serves.iter_mut().for_each(|entry| entry.only = None);
    }

    /// The rights that the program uses, each with its fact.
    pub fn required_rights(&self) -> impl Iterator<Item = (Right, &str)> {
        self.rights
            .iter()
            .filter(|entry| entry.only.is_none())
            .filter_map(|entry| entry.why.as_deref().map(|why| (entry, why)))
            .flat_map(|(entry, why)| entry.rights().map(move |right| (right, why)))
    }

    /// What this contract says of a right. A right for every object covers one asked for by name.
    #[must_use]
    pub fn stance_on_right(&self, met: &Right) -> Stance {
        let of_kind = |known: &Right| {
            (&known.group, &known.resource, &known.subresource, &known.verb)
                == (&met.group, &met.resource, &met.subresource, &met.verb)
        };
        let required = self
            .required_rights()
            .find(|(known, _)| of_kind(known) && known.name == met.name);
        if let Some((_, why)) = required {
            return Stance::Required(why.to_owned());
        }
        let optional = self.rights.iter().find_map(|entry| {
            let switched = entry.only.as_ref().and(entry.why.as_ref());
            let reason = entry.optional.as_ref().or(switched)?;
            entry
                .rights()
                .any(|known| of_kind(&known) && known.name == met.name)
                .then_some(reason)
        });
        optional.map_or(Stance::Unknown, |reason| Stance::Optional(reason.clone()))
    }

    /// What this contract says of an environment name.
    #[must_use]
    pub fn stance_on_variable(&self, name: &str) -> Stance {
        match self.environment.iter().find(|variable| variable.name == name) {
            None => Stance::Unknown,
            Some(VariableContract {
                need: Need::Optional,
                why,
                ..
            }) => Stance::Optional(why.clone()),
            Some(VariableContract { why, .. }) => Stance::Required(why.clone()),
        }
    }

    /// Whether the program talks to the Kubernetes API at all.
    #[must_use]
    pub fn needs_kubernetes(&self) -> bool {
        self.required_rights().next().is_some()
    }
}
