//! PROOF (real API server): from one manifest to Ready, with a real database and object store behind the pods.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kfp_api::installation::DatabaseEngine;
use kfp_api::status::SchemaState;
use kfp_releases::Catalog;
use kfp_tests::Site;
use kfp_tests::hand::Plays;
use kfp_tests::operator::{Operator, Settings};
use kfp_tests::world::eventually;
use kube::api::ListParams;
use serde_json::{Value, json};

use super::Case;

/// The installation that most cases ask for.
pub fn spec(version: &str) -> Value {
    json!({"version": version, "database": {"type": "Embedded", "embedded": {"engine": "MariaDB"}}})
}

/// Ready and told so, and every part of the status with it.
pub fn cases() -> Vec<Case> {
    let releases = [
        ("install-2-5-0", "2.5.0"),
        ("install-2-16-1", "2.16.1"),
        ("install-2-17-0", "2.17.0"),
    ];
    let mut cases: Vec<Case> = releases
        .map(|(place, version)| {
            let name = format!("one manifest of {version} becomes ready, and its status and events say so");
            Case::at(place, name, move |site| becomes_ready(site, version))
        })
        .into();
    cases.extend([
        Case::at(
            "install-order",
            "a workload is made only after what it waits for is ready",
            ordered,
        ),
        Case::at(
            "install-gate",
            "KFP's API server is not made before the database is ready",
            gated,
        ),
        Case::at(
            "install-probe",
            "ready pods without a server behind them are not taken for a database",
            probed,
        ),
        Case::at(
            "install-all",
            "an operator of all namespaces looks after those that its selector names",
            selected,
        ),
    ]);
    cases
}

async fn becomes_ready(site: Arc<Site>, version: &str) -> Result<()> {
    let _operator = site.operator().await?;
    let _hand = site.hand(Plays::servers());
    site.apply(spec(version)).await?;
    site.await_condition("Ready", "True", "AllReady").await?;

    let installation = site.installation().await?;
    let status = installation.status.context("no status")?;
    ensure!(status.version.as_deref() == Some(version), "{:?}", status.version);
    ensure!(
        status.observed_generation == installation.metadata.generation,
        "{:?}",
        status.observed_generation
    );
    for component in &status.components {
        let healthy = component.ready == component.desired && component.desired > 0;
        ensure!(
            healthy && component.version.as_deref() == Some(version),
            "{component:?}"
        );
    }
    ensure!(status.components.len() > 8, "{:?}", status.components);
    let database = status.database.context("no database in the status")?;
    ensure!(database.engine == Some(DatabaseEngine::MariaDB), "{database:?}");
    ensure!(
        database
            .server_version
            .as_deref()
            .is_some_and(|text| text.contains("MariaDB")),
        "{database:?}"
    );
    let schema = database.schema.context("no schema in the status")?;
    let known = matches!(schema.state, SchemaState::Exact | SchemaState::Tolerated);
    ensure!(
        known && schema.matches.iter().any(|release| release == version),
        "{schema:?}"
    );
    let ui = status.endpoints.and_then(|endpoints| endpoints.ui);
    ensure!(
        ui.as_deref() == Some(&format!("http://ml-pipeline-ui.{}.svc:80", site.name)),
        "{ui:?}"
    );
    for kind in [
        "DatabaseReady",
        "ObjectStoreReady",
        "ApiServerReady",
        "ExecutionControllerReady",
    ] {
        site.await_condition(kind, "True", "Healthy").await?;
    }
    for kind in ["Reconciling", "Stalled"] {
        ensure!(site.condition(kind).await?.is_none(), "{kind} is still there");
    }
    told(&site).await
}

/// An Event about the installation says that it is ready.
async fn told(site: &Site) -> Result<()> {
    let events = site.world.objects(&site.name, "events.k8s.io/v1", "Event");
    eventually("an Event says that it is ready", || async {
        let list = events.list(&ListParams::default()).await?;
        let about = |event: &&kube::api::DynamicObject| {
            let text = |pointer: &str| {
                event
                    .data
                    .pointer(pointer)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            };
            text("/regarding/name") == site.name
                && text("/regarding/kind") == "KfpInstallation"
                && text("/reason") == "AllReady"
                && text("/type") == "Normal"
                && text("/reportingController") == "kfp-operator"
        };
        Ok(list.items.iter().find(about).map(drop))
    })
    .await
}

async fn ordered(site: Arc<Site>) -> Result<()> {
    let _operator = site.operator().await?;
    let hand = site.hand(Plays::servers());
    site.apply(spec("2.16.1")).await?;
    site.await_condition("Ready", "True", "AllReady").await?;

    let writes = site.writes()?;
    let made = |resource: &str, name: &str| {
        let first = writes
            .iter()
            .find(|request| request.resource == resource && request.name == name);
        first
            .map(|request| request.at)
            .with_context(|| format!("{resource} {name} was never made"))
    };
    // What a volume is first opened with is there before the volume.
    let secrets: Vec<_> = writes
        .iter()
        .filter(|request| request.resource == "secrets")
        .collect();
    let claim = made("persistentvolumeclaims", "mysql-pv-claim")?;
    ensure!(
        secrets.len() == 4 && secrets.iter().all(|request| request.at < claim),
        "{secrets:#?}"
    );

    let catalog = Catalog::builtin()?;
    let (_, install) = catalog
        .installable()
        .find(|(release, _)| release.version.to_string() == "2.16.1")
        .context("2.16.1 is not in the catalog")?;
    let mut gates = 0;
    for component in &install.components {
        for before in &component.after {
            let (Some(ready), Ok(made)) = (hand.ready_at(before), made("deployments", &component.name))
            else {
                // One of the two is switched off.
                continue;
            };
            gates += 1;
            ensure!(
                made > ready,
                "{} was made before {before} was ready",
                component.name
            );
        }
    }
    ensure!(gates > 5, "only {gates} gates were seen");
    Ok(())
}

async fn gated(site: Arc<Site>) -> Result<()> {
    let operator = site.operator().await?;
    let hand = site.hand(Plays {
        held: vec!["mysql".into()],
        ..Plays::servers()
    });
    site.apply(spec("2.16.1")).await?;
    site.await_object("Deployment", "mysql").await?;
    site.await_object("Deployment", "seaweedfs").await?;
    operator.await_passes(3).await?;
    ensure!(
        site.get("Deployment", "ml-pipeline").await?.is_none(),
        "the API server was made without a database"
    );
    let told = site.await_condition("Ready", "False", "Progressing").await?;
    ensure!(told.contains("mysql"), "{told}");
    hand.release("mysql");
    site.await_object("Deployment", "ml-pipeline").await?;
    Ok(())
}

async fn probed(site: Arc<Site>) -> Result<()> {
    let operator = site.operator().await?;
    let _hand = site.hand(Plays::nothing());
    site.apply(spec("2.16.1")).await?;
    site.await_condition("DatabaseReady", "False", "Unreachable")
        .await?;
    // The store that other tests share listens everywhere, and knows no such key.
    let store = site.condition("ObjectStoreReady").await?;
    ensure!(
        store.is_some_and(|condition| condition.status != "True"),
        "the object store is taken for ready"
    );
    site.await_condition("Ready", "False", "Unreachable").await?;
    operator.await_passes(2).await?;
    ensure!(
        site.get("Deployment", "ml-pipeline").await?.is_none(),
        "the API server was made without a database"
    );
    Ok(())
}

async fn selected(site: Arc<Site>) -> Result<()> {
    let settings = Settings {
        namespaces: Some(Vec::new()),
        selector: Some("tests=install-all".into()),
        ..Settings::default()
    };
    let operator = Operator::start(&site, settings).await?;
    operator.await_leading().await?;
    site.apply(spec("2.16.1")).await?;
    // Nobody looks after it yet.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let generation = site
        .installation()
        .await?
        .status
        .and_then(|status| status.observed_generation);
    ensure!(
        generation == Some(-1),
        "it was looked after without the label: {generation:?}"
    );
    let label = json!({"metadata": {"labels": {"tests": "install-all"}}});
    let patch = kube::api::Patch::Merge(label);
    site.world
        .installations(&site.name)
        .patch(&site.name, &kube::api::PatchParams::default(), &patch)
        .await?;
    site.await_object("Deployment", "mysql").await?;
    Ok(())
}
