//! EYES AND HANDS: single requests to the Kubernetes API server, each with a time limit. No loops, no decisions.

use std::time::Duration;

use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::rbac::v1::Subject;
use kfp_plan::{ObjectRef, Seen};
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, Client};
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::error::Error;
use crate::kinds::Kind;

/// Time limit of one request. A healthy API server answers in milliseconds; a pass makes about twenty requests.
pub const REQUEST_LIMIT: Duration = Duration::from_secs(5);

/// A Kubernetes client that gives up in time and says what it tried.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    subject: std::sync::Arc<OnceCell<Subject>>,
}

impl Cluster {
    /// Wraps a client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            client,
            subject: std::sync::Arc::default(),
        }
    }

    /// The client itself, for typed requests; use [`limited`] around each.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The object, or `None` when it is certainly not there.
    pub async fn get(&self, object: &ObjectRef, namespace: &str) -> Result<Option<Value>, Error> {
        let kind = Kind::named(&object.kind)?;
        let api = kind.api(&self.client, namespace);
        let what = format!("read {}", place(object, kind, namespace));
        limited(what, api.get_opt(&object.name))
            .await?
            .map(value)
            .transpose()
    }

    /// The objects of this kind in the namespace that carry the labels.
    pub async fn list(&self, kind: &Kind, namespace: &str, labels: &str) -> Result<Vec<Value>, Error> {
        let api = kind.api(&self.client, namespace);
        let what = format!(
            "list {} with label {labels} in namespace {namespace}",
            kind.plural
        );
        let list = limited(what, api.list(&ListParams::default().labels(labels))).await?;
        list.items.into_iter().map(value).collect()
    }

    /// Server-side apply, taking over the fields that it sets. Returns the object as the server keeps it.
    pub async fn apply(&self, object: &ObjectRef, namespace: &str, body: &Value) -> Result<Value, Error> {
        let kind = Kind::named(&object.kind)?;
        let api = kind.api(&self.client, namespace);
        let params = PatchParams::apply(kfp_api::names::RESOURCES_MANAGER).force();
        let what = format!("apply {}", place(object, kind, namespace));
        value(limited(what, api.patch(&object.name, &params, &Patch::Apply(body))).await?)
    }

    /// Merge patch, for the few writes that must not take part in apply's ownership.
    pub async fn merge(&self, object: &ObjectRef, namespace: &str, body: &Value) -> Result<Value, Error> {
        let kind = Kind::named(&object.kind)?;
        let api = kind.api(&self.client, namespace);
        let params = PatchParams {
            field_manager: Some(kfp_api::names::RESOURCES_MANAGER.into()),
            ..PatchParams::default()
        };
        let what = format!("complete {}", place(object, kind, namespace));
        value(limited(what, api.patch(&object.name, &params, &Patch::Merge(body))).await?)
    }

    /// Creates an object that must not be there yet.
    pub async fn create(&self, object: &ObjectRef, namespace: &str, body: Value) -> Result<Value, Error> {
        let kind = Kind::named(&object.kind)?;
        let api = kind.api(&self.client, namespace);
        let params = PostParams {
            field_manager: Some(kfp_api::names::RESOURCES_MANAGER.into()),
            ..PostParams::default()
        };
        let what = format!("create {}", place(object, kind, namespace));
        let body: DynamicObject = serde_json::from_value(body)
            .map_err(|error| Error::kube(what.clone(), kube::Error::SerdeError(error)))?;
        value(limited(what, api.create(&params, &body)).await?)
    }

    /// Deletes the object of this uid; `false` when it was gone already.
    pub async fn delete(
        &self,
        object: &ObjectRef,
        namespace: &str,
        uid: Option<String>,
    ) -> Result<bool, Error> {
        let kind = Kind::named(&object.kind)?;
        let api = kind.api(&self.client, namespace);
        let params = DeleteParams {
            preconditions: uid.map(|uid| Preconditions {
                uid: Some(uid),
                resource_version: None,
            }),
            ..DeleteParams::background()
        };
        let what = format!("delete {}", place(object, kind, namespace));
        match limited(what, api.delete(&object.name, &params)).await {
            Ok(_) => Ok(true),
            Err(error) if error.status() == Some(404) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Who this process is to the API server, as the subject of a RoleBinding. Asked once: it cannot change.
    pub async fn subject(&self) -> Result<&Subject, Error> {
        self.subject
            .get_or_try_init(|| async {
                let api: Api<SelfSubjectReview> = Api::all(self.client.clone());
                let what = "ask the API server who this operator is (SelfSubjectReview)";
                let review = limited(
                    what,
                    api.create(&PostParams::default(), &SelfSubjectReview::default()),
                )
                .await?;
                let user = review
                    .status
                    .and_then(|status| status.user_info)
                    .and_then(|user| user.username);
                Ok(subject(user.as_deref().unwrap_or_default()))
            })
            .await
    }
}

/// A user name as RBAC knows it: service accounts are subjects of their own.
fn subject(user: &str) -> Subject {
    match user
        .strip_prefix("system:serviceaccount:")
        .and_then(|rest| rest.split_once(':'))
    {
        Some((namespace, name)) => Subject {
            kind: "ServiceAccount".into(),
            name: name.into(),
            namespace: Some(namespace.into()),
            api_group: None,
        },
        None => Subject {
            kind: "User".into(),
            name: user.into(),
            namespace: None,
            api_group: Some("rbac.authorization.k8s.io".into()),
        },
    }
}

/// Runs one request under [`REQUEST_LIMIT`].
pub async fn limited<T>(
    what: impl Into<String>,
    request: impl Future<Output = kube::Result<T>>,
) -> Result<T, Error> {
    match tokio::time::timeout(REQUEST_LIMIT, request).await {
        Ok(answer) => answer.map_err(|source| Error::kube(what, source)),
        Err(_) => Err(Error::TimedOut {
            what: what.into(),
            limit: REQUEST_LIMIT,
        }),
    }
}

/// A look's result as it goes into `Observed`.
#[must_use]
pub fn seen<T>(look: Result<Option<T>, Error>) -> Seen<T> {
    match look {
        Ok(Some(found)) => Seen::Known(found),
        Ok(None) => Seen::Absent,
        Err(error) => unknown(&error),
    }
}

/// A failed look as it goes into `Observed`.
#[must_use]
pub fn unknown<T>(error: &Error) -> Seen<T> {
    Seen::Unknown {
        reason: error.reason(),
        why: error.to_string(),
    }
}

fn value(object: DynamicObject) -> Result<Value, Error> {
    serde_json::to_value(object)
        .map_err(|error| Error::kube("read the server's answer", kube::Error::SerdeError(error)))
}

fn place(object: &ObjectRef, kind: &Kind, namespace: &str) -> String {
    if kind.namespaced {
        format!("{} {} in namespace {namespace}", object.kind, object.name)
    } else {
        format!("{} {}", object.kind, object.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_account_is_bound_as_such_and_anybody_else_as_user() {
        let account = subject("system:serviceaccount:kfp-operator-system:kfp-operator");
        assert_eq!(
            (account.kind.as_str(), account.name.as_str()),
            ("ServiceAccount", "kfp-operator")
        );
        assert_eq!(account.namespace.as_deref(), Some("kfp-operator-system"));
        let user = subject("admin");
        assert_eq!((user.kind.as_str(), user.namespace), ("User", None));
    }
}
