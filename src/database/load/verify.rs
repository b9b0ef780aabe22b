//! LEDGER: reads loaded databases and compares them with the set: tables, definitions, numbers of rows, checksums. Changes
//! nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use kfp_backup::database::{DatabaseRecord, DatabasesRecord, ServerKind, TableRecord};
use kfp_backup::rows::Rows;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Database, ledger};
use crate::bulk::{Bulk, Difference, Leash, TransferError};
use crate::definition::Definition;
use crate::dump::catalog::{self, Table};
use crate::dump::read::{Take, Values, read};
use crate::dump::work::TableWork;
use crate::dump::{finished, snapshot};
use crate::progress::{Meter, Tell};
use crate::session::{Engine, ServerFacts};
use crate::spelling;
use crate::target::Target;

/// What was compared and found equal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Tables.
    pub tables: u64,
    /// Rows.
    pub rows: u64,
    /// Bytes of values.
    pub bytes: u64,
}

/// Connections that read at the same time. Rows that were just written may have left the server's memory again, and whoever reads
/// them from a disk mostly waits: of 3 GB behind a pool of 1 GiB, two read 164 MB/s, four 212, six 255 and eight 233; out of
/// memory two and six read alike (the example `transfer` on MariaDB and two cores, while this varied). Nobody else needs the server
/// meanwhile.
const READERS: usize = 6;

/// Reads databases and compares them with the set. Fails with [`TransferError::Differs`], which names each table that is not as
/// recorded. Nobody should write to them meanwhile.
pub async fn verify(
    target: &Target,
    record: &DatabasesRecord,
    databases: &[Database],
    tell: Tell,
    cancel: &CancellationToken,
) -> Result<Verified, TransferError> {
    let leash = Leash::new(target);
    let work = all(target, &leash, record, databases, tell);
    leash.guard(cancel, work.boxed()).await
}

/// What all readers share.
struct Shared {
    works: Vec<TableWork>,
    found: Mutex<BTreeMap<(String, String), Rows>>,
    huge: Semaphore,
    meter: Meter,
}

pub(super) async fn all(
    target: &Target,
    leash: &Leash,
    record: &DatabasesRecord,
    databases: &[Database],
    tell: Tell,
) -> Result<Verified, TransferError> {
    let chosen = super::choose(target, record, databases)?;
    let mut control = Bulk::open(target, leash).await?;
    let like = Like::of(record, control.facts());
    let mut differences = Vec::new();
    let mut tables = Vec::new();
    for (record, into) in &chosen {
        definitions(&mut control, &like, record, into, &mut tables, &mut differences).await?;
    }
    control.close().await;
    tables.sort_by_key(|table| std::cmp::Reverse(table.data_bytes));
    let expected = chosen.iter().map(|(record, _)| super::bytes(record)).sum();
    let shared = Arc::new(Shared {
        works: tables.into_iter().map(TableWork::new).collect(),
        found: Mutex::default(),
        huge: Semaphore::new(1),
        meter: Meter::new(Some(expected), tell),
    });
    read_all(target, leash, &shared).await?;
    let found = std::mem::take(&mut *shared.found.lock().unwrap_or_else(PoisonError::into_inner));
    let mut verified = Verified::default();
    for (record, into) in &chosen {
        for table in &record.tables {
            let rows = found.get(&((*into).to_owned(), table.name.clone()));
            let Some(rows) = rows else { continue };
            verified.tables += 1;
            verified.rows += rows.rows;
            verified.bytes += rows.bytes;
            differences.extend(compare(into, table, rows));
        }
    }
    if differences.is_empty() {
        Ok(verified)
    } else {
        Err(TransferError::Differs(differences))
    }
}

fn compare(into: &str, table: &TableRecord, found: &Rows) -> Option<Difference> {
    let expected = &table.rows;
    let what = if found.rows != expected.rows {
        format!("{} rows, the set has {}", found.rows, expected.rows)
    } else if found != expected {
        format!(
            "its rows have checksum {}, the set has {}",
            found.checksum, expected.checksum
        )
    } else {
        return None;
    };
    Some(difference(into, &table.name, what))
}

fn difference(into: &str, table: &str, what: impl Into<String>) -> Difference {
    Difference {
        database: into.to_owned(),
        table: table.to_owned(),
        what: what.into(),
    }
}

/// How like the server is to the one of the set.
struct Like {
    /// Both write definitions alike.
    same: bool,
}

impl Like {
    fn of(record: &DatabasesRecord, facts: &ServerFacts) -> Self {
        let kind = match facts.engine {
            Engine::MySql => ServerKind::MySql,
            Engine::MariaDb => ServerKind::MariaDb,
        };
        Self {
            same: kind == record.server.kind && facts.server_version == record.server.version,
        }
    }
}

/// Compares names and definitions. Tables whose rows can be compared go into `tables`, with the columns of the set.
async fn definitions(
    control: &mut Bulk,
    like: &Like,
    record: &DatabaseRecord,
    into: &str,
    tables: &mut Vec<Table>,
    differences: &mut Vec<Difference>,
) -> Result<(), TransferError> {
    let names = catalog::tables(control, into).await?;
    for name in &names {
        if name != ledger::TABLE && !record.tables.iter().any(|table| table.name == *name) {
            differences.push(difference(into, name, "not in the set"));
        }
    }
    for expected in &record.tables {
        if !names.contains(&expected.name) {
            differences.push(difference(into, &expected.name, "missing"));
            continue;
        }
        let mut found = catalog::table(control, into, &expected.name).await?;
        differences.extend(
            shape(like, expected, &found)
                .into_iter()
                .map(|what| difference(into, &expected.name, what)),
        );
        // The key's places are those of its own columns.
        let places: Option<Vec<usize>> = expected
            .columns
            .iter()
            .map(|column| found.columns.iter().position(|other| other.name == column.name))
            .collect();
        let Some(places) = places else { continue };
        found.key = found.key.and_then(|key| {
            key.iter()
                .map(|place| places.iter().position(|other| other == place))
                .collect()
        });
        found.columns = places.iter().map(|place| found.columns[*place].clone()).collect();
        tables.push(found);
    }
    Ok(())
}

/// What differs in two definitions.
fn shape(like: &Like, expected: &TableRecord, found: &Table) -> Vec<String> {
    if like.same {
        let Some(expected) = Definition::parse(&expected.definition) else {
            return vec!["the set's definition is not understood".to_owned()];
        };
        let (expected, found) = (expected.essence(), found.definition.essence());
        let missing = expected.iter().filter(|item| !found.contains(item));
        let extra = found.iter().filter(|item| !expected.contains(item));
        return missing
            .map(|item| format!("no `{item}`"))
            .chain(extra.map(|item| format!("`{item}`, which is not in the set")))
            .collect();
    }
    // Servers of other versions write the same in other words: columns, their types and collations are compared.
    let mut differences = Vec::new();
    for column in &expected.columns {
        let other = found.columns.iter().find(|other| other.name == column.name);
        let Some(other) = other else {
            differences.push(format!("no column `{}`", column.name));
            continue;
        };
        let types = [&other.full_type, &column.data_type].map(|text| spelling::data_type(text));
        if types[0] != types[1] || other.collation != column.collation {
            let words = |data_type: &str, collation: &Option<String>| {
                format!("{data_type} {}", collation.as_deref().unwrap_or_default())
            };
            differences.push(format!(
                "column `{}` is {}, in the set {}",
                column.name,
                words(&types[0], &other.collation).trim_end(),
                words(&types[1], &column.collation).trim_end()
            ));
        }
    }
    differences
}

async fn read_all(target: &Target, leash: &Leash, shared: &Arc<Shared>) -> Result<(), TransferError> {
    let mut tasks = JoinSet::new();
    for _ in 0..READERS {
        let (target, leash, shared) = (target.clone(), leash.clone(), Arc::clone(shared));
        tasks.spawn(async move {
            let mut reader = snapshot::reader(&target, &leash).await?;
            for work in &shared.works {
                while !work.is_done() {
                    if let Some(claim) = work.claim(&mut reader).await? {
                        let mut counting = Counting {
                            shared: &shared,
                            table: &work.table,
                            rows: Rows::default(),
                            told: Rows::default(),
                        };
                        read(
                            &mut reader,
                            &work.table,
                            &claim.range,
                            &shared.huge,
                            &mut counting,
                        )
                        .await?;
                        counting.tell();
                        work.learn(&counting.rows);
                        shared.add(&work.table, counting.rows);
                    }
                }
            }
            reader.close().await;
            Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        finished(ended)?;
    }
    Ok(())
}

impl Shared {
    fn add(&self, table: &Table, rows: Rows) {
        let key = (table.database.clone(), table.name.clone());
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.entry(key).or_default().merge(rows);
    }
}

/// Counts and sums up the rows of a chunk.
struct Counting<'a> {
    shared: &'a Shared,
    table: &'a Table,
    rows: Rows,
    told: Rows,
}

/// Bytes after which progress is told.
const TELL: u64 = 1 << 20;

impl Take for Counting<'_> {
    async fn take(&mut self, values: Values<'_>) -> Result<(), TransferError> {
        self.rows.add(values.iter());
        if self.rows.bytes - self.told.bytes >= TELL {
            self.tell();
        }
        Ok(())
    }
}

impl Counting<'_> {
    fn tell(&mut self) {
        let (bytes, rows) = (self.rows.bytes - self.told.bytes, self.rows.rows - self.told.rows);
        self.told = self.rows;
        self.shared
            .meter
            .add(bytes, rows, &self.table.database, &self.table.name);
    }
}
