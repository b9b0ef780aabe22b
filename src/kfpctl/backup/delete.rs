//! PEOPLE: `kfpctl backup delete`: deletes a KfpBackup, and says what becomes of its set.

use kfp_api::KfpBackup;
use kfp_api::conditions::ConditionType;
use kfp_api::installation::DeletionPolicy;
use kfp_api::names::BACKUP_FINALIZER;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

use super::condition;
use crate::ask::confirm;
use crate::failure::Failure;
use crate::follow::{End, Seen, Waiting, follow};
use crate::output;
use crate::place::Place;

/// What to delete.
#[derive(clap::Args)]
pub struct Arguments {
    /// Name of the KfpBackup.
    name: String,
    /// Remove the set from the destination too.
    #[arg(long)]
    with_data: bool,
    /// Ask nothing.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    follow: Waiting,
    #[command(flatten)]
    place: Place,
}

/// Deletes it.
pub async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (_, api): (_, Api<KfpBackup>) = arguments.place.open().await?;
    let name = &arguments.name;
    let backup = api.get(name).await?;
    let goes = arguments.with_data || backup.spec.deletion_policy == DeletionPolicy::Delete;
    let fate = |verb| fate(&backup, goes, verb);
    confirm(
        &format!("Delete KfpBackup {name} ({})?", fate("will be removed")),
        arguments.yes,
    )?;
    if let Some(change) = takes_along(&backup).filter(|_| goes) {
        api.patch(name, &PatchParams::default(), &Patch::Merge(change))
            .await?;
    }
    let left = api.delete(name, &DeleteParams::background()).await?.left();
    let Some(left) = left else {
        return output::write(&format!("{name} deleted; {}\n", fate("was removed")));
    };
    if !arguments.follow.wait {
        return output::write(&format!(
            "{name} is being deleted; {}\n",
            fate("is being removed")
        ));
    }
    let uid = left.metadata.uid.clone();
    let seconds = arguments.follow.timeout;
    let (_, ended) = follow(api, left, seconds, |seen| {
        see(seen.filter(|seen| seen.metadata.uid == uid))
    })
    .await;
    ended?;
    output::write(&format!("{name} deleted; {}\n", fate("was removed")))
}

/// What must be said on the resource before it is deleted, so that its set goes with it: the policy, and the finalizer that
/// holds the resource until then. The operator would put that on too, but later than the resource is gone.
fn takes_along(backup: &KfpBackup) -> Option<Value> {
    let mut finalizers = backup.metadata.finalizers.clone().unwrap_or_default();
    let held = finalizers.iter().any(|held| held == BACKUP_FINALIZER);
    if held && backup.spec.deletion_policy == DeletionPolicy::Delete {
        return None;
    }
    if !held && backup.metadata.deletion_timestamp.is_none() {
        finalizers.push(BACKUP_FINALIZER.to_owned());
    }
    Some(json!({
        "metadata": {"finalizers": finalizers, "resourceVersion": backup.metadata.resource_version},
        "spec": {"deletionPolicy": "Delete"},
    }))
}

/// How a backup that is being deleted stands.
fn see(backup: Option<&KfpBackup>) -> Seen {
    let status = backup.and_then(|backup| backup.status.as_ref());
    let work = condition(status, ConditionType::Reconciling);
    Seen {
        progress: status.and_then(|status| status.progress.clone()),
        stage: work.map_or_else(
            || "waits for the operator".to_owned(),
            |work| format!("{}: {}", work.reason, work.message),
        ),
        end: backup.is_none().then_some(End::Done),
    }
}

/// What becomes of the set.
fn fate(backup: &KfpBackup, goes: bool, verb: &str) -> String {
    let place = backup
        .status
        .as_ref()
        .and_then(|status| status.location.as_deref());
    match (place, goes) {
        (None, _) => "it has no set".to_owned(),
        (Some(place), true) => format!("its set {verb} from {place}"),
        (Some(place), false) => format!("its set stays at {place}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{backup, said};
    use super::*;

    #[test]
    fn the_fate_of_the_set_is_said() {
        let with = backup("location: 's3://b/team/kfp/20261124T014900Z-1a2b3c'");
        assert_eq!(
            fate(&with, true, "is being removed"),
            "its set is being removed from s3://b/team/kfp/20261124T014900Z-1a2b3c"
        );
        assert_eq!(
            fate(&with, false, "is being removed"),
            "its set stays at s3://b/team/kfp/20261124T014900Z-1a2b3c"
        );
        assert_eq!(fate(&backup(""), false, "is being removed"), "it has no set");
    }

    #[test]
    fn the_resource_is_held_until_its_set_is_gone() {
        let mut one = backup("");
        one.metadata.finalizers = Some(vec!["example.com/hold".to_owned()]);
        let change = takes_along(&one).unwrap();
        assert_eq!(
            change["metadata"]["finalizers"],
            json!(["example.com/hold", BACKUP_FINALIZER])
        );
        assert_eq!(change["spec"]["deletionPolicy"], "Delete");
        one.metadata.finalizers = Some(vec![BACKUP_FINALIZER.to_owned()]);
        one.spec.deletion_policy = DeletionPolicy::Delete;
        assert_eq!(takes_along(&one), None);
    }

    #[test]
    fn a_deletion_is_waited_for_until_the_resource_is_gone() {
        let going = backup(&format!(
            "conditions: [{}]",
            said("Reconciling", "True", "RemovalFailed")
        ));
        let seen = see(Some(&going));
        assert_eq!(
            (seen.end, seen.stage.as_str()),
            (None, "RemovalFailed: RemovalFailed it is")
        );
        assert_eq!(see(None).end, Some(End::Done));
    }
}
