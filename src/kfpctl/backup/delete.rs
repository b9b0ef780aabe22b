//! PEOPLE: `kfpctl backup delete`: deletes a KfpBackup, and says what becomes of its set.

use kfp_api::KfpBackup;
use kfp_api::installation::DeletionPolicy;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use super::Place;
use crate::ask::confirm;
use crate::failure::Failure;
use crate::output;

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
    place: Place,
}

/// Deletes it.
pub async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (_, api): (_, Api<KfpBackup>) = arguments.place.open().await?;
    let backup = api.get(&arguments.name).await?;
    let gone = arguments.with_data || backup.spec.deletion_policy == DeletionPolicy::Delete;
    let fate = fate(&backup, gone);
    confirm(
        &format!("Delete KfpBackup {}? {fate}", arguments.name),
        arguments.yes,
    )?;
    if gone && backup.spec.deletion_policy != DeletionPolicy::Delete {
        let policy = json!({"spec": {"deletionPolicy": "Delete"}});
        api.patch(&arguments.name, &PatchParams::default(), &Patch::Merge(policy))
            .await?;
    }
    api.delete(&arguments.name, &DeleteParams::background()).await?;
    output::write(&format!("{} deleted; {fate}\n", arguments.name))
}

/// What becomes of the set.
fn fate(backup: &KfpBackup, gone: bool) -> String {
    let place = backup
        .status
        .as_ref()
        .and_then(|status| status.location.as_deref());
    match (place, gone) {
        (None, _) => "it has no set".to_owned(),
        (Some(place), true) => format!("its set is removed from {place}"),
        (Some(place), false) => format!("its set stays at {place}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::backup;
    use super::*;

    #[test]
    fn the_fate_of_the_set_is_said() {
        let with = backup("location: 's3://b/team/kfp/20261124T014900Z-1a2b3c'");
        assert_eq!(
            fate(&with, true),
            "its set is removed from s3://b/team/kfp/20261124T014900Z-1a2b3c"
        );
        assert_eq!(
            fate(&with, false),
            "its set stays at s3://b/team/kfp/20261124T014900Z-1a2b3c"
        );
        assert_eq!(fate(&backup(""), false), "it has no set");
    }
}
