//! SHAPES: security contexts: the restricted Pod Security level, for every pod, whatever the release's own data says.

use k8s_openapi::api::core::v1::{Capabilities, PodSecurityContext, SeccompProfile, SecurityContext};
use kfp_releases::pod::{Container, Pod, RunAs};

/// Files of a volume get the pod's group only where its root does not have it yet, so that large volumes mount fast.
const ON_ROOT_MISMATCH: &str = "OnRootMismatch";

fn runtime_default() -> SeccompProfile {
    SeccompProfile {
        type_: "RuntimeDefault".to_owned(),
        localhost_profile: None,
    }
}

/// Security context of a pod: nothing in it runs as root.
pub(crate) fn pod(pod: &Pod) -> PodSecurityContext {
    PodSecurityContext {
        fs_group: pod.fs_group,
        fs_group_change_policy: pod.fs_group.map(|_| ON_ROOT_MISMATCH.to_owned()),
        run_as_non_root: Some(true),
        seccomp_profile: Some(runtime_default()),
        ..PodSecurityContext::default()
    }
}

/// Security context of a container. `user` is the pod's choice; a container's own goes before it.
pub(crate) fn container(container: &Container, user: Option<RunAs>) -> SecurityContext {
    let run_as = container.run_as.or(user);
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities {
            drop: Some(vec!["ALL".to_owned()]),
            add: None,
        }),
        read_only_root_filesystem: container.read_only_root_filesystem.then_some(true),
        run_as_group: run_as.map(|run_as| run_as.group),
        run_as_non_root: Some(true),
        run_as_user: run_as.map(|run_as| run_as.user),
        seccomp_profile: Some(runtime_default()),
        ..SecurityContext::default()
    }
}
