//! PROOF (real API server): what the operator asked for in the whole run, judged at its end.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Result, ensure};
use jiff::{SignedDuration, Timestamp};
use kfp_tests::World;

use super::Case;
use super::surroundings::WITHOUT_RIGHTS;

/// Judgements over all requests of all operators so far.
pub fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "no operator was ever refused for lack of rights",
            |world| async move { allowed(&world) },
        ),
        Case::new(
            "no operator ever listed Secrets, wrote a spec or touched a namespace without installation",
            |world| async move { modest(&world) },
        ),
    ]
}

/// Secrets that an operator may read, by their fixed names.
const SECRETS: [&str; 6] = [
    "kfp-api-webhook-cert",
    "mlpipeline-minio-artifact",
    "mysql-inventory-secret",
    "mysql-root-secret",
    "mysql-secret",
    "webhook-server-tls",
];

/// Resources of admission, which the whole cluster shares.
const ADMISSION: [&str; 4] = [
    "mutatingwebhookconfigurations",
    "validatingadmissionpolicies",
    "validatingadmissionpolicybindings",
    "validatingwebhookconfigurations",
];

/// What an operator touches in its own namespace: its Lease, and its Jobs with what belongs to them.
const OWN: [&str; 6] = ["configmaps", "events", "jobs", "leases", "pods", "secrets"];

/// Longest time between a look at an installation that is gone and the end of the looks that were under way then.
const LOOK: SignedDuration = SignedDuration::from_secs(10);

fn allowed(world: &Arc<World>) -> Result<()> {
    let requests = world.audit.requests()?;
    ensure!(
        requests.len() > 1000,
        "only {} requests were seen; run all tests, or leave this one out",
        requests.len()
    );
    // Rights in a namespace go with its installation, at a moment that a look which is under way cannot know.
    let gone: Vec<_> = requests
        .iter()
        .filter(|request| request.resource == "kfpinstallations" && request.code == 404)
        .map(|request| (&request.namespace, request.at))
        .collect();
    let just_gone = |namespace: &String, at: Timestamp| {
        gone.iter()
            .any(|(of, then)| *of == namespace && at.duration_since(*then).abs() <= LOOK)
    };
    let refused: BTreeSet<_> = requests
        .iter()
        .filter(|request| request.code == 403 && request.namespace != WITHOUT_RIGHTS)
        .filter(|request| !(request.verb == "get" && just_gone(&request.namespace, request.at)))
        // Webhooks and policies are registered for the whole cluster. The right to look at them comes with components of
        // their own (config/components), and being refused tells the operator that it cannot have made any.
        .filter(|request| !(request.verb == "get" && ADMISSION.contains(&request.resource.as_str())))
        .map(|request| {
            (
                &request.verb,
                &request.resource,
                &request.subresource,
                &request.namespace,
                &request.name,
            )
        })
        .collect();
    ensure!(refused.is_empty(), "refused: {refused:#?}");
    Ok(())
}

fn modest(world: &Arc<World>) -> Result<()> {
    for request in world.audit.requests()? {
        if request.resource == "secrets" {
            // Beside it lie what its Jobs are told, and credentials of backups under names of administrators.
            let own = request.namespace.ends_with("-lease");
            let known = own || request.verb == "create" || SECRETS.contains(&request.name.as_str());
            ensure!(
                !matches!(request.verb.as_str(), "list" | "watch") && known,
                "{request:?}"
            );
        }
        let spec =
            request.resource == "kfpinstallations" && request.subresource.is_empty() && request.writes();
        // Only the finalizer; that the spec stays is seen by `generation`, which the cases look at.
        ensure!(!spec || request.verb == "patch", "{request:?}");
        let leases = request.namespace.ends_with("-lease");
        ensure!(!leases || OWN.contains(&request.resource.as_str()), "{request:?}");
    }
    Ok(())
}
