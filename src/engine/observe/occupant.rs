//! EYES: which KfpInstallation holds this namespace? Reads; changes nothing.

use kfp_api::KfpInstallation;
use kfp_plan::Seen;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, ListParams, ObjectMeta};

use crate::cluster::{Cluster, limited, seen};
use crate::error::Error;

/// `Absent` when the installation with this metadata holds its namespace, otherwise the older one's name. Shards and
/// label selectors do not count: there can be only one in a namespace whoever looks after it.
pub async fn look(cluster: &Cluster, namespace: &str, this: &ObjectMeta) -> Seen<String> {
    seen(find(cluster, namespace, this).await)
}

async fn find(cluster: &Cluster, namespace: &str, this: &ObjectMeta) -> Result<Option<String>, Error> {
    // Read without their specs: one that does not parse holds its namespace all the same.
    let resource = ApiResource::erase::<KfpInstallation>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(cluster.client().clone(), namespace, &resource);
    let what = format!("list KfpInstallations in namespace {namespace}");
    let list = limited(what, api.list_metadata(&ListParams::default())).await?;
    Ok(oldest(list.items.iter().map(|item| &item.metadata), this))
}

/// The name of the oldest when it is not `this`. Two of the same second are told apart by name, so that every operator
/// comes to the same answer.
fn oldest<'a>(all: impl Iterator<Item = &'a ObjectMeta>, this: &ObjectMeta) -> Option<String> {
    let age = |meta: &ObjectMeta| {
        (
            meta.creation_timestamp.as_ref().map(|time| time.0),
            meta.name.clone().unwrap_or_default(),
        )
    };
    let first = all.min_by_key(|meta| age(meta))?;
    if first.uid == this.uid || age(first) >= age(this) {
        return None;
    }
    first.name.clone()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use k8s_openapi::jiff::Timestamp;
    use rstest::rstest;

    use super::*;

    fn made(name: &str, second: i64) -> ObjectMeta {
        ObjectMeta {
            name: Some(name.into()),
            uid: Some(format!("uid-{name}")),
            creation_timestamp: Timestamp::from_second(second).ok().map(Time),
            ..ObjectMeta::default()
        }
    }

    #[rstest]
    #[case::alone(made("a", 10), vec![made("a", 10)], None)]
    #[case::the_older(made("a", 10), vec![made("a", 10), made("b", 20)], None)]
    #[case::the_newer(made("b", 20), vec![made("a", 10), made("b", 20)], Some("a"))]
    #[case::of_the_same_second_the_first_by_name(made("b", 10), vec![made("b", 10), made("a", 10)], Some("a"))]
    #[case::not_listed_yet(made("a", 10), vec![], None)]
    fn the_oldest_holds_the_namespace(
        #[case] this: ObjectMeta,
        #[case] all: Vec<ObjectMeta>,
        #[case] holder: Option<&str>,
    ) {
        assert_eq!(oldest(all.iter(), &this).as_deref(), holder);
    }
}
