//! PEOPLE: `kfpctl backup create`: makes a KfpBackup as the installation's schedule would, and waits for it where that is asked.

use jiff::Timestamp;
use kfp_api::backup::{ArtifactsType, Verify};
use kfp_api::{KfpBackup, KfpInstallation};
use kube::Api;
use kube::api::{ObjectMeta, PostParams};

use super::{name_alone, see, time_limits};
use crate::failure::Failure;
use crate::follow::Answer;
use crate::place::{installation, objects};

/// What to back up, and how.
#[derive(clap::Args)]
pub struct Arguments {
    /// Name of the KfpInstallation; without one, the only one of the namespace.
    installation: Option<String>,
    /// Name of the KfpBackup; without one, the installation's name and the time.
    #[arg(long)]
    name: Option<String>,
    /// What must be checked before it counts as verified; without it, what `spec.backup.verify` says.
    #[arg(long, value_enum)]
    verify: Option<Depth>,
    /// What is kept of artifacts; without it, what `spec.backup.artifacts` says.
    #[arg(long, value_enum)]
    artifacts: Option<Keep>,
    /// Seconds after which it is given up; without it, what `spec.backup.timeLimitSeconds` says.
    #[arg(long, value_name = "SECONDS", value_parser = time_limits())]
    time_limit: Option<i32>,
    #[command(flatten)]
    answer: Answer,
}

/// What must be checked.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Depth {
    /// Every part is read back and its digest compared.
    Checksums,
    /// It is restored into a scratch database.
    Restore,
}

/// What is kept of artifacts.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Keep {
    /// Nothing.
    None,
    /// A list.
    Manifest,
    /// A list with versions.
    Versioning,
    /// Copies of what is new.
    IncrementalCopy,
}

/// Makes it.
pub async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (client, api): (_, Api<KfpBackup>) = arguments.answer.place.open().await?;
    let installations = objects(&client, arguments.answer.place.namespace.as_deref());
    let installation = installation(&installations, arguments.installation.as_deref()).await?;
    let wanted = backup(arguments, &installation, Timestamp::now())?;
    let made = api.create(&PostParams::default(), &wanted).await?;
    arguments.answer.give(api, made, see, name_alone).await
}

/// The KfpBackup that is asked for.
fn backup(
    arguments: &Arguments,
    installation: &KfpInstallation,
    now: Timestamp,
) -> Result<KfpBackup, Failure> {
    let of = installation.metadata.name.clone().unwrap_or_default();
    let usual = installation.spec.backup.as_ref().ok_or_else(|| {
        Failure::Usage(format!(
            "{of} has no spec.backup, so nobody knows where to; set spec.backup.destination, or apply a KfpBackup with a destination of its own"
        ))
    })?;
    let name = arguments
        .name
        .clone()
        .unwrap_or_else(|| format!("{of}-{}", now.strftime("%Y%m%d-%H%M%S")));
    let mut backup = KfpBackup::new(&name, usual.backup(&of));
    backup.metadata = ObjectMeta {
        name: Some(name),
        namespace: installation.metadata.namespace.clone(),
        ..ObjectMeta::default()
    };
    if let Some(depth) = arguments.verify {
        backup.spec.verify = match depth {
            Depth::Checksums => Verify::Checksums,
            Depth::Restore => Verify::Restore,
        };
    }
    if let Some(seconds) = arguments.time_limit {
        backup.spec.time_limit_seconds = seconds;
    }
    if let Some(keep) = arguments.artifacts {
        backup.spec.artifacts.r#type = match keep {
            Keep::None => ArtifactsType::None,
            Keep::Manifest => ArtifactsType::Manifest,
            Keep::Versioning => ArtifactsType::Versioning,
            Keep::IncrementalCopy => ArtifactsType::IncrementalCopy,
        };
    }
    Ok(backup)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn arguments(line: &[&str]) -> Arguments {
        Line::parse_from([&["create"], line].concat()).arguments
    }

    fn installation(backup: &str) -> KfpInstallation {
        serde_saphyr::from_str(&format!(
            "{{apiVersion: kfpops.dev/v1alpha1, kind: KfpInstallation, metadata: {{name: kfp, namespace: team}}, \
             spec: {{version: 2.16.1{backup}}}}}"
        ))
        .unwrap()
    }

    const USUAL: &str = ", backup: {destination: {type: S3, s3: {bucket: backups}, credentials: {name: s3}}, \
                         artifacts: {type: Versioning}, verify: Checksums, timeLimitSeconds: 600, \
                         encryption: {recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p]}}";

    fn now() -> Timestamp {
        "2026-11-24T01:49:00Z".parse().unwrap()
    }

    #[test]
    fn a_backup_on_demand_is_made_as_the_schedule_would() {
        let made = backup(&arguments(&[]), &installation(USUAL), now()).unwrap();
        insta::assert_yaml_snapshot!(made);
    }

    #[test]
    fn what_is_asked_for_goes_before_what_is_usual() {
        let line = [
            "--name",
            "before-upgrade",
            "--verify",
            "restore",
            "--artifacts",
            "none",
            "--time-limit",
            "120",
        ];
        let made = backup(&arguments(&line), &installation(USUAL), now()).unwrap();
        assert_eq!(made.metadata.name.as_deref(), Some("before-upgrade"));
        assert_eq!(made.spec.verify, Verify::Restore);
        assert_eq!(made.spec.artifacts.r#type, ArtifactsType::None);
        assert_eq!(made.spec.time_limit_seconds, 120);
    }

    #[test]
    fn without_a_destination_nothing_is_made() {
        let Err(Failure::Usage(message)) = backup(&arguments(&[]), &installation(""), now()) else {
            panic!("it was made");
        };
        insta::assert_snapshot!(message);
    }
}
