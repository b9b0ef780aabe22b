//! PROOF (real databases): what a store that fails now and then comes to, and what is told meanwhile.

use std::sync::{Arc, Mutex};

use anyhow::{Result, ensure};
use kfp_database::dump::{self, Observer, dump};
use kfp_database::{Progress, Target, Tell};
use tokio_util::sync::CancellationToken;

use crate::database_backup::{dumped, failed, loaded, renamed};
use crate::database_cases::{drop_database, run};
use crate::database_damage::{same, several_chunks};
use crate::database_parts::{At, Shelf};

/// Sees rows.
#[derive(Default)]
struct Seen(Mutex<Vec<Vec<Option<String>>>>);

impl Observer for Seen {
    fn columns(&self, _: &str, table: &str) -> Vec<String> {
        match table {
            "other" => ["of_it", "nowhere", "id"].map(str::to_owned).to_vec(),
            _ => Vec::new(),
        }
    }

    fn row(&self, database: &str, table: &str, values: &[Option<&[u8]>]) {
        let text = |value: Option<&[u8]>| value.map(|value| String::from_utf8_lossy(value).into_owned());
        let mut row = vec![Some(format!("{database}.{table}"))];
        row.extend(values.iter().copied().map(text));
        if let Ok(mut seen) = self.0.lock() {
            seen.push(row);
        }
    }
}

/// Parts that fail are written and read anew; rows are shown; progress is told.
pub async fn unsteady_store(target: Target) -> Result<()> {
    let mut connection = several_chunks(&target, "kfp_bk_store").await?;
    let shelf = Shelf::new();
    shelf.fail(2, 200);
    let told: Arc<Mutex<Vec<Progress>>> = Arc::default();
    let tell: Tell = {
        let told = Arc::clone(&told);
        Arc::new(move |progress| {
            if let Ok(mut told) = told.lock() {
                told.push(progress);
            }
        })
    };
    let seen = Arc::new(Seen::default());
    let mut options = dump::Options::of(vec!["kfp_bk_store".to_owned()]);
    options.observer = Some(Arc::clone(&seen) as Arc<dyn Observer>);
    let sink = Arc::new(At(Arc::clone(&shelf)));
    let record = dump(&target, &options, sink, tell, &CancellationToken::new()).await?;
    let last = told
        .lock()
        .ok()
        .and_then(|told| told.iter().map(|told| told.rows).max());
    ensure!(
        last == Some(record.rows()),
        "{last:?} of {} rows were told",
        record.rows()
    );
    let mut rows = seen.0.lock().map(|rows| rows.clone()).unwrap_or_default();
    rows.sort();
    let row = |id: &str, of: Option<&str>| {
        vec![
            Some("kfp_bk_store.other".to_owned()),
            of.map(str::to_owned),
            None,
            Some(id.to_owned()),
        ]
    };
    ensure!(rows == [row("2", None), row("1", Some("1"))], "{rows:?}");
    run(&mut connection, "DROP DATABASE IF EXISTS kfp_bk_store_2").await?;
    shelf.fail(1, 0);
    let options = renamed(&[("kfp_bk_store", "kfp_bk_store_2")]);
    // The schema's part fails first, and is read by a load that is begun anew.
    failed(
        loaded(&target, &record, &options, &shelf).await,
        "StoreUnreachable",
        "schema",
    )?;
    loaded(&target, &record, &options, &shelf).await?;
    same(&mut connection, "kfp_bk_store", "kfp_bk_store_2").await?;
    // A store that stays away.
    shelf.fail(100, 0);
    failed(
        dumped(&target, &["kfp_bk_store"], &shelf).await,
        "StoreUnreachable",
        "schema",
    )?;
    run(&mut connection, "DROP DATABASE kfp_bk_store_2").await?;
    drop_database(connection, "kfp_bk_store").await
}
