//! PEOPLE: why a backup is kept, or due to go, in words. What the retention says is said by [`kfp_backup::retention`], with the
//! rules that the operator reads from the spec; here resources become what it judges.

use jiff::Timestamp;
use kfp_api::{KfpBackup, KfpInstallation};
use kfp_backup::retention::{self, SetSeen};
use kfp_plan::backups::{is_safety, is_scheduled, judged};

/// What becomes of a backup.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fate {
    /// Why it is kept.
    pub kept: Vec<String>,
    /// Why it goes.
    pub expires: Option<String>,
}

impl Fate {
    /// Of a backup that is kept for one reason.
    fn because(why: &str) -> Self {
        Self {
            kept: vec![why.to_owned()],
            expires: None,
        }
    }
}

/// What becomes of each backup that this installation's schedule made, by its name.
pub fn fates(installation: &KfpInstallation, backups: &[KfpBackup], now: Timestamp) -> Vec<(String, Fate)> {
    let meta = &installation.metadata;
    let sets: Vec<SetSeen> = backups
        .iter()
        .filter(|backup| {
            backup.metadata.namespace == meta.namespace
                && Some(&backup.spec.installation) == meta.name.as_ref()
                && is_scheduled(backup)
        })
        .map(judged)
        .collect();
    let Some(policy) = installation
        .spec
        .backup
        .as_ref()
        .and_then(kfp_plan::backups::retention)
    else {
        return sets
            .into_iter()
            .map(|set| (set.id, Fate::because("no retention")))
            .collect();
    };
    let kept = retention::kept(&policy, &sets, now).into_iter().map(|kept| {
        let because = kept.because.iter().map(ToString::to_string).collect();
        (
            kept.id,
            Fate {
                kept: because,
                expires: None,
            },
        )
    });
    let expired = retention::expired(&policy, &sets, now).into_iter().map(|gone| {
        (
            gone.id,
            Fate {
                kept: Vec::new(),
                expires: Some(gone.why.to_string()),
            },
        )
    });
    kept.chain(expired).collect()
}

/// What becomes of a backup that no retention of an installation that is there looks at.
pub fn of_its_own(backup: &KfpBackup) -> Fate {
    Fate::because(match (is_scheduled(backup), is_safety(backup)) {
        (true, _) => "its installation is gone",
        (false, true) => "made before a restore",
        (false, false) => "made by hand",
    })
}
