//! EYES AND HANDS: the way to the rows: the address, the account that may only read, and that account made where it is not
//! there yet.

use kfp_api::conditions::Reason;
use kfp_database::{Credentials, ProbeError, ProbeReason, Scan, Target, make_reader};
use kfp_plan::{ObjectRef, Seen};
use kfp_releases::Role;
use kfp_releases::release::Install;

use super::Order;
use crate::Engine;
use crate::desired::secret_named;
use crate::error::Error;
use crate::live::Live;
use crate::observe::secrets;
use crate::observe::service::address;

/// The administrator of an embedded database.
const ROOT: &str = "root";

/// Why a look at stored pipelines came to nothing.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Trouble {
    /// Stable reason.
    pub reason: Reason,
    /// What failed, in words for a person.
    pub message: String,
}

impl Trouble {
    pub(super) fn broken(message: String) -> Self {
        Self {
            reason: Reason::InventoryFailed,
            message,
        }
    }
}

impl From<ProbeError> for Trouble {
    fn from(error: ProbeError) -> Self {
        Self::broken(error.to_string())
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::broken(error.to_string())
    }
}

/// Logs in as the account that may only read. Where the server does not know it, or its password changed, it is made first.
pub async fn open(engine: &Engine, order: &Order) -> Result<Scan, Trouble> {
    let release = engine.catalog.release(&order.running.to_string());
    let install = release
        .and_then(|release| release.install.as_ref())
        .ok_or_else(|| Trouble::broken(format!("release {} is not in the catalog", order.running)))?;
    let databases = &install.databases;
    let service = service(install)?;
    let wanted = vec![
        service.clone(),
        secret_named(&databases.inventory_secret),
        secret_named(&databases.root_secret),
    ];
    let live = Live::read_each(&engine.cluster, &order.namespace, wanted).await;
    let at = match address(&live, &order.namespace, &service.name, None) {
        Seen::Known(address) => address,
        Seen::Absent => return Err(Trouble::broken(format!("Service {} is not there", service.name))),
        Seen::Unknown { why, .. } => return Err(Trouble::broken(why)),
    };
    let target = |username: &str, secret: &str| -> Result<Target, Trouble> {
        Ok(Target {
            host: at.host.clone(),
            port: at.port,
            credentials: Credentials {
                username: username.to_owned(),
                password: password(&live, &order.namespace, secret)?,
            },
        })
    };
    let reader = target(&databases.inventory_user, &databases.inventory_secret)?;
    match Scan::open(&reader, &databases.pipelines).await {
        Err(error) if error.reason() == ProbeReason::AccessDenied => {}
        opened => return Ok(opened?),
    }
    let root = target(ROOT, &databases.root_secret)?;
    make_reader(&root, &databases.pipelines, &reader.credentials).await?;
    tracing::info!(
        namespace = order.namespace,
        name = order.name,
        account = databases.inventory_user,
        "made the database account that reads stored pipelines"
    );
    Ok(Scan::open(&reader, &databases.pipelines).await?)
}

fn service(install: &Install) -> Result<ObjectRef, Trouble> {
    let database = install.role(Role::Database);
    let service = database.and_then(|component| component.services.first());
    service
        .map(|service| ObjectRef {
            kind: "Service".into(),
            name: service.name.clone(),
        })
        .ok_or_else(|| Trouble::broken("the release has no database of its own".into()))
}

fn password(live: &Live, namespace: &str, secret: &str) -> Result<String, Trouble> {
    match live.seen(&secret_named(secret)) {
        Seen::Known(found) => secrets::text(found, "password").ok_or_else(|| {
            Trouble::broken(format!(
                "Secret {secret} in namespace {namespace} has no password"
            ))
        }),
        Seen::Absent => Err(Trouble::broken(format!(
            "Secret {secret} in namespace {namespace} is not there"
        ))),
        Seen::Unknown { why, .. } => Err(Trouble::broken(why)),
    }
}
