//! LEDGER: indexes and foreign keys of loaded tables, once all rows are there. What is made already is left as it is.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinSet;

use super::rows::writer;
use super::{Begun, DEFINITIONS, Shared, State, ledger, prepare};
use crate::bulk::{Bulk, Leash, TransferError, WHOLE_TABLE};
use crate::dump::finished;
use crate::session::quoted;
use crate::target::Target;

/// A statement that makes an index.
#[derive(Clone)]
struct Index {
    into: String,
    sql: String,
    step: String,
}

/// Indexes of several tables at once; then foreign keys, one after the other.
pub(super) async fn all(
    target: &Target,
    leash: &Leash,
    shared: &Arc<Shared>,
    writers: usize,
    begun: &[Begun<'_>],
) -> Result<(), TransferError> {
    let (mut keys, mut foreign) = (VecDeque::new(), VecDeque::new());
    for Begun { record, into, state } in begun {
        let State::Tables(ledger) = state else { continue };
        let statements = prepare::statements(shared.source.as_ref(), &record.indexes, prepare::ALTER).await?;
        for (number, sql) in statements.into_iter().enumerate() {
            let step = ledger::statement(&record.indexes, number);
            if ledger.has(&step) {
                continue;
            }
            let last = sql.contains("` ADD CONSTRAINT `");
            let index = Index {
                into: (*into).to_owned(),
                sql,
                step,
            };
            if last {
                foreign.push_back(index);
            } else {
                keys.push_back(index);
            }
        }
    }
    make_all(target, leash, keys, writers).await?;
    make_all(target, leash, foreign, 1).await
}

async fn make_all(
    target: &Target,
    leash: &Leash,
    indexes: VecDeque<Index>,
    writers: usize,
) -> Result<(), TransferError> {
    if indexes.is_empty() {
        return Ok(());
    }
    let queue = Arc::new(Mutex::new(indexes));
    let mut tasks = JoinSet::new();
    for _ in 0..writers.max(1) {
        let (target, leash, queue) = (target.clone(), leash.clone(), Arc::clone(&queue));
        tasks.spawn(async move {
            let mut writer = writer(&target, &leash, DEFINITIONS).await?;
            loop {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let Some(index) = next else { break };
                make(&mut writer, index).await?;
            }
            writer.close().await;
            Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        finished(ended)?;
    }
    Ok(())
}

async fn make(writer: &mut Bulk, index: Index) -> Result<(), TransferError> {
    let doing = format!("making indexes in {}", index.into);
    writer.run(&doing, format!("USE {}", quoted(&index.into))).await?;
    match writer.run_for(WHOLE_TABLE, &doing, index.sql).await {
        Ok(_) => {}
        // Made before the load was interrupted: a key of this name, a constraint of this name. The definitions are compared at
        // the end.
        Err(error) if matches!(error.number(), Some(1061 | 1826)) => {}
        Err(error) if error.number() == Some(1005) && error.to_string().contains("errno: 121") => {}
        Err(error) => return Err(error),
    }
    ledger::note(writer, &index.into, &index.step).await
}
