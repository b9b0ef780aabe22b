//! LOOP: the program of a Job: reads an order, has the engine carry it out, and tells how far it is and how it ended in the
//! ConfigMap that the order names. Decides nothing; no secret leaves the order.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kfp_backup::layout::Attempt;
use kfp_backup::order::{Order, Tell};
use kfp_backup::progress::{
    ATTEMPT_KEY, Done, EXIT_LASTING, Outcome, PROGRESS_KEY, Phase, Progress, REPORT_KEY, Report,
};
use kfp_engine::backup::{self, Meter, PATIENCE, Surroundings, Trouble};
use kfp_engine::cluster::limited;
use kfp_releases::schema::SchemaCatalog;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::settings::JobSettings;

/// Pause between two tellings of progress.
const TELL_EVERY: Duration = Duration::from_secs(2);
/// Tries to write the report, with a pause of two seconds between: the API server of a small cluster restarts in half a minute,
/// and a pod that was told to stop has not much longer.
const REPORT_TRIES: u32 = 5;
/// Who writes into the ConfigMap.
const MANAGER: &str = "kfp-operator/job";

/// Carries out the order of the settings.
pub async fn run(settings: &JobSettings) -> anyhow::Result<ExitCode> {
    let order = read(&settings.order)?;
    let stop = CancellationToken::new();
    crate::stop_on_signals(&stop)?;
    let client = Client::try_default().await.context(
        "cannot find a Kubernetes API server; run in a pod with a service account, or set KUBECONFIG",
    )?;
    let random = getrandom::u64().context("the system gives no random bytes")?;
    let meter = Arc::new(Meter::new(Attempt::of(random), Timestamp::now()));
    let surroundings = Surroundings {
        client: Some(client.clone()),
        schemas: Arc::new(SchemaCatalog::load().context("the schema catalog of this build is broken")?),
        stop,
        patience: PATIENCE,
    };
    let teller = Teller::new(&client, &order.tell);
    tracing::info!(attempt = meter.attempt().as_str(), work = work(&order), "began");
    let done = tokio::select! {
        done = backup::run(&order, &surroundings, &meter) => done,
        () = teller.keep_telling(&meter) => bail!("telling progress ended by itself"),
    };
    let report = report(done, &meter, Timestamp::now());
    match report.outcome {
        Outcome::Succeeded => tracing::info!(reason = report.reason, "{}", report.message),
        Outcome::Failed | Outcome::Stopped => {
            tracing::error!(reason = report.reason, retry = report.retry, "{}", report.message);
        }
    }
    teller.report(&meter.read(Timestamp::now()), &report).await?;
    Ok(match (report.outcome, report.retry) {
        (Outcome::Succeeded, _) => ExitCode::SUCCESS,
        (_, true) => ExitCode::FAILURE,
        (_, false) => ExitCode::from(EXIT_LASTING),
    })
}

/// The order of a file. What the reader says of it could repeat a secret, so only the place is told.
fn read(path: &Path) -> anyhow::Result<Order> {
    let text = std::fs::read(path).with_context(|| format!("cannot read the order {}", path.display()))?;
    let mut reader = serde_json::Deserializer::from_slice(&text);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        anyhow::anyhow!(
            "the order {} is not one that this kfp-operator understands: field {}, line {}",
            path.display(),
            error.path(),
            error.inner().line()
        )
    })
}

fn work(order: &Order) -> &'static str {
    use kfp_backup::order::Task;
    match &order.task {
        Task::Take(_) => "take",
        Task::Verify(_) => "verify",
        Task::Restore(_) => "restore",
        Task::Remove(_) => "remove",
    }
}

fn report(done: Result<Done, Trouble>, meter: &Meter, now: Timestamp) -> Report {
    let (outcome, reason, message, retry, done) = match done {
        Ok(done) => (Outcome::Succeeded, "Succeeded", said(&done), false, Some(done)),
        Err(trouble) => {
            let stopped = matches!(trouble.reason, "Stopped" | "TimeLimit");
            let outcome = if stopped {
                Outcome::Stopped
            } else {
                Outcome::Failed
            };
            (outcome, trouble.reason, trouble.message, trouble.retry, None)
        }
    };
    Report {
        attempt: meter.attempt().clone(),
        outcome,
        reason: reason.to_owned(),
        message,
        retry,
        started: meter.started(),
        finished: now,
        done,
    }
}

/// What was done, in a sentence.
fn said(done: &Done) -> String {
    match done {
        Done::Took(taken) => format!(
            "took set {}: {} rows of {} tables, {} objects, {} pipeline specs, {} bytes stored",
            taken.set, taken.rows, taken.tables, taken.objects, taken.specs, taken.stored_bytes
        ),
        Done::Verified(verified) => format!(
            "set {} is what its manifest says: {}",
            verified.set,
            verified.checks.join("; ")
        ),
        Done::Restored(restored) => format!(
            "put back {} rows of {} tables, {} objects, {} pipeline specs; closed {} runs, set aside {} objects",
            restored.rows,
            restored.tables,
            restored.objects,
            restored.specs,
            restored.runs_closed,
            restored.workflows_set_aside
        ),
        Done::Removed(removed) => format!("removed {} files with {} bytes", removed.files, removed.bytes),
    }
}

/// Writes into the Job's ConfigMap.
struct Teller {
    api: Api<ConfigMap>,
    name: String,
}

impl Teller {
    fn new(client: &Client, tell: &Tell) -> Self {
        Self {
            api: Api::namespaced(client.clone(), &tell.namespace),
            name: tell.name.clone(),
        }
    }

    /// Tells progress now and then, for ever. The first telling takes away the report of an earlier attempt.
    async fn keep_telling(&self, meter: &Meter) {
        let mut first = true;
        loop {
            let progress = meter.read(Timestamp::now());
            let mut data = json!({ PROGRESS_KEY: text(&progress) });
            if first {
                data[REPORT_KEY] = Value::Null;
                data[format!("{ATTEMPT_KEY}{}", meter.attempt())] = json!(meter.started().to_string());
            }
            // Progress is for people who wait. When it cannot be told, the work goes on.
            match self.write(data).await {
                Ok(()) => first = false,
                Err(error) => tracing::warn!(error = %error, "progress could not be told"),
            }
            tokio::time::sleep(TELL_EVERY).await;
        }
    }

    async fn report(&self, progress: &Progress, report: &Report) -> anyhow::Result<()> {
        let progress = Progress {
            phase: if report.outcome == Outcome::Succeeded {
                Phase::Finished
            } else {
                progress.phase
            },
            ..progress.clone()
        };
        let mut tries = 1;
        loop {
            let data = json!({ PROGRESS_KEY: text(&progress), REPORT_KEY: text(report) });
            match self.write(data).await {
                Ok(()) => return Ok(()),
                Err(error) if tries >= REPORT_TRIES => {
                    return Err(error).context("the work is over and its report could not be written");
                }
                Err(error) => tracing::warn!(error = %error, "the report could not be written; trying again"),
            }
            tries += 1;
            tokio::time::sleep(TELL_EVERY).await;
        }
    }

    async fn write(&self, data: Value) -> Result<(), kfp_engine::Error> {
        let params = PatchParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let patch = Patch::Merge(json!({ "data": data }));
        let what = format!("write ConfigMap {}", self.name);
        limited(what, self.api.patch(&self.name, &params, &patch))
            .await
            .map(drop)
    }
}

fn text(value: &impl serde::Serialize) -> String {
    // These types are made of texts and numbers, which JSON can always hold.
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_that_is_none_is_told_by_its_place_and_not_by_what_it_holds() {
        let folder = std::env::temp_dir().join(format!("kfp-order-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("order.json");
        let order = r#"{"tell": {"namespace": "n", "name": "j"}, "timeLimitSeconds": "hunter2",
                        "task": {"do": "remove"}}"#;
        std::fs::write(&path, order).unwrap();
        let error = read(&path).unwrap_err().to_string();
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(
            error.contains("timeLimitSeconds") && !error.contains("hunter2"),
            "{error}"
        );
    }

    #[test]
    fn a_failure_has_its_reason_in_the_report_and_an_end_in_time_is_no_failure() {
        let meter = Meter::new(Attempt::of(7), Timestamp::UNIX_EPOCH);
        let failed = report(
            Err(Trouble::lasting("DestinationDenied", "why")),
            &meter,
            Timestamp::UNIX_EPOCH,
        );
        assert_eq!(
            (failed.outcome, failed.reason.as_str(), failed.retry),
            (Outcome::Failed, "DestinationDenied", false)
        );
        let stopped = report(Err(Trouble::stopped()), &meter, Timestamp::UNIX_EPOCH);
        assert_eq!((stopped.outcome, stopped.retry), (Outcome::Stopped, true));
        let parsed: Report = serde_json::from_str(&text(&stopped)).unwrap();
        assert_eq!(parsed, stopped);
    }
}
