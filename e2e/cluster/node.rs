//! PROOF: what runs on the node: containerd, kubelet, kube-proxy; their configuration files and command lines.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::json;

use super::subnets::Subnets;
use crate::images::PAUSE;
use crate::pki::Pki;

/// Name of the one node.
pub const NODE: &str = "node1";

/// Where a cluster's node has its files.
pub struct Node<'a> {
    /// The cluster's folder.
    pub folder: &'a Path,
    /// Its addresses.
    pub subnets: Subnets,
    /// Folder of the CNI plugins.
    pub cni: PathBuf,
    /// The parent of all pods' control groups, as an absolute path below each hierarchy.
    pub cgroup: &'a str,
}

impl Node<'_> {
    /// containerd's socket; on disk, so that it can be reached from outside the namespaces too.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("containerd/containerd.sock")
    }

    fn config(&self, name: &str, text: &str) -> Result<PathBuf> {
        let folder = self.folder.join("config");
        fs::create_dir_all(&folder)?;
        let path = folder.join(name);
        fs::write(&path, text)?;
        Ok(path)
    }

    /// Writes containerd's configuration and returns its arguments.
    pub fn containerd(&self) -> Result<Vec<String>> {
        let networks = self.folder.join("config/cni");
        fs::create_dir_all(&networks)?;
        fs::write(
            networks.join("10-bridge.conflist"),
            serde_json::to_vec_pretty(&self.network())?,
        )?;
        let data = self.folder.join("containerd");
        let (data, socket) = (data.display(), self.socket());
        let (socket, cni, networks) = (socket.display(), self.cni.display(), networks.display());
        // netns_mounts_under_state_dir: else a later `ip netns add` of anybody makes pods impossible to remove.
        // restrict_oom_score_adj: root in a container has no right to lower it.
        // enable_unprivileged_ports: containerd 2's default, by which a DNS server needs no root.
        let text = format!(
            r#"version = 2
root = "{data}/root"
state = "/run/containerd-state"
[grpc]
address = "{socket}"
[ttrpc]
address = "{socket}.ttrpc"
[plugins."io.containerd.internal.v1.opt"]
path = "{data}/opt"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE}"
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true
disable_apparmor = true
disable_tcp_service = true
enable_unprivileged_ports = true
stream_server_address = "127.0.0.1"
stream_server_port = "0"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{cni}"
conf_dir = "{networks}"
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
default_runtime_name = "runc"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
"#
        );
        let path = self.config("containerd.toml", &text)?;
        Ok(vec!["--config".into(), path.display().to_string()])
    }

    fn network(&self) -> serde_json::Value {
        json!({
            "cniVersion": "1.0.0",
            "name": "pods",
            "plugins": [
                {
                    "type": "bridge",
                    "bridge": "cni0",
                    "isGateway": true,
                    "ipMasq": false,
                    "hairpinMode": true,
                    "ipam": {
                        "type": "host-local",
                        "dataDir": self.folder.join("cni"),
                        "ranges": [[{"subnet": self.subnets.pods()}]],
                        "routes": [{"dst": "0.0.0.0/0"}],
                    },
                },
                {"type": "portmap", "capabilities": {"portMappings": true}},
            ],
        })
    }

    /// Writes the kubelet's configuration and returns its arguments.
    pub fn kubelet(&self, pki: &Pki, kubeconfig: &Path) -> Result<Vec<String>> {
        let resolv = self.config("resolv.conf", "nameserver 127.0.0.1\n")?;
        let file = |name: &str| pki.file(name).display().to_string();
        let config = json!({
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": self.subnets.node(),
            "healthzBindAddress": "127.0.0.1",
            "readOnlyPort": 0,
            "authentication": {
                "anonymous": {"enabled": false},
                "webhook": {"enabled": true},
                "x509": {"clientCAFile": file("ca.crt")},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": file("kubelet.crt"),
            "tlsPrivateKeyFile": file("kubelet.key"),
            "containerRuntimeEndpoint": format!("unix://{}", self.socket().display()),
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": self.cgroup,
            "failCgroupV1": false,
            "failSwapOn": false,
            "oomScoreAdj": 0,
            "clusterDNS": [self.subnets.dns()],
            "clusterDomain": "cluster.local",
            "resolvConf": resolv,
            "volumePluginDir": self.folder.join("kubelet-plugins"),
            // No image can be pulled again once it is deleted.
            "imageGCHighThresholdPercent": 100,
            "imageMinimumGCAge": "87600h",
            "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
            "nodeStatusUpdateFrequency": "4s",
            "serializeImagePulls": false,
            "shutdownGracePeriod": "0s",
        });
        let config = self.config("kubelet.json", &serde_json::to_string_pretty(&config)?)?;
        Ok(vec![
            format!("--config={}", config.display()),
            format!("--kubeconfig={}", kubeconfig.display()),
            format!("--hostname-override={NODE}"),
            format!("--node-ip={}", self.subnets.node()),
            "--root-dir=/var/lib/kubelet".into(),
            format!("--cert-dir={}", self.folder.join("kubelet-pki").display()),
        ])
    }

    /// Writes kube-proxy's configuration and returns its arguments. Connection tracking keeps the kernel's limits.
    pub fn kube_proxy(&self, kubeconfig: &Path) -> Result<Vec<String>> {
        let config = json!({
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "iptables",
            "bindAddress": self.subnets.node(),
            "hostnameOverride": NODE,
            "clusterCIDR": self.subnets.pods(),
            "clientConnection": {"kubeconfig": kubeconfig},
            "metricsBindAddress": "127.0.0.1:10249",
            "healthzBindAddress": "127.0.0.1:10256",
            "nodePortAddresses": [format!("{}/32", self.subnets.node())],
            "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
            "iptables": {"localhostNodePorts": false},
        });
        let config = self.config("kube-proxy.json", &serde_json::to_string_pretty(&config)?)?;
        Ok(vec![format!("--config={}", config.display())])
    }
}
