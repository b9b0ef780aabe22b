//! PEOPLE: `kfpctl restore run`: shows the plan, asks, makes a KfpRestore, and waits for it where that is asked.

use jiff::Timestamp;
use kfp_api::restore::SafetyBackup;
use kfp_api::{KfpInstallation, KfpRestore, KfpRestoreSpec};
use kube::Api;
use kube::api::{ObjectMeta, PostParams};

use super::show::done;
use super::source::Asked;
use super::{plan, see, view};
use crate::ask::confirm;
use crate::backup::time_limits;
use crate::failure::Failure;
use crate::follow::{Waiting, shown};
use crate::output::Format;
use crate::place::{installation, objects};

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
    /// Seconds after which it is given up; another restore can begin it again.
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400, value_parser = time_limits())]
    time_limit: i32,
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
    if asked.can_be_planned() {
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
    let made = api.create(&PostParams::default(), &wanted).await?;
    shown(api, made, &arguments.follow, see, arguments.output, |made| {
        format!(
            "{}\n{}",
            made.metadata.name.as_deref().unwrap_or_default(),
            done(made)
        )
    })
    .await
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
        time_limit_seconds: arguments.time_limit,
    };
    let mut restore = KfpRestore::new(&name, spec);
    restore.metadata = ObjectMeta {
        name: Some(name),
        namespace: target.metadata.namespace.clone(),
        ..ObjectMeta::default()
    };
    Ok(restore)
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
            "--skip-safety-backup",
            "--time-limit",
            "600"
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
}
