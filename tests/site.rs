//! PROOF (real API server): the place of one test: a namespace and an installation of the same name, and what a test looks at
//! and does there as a user would.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kfp_api::KfpInstallation;
use kfp_api::names::{INSTALLATION_LABEL, JOBS};
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::audit::Request;
use crate::hand::{Hand, Plays};
use crate::jobs::{JobHand, JobPlays};
use crate::operator::{Operator, Settings};
use crate::world::{OPERATOR_NAMESPACE, World, eventually};

/// Kinds of objects that an installation has in its namespace.
const KINDS: [(&str, &str); 10] = [
    ("v1", "ServiceAccount"),
    ("v1", "Secret"),
    ("v1", "ConfigMap"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "Service"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("policy/v1", "PodDisruptionBudget"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
];
/// The operator's Role for its Lease (config/rbac/operator).
const LEASE_ROLE: &str = "kfp-operator";

/// The place of one test.
pub struct Site {
    /// The world around it.
    pub world: Arc<World>,
    /// Its namespace, and the name of its installation. Names differ, so that installations can share an object store.
    pub name: String,
    /// Logs and volumes.
    pub folder: PathBuf,
}

impl Site {
    /// Makes the namespace, and one beside it where this test's operators hold their Lease.
    pub async fn new(world: Arc<World>, name: &str) -> Result<Arc<Self>> {
        let folder = world.control_plane.folder().join("sites").join(name);
        std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let site = Self {
            world,
            name: name.into(),
            folder,
        };
        site.world.create_namespace(name).await?;
        site.world.create_namespace(&site.lease_namespace()).await?;
        site.copy_lease_rights().await?;
        Ok(Arc::new(site))
    }

    /// Where this test's operators hold their Lease.
    #[must_use]
    pub fn lease_namespace(&self) -> String {
        format!("{}-lease", self.name)
    }

    /// The rights that `config/rbac` gives in the operator's own namespace, in another one.
    async fn copy_lease_rights(&self) -> Result<()> {
        const API: &str = "rbac.authorization.k8s.io/v1";
        for (kind, name) in [("Role", LEASE_ROLE), ("RoleBinding", "kfp-operator-leader")] {
            let mut object = self
                .world
                .objects(OPERATOR_NAMESPACE, API, kind)
                .get(name)
                .await?;
            object.metadata =
                serde_json::from_value(json!({"name": name, "namespace": self.lease_namespace()}))?;
            let copies = self.world.objects(&self.lease_namespace(), API, kind);
            copies
                .create(&PostParams::default(), &object)
                .await
                .with_context(|| format!("cannot copy {kind} {name}"))?;
        }
        self.copy_job_rights().await
    }

    /// The account of Jobs, with its rights, in the namespace of this test's operators.
    async fn copy_job_rights(&self) -> Result<()> {
        const API: &str = "rbac.authorization.k8s.io/v1";
        let own = self.lease_namespace();
        for (api, kind) in [("v1", "ServiceAccount"), (API, "Role"), (API, "RoleBinding")] {
            let mut object = self
                .world
                .objects(OPERATOR_NAMESPACE, api, kind)
                .get(JOBS)
                .await?;
            object.metadata = serde_json::from_value(json!({"name": JOBS, "namespace": own}))?;
            if let Some(subject) = object.data.pointer_mut("/subjects/0/namespace") {
                *subject = json!(own);
            }
            let copies = self.world.objects(&own, api, kind);
            copies
                .create(&PostParams::default(), &object)
                .await
                .with_context(|| format!("cannot copy {kind} {JOBS}"))?;
        }
        Ok(())
    }

    /// Plays the kubelet for the Jobs of this test's operators.
    #[must_use]
    pub fn jobs(self: &Arc<Self>, plays: JobPlays) -> JobHand {
        JobHand::start(self.clone(), plays)
    }

    /// Starts an operator that looks after this namespace.
    pub async fn operator(&self) -> Result<Operator> {
        Operator::start(self, Settings::default()).await
    }

    /// Plays the kubelet here.
    #[must_use]
    pub fn hand(self: &Arc<Self>, plays: Plays) -> Hand {
        Hand::start(self.clone(), plays)
    }

    /// Applies this test's installation as its user would.
    pub async fn apply(&self, spec: Value) -> Result<KfpInstallation> {
        self.world.apply(&self.name, &self.name, spec).await
    }

    /// The installation.
    pub async fn installation(&self) -> Result<KfpInstallation> {
        Ok(self.world.installations(&self.name).get(&self.name).await?)
    }

    /// Waits until a condition of the installation has this status and reason, and returns its message.
    pub async fn await_condition(&self, kind: &str, status: &str, reason: &str) -> Result<String> {
        self.world
            .await_condition(&self.name, &self.name, kind, status, reason)
            .await
    }

    /// A condition of the installation.
    pub async fn condition(&self, kind: &str) -> Result<Option<Condition>> {
        let conditions = self.installation().await?.status.map(|status| status.conditions);
        Ok(conditions
            .unwrap_or_default()
            .into_iter()
            .find(|condition| condition.type_ == kind))
    }

    /// Deletes the installation, as `kubectl delete` without waiting.
    pub async fn delete_installation(&self) -> Result<()> {
        let api = self.world.installations(&self.name);
        api.delete(&self.name, &DeleteParams::background()).await?;
        Ok(())
    }

    /// Waits until the installation is gone.
    pub async fn await_gone(&self) -> Result<()> {
        eventually("the installation is gone", || async {
            let found = self.world.installations(&self.name).get_opt(&self.name).await?;
            Ok(found.is_none().then_some(()))
        })
        .await
    }

    /// An object of this namespace.
    pub async fn get(&self, kind: &str, name: &str) -> Result<Option<DynamicObject>> {
        Ok(self.api(kind)?.get_opt(name).await?)
    }

    /// Waits until an object is there.
    pub async fn await_object(&self, kind: &str, name: &str) -> Result<DynamicObject> {
        eventually(&format!("{kind} {name} is there"), || self.get(kind, name)).await
    }

    /// Waits until something holds of an object, whether or not it is there.
    pub async fn await_that(
        &self,
        what: &str,
        kind: &str,
        name: &str,
        holds: impl Fn(Option<&Value>) -> bool,
    ) -> Result<()> {
        eventually(what, || async {
            let found = self
                .get(kind, name)
                .await?
                .map(serde_json::to_value)
                .transpose()?;
            Ok(holds(found.as_ref()).then_some(()))
        })
        .await
    }

    /// Makes an object as a user would.
    pub async fn create(
        &self,
        api_version: &str,
        kind: &str,
        name: &str,
        rest: Value,
    ) -> Result<DynamicObject> {
        let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {}});
        merge(&mut object, rest);
        merge(
            &mut object,
            json!({"metadata": {"name": name, "namespace": self.name}}),
        );
        let object: DynamicObject = serde_json::from_value(object)?;
        let created = self
            .world
            .objects(&self.name, api_version, kind)
            .create(&PostParams::default(), &object)
            .await;
        created.with_context(|| format!("cannot make {kind} {name}"))
    }

    /// Changes an object as a user with `kubectl patch` would.
    pub async fn patch(&self, kind: &str, name: &str, patch: Value) -> Result<DynamicObject> {
        let patched = self
            .api(kind)?
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await;
        patched.with_context(|| format!("cannot change {kind} {name}"))
    }

    /// Deletes an object as a user would.
    pub async fn delete(&self, kind: &str, name: &str) -> Result<()> {
        let deleted = self.api(kind)?.delete(name, &DeleteParams::background()).await;
        deleted
            .map(drop)
            .with_context(|| format!("cannot delete {kind} {name}"))
    }

    fn api(&self, kind: &str) -> Result<kube::Api<DynamicObject>> {
        let known = KINDS.iter().find(|(_, known)| *known == kind);
        let (api_version, _) = known.with_context(|| format!("{kind} is no kind of an installation"))?;
        Ok(self.world.objects(&self.name, api_version, kind))
    }

    /// Everything in the namespace that carries the label of any installation, as `Kind/name` with its contents.
    pub async fn ours(&self) -> Result<BTreeMap<String, DynamicObject>> {
        let params = ListParams::default().labels(INSTALLATION_LABEL);
        let mut found = BTreeMap::new();
        for (api_version, kind) in KINDS {
            for object in self
                .world
                .objects(&self.name, api_version, kind)
                .list(&params)
                .await?
            {
                let name = object.metadata.name.clone().unwrap_or_default();
                found.insert(format!("{kind}/{name}"), object);
            }
        }
        Ok(found)
    }

    /// The resource version of everything of ours.
    pub async fn versions(&self) -> Result<BTreeMap<String, String>> {
        let version = |object: DynamicObject| object.metadata.resource_version.unwrap_or_default();
        Ok(self
            .ours()
            .await?
            .into_iter()
            .map(|(name, object)| (name, version(object)))
            .collect())
    }

    /// Sees that nothing of ours changed, came or went since `before`, but for one object that a test itself marked.
    pub async fn unchanged_but(&self, marked: &str, before: &BTreeMap<String, String>) -> Result<()> {
        let mut after = self.versions().await?;
        after.remove(marked);
        let changed: Vec<_> = after
            .iter()
            .filter(|(name, version)| before.get(*name) != Some(version))
            .collect();
        ensure!(
            changed.is_empty() && after.len() + 1 == before.len(),
            "changed: {changed:?}"
        );
        Ok(())
    }

    /// What operators wrote to objects in this namespace so far, Leases and Events left out.
    pub fn writes(&self) -> Result<Vec<Request>> {
        self.world.audit.writes(&self.name)
    }

    /// Sees that operators write nothing here (but the installation's status, where `status` allows it) while `time` goes by.
    pub async fn stays_untouched(&self, time: Duration, status: bool) -> Result<()> {
        let before = self.writes()?.len();
        tokio::time::sleep(time).await;
        let mut after = self.writes()?.split_off(before);
        after.retain(|request| {
            !(status && request.resource == "kfpinstallations" && request.subresource == "status")
        });
        ensure!(after.is_empty(), "the operator wrote: {after:#?}");
        Ok(())
    }

    /// The ends of all logs of this site and the state of its installation, for a failed test.
    pub async fn report(&self) -> String {
        let mut text = String::new();
        if let Ok(installation) = self.installation().await {
            let status = serde_json::to_string_pretty(&installation.status).unwrap_or_default();
            text.extend(["\n── status of ", &self.name, " ──\n", &status, "\n"]);
        }
        let mut logs: Vec<PathBuf> = std::fs::read_dir(&self.folder)
            .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
            .unwrap_or_default();
        logs.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
        logs.sort();
        for log in logs {
            let lines = std::fs::read_to_string(&log).unwrap_or_default();
            let mut last: Vec<&str> = lines.lines().rev().take(40).collect();
            last.reverse();
            text.extend([
                "\n── end of ",
                &log.display().to_string(),
                " ──\n",
                &last.join("\n"),
                "\n",
            ]);
        }
        text
    }
}

/// Lays one JSON object over another.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}
