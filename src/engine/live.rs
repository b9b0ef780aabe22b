//! EYES: everything of an installation that is in the cluster now, read in few requests. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream;
use kfp_api::conditions::Reason;
use kfp_api::names::INSTALLATION_LABEL;
use kfp_plan::{ObjectRef, Seen};
use serde_json::Value;

use crate::cluster::Cluster;
use crate::kinds::{KINDS, Kind};

/// Requests under way at the same time in one pass.
const AT_ONCE: usize = 8;

/// What was read in one pass. Nothing is kept for the next one.
#[derive(Debug, Default)]
pub struct Live {
    found: BTreeMap<ObjectRef, Value>,
    unknown: BTreeMap<ObjectRef, (Reason, String)>,
    /// Kinds whose labelled objects could not be listed.
    unlisted: BTreeMap<&'static str, (Reason, String)>,
}

impl Live {
    /// Reads all labelled objects of the installation and, one by one, the wanted ones that are not among them.
    pub async fn read(cluster: &Cluster, namespace: &str, name: &str, wanted: &BTreeSet<ObjectRef>) -> Self {
        let mut live = Self::default();
        live.list(cluster, namespace, name).await;
        let listed = |object: &&ObjectRef| {
            !live.found.contains_key(*object) && !live.unlisted.contains_key(&*object.kind)
        };
        let missing: Vec<ObjectRef> = wanted.iter().filter(listed).cloned().collect();
        live.get(cluster, namespace, missing).await;
        live
    }

    /// Reads these objects one by one.
    pub async fn read_each(cluster: &Cluster, namespace: &str, wanted: Vec<ObjectRef>) -> Self {
        let mut live = Self::default();
        live.get(cluster, namespace, wanted).await;
        live
    }

    async fn list(&mut self, cluster: &Cluster, namespace: &str, name: &str) {
        let label = format!("{INSTALLATION_LABEL}={name}");
        let (kinds, label) = (KINDS.iter().filter(|kind| kind.listed), &label);
        let lists =
            join_all(kinds.map(|kind| async move { (kind, cluster.list(kind, namespace, label).await) }))
                .await;
        for (kind, list) in lists {
            match list {
                Ok(objects) => self.found.extend(
                    objects
                        .into_iter()
                        .map(|object| (reference(kind, &object), object)),
                ),
                Err(error) => {
                    self.unlisted
                        .insert(kind.kind, (error.reason(), error.to_string()));
                }
            }
        }
    }

    async fn get(&mut self, cluster: &Cluster, namespace: &str, objects: Vec<ObjectRef>) {
        let mut answers = stream::iter(objects)
            .map(|object| async move {
                let answer = cluster.get(&object, namespace).await;
                (object, answer)
            })
            .buffer_unordered(AT_ONCE);
        while let Some((object, answer)) = answers.next().await {
            match answer {
                Ok(Some(found)) => {
                    self.found.insert(object, found);
                }
                Ok(None) => {}
                Err(error) => {
                    self.unknown.insert(object, (error.reason(), error.to_string()));
                }
            }
        }
    }

    /// The object as it was seen.
    #[must_use]
    pub fn seen(&self, object: &ObjectRef) -> Seen<&Value> {
        if let Some(found) = self.found.get(object) {
            return Seen::Known(found);
        }
        match self
            .unknown
            .get(object)
            .or_else(|| self.unlisted.get(object.kind.as_str()))
        {
            Some((reason, why)) => Seen::Unknown {
                reason: *reason,
                why: why.clone(),
            },
            None => Seen::Absent,
        }
    }

    /// The object, if it is there.
    #[must_use]
    pub fn known(&self, object: &ObjectRef) -> Option<&Value> {
        self.found.get(object)
    }

    /// Every object that was read.
    pub fn all(&self) -> impl Iterator<Item = (&ObjectRef, &Value)> {
        self.found.iter()
    }

    /// Why the objects of one of these kinds could not be listed, if so.
    #[must_use]
    pub fn unlisted(&self, kinds: &[&str]) -> Option<(Reason, String)> {
        let unlisted = |(kind, why): (&&str, &(Reason, String))| kinds.contains(kind).then(|| why.clone());
        self.unlisted.iter().find_map(unlisted)
    }

    /// Why one of these objects could not be read, if so.
    #[must_use]
    pub fn first_unknown<'a>(
        &self,
        mut objects: impl Iterator<Item = &'a ObjectRef>,
    ) -> Option<(Reason, String)> {
        objects.find_map(|object| match self.seen(object) {
            Seen::Unknown { reason, why } => Some((reason, why)),
            _ => None,
        })
    }

    /// Notes one more object that was read.
    pub fn insert(&mut self, object: ObjectRef, value: Value) {
        self.found.insert(object, value);
    }
}

fn reference(kind: &Kind, object: &Value) -> ObjectRef {
    ObjectRef {
        kind: kind.kind.into(),
        name: object
            .pointer("/metadata/name")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .into(),
    }
}

/// The value of a label of a live object.
#[must_use]
pub fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.pointer("/metadata/labels")?.get(key)?.as_str()
}

/// The value of an annotation of a live object.
#[must_use]
pub fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.pointer("/metadata/annotations")?.get(key)?.as_str()
}

/// True once the object's own deletion has begun.
#[must_use]
pub fn deleting(object: &Value) -> bool {
    object
        .pointer("/metadata/deletionTimestamp")
        .is_some_and(|time| !time.is_null())
}
