//! PROOF (real API server): plays the kubelet by hand. Pods that Kubernetes' own controllers make are called running and
//! ready; nothing is pulled, scheduled or bound. Where a test asks for it, real servers stand behind the pods that the
//! operator itself talks to, and those pods are ready only when these take connections.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex as Lock, PoisonError};
use std::time::Duration;

use anyhow::Result;
use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::{Patch, PatchParams};
use kube::runtime::{WatchStreamExt, reflector, watcher};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::task::JoinHandle;

use crate::servers::{Server, start};
use crate::site::Site;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// What stands behind the pods.
#[derive(Clone, Debug, Default)]
pub struct Plays {
    /// Real servers behind the database, the object store and KFP's API server.
    pub servers: bool,
    /// Workloads whose pods stay unready until [`Hand::release`].
    pub held: Vec<String>,
    /// What stands in a new pipelines database before anybody uses it, as SQL.
    pub seed: Vec<String>,
}

impl Plays {
    /// Pods are ready as soon as they are made, with nothing behind them.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Real servers are behind the pods that the operator asks.
    #[must_use]
    pub fn servers() -> Self {
        Self {
            servers: true,
            ..Self::default()
        }
    }
}

/// What the hand remembers.
#[derive(Default)]
struct Memory {
    held: BTreeSet<String>,
    ready: BTreeMap<String, Timestamp>,
}

/// A hand that plays; it lets go, and ends its servers, when dropped.
pub struct Hand {
    memory: Arc<Lock<Memory>>,
    task: JoinHandle<()>,
}

impl Hand {
    pub(crate) fn start(site: Arc<Site>, plays: Plays) -> Self {
        let memory = Memory {
            held: plays.held.iter().cloned().collect(),
            ready: BTreeMap::new(),
        };
        let memory = Arc::new(Lock::new(memory));
        let task = tokio::spawn(play(site, plays, memory.clone()));
        Self { memory, task }
    }

    /// Lets the pods of a held workload become ready.
    pub fn release(&self, workload: &str) {
        self.memory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .held
            .remove(workload);
    }

    /// When the first pod of this workload was called ready.
    #[must_use]
    pub fn ready_at(&self, workload: &str) -> Option<Timestamp> {
        self.memory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .ready
            .get(workload)
            .copied()
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn play(site: Arc<Site>, plays: Plays, memory: Arc<Lock<Memory>>) {
    let mut servers: BTreeMap<String, Option<Server>> = BTreeMap::new();
    let mut told = String::new();
    let api: Api<Pod> = Api::namespaced(site.world.client.clone(), &site.name);
    // Listed anew at each look, pods were a fifth of all that the API server had to do.
    let (pods, writer) = reflector::store();
    let feed = watcher(api.clone(), watcher::Config::default()).default_backoff();
    let feed = reflector(writer, feed).for_each(|_| std::future::ready(()));
    let looks = async {
        loop {
            if let Err(error) = round(&site, &plays, &memory, &mut servers, &api, &pods.state()).await {
                let words = format!("{error:#}\n");
                if words != told {
                    note(&site, &words).await;
                    told = words;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::select! {
        () = feed => {}
        () = looks => {}
    }
}

async fn note(site: &Site, words: &str) {
    let file = tokio::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(site.folder.join("hand.log"))
        .await;
    if let Ok(mut file) = file {
        let _ = file.write_all(words.as_bytes()).await;
        let _ = file.flush().await;
    }
}

/// One look at all pods. What is wrong with one does not hold back the others.
async fn round(
    site: &Site,
    plays: &Plays,
    memory: &Lock<Memory>,
    servers: &mut BTreeMap<String, Option<Server>>,
    api: &Api<Pod>,
    pods: &[Arc<Pod>],
) -> Result<()> {
    let uid = |pod: &Pod| pod.metadata.uid.clone().unwrap_or_default();
    // A server ends with its pod.
    servers.retain(|known, _| pods.iter().any(|pod| uid(pod) == *known));
    let mut trouble = Ok(());
    for pod in pods
        .iter()
        .filter(|pod| pod.metadata.deletion_timestamp.is_none())
    {
        let workload = workload(pod);
        let held = memory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .held
            .contains(&workload);
        if held {
            continue;
        }
        match attend(site, plays, pod, &uid(pod), servers).await {
            Ok(true) if !is_ready(pod) => {
                let name = pod.metadata.name.clone().unwrap_or_default();
                api.patch_status(&name, &PatchParams::default(), &Patch::Merge(ready(pod)))
                    .await?;
                let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
                memory.ready.entry(workload).or_insert_with(Timestamp::now);
            }
            Ok(_) => {}
            Err(error) => {
                servers.remove(&uid(pod));
                trouble = Err(error.context(workload));
            }
        }
    }
    trouble
}

/// Makes sure that what belongs behind a pod runs; says whether it serves.
async fn attend(
    site: &Site,
    plays: &Plays,
    pod: &Pod,
    uid: &str,
    servers: &mut BTreeMap<String, Option<Server>>,
) -> Result<bool> {
    if !plays.servers {
        return Ok(true);
    }
    if !servers.contains_key(uid) {
        servers.insert(uid.to_owned(), start(site, pod, &plays.seed).await?);
    }
    let Some(Some(server)) = servers.get_mut(uid) else {
        return Ok(true);
    };
    server.runs()?;
    // Databases shut out who connects again and again without a word, so that this is asked only until it is answered.
    if is_ready(pod) {
        Ok(true)
    } else {
        server.serves().await
    }
}

/// The workload of a pod that a Deployment's `ReplicaSet` made: its name without the two endings.
fn workload(pod: &Pod) -> String {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let mut parts = name.rsplitn(3, '-');
    parts.nth(2).unwrap_or(name).to_owned()
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .iter()
        .filter_map(|status| status.conditions.as_ref())
        .flatten();
    conditions
        .into_iter()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// What a kubelet says of a pod whose containers are all ready.
fn ready(pod: &Pod) -> Value {
    let now = Timestamp::now();
    let conditions = ["PodScheduled", "Initialized", "ContainersReady", "Ready"]
        .map(|kind| json!({"type": kind, "status": "True", "lastTransitionTime": now}));
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers).map(|container| {
        json!({
            "name": container.name, "image": container.image, "imageID": "", "ready": true, "restartCount": 0,
            "state": {"running": {"startedAt": now}},
        })
    });
    let containers: Vec<Value> = containers.collect();
    json!({"status": {"phase": "Running", "conditions": conditions, "containerStatuses": containers}})
}
