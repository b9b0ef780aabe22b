//! EYES AND HANDS: Jobs of the operator's own image in the operator's own namespace: what they are told, how they are started,
//! what they tell, how their credentials go again. Nothing is decided here.

mod credentials;
mod look;
mod own;
pub mod resolve;
mod restore;
mod shape;
mod source;

use std::sync::Arc;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kfp_api::conditions::Reason;
use kfp_backup::order::Order;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::Engine;
use crate::cluster::limited;
use crate::error::Error;

pub use credentials::Credentials;
pub use own::{Own, Whereabouts};
pub use shape::{CLOSED_ANNOTATION, Purpose, ScratchServer};
pub use source::Source;

/// Why a Job is not started. The reason and the words are for the resource that asks for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Stable reason.
    pub reason: Reason,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Refusal {
    /// A refusal in these words.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::new(error.reason(), error.to_string())
    }
}

/// Jobs of one operator. Cheap to clone.
#[derive(Clone)]
pub struct BackupJobs {
    engine: Engine,
    whereabouts: Arc<Whereabouts>,
    own: Arc<OnceCell<Own>>,
}

impl BackupJobs {
    /// Jobs that run beside the operator that is there.
    #[must_use]
    pub fn new(engine: Engine, whereabouts: Whereabouts) -> Self {
        Self {
            engine,
            whereabouts: Arc::new(whereabouts),
            own: Arc::default(),
        }
    }

    /// What Jobs have from the operator's own pod. Read once: a running pod does not change.
    async fn own(&self) -> Result<&Own, Refusal> {
        let look = || own::look(self.engine.cluster(), &self.whereabouts);
        self.own.get_or_try_init(look).await
    }

    /// The engine that they work with.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The operator's own namespace, where Jobs run and their credentials lie.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.whereabouts.namespace
    }

    fn jobs(&self) -> Api<Job> {
        Api::namespaced(self.engine.cluster().client().clone(), self.namespace())
    }

    /// Starts a Job. Whoever starts it a second time finds what is there and goes on from it.
    ///
    /// The Job is made first, asleep, so that its Secret and its ConfigMap can go with it; then it is let go.
    pub async fn start(
        &self,
        purpose: &Purpose,
        order: &Order,
        scratch: Option<&ScratchServer>,
    ) -> Result<(), Refusal> {
        let own = self.own().await?;
        let job = shape::job(own, purpose, order, scratch);
        let made = created(self.jobs(), &purpose.job, job).await?;
        let uid = made.metadata.uid.unwrap_or_default();
        let client = self.engine.cluster().client();
        let secrets: Api<Secret> = Api::namespaced(client.clone(), self.namespace());
        let secret = shape::secret(own, purpose, &uid, order, scratch)?;
        created(secrets, &purpose.job, secret).await?;
        let maps: Api<ConfigMap> = Api::namespaced(client.clone(), self.namespace());
        created(maps, &purpose.job, shape::config_map(own, purpose, &uid)).await?;
        let go = Patch::Merge(json!({"spec": {"suspend": false}}));
        let what = format!("let Job {} in namespace {} go", purpose.job, self.namespace());
        limited(
            what,
            self.jobs().patch(&purpose.job, &PatchParams::default(), &go),
        )
        .await?;
        Ok(())
    }

    /// Takes a finished Job's credentials away. Its log and what it told stay until it is removed, a day after its end.
    pub async fn close(&self, job: &str) -> Result<(), Error> {
        let client = self.engine.cluster().client();
        let secrets: Api<Secret> = Api::namespaced(client.clone(), self.namespace());
        let what = format!("delete Secret {job} in namespace {}", self.namespace());
        gone(limited(what, secrets.delete(job, &DeleteParams::default())).await)?;
        let closed = Patch::Merge(json!({"metadata": {"annotations": {CLOSED_ANNOTATION: "true"}}}));
        let what = format!("mark Job {job} in namespace {}", self.namespace());
        gone(limited(what, self.jobs().patch(job, &PatchParams::default(), &closed)).await)
    }

    /// Removes a Job with its pods, its Secret and its ConfigMap. What its program is at is ended.
    pub async fn remove(&self, job: &str) -> Result<(), Error> {
        let what = format!("delete Job {job} in namespace {}", self.namespace());
        // Foreground: the Job is there until its pods are gone, so that a new one of the name never meets an old pod.
        let params = DeleteParams::foreground();
        gone(limited(what, self.jobs().delete(job, &params)).await)
    }
}

/// Makes an object; one of the name that is there is taken as it is.
async fn created<K>(api: Api<K>, name: &str, body: Value) -> Result<K, Refusal>
where
    K: kube::Resource + Clone + serde::de::DeserializeOwned + serde::Serialize + std::fmt::Debug,
    K: k8s_openapi::Resource,
{
    let what = format!("make {} {name}", <K as k8s_openapi::Resource>::KIND);
    let object: K = serde_json::from_value(body)
        .map_err(|error| Error::kube(what.clone(), kube::Error::SerdeError(error)))?;
    match limited(what, api.create(&PostParams::default(), &object)).await {
        Err(error) if error.status() == Some(409) => {
            let what = format!("read {} {name}", <K as k8s_openapi::Resource>::KIND);
            Ok(limited(what, api.get(name)).await?)
        }
        // What a write is refused for (quota, admission) is not about looking.
        Err(error) if error.status().is_some() => Err(Refusal::new(Reason::ApplyFailed, error.to_string())),
        made => Ok(made?),
    }
}

fn gone<T>(answer: Result<T, Error>) -> Result<(), Error> {
    match answer {
        Err(error) if error.status() == Some(404) => Ok(()),
        other => other.map(drop),
    }
}
