//! PROOF: a password that the database refuses is noticed, named and got over, and nothing is lost.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kfp_api::conditions::{ConditionType, Reason, find};
use serde_json::{Value, json};

use crate::lane::{Lane, NAME};
use crate::stage::Stage;
use crate::table;

/// A fault of the database is shown within this time.
const NOTICED_WITHIN: Duration = Duration::from_mins(1);

/// Breaks the password and mends it.
pub fn that_is_wrong_is_noticed_and_mended(stage: &Stage, lane: Lane) -> Result<()> {
    table::write(stage, lane)?;
    let secret = &lane.install()?.databases.user_secret;
    let before = stage.json(lane, &["secret", secret])?["data"]["password"].clone();
    let pods = pods(stage, lane)?;
    set(stage, lane, secret, &json!(STANDARD.encode("not-the-password")))?;
    let noticed = await_denied(stage, lane);
    // Mended before anything is judged, so that a failure here does not spoil the trials that follow.
    set(stage, lane, secret, &before)?;
    let (database, ready) = noticed?;
    ensure!(
        database.message.contains("Access denied") && !database.message.contains("not-the-password"),
        "DatabaseReady says {:?}",
        database.message
    );
    ensure!(ready.status == "False", "Ready is {ready:?}");
    stage.await_ready(lane)?;
    table::is_there(stage, lane)?;
    let now = self::pods(stage, lane)?;
    ensure!(now == pods, "pods were replaced: {pods:?} became {now:?}");
    Ok(())
}

fn set(stage: &Stage, lane: Lane, secret: &str, password: &Value) -> Result<()> {
    let patch = json!({"data": {"password": password}}).to_string();
    stage
        .kubectl(lane, &["patch", "secret", secret, "--type=merge", "-p", &patch])
        .map(drop)
}

/// Waits until the database's condition tells of the refusal; returns it and `Ready`.
fn await_denied(stage: &Stage, lane: Lane) -> Result<(Condition, Condition)> {
    let begun = Instant::now();
    loop {
        let status = stage.installation(lane)?.status.context("no status")?;
        let condition = |kind| {
            find(&status.conditions, kind)
                .cloned()
                .with_context(|| format!("no condition {kind:?}"))
        };
        let database = condition(ConditionType::DatabaseReady)?;
        if database.status == "False" && database.reason == Reason::AccessDenied.as_str() {
            let seconds = begun.elapsed().as_secs();
            stage
                .lab()?
                .progress()
                .line(&format!("  the wrong password was noticed after {seconds} s"));
            let status = stage.kfpctl(lane, &["status", NAME])?;
            let text = String::from_utf8_lossy(&status.stdout);
            ensure!(
                status.status.code() == Some(3) && text.contains("AccessDenied"),
                "kfpctl status ended with {} and {text}",
                status.status
            );
            return Ok((database, condition(ConditionType::Ready)?));
        }
        if begun.elapsed() > NOTICED_WITHIN {
            bail!(
                "nothing was noticed within {} s: {database:?}",
                NOTICED_WITHIN.as_secs()
            );
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}

fn pods(stage: &Stage, lane: Lane) -> Result<BTreeSet<String>> {
    let names = stage.operands(lane)?.into_iter();
    let names = names.filter_map(|pod| pod["metadata"]["name"].as_str().map(str::to_owned));
    Ok(names.collect())
}
