//! PEOPLE: what is known from here of the set that is to be restored: what a KfpBackup tells of it, or its name alone. Nobody but
//! the operator reads a destination.

use std::collections::BTreeSet;

use kfp_api::backup::EncryptionScope;
use kfp_api::conditions::ConditionType;
use kfp_api::{KfpBackup, KfpInstallation};
use kfp_backup::layout::SetId;
use kfp_backup::restore_plan::{DatabaseFacts, Held, SetFacts, Trust};
use kfp_plan::backups::damage;
use kfp_releases::schema::SchemaCatalog;
use kube::Client;
use kube::api::ListParams;

use super::source::Asked;
use crate::backup::standing;
use crate::failure::Failure;
use crate::follow::unsigned;
use crate::place::objects;

/// How all databases of an installation are called together: a KfpBackup does not tell them apart.
pub const DATABASES: &str = "KFP's databases";

/// The set that is asked for.
pub async fn asked_for(
    client: &Client,
    asked: &Asked,
    target: &KfpInstallation,
) -> Result<SetFacts, Failure> {
    let namespace = asked
        .from_namespace
        .as_deref()
        .or(asked.place.namespace.as_deref());
    let backups = objects::<KfpBackup>(client, namespace);
    if let Some(name) = &asked.backup {
        return told(&backups.get(name).await?);
    }
    let Some(id) = &asked.id else {
        return Err(Failure::Usage(format!(
            "which set that is, the operator alone sees, so nothing can be planned from here; name a KfpBackup (`kfpctl backup list`) \
             or a set (--id), or ask for it without a plan: `kfpctl restore run {}` makes a KfpRestore, and `kfpctl restore show` \
             says which set it chose",
            asked.choice_said()
        )));
    };
    let id: SetId = id.parse().map_err(|error| Failure::Usage(format!("{error}")))?;
    // Without a destination there is no place to look for it in.
    asked.source(target)?;
    // Whoever may not look at backups there knows no more than the name.
    let listed = backups.list(&ListParams::default()).await;
    let known = listed.ok().and_then(|listed| {
        listed.items.into_iter().find(|backup| {
            let set = backup.status.as_ref().and_then(|status| status.set.as_deref());
            set == Some(id.as_str())
        })
    });
    known.map_or_else(|| Ok(named(&id)), |backup| told(&backup))
}

/// What a backup's status tells.
fn told(backup: &KfpBackup) -> Result<SetFacts, Failure> {
    let name = backup.metadata.name.clone().unwrap_or_default();
    let status = backup
        .status
        .as_ref()
        .filter(|_| standing(backup, ConditionType::Complete) == "True");
    let (Some(status), Some((id, taken))) = (
        status,
        status.and_then(|status| status.set.clone().zip(status.instant.clone())),
    ) else {
        return Err(Failure::NotReady(format!(
            "{name} is not complete, so there is nothing to restore; `kfpctl backup show {name}` says why"
        )));
    };
    let encryption = backup.spec.encryption.as_ref();
    Ok(SetFacts {
        id,
        taken: taken.0,
        approximate: false,
        schema_of: status.version.as_deref().and_then(schema_of),
        release: status.version.clone(),
        encrypted: Some(encryption.is_some_and(|encryption| encryption.scope == EncryptionScope::All)),
        trust: match standing(backup, ConditionType::Verified) {
            _ if damage(backup).is_some() => Trust::Damaged,
            "True" => Trust::Verified,
            _ => Trust::Unverified,
        },
        databases: databases(status.rows.map(unsigned)),
        objects: status
            .objects
            .map_or(Held::Unknown, |number| Held::Number(unsigned(number))),
        schedules: None,
    })
}

/// What the name of a set tells: about when it was taken.
fn named(id: &SetId) -> SetFacts {
    SetFacts {
        id: id.to_string(),
        taken: id.moment(),
        approximate: true,
        databases: databases(None),
        ..SetFacts::default()
    }
}

fn databases(rows: Option<u64>) -> Vec<DatabaseFacts> {
    vec![DatabaseFacts {
        name: DATABASES.to_owned(),
        tables: 1,
        rows,
    }]
}

/// The releases that have the schema of this one, which a database is backed up with. None where the catalog does not know it.
fn schema_of(release: &str) -> Option<BTreeSet<String>> {
    let catalog = SchemaCatalog::load().ok()?;
    let schema = catalog.of_release(release.parse().ok()?)?;
    Some(schema.releases.keys().map(ToString::to_string).collect())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::backup::tests::{backup, said};

    fn complete(verified: &str) -> KfpBackup {
        backup(&format!(
            "set: 20261124T014900Z-1a2b3c, instant: '2026-11-24T01:49:00Z', version: 2.16.1, rows: 12, objects: 3, conditions: [{}, {verified}]",
            said("Complete", "True", "SetComplete")
        ))
    }

    #[test]
    fn a_backup_that_is_not_complete_cannot_be_planned() {
        let Err(Failure::NotReady(message)) = told(&backup("set: 20261124T014900Z-1a2b3c")) else {
            panic!("it was planned");
        };
        insta::assert_snapshot!(
            message,
            @"nightly is not complete, so there is nothing to restore; `kfpctl backup show nightly` says why"
        );
    }

    #[test]
    fn what_a_complete_backup_tells_is_taken_up() {
        let set = told(&complete(&said("Verified", "Unknown", "VerificationPending"))).unwrap();
        assert_eq!(
            (set.databases[0].rows, set.release.as_deref(), set.objects),
            (Some(12), Some("2.16.1"), Held::Number(3))
        );
        let releases = set.schema_of.unwrap();
        assert!(
            releases.contains("2.16.0") && !releases.contains("2.14.4"),
            "{releases:?}"
        );
        assert_eq!(schema_of("9.9.9"), None);
    }

    #[rstest]
    #[case("True", "RestoredEqual", Trust::Verified)]
    #[case("Unknown", "VerificationPending", Trust::Unverified)]
    #[case("False", "VerificationFailed", Trust::Unverified)]
    #[case("False", "SetDamaged", Trust::Damaged)]
    fn a_verification_tells_whether_a_set_can_be_trusted(
        #[case] status: &str,
        #[case] reason: &str,
        #[case] trust: Trust,
    ) {
        assert_eq!(
            told(&complete(&said("Verified", status, reason))).unwrap().trust,
            trust
        );
    }

    #[rstest]
    #[case::whole("All", true)]
    #[case::secrets_alone("Secrets", false)]
    fn only_what_is_encrypted_as_a_whole_needs_a_key(#[case] scope: &str, #[case] encrypted: bool) {
        let mut one = complete(&said("Verified", "True", "ChecksumsEqual"));
        one.spec.encryption =
            serde_saphyr::from_str(&format!("{{recipients: [age1], scope: {scope}}}")).unwrap();
        assert_eq!(told(&one).unwrap().encrypted, Some(encrypted));
    }

    #[test]
    fn the_name_of_a_set_tells_about_when_it_was_taken() {
        let set = named(&"20261124T014900Z-1a2b3c".parse().unwrap());
        assert_eq!(set.taken, "2026-11-24T01:49:00Z".parse().unwrap());
        assert_eq!(
            (
                set.approximate,
                set.trust,
                set.release,
                set.encrypted,
                set.objects
            ),
            (true, Trust::Unknown, None, None, Held::Unknown)
        );
    }
}
