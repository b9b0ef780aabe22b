//! EYES AND HANDS: what a backup's Job does: takes a set, checks one, puts one back, removes one. Everything is in the order;
//! nothing is decided here.

mod artifacts;
mod bucket;
mod copies;
pub mod destination;
mod lines;
mod listing;
pub mod meter;
mod objects;
mod own_store;
mod parts;
mod put_back;
mod references;
mod remove;
mod restore;
pub mod runs;
mod schema;
mod scratch;
pub mod seal;
pub mod sets;
pub mod source;
pub mod state;
mod take;
mod transport;
pub mod trouble;
mod upload;
mod verify;

use std::sync::Arc;
use std::time::Duration;

use kfp_backup::order::{DatabaseServer, Order, Task};
use kfp_backup::progress::{Done, Phase};
use kfp_database::{Credentials, Target, TransferError};
use kfp_releases::schema::SchemaCatalog;
use kube::Client;
use tokio_util::sync::CancellationToken;

pub use artifacts::ArtifactLine;
pub use bucket::SpecLine;
pub use destination::PATIENCE;
pub use meter::Meter;
pub use trouble::Trouble;

/// How long something that was told to stop may take to leave a server and a store in order. Kubernetes kills after 30 s.
const STOPPING: Duration = Duration::from_secs(20);

/// What surrounds a Job.
#[derive(Clone)]
pub struct Surroundings {
    /// The cluster, for what reads or writes objects.
    pub client: Option<Client>,
    /// The schemas of releases.
    pub schemas: Arc<SchemaCatalog>,
    /// Ends the work.
    pub stop: CancellationToken,
    /// How long a request to a store is tried again; [`PATIENCE`] but for tests.
    pub patience: Duration,
}

impl Surroundings {
    fn client(&self) -> Result<&Client, Trouble> {
        self.client.as_ref().ok_or_else(|| {
            Trouble::lasting(
                "KubernetesMissing",
                "Kubernetes objects are to be read or written, and this process knows no cluster",
            )
        })
    }
}

/// Carries an order out. `stop`, and the order's time limit, end it: sessions and uploads are given up in order.
pub async fn run(order: &Order, surroundings: &Surroundings, meter: &Arc<Meter>) -> Result<Done, Trouble> {
    let limit = Duration::from_secs(order.time_limit_seconds);
    // Its own end, so that a limit that passes stops this order and not whoever asks for more of them.
    let surroundings = Surroundings {
        stop: surroundings.stop.child_token(),
        ..surroundings.clone()
    };
    let stop = surroundings.stop.clone();
    let late = async {
        if limit.is_zero() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(limit).await;
    };
    let work = carry_out(order, &surroundings, meter);
    tokio::pin!(work);
    let ended = tokio::select! {
        done = &mut work => return finished(done, meter),
        () = stop.cancelled() => Trouble::stopped(),
        () = late => Trouble::out_of_time(limit),
    };
    stop.cancel();
    // Rooms that hold locks or sessions hear of it and leave; the rest is dropped with what it was writing. What came to its
    // end meanwhile is done.
    match tokio::time::timeout(STOPPING, work).await {
        Ok(Ok(done)) => finished(Ok(done), meter),
        Ok(Err(_)) | Err(_) => Err(ended),
    }
}

fn finished(done: Result<Done, Trouble>, meter: &Meter) -> Result<Done, Trouble> {
    if done.is_ok() {
        meter.enter(Phase::Finished);
    }
    done
}

async fn carry_out(order: &Order, surroundings: &Surroundings, meter: &Arc<Meter>) -> Result<Done, Trouble> {
    let stop = &surroundings.stop;
    let work = async {
        Ok(match &order.task {
            Task::Take(order) => {
                Done::Took(Box::new(Box::pin(take::take(order, surroundings, meter)).await?))
            }
            Task::Verify(order) => Done::Verified(Box::new(
                Box::pin(verify::verify(order, surroundings, meter)).await?,
            )),
            Task::Restore(restore) => {
                // The name of the Job is the same for all its starts.
                let id = format!("{}/{}/{}", order.tell.namespace, order.tell.name, restore.set);
                Done::Restored(Box::new(
                    Box::pin(restore::restore(&id, restore, surroundings, meter)).await?,
                ))
            }
            Task::Remove(order) => Done::Removed(Box::new(remove::remove(order, surroundings, meter).await?)),
        })
    };
    tokio::select! {
        done = work => done,
        // What does not listen for the end itself gets a little while: a dump that is told to stop unlocks its tables.
        () = async { stop.cancelled().await; tokio::time::sleep(STOPPING / 2).await; } => Err(Trouble::stopped()),
    }
}

/// A server of an order as the ledger knows it.
#[must_use]
pub fn target_of(server: &DatabaseServer) -> Target {
    Target {
        host: server.host.clone(),
        port: server.port,
        credentials: Credentials {
            username: server.username.clone(),
            password: server.password.reveal().to_owned(),
        },
    }
}

impl From<TransferError> for Trouble {
    fn from(error: TransferError) -> Self {
        let reason = match (&error, error.reason()) {
            (TransferError::Cancelled, _) => return Self::stopped(),
            (TransferError::Server { .. }, "AccessDenied") => "DatabaseDenied",
            (TransferError::Server { .. }, "Unreachable") => "DatabaseUnreachable",
            (TransferError::Server { .. }, "Timeout") => "DatabaseTimeout",
            (TransferError::Server { .. }, "TooManyConnections") => "DatabaseTooManyConnections",
            (TransferError::Server { .. }, "UnknownDatabase") => "DatabaseMissing",
            (TransferError::Server { .. }, _) => "DatabaseFailed",
            (TransferError::Unsupported { .. }, _) => "DatabaseUnsupported",
            (TransferError::NotEmpty { .. }, _) => "DatabaseNotEmpty",
            (TransferError::Busy { .. }, _) => "DatabaseBusy",
            (TransferError::Differs(_), _) => "RestoreDiffers",
            (_, reason) => reason,
        };
        Self {
            reason,
            message: error.to_string(),
            retry: error.retry(),
        }
    }
}
