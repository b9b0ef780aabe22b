//! PROOF (real API server): a server of a few runs behind a Service, reached as `kfpctl` reaches KFP's own: by way of Kubernetes'.

use anyhow::Result;
use kfp_tests::World;
use kfp_tests::world::eventually;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// What KFP's API server answers: a run that ended before the moment, one whose Workflow is there, one whose Workflow is gone.
fn runs() -> String {
    let run = |id: &str, finished: &str| json!({"run_id": id, "display_name": id, "state": "RUNNING", "created_at": "2020-01-01T00:00:00Z", "finished_at": finished});
    json!({"runs": [
        run("ended", "2020-01-01T01:00:00Z"), run("5f1c", "1970-01-01T00:00:00Z"), run("gone", "2020-03-01T00:00:00Z"),
    ]})
    .to_string()
}

/// Stands in for KFP's API server behind a Service, until it is dropped.
pub async fn start(world: &World, place: &str) -> Result<JoinSet<()>> {
    // Of the range of Services, which is this program's, and above all that the API server gives out by itself.
    let address = "10.243.255.77";
    let listener = TcpListener::bind((address, 8888)).await?;
    let mut server = JoinSet::new();
    server.spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut asked = [0; 4096];
            let _ = client.read(&mut asked).await;
            let text = runs();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", text.len());
            let _ = client.write_all((head + &text).as_bytes()).await;
        }
    });
    let port = json!({"name": "http", "port": 8888, "protocol": "TCP"});
    let name = json!({"name": "ml-pipeline"});
    // Kubernetes' API server goes to the addresses of Endpoints, and to those of pods alone.
    for object in [
        json!({"apiVersion": "v1", "kind": "Service", "metadata": name, "spec": {"ports": [port]}}),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": name, "spec": {"containers": [{"name": "server", "image": "none"}]}}),
        json!({"apiVersion": "v1", "kind": "Endpoints", "metadata": name, "subsets": [{"ports": [port], "addresses": [
            {"ip": address, "targetRef": {"kind": "Pod", "name": "ml-pipeline", "namespace": place}},
        ]}]}),
    ] {
        let kind = object["kind"].as_str().unwrap_or_default().to_owned();
        let api = world.objects(place, "v1", &kind);
        let object: DynamicObject = serde_json::from_value(object)?;
        eventually(&format!("the {kind} is made"), || async {
            let made = api.create(&PostParams::default(), &object).await;
            Ok(Some(made.map(drop)?))
        })
        .await?;
    }
    let runs = Patch::Merge(json!({"status": {"podIP": address, "podIPs": [{"ip": address}]}}));
    world
        .objects(place, "v1", "Pod")
        .patch_status("ml-pipeline", &PatchParams::default(), &runs)
        .await?;
    Ok(server)
}
