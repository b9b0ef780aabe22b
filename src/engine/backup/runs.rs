//! EYES AND HANDS: what must be settled before KFP's server and agents start on restored rows: Workflows that the server would
//! delete are exported and taken away, and runs that nobody carries out are closed. Which, is decided by
//! [`kfp_backup::restore_plan`].

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kfp_backup::order::ObjectKind;
use kfp_backup::progress::NAMED;
use kfp_backup::restore_plan::{Request, RunSeen, SetFacts, TargetSeen, Wanted, WorkflowSeen, plan};
use kfp_database::repair::Repair;
use kube::Client;
use kube::api::DeleteParams;
use serde_json::Value;

use super::lines::Lines;
use super::objects;
use super::trouble::Trouble;
use crate::cluster::limited;

/// Label with the id of a run (kubeflow/pipelines 2.16.1, `backend/src/common/util/consts.go`).
const RUN_ID: &str = "pipeline/runid";
/// Label with the name of the ScheduledWorkflow that made a Workflow (likewise).
const SCHEDULE: &str = "scheduledworkflows.kubeflow.org/scheduledWorkflowName";
/// Label of a Workflow that has ended (Argo Workflows 3.4 to 4.1).
const COMPLETED: &str = "workflows.argoproj.io/completed";

/// What was settled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Runs closed as failed: their ids, the first [`NAMED`].
    pub runs: Vec<String>,
    /// How many.
    pub runs_closed: u64,
    /// Names of Workflows and ScheduledWorkflows that were exported and taken away, the first [`NAMED`].
    pub set_aside: Vec<String>,
    /// How many.
    pub set_aside_count: u64,
}

/// The kind of Workflows.
#[must_use]
pub fn workflows_kind() -> ObjectKind {
    ObjectKind {
        group: "argoproj.io".into(),
        version: "v1alpha1".into(),
        kind: "Workflow".into(),
        plural: "workflows".into(),
        names: Vec::new(),
    }
}

/// The kind of recurring runs.
#[must_use]
pub fn schedules_kind() -> ObjectKind {
    ObjectKind {
        group: "kubeflow.org".into(),
        version: "v1beta1".into(),
        kind: "ScheduledWorkflow".into(),
        plural: "scheduledworkflows".into(),
        names: Vec::new(),
    }
}

/// The Workflows of pipeline runs in a namespace. Whether their runs have rows is not looked up.
pub async fn workflows(client: &Client, namespace: &str) -> Result<Vec<WorkflowSeen>, Trouble> {
    let mut seen = Vec::new();
    objects::each(client, namespace, &workflows_kind(), async |object| {
        seen.extend(seen_of(&object));
        Ok(())
    })
    .await?;
    Ok(seen)
}

fn seen_of(object: &Value) -> Option<WorkflowSeen> {
    let metadata = &object["metadata"];
    let label = |name: &str| metadata["labels"][name].as_str().map(str::to_owned);
    Some(WorkflowSeen {
        name: metadata["name"].as_str()?.to_owned(),
        created: metadata["creationTimestamp"].as_str()?.parse().ok()?,
        run: label(RUN_ID),
        schedule: label(SCHEDULE).or_else(|| owner(metadata)),
        finished: label(COMPLETED).as_deref() == Some("true"),
        in_set: None,
    })
}

/// The ScheduledWorkflow that a Workflow belongs to, as Kubernetes is told.
fn owner(metadata: &Value) -> Option<String> {
    let owners = metadata["ownerReferences"].as_array()?;
    let owner = owners.iter().find(|owner| owner["kind"] == "ScheduledWorkflow")?;
    owner["name"].as_str().map(str::to_owned)
}

/// What is there now, with which Workflows have rows in the restored database.
pub async fn look(client: &Client, namespace: &str, rows: &mut Repair) -> Result<TargetSeen, Trouble> {
    let mut workflows = workflows(client, namespace).await?;
    let runs: Vec<String> = workflows
        .iter()
        .filter_map(|workflow| workflow.run.clone())
        .collect();
    let known = rows.known(&runs).await?;
    for workflow in &mut workflows {
        workflow.in_set = workflow.run.as_ref().map(|run| known.contains(run));
    }
    let mut schedules = BTreeSet::new();
    objects::each(client, namespace, &schedules_kind(), async |object| {
        schedules.extend(object["metadata"]["name"].as_str().map(str::to_owned));
        Ok(())
    })
    .await?;
    let unfinished = rows.unfinished().await?.into_iter().map(|run| RunSeen {
        id: run.id,
        name: run.name,
        state: run.state,
    });
    Ok(TargetSeen {
        release: None,
        databases: None,
        workflows,
        schedules,
        unfinished: Some(unfinished.collect()),
    })
}

/// Settles runs and Workflows after the rows were restored and before the server starts. `export` begins the file that objects
/// are written into before they are deleted; it is begun only when there are any.
pub async fn settle(
    client: &Client,
    namespace: &str,
    rows: &mut Repair,
    set: &SetFacts,
    wanted: Wanted,
    why: &str,
    export: impl FnOnce() -> Result<Lines, Trouble>,
) -> Result<Settled, Trouble> {
    let target = look(client, namespace, rows).await?;
    let request = Request {
        wanted,
        overwrite: true,
        key: true,
    };
    let plan = plan(set, &target, request);
    let mut aside: BTreeMap<bool, Vec<String>> = BTreeMap::new();
    aside.insert(
        false,
        plan.set_aside
            .iter()
            .map(|aside| aside.workflow.clone())
            .collect(),
    );
    aside.insert(true, plan.schedules_set_aside.clone());
    let mut settled = Settled::default();
    if aside.values().any(|names| !names.is_empty()) {
        let mut lines = export()?;
        let mut uids = Vec::new();
        for (is_schedule, names) in aside {
            let kind = if is_schedule {
                schedules_kind()
            } else {
                workflows_kind()
            };
            uids.extend(write_down(client, namespace, &kind, &names, &mut lines).await?);
        }
        // Nothing is deleted before all of it is stored.
        lines.end().await?;
        for (kind, name, uid) in uids {
            delete(client, namespace, &kind, &name, uid).await?;
            settled.set_aside_count += 1;
            if settled.set_aside.len() < NAMED {
                settled.set_aside.push(format!("{} {name}", kind.kind));
            }
        }
    }
    let close: Vec<String> = plan
        .close
        .unwrap_or_default()
        .into_iter()
        .map(|run| run.run)
        .collect();
    rows.close_runs(&close, Timestamp::now().as_second(), why).await?;
    settled.runs_closed = close.len() as u64;
    settled.runs = close.into_iter().take(NAMED).collect();
    Ok(settled)
}

type Written = (ObjectKind, String, Option<String>);

async fn write_down(
    client: &Client,
    namespace: &str,
    kind: &ObjectKind,
    names: &[String],
    lines: &mut Lines,
) -> Result<Vec<Written>, Trouble> {
    let wanted = ObjectKind {
        names: names.to_vec(),
        ..kind.clone()
    };
    let mut written = Vec::new();
    if names.is_empty() {
        return Ok(written);
    }
    objects::each(client, namespace, &wanted, async |object| {
        lines.line(&object).await?;
        let text = |field: &str| object["metadata"][field].as_str().map(str::to_owned);
        written.push((kind.clone(), text("name").unwrap_or_default(), text("uid")));
        Ok(())
    })
    .await?;
    Ok(written)
}

async fn delete(
    client: &Client,
    namespace: &str,
    kind: &ObjectKind,
    name: &str,
    uid: Option<String>,
) -> Result<(), Trouble> {
    let params = DeleteParams {
        preconditions: uid.map(|uid| kube::api::Preconditions {
            uid: Some(uid),
            resource_version: None,
        }),
        ..DeleteParams::background()
    };
    let api = objects::api(client, namespace, kind);
    let what = format!("delete {} {name} in namespace {namespace}", kind.kind);
    match limited(what, api.delete(name, &params)).await {
        Ok(_) => Ok(()),
        // Gone, or another one of that name by now.
        Err(error) if matches!(error.status(), Some(404 | 409)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_workflow_says_which_run_it_carries_out() {
        let object = json!({"metadata": {
            "name": "w", "creationTimestamp": "2026-11-24T01:49:00Z",
            "labels": {RUN_ID: "r", SCHEDULE: "s", COMPLETED: "true"}
        }});
        let seen = seen_of(&object).unwrap();
        assert_eq!(
            (seen.run.as_deref(), seen.schedule.as_deref(), seen.finished),
            (Some("r"), Some("s"), true)
        );
        let other = json!({"metadata": {"name": "w", "creationTimestamp": "2026-11-24T01:49:00Z"}});
        let seen = seen_of(&other).unwrap();
        assert_eq!((seen.run, seen.schedule, seen.finished), (None, None, false));
        assert!(seen_of(&json!({})).is_none());
    }
}
