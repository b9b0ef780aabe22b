//! PEOPLE: `kfpctl restore plan`: from what the KfpBackup tells and what is in the target's namespace, what a restore would do.
//! The plan itself is made by [`kfp_backup::restore_plan`].

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kfp_api::conditions::ConditionType;
use kfp_api::{KfpBackup, KfpInstallation};
use kfp_backup::restore_plan::{DatabaseFacts, RestorePlan, SetFacts, TargetSeen, WorkflowSeen, plan};
use kube::api::{DynamicObject, ListParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, Client};

use super::source::Asked;
use super::{runs, view};
use crate::backup::{installation, objects, standing};
use crate::failure::Failure;
use crate::follow::unsigned;
use crate::output::{self, Format};

/// Label of a Workflow: the run that it carries out (kubeflow/pipelines 2.16.1, backend/src/common/util/consts.go).
const RUN_LABEL: &str = "pipeline/runid";

/// What to plan.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    source: Asked,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Plans, prints, and says whether it would be refused.
pub async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = arguments.source.place.connection.client().await?;
    let plan = of(&client, &arguments.source).await?;
    output::print(arguments.output, &plan, view::draw)?;
    if plan.refused.is_empty() {
        return Ok(());
    }
    Err(Failure::Findings)
}

/// The plan of what is asked for.
pub async fn of(client: &Client, asked: &Asked) -> Result<RestorePlan, Failure> {
    let namespace = asked.place.namespace.as_deref();
    let target = installation(&objects(client, namespace), asked.installation.as_deref()).await?;
    let name = asked.backup.as_deref().ok_or_else(|| {
        Failure::Usage(
            "only a set that a KfpBackup tells of can be planned from here: nobody but the operator reads the destination; \
             the status of the KfpRestore says what was done"
                .into(),
        )
    })?;
    let from = asked.from_namespace.as_deref().or(namespace);
    let backup = objects::<KfpBackup>(client, from).get(name).await?;
    let set = facts(&backup)?;
    let inside = target.metadata.namespace.as_deref().unwrap_or("default");
    let seen = TargetSeen {
        release: target.status.as_ref().and_then(|status| status.version.clone()),
        databases: Some(databases(&target)),
        workflows: list(
            client,
            inside,
            "argoproj.io",
            "v1alpha1",
            "Workflow",
            Some(RUN_LABEL),
        )
        .await?
        .iter()
        .filter_map(workflow)
        .collect(),
        schedules: list(
            client,
            inside,
            "kubeflow.org",
            "v1beta1",
            "ScheduledWorkflow",
            None,
        )
        .await?
        .into_iter()
        .filter_map(|schedule| schedule.metadata.name)
        .collect(),
        unfinished: runs::unfinished_at(client, &target, set.taken).await,
    };
    Ok(plan(&set, &seen, asked.parts.wanted(), asked.overwrite))
}

/// How all databases of an installation are called together: a KfpBackup does not tell them apart.
const DATABASES: &str = "KFP's databases";

/// What the backup's status tells.
fn facts(backup: &KfpBackup) -> Result<SetFacts, Failure> {
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
    Ok(SetFacts {
        id,
        taken: taken.0,
        release: status.version.clone().unwrap_or_default(),
        verified: standing(backup, ConditionType::Verified) == "True",
        databases: vec![DatabaseFacts {
            name: DATABASES.to_owned(),
            tables: 1,
            rows: status.rows.map(unsigned),
        }],
        objects: status
            .objects
            .filter(|objects| *objects > 0)
            .map(|objects| BTreeMap::from([("of every kind".to_owned(), unsigned(objects))]))
            .unwrap_or_default(),
        schedules: None,
    })
}

/// Databases that hold something: once a release was seen running, its server has made its tables.
fn databases(target: &KfpInstallation) -> Vec<DatabaseFacts> {
    let ran = target
        .status
        .as_ref()
        .is_some_and(|status| status.version.is_some());
    vec![DatabaseFacts {
        name: DATABASES.to_owned(),
        tables: u64::from(ran),
        rows: (!ran).then_some(0),
    }]
}

/// Objects of a kind that the cluster may not know.
async fn list(
    client: &Client,
    namespace: &str,
    group: &str,
    version: &str,
    kind: &str,
    label: Option<&str>,
) -> Result<Vec<DynamicObject>, Failure> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
    let mut wanted = ListParams::default().limit(500);
    wanted.label_selector = label.map(str::to_owned);
    let mut found = Vec::new();
    loop {
        let page = match api.list(&wanted).await {
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(Vec::new()),
            page => page?,
        };
        found.extend(page.items);
        wanted.continue_token = page.metadata.continue_.filter(|token| !token.is_empty());
        if wanted.continue_token.is_none() {
            return Ok(found);
        }
    }
}

fn workflow(object: &DynamicObject) -> Option<WorkflowSeen> {
    let meta: &ObjectMeta = &object.metadata;
    let phase = object
        .data
        .pointer("/status/phase")
        .and_then(|phase| phase.as_str());
    let owner = meta
        .owner_references
        .iter()
        .flatten()
        .find(|owner| owner.kind == "ScheduledWorkflow");
    Some(WorkflowSeen {
        name: meta.name.clone()?,
        created: meta.creation_timestamp.as_ref()?.0,
        run: meta.labels.as_ref()?.get(RUN_LABEL).cloned(),
        schedule: owner.map(|owner| owner.name.clone()),
        finished: matches!(phase, Some("Succeeded" | "Failed" | "Error")),
        in_set: None,
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::backup::tests::{backup, said};

    #[test]
    fn a_backup_that_is_not_complete_cannot_be_planned() {
        let Err(Failure::NotReady(message)) = facts(&backup("set: 20261124T014900Z-1a2b3c")) else {
            panic!("it was planned");
        };
        insta::assert_snapshot!(message);
    }

    #[test]
    fn what_a_complete_backup_tells_is_taken_up() {
        let complete = backup(&format!(
            "set: 20261124T014900Z-1a2b3c, instant: '2026-11-24T01:49:00Z', version: 2.16.1, rows: 12, objects: 3, conditions: [{}]",
            said("Complete", "True", "Taken")
        ));
        let set = facts(&complete).unwrap();
        assert_eq!(
            (set.databases[0].rows, set.verified, set.release.as_str()),
            (Some(12), false, "2.16.1")
        );
        assert_eq!(set.objects.values().sum::<u64>(), 3);
    }

    #[rstest]
    #[case::running(json!({"status": {"phase": "Running"}}), false)]
    #[case::not_begun(json!({}), false)]
    #[case::ended(json!({"status": {"phase": "Error"}}), true)]
    fn a_workflow_is_read_with_its_run_and_its_schedule(
        #[case] rest: serde_json::Value,
        #[case] finished: bool,
    ) {
        let mut object = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {
            "name": "train", "creationTimestamp": "2026-11-24T01:49:00Z", "labels": {RUN_LABEL: "5f1c"},
            "ownerReferences": [{"apiVersion": "kubeflow.org/v1beta1", "kind": "ScheduledWorkflow", "name": "nightly", "uid": "1"}]}});
        object
            .as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        let seen = workflow(&serde_json::from_value(object).unwrap()).unwrap();
        assert_eq!(seen.finished, finished);
        assert_eq!(
            (seen.run.as_deref(), seen.schedule.as_deref()),
            (Some("5f1c"), Some("nightly"))
        );
    }
}
