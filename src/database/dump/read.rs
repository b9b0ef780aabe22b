//! LEDGER: the rows of a table between two keys, one by one, with little memory: what one row takes is known before it comes.
//! What becomes of them stands elsewhere.

use tokio::sync::Semaphore;

use super::catalog::Table;
use super::range::{KeyValues, Range, exactly, key_literal};
use crate::bulk::{Answer, Bulk, TransferError};
use crate::session::quoted;

/// Bytes of a row's large columns beyond which it is fetched by itself, one such row at a time in the whole process.
const HUGE: u64 = 2 << 20;

/// The values of a row.
#[derive(Clone, Copy)]
pub(crate) struct Values<'a> {
    answer: &'a Answer,
    count: usize,
}

impl<'a> Values<'a> {
    fn of(table: &Table, answer: &'a Answer) -> Self {
        Self {
            answer,
            count: table.columns.len(),
        }
    }

    /// Each column's bytes.
    pub(crate) fn iter(self) -> impl Iterator<Item = Option<&'a [u8]>> {
        // The first column is ours.
        (1..=self.count).map(move |column| self.answer.bytes(column))
    }

    /// One column's bytes.
    pub(crate) fn get(self, place: usize) -> Option<&'a [u8]> {
        self.answer.bytes(place + 1)
    }
}

/// Takes rows.
pub(crate) trait Take: Send {
    /// Takes one row.
    fn take(&mut self, values: Values<'_>) -> impl Future<Output = Result<(), TransferError>> + Send;
}

/// Gives every row of `range` to `taker`. `huge` has one permit.
pub(crate) async fn read(
    bulk: &mut Bulk,
    table: &Table,
    range: &Range,
    huge: &Semaphore,
    taker: &mut impl Take,
) -> Result<(), TransferError> {
    let doing = format!("reading {}", table.shown());
    let wide = table.columns.iter().any(|column| column.wide);
    // Rows that cannot be asked for one by one come as they are.
    let alone = match (&table.key, wide) {
        (None, true) => huge.acquire().await.ok(),
        _ => None,
    };
    let mut later: Vec<KeyValues> = Vec::new();
    let mut rows = bulk.stream(select(
        table,
        &range.condition(table),
        wide && table.key.is_some(),
    ));
    while let Some(answer) = rows.next(&doing).await? {
        if answer.bytes(0) == Some(b"1") {
            later.extend(key_of(table, &answer));
        } else {
            taker.take(Values::of(table, &answer)).await?;
        }
    }
    drop(rows);
    if alone.is_some() {
        bulk.shrink();
    }
    drop(alone);
    for key in later {
        fetch_huge(bulk, table, &key, huge, taker).await?;
    }
    Ok(())
}

async fn fetch_huge(
    bulk: &mut Bulk,
    table: &Table,
    key: &KeyValues,
    huge: &Semaphore,
    taker: &mut impl Take,
) -> Result<(), TransferError> {
    let doing = format!("reading {}", table.shown());
    let _alone = huge.acquire().await.ok();
    let mut rows = bulk.stream(select(table, &exactly(table, key), false));
    let mut found = false;
    while let Some(answer) = rows.next(&doing).await? {
        found = true;
        taker.take(Values::of(table, &answer)).await?;
    }
    drop(rows);
    bulk.shrink();
    if found {
        Ok(())
    } else {
        Err(TransferError::SchemaChanged {
            table: table.shown(),
            why: format!("the row {} is gone", key.join(", ")),
        })
    }
}

/// The query. Its first column is 1 where the row is huge, whose large columns are NULL then.
fn select(table: &Table, condition: &str, sift: bool) -> String {
    let is_key = |place: &usize| table.key.as_ref().is_some_and(|key| key.contains(place));
    let large = |place: &usize| sift && table.columns[*place].wide && !is_key(place);
    let places = 0..table.columns.len();
    let lengths: Vec<String> = places
        .clone()
        .filter(large)
        .map(|place| {
            format!(
                "COALESCE(OCTET_LENGTH({}), 0)",
                quoted(&table.columns[place].name)
            )
        })
        .collect();
    let flag = if lengths.is_empty() {
        "0".to_owned()
    } else {
        format!("{} > {HUGE}", lengths.join(" + "))
    };
    let columns: Vec<String> = places
        .map(|place| {
            let expression = table.columns[place].expression();
            if large(&place) {
                format!("IF({flag}, NULL, {expression})")
            } else {
                expression
            }
        })
        .collect();
    let (by_key, order) = order(table);
    format!(
        "SELECT {flag}, {} FROM {}{by_key}{condition}{order}",
        columns.join(", "),
        table.path()
    )
}

/// What makes the server go along the primary key, in its order.
fn order(table: &Table) -> (&'static str, String) {
    let Some(key) = &table.key else {
        return ("", String::new());
    };
    let names: Vec<String> = key
        .iter()
        .map(|place| quoted(&table.columns[*place].name))
        .collect();
    (
        " FORCE INDEX (PRIMARY)",
        format!(" ORDER BY {}", names.join(", ")),
    )
}

fn key_of(table: &Table, answer: &Answer) -> Option<KeyValues> {
    let key = table.key.as_ref()?;
    key.iter()
        .map(|place| Some(key_literal(&table.columns[*place], answer.bytes(place + 1)?)))
        .collect()
}

/// The key of a row, for people.
pub(crate) fn shown_key(table: &Table, values: Values<'_>) -> String {
    let Some(key) = &table.key else {
        return "without a key".to_owned();
    };
    let values: Vec<String> = key
        .iter()
        .map(|place| String::from_utf8_lossy(values.get(*place).unwrap_or_default()).into_owned())
        .collect();
    values.join(", ")
}

/// The key that lies `rows` rows after `from`; `None` when there are not so many.
pub(crate) async fn key_after(
    bulk: &mut Bulk,
    table: &Table,
    from: Option<&KeyValues>,
    rows: u64,
) -> Result<Option<KeyValues>, TransferError> {
    let Some(key) = &table.key else { return Ok(None) };
    let names: Vec<String> = key
        .iter()
        .map(|place| quoted(&table.columns[*place].name))
        .collect();
    let range = Range {
        from: from.cloned(),
        to: None,
    };
    let (by_key, order) = order(table);
    let sql = format!(
        "SELECT {} FROM {}{by_key}{}{order} LIMIT 1 OFFSET {rows}",
        names.join(", "),
        table.path(),
        range.condition(table),
    );
    let doing = format!("reading {}", table.shown());
    let answers = bulk.query(&doing, sql).await?;
    Ok(answers.first().and_then(|answer| {
        let columns = key.iter().enumerate();
        columns
            .map(|(at, place)| Some(key_literal(&table.columns[*place], answer.bytes(at)?)))
            .collect()
    }))
}
