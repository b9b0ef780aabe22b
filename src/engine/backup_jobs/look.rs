//! EYES: the Jobs for one installation, and what their programs told. Changes nothing.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::{Job, JobStatus};
use k8s_openapi::api::core::v1::ConfigMap;
use kfp_api::names::{INSTALLATION_LABEL, JOB_FOR_LABEL, JOB_NAMESPACE_LABEL, JOB_WORK_LABEL};
use kfp_backup::progress::{ATTEMPT_KEY, PROGRESS_KEY, REPORT_KEY};
use kfp_plan::backups::{JobSeen, JobState};
use kube::Api;
use kube::api::ListParams;
use serde::de::DeserializeOwned;

use super::BackupJobs;
use super::shape::{CLOSED_ANNOTATION, PURPOSE_ANNOTATION};
use crate::cluster::limited;
use crate::error::Error;
use crate::observe::trouble;

impl BackupJobs {
    /// Every Job for this installation, by name, those of its restores too.
    pub async fn look(
        &self,
        namespace: &str,
        installation: &str,
    ) -> Result<BTreeMap<String, JobSeen>, Error> {
        let labels = format!("{INSTALLATION_LABEL}={installation},{JOB_NAMESPACE_LABEL}={namespace}");
        let params = ListParams::default().labels(&labels);
        let own = self.namespace();
        let maps: Api<ConfigMap> = Api::namespaced(self.engine.cluster().client().clone(), own);
        let jobs = self.jobs();
        let (jobs, maps) = tokio::join!(
            limited(format!("list Jobs in namespace {own}"), jobs.list(&params)),
            limited(format!("list ConfigMaps in namespace {own}"), maps.list(&params)),
        );
        let maps: BTreeMap<String, ConfigMap> = maps?
            .items
            .into_iter()
            .filter_map(|map| Some((map.metadata.name.clone()?, map)))
            .collect();
        let mut found = BTreeMap::new();
        for job in jobs?.items {
            let Some(name) = job.metadata.name.clone() else {
                continue;
            };
            let mut seen = seen(&job, maps.get(&name));
            if seen.active() && seen.progress.is_none() {
                seen.trouble = self.trouble(&job).await;
            }
            found.insert(name, seen);
        }
        Ok(found)
    }

    /// Why a Job's pod does not run.
    async fn trouble(&self, job: &Job) -> String {
        let Ok(job) = serde_json::to_value(job) else {
            return String::new();
        };
        match trouble::look(self.engine.cluster(), self.namespace(), &job).await {
            Ok(causes) => causes.join("; "),
            Err(error) => error.to_string(),
        }
    }
}

fn seen(job: &Job, told: Option<&ConfigMap>) -> JobSeen {
    let label = |key: &str| {
        let labels = job.metadata.labels.as_ref();
        labels
            .and_then(|labels| labels.get(key))
            .cloned()
            .unwrap_or_default()
    };
    let annotation = |key: &str| {
        let annotations = job.metadata.annotations.as_ref();
        annotations
            .and_then(|annotations| annotations.get(key))
            .cloned()
            .unwrap_or_default()
    };
    let status = job.status.clone().unwrap_or_default();
    let asleep = job
        .spec
        .as_ref()
        .and_then(|spec| spec.suspend)
        .unwrap_or_default();
    JobSeen {
        work: label(JOB_WORK_LABEL),
        purpose: annotation(PURPOSE_ANNOTATION),
        uid: label(JOB_FOR_LABEL),
        state: state(&status),
        asleep,
        going: job.metadata.deletion_timestamp.is_some(),
        closed: annotation(CLOSED_ANNOTATION) == "true",
        created: job
            .metadata
            .creation_timestamp
            .as_ref()
            .map(|time| time.0)
            .unwrap_or_default(),
        starts: starts(&status, told),
        progress: told.and_then(|map| parsed(map, PROGRESS_KEY)),
        report: told.and_then(|map| parsed(map, REPORT_KEY)),
        trouble: String::new(),
    }
}

/// How often the program was started. Kubernetes does not count pods that were evicted; the program tells of each start itself.
fn starts(status: &JobStatus, told: Option<&ConfigMap>) -> i32 {
    let counted: i32 = [status.active, status.failed, status.succeeded]
        .into_iter()
        .flatten()
        .sum();
    let keys = told.and_then(|map| map.data.as_ref()).into_iter().flatten();
    let own = keys.filter(|(key, _)| key.starts_with(ATTEMPT_KEY)).count();
    counted.max(i32::try_from(own).unwrap_or(i32::MAX))
}

fn state(status: &JobStatus) -> JobState {
    let holds = |kind: &str| {
        let conditions = status.conditions.iter().flatten();
        conditions
            .into_iter()
            .find(|condition| condition.type_ == kind && condition.status == "True")
    };
    if holds("Complete").is_some() {
        return JobState::Succeeded;
    }
    match holds("Failed") {
        Some(condition) => JobState::Failed {
            reason: condition.reason.clone().unwrap_or_default(),
            message: condition.message.clone().unwrap_or_default(),
        },
        None => JobState::Active,
    }
}

/// What stands under a key. What cannot be read was not told: the program writes the whole again within seconds.
fn parsed<T: DeserializeOwned>(map: &ConfigMap, key: &str) -> Option<T> {
    serde_json::from_str(map.data.as_ref()?.get(key)?).ok()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case::made(json!({}), JobState::Active)]
    #[case::running(json!({"active": 1}), JobState::Active)]
    #[case::about_to_fail(json!({"conditions": [{"type": "FailureTarget", "status": "True"}]}), JobState::Active)]
    #[case::done(json!({"succeeded": 1, "conditions": [{"type": "SuccessCriteriaMet", "status": "True"}, {"type": "Complete", "status": "True"}]}), JobState::Succeeded)]
    #[case::late(
        json!({"conditions": [{"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "was active"}]}),
        JobState::Failed { reason: "DeadlineExceeded".into(), message: "was active".into() }
    )]
    fn a_job_ended_when_kubernetes_says_so(#[case] status: serde_json::Value, #[case] wanted: JobState) {
        assert_eq!(state(&serde_json::from_value(status).unwrap()), wanted);
    }

    #[test]
    fn what_a_job_tells_is_read_and_what_cannot_be_read_was_not_told() {
        let job: Job = serde_json::from_value(json!({
            "metadata": {
                "name": "kfp-take-u", "creationTimestamp": "2026-11-24T01:49:00Z",
                "labels": {"kfpops.dev/work": "take", "kfpops.dev/for": "u"},
                "annotations": {"kfpops.dev/purpose": "KfpBackup nightly"},
            },
            "spec": {"suspend": true, "template": {}},
            "status": {"active": 1, "failed": 2},
        }))
        .unwrap();
        let map: ConfigMap = serde_json::from_value(json!({"data": {
            "progress": r#"{"attempt": "x7k2ma", "phase": "Databases", "started": "2026-11-24T01:49:01Z",
                "updated": "2026-11-24T01:49:03Z", "bytes": 7, "rows": 1, "bytesPerSecond": 3}"#,
            "report": "{",
        }}))
        .unwrap();
        let seen = seen(&job, Some(&map));
        assert_eq!(
            (seen.work.as_str(), seen.uid.as_str(), seen.purpose.as_str()),
            ("take", "u", "KfpBackup nightly")
        );
        assert_eq!((seen.starts, seen.asleep, seen.closed), (3, true, false));
        assert_eq!(seen.progress.map(|progress| progress.bytes), Some(7));
        assert_eq!(seen.report, None);
    }
}
