//! LOOP: one task beside the controller for each installation whose stored pipelines are looked through. When and how long it
//! rests stands here; looking is the engine's. A pass tells the task what is wanted and takes what is known; it never waits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::channel::mpsc::UnboundedSender;
use kfp_api::conditions::Reason;
use kfp_api::status::SchemaState;
use kfp_engine::Engine;
use kfp_engine::inventory::{Inventory, Order};
use kfp_plan::{InventorySeen, Observed, Seen};
use kfp_releases::{Catalog, ValidatedInstallation};
use kube::api::ObjectMeta;
use tokio::sync::{Semaphore, watch};
use tokio_util::task::AbortOnDropHandle;

use crate::backoff;
use crate::context::Key;
use crate::metrics::Metrics;

/// From one small look to the next: what is stored or deleted shows within half a minute, for a handful of queries.
const REST: Duration = Duration::from_secs(20);
/// Looks at the same time, over all installations: each holds one connection and now and then a processor.
const AT_ONCE: usize = 4;

/// The tasks, and what they found.
pub struct Inventories {
    engine: Engine,
    metrics: Arc<Metrics>,
    turns: Arc<Semaphore>,
    tasks: Mutex<HashMap<Key, Task>>,
}

/// What is to be looked through as things stand; `None` while nothing can or shall be: the installation is paused, its
/// database does not answer or holds something else than the release's schema, or more than one release runs.
#[must_use]
pub fn order(
    catalog: &Catalog,
    resource: &ObjectMeta,
    installation: &ValidatedInstallation,
    observed: &Observed,
) -> Option<Order> {
    let Seen::Known(database) = &observed.database else {
        return None;
    };
    let running = installation.release.version;
    let alone =
        matches!(&observed.installed, Seen::Known(releases) if releases.iter().eq([&running.to_string()]));
    let fits = matches!(database.schema.state, SchemaState::Exact | SchemaState::Tolerated);
    if installation.paused || !alone || !fits {
        return None;
    }
    let next = catalog.edges().iter().filter(|edge| edge.from == running);
    let mut releases = vec![running];
    releases.extend(next.map(|edge| edge.to));
    Some(Order {
        namespace: installation.namespace.clone(),
        name: installation.name.clone(),
        uid: resource.uid.clone()?,
        running,
        store: installation.install()?.pipeline_store,
        releases,
        recent_runs: usize::try_from(installation.inventory.recent_runs).unwrap_or(0),
        interval: Duration::from_secs(u64::try_from(installation.inventory.interval_seconds).unwrap_or(0)),
        policy: installation.sdk_policy.clone(),
    })
}

/// One installation's task. It ends when this is dropped.
struct Task {
    order: watch::Sender<Option<Order>>,
    known: Known,
    _running: AbortOnDropHandle<()>,
}

/// What was last found, shared with the task.
type Known = Arc<Mutex<Seen<InventorySeen>>>;

impl Inventories {
    /// No tasks yet.
    #[must_use]
    pub fn new(engine: Engine, metrics: Arc<Metrics>) -> Self {
        Self {
            engine,
            metrics,
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            tasks: Mutex::default(),
        }
    }

    /// Says what is wanted for an installation: a task begins with the first order, rests while there is none to be carried
    /// out (`None`), and asks for a pass through `news` when what it knows has changed.
    pub fn want(&self, key: &Key, order: Option<Order>, news: &UnboundedSender<Key>) {
        let mut tasks = self.tasks();
        if let Some(task) = tasks.get(key) {
            task.order.send_if_modified(|old| {
                let changed = *old != order;
                if changed {
                    *old = order;
                }
                changed
            });
        } else if order.is_some() {
            let (sender, receiver) = watch::channel(order);
            let known: Known = Arc::new(Mutex::new(not_yet()));
            let work = Work {
                engine: self.engine.clone(),
                metrics: self.metrics.clone(),
                turns: self.turns.clone(),
                key: key.clone(),
                known: known.clone(),
                news: news.clone(),
            };
            let running = AbortOnDropHandle::new(tokio::spawn(work.run(receiver)));
            let task = Task {
                order: sender,
                known,
                _running: running,
            };
            tasks.insert(key.clone(), task);
        }
    }

    /// What is known of an installation's stored pipelines.
    #[must_use]
    pub fn seen(&self, key: &Key) -> Seen<InventorySeen> {
        let tasks = self.tasks();
        tasks
            .get(key)
            .map_or_else(not_yet, |task| locked(&task.known).clone())
    }

    /// Ends an installation's task and forgets what it knew; what is written down stays.
    pub fn end(&self, key: &Key) {
        self.tasks().remove(key);
        self.metrics.inventory.forget(&key.0, &key.1);
    }

    /// Ends every task: leadership ends, and nothing may be written afterwards.
    pub fn end_all(&self) {
        self.tasks().clear();
    }

    fn tasks(&self) -> MutexGuard<'_, HashMap<Key, Task>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Before the first look: what the status says from before stays.
fn not_yet() -> Seen<InventorySeen> {
    Seen::Unknown {
        reason: Reason::NotProbed,
        why: "stored pipelines were not looked at yet".into(),
    }
}

fn locked(known: &Known) -> MutexGuard<'_, Seen<InventorySeen>> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a task works with.
struct Work {
    engine: Engine,
    metrics: Arc<Metrics>,
    turns: Arc<Semaphore>,
    key: Key,
    known: Known,
    news: UnboundedSender<Key>,
}

impl Work {
    /// Looks and rests, for as long as orders may come.
    async fn run(self, mut orders: watch::Receiver<Option<Order>>) {
        let mut inventory = Inventory::default();
        let mut failures = 0;
        loop {
            let order = orders.borrow_and_update().clone();
            let Some(order) = order else {
                if orders.changed().await.is_err() {
                    return;
                }
                continue;
            };
            let looking = self.look(&mut inventory, &order);
            let looked = tokio::select! {
                looked = looking => looked,
                // Another release, or none: what is under way is of no use. What was judged so far is kept.
                changed = orders.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return,
                },
            };
            failures = if looked { 0 } else { failures + 1 };
            let rest = if looked {
                REST
            } else {
                REST.max(backoff::pause(failures, backoff::random()))
            };
            let rest = backoff::spread(rest, backoff::random());
            // An order that changed is carried out at once.
            if let Ok(Err(_)) = tokio::time::timeout(rest, orders.changed()).await {
                return;
            }
        }
    }

    /// One look; true when it went through.
    async fn look(&self, inventory: &mut Inventory, order: &Order) -> bool {
        // Closed never: nobody closes it.
        let Ok(_turn) = self.turns.acquire().await else {
            return false;
        };
        let begun = Instant::now();
        let tell = |seen: InventorySeen| self.publish(Seen::Known(seen));
        let (namespace, name) = (&self.key.0, &self.key.1);
        match inventory.look(&self.engine, order, &tell).await {
            Ok(looked) => {
                let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
                if looked.full {
                    tracing::info!(
                        namespace,
                        name,
                        rows = looked.rows,
                        milliseconds,
                        "looked through stored pipelines"
                    );
                } else {
                    tracing::debug!(
                        namespace,
                        name,
                        rows = looked.rows,
                        milliseconds,
                        "looked for new stored pipelines"
                    );
                }
                let seen = inventory.seen(order, None);
                let kind = if looked.full { "full" } else { "small" };
                let metrics = &self.metrics.inventory;
                metrics.look(kind, begun.elapsed(), looked.rows);
                let scanned = seen.status.last_full_scan.as_ref().map(|time| time.0);
                let tally = inventory.tally(order, &seen);
                metrics.show(namespace, name, &tally, seen.status.outside_policy, scanned);
                self.publish(Seen::Known(seen));
                true
            }
            Err(trouble) => {
                tracing::warn!(namespace, name, reason = trouble.reason.as_str(), error = %trouble, "stored pipelines could not be looked through");
                self.metrics.error(trouble.reason.as_str());
                self.publish(Seen::Unknown {
                    reason: trouble.reason,
                    why: trouble.message,
                });
                false
            }
        }
    }

    /// Shows what is known, and asks for a pass when that has changed.
    fn publish(&self, seen: Seen<InventorySeen>) {
        let mut known = locked(&self.known);
        if *known != seen {
            *known = seen;
            // The receiver ends only when the loop does.
            let _ = self.news.unbounded_send(self.key.clone());
        }
    }
}
