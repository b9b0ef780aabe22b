//! PEOPLE: which runs were under way at the moment that a set holds, asked of KFP's own API server by way of Kubernetes'. It may
//! be stopped, broken or out of reach for whoever asks: then it is not known, and nothing is guessed.

use std::time::Duration;

use http::Request;
use jiff::Timestamp;
use kfp_api::KfpInstallation;
use kfp_backup::restore_plan::RunSeen;
use kube::Client;
use serde::Deserialize;

/// Longest wait for a page. The server reads whole manifests for it (kubeflow/pipelines 2.16.1,
/// `backend/src/apiserver/storage/run_store.go`), so pages are small.
const PATIENCE: Duration = Duration::from_secs(10);
/// Runs of a page.
const PAGE: u32 = 50;
/// Pages that are read, newest runs first. Whoever has been under way for more runs than these is not found.
const PAGES: u32 = 40;

/// A page of runs, as the server writes it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Page {
    runs: Vec<Run>,
    next_page_token: String,
}

/// A run, as the server writes it; of a run that goes on `finished_at` is 1970.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Run {
    #[serde(rename = "run_id")]
    id: String,
    #[serde(rename = "display_name")]
    name: String,
    state: String,
    created_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
}

/// The runs whose rows said at `moment` that they go on. None where the server cannot be asked.
pub async fn unfinished_at(
    client: &Client,
    installation: &KfpInstallation,
    moment: Timestamp,
) -> Option<Vec<RunSeen>> {
    let service = service(installation)?;
    let namespace = installation.metadata.namespace.as_deref()?;
    let mut found = Vec::new();
    let mut token = String::new();
    for _ in 0..PAGES {
        let path = format!(
            "/api/v1/namespaces/{namespace}/services/{service}/proxy/apis/v2beta1/runs?page_size={PAGE}&sort_by=created_at%20desc&page_token={token}"
        );
        let request = Request::get(path).body(Vec::new()).ok()?;
        let page = tokio::time::timeout(PATIENCE, client.request::<Page>(request)).await;
        let page = page.ok()?.ok()?;
        found.extend(page.runs.into_iter().filter_map(|run| run.unfinished_at(moment)));
        if page.next_page_token.is_empty() {
            return Some(found);
        }
        // A token is base64 with the letters of URLs, or is written so.
        token = page
            .next_page_token
            .replace('+', "%2B")
            .replace('/', "%2F")
            .replace('=', "%3D");
    }
    Some(found)
}

/// `NAME:PORT` of the API server's Service.
fn service(installation: &KfpInstallation) -> Option<String> {
    let endpoints = installation.status.as_ref()?.endpoints.as_ref()?;
    let host = endpoints.api.as_deref()?.strip_prefix("http://")?;
    let (host, port) = host.trim_end_matches('/').split_once(':')?;
    Some(format!("{}:{port}", host.split('.').next()?))
}

impl Run {
    fn unfinished_at(self, moment: Timestamp) -> Option<RunSeen> {
        let begun = self.created_at? <= moment;
        let ended = self
            .finished_at
            .is_some_and(|end| end > Timestamp::UNIX_EPOCH && end <= moment);
        (begun && !ended).then_some(RunSeen {
            id: self.id,
            name: self.name,
            state: self.state,
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::goes_on("2026-11-24T01:00:00Z", "1970-01-01T00:00:00Z", true)]
    #[case::ended_since("2026-11-24T01:00:00Z", "2026-11-24T05:00:00Z", true)]
    #[case::had_ended("2026-11-24T01:00:00Z", "2026-11-24T01:30:00Z", false)]
    #[case::began_later("2026-11-24T03:00:00Z", "1970-01-01T00:00:00Z", false)]
    fn a_row_of_that_moment_says_that_its_run_goes_on(
        #[case] created: &str,
        #[case] finished: &str,
        #[case] found: bool,
    ) {
        let page: Page = serde_json::from_str(&format!(
            r#"{{"runs": [{{"run_id": "5f1c", "display_name": "train", "state": "SUCCEEDED", "created_at": "{created}",
                 "finished_at": "{finished}", "storage_state": "AVAILABLE"}}], "total_size": 1, "next_page_token": ""}}"#
        ))
        .unwrap();
        let run = page.runs.into_iter().next().unwrap();
        assert_eq!(
            run.unfinished_at("2026-11-24T02:00:00Z".parse().unwrap())
                .is_some(),
            found
        );
    }

    #[test]
    fn the_service_is_read_from_the_address() {
        let installation = |api: &str| -> KfpInstallation {
            serde_saphyr::from_str(&format!(
                "{{apiVersion: kfpops.dev/v1alpha1, kind: KfpInstallation, metadata: {{name: kfp, namespace: team}}, spec: {{version: 2.16.1}}, \
                 status: {{endpoints: {{api: '{api}'}}}}}}"
            ))
            .unwrap()
        };
        let found = service(&installation("http://ml-pipeline.team.svc:8888"));
        assert_eq!(found.as_deref(), Some("ml-pipeline:8888"));
        assert_eq!(service(&installation("nonsense")), None);
    }
}
