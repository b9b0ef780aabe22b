//! THOUGHT: what a pass decided: the one next thing, and a report of why. Data, printable, comparable.

use std::collections::BTreeSet;

use kfp_api::conditions::Reason;
use kfp_api::restore::RestoreSource;
use serde::{Deserialize, Serialize};

use crate::observed::ObjectRef;

/// What to do now, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[must_use]
pub struct Decision {
    /// The one next thing.
    pub next: Next,
    /// Everything that is waited for, also when there is something to do.
    pub waiting: Vec<Wait>,
    /// Soft problems: the installation goes on, the user should know.
    pub warnings: Vec<Blocker>,
}

/// The one next thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Next {
    /// Nothing differs and everything is healthy.
    Settled,
    /// Carry these out, in order.
    Do(Vec<Action>),
    /// Nothing to do until something changes by itself.
    Wait,
    /// A person must decide.
    AskUser(Question),
    /// A person must change something.
    Refuse(Vec<Blocker>),
}

/// An effect. Each is idempotent: carried out twice it changes nothing the second time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Bind the operator's namespaced `ClusterRole` in the installation's namespace.
    BindRights,
    /// Put our finalizer on the resource, or take it off.
    SetFinalizer(bool),
    /// Make the missing values of generated Secrets; never change a value that is there, except certificates due for renewal.
    Generate(BTreeSet<ObjectRef>),
    /// Server-side apply these rendered objects of one component.
    Apply {
        /// Component name.
        component: String,
        /// Rendered objects.
        objects: BTreeSet<ObjectRef>,
    },
    /// Make the KfpRestore that fills the empty databases of a new installation from this source.
    Bootstrap(Box<RestoreSource>),
    /// Delete objects that carry our label and are in no rendering.
    Prune(BTreeSet<ObjectRef>),
    /// Delete data objects: only for `deletionPolicy: Delete` of a resource that is being deleted.
    DeleteData(BTreeSet<ObjectRef>),
}

/// Something that is waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// Component that waits.
    pub component: String,
    /// What it waits for, in words for a person.
    pub on: String,
}

/// A decision that only a person can take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Stable reason.
    pub reason: Reason,
    /// What was found, what the choices are.
    pub message: String,
}

/// Something in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocker {
    /// Stable reason.
    pub reason: Reason,
    /// What, where, why, what to do next.
    pub message: String,
}
