//! LEDGER: one chunk of a table: its rows counted, summed up and written into a part, all in one pass.

use std::time::Duration;

use kfp_backup::layout;
use kfp_backup::rows::Rows;

use super::Shared;
use super::catalog::Table;
use super::read::{Take, Values, read, shown_key};
use super::work::Claim;
use super::write::{Inserts, LARGE_ROW, PartStream, rows_header};
use crate::bulk::{Bulk, TransferError};

/// Most that `max_allowed_packet` can be set to (MySQL and MariaDB: 1 GiB).
const MAX_STATEMENT: u64 = 1 << 30;
/// How often a part is begun anew before the dump fails.
const ATTEMPTS: u32 = 4;

/// A chunk that was dumped.
pub(crate) struct Dumped {
    pub(crate) database: String,
    pub(crate) table: String,
    pub(crate) number: u32,
    /// Path of the part; `None` for a chunk without rows.
    pub(crate) part: Option<String>,
    pub(crate) rows: Rows,
    pub(crate) largest_row: u64,
    pub(crate) largest_statement: u64,
}

/// Reads a chunk and writes its part. A part that fails is written anew, for the snapshot still shows the same rows.
pub(super) async fn dump(
    shared: &Shared,
    table: &Table,
    claim: &Claim,
    reader: &mut Bulk,
) -> Result<Dumped, TransferError> {
    let mut tries = Tries::default();
    loop {
        match once(shared, table, claim, reader).await {
            Err(error) => tries.bear(error).await?,
            done => return done,
        }
    }
}

/// How often something was begun anew since a part could not be written or read.
#[derive(Default)]
pub(crate) struct Tries(u32);

impl Tries {
    /// Waits, longer each time, when it is worth to begin anew; else returns the error.
    pub(crate) async fn bear(&mut self, error: TransferError) -> Result<(), TransferError> {
        match error {
            TransferError::Part(error) if error.retry && self.0 + 1 < ATTEMPTS => {
                tokio::time::sleep(Duration::from_secs(1 << self.0)).await;
                self.0 += 1;
                Ok(())
            }
            error => Err(error),
        }
    }
}

async fn once(
    shared: &Shared,
    table: &Table,
    claim: &Claim,
    reader: &mut Bulk,
) -> Result<Dumped, TransferError> {
    let observed = shared.observer.as_ref().map(|observer| {
        let names = observer.columns(&table.database, &table.name);
        let place = |name: &String| table.columns.iter().position(|column| column.name == *name);
        names.iter().map(place).collect::<Vec<_>>()
    });
    let columns = table.columns.iter();
    let mut chunk = Chunk {
        shared,
        table,
        path: layout::rows(&table.database, &table.name, claim.number),
        observed: observed.filter(|places| !places.is_empty()).unwrap_or_default(),
        inserts: Inserts::new(
            &table.name,
            columns.map(|column| (column.name.as_str(), column.literal())),
        ),
        part: None,
        rows: Rows::default(),
        largest_row: 0,
        told: Told::default(),
    };
    let mut done = read(reader, table, &claim.range, &shared.huge, &mut chunk).await;
    let mut path = None;
    if done.is_ok() {
        done = chunk.finish().await.map(|finished| path = finished);
    }
    if let Err(error) = done {
        shared.meter.take_back(chunk.told.bytes, chunk.told.rows);
        return Err(error);
    }
    chunk.tell();
    Ok(Dumped {
        database: table.database.clone(),
        table: table.name.clone(),
        number: claim.number,
        part: path,
        rows: chunk.rows,
        largest_row: chunk.largest_row,
        largest_statement: chunk.inserts.longest(),
    })
}

/// What was told of a chunk already.
#[derive(Default)]
struct Told {
    bytes: u64,
    rows: u64,
}

/// Takes the rows of a chunk.
struct Chunk<'a> {
    shared: &'a Shared,
    table: &'a Table,
    path: String,
    observed: Vec<Option<usize>>,
    inserts: Inserts,
    part: Option<PartStream>,
    rows: Rows,
    largest_row: u64,
    told: Told,
}

/// Bytes after which progress is told.
const TELL: u64 = 1 << 20;

impl Take for Chunk<'_> {
    async fn take(&mut self, values: Values<'_>) -> Result<(), TransferError> {
        let bytes = self.rows.add(values.iter());
        self.largest_row = self.largest_row.max(bytes);
        self.observe(values);
        self.shared.pace.wait(bytes).await;
        let part = match &mut self.part {
            Some(part) => part,
            none => none.insert(
                PartStream::begin(
                    self.shared.sink.as_ref(),
                    &self.path,
                    rows_header(),
                    self.shared.level,
                )
                .await?,
            ),
        };
        if bytes < LARGE_ROW {
            if self.inserts.add(values.iter()) {
                part.write(self.inserts.ready()).await?;
            }
        } else {
            if self.inserts.flush() {
                part.write(self.inserts.ready()).await?;
            }
            let needs = self.inserts.write_large(part, values.iter()).await?;
            if needs > MAX_STATEMENT {
                return Err(TransferError::RowTooLarge {
                    table: self.table.shown(),
                    key: shown_key(self.table, values),
                    bytes: needs,
                    limit: MAX_STATEMENT,
                });
            }
        }
        if self.rows.bytes - self.told.bytes >= TELL {
            self.tell();
        }
        Ok(())
    }
}

impl Chunk<'_> {
    fn observe(&self, values: Values<'_>) {
        if let (Some(observer), false) = (&self.shared.observer, self.observed.is_empty()) {
            let shown: Vec<Option<&[u8]>> = self
                .observed
                .iter()
                .map(|place| place.and_then(|place| values.get(place)))
                .collect();
            observer.row(&self.table.database, &self.table.name, &shown);
        }
    }

    fn tell(&mut self) {
        let (bytes, rows) = (self.rows.bytes - self.told.bytes, self.rows.rows - self.told.rows);
        self.told = Told {
            bytes: self.rows.bytes,
            rows: self.rows.rows,
        };
        self.shared
            .meter
            .add(bytes, rows, &self.table.database, &self.table.name);
    }

    /// Ends the part. Its path; `None` when there were no rows.
    async fn finish(&mut self) -> Result<Option<String>, TransferError> {
        let Some(mut part) = self.part.take() else {
            return Ok(None);
        };
        if self.inserts.flush() {
            part.write(self.inserts.ready()).await?;
        }
        Ok(Some(part.finish().await?.path))
    }
}
