//! PROOF (real API server): plays the kubelet for the operator's Jobs. Kubernetes' own controller makes their pods; what is in
//! them is either the real program as a process under the Jobs' own account, or words that it could have said.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use kfp_api::names::{JOB_NAME, JOBS};
use kfp_backup::order::{Order, Task};
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::sync::OwnedMutexGuard;
use tokio::task::JoinHandle;

use crate::operator::{kubeconfig, token};
use crate::servers::scratch;
use crate::site::Site;
use crate::world::client;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// What a Job's pod says in place of its program: progress, then a report, or nothing while it is held.
#[derive(Clone, Debug)]
pub enum Saying {
    /// It goes on, with this progress.
    Progress(Value),
    /// It ends, with this report and exit code.
    End(Value, i32),
}

/// Answers an order.
type Answers = dyn Fn(&Order) -> Saying + Send + Sync;

/// How Jobs are played.
#[derive(Clone)]
pub enum JobPlays {
    /// Words in place of the program.
    Words(Arc<Answers>),
    /// The program itself, as a process under the Jobs' account.
    Program,
}

impl JobPlays {
    /// Words in place of the program.
    pub fn words(answers: impl Fn(&Order) -> Saying + Send + Sync + 'static) -> Self {
        Self::Words(Arc::new(answers))
    }
}

/// A program at work.
struct Program {
    job: String,
    child: Child,
    /// The server beside it, and the address that only one can have.
    _scratch: Option<(Child, OwnedMutexGuard<()>)>,
}

/// Programs at work, by the names of their pods.
type Programs = Mutex<BTreeMap<String, Program>>;

/// Who has the address of scratch servers. In a cluster each pod has one of its own.
static SCRATCH: LazyLock<Arc<tokio::sync::Mutex<()>>> = LazyLock::new(Arc::default);

/// A hand that plays; it lets go, and ends the programs, when dropped.
pub struct JobHand {
    orders: Arc<Mutex<Vec<(String, Order)>>>,
    programs: Arc<Programs>,
    task: JoinHandle<()>,
}

impl JobHand {
    pub(crate) fn start(site: Arc<Site>, plays: JobPlays) -> Self {
        let orders = Arc::new(Mutex::default());
        let programs = Arc::new(Mutex::default());
        let task = tokio::spawn(play(site, plays, orders.clone(), programs.clone()));
        Self {
            orders,
            programs,
            task,
        }
    }

    /// Kills the program of this Job as a node that fails does; false where none is at work.
    #[must_use]
    pub fn kill(&self, job: &str) -> bool {
        let mut programs = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        let running = programs.values_mut().find(|program| program.job == job);
        running.is_some_and(|program| program.child.start_kill().is_ok())
    }

    /// The orders that were read so far, with the names of their Jobs, each once.
    #[must_use]
    pub fn orders(&self) -> Vec<(String, Order)> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for JobHand {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn play(
    site: Arc<Site>,
    plays: JobPlays,
    orders: Arc<Mutex<Vec<(String, Order)>>>,
    programs: Arc<Programs>,
) {
    let mut ended = BTreeSet::new();
    let mut told = String::new();
    loop {
        if let Err(error) = round(&site, &plays, &orders, &programs, &mut ended).await {
            let words = format!("{error:#}\n");
            if words != told {
                let _ = tokio::fs::write(site.folder.join("jobs-hand.log"), &words).await;
                told = words;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn round(
    site: &Site,
    plays: &JobPlays,
    orders: &Mutex<Vec<(String, Order)>>,
    programs: &Programs,
    ended: &mut BTreeSet<String>,
) -> Result<()> {
    let own = site.lease_namespace();
    let pods: Api<Pod> = Api::namespaced(site.world.client.clone(), &own);
    let labelled = ListParams::default().labels(&format!("app.kubernetes.io/name={JOB_NAME}"));
    for pod in pods.list(&labelled).await?.items {
        let name = pod.metadata.name.clone().unwrap_or_default();
        if pod.metadata.deletion_timestamp.is_some() {
            // What Kubernetes waits for: the kubelet saying that nothing runs any more.
            programs
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&name);
            if ended.insert(name.clone()) {
                finish(&pods, &name, 143).await?;
            }
            continue;
        }
        if ended.contains(&name) {
            continue;
        }
        let (job, order) = order(site, &pod).await?;
        {
            let mut known = orders.lock().unwrap_or_else(PoisonError::into_inner);
            if !known.iter().any(|(known, _)| *known == job) {
                known.push((job.clone(), order.clone()));
            }
        }
        let JobPlays::Words(answers) = plays else {
            if let Some(code) = at_work(site, programs, &name, &job, &order).await? {
                finish(&pods, &name, code).await?;
                ended.insert(name);
            } else {
                running(&pods, &name).await?;
            }
            continue;
        };
        let (key, text, code) = match answers(&order) {
            Saying::Progress(progress) => ("progress", progress, None),
            Saying::End(report, code) => ("report", report, Some(code)),
        };
        let as_jobs = account(site).await?;
        let maps: Api<ConfigMap> = Api::namespaced(as_jobs, &order.tell.namespace);
        let patch = Patch::Merge(json!({"data": {key: text.to_string()}}));
        maps.patch(&order.tell.name, &PatchParams::default(), &patch)
            .await
            .context("the Jobs' account cannot tell")?;
        if let Some(code) = code {
            finish(&pods, &name, code).await?;
            ended.insert(name);
        } else {
            running(&pods, &name).await?;
        }
    }
    Ok(())
}

/// Starts the program of a pod, once; its exit code when it has ended.
async fn at_work(
    site: &Site,
    programs: &Programs,
    pod: &str,
    job: &str,
    order: &Order,
) -> Result<Option<i32>> {
    let known = {
        let mut programs = programs.lock().unwrap_or_else(PoisonError::into_inner);
        match programs.get_mut(pod) {
            Some(program) => Some(program.child.try_wait()?),
            None => None,
        }
    };
    match known {
        // Killed by a signal, as a shell says it.
        Some(Some(status)) => {
            let ended = programs
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(pod);
            drop(ended);
            return Ok(Some(status.code().unwrap_or(137)));
        }
        Some(None) => return Ok(None),
        None => {}
    }
    let folder = site.folder.join(pod);
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("order.json");
    std::fs::write(&file, serde_json::to_string(order)?)?;
    let beside = match &order.task {
        // One that is named is there already.
        Task::Verify(verify) => verify
            .scratch
            .as_ref()
            .filter(|scratch| scratch.server.host == "127.0.0.1"),
        _ => None,
    };
    let scratch = match beside {
        Some(beside) => {
            let alone = SCRATCH.clone().lock_owned().await;
            Some((
                scratch(site, &folder, beside.server.password.reveal()).await?,
                alone,
            ))
        }
        None => None,
    };
    let _client = account(site).await?;
    let log = std::fs::File::create(site.folder.join(format!("{pod}.log")))?;
    let mut command = Command::new(&site.world.programs.operator);
    command
        .args(["job", "run", "--order"])
        .arg(&file)
        .env_clear()
        .env("KUBECONFIG", site.folder.join("jobs.kubeconfig"))
        .env("LOG_FORMAT", "text")
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true);
    let child = command.spawn().context("cannot start the Job's program")?;
    site.world.control_plane.adopt(child.id().unwrap_or_default())?;
    let mut programs = programs.lock().unwrap_or_else(PoisonError::into_inner);
    programs.insert(
        pod.to_owned(),
        Program {
            job: job.to_owned(),
            child,
            _scratch: scratch,
        },
    );
    Ok(None)
}

/// A client with the rights of the Jobs' account.
async fn account(site: &Site) -> Result<Client> {
    let token = token(&site.world, &site.lease_namespace(), JOBS).await?;
    let file = site.folder.join("jobs.kubeconfig");
    let server = site.world.control_plane.server().to_owned();
    std::fs::write(&file, kubeconfig(&site.world, &server, &token).to_string())?;
    client(&file).await
}

/// The order that a pod mounts, and the name of its Job.
async fn order(site: &Site, pod: &Pod) -> Result<(String, Order)> {
    let spec = pod.spec.as_ref().context("a pod without spec")?;
    ensure!(
        spec.service_account_name.as_deref() == Some(JOBS),
        "another account"
    );
    let volume = spec
        .volumes
        .iter()
        .flatten()
        .find_map(|volume| volume.secret.as_ref())
        .context("no Secret is mounted")?;
    let name = volume.secret_name.clone().unwrap_or_default();
    let secrets: Api<Secret> = Api::namespaced(site.world.client.clone(), &site.lease_namespace());
    let data = secrets.get(&name).await?.data.unwrap_or_default();
    let text = data.get("order.json").context("the Secret has no order")?;
    Ok((
        name,
        serde_json::from_slice(&text.0).context("the order cannot be read")?,
    ))
}

/// What an order asks for, in a word.
#[must_use]
pub fn work(order: &Order) -> &'static str {
    match order.task {
        Task::Take(_) => "take",
        Task::Verify(_) => "verify",
        Task::Restore(_) => "restore",
        Task::Remove(_) => "remove",
    }
}

async fn running(pods: &Api<Pod>, pod: &str) -> Result<()> {
    let state = json!({"name": "job", "image": "", "imageID": "", "ready": true, "restartCount": 0, "state": {"running": {}}});
    let status = json!({"status": {"phase": "Running", "containerStatuses": [state]}});
    pods.patch_status(pod, &PatchParams::default(), &Patch::Merge(status))
        .await?;
    Ok(())
}

async fn finish(pods: &Api<Pod>, pod: &str, code: i32) -> Result<()> {
    let state = json!({
        "name": "job", "image": "", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"terminated": {"exitCode": code}},
    });
    let phase = if code == 0 { "Succeeded" } else { "Failed" };
    let status = json!({"status": {"phase": phase, "containerStatuses": [state]}});
    match pods
        .patch_status(pod, &PatchParams::default(), &Patch::Merge(status))
        .await
    {
        Err(kube::Error::Api(answer)) if answer.code == 404 => Ok(()),
        other => other.map(drop).map_err(Into::into),
    }
}
