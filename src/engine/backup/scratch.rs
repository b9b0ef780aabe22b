//! HANDS: a set restored into scratch databases, compared there by the ledger's room, and taken away again.

use std::sync::Arc;

use kfp_backup::database::DatabasesRecord;
use kfp_backup::order::Scratch;
use kfp_backup::progress::Phase;
use kfp_database::load::{DEAD, Database, Loaded, Options, load};
use kfp_database::repair::drop_databases;
use kfp_database::{Progress, Target, TransferError};

use super::meter::Meter;
use super::source::SetReader;
use super::trouble::Trouble;
use super::{Surroundings, target_of};

/// Sessions that write: two fill the cores of a small server.
pub const WRITERS: usize = 2;

/// Restores all databases under scratch names. What was made is dropped, whatever comes of it.
pub async fn restore(
    scratch: &Scratch,
    id: &str,
    record: &DatabasesRecord,
    source: &SetReader,
    surroundings: &Surroundings,
    meter: &Arc<Meter>,
) -> Result<Loaded, Trouble> {
    let target = target_of(&scratch.server);
    let databases: Vec<Database> = record
        .databases
        .iter()
        .map(|database| Database {
            recorded: database.name.clone(),
            into: format!("{}{}", scratch.prefix, database.name),
        })
        .collect();
    let names: Vec<String> = databases.iter().map(|database| database.into.clone()).collect();
    let options = Options {
        id: id.to_owned(),
        databases,
        writers: WRITERS,
        replace: true,
        patience: DEAD,
        keep_mark: false,
    };
    // Of an earlier attempt that was killed.
    drop_databases(&target, &names).await?;
    let loaded = loading(&target, record, &options, source, surroundings, meter).await;
    let dropped = drop_databases(&target, &names).await;
    let loaded = loaded?;
    dropped?;
    Ok(loaded)
}

/// Loads databases, telling of it; what makes no sense in a part is named by what is wrong with its bytes.
pub async fn loading(
    target: &Target,
    record: &DatabasesRecord,
    options: &Options,
    source: &SetReader,
    surroundings: &Surroundings,
    meter: &Arc<Meter>,
) -> Result<Loaded, Trouble> {
    let expected = record.bytes();
    meter.enter(Phase::Loading);
    let telling = meter.clone();
    let tell = Arc::new(move |progress: Progress| telling.reach(progress.bytes, progress.rows));
    let before = meter.read(jiff::Timestamp::now()).bytes;
    meter.expect(before.saturating_add(expected.saturating_mul(2)), 0);
    let done = load(
        target,
        record,
        options,
        Arc::new(source.clone()),
        tell,
        &surroundings.stop,
    )
    .await;
    match done {
        Ok(loaded) => Ok(loaded),
        Err(TransferError::Content { part, why }) => {
            let named = source.diagnose(&part).await;
            Err(named.unwrap_or_else(|| TransferError::Content { part, why }.into()))
        }
        Err(error) => Err(error.into()),
    }
}
