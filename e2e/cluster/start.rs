//! PROOF: the order in which a cluster's processes start.

use std::io::Write;
use std::net::IpAddr;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::namespace::Namespaces;
use super::node::{NODE, Node};
use super::{Cluster, audit, cgroup};
use crate::images::COREDNS;
use crate::kubernetes::{self, ApiServer, PATIENCE, wait_ready, wait_service_account};
use crate::pki::Pki;
use crate::process::{run, wait_for};
use crate::progress::Stage;
use crate::tools::Tool;

/// Ports on the node's own loopback address; nobody else is there.
const ETCD_PORT: u16 = 2379;
const ETCD_PEER_PORT: u16 = 2380;
const CONTROLLER_MANAGER_PORT: u16 = 10257;
const API_SERVER_PORT: u16 = 6443;

/// Starts everything and waits until the node is ready.
pub fn start(cluster: &mut Cluster, stage: &Stage) -> Result<()> {
    let subnets = cluster.state.subnets();
    stage.detail("certificates");
    let pki = certificates(cluster)?;
    cgroup::create(&cluster.name)?;
    stage.detail("namespaces");
    let namespaces = Namespaces::create(
        &cluster.tools,
        &cluster.programs,
        &cluster.folder,
        &mut cluster.state,
    )?;
    let cgroup = cgroup::path(&cluster.name);
    let node = Node {
        folder: &cluster.folder,
        subnets,
        cni: cluster.programs.cni(),
        cgroup: &cgroup,
    };
    let program = |name: &str| cluster.tools.program(Tool::Kubernetes, name);
    let folder = |name: &str| cluster.folder.join(name);

    stage.detail("etcd and API server");
    let etcd = kubernetes::etcd(&folder("etcd"), ETCD_PORT, ETCD_PEER_PORT);
    namespaces.start("etcd", cluster.tools.program(Tool::Etcd, "etcd")?, &etcd)?;
    let api_server = ApiServer {
        pki: &pki,
        etcd_port: ETCD_PORT,
        address: subnets.node().into(),
        port: API_SERVER_PORT,
        services: subnets.services(),
        folder: &folder("apiserver"),
        nodes: true,
    };
    let mut options = api_server.options();
    options.extend(audit::options(&cluster.folder)?);
    namespaces.start("kube-apiserver", program("kube-apiserver")?, &options)?;
    namespaces.start("containerd", "containerd", &node.containerd()?)?;
    wait_ready(&cluster.tools, &cluster.kubeconfig)?;

    stage.detail("controllers and kubelet");
    let kubeconfig = |name: &str| folder(&format!("pki/{name}.kubeconfig"));
    let own = kubeconfig("controller-manager");
    let options =
        kubernetes::controller_manager(&pki, &own, CONTROLLER_MANAGER_PORT, &folder("controller-manager"));
    namespaces.start(
        "kube-controller-manager",
        program("kube-controller-manager")?,
        &options,
    )?;
    let own = kubeconfig("scheduler").display().to_string();
    let options = [
        format!("--kubeconfig={own}"),
        format!("--authentication-kubeconfig={own}"),
        format!("--authorization-kubeconfig={own}"),
        "--bind-address=127.0.0.1".into(),
        format!("--cert-dir={}", folder("scheduler").display()),
        "--leader-elect=false".into(),
        "--profiling=false".into(),
    ];
    namespaces.start("kube-scheduler", program("kube-scheduler")?, &options)?;
    let socket = node.socket();
    wait_for("containerd", PATIENCE, || Ok(socket.exists()))?;
    namespaces.start(
        "kubelet",
        program("kubelet")?,
        &node.kubelet(&pki, &kubeconfig("kubelet"))?,
    )?;
    namespaces.start(
        "kube-proxy",
        program("kube-proxy")?,
        &node.kube_proxy(&kubeconfig("proxy"))?,
    )?;
    storage(cluster, &namespaces, &pki)?;

    stage.detail("waiting for the node");
    wait_service_account(&cluster.tools, &cluster.kubeconfig)?;
    let ready = "--output=jsonpath={.status.conditions[?(@.type==\"Ready\")].status}";
    wait_for("the node", PATIENCE, || {
        Ok(run(cluster.kubectl()?.args(["get", "node", NODE, ready]))? == "True")
    })
}

/// The provisioner of the default storage class, as a process beside the others.
fn storage(cluster: &Cluster, namespaces: &Namespaces<'_>, pki: &Pki) -> Result<()> {
    let options = [
        format!("-server={}", server(cluster)),
        format!("-ca={}", pki.file("ca.crt").display()),
        format!("-cert={}", pki.file("storage.crt").display()),
        format!("-key={}", pki.file("storage.key").display()),
        format!("-folder={}", cluster.folder.join("volumes").display()),
    ];
    namespaces.start(
        "storage",
        cluster.tools.program(Tool::Storage, "storage")?,
        &options,
    )
}

fn server(cluster: &Cluster) -> String {
    format!("https://{}:{API_SERVER_PORT}", cluster.node_address())
}

/// All certificates and kubeconfigs.
fn certificates(cluster: &Cluster) -> Result<Pki> {
    let subnets = cluster.state.subnets();
    let pki = Pki::create(&cluster.folder.join("pki"))?;
    let local: IpAddr = [127, 0, 0, 1].into();
    pki.server(
        "apiserver",
        &kubernetes::API_SERVER_NAMES,
        &[local, subnets.node().into(), subnets.api_server().into()],
    )?;
    pki.server("kubelet", &[NODE], &[local, subnets.node().into()])?;
    let masters = Some("system:masters");
    pki.client("apiserver-kubelet", "apiserver-kubelet", masters)?;
    pki.client("storage", "storage", masters)?;
    pki.client("admin", "admin", masters)?;
    pki.write_kubeconfig("admin", &server(cluster), cluster.kubeconfig.clone())?;
    for (name, user, group) in [
        ("controller-manager", "system:kube-controller-manager", None),
        ("scheduler", "system:kube-scheduler", None),
        ("proxy", "system:kube-proxy", None),
        ("kubelet-client", "system:node:node1", Some("system:nodes")),
    ] {
        pki.client(name, user, group)?;
        let file = if name == "kubelet-client" { "kubelet" } else { name };
        pki.write_kubeconfig(name, &server(cluster), pki.file(&format!("{file}.kubeconfig")))?;
    }
    Ok(pki)
}

/// DNS and the default storage class; their images must be there.
pub fn addons(cluster: &Cluster) -> Result<()> {
    let dns = cluster.state.subnets().dns().to_string();
    let coredns = include_str!("manifests/coredns.yaml")
        .replace("{dns}", &dns)
        .replace("{coredns}", COREDNS);
    apply(cluster, &coredns)?;
    apply(cluster, include_str!("manifests/storage.yaml"))?;
    wait_for("the DNS server", Duration::from_mins(1), || {
        let status = [
            "rollout",
            "status",
            "deployment/coredns",
            "--namespace=kube-system",
            "--timeout=5s",
        ];
        run(cluster.kubectl()?.args(status)).map(|_| true)
    })
}

fn apply(cluster: &Cluster, manifests: &str) -> Result<()> {
    let mut kubectl = cluster
        .kubectl()?
        .args(["apply", "--server-side", "--filename=-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start kubectl")?;
    kubectl
        .stdin
        .take()
        .context("kubectl has no input")?
        .write_all(manifests.as_bytes())?;
    let output = kubectl.wait_with_output()?;
    if !output.status.success() {
        bail!(
            "kubectl apply ended with {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}
