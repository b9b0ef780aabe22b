//! LOOP: which installation gets a pass when: its own changes, changes of its operands, and the time it asked for. Nothing
//! about an installation is decided here.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use futures::future::join_all;
use futures::{FutureExt as _, Stream, StreamExt as _, stream};
use kfp_api::KfpInstallation;
use kube::Api;
use kube::api::{ApiResource, DynamicObject};
use kube::runtime::controller::{self, Action, Config, ReconcileReason, ReconcileRequest, applier};
use kube::runtime::reflector::{ObjectRef, Store, reflector, store::Writer};
use kube::runtime::{WatchStreamExt as _, watcher};
use tokio_util::sync::CancellationToken;

use crate::backoff;
use crate::context::{Context, Key};
use crate::pass::{self, PassError};
use crate::watches::Watches;

/// Several changes within this time make one pass: an apply of a component touches many objects.
const DEBOUNCE: Duration = Duration::from_millis(500);

/// What is looked after.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Namespaces; empty for all.
    pub namespaces: Vec<String>,
    /// Label selector that installations must match; `None` for all.
    pub selector: Option<String>,
    /// Passes at the same time.
    pub concurrency: u16,
}

/// What the passes of one watch share.
struct Shared {
    context: Arc<Context>,
    watches: Watches,
}

/// Looks after all installations of the scope until cancelled, and then until the passes under way are finished.
pub async fn run(context: Arc<Context>, scope: Scope, cancel: CancellationToken) {
    let resource = ApiResource::erase::<KfpInstallation>(&());
    let apis: Vec<Api<DynamicObject>> = if scope.namespaces.is_empty() {
        vec![Api::all_with(context.client.clone(), &resource)]
    } else {
        let namespaced =
            |namespace: &String| Api::namespaced_with(context.client.clone(), namespace, &resource);
        scope.namespaces.iter().map(namespaced).collect()
    };
    let each = apis
        .into_iter()
        .map(|api| follow(context.clone(), api, &scope, resource.clone(), cancel.clone()));
    join_all(each).await;
}

/// Looks after the installations that one watch shows.
async fn follow(
    context: Arc<Context>,
    api: Api<DynamicObject>,
    scope: &Scope,
    resource: ApiResource,
    cancel: CancellationToken,
) {
    let (sender, receiver) = unbounded();
    let shared = Arc::new(Shared {
        watches: Watches::new(context.client.clone(), sender),
        context,
    });
    let writer = Writer::new(resource.clone());
    let store = writer.as_reader();
    let mut config = watcher::Config::default();
    if let Some(selector) = &scope.selector {
        config = config.labels(selector);
    }
    let events = reflector(writer, watcher(api, config)).default_backoff();
    let own = own_changes(events, store.clone(), resource.clone(), shared.clone());
    let operands = operand_changes(receiver, resource);
    // When this stream ends, the passes under way are finished and no new one is begun.
    let queue = stream::select(own, operands).take_until(cancel.cancelled_owned());
    let settings = Config::default()
        .debounce(DEBOUNCE)
        .concurrency(scope.concurrency);
    let noting = shared.clone();
    applier(
        |object, shared| reconcile(object, shared).boxed(),
        |object, error, shared| failed(&object, error, &shared),
        shared,
        store,
        queue,
        settings,
    )
    .for_each(|result| {
        note(&noting, result);
        std::future::ready(())
    })
    .await;
}

type Request = Result<ReconcileRequest<DynamicObject>, watcher::Error>;

/// A pass for each installation that is new or whose metadata or spec changed; our own writes of its status are none.
fn own_changes(
    events: impl Stream<Item = Result<watcher::Event<DynamicObject>, watcher::Error>> + Send + 'static,
    store: Store<DynamicObject>,
    resource: ApiResource,
    shared: Arc<Shared>,
) -> impl Stream<Item = Request> + Send {
    let mut seen: HashMap<Key, String> = HashMap::new();
    events
        .map(move |event| match event {
            Ok(watcher::Event::Apply(object) | watcher::Event::InitApply(object)) => {
                let face = face(&object);
                let changed = seen
                    .insert(key(&object), face.clone())
                    .is_none_or(|old| old != face);
                let request = changed.then(|| request(&key(&object), &resource));
                request.into_iter().map(Ok).collect()
            }
            Ok(watcher::Event::Delete(object)) => {
                seen.remove(&key(&object));
                gone(&shared, &key(&object));
                // Another installation of the namespace may have waited for this one to go.
                let left = store
                    .state()
                    .into_iter()
                    .filter(|other| other.metadata.namespace == object.metadata.namespace);
                left.map(|other| Ok(request(&key(&other), &resource))).collect()
            }
            Ok(watcher::Event::InitDone) => {
                shared.context.health.watch(true);
                Vec::new()
            }
            Ok(watcher::Event::Init) => Vec::new(),
            Err(error) => {
                tracing::warn!(%error, "the watch of KfpInstallations was interrupted; it is taken up again");
                Vec::new()
            }
        })
        .flat_map(stream::iter)
}

fn operand_changes(
    receiver: UnboundedReceiver<Key>,
    resource: ApiResource,
) -> impl Stream<Item = Request> + Send {
    receiver.map(move |key| Ok(request(&key, &resource)))
}

fn request(key: &Key, resource: &ApiResource) -> ReconcileRequest<DynamicObject> {
    ReconcileRequest {
        obj_ref: ObjectRef::new_with(&key.1, resource.clone()).within(&key.0),
        reason: ReconcileReason::Unknown,
    }
}

fn key(object: &DynamicObject) -> Key {
    (
        object.metadata.namespace.clone().unwrap_or_default(),
        object.metadata.name.clone().unwrap_or_default(),
    )
}

/// Everything of a resource but its status and what changes with each write.
fn face(object: &DynamicObject) -> String {
    let mut face = object.clone();
    face.metadata.managed_fields = None;
    face.metadata.resource_version = None;
    if let Some(fields) = face.data.as_object_mut() {
        fields.remove("status");
    }
    serde_json::to_string(&face).unwrap_or_default()
}

fn gone(shared: &Shared, key: &Key) {
    shared.watches.forget(key);
    shared.context.forget(key);
}

async fn reconcile(object: Arc<DynamicObject>, shared: Arc<Shared>) -> Result<Action, PassError> {
    let key = key(&object);
    if let Some(next) = Box::pin(pass::run(&shared.context, &shared.watches, &key)).await? {
        return Ok(Action::requeue(next));
    }
    gone(&shared, &key);
    Ok(Action::await_change())
}

fn failed(object: &DynamicObject, error: &PassError, shared: &Shared) -> Action {
    let key = key(object);
    let failures = shared.context.failures.add(&key);
    let pause = backoff::pause(failures, backoff::random());
    shared.context.metrics.error(error.reason());
    shared.context.metrics.pass("error", Duration::ZERO);
    let (namespace, name) = (&key.0, &key.1);
    tracing::warn!(namespace, name, %error, failures, next_seconds = pause.as_secs(), "a pass was not finished");
    Action::requeue(pause)
}

/// What the applier says beside the passes' own results, which are logged where they arise.
fn note(
    shared: &Shared,
    result: Result<(ObjectRef<DynamicObject>, Action), controller::Error<PassError, watcher::Error>>,
) {
    match result {
        Ok(_) | Err(controller::Error::ReconcilerFailed(..)) => {}
        // Its deletion was seen between the request and the pass. A pass that was under way then may have remembered it
        // once more.
        Err(controller::Error::ObjectNotFound(object)) => {
            tracing::debug!(%object, "gone before its pass");
            gone(
                shared,
                &(object.namespace.clone().unwrap_or_default(), object.name.clone()),
            );
        }
        Err(error) => tracing::error!(%error, "the loop had trouble"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn installation(version: &str, ready: &str, resource_version: &str) -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": "kfpops.dev/v1alpha1",
            "kind": "KfpInstallation",
            "metadata": {"name": "kfp", "namespace": "team-a", "resourceVersion": resource_version},
            "spec": {"version": version},
            "status": {"ready": ready},
        }))
        .unwrap()
    }

    #[test]
    fn our_own_status_write_asks_for_no_pass_and_a_changed_spec_does() {
        let first = face(&installation("2.16.1", "False", "1"));
        assert_eq!(first, face(&installation("2.16.1", "True", "2")));
        assert_ne!(first, face(&installation("2.17.0", "False", "1")));
    }
}
