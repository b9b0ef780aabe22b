//! PEOPLE: `kfpctl restore plan`: from what is known of the set and what is in the target's namespace, what a restore would do.
//! The plan itself is made by [`kfp_backup::restore_plan`].

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kfp_api::KfpInstallation;
use kfp_backup::restore_plan::{DatabaseFacts, RestorePlan, TargetSeen, WorkflowSeen, plan};
use kube::api::{DynamicObject, ListParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, Client};

use super::set::DATABASES;
use super::source::Asked;
use super::{runs, set, view};
use crate::failure::Failure;
use crate::output::{self, Format};
use crate::place::{installation, objects};

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
    let mut set = set::asked_for(client, asked, &target).await?;
    let inside = target.metadata.namespace.as_deref().unwrap_or("default");
    let workflows = list(
        client,
        inside,
        "argoproj.io",
        "v1alpha1",
        "Workflow",
        Some(RUN_LABEL),
    )
    .await?;
    let schedules = list(
        client,
        inside,
        "kubeflow.org",
        "v1beta1",
        "ScheduledWorkflow",
        None,
    )
    .await?;
    set.schedules = Some(there_then(&schedules, set.taken));
    let seen = TargetSeen {
        release: Some(target.spec.version.clone()),
        databases: Some(databases(&target)),
        workflows: workflows.iter().filter_map(workflow).collect(),
        schedules: schedules
            .into_iter()
            .filter_map(|schedule| schedule.metadata.name)
            .collect(),
        unfinished: runs::unfinished_at(client, &target, set.taken).await,
    };
    let mut plan = plan(&set, &seen, asked.request());
    if !plan.schedules_set_aside.is_empty() {
        plan.notes.push(
            "which recurring runs the set has is not known from here: those made since that moment are taken for the ones that it does not have"
                .to_owned(),
        );
    }
    Ok(plan)
}

/// The schedules that were there at a moment: a set of that moment is taken to have them.
fn there_then(schedules: &[DynamicObject], moment: Timestamp) -> BTreeSet<String> {
    let old = schedules.iter().filter(|schedule| {
        let created = schedule.metadata.creation_timestamp.as_ref();
        created.is_some_and(|created| created.0 <= moment)
    });
    old.filter_map(|schedule| schedule.metadata.name.clone())
        .collect()
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

    #[test]
    fn a_schedule_that_is_younger_than_the_set_is_not_in_it() {
        let schedule = |name: &str, created: &str| -> DynamicObject {
            serde_json::from_value(
                json!({"apiVersion": "kubeflow.org/v1beta1", "kind": "ScheduledWorkflow",
                "metadata": {"name": name, "creationTimestamp": created}}),
            )
            .unwrap()
        };
        let schedules = [
            schedule("old", "2026-11-24T01:49:00Z"),
            schedule("young", "2026-11-24T01:49:01Z"),
        ];
        let then = there_then(&schedules, "2026-11-24T01:49:00Z".parse().unwrap());
        assert_eq!(then, BTreeSet::from(["old".to_owned()]));
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
