//! PEOPLE: `kfpctl restore`: say what a restore would do, ask for one, and look on. Reads and writes KfpRestores; the operator
//! does the work, and no database or bucket is asked from here.

mod list;
mod plan;
mod run;
mod runs;
mod set;
mod show;
mod source;
mod view;

use kfp_api::KfpRestore;
use kfp_api::conditions::{ConditionType, find};

use crate::cluster::block_on;
use crate::failure::Failure;
use crate::follow::{End, Seen, Showing, stopped};
use crate::place::Listing;

/// What to do with restores.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Say what a restore would overwrite, set aside and close; exit code 1 when it would be refused.
    Plan(plan::Arguments),
    /// Put a backup back into an installation.
    Run(run::Arguments),
    /// List restores: of what, into what, and how each stands.
    List(Listing),
    /// Show one restore: where it comes from, what was done, what stands in its way.
    Show(Showing),
}

/// Does what is asked.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    block_on(async {
        match &arguments.command {
            Command::Plan(arguments) => plan::run(arguments).await,
            Command::Run(arguments) => run::run(arguments).await,
            Command::List(arguments) => list::run(arguments).await,
            Command::Show(arguments) => show::run(arguments).await,
        }
    })
}

/// How a restore stands for somebody who waits for it.
fn see(restore: &KfpRestore) -> Seen {
    let status = restore.status.as_ref();
    let mut seen = Seen {
        progress: status.and_then(|status| status.progress.clone()),
        stage: "waits for the operator".to_owned(),
        end: None,
    };
    let said = |kind| find(&status?.conditions, kind);
    let Some(complete) = said(ConditionType::Complete) else {
        return seen;
    };
    let ended = status.is_some_and(|status| status.completed_at.is_some());
    match complete.status.as_str() {
        "True" => seen.end = Some(End::Done),
        "False" if ended || stalled(restore) => {
            let name = restore.metadata.name.as_deref().unwrap_or_default();
            seen.end = Some(stopped(name, complete, ended));
        }
        _ => seen.stage.clone_from(&complete.message),
    }
    seen
}

/// Nothing goes on without a person.
fn stalled(restore: &KfpRestore) -> bool {
    let status = restore.status.as_ref();
    let stalled = status.and_then(|status| find(&status.conditions, ConditionType::Stalled));
    stalled.is_some_and(|stalled| stalled.status == "True")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::backup::tests::said;

    /// A restore with this status.
    pub fn restore(status: &str) -> KfpRestore {
        serde_saphyr::from_str(&format!(
            "{{apiVersion: kfpops.dev/v1alpha1, kind: KfpRestore, metadata: {{name: back, namespace: team, \
             creationTimestamp: '2026-11-24T05:00:00Z'}}, spec: {{installation: kfp, \
             source: {{type: BackupRef, backupRef: {{name: monday}}}}}}, status: {{{status}}}}}"
        ))
        .unwrap()
    }

    #[rstest]
    #[case::not_looked_at(false, None, None)]
    #[case::under_way(false, Some(("False", "Restoring", false)), None)]
    #[case::waits_for_a_person(false, Some(("False", "CredentialsRefused", true)), Some(false))]
    #[case::given_up(true, Some(("False", "NotEmpty", true)), Some(false))]
    #[case::done(true, Some(("True", "Restored", false)), Some(true))]
    fn whoever_waits_is_told_the_end(
        #[case] ended: bool,
        #[case] complete: Option<(&str, &str, bool)>,
        #[case] good: Option<bool>,
    ) {
        let ended = if ended {
            "completedAt: '2026-11-24T06:00:00Z', "
        } else {
            ""
        };
        let conditions = complete.map_or_else(String::new, |(status, reason, stalled)| {
            let stalled = if stalled { "True" } else { "False" };
            [said("Complete", status, reason), said("Stalled", stalled, reason)].join(", ")
        });
        let end = see(&restore(&format!("{ended}conditions: [{conditions}]"))).end;
        assert_eq!(end.map(|end| matches!(end, End::Done)), good);
    }

    #[test]
    fn what_waits_for_a_person_is_not_made_again() {
        let waits = restore(&format!(
            "conditions: [{}, {}]",
            said("Complete", "False", "CredentialsRefused"),
            said("Stalled", "True", "CredentialsRefused"),
        ));
        let Some(End::Failed(why)) = see(&waits).end else {
            panic!("it goes on");
        };
        insta::assert_snapshot!(
            why,
            @"back: CredentialsRefused: CredentialsRefused it is; it goes on by itself once that is mended; make no other one"
        );
    }
}
