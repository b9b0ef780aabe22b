//! SHAPES: ServiceAccounts. Whether a pod mounts its token is the pod's business.

use k8s_openapi::api::core::v1::ServiceAccount;
use kfp_releases::component;

use crate::container::unless_empty;
use crate::context::Context;
use crate::labels::{Life, metadata};

/// A ServiceAccount of `component`. It carries the installation's pull secrets, which pods of users' steps inherit.
pub(crate) fn service_account(
    context: &Context<'_>,
    component: &str,
    data: &component::ServiceAccount,
) -> ServiceAccount {
    ServiceAccount {
        metadata: metadata(context, component, &data.name, &data.labels, Life::Owned),
        image_pull_secrets: unless_empty(context.pull_secrets.clone()),
        ..ServiceAccount::default()
    }
}
