//! PEOPLE: the way to a cluster, for every command that looks into one. Connects; asks nothing.

use std::future::Future;
use std::path::{Path, PathBuf};

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::failure::Failure;

/// Which cluster.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Connection {
    /// Path of the kubeconfig; without one, `$KUBECONFIG`, the default path, or the pod's service account.
    #[arg(long)]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig.
    #[arg(long)]
    context: Option<String>,
}

impl Connection {
    /// A client that follows the kubeconfig.
    pub async fn client(&self) -> Result<Client, Failure> {
        let options = KubeConfigOptions {
            context: self.context.clone(),
            ..KubeConfigOptions::default()
        };
        let config = match &self.kubeconfig {
            Some(path) => of_file(path, &options).await?,
            None if self.context.is_some() => Config::from_kubeconfig(&options)
                .await
                .map_err(|error| unusable(&error))?,
            None => Config::infer().await.map_err(|error| unusable(&error))?,
        };
        Ok(Client::try_from(config)?)
    }
}

async fn of_file(path: &Path, options: &KubeConfigOptions) -> Result<Config, Failure> {
    let file = Kubeconfig::read_from(path).map_err(|error| unusable(&error))?;
    Config::from_custom_kubeconfig(file, options)
        .await
        .map_err(|error| unusable(&error))
}

fn unusable(error: &dyn std::fmt::Display) -> Failure {
    Failure::Usage(format!(
        "no usable kubeconfig: {error}; give --kubeconfig or set KUBECONFIG"
    ))
}

/// Runs what waits for a cluster, until it is done or interrupted.
pub fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("no runtime: {error}")))?
        .block_on(async {
            tokio::select! {
                result = work => result,
                _ = tokio::signal::ctrl_c() => Err(Failure::Interrupted),
            }
        })
}
