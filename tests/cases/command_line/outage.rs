//! PROOF (real API server): a wait outlives an API server that is away.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use kfp_api::KfpBackup;
use kfp_tests::World;
use kfp_tests::command_line::kfpctl_as;
use kfp_tests::proxy::{Mode, Proxy};
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, from_value, json};

use super::{complete, destination, spec, tell};

const PLACE: &str = "command-line-outage";

/// The line is cut while somebody waits; the backup goes on, and so does the wait.
pub async fn outage(world: Arc<World>) -> Result<()> {
    let world = &*world;
    world.apply(PLACE, "kfp", spec(Some(destination()))).await?;
    let api: Api<KfpBackup> = Api::namespaced(world.client.clone(), PLACE);
    let backup: Value = json!({
        "apiVersion": "kfpops.dev/v1alpha1", "kind": "KfpBackup", "metadata": {"name": "long"},
        "spec": {"installation": "kfp", "destination": destination()["destination"]},
    });
    api.create(&PostParams::default(), &from_value(backup)?).await?;
    let proxy = Proxy::before(world).await?;
    let kubeconfig = world.control_plane.folder().join("cut.kubeconfig");
    let server = format!("https://{}", proxy.address());
    let text = fs::read_to_string(world.control_plane.kubeconfig())?;
    fs::write(&kubeconfig, text.replace(world.control_plane.server(), &server))?;
    let waiting = kfpctl_as(world, &kubeconfig, PLACE, &["backup", "show", "long", "--wait"]);
    let cutting = async {
        let pause = || tokio::time::sleep(Duration::from_secs(3));
        pause().await;
        proxy.set(Mode::Cut);
        pause().await;
        proxy.set(Mode::Pass);
        tell(&api, "long", complete()).await
    };
    let (said, cut) = tokio::join!(waiting, cutting);
    cut?;
    let said = said?.ended(0)?;
    ensure!(
        said.err
            .contains("no word from the API server, which is asked again"),
        "{said:?}"
    );
    Ok(())
}
