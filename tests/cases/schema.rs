//! PROOF (real API server, real database): what the database holds decides whether KFP's API server may be started on it.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use kfp_api::status::SchemaState;
use kfp_database::create_statements;
use kfp_releases::schema::SchemaCatalog;
use kfp_tests::Site;
use kfp_tests::hand::Plays;
use serde_json::json;

use super::Case;
use super::install::spec;

/// Foreign, another release's, and a volume of another engine.
pub fn cases() -> Vec<Case> {
    vec![
        Case::at(
            "schema-foreign",
            "a database with a stranger's tables is a question, and no API server is made",
            |site| {
                asked(
                    site,
                    vec!["CREATE TABLE strangers (id int PRIMARY KEY)".into()],
                    SchemaState::Foreign,
                    "no release",
                )
            },
        ),
        Case::at(
            "schema-older",
            "a database of another release is a question, and no API server is made",
            |site| async move {
                let statements = statements("2.5.0")?;
                asked(site, statements, SchemaState::Exact, "2.5.0").await
            },
        ),
        Case::at(
            "schema-same",
            "a database of the same release is taken as it is",
            |site| async move {
                let _operator = site.operator().await?;
                let _hand = site.hand(Plays {
                    seed: statements("2.16.1")?,
                    ..Plays::servers()
                });
                site.apply(spec("2.16.1")).await?;
                site.await_condition("Ready", "True", "AllReady").await.map(drop)
            },
        ),
        Case::at(
            "engine-other",
            "a volume of another engine is not given to the wanted one",
            other_engine,
        ),
        Case::at(
            "engine-unset",
            "an engine that is not said is the one that wrote the volume",
            unset_engine,
        ),
    ]
}

fn statements(release: &str) -> Result<Vec<String>> {
    let catalog = SchemaCatalog::load()?;
    let schema = catalog
        .of_release(release.parse()?)
        .with_context(|| format!("{release} has no schema"))?;
    Ok(create_statements(&schema.schema))
}

async fn asked(site: Arc<Site>, seed: Vec<String>, state: SchemaState, told: &str) -> Result<()> {
    let operator = site.operator().await?;
    let _hand = site.hand(Plays {
        seed,
        ..Plays::servers()
    });
    site.apply(spec("2.16.1")).await?;
    let message = site
        .await_condition("Stalled", "True", "ApprovalRequired")
        .await?;
    ensure!(
        message.contains(told) && message.contains("not started"),
        "{message}"
    );
    let schema = site
        .installation()
        .await?
        .status
        .and_then(|status| status.database?.schema)
        .context("no schema")?;
    ensure!(schema.state == state, "{schema:?}");
    site.await_condition("DatabaseReady", "False", "SchemaMismatch")
        .await?;
    site.patch(
        "ConfigMap",
        "mysql-init",
        json!({"metadata": {"annotations": {"example.com/a": "b"}}}),
    )
    .await?;
    operator.await_passes(1).await?;
    for server in ["ml-pipeline", "metadata-grpc-deployment"] {
        ensure!(
            site.get("Deployment", server).await?.is_none(),
            "{server} was made"
        );
    }
    Ok(())
}

/// A claim that an installation of this name left behind.
async fn left_claim(site: &Site) -> Result<()> {
    let rest = json!({
        "metadata": {
            "annotations": {"kfpops.dev/database-engine": "MariaDB"},
            "labels": {"kfpops.dev/installation": site.name},
        },
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "20Gi"}}},
    });
    site.create("v1", "PersistentVolumeClaim", "mysql-pv-claim", rest)
        .await?;
    // The Secrets that open it.
    for (name, data) in [
        (
            "mysql-secret",
            json!({"username": "kfp", "password": "left-behind"}),
        ),
        ("mysql-root-secret", json!({"password": "left-behind"})),
    ] {
        let rest =
            json!({"stringData": data, "metadata": {"labels": {"kfpops.dev/installation": site.name}}});
        site.create("v1", "Secret", name, rest).await?;
    }
    Ok(())
}

async fn other_engine(site: Arc<Site>) -> Result<()> {
    left_claim(&site).await?;
    let _operator = site.operator().await?;
    site.apply(
        json!({"version": "2.16.1", "database": {"type": "Embedded", "embedded": {"engine": "MySQL"}}}),
    )
    .await?;
    let told = site.await_condition("Stalled", "True", "InvalidSpec").await?;
    ensure!(told.contains("MariaDB") && told.contains("MySQL"), "{told}");
    ensure!(
        site.get("Deployment", "mysql").await?.is_none(),
        "a database was made"
    );
    Ok(())
}

async fn unset_engine(site: Arc<Site>) -> Result<()> {
    left_claim(&site).await?;
    let _operator = site.operator().await?;
    site.apply(json!({"version": "2.16.1"})).await?;
    let database = site.await_object("Deployment", "mysql").await?;
    let image = database
        .data
        .pointer("/spec/template/spec/containers/0/image")
        .and_then(serde_json::Value::as_str);
    ensure!(image.is_some_and(|image| image.contains("mariadb")), "{image:?}");
    Ok(())
}
