//! PEOPLE: where a command looks for backups and restores: one namespace, or all of them; and for the installation they are of.

use kfp_api::KfpInstallation;
use kube::api::ListParams;
use kube::core::NamespaceResourceScope;
use kube::{Api, Client};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cluster::Connection;
use crate::failure::Failure;
use crate::output::{self, Format};

/// Where to look.
#[derive(clap::Args)]
pub struct Place {
    /// Namespace; without one, the kubeconfig's.
    #[arg(short, long)]
    pub namespace: Option<String>,
    #[command(flatten)]
    pub connection: Connection,
}

impl Place {
    /// A client, and the objects of one kind in the namespace.
    pub async fn open<K>(&self) -> Result<(Client, Api<K>), Failure>
    where
        K: kube::Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        let client = self.connection.client().await?;
        let api = objects(&client, self.namespace.as_deref());
        Ok((client, api))
    }
}

/// Objects of a kind in a namespace, or in the kubeconfig's.
pub fn objects<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: kube::Resource<Scope = NamespaceResourceScope>,
    K::DynamicType: Default,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::default_namespaced(client.clone()),
    }
}

/// The installation of this name, or the only one.
pub async fn installation(
    api: &Api<KfpInstallation>,
    name: Option<&str>,
) -> Result<KfpInstallation, Failure> {
    if let Some(name) = name {
        return Ok(api.get(name).await?);
    }
    let mut all = api.list(&ListParams::default()).await?.items;
    match (all.pop(), all.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(_), false) => Err(Failure::Usage(
            "there is more than one KfpInstallation in this namespace; name one".into(),
        )),
        (None, _) => Err(Failure::NotFound(
            "no KfpInstallation here; look elsewhere with -n".into(),
        )),
    }
}

/// Which resources are listed.
#[derive(clap::Args)]
pub struct Listing {
    /// Of this KfpInstallation only.
    #[arg(long)]
    pub installation: Option<String>,
    /// Every namespace.
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    pub all_namespaces: bool,
    #[command(flatten)]
    pub place: Place,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
}

impl Listing {
    /// All of a kind, where it is looked.
    pub async fn all<K>(&self, client: &Client) -> Result<Vec<K>, Failure>
    where
        K: kube::Resource<Scope = NamespaceResourceScope> + Clone + std::fmt::Debug + DeserializeOwned,
        K::DynamicType: Default,
    {
        let api: Api<K> = if self.all_namespaces {
            Api::all(client.clone())
        } else {
            objects(client, self.place.namespace.as_deref())
        };
        Ok(api.list(&ListParams::default()).await?.items)
    }

    /// Those of the installation that is asked for, or all.
    pub async fn wanted<K>(&self, client: &Client, of: impl Fn(&K) -> &str) -> Result<Vec<K>, Failure>
    where
        K: kube::Resource<Scope = NamespaceResourceScope> + Clone + std::fmt::Debug + DeserializeOwned,
        K::DynamicType: Default,
    {
        let mut found = self.all(client).await?;
        if let Some(wanted) = &self.installation {
            found.retain(|object| of(object) == wanted);
        }
        Ok(found)
    }

    /// Prints a report. An empty one is no failure: as a table it is a hint beside.
    pub fn print<T: Serialize>(
        &self,
        report: &T,
        empty: Option<&str>,
        table: impl FnOnce(&T) -> String,
    ) -> Result<(), Failure> {
        match empty {
            Some(hint) if self.output == Format::Table => {
                eprintln!("kfpctl: {hint}, or look elsewhere with -n or -A");
                Ok(())
            }
            _ => output::print(self.output, report, table),
        }
    }

    /// A name as it stands in the table.
    pub fn name(&self, namespace: &str, name: &str) -> String {
        if self.all_namespaces {
            format!("{namespace}/{name}")
        } else {
            name.to_owned()
        }
    }
}
