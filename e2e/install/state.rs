//! PROOF: an installation that stands is what was asked for: ready, reachable, within its rights, and told truly.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use kfp_api::installation::DatabaseEngine;
use kfp_api::status::SchemaState;
use kfp_e2e::images::full_name;
use kfp_e2e::lab::{OPERATOR_NAMESPACE, http};
use serde_json::Value;

use crate::lane::Lane;
use crate::stage::Stage;

/// Ready, every component, and what the status says of version, database and schema.
pub fn tells_truly_what_runs(stage: &Stage, lane: Lane) -> Result<()> {
    let installation = stage.installation(lane)?;
    let status = installation.status.context("no status")?;
    ensure!(
        status.observed_generation == installation.metadata.generation,
        "an older generation was looked at last"
    );
    for condition in &status.conditions {
        let wanted = match condition.type_.as_str() {
            // These two say that something is not as it should be.
            "Reconciling" | "Stalled" => "False",
            // The cluster's version is the tests' own choice, not the installation's.
            "KubernetesVersionTested" => continue,
            _ => "True",
        };
        ensure!(condition.status == wanted, "a condition is wrong: {condition:?}");
    }
    for kind in ["Ready", "DatabaseReady", "ObjectStoreReady", "ApiServerReady"] {
        let there = status.conditions.iter().any(|condition| condition.type_ == kind);
        ensure!(there, "there is no condition {kind}");
    }
    ensure!(
        status.version.as_deref() == Some(lane.release),
        "the running version is {:?}",
        status.version
    );
    let install = lane.install()?;
    let wanted = install.components.iter().filter(|component| component.enabled);
    let wanted: BTreeSet<&str> = wanted.map(|component| component.name.as_str()).collect();
    let seen: BTreeSet<&str> = status
        .components
        .iter()
        .map(|component| component.name.as_str())
        .collect();
    ensure!(seen == wanted, "the components are {seen:?}, not {wanted:?}");
    for component in &status.components {
        let ready = component.ready == component.desired && component.desired > 0;
        let of_release = component.version.as_deref() == Some(lane.release);
        ensure!(
            ready && of_release && component.message.is_empty(),
            "a component is not as it should be: {component:?}"
        );
    }
    let database = status.database.context("no word of the database")?;
    ensure!(
        database.engine == Some(lane.engine),
        "the engine is {:?}",
        database.engine
    );
    let version = database.server_version.unwrap_or_default();
    ensure!(
        version.contains("MariaDB") == (lane.engine == DatabaseEngine::MariaDB),
        "the database server is {version}"
    );
    let schema = database.schema.context("no word of the schema")?;
    ensure!(
        schema.state == SchemaState::Exact && schema.matches.iter().any(|release| release == lane.release),
        "the schema is {schema:?}"
    );
    Ok(())
}

/// The addresses of the status, asked from the host at the Services that they name.
pub fn answers_from_outside(stage: &Stage, lane: Lane) -> Result<()> {
    let endpoints = stage
        .installation(lane)?
        .status
        .and_then(|status| status.endpoints);
    let endpoints = endpoints.context("the status has no endpoints")?;
    let ui = endpoints.ui.context("no address of the user interface")?;
    let api = endpoints.api.context("no address of the API")?;
    for (endpoint, path) in [
        (&ui, "/"),
        (&api, "/apis/v1beta1/healthz"),
        (&api, "/apis/v2beta1/healthz"),
    ] {
        let url = from_outside(stage, lane, endpoint)? + path;
        let answer = http::get(&url)?;
        ensure!(
            answer.status == 200,
            "{endpoint}{path} answers {} {}",
            answer.status,
            answer.body
        );
    }
    Ok(())
}

/// An address inside the cluster as the host reaches it: names of Services are known inside only.
fn from_outside(stage: &Stage, lane: Lane, endpoint: &str) -> Result<String> {
    let host = endpoint
        .strip_prefix("http://")
        .with_context(|| format!("{endpoint} is no http address"))?;
    let (host, port) = host
        .split_once(':')
        .map_or((host, "80"), |(host, port)| (host, port));
    let mut labels = host.splitn(3, '.');
    let service = labels.next().unwrap_or_default();
    ensure!(
        labels.next() == Some(lane.namespace),
        "{endpoint} is not in the namespace {}",
        lane.namespace
    );
    let address = stage.lab()?.service_address(lane.namespace, service)?;
    Ok(format!("http://{address}:{}", port.trim_end_matches('/')))
}

/// Nothing restarted, nothing was refused by the API server, and every pod would pass the restricted level.
pub fn keeps_within_its_bounds(stage: &Stage, lane: Lane) -> Result<()> {
    let refusals = stage.refusals(lane)?;
    ensure!(
        refusals.is_empty(),
        "the API server refused what pods asked for: {refusals:#?}"
    );
    for namespace in [lane.namespace, OPERATOR_NAMESPACE] {
        nothing_restarted(stage, namespace)?;
        passes_restricted(stage, namespace)?;
    }
    Ok(())
}

/// A restart means a breach of a stand-in's contract or a probe that is too tight.
pub fn nothing_restarted(stage: &Stage, namespace: &str) -> Result<()> {
    let pods = stage
        .lab()?
        .kubectl(&["-n", namespace, "get", "pods", "-o", "json"])?;
    let pods: Value = serde_json::from_str(&pods)?;
    for pod in list(&pods["items"]) {
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        for container in list(&pod["status"]["containerStatuses"]) {
            if container["restartCount"] == 0 {
                continue;
            }
            let container_name = container["name"].as_str().unwrap_or_default();
            let earlier = stage.lab()?.kubectl(&[
                "-n",
                namespace,
                "logs",
                name,
                "-c",
                container_name,
                "--previous",
                "--tail=20",
            ]);
            bail!(
                "{name} was restarted {} times, last ended as {}; its log ended with\n{}",
                container["restartCount"],
                container["lastState"],
                earlier.unwrap_or_else(|error| format!("{error:#}"))
            );
        }
    }
    Ok(())
}

/// Asks the API server which pods would break the restricted level; nothing is changed.
fn passes_restricted(stage: &Stage, namespace: &str) -> Result<()> {
    let mut command = stage.lab()?.cluster.kubectl()?;
    command.args(["label", "--dry-run=server", "--overwrite", "namespace", namespace]);
    command.arg("pod-security.kubernetes.io/enforce=restricted");
    let output = command.output()?;
    let warnings = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success() && warnings.trim().is_empty(),
        "pods of {namespace} break the restricted level: {warnings}"
    );
    Ok(())
}

/// Each container runs the very image that was made for its name.
pub fn runs_the_images_that_were_made(stage: &Stage, lane: Lane) -> Result<()> {
    let lab = stage.lab()?;
    let pods = stage.operands(lane)?;
    let mut seen = 0;
    for pod in &pods {
        let statuses = list(&pod["status"]["containerStatuses"]);
        for (container, status) in list(&pod["spec"]["containers"]).zip(statuses) {
            let name = full_name(container["image"].as_str().unwrap_or_default())?;
            let made = lab.images.iter().find(|image| image.name == name);
            let made = made.with_context(|| format!("nobody made the image {name}"))?;
            let running = status["imageID"].as_str().unwrap_or_default();
            ensure!(
                running.ends_with(&made.id),
                "{name} runs as {running}, but {} was made ({})",
                made.id,
                made.actual
            );
            seen += 1;
        }
    }
    ensure!(seen > 0, "no container of the installation runs");
    Ok(())
}

/// The API server is the program of the folder, over a Debian root, started as the image would.
pub fn runs_the_api_server_that_was_brought_along(stage: &Stage, lane: Lane) -> Result<()> {
    runs_the_images_that_were_made(stage, lane)?;
    let wanted = &lane.install()?.images["api-server"];
    let made = stage.lab()?.images.iter().find(|image| image.name == *wanted);
    let made = made.with_context(|| format!("nobody made {wanted}"))?;
    ensure!(made.actual.ends_with("brought along"), "it is {}", made.actual);
    let system = stage.kubectl(
        lane,
        &[
            "exec",
            "deployment/ml-pipeline",
            "--",
            "cat",
            "/etc/debian_version",
        ],
    )?;
    ensure!(!system.trim().is_empty(), "it has no Debian around it");
    if stage.brought()?.is_own(lane.release) {
        let log = stage.kubectl(lane, &["logs", "deployment/ml-pipeline"])?;
        let voice = format!("kfp-standin (apiserver {}, NOT the real one)", lane.release);
        ensure!(
            log.contains(&voice),
            "its log does not say whom it stands for:\n{log}"
        );
    }
    Ok(())
}

/// Items of a list; none where there is no list.
pub fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
