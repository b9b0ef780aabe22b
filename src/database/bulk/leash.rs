//! LEDGER: sessions that must not stay on the server with their locks: killed when whoever made them fails, is cancelled or is
//! dropped.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use tokio_util::sync::CancellationToken;

use super::TransferError;
use crate::session::{bounded, options};
use crate::target::Target;

/// How long killing all may take.
const LIMIT: Duration = Duration::from_secs(5);

/// The sessions of one piece of work.
#[derive(Clone)]
pub(crate) struct Leash(Arc<Held>);

struct Held {
    target: Target,
    ids: Mutex<BTreeSet<u64>>,
}

impl Leash {
    /// A leash for sessions at this server.
    pub(crate) fn new(target: &Target) -> Self {
        Self(Arc::new(Held {
            target: target.clone(),
            ids: Mutex::default(),
        }))
    }

    pub(super) fn hold(&self, id: u64) {
        self.0.ids().insert(id);
    }

    pub(super) fn release(&self, id: u64) {
        self.0.ids().remove(&id);
    }

    /// Carries work on these sessions to its end or until it is cancelled; none of them stays on the server.
    pub(crate) async fn guard<T>(
        &self,
        cancel: &CancellationToken,
        work: BoxFuture<'_, Result<T, TransferError>>,
    ) -> Result<T, TransferError> {
        let done = tokio::select! {
            done = work => done,
            () = cancel.cancelled() => Err(TransferError::Cancelled),
        };
        self.kill().await;
        done
    }

    /// Kills every session that did not say goodbye.
    pub(crate) async fn kill(&self) {
        let ids = std::mem::take(&mut *self.0.ids());
        kill(&self.0.target, ids).await;
    }
}

impl fmt::Debug for Leash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Leash").field(&*self.0.ids()).finish()
    }
}

impl Held {
    fn ids(&self) -> std::sync::MutexGuard<'_, BTreeSet<u64>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let ids = std::mem::take(&mut *self.ids());
        // Without a runtime the process is ending, and its sockets with it, which the server notices.
        if let (false, Ok(runtime)) = (ids.is_empty(), tokio::runtime::Handle::try_current()) {
            let target = self.target.clone();
            runtime.spawn(async move { kill(&target, ids).await });
        }
    }
}

async fn kill(target: &Target, ids: BTreeSet<u64>) {
    if ids.is_empty() {
        return;
    }
    let killing = async {
        let mut connection = options(target).connect().await?;
        for id in ids {
            // One that has ended is no matter.
            let _ = connection.execute(AssertSqlSafe(format!("KILL {id}"))).await;
        }
        connection.close().await
    };
    // A server that cannot be reached any more notices the closed sockets by itself.
    let _ = bounded(LIMIT, killing).await;
}
