//! EYES: why a workload's pods are not ready, in words for a person. Reads pods, conditions and events; changes nothing.

use k8s_openapi::api::core::v1::{ContainerStatus, Event, Pod};
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::ListParams;
use serde_json::Value;

use crate::cluster::{Cluster, limited};
use crate::error::Error;

/// At most so many causes are reported for one workload; more would not be read.
const MOST: usize = 5;
/// A container's last words are cut to this many characters.
const LAST_WORDS: usize = 300;
/// Waiting reasons that pass by themselves and say nothing.
const ORDINARY: [&str; 2] = ["ContainerCreating", "PodInitializing"];
/// Event reasons that explain a pod that does not start. They stand in no status.
const TELLING: [&str; 5] = [
    "FailedMount",
    "FailedAttachVolume",
    "FailedCreatePodSandBox",
    "FailedCreate",
    "FailedScheduling",
];

/// Why the pods of this live workload are not ready, newest first; empty when nothing is known to be wrong.
pub async fn look(cluster: &Cluster, namespace: &str, workload: &Value) -> Result<Vec<String>, Error> {
    let mut causes = of_conditions(workload);
    let Some(selector) = selector(workload) else {
        return Ok(causes);
    };
    let name = text(workload, "/metadata/name");
    let pods: Api<Pod> = Api::namespaced(cluster.client().clone(), namespace);
    let what = format!("list the pods of {name} in namespace {namespace}");
    let mut pods = limited(what, pods.list(&ListParams::default().labels(&selector)))
        .await?
        .items;
    pods.sort_by_key(|pod| std::cmp::Reverse(pod.metadata.creation_timestamp.as_ref().map(|time| time.0)));
    causes.extend(pods.iter().flat_map(of_pod));
    if causes.is_empty() {
        let mut objects: Vec<String> = pods.into_iter().filter_map(|pod| pod.metadata.name).collect();
        objects.push(name.to_owned());
        causes = of_events(cluster, namespace, &objects).await?;
    }
    causes.dedup();
    causes.truncate(MOST);
    Ok(causes)
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// `spec.selector.matchLabels` as a label selector.
fn selector(workload: &Value) -> Option<String> {
    let labels = workload.pointer("/spec/selector/matchLabels")?.as_object()?;
    let pairs = labels
        .iter()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()));
    Some(pairs.collect::<Vec<_>>().join(","))
}

/// What a Deployment's own conditions say: pods that could not be made at all (quota, Pod Security, service account).
fn of_conditions(workload: &Value) -> Vec<String> {
    let conditions = workload.pointer("/status/conditions").and_then(Value::as_array);
    let failed = |condition: &&Value| {
        text(condition, "/type") == "ReplicaFailure" && text(condition, "/status") == "True"
    };
    conditions
        .into_iter()
        .flatten()
        .filter(failed)
        .map(|condition| format!("{}: {}", text(condition, "/reason"), text(condition, "/message")))
        .collect()
}

fn of_pod(pod: &Pod) -> Vec<String> {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let Some(status) = &pod.status else {
        return Vec::new();
    };
    let mut causes = Vec::new();
    let unscheduled = status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False");
    if let Some(condition) = unscheduled {
        let reason = condition.reason.as_deref().unwrap_or("Unschedulable");
        causes.push(format!(
            "pod {name}: {reason}: {}",
            condition.message.as_deref().unwrap_or_default()
        ));
    }
    if status.phase.as_deref() == Some("Failed") {
        let reason = status.reason.as_deref().unwrap_or("Failed");
        causes.push(format!(
            "pod {name}: {reason}: {}",
            status.message.as_deref().unwrap_or_default()
        ));
    }
    let containers = status
        .init_container_statuses
        .iter()
        .chain(&status.container_statuses)
        .flatten();
    causes.extend(
        containers
            .filter_map(of_container)
            .map(|cause| format!("pod {name}: {cause}")),
    );
    causes
}

fn of_container(status: &ContainerStatus) -> Option<String> {
    let state = status.state.as_ref()?;
    let waiting = state
        .waiting
        .as_ref()
        .filter(|waiting| !ORDINARY.contains(&waiting.reason.as_deref().unwrap_or(ORDINARY[0])));
    let ended = state
        .terminated
        .as_ref()
        .or_else(|| status.last_state.as_ref()?.terminated.as_ref())
        .filter(|ended| ended.exit_code != 0);
    let mut words = Vec::new();
    if let Some(waiting) = waiting {
        words.push(waiting.reason.clone().unwrap_or_default());
        // The message of a back-off only repeats how long it waits.
        if let Some(message) = waiting.message.as_ref().filter(|_| ended.is_none()) {
            words.push(message.trim().to_owned());
        }
    }
    if let Some(ended) = ended.filter(|_| !status.ready) {
        let reason = ended.reason.as_deref().filter(|reason| *reason != "Error");
        let reason = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
        words.push(format!("ended with exit code {}{reason}", ended.exit_code));
        words.extend(
            ended
                .message
                .as_deref()
                .map(last_words)
                .filter(|text| !text.is_empty()),
        );
    }
    (!words.is_empty()).then(|| format!("container {}: {}", status.name, words.join(": ")))
}

/// The end of a termination message, on one line.
fn last_words(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let count = line.chars().count();
    if count <= LAST_WORDS {
        return line;
    }
    let tail: String = line.chars().skip(count - LAST_WORDS).collect();
    format!("… {tail}")
}

/// Warnings about these objects, newest first. Kubernetes keeps events for an hour, so old ones may be over.
async fn of_events(cluster: &Cluster, namespace: &str, objects: &[String]) -> Result<Vec<String>, Error> {
    let events: Api<Event> = Api::namespaced(cluster.client().clone(), namespace);
    let what = format!("list the warnings in namespace {namespace}");
    let params = ListParams::default().fields("type=Warning");
    let mut events = limited(what, events.list(&params)).await?.items;
    events.retain(|event| {
        let about = event.involved_object.name.as_ref();
        TELLING.contains(&event.reason.as_deref().unwrap_or_default())
            && about.is_some_and(|about| objects.contains(about))
    });
    events.sort_by_key(|event| std::cmp::Reverse(newest(event)));
    let words = |event: &Event| {
        let about = &event.involved_object;
        let kind = about.kind.as_deref().unwrap_or_default().to_lowercase();
        let reason = event.reason.as_deref().unwrap_or_default();
        let message = last_words(event.message.as_deref().unwrap_or_default());
        format!(
            "{kind} {}: {reason}: {message}",
            about.name.as_deref().unwrap_or_default()
        )
    };
    Ok(events.iter().take(1).map(words).collect())
}

fn newest(event: &Event) -> Option<Timestamp> {
    let series = event
        .series
        .as_ref()
        .and_then(|series| series.last_observed_time.as_ref())
        .map(|time| time.0);
    let last = event.last_timestamp.as_ref().map(|time| time.0);
    let once = event.event_time.as_ref().map(|time| time.0);
    series.max(last).max(once)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn pod(status: &Value) -> Pod {
        serde_json::from_value(json!({"metadata": {"name": "ml-pipeline-0"}, "status": status})).unwrap()
    }

    #[rstest]
    #[case::an_image_that_cannot_be_pulled(
        json!({"containerStatuses": [{"name": "main", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}]}),
        "pod ml-pipeline-0: container main: ImagePullBackOff: no such image")]
    #[case::a_crash_with_last_words(
        json!({"containerStatuses": [{"name": "main", "image": "", "imageID": "", "ready": false, "restartCount": 3,
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
            "lastState": {"terminated": {"exitCode": 2, "reason": "Error", "message": "no\nDBCONFIG_USER\n"}}}]}),
        "pod ml-pipeline-0: container main: CrashLoopBackOff: ended with exit code 2: no DBCONFIG_USER")]
    #[case::out_of_memory(
        json!({"containerStatuses": [{"name": "main", "image": "", "imageID": "", "ready": false, "restartCount": 3,
            "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}]}),
        "pod ml-pipeline-0: container main: ended with exit code 137 (OOMKilled)")]
    #[case::no_node_fits(
        json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/1 nodes are available: insufficient cpu"}]}),
        "pod ml-pipeline-0: Unschedulable: 0/1 nodes are available: insufficient cpu")]
    #[case::an_init_container(
        json!({"initContainerStatuses": [{"name": "init", "image": "", "imageID": "", "ready": false,
            "restartCount": 0, "state": {"waiting": {"reason": "CreateContainerConfigError",
            "message": "secret \"x\" not found"}}}]}),
        "pod ml-pipeline-0: container init: CreateContainerConfigError: secret \"x\" not found")]
    fn a_pods_trouble_is_told_in_one_line(#[case] status: Value, #[case] told: &str) {
        assert_eq!(of_pod(&pod(&status)), vec![told.to_owned()]);
    }

    #[rstest]
    #[case::being_made(json!({"containerStatuses": [{"name": "main", "image": "", "imageID": "", "ready": false,
        "restartCount": 0, "state": {"waiting": {"reason": "ContainerCreating"}}}]}))]
    #[case::ready_again_after_a_crash(json!({"containerStatuses": [{"name": "main", "image": "", "imageID": "",
        "ready": true, "restartCount": 1, "state": {"running": {}},
        "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}}]}))]
    #[case::finished_well(json!({"containerStatuses": [{"name": "main", "image": "", "imageID": "", "ready": false,
        "restartCount": 0, "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}]}))]
    fn ordinary_states_are_no_trouble(#[case] status: Value) {
        assert_eq!(of_pod(&pod(&status)), Vec::<String>::new());
    }

    #[test]
    fn pods_that_cannot_be_made_are_told_by_the_deployment() {
        let deployment = json!({"status": {"conditions": [
            {"type": "Available", "status": "False", "reason": "x", "message": "y"},
            {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "violates PodSecurity"},
        ]}});
        assert_eq!(
            of_conditions(&deployment),
            vec!["FailedCreate: violates PodSecurity".to_owned()]
        );
    }

    #[test]
    fn long_last_words_keep_their_end() {
        let told = last_words(&format!("{} the end", "x ".repeat(1000)));
        assert!(
            told.starts_with("… ") && told.ends_with("the end") && told.chars().count() <= LAST_WORDS + 2
        );
    }
}
