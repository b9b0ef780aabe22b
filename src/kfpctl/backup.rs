//! PEOPLE: `kfpctl backup`: make, list, show, verify and delete backups. Writes and reads KfpBackups; the operator does the work.

mod create;
mod delete;
mod list;
mod show;
mod verify;

use clap::builder::RangedI64ValueParser;
use kfp_api::KfpBackup;
use kfp_api::backup_status::KfpBackupStatus;
use kfp_api::conditions::{ConditionType, find};

use crate::cluster::block_on;
use crate::failure::Failure;
use crate::follow::{End, Seen, Showing, stopped};
use crate::place::Listing;

/// What to do with backups.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Back an installation up, now.
    Create(create::Arguments),
    /// List backups: how old, how large, whether verified, where, and why each is kept.
    List(Listing),
    /// Show one backup: what it holds, where it lies, what was checked, what stands in its way.
    Show(Showing),
    /// Ask that a backup is verified again.
    Verify(Showing),
    /// Delete a backup, with or without what lies in the destination.
    Delete(delete::Arguments),
}

/// Does what is asked.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    block_on(async {
        match &arguments.command {
            Command::Create(arguments) => create::run(arguments).await,
            Command::List(arguments) => list::run(arguments).await,
            Command::Show(arguments) => show::run(arguments).await,
            Command::Verify(arguments) => verify::run(arguments).await,
            Command::Delete(arguments) => delete::run(arguments).await,
        }
    })
}

/// A backup as a table: nothing but its name.
fn name_alone(backup: &KfpBackup) -> String {
    format!("{}\n", backup.metadata.name.as_deref().unwrap_or_default())
}

/// Seconds that a KfpBackup and a KfpRestore accept as their limit.
pub(crate) fn time_limits() -> RangedI64ValueParser<i32> {
    clap::value_parser!(i32).range(60..=604_800)
}

/// A condition's status; `None` where the operator has not said.
pub(crate) fn condition(
    status: Option<&KfpBackupStatus>,
    kind: ConditionType,
) -> Option<&k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition> {
    find(&status?.conditions, kind)
}

/// `True`, `False` or `Unknown`.
pub(crate) fn standing(backup: &KfpBackup, kind: ConditionType) -> &str {
    condition(backup.status.as_ref(), kind).map_or("Unknown", |condition| condition.status.as_str())
}

/// How a backup stands for somebody who waits for it: complete, and verified as its spec asks. `False` is the last word of the
/// set, once the backup ended or waits for a person; of its verification at once, since `Unknown` says that it is still to come.
pub(crate) fn see(backup: &KfpBackup) -> Seen {
    let status = backup.status.as_ref();
    let mut seen = Seen {
        progress: status.and_then(|status| status.progress.clone()),
        stage: String::new(),
        end: None,
    };
    let name = backup.metadata.name.as_deref().unwrap_or_default();
    let ended = kfp_plan::backups::ended(backup);
    let stalled = condition(status, ConditionType::Stalled).is_some_and(|stalled| stalled.status == "True");
    for kind in [ConditionType::Complete, ConditionType::Verified] {
        let Some(condition) = condition(status, kind) else {
            "waits for the operator".clone_into(&mut seen.stage);
            return seen;
        };
        match condition.status.as_str() {
            "True" => {}
            "False" if ended || stalled || kind == ConditionType::Verified => {
                seen.end = Some(stopped(name, condition, ended));
                return seen;
            }
            _ => {
                seen.stage.clone_from(&condition.message);
                return seen;
            }
        }
    }
    seen.end = Some(End::Done);
    seen
}

#[cfg(test)]
pub(crate) mod tests {
    use rstest::rstest;

    use super::*;

    /// A backup with this status.
    pub fn backup(status: &str) -> KfpBackup {
        serde_saphyr::from_str(&format!(
            "{{apiVersion: kfpops.dev/v1alpha1, kind: KfpBackup, metadata: {{name: nightly, namespace: team, \
             creationTimestamp: '2026-11-24T01:49:00Z'}}, spec: {{installation: kfp}}, status: {{{status}}}}}"
        ))
        .unwrap()
    }

    /// A condition.
    pub fn said(kind: &str, status: &str, reason: &str) -> String {
        format!(
            "{{type: {kind}, status: '{status}', reason: {reason}, message: {reason} it is, lastTransitionTime: '2026-11-24T02:00:00Z'}}"
        )
    }

    #[rstest]
    #[case::not_looked_at("", None)]
    #[case::under_way("conditions: [C Unknown]", None)]
    #[case::not_complete_yet("conditions: [C False]", None)]
    #[case::waits_for_a_person("conditions: [C False, S True]", Some(false))]
    #[case::given_up("completedAt: '2026-11-24T02:00:00Z', conditions: [C False]", Some(false))]
    #[case::not_verified_yet("completedAt: '2026-11-24T02:00:00Z', conditions: [C True, V Unknown]", None)]
    #[case::damaged(
        "completedAt: '2026-11-24T02:00:00Z', conditions: [C True, V False]",
        Some(false)
    )]
    #[case::verified(
        "completedAt: '2026-11-24T02:00:00Z', conditions: [C True, V True]",
        Some(true)
    )]
    fn whoever_waits_is_told_the_end(#[case] status: &str, #[case] good: Option<bool>) {
        let mut text = status.to_owned();
        for word in ["True", "False", "Unknown"] {
            text = text
                .replace(&format!("C {word}"), &said("Complete", word, "Working"))
                .replace(&format!("V {word}"), &said("Verified", word, "Working"))
                .replace(&format!("S {word}"), &said("Stalled", word, "Working"));
        }
        let end = see(&backup(&text)).end;
        assert_eq!(end.map(|end| matches!(end, End::Done)), good);
    }

    #[test]
    fn what_waits_for_a_person_is_not_made_again() {
        let conditions = [("Complete", "False"), ("Stalled", "True")]
            .map(|(kind, status)| said(kind, status, "CredentialsRefused"))
            .join(", ");
        let stalled = |rest: &str| match see(&backup(&format!("{rest}conditions: [{conditions}]"))).end {
            Some(End::Failed(why)) => why,
            other => panic!("{other:?}"),
        };
        insta::assert_snapshot!(
            stalled(""),
            @"nightly: CredentialsRefused: CredentialsRefused it is; it goes on by itself once that is mended; make no other one"
        );
        insta::assert_snapshot!(
            stalled("completedAt: '2026-11-24T02:00:00Z', "),
            @"nightly: CredentialsRefused: CredentialsRefused it is"
        );
    }
}
