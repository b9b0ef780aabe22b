//! EYES AND HANDS: what is seen (`observe`) and what is done (`act`). The only room with a Kubernetes client and an
//! object-store client; nothing is decided here.

pub mod act;
pub mod backup;
pub mod backup_jobs;
pub mod certificates;
pub mod cluster;
pub mod credentials;
pub mod desired;
pub mod digest;
pub mod error;
pub mod inventory;
pub mod kinds;
pub mod live;
pub mod observe;
pub mod subset;

use std::sync::Arc;

use kfp_releases::Catalog;
use kfp_releases::schema::SchemaCatalog;
use kube::Client;

pub use cluster::Cluster;
pub use error::{Error, Retry};
pub use observe::{Surroundings, Wanted};

/// Looks and acts for installations. Cheap to clone; keeps nothing of the world from one pass to the next.
#[derive(Clone)]
pub struct Engine {
    cluster: Cluster,
    http: reqwest::Client,
    catalog: Arc<Catalog>,
    schemas: Arc<SchemaCatalog>,
}

impl Engine {
    /// An engine over this client and these facts.
    #[must_use]
    pub fn new(client: Client, catalog: Arc<Catalog>, schemas: Arc<SchemaCatalog>) -> Self {
        Self {
            cluster: Cluster::new(client),
            http: reqwest::Client::new(),
            catalog,
            schemas,
        }
    }

    /// The cluster that it works on.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }
}
