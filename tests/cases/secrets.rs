//! PROOF (real API server): generated Secrets: what is there is never overwritten, what is missing is made, and what opens
//! data is never made twice.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use kfp_tests::Site;
use kfp_tests::hand::Plays;
use serde_json::{Value, json};

use super::Case;
use super::install::spec;

/// Fewest characters of a password: 128 bits at six bits each.
const LENGTH: usize = 22;

/// Kept, filled, and not replaced.
pub fn cases() -> Vec<Case> {
    vec![
        Case::at(
            "secrets-kept",
            "values that a user put into a Secret are kept, and missing keys are filled",
            kept,
        ),
        Case::at(
            "secrets-strong",
            "generated passwords are long, differ, and root is not the user",
            strong,
        ),
        Case::at(
            "secrets-refilled",
            "a lost key that opens no data is made again beside the kept one",
            refilled,
        ),
        Case::at(
            "secrets-lost",
            "a lost database password is a question while its volume is there",
            lost,
        ),
    ]
}

/// A value of a Secret.
pub async fn value(site: &Site, secret: &str, key: &str) -> Result<String> {
    let found = site.await_object("Secret", secret).await?;
    let text = found
        .data
        .pointer(&format!("/data/{key}"))
        .and_then(Value::as_str);
    let bytes = BASE64_STANDARD.decode(text.with_context(|| format!("Secret {secret} has no {key}"))?)?;
    Ok(String::from_utf8(bytes)?)
}

async fn kept(site: Arc<Site>) -> Result<()> {
    let minio = site
        .create(
            "v1",
            "Secret",
            "mlpipeline-minio-artifact",
            json!({"stringData": {"accesskey": "mine", "secretkey": "my-own-key"}}),
        )
        .await?;
    let rest = json!({"stringData": {"username": "chosen", "unrelated": "x"}});
    site.create("v1", "Secret", "mysql-secret", rest).await?;
    let _operator = site.operator().await?;
    let _hand = site.hand(Plays::servers());
    site.apply(spec("2.16.1")).await?;
    // The database's pod and the probe both use what the Secrets hold.
    site.await_condition("Ready", "True", "AllReady").await?;
    ensure!(value(&site, "mysql-secret", "username").await? == "chosen");
    ensure!(value(&site, "mysql-secret", "unrelated").await? == "x");
    ensure!(value(&site, "mysql-secret", "password").await?.len() >= LENGTH);
    let now = site.await_object("Secret", "mlpipeline-minio-artifact").await?;
    ensure!(
        now.metadata.resource_version == minio.metadata.resource_version,
        "a whole Secret was changed"
    );
    Ok(())
}

async fn strong(site: Arc<Site>) -> Result<()> {
    let _operator = site.operator().await?;
    site.apply(spec("2.16.1")).await?;
    let user = value(&site, "mysql-secret", "username").await?;
    ensure!(!user.is_empty() && user != "root", "the database user is {user}");
    let password = value(&site, "mysql-secret", "password").await?;
    let root = value(&site, "mysql-root-secret", "password").await?;
    let key = value(&site, "mlpipeline-minio-artifact", "secretkey").await?;
    for text in [&password, &root, &key] {
        ensure!(text.len() >= LENGTH, "{} characters", text.len());
    }
    ensure!(
        password != root && root != key && key != password,
        "two Secrets share a value"
    );
    let access = value(&site, "mlpipeline-minio-artifact", "accesskey").await?;
    ensure!(access != "minio" && access != "minioadmin", "a default key");
    Ok(())
}

async fn refilled(site: Arc<Site>) -> Result<()> {
    let operator = site.operator().await?;
    site.apply(spec("2.16.1")).await?;
    site.await_object("Deployment", "mysql").await?;
    let access = value(&site, "mlpipeline-minio-artifact", "accesskey").await?;
    site.patch(
        "Secret",
        "mlpipeline-minio-artifact",
        json!({"data": {"secretkey": null}}),
    )
    .await?;
    operator.await_passes(1).await?;
    site.await_that(
        "the key is made again",
        "Secret",
        "mlpipeline-minio-artifact",
        |found| found.is_some_and(|found| found.pointer("/data/secretkey").is_some()),
    )
    .await?;
    ensure!(
        value(&site, "mlpipeline-minio-artifact", "accesskey").await? == access,
        "the kept key was changed"
    );
    Ok(())
}

async fn lost(site: Arc<Site>) -> Result<()> {
    let operator = site.operator().await?;
    let _hand = site.hand(Plays::servers());
    site.apply(spec("2.16.1")).await?;
    site.await_condition("Ready", "True", "AllReady").await?;
    let old = site.await_object("Secret", "mysql-secret").await?;
    site.delete("Secret", "mysql-secret").await?;
    // Secrets are not watched: the next pass comes with any change of what is.
    site.patch(
        "ConfigMap",
        "mysql-init",
        json!({"metadata": {"annotations": {"example.com/a": "b"}}}),
    )
    .await?;
    let told = site
        .await_condition("Stalled", "True", "ApprovalRequired")
        .await?;
    ensure!(told.contains("mysql-secret"), "{told}");
    operator.await_passes(1).await.ok();
    ensure!(
        site.get("Secret", "mysql-secret").await?.is_none(),
        "a new password was made for an old volume"
    );
    let data = json!({"data": old.data["data"]});
    site.create("v1", "Secret", "mysql-secret", data).await?;
    site.patch(
        "ConfigMap",
        "mysql-init",
        json!({"metadata": {"annotations": {"example.com/a": "c"}}}),
    )
    .await?;
    site.await_condition("Ready", "True", "AllReady").await?;
    Ok(())
}
