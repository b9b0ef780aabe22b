//! EYES: the address of a Service of the installation. Changes nothing.

use kfp_plan::{ObjectRef, Seen};
use serde_json::Value;

use crate::live::Live;

/// Where a Service's port answers: its cluster IP, which works from pods and nodes alike and needs no DNS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Cluster IP, or the DNS name of a Service without one.
    pub host: String,
    /// Number of the Service's port.
    pub port: u16,
}

impl Address {
    /// `http://host:port`, IPv6 in brackets.
    #[must_use]
    pub fn http(&self) -> String {
        if self.host.contains(':') {
            format!("http://[{}]:{}", self.host, self.port)
        } else {
            format!("http://{}:{}", self.host, self.port)
        }
    }
}

/// The address of the port of this name; the first port where `port` is `None`.
#[must_use]
pub fn address(live: &Live, namespace: &str, service: &str, port: Option<&str>) -> Seen<Address> {
    let object = ObjectRef {
        kind: "Service".into(),
        name: service.into(),
    };
    match live.seen(&object) {
        Seen::Known(found) => of(found, namespace, service, port).map_or(Seen::Absent, Seen::Known),
        Seen::Absent => Seen::Absent,
        Seen::Unknown { reason, why } => Seen::Unknown { reason, why },
    }
}

fn of(found: &Value, namespace: &str, service: &str, port: Option<&str>) -> Option<Address> {
    let ports = found.pointer("/spec/ports")?.as_array()?;
    let named =
        |candidate: &&Value| port.is_none_or(|port| candidate.get("name").is_some_and(|name| name == port));
    let number = ports.iter().find(named)?.get("port")?.as_u64()?;
    let ip = found
        .pointer("/spec/clusterIP")
        .and_then(Value::as_str)
        .filter(|ip| !ip.is_empty() && *ip != "None");
    Some(Address {
        host: ip.map_or_else(|| format!("{service}.{namespace}.svc"), str::to_owned),
        port: u16::try_from(number).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case("10.96.0.7", Some("grpc"), "http://10.96.0.7:8887")]
    #[case("10.96.0.7", None, "http://10.96.0.7:8888")]
    #[case("fd00::7", Some("http"), "http://[fd00::7]:8888")]
    #[case("None", Some("http"), "http://ml-pipeline.team-a.svc:8888")]
    fn a_service_is_reached_by_its_cluster_ip(
        #[case] ip: &str,
        #[case] port: Option<&str>,
        #[case] url: &str,
    ) {
        let found = json!({"spec": {"clusterIP": ip,
            "ports": [{"name": "http", "port": 8888}, {"name": "grpc", "port": 8887}]}});
        assert_eq!(of(&found, "team-a", "ml-pipeline", port).unwrap().http(), url);
    }
}
