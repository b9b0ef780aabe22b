//! PEOPLE: which release an installation runs, and which SDKs its policy allows. Reads its resource alone.

use k8s_openapi::api::core::v1::ConfigMap;
use kfp_api::KfpInstallation;
use kfp_api::names::SDK_POLICY_CONFIG_MAP;
use kfp_api::sdk::SdkPolicyMode;
use kfp_compat::Severity;
use kfp_compat::policy::InstalledPolicy;
use kfp_releases::SdkPolicy;
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
    /// The SDKs that it allows, unless its policy is off or cannot be read.
    pub policy: Option<InstalledPolicy>,
}

impl Named {
    /// Looks at the installation of this name.
    pub fn look(&self, name: &str) -> Result<Running, Failure> {
        let (installation, policy) = block_on(async {
            let client = self.connection.client().await?;
            let api: Api<KfpInstallation> = match &self.namespace {
                Some(namespace) => Api::namespaced(client.clone(), namespace),
                None => Api::default_namespaced(client.clone()),
            };
            let installation = api.get(name).await?;
            let namespace = installation.metadata.namespace.clone().unwrap_or_default();
            let maps: Api<ConfigMap> = Api::namespaced(client, &namespace);
            Ok((installation, policy(&maps).await?))
        })?;
        let mut running = running(&installation)?;
        running.policy = policy.and_then(|policy| installed(&running.name, policy));
        Ok(running)
    }
}

/// The policy that the operator tells clients. None before it has written one, and for who may not read it.
async fn policy(maps: &Api<ConfigMap>) -> Result<Option<SdkPolicy>, Failure> {
    let map = match maps.get_opt(SDK_POLICY_CONFIG_MAP).await {
        Ok(map) => map,
        Err(kube::Error::Api(status)) if status.code == 403 => None,
        Err(error) => return Err(error.into()),
    };
    let Some(text) = map.and_then(|map| map.data?.remove("policy.json")) else {
        return Ok(None);
    };
    let policy = serde_json::from_str(&text);
    policy.map(Some).map_err(|error| {
        Failure::Failed(format!(
            "the ConfigMap {SDK_POLICY_CONFIG_MAP} of the installation is not understood: {error}; is kfpctl as new as the operator?"
        ))
    })
}

fn installed(name: &str, policy: SdkPolicy) -> Option<InstalledPolicy> {
    let severity = match policy.mode {
        SdkPolicyMode::Enforce => Severity::Error,
        SdkPolicyMode::Warn => Severity::Warning,
        SdkPolicyMode::Off => return None,
    };
    Some(InstalledPolicy {
        name: name.to_owned(),
        severity,
        policy,
    })
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
        Some(release) => Ok(Running {
            name,
            release,
            policy: None,
        }),
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
    fn what_the_operator_tells_clients_is_understood_and_off_is_off() {
        let policy = |mode: &str| -> SdkPolicy {
            let text = format!(
                r#"{{"backend": "2.16.1", "mode": "{mode}", "allowed": ">=2.0.0,<2.17", "requirements": ["kfp==2.16.1"], "exceptions": []}}"#
            );
            serde_json::from_str(&text).unwrap()
        };
        let severity = |mode| installed("team/demo", policy(mode)).map(|one| one.severity);
        assert_eq!(severity("Enforce"), Some(Severity::Error));
        assert_eq!(severity("Warn"), Some(Severity::Warning));
        assert_eq!(severity("Off"), None);
    }

    #[test]
    fn an_installation_that_does_not_run_yet_is_no_backend() {
        assert!(matches!(running(&installation("{}")), Err(Failure::NotReady(_))));
    }
}
