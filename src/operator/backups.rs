//! LOOP: which installation's backups get a pass when: changes of its KfpBackups, of itself, of its restores and of Jobs, and the
//! time that the last pass asked for. Nothing about a backup is decided here.

mod held;
pub mod metrics;
mod pass;
mod steps;

pub use pass::terminating;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::ConfigMap;
use kfp_api::names::{INSTALLATION_LABEL, JOB_NAMESPACE_LABEL};
use kfp_api::{KfpBackup, KfpInstallation, KfpRestore};
use kube::Api;
use kube::api::{ApiResource, DynamicObject, PartialObjectMeta};
use kube::runtime::{WatchStreamExt as _, watcher};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::backoff;
use crate::context::{Context, Key};
use crate::controller::Scope;
use crate::restores;

/// Several changes within this time make one pass.
const DEBOUNCE: Duration = Duration::from_millis(500);
/// Passes at the same time: each is a handful of requests; the work itself is done by Jobs.
const AT_ONCE: usize = 4;

/// Looks after the backups of all installations of the scope until cancelled, and then until the passes under way are
/// finished.
pub async fn run(context: Arc<Context>, scope: Scope, cancel: CancellationToken) {
    let (sender, receiver) = unbounded();
    let _watches = watches(&context, &scope, &sender);
    rounds(context.clone(), receiver, &cancel).await;
}

/// Every watch whose news make a pass.
fn watches(context: &Arc<Context>, scope: &Scope, news: &UnboundedSender<Key>) -> Vec<AbortOnDropHandle<()>> {
    let kinds = [
        ApiResource::erase::<KfpBackup>(&()),
        ApiResource::erase::<KfpRestore>(&()),
        ApiResource::erase::<KfpInstallation>(&()),
    ];
    let client = &context.client;
    let mut tasks = Vec::new();
    for kind in kinds {
        let apis: Vec<Api<DynamicObject>> = if scope.namespaces.is_empty() {
            vec![Api::all_with(client.clone(), &kind)]
        } else {
            let within = |namespace: &String| Api::namespaced_with(client.clone(), namespace, &kind);
            scope.namespaces.iter().map(within).collect()
        };
        for api in apis {
            tasks.push(spawn(watch(
                api,
                watcher::Config::default(),
                of_ours,
                news.clone(),
            )));
        }
    }
    let own = context.jobs.namespace();
    let labelled = || watcher::Config::default().labels(JOB_NAMESPACE_LABEL);
    let jobs: Api<PartialObjectMeta<Job>> = Api::namespaced(client.clone(), own);
    tasks.push(spawn(watch(jobs, labelled(), of_job, news.clone())));
    let maps: Api<PartialObjectMeta<ConfigMap>> = Api::namespaced(client.clone(), own);
    tasks.push(spawn(watch(maps, labelled(), of_job, news.clone())));
    tasks
}

fn spawn(task: impl Future<Output = ()> + Send + 'static) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(task))
}

/// Tells the installations whose objects of one kind came, changed or went.
async fn watch<K>(
    api: Api<K>,
    config: watcher::Config,
    key: fn(&K) -> Option<Key>,
    news: UnboundedSender<Key>,
) where
    K: kube::Resource + Clone + serde::de::DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    let mut events = std::pin::pin!(watcher(api, config).default_backoff());
    while let Some(event) = events.next().await {
        let found = match event {
            Ok(
                watcher::Event::Apply(object)
                | watcher::Event::InitApply(object)
                | watcher::Event::Delete(object),
            ) => key(&object),
            Ok(watcher::Event::Init | watcher::Event::InitDone) => None,
            Err(error) => {
                tracing::debug!(%error, "a watch for backups was interrupted");
                None
            }
        };
        if let Some(found) = found {
            // The receiver ends only when the loop does.
            let _ = news.unbounded_send(found);
        }
    }
}

/// The installation that a resource of ours is, or names.
fn of_ours(object: &DynamicObject) -> Option<Key> {
    let named = object
        .data
        .pointer("/spec/installation")
        .and_then(serde_json::Value::as_str);
    let name = named.or(object.metadata.name.as_deref())?;
    Some((object.metadata.namespace.clone()?, name.to_owned()))
}

/// The installation that a Job of ours, or its ConfigMap, is for.
fn of_job<K: kube::Resource>(object: &K) -> Option<Key> {
    let labels = object.meta().labels.as_ref()?;
    Some((
        labels.get(JOB_NAMESPACE_LABEL)?.clone(),
        labels.get(INSTALLATION_LABEL)?.clone(),
    ))
}

/// Makes the passes: never two of one installation at the same time.
async fn rounds(context: Arc<Context>, mut news: UnboundedReceiver<Key>, cancel: &CancellationToken) {
    let mut due: BTreeMap<Key, Instant> = BTreeMap::new();
    let mut busy: BTreeSet<Key> = BTreeSet::new();
    let mut passes: JoinSet<(Key, Option<Duration>)> = JoinSet::new();
    while !cancel.is_cancelled() {
        let now = Instant::now();
        let ready: Vec<Key> = due
            .iter()
            .filter(|(key, at)| **at <= now && !busy.contains(*key))
            .map(|(key, _)| key.clone())
            .take(AT_ONCE.saturating_sub(busy.len()))
            .collect();
        for key in ready {
            due.remove(&key);
            busy.insert(key.clone());
            passes.spawn(one(context.clone(), key));
        }
        let next = due
            .iter()
            .filter(|(key, _)| !busy.contains(*key))
            .map(|(_, at)| *at)
            .min();
        let full = busy.len() >= AT_ONCE;
        tokio::select! {
            Some(key) = news.next() => {
                let soon = Instant::now() + DEBOUNCE;
                due.entry(key).and_modify(|at| *at = (*at).min(soon)).or_insert(soon);
            }
            Some(ended) = passes.join_next() => {
                let Ok((key, again)) = ended else { continue };
                busy.remove(&key);
                if let Some(again) = again {
                    let at = Instant::now() + again;
                    due.entry(key).and_modify(|due| *due = (*due).min(at)).or_insert(at);
                }
            }
            () = tokio::time::sleep_until(next.unwrap_or(now)), if next.is_some() && !full => {}
            () = cancel.cancelled() => {}
        }
    }
    while passes.join_next().await.is_some() {}
}

/// A pass over the backups of an installation and one over its restores, whatever came of the first.
async fn both(context: &Context, key: &Key) -> Result<Option<Duration>, kfp_engine::Error> {
    let backups = Box::pin(pass::run(context, key)).await;
    let restores = Box::pin(restores::run(context, key)).await;
    Ok(backups?.into_iter().chain(restores?).min())
}

/// One pass, and how long to wait for the next; none where there is nothing to look after.
async fn one(context: Arc<Context>, key: Key) -> (Key, Option<Duration>) {
    match both(&context, &key).await {
        Ok(next) => {
            context.backup_failures.clear(&key);
            (key, next.map(|next| backoff::spread(next, backoff::random())))
        }
        Err(error) => {
            let pause = backoff::pause(context.backup_failures.add(&key), backoff::random());
            let (namespace, name) = (&key.0, &key.1);
            context.metrics.error(error.reason().as_str());
            tracing::warn!(namespace, name, %error, next_seconds = pause.as_secs(), "a pass over backups was not finished");
            (key, Some(pause))
        }
    }
}
