//! PROOF: what the full cluster and the light control plane start in the same way: etcd, the API server, the
//! controller-manager. Only command lines and waiting; the callers start and stop the processes.

use std::net::IpAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::pki::Pki;
use crate::process::{run, wait_for};
use crate::tools::Tools;

/// What a start may take on two busy cores.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// The names under which pods reach the API server.
pub const API_SERVER_NAMES: [&str; 5] = [
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    "localhost",
];

/// Options of an etcd whose data is thrown away with the cluster: nothing is flushed to disk.
pub fn etcd(data: &Path, client_port: u16, peer_port: u16) -> Vec<String> {
    let client = format!("http://127.0.0.1:{client_port}");
    let peer = format!("http://127.0.0.1:{peer_port}");
    vec![
        "--name=test".into(),
        format!("--data-dir={}", data.display()),
        "--unsafe-no-fsync".into(),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=test={peer}"),
        "--log-level=warn".into(),
    ]
}

/// Where an API server listens and what it serves.
pub struct ApiServer<'a> {
    /// Its certificates: `apiserver`, and `apiserver-kubelet` if there are nodes.
    pub pki: &'a Pki,
    /// Port of etcd on the loopback address.
    pub etcd_port: u16,
    /// The address that it binds to.
    pub address: IpAddr,
    /// The port that it binds to.
    pub port: u16,
    /// Range of the addresses of Services.
    pub services: String,
    /// A folder of its own.
    pub folder: &'a Path,
    /// Whether there are nodes.
    pub nodes: bool,
}

impl ApiServer<'_> {
    /// Its options.
    pub fn options(&self) -> Vec<String> {
        let file = |name: &str| self.pki.file(name).display().to_string();
        let mut options = vec![
            format!("--etcd-servers=http://127.0.0.1:{}", self.etcd_port),
            format!("--bind-address={}", self.address),
            format!("--secure-port={}", self.port),
            format!("--cert-dir={}", self.folder.display()),
            format!("--tls-cert-file={}", file("apiserver.crt")),
            format!("--tls-private-key-file={}", file("apiserver.key")),
            format!("--client-ca-file={}", file("ca.crt")),
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local".into(),
            format!("--service-account-key-file={}", file("sa.pub")),
            format!("--service-account-signing-key-file={}", file("sa.key")),
            format!("--service-cluster-ip-range={}", self.services),
            "--allow-privileged=true".into(),
            "--profiling=false".into(),
        ];
        if self.nodes {
            options.extend([
                format!("--advertise-address={}", self.address),
                "--authorization-mode=Node,RBAC".into(),
                "--enable-admission-plugins=NodeRestriction".into(),
                format!("--kubelet-client-certificate={}", file("apiserver-kubelet.crt")),
                format!("--kubelet-client-key={}", file("apiserver-kubelet.key")),
                format!("--kubelet-certificate-authority={}", file("ca.crt")),
                "--kubelet-preferred-address-types=InternalIP".into(),
            ]);
        } else {
            // The loopback address may not become an endpoint, and nobody looks for one. Without a default route the
            // server finds no address to advertise, so it gets one that RFC 5737 keeps free.
            options.extend([
                "--authorization-mode=RBAC".into(),
                "--endpoint-reconciler-type=none".into(),
                "--advertise-address=192.0.2.1".into(),
            ]);
        }
        options
    }
}

/// Options of a controller-manager that is alone. The request limits are raised because each controller fetches a token
/// of its own first, which takes six seconds at the default rate.
pub fn controller_manager(pki: &Pki, kubeconfig: &Path, port: u16, folder: &Path) -> Vec<String> {
    let file = |name: &str| pki.file(name).display().to_string();
    vec![
        format!("--kubeconfig={}", kubeconfig.display()),
        format!("--authentication-kubeconfig={}", kubeconfig.display()),
        format!("--authorization-kubeconfig={}", kubeconfig.display()),
        "--bind-address=127.0.0.1".into(),
        format!("--secure-port={port}"),
        format!("--cert-dir={}", folder.display()),
        "--leader-elect=false".into(),
        format!("--service-account-private-key-file={}", file("sa.key")),
        format!("--root-ca-file={}", file("ca.crt")),
        format!("--cluster-signing-cert-file={}", file("ca.crt")),
        format!("--cluster-signing-key-file={}", file("ca.key")),
        // It makes this folder; the default one lies in the host's /usr.
        format!(
            "--flex-volume-plugin-dir={}",
            folder.join("volume-plugins").display()
        ),
        "--use-service-account-credentials=true".into(),
        "--kube-api-qps=300".into(),
        "--kube-api-burst=600".into(),
        "--profiling=false".into(),
    ]
}

/// kubectl for a cluster; it reads nothing of the user's own.
pub fn kubectl(tools: &Tools, kubeconfig: &Path) -> Result<Command> {
    let mut command = Command::new(tools.kubectl()?);
    // Discovery is cached per cluster, or a new cluster at an old address would get the old one's answers.
    let cache = kubeconfig.with_file_name("kubectl-cache");
    command.env("KUBECONFIG", kubeconfig).env("KUBECACHEDIR", cache);
    Ok(command)
}

/// Waits until the API server calls itself ready.
pub fn wait_ready(tools: &Tools, kubeconfig: &Path) -> Result<()> {
    wait_for("the API server", PATIENCE, || {
        Ok(run(kubectl(tools, kubeconfig)?.args(["get", "--raw=/readyz"]))?.trim() == "ok")
    })
}

/// Whether the API server calls itself ready just now.
pub fn is_ready(tools: &Tools, kubeconfig: &Path) -> bool {
    let answer = kubectl(tools, kubeconfig)
        .and_then(|mut kubectl| run(kubectl.args(["get", "--raw=/readyz", "--request-timeout=5s"])));
    answer.is_ok_and(|answer| answer.trim() == "ok")
}

/// Waits until the default service account is there, which pods need: the controller-manager works.
pub fn wait_service_account(tools: &Tools, kubeconfig: &Path) -> Result<()> {
    wait_for("the default service account", PATIENCE, || {
        let arguments = [
            "get",
            "serviceaccount",
            "default",
            "--namespace=default",
            "--output=name",
        ];
        run(kubectl(tools, kubeconfig)?.args(arguments)).map(|_| true)
    })
}
