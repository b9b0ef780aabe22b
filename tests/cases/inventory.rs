//! PROOF (real API server, real database): stored pipelines are looked through, kept in ConfigMaps, and told by a condition.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kfp_api::sdk::InventoryStatus;
use kfp_tests::Site;
use kfp_tests::command_line::kfpctl;
use kfp_tests::hand::Plays;
use kfp_tests::pods::services;
use kfp_tests::world::eventually;
use kube::api::DeleteParams;
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};

use super::Case;
use super::install::spec;
use super::sdk_policy::give_rights;
use super::secrets::value;

/// Compiled by SDK 2.17.0; the text between the two is what no release of the catalog knows.
const NEW: &str = include_str!("../../src/compat/corpus/compiled/2.17.0/security_context.yaml");
/// Compiled by SDK 2.16.1.
const FITS: &str = include_str!("../../src/compat/corpus/compiled/2.16.1/hello.yaml");

/// A look comes every twenty seconds, give or take a fifth.
const LONGER_THAN_A_REST: Duration = Duration::from_secs(26);

/// Told, remembered, and left alone when it is not wanted.
pub fn cases() -> Vec<Case> {
    vec![
        Case::at(
            "inventory",
            "a stored pipeline that is too new is told, and that it is gone as well",
            told,
        ),
        Case::at(
            "inventory-kept",
            "what is known of stored pipelines outlives the operator, and losing it costs a look",
            kept,
        ),
        Case::at(
            "inventory-objects",
            "a pipeline that is kept as an object is looked at as one in the database is",
            objects,
        ),
        Case::at(
            "inventory-off",
            "stored pipelines are not looked at where that is not wanted",
            off,
        ),
    ]
}

fn too_new() -> String {
    let own = "          securityContext:\n";
    NEW.replace(
        own,
        &format!("          initContainers:\n          - name: prepare\n{own}"),
    )
}

/// The database of the installation, as KFP's own servers log in.
async fn database(site: &Site) -> Result<MySqlConnection> {
    let host = services(site)
        .await?
        .remove("mysql")
        .context("no Service mysql")?;
    let options = MySqlConnectOptions::new()
        .host(&host)
        .port(3306)
        .username(&value(site, "mysql-secret", "username").await?)
        .password(&value(site, "mysql-secret", "password").await?)
        .database("mlpipeline")
        .ssl_mode(MySqlSslMode::Disabled);
    options.connect().await.context("cannot log in to the database")
}

/// A pipeline and a version of it, as KFP's API server writes them (kubeflow/pipelines 2.16.1,
/// `backend/src/apiserver/storage/pipeline_store.go`).
async fn store(connection: &mut MySqlConnection, version: &str, text: &str) -> Result<()> {
    let pipeline = "INSERT IGNORE INTO pipelines (UUID, CreatedAtInSec, Name, DisplayName, Description, Parameters, Status, \
                    DefaultVersionId, Namespace) VALUES ('p1', 1, 'train', 'train', '', '', 'READY', '', 'team-a')";
    connection.execute(pipeline).await?;
    let sql = "INSERT INTO pipeline_versions (UUID, CreatedAtInSec, Name, DisplayName, Parameters, PipelineId, Status, CodeSourceUrl, \
               Description, PipelineSpec, PipelineSpecURI) VALUES (?, UNIX_TIMESTAMP(), ?, ?, '[]', 'p1', 'READY', '', '', ?, '')";
    let query = sqlx::query(sql)
        .bind(version)
        .bind(version)
        .bind(version)
        .bind(text);
    query
        .execute(connection)
        .await
        .context("cannot store a pipeline version")?;
    Ok(())
}

async fn inventory(site: &Site) -> Result<InventoryStatus> {
    let status = site.installation().await?.status.context("no status")?;
    status
        .sdk
        .and_then(|sdk| sdk.inventory)
        .context("no inventory in the status")
}

fn shard(site: &Site) -> String {
    format!("{}-inventory-0", site.name)
}

/// What `kfpctl` says of it: what is stored, what a release would make of it, and whether a file fits this installation.
async fn from_the_command_line(site: &Site) -> Result<()> {
    let ask = |words: Vec<String>| async move {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        kfpctl(&site.world, &site.name, &words).await
    };
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<String>>();
    let stored: Value = ask(words("inventory -o json")).await?.ended(1)?.data()?;
    ensure!(
        stored["release"] == "2.16.1" && stored["stored"] == 2,
        "{stored:#}"
    );
    let table = ask(words("inventory")).await?.ended(1)?.out;
    ensure!(
        table.contains("train/v2") && table.contains("initContainers"),
        "{table}"
    );
    let upgrade = format!("check --installation {} --upgrade-to 2.17.0 -o json", site.name);
    let upgrade: Value = ask(words(&upgrade)).await?.ended(1)?.data()?;
    ensure!(
        upgrade["from"] == "2.16.1" && upgrade["judged"] == 2,
        "{upgrade:#}"
    );
    for (name, text, code) in [("fits", FITS.to_owned(), 0), ("too-new", too_new(), 1)] {
        let file = site.folder.join(format!("{name}.yaml"));
        std::fs::write(&file, text)?;
        let line = format!("check --installation {} {}", site.name, file.display());
        let said = ask(words(&line)).await?.ended(code)?;
        ensure!(said.out.contains("2.16.1"), "{said:?}");
    }
    let nobody = ask(words("inventory nobody")).await?.ended(4)?;
    ensure!(nobody.err.contains("nobody"), "{nobody:?}");
    Ok(())
}

async fn told(site: Arc<Site>) -> Result<()> {
    let operator = site.operator().await?;
    let _hand = site.hand(Plays::servers());
    site.apply(spec("2.16.1")).await?;
    site.await_condition("Ready", "True", "AllReady").await?;
    site.await_condition("SdkAligned", "True", "SdksAligned").await?;
    ensure!(inventory(&site).await?.pipeline_versions == 0);
    let mut connection = database(&site).await?;
    store(&mut connection, "v1", FITS).await?;
    store(&mut connection, "v2", &too_new()).await?;
    let message = site
        .await_condition("SdkAligned", "False", "PipelinesTooNew")
        .await?;
    ensure!(
        message.contains("train/v2") && message.contains("team-a") && message.contains("initContainers"),
        "{message}"
    );
    let ready = site.condition("Ready").await?.context("no Ready")?;
    ensure!(ready.status == "True", "{ready:?}");
    let found = inventory(&site).await?;
    let running = found.releases.first().context("no release was judged on")?;
    ensure!(
        found.pipeline_versions == 2
            && running.release == "2.16.1"
            && (running.pipeline_versions.runs, running.pipeline_versions.refused) == (1, 1)
            && found.shards == [shard(&site)],
        "{found:?}"
    );
    from_the_command_line(&site).await?;
    let series = format!(
        "kfp_operator_sdk_pipelines{{namespace=\"{0}\",name=\"{0}\",kind=\"PipelineVersion\",sdk=\"2.17.0\",verdict=\"refused\"}}",
        site.name
    );
    ensure!((operator.count(&series).await? - 1.0).abs() < f64::EPSILON);
    let kept = site.await_object("ConfigMap", &shard(&site)).await?;
    let text = kept.data.pointer("/data/inventory.json").and_then(Value::as_str);
    ensure!(
        text.is_some_and(|text| text.contains("\"id\":\"v2\"")),
        "{text:?}"
    );
    ensure!(
        kept.metadata
            .owner_references
            .is_some_and(|owners| owners.len() == 1)
    );
    let delete = "DELETE FROM pipeline_versions WHERE UUID = 'v2'";
    connection.execute(AssertSqlSafe(delete.to_owned())).await?;
    site.await_condition("SdkAligned", "True", "SdksAligned").await?;
    ensure!(inventory(&site).await?.pipeline_versions == 1);
    // An upgrade's look at it: the version that is left runs there too.
    let next = inventory(&site).await?.releases;
    ensure!(next.len() == 2 && next[1].pipeline_versions.runs == 1, "{next:?}");

    // Paused, nothing is looked at; taken up again, it is.
    let mut paused = spec("2.16.1");
    paused["paused"] = json!(true);
    site.apply(paused).await?;
    operator.await_passes(1).await?;
    let rows = operator.count("kfp_operator_inventory_rows_total").await?;
    store(&mut connection, "v3", &too_new()).await?;
    tokio::time::sleep(LONGER_THAN_A_REST).await;
    ensure!((operator.count("kfp_operator_inventory_rows_total").await? - rows).abs() < f64::EPSILON);
    ensure!(inventory(&site).await?.pipeline_versions == 1);
    site.apply(spec("2.16.1")).await?;
    site.await_condition("SdkAligned", "False", "PipelinesTooNew")
        .await
        .map(drop)
}

async fn kept(site: Arc<Site>) -> Result<()> {
    let operator = site.operator().await?;
    let _hand = site.hand(Plays::servers());
    site.apply(spec("2.16.1")).await?;
    site.await_condition("SdkAligned", "True", "SdksAligned").await?;
    let mut connection = database(&site).await?;
    store(&mut connection, "v2", &too_new()).await?;
    site.await_condition("SdkAligned", "False", "PipelinesTooNew")
        .await?;
    let before = site.await_object("ConfigMap", &shard(&site)).await?;
    let scanned = inventory(&site).await?.last_full_scan;
    operator.stop().await?;
    let again = site.operator().await?;
    again.await_leading().await?;
    again.await_passes(1).await?;
    site.await_condition("SdkAligned", "False", "PipelinesTooNew")
        .await?;
    let after = site.await_object("ConfigMap", &shard(&site)).await?;
    ensure!(
        after.metadata.resource_version == before.metadata.resource_version
            && inventory(&site).await?.last_full_scan == scanned,
        "what was known was not taken up: {:?}",
        inventory(&site).await?
    );
    // Without its memory it looks through everything again.
    again.stop().await?;
    site.delete("ConfigMap", &shard(&site)).await?;
    let _operator = site.operator().await?;
    eventually("the inventory is written anew", || async {
        let text = site.get("ConfigMap", &shard(&site)).await?;
        let text = text.and_then(|map| Some(map.data.pointer("/data/inventory.json")?.as_str()?.to_owned()));
        Ok(text.filter(|text| text.contains("\"id\":\"v2\"")).map(drop))
    })
    .await?;
    site.await_condition("SdkAligned", "False", "PipelinesTooNew")
        .await
        .map(drop)
}

async fn off(site: Arc<Site>) -> Result<()> {
    let operator = site.operator().await?;
    let _hand = site.hand(Plays::servers());
    let mut quiet = spec("2.16.1");
    quiet["sdkPolicy"] = json!({"inventory": {"enabled": false}});
    site.apply(quiet).await?;
    site.await_condition("Ready", "True", "AllReady").await?;
    site.await_condition("SdkAligned", "Unknown", "InventoryDisabled")
        .await?;
    // Something of ours is marked, so that a pass at rest comes at once.
    let note = json!({"metadata": {"annotations": {"example.com/mark": "1"}}});
    site.patch("ConfigMap", "mysql-init", note).await?;
    operator.await_passes(1).await?;
    ensure!(site.get("ConfigMap", &shard(&site)).await?.is_none());
    let mut connection = database(&site).await?;
    // No account was made for what is not done; KFP's own user cannot log in as it.
    let login = MySqlConnectOptions::new()
        .host(
            &services(&site)
                .await?
                .remove("mysql")
                .context("no Service mysql")?,
        )
        .port(3306)
        .username("kfp_inventory")
        .password(&value(&site, "mysql-inventory-secret", "password").await?)
        .ssl_mode(MySqlSslMode::Disabled);
    ensure!(login.connect().await.is_err(), "the account is there");
    store(&mut connection, "v2", &too_new()).await?;
    // Switched on, it is looked at.
    site.apply(spec("2.16.1")).await?;
    site.await_condition("SdkAligned", "False", "PipelinesTooNew")
        .await?;
    let mut reader = login.connect().await.context("the account cannot log in")?;
    let refused = reader.execute("DELETE FROM mlpipeline.pipeline_versions").await;
    ensure!(refused.is_err(), "the account that reads can write");
    Ok(())
}

/// A `PipelineVersion` with these documents, as somebody would apply it.
async fn object(site: &Site, name: &str, text: &str) -> Result<()> {
    let mut documents = text.split("\n---\n").map(serde_saphyr::from_str::<Value>);
    let pipeline = documents.next().context("no pipeline spec")??;
    let mut wanted = json!({"spec": {"pipelineName": "train", "pipelineSpec": pipeline}});
    if let Some(platform) = documents.next() {
        wanted["spec"]["platformSpec"] = platform?;
    }
    site.create("pipelines.kubeflow.org/v2beta1", "PipelineVersion", name, wanted)
        .await
        .map(drop)
}

async fn objects(site: Arc<Site>) -> Result<()> {
    give_rights(&site)?;
    // Before there is an installation, whose webhook nobody serves here.
    object(&site, "v1", FITS).await?;
    object(&site, "v2", &too_new()).await?;
    let _operator = site.operator().await?;
    let _hand = site.hand(Plays::servers());
    let mut wanted = spec("2.16.1");
    wanted["pipelineStore"] = json!({"type": "Kubernetes"});
    site.apply(wanted).await?;
    let message = site
        .await_condition("SdkAligned", "False", "PipelinesTooNew")
        .await?;
    ensure!(
        message.contains("train/v2") && message.contains(&site.name),
        "{message}"
    );
    let found = inventory(&site).await?;
    ensure!(
        found.pipeline_versions == 2 && found.releases[0].pipeline_versions.refused == 1,
        "{found:?}"
    );
    let api = site
        .world
        .objects(&site.name, "pipelines.kubeflow.org/v2beta1", "PipelineVersion");
    api.delete("v2", &DeleteParams::default()).await?;
    site.await_condition("SdkAligned", "True", "SdksAligned").await?;
    ensure!(inventory(&site).await?.pipeline_versions == 1);
    Ok(())
}
