//! EYES: data objects (claims, generated Secrets): whose they are, which engine wrote the database, what is left of them
//! while the resource is being deleted. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use kfp_api::conditions::Reason;
use kfp_api::installation::DatabaseEngine;
use kfp_api::names::{ENGINE_ANNOTATION, INSTALLATION_LABEL};
use kfp_plan::{ObjectRef, Seen};
use kfp_releases::{Catalog, Role};
use kfp_render::labels::VERSION_LABEL;
use serde_json::Value;

use crate::cluster::{Cluster, unknown};
use crate::desired::secret_named;
use crate::kinds::Kind;
use crate::live::{Live, annotation, deleting, label};

const CLAIM: &str = "PersistentVolumeClaim";

fn claim(name: &str) -> ObjectRef {
    ObjectRef {
        kind: CLAIM.into(),
        name: name.into(),
    }
}

/// The volume claims that any release of the catalog has, as far as they are there.
pub async fn claims(cluster: &Cluster, catalog: &Catalog, namespace: &str) -> Live {
    let components = catalog.installs().flat_map(|(_, install)| &install.components);
    let names: BTreeSet<&str> = components
        .flat_map(|component| &component.volume_claims)
        .map(|claim| claim.name.as_str())
        .collect();
    Live::read_each(cluster, namespace, names.into_iter().map(claim).collect()).await
}

/// The engine that the embedded database's volume was written by, before anything is known of the wanted release.
#[must_use]
pub fn engine(catalog: &Catalog, claims: &Live) -> Seen<DatabaseEngine> {
    of_database(catalog, claims, written_by)
}

/// The release that the embedded database's volume was last applied from, by its label.
#[must_use]
pub fn release(catalog: &Catalog, claims: &Live) -> Seen<String> {
    of_database(catalog, claims, |_, found| {
        label(found, VERSION_LABEL).map_or(Seen::Absent, |release| Seen::Known(release.to_owned()))
    })
}

/// What the embedded database's volume says, whichever release of the catalog made it.
fn of_database<T>(catalog: &Catalog, claims: &Live, says: impl Fn(&str, &Value) -> Seen<T>) -> Seen<T> {
    let databases = catalog
        .installs()
        .filter_map(|(_, install)| install.role(Role::Database));
    let names: BTreeSet<&str> = databases
        .flat_map(|component| &component.volume_claims)
        .map(|claim| claim.name.as_str())
        .collect();
    for name in names {
        match claims.seen(&claim(name)) {
            Seen::Absent => {}
            Seen::Known(found) => return says(name, found),
            Seen::Unknown { reason, why } => return Seen::Unknown { reason, why },
        }
    }
    Seen::Absent
}

fn written_by(name: &str, found: &Value) -> Seen<DatabaseEngine> {
    match annotation(found, ENGINE_ANNOTATION) {
        Some("MySQL") => Seen::Known(DatabaseEngine::MySQL),
        Some("MariaDB") => Seen::Known(DatabaseEngine::MariaDB),
        other => Seen::Unknown {
            reason: Reason::ProbeFailed,
            why: format!(
                "{CLAIM} {name} does not say which database engine wrote it: its annotation {ENGINE_ANNOTATION} is {}; \
                 set it to MySQL or MariaDB, whichever did, or delete the claim if its data may go",
                other.map_or_else(|| "missing".into(), |value| format!("`{value}`")),
            ),
        },
    }
}

/// Data objects of the wanted names that carry another installation's label, by that installation's name.
#[must_use]
pub fn of_others(
    name: &str,
    wanted: &BTreeSet<ObjectRef>,
    live: &Live,
) -> Seen<BTreeMap<String, Vec<ObjectRef>>> {
    let data = || wanted.iter().filter(|object| is_data(object));
    if let Some((reason, why)) = live.first_unknown(data()) {
        return Seen::Unknown { reason, why };
    }
    let mut others: BTreeMap<String, Vec<ObjectRef>> = BTreeMap::new();
    for object in data() {
        let owner = live
            .known(object)
            .and_then(|found| label(found, INSTALLATION_LABEL));
        if let Some(owner) = owner.filter(|owner| *owner != name) {
            others.entry(owner.to_owned()).or_default().push(object.clone());
        }
    }
    Seen::Known(others)
}

/// Claims by label, and Secrets of any release of the catalog by name, whose deletion has not begun.
pub async fn left(cluster: &Cluster, catalog: &Catalog, namespace: &str, name: &str) -> Seen<Vec<ObjectRef>> {
    let claims = match Kind::named(CLAIM) {
        Ok(kind) => {
            cluster
                .list(kind, namespace, &format!("{INSTALLATION_LABEL}={name}"))
                .await
        }
        Err(error) => Err(error),
    };
    let claims = match claims {
        Ok(claims) => claims,
        Err(error) => return unknown(&error),
    };
    let names: BTreeSet<&str> = catalog
        .installs()
        .flat_map(|(_, install)| install.secrets())
        .map(|secret| secret.name.as_str())
        .collect();
    let secrets: Vec<ObjectRef> = names.into_iter().map(secret_named).collect();
    let mut live = Live::read_each(cluster, namespace, secrets.clone()).await;
    if let Some((reason, why)) = live.first_unknown(secrets.iter()) {
        return Seen::Unknown { reason, why };
    }
    for found in claims {
        let name = found
            .pointer("/metadata/name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        live.insert(claim(name), found);
    }
    let left = live
        .all()
        .filter(|(_, found)| label(found, INSTALLATION_LABEL) == Some(name) && !deleting(found))
        .map(|(object, _)| object.clone())
        .collect();
    Seen::Known(left)
}

/// Whether this kind holds data.
#[must_use]
pub fn is_data(object: &ObjectRef) -> bool {
    matches!(object.kind.as_str(), CLAIM | "Secret")
}

/// Refuses to touch what is no data object of the installation; the second lock on the door.
pub fn check(object: &ObjectRef, found: &Value, name: &str) -> Result<(), String> {
    if !is_data(object) {
        return Err(format!("{object} is no data object"));
    }
    match label(found, INSTALLATION_LABEL) {
        Some(owner) if owner == name => Ok(()),
        owner => Err(format!(
            "{object} belongs to {}, not to {name}",
            owner.unwrap_or("nobody (it has no installation label)")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::mysql(json!({ENGINE_ANNOTATION: "MySQL"}), Some(DatabaseEngine::MySQL))]
    #[case::mariadb(json!({ENGINE_ANNOTATION: "MariaDB"}), Some(DatabaseEngine::MariaDB))]
    #[case::unsaid(json!({}), None)]
    #[case::misspelt(json!({ENGINE_ANNOTATION: "mysql"}), None)]
    fn the_volume_says_which_engine_wrote_it_or_a_person_must(
        #[case] annotations: Value,
        #[case] engine: Option<DatabaseEngine>,
    ) {
        let found = json!({"metadata": {"annotations": annotations}});
        match written_by("mysql-pv-claim", &found) {
            Seen::Known(known) => assert_eq!(Some(known), engine),
            Seen::Unknown { why, .. } => assert!(engine.is_none() && why.contains("mysql-pv-claim")),
            Seen::Absent => panic!("the claim is there"),
        }
    }

    #[test]
    fn data_with_another_installations_label_is_reported_under_its_name() {
        let wanted: BTreeSet<ObjectRef> = [claim("mysql-pv-claim"), claim("seaweedfs-pvc")].into();
        let mut live = Live::default();
        live.insert(
            claim("mysql-pv-claim"),
            json!({"metadata": {"labels": {INSTALLATION_LABEL: "old"}}}),
        );
        live.insert(
            claim("seaweedfs-pvc"),
            json!({"metadata": {"labels": {INSTALLATION_LABEL: "new"}}}),
        );
        let others = of_others("new", &wanted, &live);
        assert_eq!(
            others,
            Seen::Known([("old".to_owned(), vec![claim("mysql-pv-claim")])].into())
        );
    }

    #[rstest]
    #[case("PersistentVolumeClaim", "mine", true)]
    #[case("PersistentVolumeClaim", "theirs", false)]
    #[case("Deployment", "mine", false)]
    fn only_data_of_this_installation_may_be_deleted(
        #[case] kind: &str,
        #[case] owner: &str,
        #[case] allowed: bool,
    ) {
        let object = ObjectRef {
            kind: kind.into(),
            name: "x".into(),
        };
        let found = json!({"metadata": {"labels": {INSTALLATION_LABEL: owner}}});
        assert_eq!(check(&object, &found, "mine").is_ok(), allowed);
    }
}
