//! PEOPLE: which backup is restored, as a command line names it: a KfpBackup, or a set in the installation's own destination.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kfp_api::KfpInstallation;
use kfp_api::destination::SecretName;
use kfp_api::restore::{
    BackupReference, RestoreParts, RestoreSource, RestoreSourceType, SetChoice, SetChoiceType,
    SetInDestination,
};
use kfp_backup::restore_plan::{Request, Wanted};

use crate::failure::Failure;
use crate::place::Place;

/// What to restore, and into what.
#[derive(clap::Args)]
pub struct Asked {
    /// Name of the KfpBackup; without one, say --latest, --id or --before.
    #[arg(conflicts_with_all = ["latest", "id", "before"], required_unless_present_any = ["latest", "id", "before"])]
    pub backup: Option<String>,
    /// Namespace of the KfpBackup, or of the installation that was backed up; without it, the one that is restored into.
    #[arg(long)]
    pub from_namespace: Option<String>,
    /// Name of the installation that was backed up, for sets that no KfpBackup tells of; without it, the same name.
    #[arg(long, conflicts_with = "backup")]
    pub from_installation: Option<String>,
    /// The newest complete set in the installation's own destination (`spec.backup.destination`). Which that is, the operator
    /// alone sees: there is no plan of it.
    #[arg(long, group = "chosen")]
    pub latest: bool,
    /// The set of this name in the installation's own destination. Where no KfpBackup tells of it, it is planned from the time
    /// in its name.
    #[arg(long, group = "chosen")]
    pub id: Option<String>,
    /// The newest complete set of this time, or before it, in the installation's own destination; RFC 3339. There is no plan of
    /// it either.
    #[arg(long, group = "chosen")]
    pub before: Option<Timestamp>,
    /// Name of the KfpInstallation that is restored into; without one, the only one of the namespace.
    #[arg(long)]
    pub installation: Option<String>,
    /// Secret of the operator's namespace that opens an encrypted set.
    #[arg(long)]
    pub key: Option<String>,
    /// How much is restored.
    #[arg(long, value_enum, default_value_t)]
    pub parts: Parts,
    /// Replace what the databases hold now.
    #[arg(long)]
    pub overwrite: bool,
    #[command(flatten)]
    pub place: Place,
}

/// How much is restored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Parts {
    /// Everything.
    #[default]
    All,
    /// Databases and pipeline specs.
    Database,
    /// Recurring runs.
    Schedules,
}

impl Parts {
    /// As the plan calls it.
    pub const fn wanted(self) -> Wanted {
        match self {
            Self::All => Wanted::All,
            Self::Database => Wanted::Database,
            Self::Schedules => Wanted::Schedules,
        }
    }

    /// As the resource calls it.
    pub const fn spec(self) -> RestoreParts {
        match self {
            Self::All => RestoreParts::All,
            Self::Database => RestoreParts::DatabaseOnly,
            Self::Schedules => RestoreParts::SchedulesOnly,
        }
    }
}

impl Asked {
    /// What the plan is asked.
    pub const fn request(&self) -> Request {
        Request {
            wanted: self.parts.wanted(),
            overwrite: self.overwrite,
            key: self.key.is_some(),
        }
    }

    /// Whether more than the operator can know which set is meant.
    pub const fn can_be_planned(&self) -> bool {
        self.backup.is_some() || self.id.is_some()
    }

    /// How a set that the operator chooses was asked for.
    pub fn choice_said(&self) -> String {
        self.before
            .map_or_else(|| "--latest".to_owned(), |before| format!("--before {before}"))
    }

    /// The source as the resource calls it.
    pub fn source(&self, installation: &KfpInstallation) -> Result<RestoreSource, Failure> {
        let key = self.key.clone().map(|name| SecretName { name });
        if let Some(name) = &self.backup {
            return Ok(RestoreSource {
                r#type: RestoreSourceType::BackupRef,
                backup_ref: Some(BackupReference {
                    name: name.clone(),
                    namespace: self.from_namespace.clone(),
                }),
                destination: None,
                key,
            });
        }
        let location = installation
            .spec
            .backup
            .as_ref()
            .map(|backup| backup.destination.clone())
            .ok_or_else(|| {
                Failure::Usage(
                    "the installation has no spec.backup.destination to look for sets in; name a KfpBackup, or apply a KfpRestore with a source of type Destination"
                        .into(),
                )
            })?;
        Ok(RestoreSource {
            r#type: RestoreSourceType::Destination,
            backup_ref: None,
            destination: Some(SetInDestination {
                location,
                namespace: self.from_namespace.clone(),
                installation: self.from_installation.clone(),
                set: self.choice(),
            }),
            key,
        })
    }

    fn choice(&self) -> SetChoice {
        SetChoice {
            r#type: match (&self.id, &self.before) {
                (Some(_), _) => SetChoiceType::Id,
                (None, Some(_)) => SetChoiceType::Before,
                (None, None) => SetChoiceType::Latest,
            },
            id: self.id.clone(),
            before: self.before.map(Time),
        }
    }
}

/// Where a restore comes from, in words.
pub fn origin(source: &RestoreSource) -> String {
    let (Some(there), RestoreSourceType::Destination) = (&source.destination, source.r#type) else {
        let backup = source.backup_ref.clone().unwrap_or_default();
        let namespace = backup.namespace.map(|namespace| namespace + "/");
        return format!("KfpBackup {}{}", namespace.unwrap_or_default(), backup.name);
    };
    let set = &there.set;
    let before = set.before.as_ref().map(|before| before.0.to_string());
    match set.r#type {
        SetChoiceType::Id => format!("set {}", set.id.as_deref().unwrap_or_default()),
        SetChoiceType::Before => format!("the newest set before {}", before.unwrap_or_default()),
        SetChoiceType::Latest => "the newest set".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("{type: BackupRef, backupRef: {name: monday}}", "KfpBackup monday")]
    #[case(
        "{type: BackupRef, backupRef: {name: monday, namespace: team}}",
        "KfpBackup team/monday"
    )]
    #[case("{type: Destination, destination: {location: L}}", "the newest set")]
    #[case(
        "{type: Destination, destination: {location: L, set: {type: Id, id: 20261124T014900Z-1a2b3c}}}",
        "set 20261124T014900Z-1a2b3c"
    )]
    #[case(
        "{type: Destination, destination: {location: L, set: {type: Before, before: '2026-11-24T00:00:00Z'}}}",
        "the newest set before 2026-11-24T00:00:00Z"
    )]
    fn a_source_is_said_in_words(#[case] source: &str, #[case] said: &str) {
        let location = "{type: S3, s3: {bucket: backups}, credentials: {name: s3}}";
        let source =
            serde_saphyr::from_str(&source.replace("location: L", &format!("location: {location}"))).unwrap();
        assert_eq!(origin(&source), said);
    }
}
