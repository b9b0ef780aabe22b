//! PEOPLE: `kfpctl restore run`: shows the plan, asks, makes a KfpRestore, and waits for it where that is asked.

use std::fmt::Write as _;

use indicatif::HumanCount;
use jiff::Timestamp;
use kfp_api::conditions::{ConditionType, find};
use kfp_api::restore::{KfpRestoreStatus, SafetyBackup};
use kfp_api::{KfpInstallation, KfpRestore, KfpRestoreSpec};
use kube::Api;
use kube::api::{ObjectMeta, PostParams};

use super::source::Asked;
use super::{plan, view};
use crate::ask::confirm;
use crate::backup::{installation, objects};
use crate::failure::Failure;
use crate::follow::{End, Seen, Waiting, follow, unsigned};
use crate::output::{self, Format};

/// What to restore.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    source: Asked,
    /// Name of the KfpRestore; without one, the installation's name and the time.
    #[arg(long)]
    name: Option<String>,
    /// Back up nothing of what is replaced.
    #[arg(long)]
    skip_safety_backup: bool,
    /// Ask nothing.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    follow: Waiting,
    /// How to print; as a table, the name and what was done.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Asks for it.
pub async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let asked = &arguments.source;
    let client = asked.place.connection.client().await?;
    let namespace = asked.place.namespace.as_deref();
    let target = installation(&objects(&client, namespace), asked.installation.as_deref()).await?;
    let wanted = restore(arguments, &target, Timestamp::now())?;
    let into = target.metadata.name.as_deref().unwrap_or_default();
    if asked.backup.is_some() {
        let plan = plan::of(&client, asked).await?;
        eprint!("{}", view::draw(&plan));
        if !plan.refused.is_empty() {
            return Err(Failure::Failed("it would be refused; see above".into()));
        }
    } else {
        eprintln!("What the set holds is seen by the operator alone: no plan can be made from here.");
    }
    confirm(
        &format!("Restore into {into}? Its API server and agents are stopped meanwhile."),
        arguments.yes,
    )?;
    let api: Api<KfpRestore> = objects(&client, target.metadata.namespace.as_deref());
    let mut made = api.create(&PostParams::default(), &wanted).await?;
    let name = made.metadata.name.clone().unwrap_or_default();
    if arguments.follow.wait {
        made = follow(api, &name, arguments.follow.timeout, see).await?;
    }
    output::print(arguments.output, &made, |made| drawn(&name, made.status.as_ref()))
}

/// The KfpRestore that is asked for.
fn restore(arguments: &Arguments, target: &KfpInstallation, now: Timestamp) -> Result<KfpRestore, Failure> {
    let of = target.metadata.name.clone().unwrap_or_default();
    let name = arguments
        .name
        .clone()
        .unwrap_or_else(|| format!("{of}-{}", now.strftime("%Y%m%d-%H%M%S")));
    let spec = KfpRestoreSpec {
        installation: of,
        source: arguments.source.source(target)?,
        parts: arguments.source.parts.spec(),
        overwrite: arguments.source.overwrite,
        safety_backup: if arguments.skip_safety_backup {
            SafetyBackup::Skip
        } else {
            SafetyBackup::Required
        },
        time_limit_seconds: DAY,
    };
    let mut restore = KfpRestore::new(&name, spec);
    restore.metadata = ObjectMeta {
        name: Some(name),
        namespace: target.metadata.namespace.clone(),
        ..ObjectMeta::default()
    };
    Ok(restore)
}

/// The limit that a KfpRestore has by itself, in seconds.
const DAY: i32 = 86_400;

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
    let stalled = said(ConditionType::Stalled).is_some_and(|stalled| stalled.status == "True");
    let is_over = ended || stalled;
    match complete.status.as_str() {
        "True" => seen.end = Some(End::Done),
        "False" if is_over => {
            let name = restore.metadata.name.as_deref().unwrap_or_default();
            seen.end = Some(End::Failed(format!(
                "{name}: {}: {}",
                complete.reason, complete.message
            )));
        }
        _ => seen.stage.clone_from(&complete.message),
    }
    seen
}

/// The name, and what was done as far as it was.
fn drawn(name: &str, status: Option<&KfpRestoreStatus>) -> String {
    let mut text = format!("{name}\n");
    if let Some(done) = status.and_then(|status| status.restored.as_ref()) {
        for (what, number) in [
            ("tables", done.tables),
            ("rows", done.rows),
            ("objects", done.objects),
            ("objects of the bucket", done.bucket_objects),
            ("Workflows set aside", done.workflows_set_aside),
            ("runs closed as failed", done.runs_closed),
        ] {
            let number = HumanCount(unsigned(number)).to_string();
            let _ = writeln!(text, "  {number:>12} {what}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use rstest::rstest;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn arguments(line: &[&str]) -> Arguments {
        Line::try_parse_from([&["run"], line].concat()).unwrap().arguments
    }

    fn target() -> KfpInstallation {
        serde_saphyr::from_str(
            "{apiVersion: kfpops.dev/v1alpha1, kind: KfpInstallation, metadata: {name: kfp, namespace: team}, spec: {version: 2.16.1, \
             backup: {destination: {type: S3, s3: {bucket: backups}, credentials: {name: s3}}}}}",
        )
        .unwrap()
    }

    fn made(line: &[&str]) -> KfpRestore {
        restore(
            &arguments(line),
            &target(),
            "2026-11-24T09:00:00Z".parse().unwrap(),
        )
        .unwrap()
    }

    #[test]
    fn a_backup_is_restored_by_its_name() {
        insta::assert_yaml_snapshot!(made(&[
            "nightly",
            "--overwrite",
            "--from-namespace",
            "team-a",
            "--key",
            "age"
        ]));
    }

    #[test]
    fn a_set_that_no_backup_tells_of_is_found_in_the_installations_own_destination() {
        insta::assert_yaml_snapshot!(made(&[
            "--before",
            "2026-11-23T00:00:00Z",
            "--from-installation",
            "old",
            "--parts",
            "schedules",
            "--skip-safety-backup"
        ]));
    }

    #[rstest]
    #[case::nothing_named(&[])]
    #[case::two_named(&["nightly", "--latest"])]
    #[case::two_sets(&["--latest", "--id", "20261124T014900Z-1a2b3c"])]
    #[case::no_time(&["--before", "yesterday"])]
    fn a_source_is_named_once(#[case] line: &[&str]) {
        assert!(Line::try_parse_from([&["run"], line].concat()).is_err());
    }

    #[rstest]
    #[case::not_looked_at("", None)]
    #[case::under_way(
        "conditions: [{type: Complete, status: 'False', reason: Restoring, message: m, lastTransitionTime: '2026-01-01T00:00:00Z'}]",
        None
    )]
    #[case::waits_for_a_person(
        "conditions: [{type: Complete, status: 'False', reason: CredentialsRefused, message: m, lastTransitionTime: '2026-01-01T00:00:00Z'}, {type: Stalled, status: 'True', reason: CredentialsRefused, message: m, lastTransitionTime: '2026-01-01T00:00:00Z'}]",
        Some(false)
    )]
    #[case::given_up(
        "completedAt: '2026-01-01T00:00:00Z', conditions: [{type: Complete, status: 'False', reason: NotEmpty, message: m, lastTransitionTime: '2026-01-01T00:00:00Z'}]",
        Some(false)
    )]
    #[case::done(
        "completedAt: '2026-01-01T00:00:00Z', conditions: [{type: Complete, status: 'True', reason: Restored, message: m, lastTransitionTime: '2026-01-01T00:00:00Z'}]",
        Some(true)
    )]
    fn whoever_waits_is_told_the_end(#[case] status: &str, #[case] good: Option<bool>) {
        let restore = serde_saphyr::from_str(&format!(
            "{{apiVersion: kfpops.dev/v1alpha1, kind: KfpRestore, metadata: {{name: back}}, \
             spec: {{installation: kfp, source: {{type: BackupRef, backupRef: {{name: a}}}}}}, status: {{{status}}}}}"
        ))
        .unwrap();
        assert_eq!(see(&restore).end.map(|end| matches!(end, End::Done)), good);
    }

    #[test]
    fn what_was_done_is_said_in_numbers() {
        let status = KfpRestoreStatus {
            restored: Some(kfp_api::restore::Restored {
                tables: 31,
                rows: 1_234_567,
                objects: 5,
                runs_closed: 1,
                ..kfp_api::restore::Restored::default()
            }),
            ..KfpRestoreStatus::default()
        };
        insta::assert_snapshot!(drawn("back", Some(&status)));
    }
}
