//! PEOPLE: which release an installation runs, and which SDKs its policy allows. Reads its resource alone.

use kfp_api::KfpInstallation;
use kube::Api;

use crate::cluster::{Connection, block_on};
use crate::failure::Failure;

/// Which installation.
#[derive(Debug, Default, clap::Args)]
pub struct Named {
    /// Installation that will run it; its release is read from its status, as are the SDKs that it allows.
    #[arg(long, value_name = "NAME")]
    pub installation: Option<String>,
    /// Namespace of the installation; without one, the kubeconfig's.
    #[arg(short, long, requires = "installation")]
    pub namespace: Option<String>,
    #[command(flatten)]
    pub connection: Connection,
}

/// What an installation says.
#[derive(Debug)]
pub struct Running {
    /// `NAMESPACE/NAME`.
    pub name: String,
    /// Release that runs, as its status has it.
    pub release: String,
}

impl Named {
    /// Looks at the installation of this name.
    pub fn look(&self, name: &str) -> Result<Running, Failure> {
        let installation = block_on(async {
            let client = self.connection.client().await?;
            let api: Api<KfpInstallation> = match &self.namespace {
                Some(namespace) => Api::namespaced(client, namespace),
                None => Api::default_namespaced(client),
            };
            Ok(api.get(name).await?)
        })?;
        running(&installation)
    }
}

fn running(installation: &KfpInstallation) -> Result<Running, Failure> {
    let meta = &installation.metadata;
    let name = format!(
        "{}/{}",
        meta.namespace.as_deref().unwrap_or("default"),
        meta.name.as_deref().unwrap_or_default()
    );
    let release = installation
        .status
        .as_ref()
        .and_then(|status| status.version.clone());
    match release {
        Some(release) => Ok(Running { name, release }),
        None => Err(Failure::NotReady(format!(
            "{name} does not run yet, so its release is not known; name it with --backend {}",
            installation.spec.version
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installation(status: &str) -> KfpInstallation {
        serde_saphyr::from_str(&format!(
            "{{apiVersion: kfpops.dev/v1alpha1, kind: KfpInstallation, metadata: {{name: demo, namespace: team}}, spec: {{version: 2.17.0}}, status: {status}}}"
        ))
        .unwrap()
    }

    #[test]
    fn the_release_that_runs_counts_and_not_the_one_wanted() {
        let found = running(&installation("{version: 2.16.1}")).unwrap();
        assert_eq!(
            (found.name.as_str(), found.release.as_str()),
            ("team/demo", "2.16.1")
        );
    }

    #[test]
    fn an_installation_that_does_not_run_yet_is_no_backend() {
        assert!(matches!(running(&installation("{}")), Err(Failure::NotReady(_))));
    }
}
