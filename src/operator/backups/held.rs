//! LOOP: which backups something reads: none of them goes meanwhile. Decides nothing.

use std::collections::BTreeMap;

use kfp_api::{KfpBackup, KfpRestore};
use kfp_engine::Error;
use kfp_engine::cluster::limited;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, ListParams};

use super::pass::parsed;
use crate::context::Context;

/// Restores that are under way, of every namespace that is looked after: a set may be restored anywhere.
pub async fn readers(context: &Context) -> Result<Vec<KfpRestore>, Error> {
    let kind = ApiResource::erase::<KfpRestore>(&());
    let within = |namespace: &String| Api::namespaced_with(context.client.clone(), namespace, &kind);
    let apis: Vec<Api<DynamicObject>> = if context.namespaces.is_empty() {
        vec![Api::all_with(context.client.clone(), &kind)]
    } else {
        context.namespaces.iter().map(within).collect()
    };
    let mut found = Vec::new();
    for api in apis {
        let all = limited("list KfpRestores".to_owned(), api.list(&ListParams::default())).await?;
        found.extend(
            all.items
                .iter()
                .filter_map(parsed::<KfpRestore>)
                .filter(under_way),
        );
    }
    Ok(found)
}

/// Backups of this namespace that restores read, or are about to, by name.
pub fn held(readers: &[KfpRestore], namespace: &str, backups: &[KfpBackup]) -> BTreeMap<String, String> {
    let mut held = BTreeMap::new();
    for restore in readers {
        let of = restore.metadata.namespace.as_deref().unwrap_or_default();
        let name = restore.metadata.name.as_deref().unwrap_or_default();
        let who = if of == namespace {
            format!("KfpRestore {name}")
        } else {
            format!("KfpRestore {name} in namespace {of}")
        };
        let named = restore
            .spec
            .source
            .backup_ref
            .as_ref()
            .filter(|read| read.namespace.as_deref().unwrap_or(of) == namespace)
            .map(|read| read.name.as_str());
        let status = restore.status.as_ref();
        let safety = status
            .and_then(|status| status.safety_backup.as_deref())
            .filter(|_| of == namespace);
        let location = status.and_then(|status| status.location.as_deref());
        for backup in backups {
            let name = backup.metadata.name.as_deref().unwrap_or_default();
            let lies = backup
                .status
                .as_ref()
                .and_then(|status| status.location.as_deref());
            if [named, safety].contains(&Some(name)) || (lies.is_some() && lies == location) {
                held.insert(name.to_owned(), who.clone());
            }
        }
    }
    held
}

/// Whether a restore is not over.
pub fn under_way(restore: &KfpRestore) -> bool {
    let status = restore.status.as_ref();
    status.is_none_or(|status| status.completed_at.is_none())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const PLACE: &str = "s3://backups/team-a/kfp/20261124T014900Z-1a2b3c";

    fn backup() -> KfpBackup {
        serde_json::from_value(json!({
            "apiVersion": "kfpops.dev/v1alpha1", "kind": "KfpBackup",
            "metadata": {"name": "nightly", "namespace": "team-a"},
            "spec": {"installation": "kfp"}, "status": {"location": PLACE},
        }))
        .unwrap()
    }

    fn restore(namespace: &str, source: &Value, status: &Value) -> KfpRestore {
        serde_json::from_value(json!({
            "apiVersion": "kfpops.dev/v1alpha1", "kind": "KfpRestore",
            "metadata": {"name": "back", "namespace": namespace},
            "spec": {"installation": "kfp", "source": {"type": "BackupRef", "backupRef": source}},
            "status": status,
        }))
        .unwrap()
    }

    #[rstest::rstest]
    #[case::named_here("team-a", json!({"name": "nightly"}), json!({}), Some("KfpRestore back"))]
    #[case::named_there("team-b", json!({"name": "nightly", "namespace": "team-a"}), json!({}), Some("KfpRestore back in namespace team-b"))]
    #[case::a_namesake("team-b", json!({"name": "nightly"}), json!({}), None)]
    #[case::found_there("team-b", json!({"name": "other"}), json!({"location": "s3://backups/team-a/kfp/20261124T014900Z-1a2b3c"}), Some("KfpRestore back in namespace team-b"))]
    #[case::another_set("team-b", json!({"name": "other"}), json!({"location": "s3://backups/team-a/kfp/20261123T014900Z-1a2b3c"}), None)]
    #[case::safety("team-a", json!({"name": "other"}), json!({"safetyBackup": "nightly"}), Some("KfpRestore back"))]
    fn a_set_is_held_by_whoever_reads_it_wherever_that_is(
        #[case] namespace: &str,
        #[case] source: Value,
        #[case] status: Value,
        #[case] who: Option<&str>,
    ) {
        let held = held(&[restore(namespace, &source, &status)], "team-a", &[backup()]);
        assert_eq!(held.get("nightly").map(String::as_str), who);
    }
}
