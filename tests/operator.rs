//! PROOF (real API server): the real operator as a process of its own, with the rights that `config/rbac` gives to its
//! ServiceAccount and no others.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use kube::api::PostParams;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::isolation::port;
use crate::site::Site;
use crate::world::{OPERATOR_NAMESPACE, World, eventually};

/// Name of the operator's ServiceAccount.
pub const ACCOUNT: &str = "kfp-operator";
/// The image that Jobs are given: nothing pulls it.
pub const JOB_IMAGE: &str = "registry.example.com/kfp-operator:test";
/// How long a stopped operator may take: the grace that its Deployment gives it.
const GRACE: Duration = Duration::from_secs(30);

/// How an operator is started. Without words of its own it looks after its site's namespace.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Namespaces to look after instead; `Some(vec![])` for all.
    pub namespaces: Option<Vec<String>>,
    /// Label selector of installations.
    pub selector: Option<String>,
    /// Where the API server is instead.
    pub server: Option<SocketAddr>,
    /// ServiceAccount, by namespace and name, instead.
    pub account: Option<(String, String)>,
}

/// A running operator; killed when dropped.
pub struct Operator {
    /// Its token, as the audit log names it.
    pub credential: String,
    child: Child,
    metrics: u16,
    health: u16,
    log: PathBuf,
}

impl Operator {
    /// Starts one for this site. It may not lead yet.
    pub async fn start(site: &Site, settings: Settings) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("operator-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let account = settings
            .account
            .unwrap_or_else(|| (OPERATOR_NAMESPACE.into(), ACCOUNT.into()));
        let token = token(&site.world, &account.0, &account.1).await?;
        let plane = &site.world.control_plane;
        let server = settings
            .server
            .map_or_else(|| plane.server().to_owned(), |at| format!("https://{at}"));
        let kubeconfig = site.folder.join(format!("{name}.kubeconfig"));
        std::fs::write(
            &kubeconfig,
            self::kubeconfig(&site.world, &server, &token).to_string(),
        )?;
        let log = site.folder.join(format!("{name}.log"));
        let namespaces = settings.namespaces.unwrap_or_else(|| vec![site.name.clone()]);
        let (metrics, health) = (port(), port());
        let mut command = Command::new(&site.world.programs.operator);
        command
            .env_clear()
            .env("KUBECONFIG", kubeconfig)
            .env("WATCH_NAMESPACES", namespaces.join(","))
            .env("POD_NAMESPACE", site.lease_namespace())
            .env("POD_NAME", &name)
            .env("JOB_IMAGE", JOB_IMAGE)
            .env(
                "METRICS_ADDRESS",
                SocketAddr::from((Ipv4Addr::LOCALHOST, metrics)).to_string(),
            )
            .env(
                "HEALTH_ADDRESS",
                SocketAddr::from((Ipv4Addr::LOCALHOST, health)).to_string(),
            )
            .env("LOG_FORMAT", "text")
            .env(
                "LOG",
                "info,kfp_engine=debug,kfp_operator=debug,kube_runtime=warn",
            )
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(File::create(&log)?)
            .stderr(File::options().append(true).open(&log)?)
            .kill_on_drop(true);
        if let Some(selector) = settings.selector {
            command.env("SELECTOR", selector);
        }
        let child = command.spawn().context("cannot start the operator")?;
        plane.adopt(child.id().unwrap_or_default())?;
        Ok(Self {
            credential: credential(&token)?,
            child,
            metrics,
            health,
            log,
        })
    }

    /// What it counts.
    pub async fn metrics(&self) -> Result<String> {
        Ok(reqwest::get(format!("http://127.0.0.1:{}/metrics", self.metrics))
            .await?
            .text()
            .await?)
    }

    /// The value of one metric, with its labels; zero when it was never counted.
    pub async fn count(&self, metric: &str) -> Result<f64> {
        let text = self.metrics().await?;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
        value.map_or(Ok(0.0), |value| {
            value.parse().with_context(|| format!("{metric} {value}"))
        })
    }

    /// Passes that were finished, whatever came of them.
    pub async fn passes(&self) -> Result<f64> {
        self.count("kfp_operator_reconcile_duration_seconds_count").await
    }

    /// Whether it leads now.
    pub async fn leads(&self) -> Result<bool> {
        Ok(self.count("kfp_operator_leader").await? > 0.0)
    }

    /// Waits until it leads.
    pub async fn await_leading(&self) -> Result<()> {
        eventually("the operator leads", || async {
            Ok(self.leads().await?.then_some(()))
        })
        .await
    }

    /// Waits until it has finished this many passes more.
    pub async fn await_passes(&self, more: u32) -> Result<()> {
        let wanted = self.passes().await? + f64::from(more);
        eventually("more passes", || async {
            Ok((self.passes().await? >= wanted).then_some(()))
        })
        .await
    }

    /// The HTTP status of a probe (`healthz`, `readyz`).
    pub async fn probe(&self, path: &str) -> Result<u16> {
        Ok(reqwest::get(format!("http://127.0.0.1:{}/{path}", self.health))
            .await?
            .status()
            .as_u16())
    }

    /// Everything that it said.
    pub fn log(&self) -> Result<String> {
        std::fs::read_to_string(&self.log).with_context(|| self.log.display().to_string())
    }

    /// Asks it to end, as Kubernetes does, and sees that it ends well and in time.
    pub async fn stop(mut self) -> Result<()> {
        let pid = self.child.id().context("the operator has ended already")?;
        kill(Pid::from_raw(i32::try_from(pid)?), Signal::SIGTERM)?;
        let status = self.await_end(GRACE).await?;
        ensure!(status.success(), "after SIGTERM the operator ended with {status}");
        Ok(())
    }

    /// Ends it as a node that fails does.
    pub async fn kill(mut self) -> Result<()> {
        self.child.kill().await.context("cannot kill the operator")
    }

    /// Waits for its own end.
    pub async fn await_end(&mut self, limit: Duration) -> Result<ExitStatus> {
        match tokio::time::timeout(limit, self.child.wait()).await {
            Ok(status) => Ok(status?),
            Err(_) => bail!("the operator did not end within {} s", limit.as_secs()),
        }
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }
}

/// A token of a ServiceAccount, as its pods get one.
pub async fn token(world: &World, namespace: &str, name: &str) -> Result<String> {
    let accounts: Api<ServiceAccount> = Api::namespaced(world.client.clone(), namespace);
    let request = TokenRequest {
        spec: TokenRequestSpec {
            expiration_seconds: Some(7200),
            ..Default::default()
        },
        ..Default::default()
    };
    let made: TokenRequest = accounts
        .create_subresource("token", name, &PostParams::default(), &request)
        .await?;
    Ok(made.status.context("no token was made")?.token)
}

/// A kubeconfig for whoever holds a token.
#[must_use]
pub fn kubeconfig(world: &World, server: &str, token: &str) -> Value {
    let authority = world.control_plane.folder().join("pki/ca.crt");
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "tests", "cluster": {"server": server, "certificate-authority": authority}}],
        "users": [{"name": "operator", "user": {"token": token}}],
        "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "operator"}}],
        "current-context": "tests",
    })
}

/// How the API server names a token in its audit log: by the token's own id.
fn credential(token: &str) -> Result<String> {
    let claims = token.split('.').nth(1).context("the token has no claims")?;
    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims)?)?;
    let id = claims
        .get("jti")
        .and_then(Value::as_str)
        .context("the token has no id")?;
    Ok(format!("JTI={id}"))
}
