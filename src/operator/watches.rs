//! LOOP: watches of the operands, started in a namespace once the operator has its rights there. They only say that
//! something changed; what it is now is looked at by the pass.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use futures::StreamExt as _;
use futures::channel::mpsc::UnboundedSender;
use kfp_api::KfpRestore;
use kfp_api::names::INSTALLATION_LABEL;
use kfp_engine::kinds::{KINDS, Kind};
use kube::api::{DynamicObject, PartialObjectMeta};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client};
use tokio_util::task::AbortOnDropHandle;

use crate::context::Key;

/// The watches of one namespace.
struct Namespace {
    installations: BTreeSet<String>,
    _tasks: Vec<AbortOnDropHandle<()>>,
}

/// Watches by namespace, and where their news go.
pub struct Watches {
    client: Client,
    news: UnboundedSender<Key>,
    namespaces: Mutex<HashMap<String, Namespace>>,
}

impl Watches {
    /// No watches yet.
    #[must_use]
    pub fn new(client: Client, news: UnboundedSender<Key>) -> Self {
        Self {
            client,
            news,
            namespaces: Mutex::default(),
        }
    }

    /// Where news about installations go.
    #[must_use]
    pub fn news(&self) -> &UnboundedSender<Key> {
        &self.news
    }

    /// Makes sure that the operands of this installation are watched.
    pub fn ensure(&self, key: &Key) {
        let mut namespaces = self.namespaces.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = namespaces.entry(key.0.clone()).or_insert_with(|| Namespace {
            installations: BTreeSet::new(),
            _tasks: self.start(&key.0),
        });
        entry.installations.insert(key.1.clone());
    }

    /// Ends the watches of a namespace with its last installation.
    pub fn forget(&self, key: &Key) {
        let mut namespaces = self.namespaces.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(namespace) = namespaces.get_mut(&key.0) {
            namespace.installations.remove(&key.1);
            if namespace.installations.is_empty() {
                namespaces.remove(&key.0);
            }
        }
    }

    fn start(&self, namespace: &str) -> Vec<AbortOnDropHandle<()>> {
        let kinds = KINDS.iter().filter(|kind| kind.listed);
        let watch = |kind| watch(self.client.clone(), kind, namespace.to_owned(), self.news.clone());
        let restores = tokio::spawn(restores(
            self.client.clone(),
            namespace.to_owned(),
            self.news.clone(),
        ));
        kinds
            .map(|kind| tokio::spawn(watch(kind)))
            .chain([restores])
            .map(AbortOnDropHandle::new)
            .collect()
    }
}

/// Tells the names of installations whose objects of this kind changed. Only metadata is sent over the wire.
async fn watch(client: Client, kind: &'static Kind, namespace: String, news: UnboundedSender<Key>) {
    let api: Api<PartialObjectMeta<DynamicObject>> =
        Api::namespaced_with(client, &namespace, &kind.resource());
    let config = watcher::Config::default().labels(INSTALLATION_LABEL);
    let mut events = std::pin::pin!(watcher(api, config).default_backoff());
    while let Some(event) = events.next().await {
        match event.map(installation) {
            Ok(Some(name)) => {
                // The receiver ends only when the loop does.
                let _ = news.unbounded_send((namespace.clone(), name));
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(namespace, kind = kind.kind, %error, "a watch was interrupted"),
        }
    }
}

/// Tells the names of installations whose restores changed: what a restore stops, and lets go, is their own.
async fn restores(client: Client, namespace: String, news: UnboundedSender<Key>) {
    let api: Api<KfpRestore> = Api::namespaced(client, &namespace);
    let mut events = std::pin::pin!(watcher(api, watcher::Config::default()).default_backoff());
    while let Some(event) = events.next().await {
        match event {
            Ok(
                watcher::Event::Apply(restore)
                | watcher::Event::InitApply(restore)
                | watcher::Event::Delete(restore),
            ) => {
                let _ = news.unbounded_send((namespace.clone(), restore.spec.installation));
            }
            Ok(watcher::Event::Init | watcher::Event::InitDone) => {}
            Err(error) => tracing::debug!(namespace, %error, "a watch of restores was interrupted"),
        }
    }
}

fn installation(event: watcher::Event<PartialObjectMeta<DynamicObject>>) -> Option<String> {
    match event {
        watcher::Event::Apply(object)
        | watcher::Event::InitApply(object)
        | watcher::Event::Delete(object) => object.metadata.labels?.remove(INSTALLATION_LABEL),
        watcher::Event::Init | watcher::Event::InitDone => None,
    }
}
