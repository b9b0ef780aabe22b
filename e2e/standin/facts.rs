//! Room e2e/standin: what is seen of a pod, whether from inside it or in its text. No judgement here.

use std::collections::BTreeMap;

use crate::arguments::Flags;
use crate::contract::Right;
use crate::template::{Expanded, Lookup};

/// A value, as far as it can be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// It is this.
    Text(String),
    /// It will be there when the pod runs; only the pod knows it.
    Promised(String),
    /// It will be there if its source is; the source may be missing.
    Maybe(String),
}

/// A file, as far as it can be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileState {
    /// Not there, and why.
    Missing(String),
    /// There if an optional source is.
    Maybe(String),
    /// There; its contents are not seen.
    Promised,
    /// Its contents.
    Text(String),
    /// A service account token for this audience.
    Token(String),
}

/// What the API server says of a right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Allowed.
    Allowed,
    /// Not allowed, with the reason given.
    Denied(String),
    /// It could not be asked.
    Unknown(String),
}

/// All that is seen of a pod.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Where this was looked for, for messages: `the process environment`, `container main of the rendered pod`.
    pub place: String,
    /// Whether names whose source may be missing can be judged: in a pod's text, not from inside.
    pub text_seen: bool,
    /// The pod's namespace.
    pub namespace: Option<String>,
    /// Environment by name.
    pub variables: BTreeMap<String, Held>,
    /// Environment that the image brings, used only where the image's own command line is made of it.
    pub image_variables: BTreeMap<String, Held>,
    /// Command line without the program.
    pub arguments: Vec<Held>,
    /// The same, read by the program's rules.
    pub flags: Flags,
    /// Files by path.
    pub files: BTreeMap<String, FileState>,
    /// Rights that were asked for.
    pub rights: BTreeMap<Right, Answer>,
}

impl Lookup for Facts {
    fn variable(&self, name: &str) -> Option<Expanded> {
        match self.variables.get(name)? {
            Held::Text(text) => Some(Expanded::seen(text)),
            Held::Promised(source) => Some(Expanded::unseen(source)),
            Held::Maybe(_) => None,
        }
    }

    fn flag(&self, name: &str) -> Option<Expanded> {
        match self.flags.values.get(name)? {
            Held::Text(text) => Some(Expanded::seen(text)),
            Held::Promised(source) | Held::Maybe(source) => Some(Expanded::unseen(source)),
        }
    }
}
