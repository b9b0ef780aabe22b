//! PROOF: an installation that is deleted leaves its data and nothing else, and one of the same name takes the data up.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use serde_json::Value;

use crate::bucket::Bucket;
use crate::lane::{Lane, NAME};
use crate::stage::Stage;
use crate::state::{self, list};
use crate::table;

/// Pods may use their whole grace period, which is a minute for databases.
const PATIENCE: Duration = Duration::from_mins(2);
/// What Kubernetes and Argo's controller themselves keep in a namespace.
const NOT_OURS: [&str; 3] = [
    "configmap/kube-root-ca.crt",
    "serviceaccount/default",
    // The controller's own leader election makes it, and nobody else knows of it.
    "lease.coordination.k8s.io/workflow-controller",
];
/// An object in the bucket.
const KEY: &str = "e2e/kept";

/// Deletes and makes anew.
pub fn takes_up_what_was_left(stage: &Stage, lane: Lane) -> Result<()> {
    table::write(stage, lane)?;
    Bucket::of(stage, lane)?.put(KEY, "kept")?;
    let before = data(stage, lane)?;
    state::keeps_within_its_bounds(stage, lane)?;
    stage.kubectl(lane, &["delete", "kfpinstallation", NAME, "--timeout=120s"])?;
    let left = await_data_alone(stage, lane, &before)?;
    ensure!(left == before, "the data was {before:?} and is {left:?}");
    stage.forgive_refusals()?;
    stage.install(lane)?;
    state::tells_truly_what_runs(stage, lane)?;
    let now = data(stage, lane)?;
    ensure!(now == before, "the data was {before:?} and is {now:?}");
    table::is_there(stage, lane)?;
    let kept = Bucket::of(stage, lane)?.get(KEY)?;
    ensure!(kept == "kept", "the object says {kept:?}");
    state::keeps_within_its_bounds(stage, lane)
}

/// Claims with their identities, and generated Secrets with their identities and values.
fn data(stage: &Stage, lane: Lane) -> Result<BTreeMap<String, Value>> {
    let all = stage.json(
        lane,
        &["persistentvolumeclaims,secrets", "-l", "kfpops.dev/installation"],
    )?;
    let mut data = BTreeMap::new();
    for object in list(&all["items"]) {
        let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let value = serde_json::json!({"uid": object["metadata"]["uid"], "data": object["data"]});
        data.insert(format!("{kind}/{name}"), value);
    }
    let kinds: BTreeSet<&str> = data.keys().filter_map(|key| key.split('/').next()).collect();
    ensure!(
        kinds == BTreeSet::from(["persistentvolumeclaim", "secret"]),
        "the installation has no data but {:?}",
        data.keys()
    );
    Ok(data)
}

/// Waits until nothing but the data is in the namespace.
fn await_data_alone(
    stage: &Stage,
    lane: Lane,
    data: &BTreeMap<String, Value>,
) -> Result<BTreeMap<String, Value>> {
    let kinds = stage
        .lab()?
        .kubectl(&["api-resources", "--namespaced", "--verbs=list", "-o", "name"])?;
    // Events tell what happened and go by themselves; each kind has two names there.
    let kinds: Vec<&str> = kinds
        .lines()
        .filter(|kind| !kind.starts_with("events") && !kind.ends_with("metrics.k8s.io"))
        .collect();
    let kinds = kinds.join(",");
    let begun = Instant::now();
    loop {
        let found = stage.kubectl(lane, &["get", &kinds, "-o", "name", "--ignore-not-found"])?;
        let left: Vec<&str> = found
            .lines()
            .filter(|object| !NOT_OURS.contains(object) && !data.contains_key(*object))
            .collect();
        if left.is_empty() {
            return self::data(stage, lane);
        }
        if begun.elapsed() > PATIENCE {
            bail!("the deleted installation left {left:?}");
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}
