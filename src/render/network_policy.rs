//! SHAPES: NetworkPolicies: one a component, selecting that component's pods by label and no others.
//!
//! What is not listed in the release's data is closed: a component without `listens` is reached by nobody. Probes need
//! no rule: traffic from the node that a pod runs on is always allowed (Kubernetes documentation, "Network Policies").

use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer,
    NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kfp_api::installation::{EgressMode, NetworkPolicyMode};
use kfp_api::names::JOB_NAME;
use kfp_releases::Component;
use kfp_releases::component::{Audience, Listen};

use crate::context::{Context, Target};
use crate::labels::{self, Labels, Life, metadata};
use crate::{RenderError, container::unless_empty};

/// Label, with value `"true"`, of the namespace that the operator runs in. Together with the labels of the
/// operator's pods and of its Jobs it says who may probe, and back up, databases and object stores.
pub const OPERATOR_NAMESPACE_LABEL: &str = "kfpops.dev/operator";
/// Ports of cluster DNS: 53 everywhere, 5353 on pods that may not bind it (`OpenShift`).
const DNS_PORTS: [i32; 2] = [53, 5353];
/// Link-local addresses, where node-local DNS caches listen.
const LINK_LOCAL: &str = "169.254.0.0/16";
/// Ports of Kubernetes API servers: 443 of the Service, 6443 behind it (kubeadm and most others).
const KUBERNETES_PORTS: [i32; 2] = [443, 6443];

/// The policy of `component`, or nothing where policies are switched off.
pub(crate) fn network_policy(
    context: &Context<'_>,
    component: &Component,
) -> Result<Option<NetworkPolicy>, RenderError> {
    if context.installation.network_policy.mode == NetworkPolicyMode::Disabled {
        return Ok(None);
    }
    let restricted = context.installation.network_policy.egress == EgressMode::Restricted;
    let mut types = vec!["Ingress".to_owned()];
    if restricted {
        types.push("Egress".to_owned());
    }
    Ok(Some(NetworkPolicy {
        metadata: metadata(
            context,
            &component.name,
            &component.name,
            &Labels::new(),
            Life::Owned,
        ),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(selector(&component.selector)),
            policy_types: Some(types),
            ingress: unless_empty(ingress(context, component)?),
            egress: if restricted {
                Some(egress(context, component)?)
            } else {
                None
            },
        }),
    }))
}

fn selector(labels: &Labels) -> LabelSelector {
    LabelSelector {
        match_labels: labels::unless_empty(labels),
        match_expressions: None,
    }
}

fn tcp(port: i32) -> NetworkPolicyPort {
    NetworkPolicyPort {
        protocol: Some("TCP".to_owned()),
        port: Some(IntOrString::Int(port)),
        end_port: None,
    }
}

fn pods(labels: &Labels) -> NetworkPolicyPeer {
    NetworkPolicyPeer {
        pod_selector: Some(selector(labels)),
        ..NetworkPolicyPeer::default()
    }
}

/// The operator's pods and those of its Jobs, in the namespace that is marked as its own.
fn operator() -> NetworkPolicyPeer {
    let pods = LabelSelectorRequirement {
        key: labels::NAME_LABEL.to_owned(),
        operator: "In".to_owned(),
        values: Some(vec![labels::MANAGER.to_owned(), JOB_NAME.to_owned()]),
    };
    NetworkPolicyPeer {
        namespace_selector: Some(LabelSelector {
            match_labels: Some([(OPERATOR_NAMESPACE_LABEL.to_owned(), "true".to_owned())].into()),
            match_expressions: None,
        }),
        pod_selector: Some(LabelSelector {
            match_labels: None,
            match_expressions: Some(vec![pods]),
        }),
        ip_block: None,
    }
}

/// One rule for each set of peers, with every port that these peers may use.
fn ingress(
    context: &Context<'_>,
    component: &Component,
) -> Result<Vec<NetworkPolicyIngressRule>, RenderError> {
    let mut rules: Vec<NetworkPolicyIngressRule> = Vec::new();
    for listen in &component.listens {
        let from = sources(context, component, listen)?;
        match rules.iter_mut().find(|rule| rule.from == from) {
            Some(rule) => rule.ports.get_or_insert_default().push(tcp(listen.port)),
            None => rules.push(NetworkPolicyIngressRule {
                from,
                ports: Some(vec![tcp(listen.port)]),
            }),
        }
    }
    Ok(rules)
}

/// Who may connect. Nothing means everyone: API servers calling webhooks and ingress controllers in the host's network
/// are no pods, so no selector matches them.
fn sources(
    context: &Context<'_>,
    component: &Component,
    listen: &Listen,
) -> Result<Option<Vec<NetworkPolicyPeer>>, RenderError> {
    match listen.from {
        Audience::Cluster => Ok(None),
        Audience::Namespace => Ok(Some(vec![pods(&Labels::new()), operator()])),
        Audience::Installation => {
            let mut peers = Vec::new();
            for (client, _) in context.installation.running() {
                let is_it =
                    |target: &Target<'_>| target.port == listen.port && target.component == component.name;
                if context.targets(client)?.iter().any(is_it) {
                    peers.push(pods(&client.selector));
                }
            }
            peers.push(operator());
            Ok(Some(peers))
        }
    }
}

fn egress(context: &Context<'_>, component: &Component) -> Result<Vec<NetworkPolicyEgressRule>, RenderError> {
    let mut rules = vec![dns()];
    if component.uses_kubernetes {
        rules.push(NetworkPolicyEgressRule {
            to: None,
            ports: Some(KUBERNETES_PORTS.map(tcp).to_vec()),
        });
    }
    for target in context.targets(component)? {
        let to = Some(vec![pods(target.selector)]);
        match rules.iter_mut().find(|rule| rule.to == to) {
            Some(rule) => {
                let ports = rule.ports.get_or_insert_default();
                if !ports.contains(&tcp(target.port)) {
                    ports.push(tcp(target.port));
                }
            }
            None => rules.push(NetworkPolicyEgressRule {
                to,
                ports: Some(vec![tcp(target.port)]),
            }),
        }
    }
    Ok(rules)
}

/// Name resolution by pods of any namespace, and by caches on the node.
fn dns() -> NetworkPolicyEgressRule {
    let udp = |port| NetworkPolicyPort {
        protocol: Some("UDP".to_owned()),
        ..tcp(port)
    };
    let everywhere = NetworkPolicyPeer {
        namespace_selector: Some(LabelSelector::default()),
        ..NetworkPolicyPeer::default()
    };
    let node = NetworkPolicyPeer {
        ip_block: Some(IPBlock {
            cidr: LINK_LOCAL.to_owned(),
            except: None,
        }),
        ..NetworkPolicyPeer::default()
    };
    NetworkPolicyEgressRule {
        to: Some(vec![everywhere, node]),
        ports: Some(
            DNS_PORTS
                .into_iter()
                .flat_map(|port| [udp(port), tcp(port)])
                .collect(),
        ),
    }
}
