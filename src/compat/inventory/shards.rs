//! JUDGEMENT: the inventory as JSON texts, each small enough for a ConfigMap. The same rows give the same bytes, and a row that
//! changes changes one text.

use std::collections::BTreeMap;
use std::sync::Arc;

use kfp_releases::Version;
use serde::{Deserialize, Serialize};

use super::{Fare, Kind, Row, Told, Why};
use crate::judge::Outcome;

/// Number of the format. It changes when a reader of the old one would misunderstand.
pub const FORMAT: u32 = 1;
/// Key of a ConfigMap's data that holds a shard.
pub const KEY: &str = "inventory.json";
/// Longest text of one shard, in bytes: 512 KiB, less 4 KiB for the ConfigMap around it.
pub const SHARD_BYTES: usize = (512 - 4) * 1024;
/// Most shards of one inventory; the status names as many.
pub const SHARDS_MAX: usize = 64;

/// What is true of a whole inventory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Digest of what was judged with; rows of another one are to be judged again.
    pub judged_by: String,
    /// Releases that every row was judged on: the one that runs, and each that it may go to.
    pub releases: Vec<Version>,
    /// When the last full scan ended, in seconds since 1970. Unset before the first one did.
    pub scanned: Option<i64>,
}

/// One part of an inventory. Rows are spread over the parts by their keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shard {
    /// [`FORMAT`].
    pub format: u32,
    /// Number of this part, from 0.
    pub index: usize,
    /// How many parts there are.
    pub of: usize,
    /// As in [`Head`].
    pub judged_by: String,
    /// As in [`Head`].
    pub releases: Vec<Version>,
    /// As in [`Head`], in the first part alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scanned: Option<i64>,
    /// What findings say, by their number in this list.
    told: Vec<Told>,
    /// The rows.
    rows: Vec<RowRecord>,
}

/// A row as it is written. Fields as in [`Row`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RowRecord {
    kind: Kind,
    id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pipeline: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pipeline_id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    version: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    namespace: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    experiment: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    service_account: String,
    created: i64,
    #[serde(default, skip_serializing_if = "is_false")]
    newest: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    disabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sdk: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unread: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fares: Vec<FareRecord>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FareRecord {
    release: Version,
    outcome: Outcome,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    why: Vec<WhyRecord>,
    #[serde(default, skip_serializing_if = "is_zero")]
    more: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct WhyRecord {
    told: usize,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    path: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references over")]
fn is_false(value: &bool) -> bool {
    !value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references over")]
fn is_zero(value: &usize) -> bool {
    *value == 0
}

/// An inventory as texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// The texts, by the number of the shard.
    pub texts: Vec<String>,
    /// Rows that had no room: runs first, the oldest first, then recurring runs, then pipeline versions.
    pub left_out: usize,
}

/// Why texts are no inventory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// A text that cannot be read.
    #[error("shard {index} cannot be read: {why}; the operator writes it anew with its next scan")]
    Unreadable {
        /// Its place among the texts.
        index: usize,
        /// What is wrong.
        why: String,
    },
    /// A format of another version of this program.
    #[error(
        "shard {index} has format {format}, and this program reads {FORMAT}: take the kfpctl of the operator's version"
    )]
    Format {
        /// Its place among the texts.
        index: usize,
        /// The format found.
        format: u64,
    },
    /// Shards of different inventories.
    #[error("shard {index} belongs to another state of the inventory, which is being written; try again")]
    Mixed {
        /// Its place among the texts.
        index: usize,
    },
}

/// Name of the ConfigMap that holds a shard of an installation's inventory.
#[must_use]
pub fn shard_name(installation: &str, index: usize) -> String {
    format!("{installation}-inventory-{index}")
}

/// Writes rows as few texts of [`SHARD_BYTES`] at most. Their number is a power of two, and a row's text is found by its key
/// alone, so that most changes change one text.
#[must_use]
pub fn pack(head: &Head, rows: &[&Row]) -> Packed {
    let mut kept: Vec<&Row> = rows.to_vec();
    kept.sort_by(|one, other| (one.kind, &one.id).cmp(&(other.kind, &other.id)));
    let mut of = 1;
    loop {
        let texts: Option<Vec<String>> = (0..of).map(|index| text(head, &kept, index, of)).collect();
        if let Some(texts) = texts {
            return Packed {
                texts,
                left_out: rows.len() - kept.len(),
            };
        }
        if of < SHARDS_MAX {
            of *= 2;
        } else {
            drop_some(&mut kept);
        }
    }
}

/// Takes a tenth of the rows out: those of the last kind first, the oldest of them first.
fn drop_some(rows: &mut Vec<&Row>) {
    let mut order: Vec<(Kind, i64, &str)> = rows
        .iter()
        .map(|row| (row.kind, -row.created, row.id.as_str()))
        .collect();
    order.sort_unstable();
    order.truncate(rows.len() - rows.len().div_ceil(10));
    let keep: std::collections::BTreeSet<(Kind, &str)> =
        order.into_iter().map(|(kind, _, id)| (kind, id)).collect();
    rows.retain(|row| keep.contains(&(row.kind, row.id.as_str())));
}

/// One shard; `None` when it is too long.
fn text(head: &Head, rows: &[&Row], index: usize, of: usize) -> Option<String> {
    let mut shard = Shard {
        format: FORMAT,
        index,
        of,
        judged_by: head.judged_by.clone(),
        releases: head.releases.clone(),
        scanned: head.scanned.filter(|_| index == 0),
        told: Vec::new(),
        rows: Vec::new(),
    };
    let mut numbers = BTreeMap::new();
    for row in rows.iter().filter(|row| bucket(&row.id, of) == index) {
        let record = shard.record(row, &mut numbers);
        shard.rows.push(record);
    }
    // Serializing plain data into a String cannot fail.
    let text = serde_json::to_string(&shard).unwrap_or_default();
    (text.len() <= SHARD_BYTES).then_some(text)
}

/// The shard of a key: FNV-1a with the last step of murmur3's hash, so that keys that differ in their ends alone spread too.
/// The same on every machine and in every version of this program.
fn bucket(id: &str, of: usize) -> usize {
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    usize::try_from((mixed ^ (mixed >> 33)) % of.max(1) as u64).unwrap_or(0)
}

impl Shard {
    fn record<'a>(&mut self, row: &'a Row, numbers: &mut BTreeMap<&'a Told, usize>) -> RowRecord {
        let mut number = |told: &'a Told| {
            *numbers.entry(told).or_insert_with(|| {
                self.told.push(told.clone());
                self.told.len() - 1
            })
        };
        let fares = row.fares.iter().map(|fare| FareRecord {
            release: fare.release,
            outcome: fare.outcome,
            why: fare
                .why
                .iter()
                .map(|why| WhyRecord {
                    told: number(&why.told),
                    path: why.path.clone(),
                })
                .collect(),
            more: fare.more,
        });
        RowRecord {
            fares: fares.collect(),
            kind: row.kind,
            id: row.id.clone(),
            name: row.name.clone(),
            pipeline: row.pipeline.clone(),
            pipeline_id: row.pipeline_id.clone(),
            version: row.version.clone(),
            namespace: row.namespace.clone(),
            experiment: row.experiment.clone(),
            service_account: row.service_account.clone(),
            created: row.created,
            newest: row.newest,
            disabled: !row.enabled,
            sdk: row.sdk.clone(),
            unread: row.unread.clone(),
        }
    }

    /// Reads one text.
    pub fn parse(index: usize, text: &str) -> Result<Self, ShardError> {
        let unreadable = |error: serde_json::Error| ShardError::Unreadable {
            index,
            why: error.to_string(),
        };
        let any: serde_json::Value = serde_json::from_str(text).map_err(unreadable)?;
        let format = any.get("format").and_then(serde_json::Value::as_u64).unwrap_or(0);
        if format != u64::from(FORMAT) {
            return Err(ShardError::Format { index, format });
        }
        serde_json::from_value(any).map_err(unreadable)
    }

    /// Its rows. A finding whose number stands for nothing is left out.
    #[must_use]
    pub fn rows(self) -> Vec<Row> {
        let told: Vec<Arc<Told>> = self.told.into_iter().map(Arc::new).collect();
        let why = |record: WhyRecord| {
            let told = told.get(record.told)?.clone();
            Some(Why {
                told,
                path: record.path,
            })
        };
        let fare = |record: FareRecord| Fare {
            release: record.release,
            outcome: record.outcome,
            why: record.why.into_iter().filter_map(why).collect(),
            more: record.more,
        };
        let row = |record: RowRecord| Row {
            fares: record.fares.into_iter().map(fare).collect(),
            kind: record.kind,
            id: record.id,
            name: record.name,
            pipeline: record.pipeline,
            pipeline_id: record.pipeline_id,
            version: record.version,
            namespace: record.namespace,
            experiment: record.experiment,
            service_account: record.service_account,
            created: record.created,
            newest: record.newest,
            enabled: !record.disabled,
            sdk: record.sdk,
            unread: record.unread,
        };
        self.rows.into_iter().map(row).collect()
    }
}

/// Reads all texts of one inventory, in order.
pub fn read<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<(Head, Vec<Row>), ShardError> {
    let mut first: Option<(Head, usize)> = None;
    let mut rows = Vec::new();
    let mut count = 0;
    for (index, text) in texts.into_iter().enumerate() {
        let shard = Shard::parse(index, text)?;
        let (head, of) = first.get_or_insert_with(|| {
            let head = Head {
                judged_by: shard.judged_by.clone(),
                releases: shard.releases.clone(),
                scanned: shard.scanned,
            };
            (head, shard.of)
        });
        let same = (&shard.judged_by, &shard.releases, shard.of) == (&head.judged_by, &head.releases, *of);
        if shard.index != index || !same {
            return Err(ShardError::Mixed { index });
        }
        rows.extend(shard.rows());
        count = index + 1;
    }
    let (head, of) = first.unwrap_or_default();
    if of != count {
        return Err(ShardError::Mixed { index: count });
    }
    Ok((head, rows))
}
