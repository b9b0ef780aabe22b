//! PROOF: a store for backups that outlives the installation: a twin of the installation's own object store, in a namespace
//! of its own, with a Secret in the operator's namespace that opens it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kfp_e2e::lab::OPERATOR_NAMESPACE;
use serde_json::{Value, json};

use crate::bucket::Bucket;
use crate::lane::Lane;
use crate::stage::Stage;

/// Namespace of the store.
pub const NAMESPACE: &str = "vault";
/// Secret in the operator's namespace with its keys.
const CREDENTIALS: &str = "vault";
/// The store knows its keys within a few seconds.
const PATIENCE: Duration = Duration::from_mins(1);

/// Makes the store like the one of this lane, which stands.
pub fn make(stage: &Stage, lane: Lane) -> Result<()> {
    let store = &lane.install()?.object_store;
    let service = store.endpoint.service.as_str();
    let lab = stage.lab()?;
    // One of a cluster that was kept has keys of its own time.
    lab.kubectl(&["delete", "namespace", NAMESPACE, "--ignore-not-found"])?;
    lab.apply(
        &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}).to_string(),
    )?;
    let mut deployment = stage.json(lane, &["deployment", service])?;
    let spec = &mut deployment["spec"]["template"]["spec"];
    spec["serviceAccountName"] = json!("default");
    let configuration = ephemeral(&mut spec["volumes"]);
    for name in configuration {
        apply(stage, &stage.json(lane, &["configmap", &name])?)?;
    }
    let secret = stage.json(lane, &["secret", &store.secret])?;
    for object in [&secret, &stage.json(lane, &["service", service])?, &deployment] {
        apply(stage, object)?;
    }
    let key = |key: &str| secret["data"][key].as_str().map(str::to_owned);
    lab.apply(
        &json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": CREDENTIALS,
                "namespace": OPERATOR_NAMESPACE,
                "labels": {"kfpops.dev/backup-credentials": "true"},
                "annotations": {"kfpops.dev/namespaces": lane.namespace},
            },
            "data": {
                "accessKeyID": key(&store.access_key).context("no access key")?,
                "secretAccessKey": key(&store.secret_key).context("no secret key")?,
            },
        })
        .to_string(),
    )?;
    lab.kubectl(&[
        "-n",
        NAMESPACE,
        "rollout",
        "status",
        &format!("deployment/{service}"),
        "--timeout=180s",
    ])?;
    await_open(stage, lane)
}

/// Waits until the store knows its keys: it takes up those that its start writes a moment after it is ready.
fn await_open(stage: &Stage, lane: Lane) -> Result<()> {
    let bucket = Bucket::within(stage, lane, NAMESPACE)?;
    let begun = Instant::now();
    while let Err(error) = bucket.keys("") {
        if begun.elapsed() > PATIENCE {
            return Err(error.context("the store of the backups does not open"));
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    Ok(())
}

/// The store as a manifest names it.
pub fn destination(stage: &Stage, lane: Lane) -> Result<Value> {
    let store = &lane.install()?.object_store;
    let service = store.endpoint.service.as_str();
    let port = &store.endpoint.port;
    let port = stage.lab()?.kubectl(&[
        "-n",
        NAMESPACE,
        "get",
        "service",
        service,
        "-o",
        &format!("jsonpath={{.spec.ports[?(@.name=={port:?})].port}}"),
    ])?;
    Ok(json!({
        "type": "S3",
        "s3": {
            "bucket": store.bucket,
            "region": store.region,
            "endpoint": format!("http://{service}.{NAMESPACE}.svc:{port}"),
        },
        "prefix": "e2e",
        "credentials": {"name": CREDENTIALS},
    }))
}

/// The secret key of the store, which may stand in no log.
pub fn secret_key(stage: &Stage) -> Result<String> {
    let secret = stage.lab()?.kubectl(&[
        "-n",
        OPERATOR_NAMESPACE,
        "get",
        "secret",
        CREDENTIALS,
        "-o",
        "jsonpath={.data.secretAccessKey}",
    ])?;
    Ok(String::from_utf8(STANDARD.decode(secret.trim())?)?)
}

/// Takes volumes that are claims for empty ones; names the ConfigMaps among them.
fn ephemeral(volumes: &mut Value) -> Vec<String> {
    let mut configuration = Vec::new();
    for volume in volumes.as_array_mut().into_iter().flatten() {
        if let Some(name) = volume["configMap"]["name"].as_str() {
            configuration.push(name.to_owned());
        }
        if let Some(fields) = volume.as_object_mut()
            && fields.remove("persistentVolumeClaim").is_some()
        {
            fields.insert("emptyDir".into(), json!({}));
        }
    }
    configuration
}

/// Applies an object of the installation as one of nobody's in the store's namespace.
fn apply(stage: &Stage, object: &Value) -> Result<()> {
    let mut spec = object["spec"].clone();
    if let Some(fields) = spec.as_object_mut() {
        for address in ["clusterIP", "clusterIPs"] {
            fields.remove(address);
        }
    }
    let mut copy = json!({
        "apiVersion": object["apiVersion"],
        "kind": object["kind"],
        "metadata": {"name": object["metadata"]["name"], "namespace": NAMESPACE},
    });
    for (field, value) in [("spec", &spec), ("data", &object["data"])] {
        if !value.is_null() {
            copy[field] = value.clone();
        }
    }
    stage.lab()?.apply(&copy.to_string())
}
