//! PROOF (real API server): one control plane for all tests of a run, and the small things that each test asks of it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use k8s_openapi::api::core::v1::Namespace;
use kfp_api::KfpInstallation;
use kfp_e2e::cache::Cache;
pub use kfp_e2e::lab::root;
use kfp_e2e::light::{ControlPlane, Options, SERVICES};
use kfp_e2e::progress::Progress;
use kfp_e2e::tools::{Tool, Tools};
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, Client, Config};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::audit::{Audit, OPERATOR};
use crate::isolation;
use crate::programs::Programs;
use crate::store::Store;

/// How long anything may take before a test gives up: generous, since two cores build and test at once.
pub const PATIENCE: Duration = Duration::from_mins(6);
/// Namespace of the operator's ServiceAccount in `config/rbac`.
pub const OPERATOR_NAMESPACE: &str = "kfp-operator-system";
/// Kubernetes' own controllers that run: what makes pods of Deployments and Jobs, and what clears up. No scheduler, no kubelet.
const CONTROLLERS: [&str; 8] = [
    "deployment-controller",
    "garbage-collector-controller",
    "job-controller",
    "namespace-controller",
    "persistentvolumeclaim-protection-controller",
    "replicaset-controller",
    "serviceaccount-controller",
    "root-ca-certificate-publisher-controller",
];

/// A running API server with our CRDs, the operands' CRDs and our rights.
pub struct World {
    /// The object store of all installations that are given one; started when first asked for.
    pub store: OnceCell<Store>,
    /// The control plane; ends when the world is dropped.
    pub control_plane: ControlPlane,
    /// The tools that it was made of.
    pub tools: Tools,
    /// Our programs.
    pub programs: Programs,
    /// What the operator asked of the API server.
    pub audit: Audit,
    /// A cluster administrator's client.
    pub client: Client,
}

impl World {
    /// Makes or finds what the world is made of. Needs the network, so it is done before the program isolates itself.
    pub fn prepare() -> Result<Tools> {
        let mut wanted = Tool::LIGHT.to_vec();
        wanted.extend([Tool::Base, Tool::MariaDb, Tool::SeaweedFs]);
        Tools::ensure(&Cache::locate()?, &wanted, &Progress::new())
    }

    /// Starts everything and installs what `kubectl apply -k` installs. Claims the addresses of Services for this program.
    pub async fn start() -> Result<Self> {
        let tools = Self::prepare()?;
        isolation::raise_loopback(&tools)?;
        isolation::claim(&tools, SERVICES)?;
        let world = Self::with_operator_rights(tools).await?;
        world.apply_operand_definitions()?;
        Ok(world)
    }

    /// A second world beside the first one, without the operands' definitions and without servers.
    pub async fn bare() -> Result<Self> {
        Self::with_operator_rights(Self::prepare()?).await
    }

    async fn with_operator_rights(tools: Tools) -> Result<Self> {
        let options = Options {
            controller_manager: true,
            controllers: &CONTROLLERS,
            audited: &[OPERATOR],
        };
        let control_plane = ControlPlane::start(&tools, options)?;
        let world = Self {
            client: client(control_plane.kubeconfig()).await?,
            audit: Audit::new(control_plane.audit_log()),
            programs: Programs::found()?,
            store: OnceCell::new(),
            control_plane,
            tools,
        };
        world.create_namespace(OPERATOR_NAMESPACE).await?;
        for folder in ["config/crd", "config/rbac"] {
            world.install(folder)?;
        }
        Ok(world)
    }

    /// Installs the kinds that KFP's programs work with.
    pub fn apply_operand_definitions(&self) -> Result<()> {
        self.install("config/operand-crds/kfp")?;
        self.install("config/operand-crds/argo")
    }

    fn install(&self, folder: &str) -> Result<()> {
        let folder = root().join(folder).display().to_string();
        self.kubectl(&["apply", "--server-side", "-k", &folder])?;
        let established = "--for=condition=Established";
        self.kubectl(&["wait", established, "--timeout=60s", "crd", "--all"])
            .map(drop)
    }

    /// Runs kubectl as the administrator; its output is returned, its failure is an error.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        let output = self
            .command(arguments)?
            .stdin(Stdio::null())
            .output()
            .context("cannot start kubectl")?;
        if !output.status.success() {
            bail!(
                "kubectl {}: {}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = self.control_plane.kubectl()?;
        command.args(arguments);
        Ok(command)
    }

    /// Makes a namespace; one that is there stays.
    pub async fn create_namespace(&self, name: &str) -> Result<()> {
        let namespace: Namespace = serde_json::from_value(json!({"metadata": {"name": name}}))?;
        match Api::all(self.client.clone())
            .create(&PostParams::default(), &namespace)
            .await
        {
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
            result => result
                .map(drop)
                .with_context(|| format!("cannot make the namespace {name}")),
        }
    }

    /// The installations of a namespace.
    #[must_use]
    pub fn installations(&self, namespace: &str) -> Api<KfpInstallation> {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// Objects of any kind in a namespace.
    #[must_use]
    pub fn objects(&self, namespace: &str, api_version: &str, kind: &str) -> Api<DynamicObject> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        Api::namespaced_with(self.client.clone(), namespace, &resource)
    }

    /// Applies a spec as a user would, under a user's field manager.
    pub async fn apply(&self, namespace: &str, name: &str, spec: Value) -> Result<KfpInstallation> {
        self.create_namespace(namespace).await?;
        let object = json!({
            "apiVersion": "kfpops.dev/v1alpha1", "kind": "KfpInstallation",
            "metadata": {"name": name, "namespace": namespace}, "spec": spec,
        });
        self.installations(namespace)
            .patch(name, &PatchParams::apply("a-user").force(), &Patch::Apply(object))
            .await
            .context("cannot apply the installation")
    }

    /// Status, reason and message of a condition; `None` while it is not there.
    pub async fn condition(
        &self,
        namespace: &str,
        name: &str,
        kind: &str,
    ) -> Result<Option<(String, String, String)>> {
        let installation = self.installations(namespace).get(name).await?;
        let conditions = installation
            .status
            .map(|status| status.conditions)
            .unwrap_or_default();
        Ok(conditions
            .into_iter()
            .find(|condition| condition.type_ == kind)
            .map(|condition| (condition.status, condition.reason, condition.message)))
    }

    /// Waits until a condition has this status and reason.
    pub async fn await_condition(
        &self,
        namespace: &str,
        name: &str,
        kind: &str,
        status: &str,
        reason: &str,
    ) -> Result<String> {
        let mut last = None;
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            last = self.condition(namespace, name, kind).await?;
            if let Some((is, why, message)) = &last
                && is == status
                && why == reason
            {
                return Ok(message.clone());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        bail!("{kind} of {namespace}/{name} did not become {status} with {reason}; last seen: {last:?}")
    }
}

/// Waits until something holds; the last refusal is the error.
pub async fn eventually<T, F: Future<Output = Result<Option<T>>>>(
    what: &str,
    mut look: impl FnMut() -> F,
) -> Result<T> {
    let start = Instant::now();
    let mut last = None;
    while start.elapsed() < PATIENCE {
        match look().await {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => last = None,
            Err(error) => last = Some(error),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    match last {
        Some(error) => Err(error.context(format!("{what}: not within {} s", PATIENCE.as_secs()))),
        None => bail!("{what}: not within {} s", PATIENCE.as_secs()),
    }
}

/// A client for a kubeconfig file.
pub async fn client(kubeconfig: &Path) -> Result<Client> {
    let config =
        Config::from_custom_kubeconfig(Kubeconfig::read_from(kubeconfig)?, &KubeConfigOptions::default())
            .await?;
    Ok(Client::try_from(config)?)
}
